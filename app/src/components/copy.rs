//! Text to be taken along: ids, hashes, snippets.

use super::{Glyph, Icon, Toasts};
use leptos::prelude::*;

/// Copies `text`; the label says what (for the screen reader too). Needs WebAssembly: hidden until it has arrived.
#[component]
pub fn CopyButton(
    #[prop(into)] text: Signal<String>,
    #[prop(into, default = "Copy".to_owned())] label: String,
) -> impl IntoView {
    let toasts = use_context::<Toasts>();
    let copied = RwSignal::new(false);
    let press = move |_| {
        copy_text(&text.get_untracked());
        copied.set(true);
        if let Some(toasts) = toasts {
            toasts.say("Copied.");
        }
        set_timeout(
            move || {
                copied.try_set(false);
            },
            std::time::Duration::from_secs(2),
        );
    };
    view! {
        <button type="button" class="button quiet small needs-script" title=label.clone() aria-label=label on:click=press>
            {move || if copied.get() { view! { <Icon glyph=Glyph::Check/> } } else { view! { <Icon glyph=Glyph::Copy/> } }}
        </button>
    }
}

/// A snippet with its copy button.
#[component]
pub fn CodeBlock(#[prop(into)] code: Signal<String>, #[prop(into)] label: String) -> impl IntoView {
    let copy = format!("Copy {label}");
    view! {
        <div class="code-block">
            <pre tabindex="0" role="region" aria-label=label><code>{move || code.get()}</code></pre>
            <CopyButton text=code label=copy/>
        </div>
    }
}

/// An id or hash in monospace, shortened to `shown`, with the whole to copy.
#[component]
pub fn Hash(#[prop(into)] whole: String, #[prop(into, optional)] shown: Option<String>) -> impl IntoView {
    let shown = shown.unwrap_or_else(|| crate::format::short_hash(&whole));
    view! {
        <span class="hash">
            <code title=whole.clone()>{shown}</code>
            <CopyButton text=whole label="Copy the whole id"/>
        </span>
    }
}

/// Puts a text on the clipboard; nothing happens where the browser forbids it.
pub fn copy_text(text: &str) {
    #[cfg(feature = "hydrate")]
    {
        let promise = window().navigator().clipboard().write_text(text);
        leptos::task::spawn_local(async move {
            // A refusal (no permission, no secure context) leaves the text selectable on the page.
            let _ = wasm_bindgen_futures::JsFuture::from(promise).await;
        });
    }
    #[cfg(not(feature = "hydrate"))]
    let _ = text;
}
