//! Short messages in the corner. They never carry what a person must not miss.

use super::{Glyph, Icon, Tone};
use leptos::prelude::*;

#[derive(Clone, Debug)]
struct Toast {
    id: u64,
    tone: Tone,
    text: String,
    undo: Option<Callback<()>>,
}

/// Where toasts are said; from `use_context`.
#[derive(Clone, Copy)]
pub struct Toasts {
    list: RwSignal<Vec<Toast>>,
    next: RwSignal<u64>,
}

/// Provides [`Toasts`] to the whole application.
pub fn provide_toasts() {
    provide_context(Toasts { list: RwSignal::new(Vec::new()), next: RwSignal::new(1) });
}

/// The application's toasts; one without a region where none are provided.
pub fn use_toasts() -> Toasts {
    use_context::<Toasts>().unwrap_or_else(|| Toasts { list: RwSignal::new(Vec::new()), next: RwSignal::new(1) })
}

impl Toasts {
    /// Says that something was done.
    pub fn say(&self, text: impl Into<String>) {
        self.push(Tone::Ok, text.into(), None);
    }
    /// Says that something failed.
    pub fn fail(&self, text: impl Into<String>) {
        self.push(Tone::Critical, text.into(), None);
    }
    /// Says that something was done, with the way back.
    pub fn say_with_undo(&self, text: impl Into<String>, undo: Callback<()>) {
        self.push(Tone::Ok, text.into(), Some(undo));
    }

    fn push(&self, tone: Tone, text: String, undo: Option<Callback<()>>) {
        let id = self.next.get_untracked();
        self.next.set(id + 1);
        self.list.update(|list| {
            list.push(Toast { id, tone, text, undo });
            if list.len() > 4 {
                list.remove(0);
            }
        });
        let this = *self;
        let seconds = if tone == Tone::Critical || undo.is_some() { 12 } else { 5 };
        set_timeout(move || this.remove(id), std::time::Duration::from_secs(seconds));
    }

    fn remove(&self, id: u64) {
        self.list.try_update(|list| list.retain(|t| t.id != id));
    }
}

/// The corner where toasts appear, once a page. Screen readers are told of each.
#[component]
pub fn ToastRegion() -> impl IntoView {
    let toasts = use_toasts();
    view! {
        <div class="toasts" role="status" aria-live="polite">
            <For each=move || toasts.list.get() key=|t| t.id let:toast>
                <div class=format!("toast {}", toast.tone.class())>
                    <Icon glyph=if toast.tone == Tone::Critical { Glyph::Warning } else { Glyph::Check }/>
                    <span>{toast.text.clone()}</span>
                    {toast.undo.map(|undo| view! {
                        <button type="button" class="button quiet small" on:click=move |_| { undo.run(()); toasts.remove(toast.id); }>"Undo"</button>
                    })}
                    <button type="button" class="button quiet small" aria-label="Dismiss" on:click=move |_| toasts.remove(toast.id)>
                        <Icon glyph=Glyph::Close/>
                    </button>
                </div>
            </For>
        </div>
    }
}
