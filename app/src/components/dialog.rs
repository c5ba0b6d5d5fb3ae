//! Native dialogs: the browser keeps the focus inside, Escape closes.

use super::{ButtonKind, Glyph, Icon};
use leptos::{html, prelude::*};

/// A modal dialog that is open while `open` is true. Its content is rendered while it is open.
#[component]
pub fn Dialog(open: RwSignal<bool>, #[prop(into)] title: String, children: ChildrenFn) -> impl IntoView {
    let node = NodeRef::<html::Dialog>::new();
    Effect::new(move |_| {
        let Some(dialog) = node.get() else { return };
        if open.get() && !dialog.open() {
            // Fails only where the element has left the page meanwhile.
            let _ = dialog.show_modal();
        } else if !open.get() && dialog.open() {
            dialog.close();
        }
    });
    let label = title.clone();
    view! {
        <dialog node_ref=node class="dialog" aria-label=label on:close=move |_| open.set(false)>
            <header class="dialog-head">
                <h2>{title}</h2>
                <button type="button" class="button quiet small" aria-label="Close" on:click=move |_| open.set(false)>
                    <Icon glyph=Glyph::Close/>
                </button>
            </header>
            <Show when=move || open.get()>
                <div class="dialog-body">{children()}</div>
            </Show>
        </dialog>
    }
}

/// Asks before something is destroyed. With `typed` the person has to type that name first.
#[component]
pub fn ConfirmDialog(
    open: RwSignal<bool>,
    #[prop(into)] title: String,
    /// What will happen, and whether it can be undone.
    #[prop(into)]
    text: Signal<String>,
    /// The verb on the button.
    #[prop(into)]
    action: String,
    #[prop(optional, into)] typed: Option<Signal<String>>,
    #[prop(default = true)] danger: bool,
    #[prop(into)] on_confirm: Callback<()>,
) -> impl IntoView {
    let entered = RwSignal::new(String::new());
    Effect::new(move |_| {
        if !open.get() {
            entered.set(String::new());
        }
    });
    let matches = move || typed.is_none_or(|name| entered.get().trim() == name.get());
    let kind = if danger { "button danger" } else { "button primary" };
    let action = StoredValue::new(action);
    let confirm = move |ev: leptos::ev::SubmitEvent| {
        ev.prevent_default();
        if matches() {
            open.set(false);
            on_confirm.run(());
        }
    };
    view! {
        <Dialog open title>
            <form class="stack" on:submit=confirm>
                <p>{move || text.get()}</p>
                {typed.map(|name| view! {
                    <label class="field">
                        <span class="field-label">"Type " <code>{move || name.get()}</code> " to confirm"</span>
                        <input type="text" autocomplete="off" autofocus prop:value=move || entered.get()
                            on:input=move |ev| entered.set(event_target_value(&ev))/>
                    </label>
                })}
                <div class="button-row end">
                    <button type="button" class="button" on:click=move |_| open.set(false)>"Keep it as it is"</button>
                    <button type="submit" class=kind disabled=move || !matches()>{action.get_value()}</button>
                </div>
            </form>
        </Dialog>
    }
}

/// A button that opens a [`ConfirmDialog`].
#[component]
pub fn ConfirmButton(
    #[prop(into)] label: String,
    #[prop(into)] title: String,
    #[prop(into)] text: Signal<String>,
    #[prop(default = ButtonKind::Plain)] kind: ButtonKind,
    #[prop(optional)] glyph: Option<Glyph>,
    #[prop(optional, into)] typed: Option<Signal<String>>,
    #[prop(default = true)] danger: bool,
    #[prop(optional, into)] disabled: Signal<bool>,
    #[prop(into)] on_confirm: Callback<()>,
) -> impl IntoView {
    let open = RwSignal::new(false);
    let action = label.clone();
    let label = Signal::stored(label);
    let press = move |()| open.set(true);
    view! {
        {match glyph {
            Some(glyph) => view! { <super::Button label kind glyph=glyph disabled on_press=press/> }.into_any(),
            None => view! { <super::Button label kind disabled on_press=press/> }.into_any(),
        }}
        {match typed {
            Some(typed) => view! { <ConfirmDialog open title text action typed=typed danger on_confirm/> }.into_any(),
            None => view! { <ConfirmDialog open title text action danger on_confirm/> }.into_any(),
        }}
    }
}
