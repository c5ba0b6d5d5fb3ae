//! What stands around every page: navigation, project switcher, what runs, and the person's menu.

use super::sign_in::Brand;
use crate::{
    api::{account, project},
    components::*,
    format,
    hooks::{SignedIn, current_project, project_of_path},
};
use leptos::{html, prelude::*};
use leptos_router::{
    components::{Outlet, Redirect},
    hooks::use_location,
};
use server_fn::ServerFn;
use trainyard_types::{Action, Code, account::Me, home::ActivityView};

/// The address's project with what runs in it; `None` outside of projects. Pages find it in the context.
pub type Activity = RwSignal<Option<(String, ActivityView)>>;

/// How many messages the person has not read; `None` until the first answer. Pages find it in the context.
#[derive(Clone, Copy)]
pub struct Unread {
    count: RwSignal<Option<u64>>,
    asked: RwSignal<u32>,
}

impl Unread {
    /// Asks now, not with the next turn: messages were read.
    pub fn refresh(&self) {
        self.asked.update(|asked| *asked += 1);
    }
}

/// Lets in who is signed in and has a password of their own; sends everyone else to the page for that.
#[component]
pub fn Frame() -> impl IntoView {
    let signed_in = expect_context::<SignedIn>();
    let location = use_location();
    let unread = Unread { count: RwSignal::new(None), asked: RwSignal::new(0) };
    let activity = use_activity(unread);
    provide_context(activity);
    provide_context(unread);
    let asked = StoredValue::new(String::new());
    Effect::new(move |_| {
        let path = location.pathname.get();
        close_popovers();
        mark_ready();
        // A project made a moment ago is not among the loaded ones yet: they are loaded again, once for each address.
        if let (Some(slug), Some(Ok(me))) = (project_of_path(&path), signed_in.me.get_untracked())
            && me.projects.iter().all(|p| p.slug != slug)
            && asked.get_value() != slug
        {
            asked.set_value(slug);
            signed_in.refresh();
        }
    });
    view! {
        <a class="skip-link" href="#main" rel="external">"Skip to the page"</a>
        <div class="frame">
            <Transition fallback=|| view! { <header class="top-bar"></header> }>
                {move || Suspend::new(async move {
                    match signed_in.me.await {
                        Ok(me) if me.must_change_password => view! { <Redirect path="/change-password"/> }.into_any(),
                        Ok(me) => view! { <TopBar me=me.clone() activity unread/><SideNav me/> }.into_any(),
                        Err(error) if error.0.code == Code::Unauthenticated => {
                            view! { <Redirect path=sign_in_address(&location.pathname.get_untracked(), &location.search.get_untracked())/> }.into_any()
                        }
                        Err(error) => view! { <ErrorPanel problem=error.0/> }.into_any(),
                    }
                })}
            </Transition>
            <main id="main" tabindex="-1"><div class="page"><Outlet/></div></main>
        </div>
    }
}

fn sign_in_address(path: &str, search: &str) -> String {
    let here = if search.is_empty() { path.to_owned() } else { format!("{path}?{}", search.trim_start_matches('?')) };
    format!("/sign-in?next={}", format::encode(&here))
}

/// A role that allows this in any of the person's projects: for what is not of one project.
fn anywhere(me: &Me, action: Action) -> bool {
    me.instance_admin || me.projects.iter().any(|p| p.role.allows(action))
}

#[component]
fn TopBar(me: Me, activity: Activity, unread: Unread) -> impl IntoView {
    view! {
        <header class="top-bar">
            <button type="button" class="button quiet nav-toggle" popovertarget="nav" aria-label="Navigation"><Icon glyph=Glyph::Menu/></button>
            <a class="brand-link" href="/"><Brand/></a>
            <ProjectSwitcher me=me.clone()/>
            <span class="top-gap"></span>
            <ActivityIndicator activity/>
            <Bell unread/>
            <PersonMenu me/>
        </header>
    }
    .into_any()
}

#[component]
fn ProjectSwitcher(me: Me) -> impl IntoView {
    let path = use_location().pathname;
    let projects = me.projects.clone();
    let title = {
        let me = me.clone();
        move || path.with(|p| current_project(&me, p)).map_or_else(|| "No project yet".to_owned(), |p| p.name)
    };
    let here = move || path.with(|p| project_of_path(p));
    let may_make = anywhere(&me, Action::Administer);
    view! {
        <div class="switcher">
            <button type="button" class="button quiet" popovertarget="projects" aria-haspopup="true">
                <span class="visually-hidden">"Project: "</span>
                <span class="switcher-name">{title}</span>
                <Icon glyph=Glyph::ChevronDown/>
            </button>
            <div id="projects" class="menu menu-left" popover="auto">
                <p class="menu-title">"Projects"</p>
                <ul>
                    {projects.into_iter().map(|p| {
                        let slug = p.slug.clone();
                        let current = move || (here().as_deref() == Some(slug.as_str())).then_some("true");
                        view! {
                            <li><a href=format!("/p/{}", p.slug) aria-current=current>
                                <span>{p.name}</span><span class="muted">{p.workspace.name}", "{p.role.to_string()}</span>
                            </a></li>
                        }
                    }).collect_view()}
                    {may_make.then(|| view! { <li class="menu-end"><a href="/admin/projects"><Icon glyph=Glyph::Plus/>"New project"</a></li> })}
                </ul>
            </div>
        </div>
    }
    .into_any()
}

/// What runs in the address's project, and unread messages, asked for again every four seconds while the page is looked at.
/// The browser asks, never the server: the page's HTML must not depend on which of two answers came first.
fn use_activity(unread: Unread) -> Activity {
    let path = use_location().pathname;
    let slug = Memo::new(move |_| path.with(|p| project_of_path(p)));
    let tick = RwSignal::new(0u32);
    Effect::new(move |_| {
        let again = move || {
            if !document().hidden() {
                tick.update(|t| *t += 1);
            }
        };
        let handle = set_interval_with_handle(again, std::time::Duration::from_secs(4));
        on_cleanup(move || {
            if let Ok(handle) = handle {
                handle.clear();
            }
        });
    });
    let activity = RwSignal::new(None);
    Effect::new(move |_| {
        tick.track();
        unread.asked.track();
        let slug = slug.get();
        if slug.is_none() {
            activity.set(None);
        }
        leptos::task::spawn_local(async move {
            // A failed look keeps what was shown: the next one is seconds away.
            if let Ok(found) = project::top_bar(slug.clone()).await {
                unread.count.try_set(Some(found.unread));
                if let (Some(slug), Some(found)) = (slug, found.activity) {
                    activity.try_set(Some((slug, found)));
                }
            }
        });
    });
    activity
}

/// How many jobs run and wait, with the progress of the first; leads to it.
#[component]
fn ActivityIndicator(activity: Activity) -> impl IntoView {
    let shown = move || {
        let (slug, activity) = activity.get()?;
        let first = activity.jobs.first()?.clone();
        let words = match (activity.running, activity.queued) {
            (0, queued) => format!("{queued} queued"),
            (running, 0) => format!("{running} running"),
            (running, queued) => format!("{running} running, {queued} queued"),
        };
        let label = words.clone();
        let only = activity.running + activity.queued == 1;
        let href = if only { format!("/p/{slug}/runs/{}", first.run) } else { format!("/p/{slug}/runs") };
        let percent = first.progress.map(|p| (p.fraction * 100.0).round());
        Some(view! {
            <a class="activity" href=href aria-label=label>
                <Icon glyph=Glyph::Running/>
                <span class="activity-words">{words}</span>
                {percent.map(|value| view! {
                    <progress max="100" value=value aria-label=first.name></progress>
                    <span class="num">{format!("{value}\u{a0}%")}</span>
                })}
            </a>
        })
    };
    view! { <>{shown}</> }.into_any()
}

/// Leads to the inbox, with how many messages are unread.
#[component]
fn Bell(unread: Unread) -> impl IntoView {
    let count = move || unread.count.get().unwrap_or(0);
    let label = move || match count() {
        0 => "Inbox".to_owned(),
        unread => format!("Inbox, {} unread", format::count(unread)),
    };
    let shown = move || match count() {
        0 => None,
        unread => {
            let text = if unread > 99 { "99+".to_owned() } else { unread.to_string() };
            Some(view! { <span class="bell-count num" aria-hidden="true">{text}</span> })
        }
    };
    view! { <a class="button quiet bell" href="/inbox" aria-label=label><Icon glyph=Glyph::Bell/>{shown}</a> }
        .into_any()
}

#[component]
fn PersonMenu(me: Me) -> impl IntoView {
    let set_look = ServerAction::<account::SetLook>::new();
    let theme = move |value: &'static str, label: &'static str, glyph: Glyph| {
        view! {
            <button type="submit" name="value" value=value on:click=move |_| set_document_look("theme", value)>
                <Icon glyph/><span>{label}</span>
            </button>
        }
    };
    view! {
        <div class="person">
            <button type="button" class="button quiet" popovertarget="person" aria-haspopup="true" aria-label=format!("{}: menu", me.display_name)>
                <Icon glyph=Glyph::Person/><span class="person-name">{me.display_name.clone()}</span>
            </button>
            <div id="person" class="menu menu-right" popover="auto">
                <p class="menu-title">{me.display_name}<span class="muted">{me.name}</span></p>
                <ul>
                    <li><a href="/settings"><Icon glyph=Glyph::Settings/>"Settings and API tokens"</a></li>
                    <li><a href="/glossary"><Icon glyph=Glyph::Book/>"Glossary"</a></li>
                    <li><a href="/docs/api"><Icon glyph=Glyph::Code/>"API"</a></li>
                </ul>
                <ActionForm action=set_look attr:class="menu-theme">
                    <fieldset>
                        <legend>"Theme"</legend>
                        <input type="hidden" name="name" value="theme"/>
                        {theme("light", "Light", Glyph::Sun)}
                        {theme("dark", "Dark", Glyph::Moon)}
                        {theme("system", "System", Glyph::Screen)}
                    </fieldset>
                </ActionForm>
                <form method="post" action=account::SignOut::url() class="menu-end">
                    <button type="submit"><Icon glyph=Glyph::SignOut/>"Sign out"</button>
                </form>
            </div>
        </div>
    }
    .into_any()
}

#[component]
fn SideNav(me: Me) -> impl IntoView {
    let path = use_location().pathname;
    let set_look = ServerAction::<account::SetLook>::new();
    let slug = Memo::new({
        let me = me.clone();
        move |_| path.with(|p| current_project(&me, p)).map(|p| p.slug)
    });
    let node = NodeRef::<html::Nav>::new();
    let item = move |href: String, title: &'static str, glyph: Glyph, exact: bool| {
        let mine = href.clone();
        let current = move || {
            path.with(|p| if exact { *p == mine } else { *p == mine || p.starts_with(&format!("{mine}/")) })
                .then_some("page")
        };
        view! { <li><a href=href aria-current=current title=title><Icon glyph/><span>{title}</span></a></li> }
    };
    let fold = move |_| {
        let value = if fold_nav() { "folded" } else { "open" };
        set_look.dispatch(account::SetLook { name: "nav".to_owned(), value: value.to_owned() });
    };
    let audit = anywhere(&me, Action::ReadAudit);
    let admin = anywhere(&me, Action::Administer);
    view! {
        <nav id="nav" class="side-nav" aria-label="Main" popover="auto" node_ref=node>
            {move || slug.get().map(|slug| {
                let base = format!("/p/{slug}");
                view! {
                    <ul>
                        {item(base.clone(), "Home", Glyph::Home, true)}
                        {item(format!("{base}/data"), "Data", Glyph::Data, false)}
                        {item(format!("{base}/pipelines"), "Pipelines", Glyph::Link, false)}
                        {item(format!("{base}/runs"), "Experiments", Glyph::Experiment, false)}
                        {item(format!("{base}/models"), "Models", Glyph::Model, false)}
                    </ul>
                }
            })}
            {audit.then(|| view! {
                <p class="nav-title">"Governance"</p>
                <ul>{item("/governance/audit".to_owned(), "Audit trail", Glyph::Shield, false)}</ul>
            })}
            <p class="nav-title">"Admin"</p>
            <ul>
                {admin.then(|| item("/admin/people".to_owned(), "People", Glyph::Person, false))}
                {item("/admin/projects".to_owned(), "Projects", Glyph::Admin, false)}
                {admin.then(|| item("/admin/workers".to_owned(), "Workers", Glyph::Chip, false))}
            </ul>
            <button type="button" class="nav-fold needs-script" on:click=fold title="Fold or unfold the navigation">
                <Icon glyph=Glyph::Collapse/><span>"Fold"</span>
            </button>
        </nav>
    }
    .into_any()
}

/// Takes a look on at once; the cookie follows by a server function.
pub fn set_document_look(name: &str, value: &str) {
    if let Some(root) = document().document_element() {
        // Refused only for names that are none.
        let _ = root.set_attribute(&format!("data-{name}"), value);
    }
}

/// Folds or unfolds the navigation; whether it is folded now.
fn fold_nav() -> bool {
    let folded =
        document().document_element().and_then(|root| root.get_attribute("data-nav")).as_deref() != Some("folded");
    set_document_look("nav", if folded { "folded" } else { "open" });
    folded
}

/// Tells the style sheet that scripts run: parts that need them appear.
fn mark_ready() {
    set_document_look("ready", "true");
}

/// A menu or drawer that stays open over a new page is in the way.
fn close_popovers() {
    use wasm_bindgen::{JsCast, JsValue};
    for id in ["nav", "projects", "person"] {
        let Some(element) = document().get_element_by_id(id) else { continue };
        if let Ok(hide) = js_sys::Reflect::get(&element, &JsValue::from_str("hidePopover"))
            && let Some(hide) = hide.dyn_ref::<js_sys::Function>()
        {
            // Throws where it is hidden already: nothing is lost by that.
            let _ = hide.call0(&element);
        }
    }
}
