//! The checks of a data set: the suite, what it found in this version, and what it found before.

mod draft;
mod editor;
mod form;
mod result;

pub use editor::{Chosen, item};
pub use form::CheckDialog;
pub use result::standing_badge;

use crate::{
    api::checks::{ChecksShown, run_suite, suggest_suite},
    components::*,
    format::{count, counted},
    hooks::may,
};
use editor::Editor;
use leptos::prelude::*;
use leptos_router::components::A;
use trainyard_types::{
    Action as Doing, DatasetId, DatasetVersionId,
    checks::{Check, CheckRunSummary, Expectation, Suite, SuiteDocument},
};

/// What the tab stands on.
#[derive(Clone)]
pub(super) struct Of {
    pub(super) project: String,
    pub(super) dataset: DatasetId,
    pub(super) version: DatasetVersionId,
    pub(super) number: i32,
    /// Columns of the open version, for the form.
    pub(super) columns: Vec<String>,
    pub(super) deleted: bool,
}

/// The suite under the pencil, in both its forms.
#[derive(Clone, Copy)]
struct Editing {
    open: RwSignal<bool>,
    suite: RwSignal<Suite>,
    yaml: RwSignal<String>,
    contract: RwSignal<bool>,
}

impl Editing {
    fn begin(&self, document: SuiteDocument) {
        self.suite.set(document.suite);
        self.yaml.set(document.yaml);
        self.open.set(true);
    }
}

/// The tab's content.
pub(super) fn shown(of: Of, shown: ChecksShown, reload: Callback<()>) -> AnyView {
    let empty = Suite { name: "Checks".to_owned(), checks: Vec::new() };
    let editing = Editing {
        open: RwSignal::new(false),
        suite: RwSignal::new(empty),
        yaml: RwSignal::default(),
        contract: RwSignal::new(shown.suite.as_ref().is_some_and(|suite| suite.contract)),
    };
    let may_write = may(Doing::Write);
    let stored = StoredValue::new((of, shown));
    view! {
        {move || {
            let (of, shown) = stored.get_value();
            if editing.open.get() {
                view! { <Editor of editing reload/> }.into_any()
            } else if shown.suite.is_none() {
                nothing_yet(of, editing, may_write)
            } else {
                standing(of, shown, editing, may_write, reload)
            }
        }}
    }
    .into_any()
}

/// A button that reads checks off the version and opens them in the editor.
#[component]
fn Suggest(of: Of, editing: Editing, primary: bool) -> impl IntoView {
    let toasts = use_toasts();
    let of = StoredValue::new(of);
    let act = Action::new(move |()| async move {
        let of = of.get_value();
        suggest_suite(of.project, of.version).await
    });
    Effect::new(move |_| match act.value().get() {
        Some(Ok(document)) => {
            toasts.say(format!(
                "{} suggested. Look them through, then save.",
                counted(document.suite.checks.len() as u64, "check", "checks")
            ));
            editing.begin(document);
        }
        Some(Err(error)) => toasts.fail(error.0.message),
        None => {}
    });
    let label =
        Signal::derive(move || if act.pending().get() { "Reading the data …" } else { "Suggest checks" }.to_owned());
    let kind = if primary { ButtonKind::Primary } else { ButtonKind::Plain };
    view! { <Button label kind disabled=act.pending() on_press=move |()| { act.dispatch(()); }/> }
}

fn nothing_yet(of: Of, editing: Editing, may_write: bool) -> AnyView {
    let text = "Checks say what good data looks like: no gaps in a key, ages between 0 and 120, known countries only. They run on each version, and a critical failure keeps it out of training.";
    let write = move |()| {
        editing.begin(SuiteDocument {
            suite: Suite { name: "Checks".to_owned(), checks: Vec::new() },
            yaml: "name: Checks\nchecks: []\n".to_owned(),
        })
    };
    view! {
        <EmptyState glyph=Glyph::Shield title="No checks yet" text=text>
            {(may_write && !of.deleted).then(|| view! {
                <Suggest of=of.clone() editing primary=true/>
                <Button label="Write them".to_owned() on_press=write/>
            })}
        </EmptyState>
    }
    .into_any()
}

fn standing(of: Of, shown: ChecksShown, editing: Editing, may_write: bool, reload: Callback<()>) -> AnyView {
    let Some(suite) = shown.suite.clone() else { return ().into_any() };
    let toasts = use_toasts();
    let stored = StoredValue::new(of.clone());
    let run = Action::new(move |()| async move {
        let of = stored.get_value();
        run_suite(of.project, of.version).await
    });
    Effect::new(move |_| match run.value().get() {
        Some(Ok(_)) => reload.run(()),
        Some(Err(error)) => toasts.fail(error.0.message),
        None => {}
    });
    let label = Signal::derive(move || {
        if run.pending().get() { "Checking …".to_owned() } else { format!("Check version {}", of.number) }
    });
    let contract = if suite.contract {
        "They are the contract: a new version that fails critically is quarantined and does not become current."
    } else {
        "They run when somebody asks. As a contract they would run on each new version before it becomes current."
    };
    let lead = format!("{}. {contract}", counted(suite.suite.checks.len() as u64, "check", "checks"));
    let document = StoredValue::new(SuiteDocument { suite: suite.suite, yaml: suite.yaml });
    let deleted = of.deleted;
    let actions = move || {
        let of = stored.get_value();
        view! {
            {(may_write && !deleted).then(|| view! { <Button label kind=ButtonKind::Primary glyph=Glyph::Play disabled=run.pending() on_press=move |()| { run.dispatch(()); }/> })}
            {may_write.then(|| view! {
                <Button label="Edit".to_owned() on_press=move |()| editing.begin(document.get_value())/>
                {(!deleted).then(|| view! { <Suggest of editing primary=false/> })}
            })}
        }
        .into_any()
    };
    let result = match shown.open {
        Some(open) => result::found(of.project.clone(), open, reload),
        None => view! { <Note>"This version was not checked yet."</Note> }.into_any(),
    };
    view! {
        <Section title="Checks" lead=lead actions=ViewFn::from(actions)>{result}</Section>
        {(!shown.history.is_empty()).then(|| history(&of, shown.history))}
    }
    .into_any()
}

fn history(of: &Of, runs: Vec<CheckRunSummary>) -> AnyView {
    let heads = vec![
        Column::text("When"),
        Column::number("Version"),
        Column::text("Outcome"),
        Column::number("Passed"),
        Column::number("Failed"),
        Column::text("As contract"),
        Column::text("By"),
    ];
    let base = format!("/p/{}/data/{}?tab=checks", of.project, of.dataset);
    let rows = runs
        .into_iter()
        .map(|run| {
            let href = format!("{base}&version={}&run={}", run.version, run.id);
            view! {
                <Row>
                    <Cell label="When" main=true><A href=href><RelativeTime at=run.at/></A></Cell>
                    <Cell label="Version" numeric=true>{run.number}</Cell>
                    <Cell label="Outcome">{standing_badge(run.standing)}</Cell>
                    <Cell label="Passed" numeric=true>{count(u64::from(run.passed))}</Cell>
                    <Cell label="Failed" numeric=true>{count(u64::from(run.failed))}</Cell>
                    <Cell label="As contract">{if run.contract { "yes" } else { "no" }}</Cell>
                    <Cell label="By">{run.by}</Cell>
                </Row>
            }
        })
        .collect_view();
    view! { <Section title="History"><DataTable caption="Runs of checks" columns=heads>{rows}</DataTable></Section> }
        .into_any()
}

/// The settings besides the columns, in a line: "min 0 · max 120 · in 99 % of rows · where age is not null".
fn settings(check: &Check) -> String {
    let value = serde_json::to_value(&check.expectation).unwrap_or_default();
    let mut parts: Vec<String> = Expectation::fields(check.expectation.type_name())
        .iter()
        .filter(|(name, _)| !matches!(*name, "column" | "column_a" | "column_b"))
        .filter_map(|(name, _)| Some((name, value.get(*name)?)))
        .map(|(name, value)| match *name {
            "partition" => "a distribution of your own".to_owned(),
            "strict" | "double_sided" | "or_equal" | "allow_more" => name.replace('_', " "),
            "values" | "columns" | "kind" | "kinds" | "quantiles" => short(&plain(value)),
            name => short(&format!("{} {}", name.replace('_', " "), plain(value))),
        })
        .collect();
    if check.mostly < 1.0 {
        parts.push(format!("in {} of rows", crate::format::percent(check.mostly)));
    }
    parts.extend(check.filter.as_ref().map(|filter| format!("where {filter}")));
    parts.join(" · ")
}

fn short(text: &str) -> String {
    const LONGEST: usize = 90;
    let short: String = text.chars().take(LONGEST).collect();
    if short.len() < text.len() { format!("{short} …") } else { short }
}

/// A value without its quotes and empty decimals; of quantiles, share and range.
fn plain(value: &serde_json::Value) -> String {
    match value {
        serde_json::Value::String(text) => text.clone(),
        serde_json::Value::Number(number) => {
            number.as_f64().map_or_else(|| number.to_string(), |number| number.to_string())
        }
        serde_json::Value::Array(items) => items.iter().map(plain).collect::<Vec<_>>().join(", "),
        serde_json::Value::Object(range) => {
            let end = |name: &str| range.get(name).map_or_else(|| "…".to_owned(), plain);
            format!("{} from {} to {}", end("quantile"), end("min"), end("max"))
        }
        value => value.to_string(),
    }
}
