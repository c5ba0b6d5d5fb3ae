//! Data that is fetched: from a file of the server, the web, or through a connection.

use crate::{
    api::sources::{KnownSources, begin_fetch, try_connection},
    components::*,
    hooks::{use_project, use_set_query},
};
use leptos::prelude::*;
use leptos_router::components::A;
use trainyard_types::{
    ConnectionId, Problem,
    source::{ConnectionView, SourceSpec},
};

/// What a person typed; lives as long as the page, so that a fetch that failed can be corrected.
#[derive(Clone, Copy)]
pub struct Draft {
    /// `path`, `url`, or a connection's id. Empty: the first there is.
    place: RwSignal<String>,
    /// Path, address, key or table.
    what: RwSignal<String>,
    query: RwSignal<String>,
    by_query: RwSignal<bool>,
}

impl Draft {
    pub fn new() -> Self {
        Self {
            place: RwSignal::new(String::new()),
            what: RwSignal::new(String::new()),
            query: RwSignal::new(String::new()),
            by_query: RwSignal::new(false),
        }
    }

    fn source(&self, chosen: &Place) -> Result<SourceSpec, Problem> {
        let what = self.what.get_untracked().trim().to_owned();
        let filled = |field: &'static str, text: String| match text.trim().is_empty() {
            true => Err(Problem::field(field, "This has to be filled in.")),
            false => Ok(text),
        };
        Ok(match chosen {
            Place::Path => SourceSpec::Path { path: filled("what", what)? },
            Place::Url => SourceSpec::Url { url: filled("what", what)? },
            Place::Through(view) if !view.settings.is_sql() => {
                SourceSpec::S3 { connection: view.id, key: filled("what", what)? }
            }
            Place::Through(view) if self.by_query.get_untracked() => {
                SourceSpec::Query { connection: view.id, query: filled("query", self.query.get_untracked())? }
            }
            Place::Through(view) => SourceSpec::Table { connection: view.id, table: filled("what", what)? },
        })
    }
}

#[derive(Clone, PartialEq)]
enum Place {
    Path,
    Url,
    Through(ConnectionView),
}

impl Place {
    fn key(&self) -> String {
        match self {
            Place::Path => "path".to_owned(),
            Place::Url => "url".to_owned(),
            Place::Through(view) => view.id.to_string(),
        }
    }

    fn label(&self) -> String {
        match self {
            Place::Path => "A file on the server".to_owned(),
            Place::Url => "A web address".to_owned(),
            Place::Through(view) => format!("{} ({})", view.name, view.settings.place()),
        }
    }
}

/// The places that the server may reach, and what of them.
#[component]
pub fn Elsewhere(known: KnownSources, draft: Draft) -> impl IntoView {
    let project = use_project();
    let connections = move || format!("/p/{}/data/connections", project.get());
    let KnownSources { rules, connections: made } = known;
    let mut places = Vec::new();
    if rules.paths {
        places.push(Place::Path);
    }
    if !rules.hosts.is_empty() {
        places.push(Place::Url);
    }
    places.extend(made.into_iter().map(Place::Through));
    if places.is_empty() {
        return view! {
            <Section title="Or fetch it">
                <p>
                    "Tables of PostgreSQL and SQLite and objects of S3 come through "
                    <A href=connections>"connections"</A>
                    ". Files of the server and web addresses can be read once its configuration names folders as "
                    <code>"source_roots"</code>" and hosts as "<code>"source_hosts"</code>"."
                </p>
            </Section>
        }
        .into_any();
    }
    let set_query = use_set_query();
    let hosts = rules.hosts.join(", ");
    let options: Vec<(String, String)> = places.iter().map(|place| (place.key(), place.label())).collect();
    let places = StoredValue::new(places);
    let chosen = Memo::new(move |_| {
        let key = draft.place.get();
        places.with_value(|places| places.iter().find(|place| place.key() == key).or(places.first()).cloned())
    });
    let wrong = RwSignal::new(None::<Problem>);
    let begin = Action::new(move |source: &SourceSpec| begin_fetch(project.get_untracked(), source.clone()));
    Effect::new(move |_| {
        if let Some(Ok(view)) = begin.value().get() {
            set_query(&[("fetch", Some(view.id.to_string()))]);
        }
    });
    let problem = Signal::derive(move || wrong.get().or_else(|| problem_of(begin.value().get())));
    let submit = move |event: leptos::ev::SubmitEvent| {
        event.prevent_default();
        let Some(place) = chosen.get_untracked() else { return };
        match draft.source(&place) {
            Ok(source) => {
                wrong.set(None);
                begin.dispatch(source);
            }
            Err(problem) => wrong.set(Some(problem)),
        }
    };
    let value = draft.place.get_untracked();
    view! {
        <Section title="Or fetch it">
            <form class="stack" on:submit=submit>
                <SelectField name="place" label="From" options value=value
                    on_value=Callback::new(move |key| { draft.what.set(String::new()); draft.place.set(key); })/>
                {move || chosen.get().map(|place| fields(place, draft, problem, &hosts))}
                {move || problem.get().filter(|p| p.fields.is_empty()).map(|p| view! { <Note tone=Tone::Critical>{p.message}</Note> })}
                <div class="button-row">
                    <Submit label="Fetch" busy="Asking …" kind=ButtonKind::Plain pending=begin.pending()/>
                    <A href=connections>"Connections"</A>
                </div>
            </form>
        </Section>
    }
    .into_any()
}

fn fields(place: Place, draft: Draft, problem: Signal<Option<Problem>>, hosts: &str) -> AnyView {
    match place {
        Place::Path => {
            what(draft, problem, "Path", "Below one of the folders that the configuration names..".to_owned())
        }
        Place::Url => what(draft, problem, "Address", format!("Hosts that may be reached: {hosts}")),
        Place::Through(view) if view.settings.is_sql() => tables(view.id, draft, problem),
        Place::Through(view) => {
            let key = "The name of an object, or what several begin with and a / at the end: they make one table.";
            view! {
                {what(draft, problem, "Key", key.to_owned())}
                <Found connection=view.id draft/>
            }
            .into_any()
        }
    }
}

fn what(draft: Draft, problem: Signal<Option<Problem>>, label: &'static str, hint: String) -> AnyView {
    view! {
        <Field id="fetch-what" name="what" label=label hint=hint problem=problem>
            <input id="fetch-what" type="text" autocomplete="off" spellcheck="false" aria-describedby="fetch-what-hint fetch-what-problem"
                prop:value=move || draft.what.get() on:input=move |event| draft.what.set(event_target_value(&event))/>
        </Field>
    }
    .into_any()
}

fn tables(connection: ConnectionId, draft: Draft, problem: Signal<Option<Problem>>) -> AnyView {
    let by_query = draft.by_query.get_untracked();
    let text = draft.query.get_untracked();
    view! {
        <fieldset class="choices">
            <legend>"What of it"</legend>
            <label class="check">
                <input type="radio" name="by" value="table" checked=!by_query on:change=move |_| draft.by_query.set(false)/>
                <span>"A table or view"</span>
            </label>
            <label class="check">
                <input type="radio" name="by" value="query" checked=by_query on:change=move |_| draft.by_query.set(true)/>
                <span>"What a query answers"</span>
            </label>
        </fieldset>
        {move || if draft.by_query.get() {
            view! {
                <TextAreaField name="query" label="Query" rows=5 value=text.clone() problem=problem
                    hint="One SELECT; the database is asked to refuse anything that writes."
                    on_value=Callback::new(move |text| draft.query.set(text))/>
            }.into_any()
        } else {
            view! {
                {what(draft, problem, "Table", "Its name, or schema.name.".to_owned())}
                <Found connection draft/>
            }.into_any()
        }}
    }
    .into_any()
}

/// Looks what a connection holds; each name fills the field.
#[component]
fn Found(connection: ConnectionId, draft: Draft) -> impl IntoView {
    let project = use_project();
    let look = Action::new(move |(): &()| try_connection(project.get_untracked(), connection));
    let shown = move || match look.value().get()? {
        Ok(test) if test.found.is_empty() => Some(view! { <Note>{test.message}</Note> }.into_any()),
        Ok(test) => {
            let names = test
                .found
                .into_iter()
                .map(|name| {
                    let value = name.clone();
                    view! { <Button label=name kind=ButtonKind::Quiet on_press=move |()| draft.what.set(value.clone())/> }
                })
                .collect_view();
            Some(view! { <div class="button-row" role="group" aria-label="Found there">{names}</div> }.into_any())
        }
        Err(error) => Some(view! { <Note tone=Tone::Critical>{error.0.message}</Note> }.into_any()),
    };
    view! {
        <div class="button-row">
            <Button label="Show what is there".to_owned() disabled=look.pending() on_press=move |()| { look.dispatch(()); }/>
        </div>
        {shown}
    }
}
