//! Buttons, and links that look like them.

use super::{Glyph, Icon};
use leptos::prelude::*;
use leptos_router::components::A;

/// How much a button asks to be pressed. One primary action a page.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ButtonKind {
    Primary,
    #[default]
    Plain,
    /// Without a frame, for tool rows.
    Quiet,
    /// Destroys or takes away.
    Danger,
}

impl ButtonKind {
    fn class(self) -> &'static str {
        match self {
            ButtonKind::Primary => "button primary",
            ButtonKind::Plain => "button",
            ButtonKind::Quiet => "button quiet",
            ButtonKind::Danger => "button danger",
        }
    }
}

/// A button with a callback. `label` is its verb.
#[component]
pub fn Button(
    #[prop(into)] label: Signal<String>,
    #[prop(optional)] kind: ButtonKind,
    #[prop(optional)] glyph: Option<Glyph>,
    #[prop(optional, into)] disabled: Signal<bool>,
    #[prop(into)] on_press: Callback<()>,
) -> impl IntoView {
    view! {
        <button type="button" class=kind.class() disabled=move || disabled.get() on:click=move |_| on_press.run(())>
            {glyph.map(|glyph| view! { <Icon glyph/> })}
            <span>{move || label.get()}</span>
        </button>
    }
}

/// A form's submit button; while `pending` it says so and can't be pressed again.
#[component]
pub fn Submit(
    #[prop(into)] label: String,
    #[prop(into, optional)] pending: Signal<bool>,
    /// What the button says while pending. Left out: the label with `…`.
    #[prop(into, optional)]
    busy: Option<String>,
    #[prop(default = ButtonKind::Primary)] kind: ButtonKind,
    #[prop(optional)] glyph: Option<Glyph>,
    #[prop(optional, into)] disabled: Signal<bool>,
) -> impl IntoView {
    let busy = busy.unwrap_or_else(|| format!("{label} …"));
    view! {
        <button type="submit" class=kind.class() disabled=move || pending.get() || disabled.get() aria-busy=move || pending.get().then_some("true")>
            {glyph.map(|glyph| view! { <Icon glyph/> })}
            <span>{move || if pending.get() { busy.clone() } else { label.clone() }}</span>
        </button>
    }
}

/// A link in a button's looks. `external` loads the address afresh (downloads, other documents).
#[component]
pub fn LinkButton(
    #[prop(into)] href: Signal<String>,
    #[prop(into)] label: String,
    #[prop(optional)] kind: ButtonKind,
    #[prop(optional)] glyph: Option<Glyph>,
    #[prop(optional)] external: bool,
) -> impl IntoView {
    let inner = view! {
        {glyph.map(|glyph| view! { <Icon glyph/> })}
        <span>{label}</span>
    };
    if external {
        view! { <a class=kind.class() href=move || href.get() rel="external">{inner}</a> }.into_any()
    } else {
        view! { <A href=move || href.get() attr:class=kind.class()>{inner}</A> }.into_any()
    }
}
