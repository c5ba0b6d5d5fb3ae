//! Content that comes from the server: a skeleton first, then the view, or the problem in its place.

use super::ErrorPanel;
use crate::wire::Resource;
use crate::{AppError, hooks::SignedIn};
use leptos::prelude::*;

/// Waits for `resource` and shows `view` of it. While it loads again, the old content stays. Inside `view`,
/// [`use_me`](crate::hooks::use_me) and [`may`](crate::hooks::may) know the signed-in person.
#[component]
pub fn Load<T, V>(
    resource: Resource<Result<T, AppError>>,
    view: V,
    /// Lines of the skeleton: about the height of the content, so that nothing jumps.
    #[prop(default = 6)]
    lines: u8,
) -> impl IntoView
where
    T: Clone + Send + Sync + 'static,
    V: Fn(T) -> AnyView + Clone + Send + Sync + 'static,
{
    let signed_in = use_context::<SignedIn>();
    view! {
        <Transition fallback=move || view! { <Skeleton lines/> }>
            {move || {
                let view = view.clone();
                Suspend::new(async move {
                    let answer = resource.await;
                    if let Some(signed_in) = signed_in && let Ok(me) = signed_in.me.await {
                        provide_context(me);
                    }
                    match answer {
                        Ok(value) => view(value),
                        Err(error) => view! { <ErrorPanel problem=error.0/> }.into_any(),
                    }
                })
            }}
        </Transition>
    }
}

/// Grey lines in the size of what comes. They appear after 200 ms only (by CSS).
#[component]
pub fn Skeleton(#[prop(default = 6)] lines: u8) -> impl IntoView {
    view! {
        <div class="skeleton" role="status" aria-label="Loading">
            {(0..lines).map(|_| view! { <span></span> }).collect_view()}
        </div>
    }
}
