//! What stands where there is no page.

use crate::components::*;
use leptos::prelude::*;
use leptos_router::hooks::use_location;
use trainyard_types::Code;

/// 404 outside of the frame.
#[component]
pub fn NotFoundPage() -> impl IntoView {
    view! { <main id="main" class="lone"><NotFoundInFrame/></main> }
}

/// 404 within the frame: what was asked for, why it may be missing, and where to go.
#[component]
pub fn NotFoundInFrame() -> impl IntoView {
    #[cfg(feature = "ssr")]
    crate::api::set_status(Code::NotFound);
    let path = use_location().pathname;
    view! {
        <PageHead title=problem_title(Code::NotFound)/>
        <section class="empty">
            <Icon glyph=Glyph::Search/>
            <h2>"No page at this address"</h2>
            <p><code>{move || path.get()}</code></p>
            <p>"The link may be old, or what it led to may belong to a project that you are no member of. An admin of that project can add you."</p>
            <div class="button-row">
                <LinkButton href="/" label="Go home" kind=ButtonKind::Primary/>
                <LinkButton href="/glossary" label="Look up a word"/>
            </div>
        </section>
    }
}
