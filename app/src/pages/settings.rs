//! What belongs to the person: password, looks, API tokens, sessions.

use super::sign_in::PasswordForm;
use crate::wire::resource;
use crate::{
    AppError,
    api::{
        account::{CreateToken, RevokeToken, SetLook, SignOutEverywhere, list_tokens},
        inbox::{inbox_mutes, mute_inbox},
    },
    components::*,
    hooks::use_form_problem,
};
use leptos::{form::ActionForm, prelude::*};
use server_fn::ServerFn;
use trainyard_types::{
    Page, PageQuery,
    account::{NewTokenView, TokenView},
    inbox::{Mutes, NoticeKind},
};

/// `/settings`.
#[component]
pub fn SettingsPage() -> impl IntoView {
    view! {
        <PageHead title="Settings" state="Your password, looks, inbox, API tokens and sessions."/>
        <Tokens/>
        <Inbox/>
        <Section title="Theme" lead="Also in the menu at the top right. It is kept in this browser.">
            <ThemeForm/>
        </Section>
        <Section title="Password" lead="Changing it ends your other sessions. API tokens stay.">
            <PasswordForm next="/settings"/>
        </Section>
        <Section title="Sessions" lead="Ends every session of yours, in this browser and all others. Use it if you left one open somewhere.">
            <form method="post" action=SignOutEverywhere::url()>
                <button type="submit" class="button danger"><Icon glyph=Glyph::SignOut/>"Sign out everywhere"</button>
            </form>
        </Section>
    }
}

/// Which kinds of messages come.
#[component]
fn Inbox() -> impl IntoView {
    let toasts = use_toasts();
    let mutes = resource(|| (), |()| inbox_mutes());
    let save = Action::new(|input: &Mutes| mute_inbox(input.clone()));
    Effect::new(move |_| match save.value().get() {
        Some(Ok(_)) => toasts.say("Saved. It holds for what happens from now on."),
        Some(Err(error)) => toasts.fail(error.0.message),
        None => {}
    });
    view! {
        <Section id="inbox" title="Inbox" lead="What you are told of, in this application. What is off when it happens never comes.">
            <Load resource=mutes lines=7 view=move |mutes| view! { <Wanted mutes save/> }.into_any()/>
        </Section>
    }
}

#[component]
fn Wanted(mutes: Mutes, save: Action<Mutes, Result<Mutes, AppError>>) -> impl IntoView {
    let muted = StoredValue::new(mutes.muted);
    let boxes = NoticeKind::ALL
        .map(|kind| {
            let checked = muted.with_value(|muted| !muted.contains(&kind));
            let changed = Callback::new(move |wanted: bool| {
                muted.update_value(|muted| {
                    muted.retain(|known| *known != kind);
                    if !wanted {
                        muted.push(kind);
                    }
                });
            });
            view! { <CheckField name=kind.as_str() label=kind.title() checked on_value=changed/> }
        })
        .collect_view();
    view! {
        <div class="wanted">{boxes}</div>
        <div class="button-row">
            <Button label="Save".to_owned() disabled=save.pending() on_press=move |()| { save.dispatch(Mutes { muted: muted.get_value() }); }/>
        </div>
    }
}

#[component]
fn ThemeForm() -> impl IntoView {
    let set_look = ServerAction::<SetLook>::new();
    let option = |value: &'static str, label: &'static str, glyph: Glyph| {
        view! {
            <button type="submit" name="value" value=value class="button" on:click=move |_| super::frame::set_document_look("theme", value)>
                <Icon glyph/>{label}
            </button>
        }
    };
    view! {
        <ActionForm action=set_look>
            <input type="hidden" name="name" value="theme"/>
            <div class="button-row theme-choice">
                {option("light", "Light", Glyph::Sun)}
                {option("dark", "Dark", Glyph::Moon)}
                {option("system", "As the system has it", Glyph::Screen)}
            </div>
        </ActionForm>
    }
}

#[component]
fn Tokens() -> impl IntoView {
    let create = ServerAction::<CreateToken>::new();
    let revoke = ServerAction::<RevokeToken>::new();
    let problem = use_form_problem(create);
    let tokens = resource(
        move || (create.version().get(), revoke.version().get()),
        |_| list_tokens(PageQuery { per_page: 200, ..PageQuery::default() }),
    );
    let made = move || create.value().get().and_then(Result::ok);
    let days = [("30", "30 days"), ("90", "90 days"), ("365", "a year")];
    let days = days.into_iter().map(|(v, t)| (v.to_owned(), t.to_owned())).collect::<Vec<_>>();
    view! {
        <Section id="tokens" title="API tokens" lead="A token lets a program call the API in your name, with your roles. Keep it like a password.">
            <FormProblem problem/>
            {move || made().map(|made| view! { <NewToken made/> })}
            <ActionForm action=create attr:class="form-row">
                <TextField name="name" id="token-name" label="What is it for" required=true placeholder="Nightly scoring" problem/>
                <SelectField name="days" id="token-days" label="Valid for" options=days value="90" problem/>
                <div class="button-row"><Submit label="Make token" pending=create.pending() glyph=Glyph::Key/></div>
            </ActionForm>
            <FormProblem problem=Signal::derive(move || problem_of(revoke.value().get()))/>
            <Load resource=tokens lines=3 view=move |page| view! { <TokensTable page revoke/> }.into_any()/>
        </Section>
    }
}

/// The secret, this once.
#[component]
fn NewToken(made: NewTokenView) -> impl IntoView {
    let origin = crate::browser::origin();
    let curl = format!("curl -H \"Authorization: Bearer {}\" {origin}/api/v1/me", made.token);
    view! {
        <div class="secret" role="status">
            <strong>{format!("Token '{}' is made. Copy it now: it is not shown again.", made.info.name)}</strong>
            <CodeBlock code=made.token label="token"/>
            <p>"Try it:"</p>
            <CodeBlock code=curl label="call"/>
        </div>
    }
}

#[component]
fn TokensTable(page: Page<TokenView>, revoke: ServerAction<RevokeToken>) -> impl IntoView {
    if page.items.is_empty() {
        return view! { <p class="muted">"You have no token yet."</p> }.into_any();
    }
    let columns = vec![
        Column::text("Token"),
        Column::text("Begins with"),
        Column::text("Made"),
        Column::text("Last used"),
        Column::text("Expires"),
        Column::text("Action"),
    ];
    view! {
        <DataTable caption="Your API tokens" columns>
            {page.items.into_iter().map(|token| {
                let id = token.id;
                let text = format!("Programs that use '{}' are refused at once. This can't be undone.", token.name);
                view! {
                    <Row>
                        <Cell label="Token" main=true>{token.name}</Cell>
                        <Cell label="Begins with"><code>{token.prefix}</code></Cell>
                        <Cell label="Made"><RelativeTime at=token.created_at/></Cell>
                        <Cell label="Last used"><MaybeTime at=token.last_used/></Cell>
                        <Cell label="Expires"><RelativeTime at=token.expires_at/></Cell>
                        <Cell label="">
                            <ConfirmButton label="Revoke" title="Revoke this token" text kind=ButtonKind::Quiet
                                on_confirm=move |()| { revoke.dispatch(RevokeToken { id }); }/>
                        </Cell>
                    </Row>
                }
            }).collect_view()}
        </DataTable>
    }
    .into_any()
}
