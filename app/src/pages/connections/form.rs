//! The form of one connection.

use crate::{AppError, api::sources::keep_connection, components::*, hooks::use_project};
use leptos::prelude::*;
use trainyard_types::{
    Problem, ResourceName,
    source::{ConnectionSettings, ConnectionView, NewConnection, SecretText, Tls},
};

/// What the form is open for.
#[derive(Clone, PartialEq)]
pub enum Edited {
    Nothing,
    New,
    This(ConnectionView),
}

pub fn kind_label(kind: &str) -> &'static str {
    match kind {
        "s3" => "S3 or compatible",
        "postgres" => "PostgreSQL",
        _ => "SQLite file",
    }
}

fn tls_label(tls: Tls) -> &'static str {
    match tls {
        Tls::Verify => "TLS, certificate verified",
        Tls::Require => "TLS, whoever answers",
        Tls::Off => "None: only in a network that is trusted",
    }
}

/// The fields as typed, of all kinds at once.
#[derive(Clone, Copy)]
struct Typed {
    name: RwSignal<String>,
    kind: RwSignal<String>,
    bucket: RwSignal<String>,
    region: RwSignal<String>,
    endpoint: RwSignal<String>,
    access_key: RwSignal<String>,
    host: RwSignal<String>,
    port: RwSignal<String>,
    database: RwSignal<String>,
    user: RwSignal<String>,
    tls: RwSignal<String>,
    path: RwSignal<String>,
    secret: RwSignal<String>,
}

impl Typed {
    fn of(view: Option<&ConnectionView>) -> Self {
        let text = |text: &str| RwSignal::new(text.to_owned());
        let typed = Self {
            name: text(view.map_or("", |view| &view.name)),
            kind: text(view.map_or("postgres", |view| view.settings.kind())),
            bucket: text(""),
            region: text("us-east-1"),
            endpoint: text(""),
            access_key: text(""),
            host: text(""),
            port: text("5432"),
            database: text(""),
            user: text(""),
            tls: text(Tls::default().as_str()),
            path: text(""),
            secret: text(""),
        };
        match view.map(|view| view.settings.clone()) {
            None => {}
            Some(ConnectionSettings::S3 { bucket, region, endpoint, access_key }) => {
                typed.bucket.set(bucket);
                typed.region.set(region);
                typed.endpoint.set(endpoint.unwrap_or_default());
                typed.access_key.set(access_key.unwrap_or_default());
            }
            Some(ConnectionSettings::Postgres { host, port, database, user, tls }) => {
                typed.host.set(host);
                typed.port.set(port.to_string());
                typed.database.set(database);
                typed.user.set(user);
                typed.tls.set(tls.as_str().to_owned());
            }
            Some(ConnectionSettings::Sqlite { path }) => typed.path.set(path),
        }
        typed
    }

    fn read(self) -> Result<NewConnection, Problem> {
        let name = ResourceName::parse(self.name.get_untracked()).map_err(|message| Problem::field("name", message))?;
        let text = |field: RwSignal<String>| field.get_untracked().trim().to_owned();
        let some = |field: RwSignal<String>| Some(text(field)).filter(|text| !text.is_empty());
        let settings = match self.kind.get_untracked().as_str() {
            "s3" => ConnectionSettings::S3 {
                bucket: text(self.bucket),
                region: text(self.region),
                endpoint: some(self.endpoint),
                access_key: some(self.access_key),
            },
            "sqlite" => ConnectionSettings::Sqlite { path: text(self.path) },
            _ => ConnectionSettings::Postgres {
                host: text(self.host),
                port: text(self.port)
                    .parse()
                    .map_err(|_| Problem::field("port", "A port is a whole number from 0 to 65535."))?,
                database: text(self.database),
                user: text(self.user),
                tls: Tls::ALL.into_iter().find(|tls| tls.as_str() == self.tls.get_untracked()).unwrap_or_default(),
            },
        };
        let secret = self.secret.get_untracked();
        let secret = (!secret.is_empty() && settings.kind() != "sqlite").then_some(SecretText(secret));
        Ok(NewConnection { name, settings, secret })
    }
}

/// Makes or changes a connection.
#[component]
pub fn Form(what: Edited, on_done: Callback<()>, on_leave: Callback<()>) -> impl IntoView {
    let project = use_project();
    let toasts = use_toasts();
    let before = match what {
        Edited::This(view) => Some(view),
        _ => None,
    };
    let typed = Typed::of(before.as_ref());
    let id = before.as_ref().map(|view| view.id);
    let kept = before.as_ref().is_some_and(|view| view.has_secret);
    let title = before.as_ref().map_or("New connection".to_owned(), |view| format!("Change {}", view.name));
    let keep = Action::new(move |input: &NewConnection| keep_connection(project.get_untracked(), id, input.clone()));
    let wrong = RwSignal::new(None::<Problem>);
    Effect::new(move |_| match keep.value().get() {
        Some(Ok(view)) => {
            toasts.say(format!("Connection {} is kept. Test it now.", view.name));
            on_done.run(());
        }
        Some(Err(AppError(problem))) => wrong.set(Some(problem)),
        None => {}
    });
    let problem: Signal<Option<Problem>> = wrong.into();
    let submit = move |event: leptos::ev::SubmitEvent| {
        event.prevent_default();
        match typed.read() {
            Ok(input) => {
                wrong.set(None);
                keep.dispatch(input);
            }
            Err(problem) => wrong.set(Some(problem)),
        }
    };
    let kinds = ["postgres", "s3", "sqlite"].map(|kind| (kind.to_owned(), kind_label(kind).to_owned())).to_vec();
    let (name, kind) = (typed.name.get_untracked(), typed.kind.get_untracked());
    view! {
        <Section title>
            <form class="stack" on:submit=submit>
                <div class="form-row">
                    <TextField name="name" label="Name" value=name required=true problem=problem
                        on_value=Callback::new(move |text| typed.name.set(text))/>
                    <SelectField name="kind" label="Kind" options=kinds value=kind
                        on_value=Callback::new(move |text| typed.kind.set(text))/>
                </div>
                {move || match typed.kind.get().as_str() {
                    "s3" => s3(typed, problem, kept),
                    "sqlite" => view! {
                        {line(typed.path, "path", "Path", "Below one of the server's source_roots.", problem)}
                    }.into_any(),
                    _ => postgres(typed, problem, kept),
                }}
                {move || problem.get().filter(|p| p.fields.is_empty()).map(|p| view! { <Note tone=Tone::Critical>{p.message}</Note> })}
                <div class="button-row">
                    <Submit label="Keep connection" busy="Keeping …" pending=keep.pending()/>
                    <Button label="Cancel".to_owned() on_press=on_leave/>
                </div>
            </form>
        </Section>
    }
}

fn line(
    field: RwSignal<String>,
    name: &'static str,
    label: &'static str,
    hint: &'static str,
    problem: Signal<Option<Problem>>,
) -> AnyView {
    let value = field.get_untracked();
    let on_value = Callback::new(move |text| field.set(text));
    match hint {
        "" => view! { <TextField name label value problem on_value/> }.into_any(),
        hint => view! { <TextField name label value hint problem on_value/> }.into_any(),
    }
}

fn secret(typed: Typed, label: &'static str, kept: bool, problem: Signal<Option<Problem>>) -> AnyView {
    let hint = match kept {
        true => "Leave it empty to keep the one there is, as long as the connection leads to the same place.",
        false => "Encrypted before it is stored, under a key that lies outside the database.",
    };
    view! {
        <TextField name="secret" kind="password" label hint problem autocomplete="new-password"
            on_value=Callback::new(move |text| typed.secret.set(text))/>
    }
    .into_any()
}

fn s3(typed: Typed, problem: Signal<Option<Problem>>, kept: bool) -> AnyView {
    view! {
        <div class="form-row">
            {line(typed.bucket, "bucket", "Bucket", "", problem)}
            {line(typed.region, "region", "Region", "", problem)}
            {line(typed.endpoint, "endpoint", "Endpoint", "https://HOST of a compatible server. Empty: Amazon's.", problem)}
        </div>
        <div class="form-row">
            {line(typed.access_key, "access_key", "Access key id", "Empty: the bucket is public.", problem)}
            {secret(typed, "Secret access key", kept, problem)}
        </div>
    }
    .into_any()
}

fn postgres(typed: Typed, problem: Signal<Option<Problem>>, kept: bool) -> AnyView {
    let options = Tls::ALL.map(|tls| (tls.as_str().to_owned(), tls_label(tls).to_owned())).to_vec();
    let chosen = typed.tls.get_untracked();
    view! {
        <div class="form-row">
            {line(typed.host, "host", "Host", "One that the server's source_hosts allow.", problem)}
            {line(typed.port, "port", "Port", "", problem)}
            {line(typed.database, "database", "Database", "", problem)}
        </div>
        <div class="form-row">
            {line(typed.user, "user", "User", "Give it one that may only read.", problem)}
            {secret(typed, "Password", kept, problem)}
            <SelectField name="tls" label="Protection" options value=chosen
                on_value=Callback::new(move |text| typed.tls.set(text))/>
        </div>
    }
    .into_any()
}
