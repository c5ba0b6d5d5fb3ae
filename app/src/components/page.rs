//! A page's head: where it is, what it is, how it stands, and what to do.

use leptos::prelude::*;
use leptos_meta::Title;

/// One step of the way to a page: a word and the address that it leads to.
pub type Crumb = (String, String);

/// Title, one line of state in words, the way here, and the page's actions (as children) at the right. Sets the
/// tab's title too; `tab` replaces the title there, for pages whose tab shows a state.
#[component]
pub fn PageHead(
    #[prop(into)] title: Signal<String>,
    /// One line in words: how it stands.
    #[prop(optional, into)]
    state: Signal<String>,
    #[prop(optional)] crumbs: Vec<Crumb>,
    #[prop(optional, into)] tab: Option<Signal<String>>,
    #[prop(optional)] children: Option<Children>,
) -> impl IntoView {
    let tab = tab.unwrap_or(title);
    // The server writes the head last, when what the title was made of may be gone already: then its first text stands.
    let first = tab.get_untracked();
    view! {
        <Title text=move || tab.try_get().unwrap_or_else(|| first.clone())/>
        <header class="page-head">
            {(!crumbs.is_empty()).then(|| view! { <Breadcrumbs crumbs/> })}
            <div class="page-head-row">
                <div class="page-head-text">
                    <h1>{move || title.get()}</h1>
                    <p class="page-state">{move || state.get()}</p>
                </div>
                {children.map(|children| view! { <div class="page-actions">{children()}</div> })}
            </div>
        </header>
    }
}

/// The way from the project to this page.
#[component]
pub fn Breadcrumbs(crumbs: Vec<Crumb>) -> impl IntoView {
    view! {
        <nav class="crumbs" aria-label="Breadcrumb">
            <ol>
                {crumbs.into_iter().map(|(text, href)| view! { <li><a href=href>{text}</a></li> }).collect_view()}
            </ol>
        </nav>
    }
}

/// A part of a page with a heading of the second level and, at the right, its own small actions.
#[component]
pub fn Section(
    #[prop(into)] title: String,
    /// One sentence that explains the part.
    #[prop(optional, into)]
    lead: Option<String>,
    #[prop(optional, into)] actions: Option<ViewFn>,
    #[prop(optional, into)] id: Option<String>,
    children: Children,
) -> impl IntoView {
    view! {
        <section class="section" id=id>
            <div class="section-head">
                <div>
                    <h2>{title}</h2>
                    {lead.map(|lead| view! { <p class="muted">{lead}</p> })}
                </div>
                {actions.map(|actions| view! { <div class="button-row">{actions.run()}</div> })}
            </div>
            {children()}
        </section>
    }
}

/// Names and values, two columns: parameters, provenance.
#[component]
pub fn Facts(items: Vec<(String, AnyView)>) -> impl IntoView {
    view! {
        <dl class="facts">
            {items.into_iter().map(|(name, value)| view! { <div><dt>{name}</dt><dd>{value}</dd></div> }).collect_view()}
        </dl>
    }
}
