//! Problems, as people see them.

use super::{Glyph, Icon};
use crate::AppError;
use leptos::prelude::*;
use trainyard_types::{Code, Problem};

/// A heading for a kind of problem.
pub fn problem_title(code: Code) -> &'static str {
    match code {
        Code::Invalid => "This can't be accepted",
        Code::Unauthenticated => "You are not signed in",
        Code::Forbidden => "Your role does not allow this",
        Code::NotFound => "There is no such thing here",
        Code::Conflict => "This clashes with what is there",
        Code::TooLarge => "This is too large",
        Code::TooMany => "Too many tries",
        Code::Internal => "Something failed on the server",
        Code::Unavailable => "The server can't answer now",
    }
}

/// A problem that takes the place of content. On the server it also sets the page's status.
#[component]
pub fn ErrorPanel(problem: Problem) -> impl IntoView {
    #[cfg(feature = "ssr")]
    crate::api::set_status(problem.code);
    let next = match problem.code {
        Code::Unauthenticated => Some(("/sign-in", "Sign in")),
        Code::NotFound | Code::Forbidden => Some(("/", "Go home")),
        _ => None,
    };
    view! {
        <section class="error-panel" role="alert">
            <Icon glyph=Glyph::Warning/>
            <div>
                <h2>{problem_title(problem.code)}</h2>
                <p>{problem.message}</p>
                {(!problem.fields.is_empty()).then(|| view! {
                    <ul>
                        {problem.fields.into_iter().map(|f| view! { <li><code>{f.field}</code>" "{f.message}</li> }).collect_view()}
                    </ul>
                })}
                {next.map(|(href, label)| view! { <p><a class="button" href=href>{label}</a></p> })}
            </div>
        </section>
    }
}

/// What went wrong with the last action, above a form or in a page; nothing while there is no problem. What stands at a
/// field already is not said twice.
#[component]
pub fn FormProblem(#[prop(into)] problem: Signal<Option<Problem>>) -> impl IntoView {
    view! {
        <div role="alert" class="form-problem">
            {move || problem.get().map(|p| view! {
                <div class="note tone-critical">
                    <Icon glyph=Glyph::Warning/>
                    <div class="note-text"><p>{above_the_form(p)}</p></div>
                </div>
            })}
        </div>
    }
}

fn above_the_form(problem: Problem) -> String {
    match problem.fields.as_slice() {
        [only] if only.message == problem.message => {
            "Nothing was changed yet: correct the field that is marked below.".to_owned()
        }
        _ => problem.message,
    }
}

/// The problem of an action's last answer.
pub fn problem_of<T: Clone>(value: Option<Result<T, AppError>>) -> Option<Problem> {
    match value {
        Some(Err(error)) => Some(error.0),
        _ => None,
    }
}
