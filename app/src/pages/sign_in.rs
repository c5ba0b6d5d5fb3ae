//! Signing in, and changing a generated password. Plain forms: they work before WebAssembly has arrived, and the
//! whole page is loaded anew afterwards, so that nothing of the former person stays in memory.

use crate::{
    api::account::{ChangePassword, SignIn},
    components::*,
    hooks::{SignedIn, problem_in_query, safe_next, use_query_param},
};
use leptos::prelude::*;
use leptos_meta::Title;
use leptos_router::{components::Redirect, hooks::use_query_map};
use server_fn::ServerFn;

/// The name's mark and word.
#[component]
pub fn Brand() -> impl IntoView {
    view! {
        <span class="brand">
            <svg class="brand-mark" viewBox="0 0 16 16" width="20" height="20" aria-hidden="true" focusable="false">
                <rect width="16" height="16" rx="3"></rect>
                <path d="M5 3v10M11 3v10M3 6h10M3 10h10"></path>
            </svg>
            "Trainyard"
        </span>
    }
}

/// Two fields. A refusal does not tell which one was wrong.
#[component]
pub fn SignInPage() -> impl IntoView {
    let query = use_query_map();
    let next = use_query_param("next");
    let problem = Signal::derive(move || query.with(|q| problem_in_query(q, SignIn::PATH)));
    let signed_in = expect_context::<SignedIn>();
    view! {
        <Title text="Sign in"/>
        <main id="main" class="lone">
            <Transition fallback=|| ()>
                {move || Suspend::new(async move {
                    signed_in.me.await.is_ok().then(|| view! { <Redirect path=safe_next(&next.get_untracked())/> })
                })}
            </Transition>
            <div class="lone-card">
                <Brand/>
                <h1>"Sign in"</h1>
                <FormProblem problem/>
                <form method="post" action=SignIn::url() class="stack">
                    <TextField name="name" label="Name" required=true autocomplete="username"/>
                    <TextField name="password" label="Password" kind="password" required=true autocomplete="current-password"/>
                    <input type="hidden" name="next" value=move || safe_next(&next.get())/>
                    <button type="submit" class="button primary wide">"Sign in"</button>
                </form>
                <p class="muted">"No account, or the password is lost? An admin of this Trainyard makes and resets accounts."</p>
            </div>
            <p class="lone-foot">"Trainyard " {env!("CARGO_PKG_VERSION")}</p>
        </main>
    }
}

/// Where a generated password has to be replaced before anything else.
#[component]
pub fn ChangePasswordPage() -> impl IntoView {
    let signed_in = expect_context::<SignedIn>();
    view! {
        <Title text="Change password"/>
        <main id="main" class="lone">
            <Transition fallback=|| ()>
                {move || Suspend::new(async move {
                    signed_in.me.await.is_err().then(|| view! { <Redirect path="/sign-in?next=%2Fchange-password"/> })
                })}
            </Transition>
            <div class="lone-card">
                <Brand/>
                <h1>"Choose your own password"</h1>
                <p class="muted">"The one you have was generated. Nobody else will know the new one."</p>
                <PasswordForm next="/"/>
            </div>
        </main>
    }
}

/// The form to change one's own password; also a part of the settings.
#[component]
pub fn PasswordForm(#[prop(into)] next: String) -> impl IntoView {
    let query = use_query_map();
    let problem = Signal::derive(move || query.with(|q| problem_in_query(q, ChangePassword::PATH)));
    view! {
        <form method="post" action=ChangePassword::url() class="stack narrow">
            <FormProblem problem/>
            <TextField name="current" label="Present password" kind="password" required=true autocomplete="current-password" problem/>
            <TextField name="new" label="New password" kind="password" required=true autocomplete="new-password"
                hint="10 characters or more. Several words in a row are good and easy to keep." problem/>
            <TextField name="again" label="New password, once more" kind="password" required=true autocomplete="new-password" problem/>
            <input type="hidden" name="next" value=next/>
            <div class="button-row"><button type="submit" class="button primary">"Change password"</button></div>
        </form>
    }
}
