//! A suite under the pencil: a list of checks, or the same as YAML.

use super::{Editing, Of, form::CheckDialog, settings};
use crate::{
    api::checks::{convert_suite, keep_suite},
    components::*,
    format::counted,
};
use leptos::prelude::*;
use trainyard_types::{
    Problem,
    checks::{Check, Expectation, SaveSuite, Suite},
};

/// The check that the dialog is about.
#[derive(Clone, Copy, Default)]
pub struct Chosen {
    pub open: RwSignal<bool>,
    /// Its place; none for a new one.
    pub at: RwSignal<Option<usize>>,
    pub check: RwSignal<Option<Check>>,
}

#[component]
pub(super) fn Editor(of: Of, editing: Editing, reload: Callback<()>) -> impl IntoView {
    let as_yaml = RwSignal::new(false);
    let toasts = use_toasts();
    let stored = StoredValue::new(of);
    let chosen = Chosen::default();
    // The other form of the same suite, from the server that knows both.
    let turn = Action::new(move |to_yaml: &bool| {
        let to_yaml = *to_yaml;
        let (suite, yaml) = (editing.suite.get_untracked(), editing.yaml.get_untracked());
        async move {
            let document = if to_yaml { convert_suite(Some(suite), None) } else { convert_suite(None, Some(yaml)) };
            document.await.map(|document| (to_yaml, document))
        }
    });
    Effect::new(move |_| {
        if let Some(Ok((to_yaml, document))) = turn.value().get() {
            editing.suite.set(document.suite);
            editing.yaml.set(document.yaml);
            as_yaml.set(to_yaml);
        }
    });
    let save = Action::new(move |(): &()| {
        let of = stored.get_value();
        let contract = editing.contract.get_untracked();
        let input = if as_yaml.get_untracked() {
            SaveSuite { suite: None, yaml: Some(editing.yaml.get_untracked()), contract }
        } else {
            SaveSuite { suite: Some(editing.suite.get_untracked()), yaml: None, contract }
        };
        async move { keep_suite(of.project, of.dataset, input).await }
    });
    Effect::new(move |_| {
        if let Some(Ok(saved)) = save.value().get() {
            toasts.say(format!("{} saved.", counted(saved.suite.checks.len() as u64, "check", "checks")));
            editing.open.set(false);
            reload.run(());
        }
    });
    let problem = move || {
        let said = |problem: Problem| {
            let items = problem
                .fields
                .iter()
                .map(|f| view! { <li><code>{f.field.clone()}</code>" "{f.message.clone()}</li> })
                .collect_view();
            view! { <Note tone=Tone::Critical><p>{problem.message}</p><ul>{items}</ul></Note> }
        };
        problem_of(save.value().get()).or_else(|| problem_of(turn.value().get())).map(said)
    };
    let contract = editing.contract.get_untracked();
    let other = Signal::derive(move || if as_yaml.get() { "As a form" } else { "As YAML" }.to_owned());
    view! {
        <Section title="Edit the checks" lead="Nothing is stored until you save. The YAML runs on the command line too: trainyard data check --suite FILE.">
            <div class="button-row">
                <Button label=other disabled=turn.pending() on_press=move |()| { turn.dispatch(!as_yaml.get_untracked()); }/>
            </div>
            {problem}
            {move || if as_yaml.get() {
                view! {
                    <div class="yaml-editor">
                        <TextAreaField name="yaml" id="suite-yaml" label="YAML" rows=24 value=editing.yaml.get_untracked()
                            on_value=Callback::new(move |text| editing.yaml.set(text))/>
                    </div>
                }.into_any()
            } else {
                view! { <Checks editing chosen columns=stored.with_value(|of| of.columns.clone())/> }.into_any()
            }}
            <CheckField name="contract" label="These checks are the data set's contract" checked=contract
                hint="Every new version is checked before it becomes current. One that fails critically is quarantined. Only an approver can change a contract."
                on_value=Callback::new(move |on| editing.contract.set(on))/>
            <div class="button-row">
                <Button label="Save".to_owned() kind=ButtonKind::Primary disabled=save.pending() on_press=move |()| { save.dispatch(()); }/>
                <Button label="Leave without saving".to_owned() on_press=move |()| editing.open.set(false)/>
            </div>
        </Section>
        <CheckDialog chosen suite=editing.suite columns=RwSignal::new(stored.with_value(|of| of.columns.clone()))/>
    }
}

/// The checks as a list.
#[component]
fn Checks(editing: Editing, chosen: Chosen, columns: Vec<String>) -> impl IntoView {
    let name = editing.suite.with_untracked(|suite| suite.name.clone());
    let first = columns.first().cloned().unwrap_or_default();
    let add = move |()| {
        chosen.check.set(Expectation::blank("not_be_null", &first).map(Check::new));
        chosen.at.set(None);
        chosen.open.set(true);
    };
    view! {
        <TextField name="name" id="suite-name" label="Name" value=name on_value=Callback::new(move |text| editing.suite.update(|suite: &mut Suite| suite.name = text))/>
        <ul class="check-list">
            {move || editing.suite.with(|suite| suite.checks.iter().enumerate().map(|(at, check)| item(at, check, editing.suite, chosen)).collect_view())}
        </ul>
        <div class="button-row"><Button label="Add a check".to_owned() on_press=add/></div>
    }
}

/// One check of the list.
pub fn item(at: usize, check: &Check, suite: RwSignal<Suite>, chosen: Chosen) -> AnyView {
    let columns = check.expectation.columns().join(", ");
    let rest = settings(check);
    let kept = check.clone();
    let edit = move |()| {
        chosen.check.set(Some(kept.clone()));
        chosen.at.set(Some(at));
        chosen.open.set(true);
    };
    let remove = move |()| {
        suite.update(|suite| {
            if at < suite.checks.len() {
                suite.checks.remove(at);
            }
        });
    };
    view! {
        <li class="check-item">
            <SeverityBadge severity=check.severity/>
            <span class="check-words">
                {(!columns.is_empty()).then(|| view! { <code>{columns}</code>" " })}
                <strong>{check.expectation.about()}</strong>" "<span class="muted">{rest}</span>
            </span>
            <span class="button-row">
                <Button label="Edit".to_owned() kind=ButtonKind::Quiet on_press=edit/>
                <Button label="Remove".to_owned() kind=ButtonKind::Quiet on_press=remove/>
            </span>
        </li>
    }
    .into_any()
}
