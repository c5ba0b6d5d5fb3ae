//! Words with a definition: pointing at one or tabbing to it shows plain words; the link leads to the glossary.

use leptos::{html, prelude::*};
use trainyard_types::glossary;

/// What the one tooltip of the page shows.
#[derive(Clone, Copy)]
struct TipState {
    shown: RwSignal<Option<&'static glossary::Entry>>,
    node: NodeRef<html::Div>,
}

/// Provides the tooltip's state to the whole application.
pub fn provide_tip() {
    provide_context(TipState { shown: RwSignal::new(None), node: NodeRef::new() });
}

/// The tooltip itself, once a page.
#[component]
pub fn Tip() -> impl IntoView {
    let Some(tip) = use_context::<TipState>() else { return ().into_any() };
    view! {
        <div id="term-tip" class="tip" role="tooltip" popover="manual" node_ref=tip.node>
            {move || tip.shown.get().map(|entry| view! { <strong>{entry.term}</strong>" "{entry.definition} })}
        </div>
    }
    .into_any()
}

/// A glossary term. `name` is its key (`roc_auc`), `text` what stands on the page (the term's own words if left out).
/// A name that the glossary does not have is shown as plain words.
#[component]
pub fn Term(#[prop(into)] name: String, #[prop(optional, into)] text: Option<String>) -> impl IntoView {
    let Some(entry) = glossary::find(&name) else {
        return text.unwrap_or_else(|| crate::format::words(&name)).into_any();
    };
    let tip = use_context::<TipState>();
    let text = text.unwrap_or_else(|| entry.term.to_owned());
    let node = NodeRef::<html::A>::new();
    let show = move || {
        if let (Some(tip), Some(link)) = (tip, node.get_untracked()) {
            tip.shown.set(Some(entry));
            toggle_tip(tip, Some(&link));
        }
    };
    let hide = move || {
        if let Some(tip) = tip {
            toggle_tip(tip, None);
        }
    };
    on_cleanup(hide);
    view! {
        <a class="term" href=format!("/glossary#{}", entry.key) node_ref=node aria-describedby="term-tip"
            on:mouseenter=move |_| show() on:focus=move |_| show()
            on:mouseleave=move |_| hide() on:blur=move |_| hide()
            on:keydown=move |ev| if ev.key() == "Escape" { hide() }>
            {text}
        </a>
    }
    .into_any()
}

/// Shows the tooltip beside `link`, or hides it. The popover interface is newer than the typed bindings, so that it
/// is called by name; a browser without it shows no tooltip, and the link still leads to the glossary.
fn toggle_tip(tip: TipState, link: Option<&web_sys::HtmlAnchorElement>) {
    use wasm_bindgen::{JsCast, JsValue};
    let Some(element) = tip.node.get_untracked() else { return };
    let call = |name: &str, argument: &JsValue| {
        if let Ok(function) = js_sys::Reflect::get(&element, &JsValue::from_str(name))
            && let Some(function) = function.dyn_ref::<js_sys::Function>()
        {
            // Showing what is shown, or hiding what is hidden, throws: nothing is lost by that.
            let _ = function.call1(&element, argument);
        }
    };
    call("hidePopover", &JsValue::UNDEFINED);
    if let Some(link) = link {
        let options = js_sys::Object::new();
        let _ = js_sys::Reflect::set(&options, &"source".into(), link);
        call("showPopover", &options);
    }
}
