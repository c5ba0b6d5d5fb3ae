//! Who answers for a data set, on what ground it is kept, and what its columns mean.

use crate::{api::datasets::save_details, components::*, format::counted, hooks::may};
use leptos::prelude::*;
use trainyard_types::{
    Action as Doing, DatasetId, Problem,
    catalog::{ColumnFlag, ColumnNotes, DatasetDetails, LegalBasis},
    dataset::VersionView,
};

/// The columns of one page of the table.
const LISTED: usize = 300;

/// Details as they stand, and how to change them.
#[derive(Clone, Copy)]
struct Editing {
    details: RwSignal<DatasetDetails>,
    act: Action<DatasetDetails, Result<DatasetDetails, crate::AppError>>,
    about: RwSignal<bool>,
    column: RwSignal<bool>,
    /// What the open dialog would save: it is filled before the dialog opens.
    draft: RwSignal<DatasetDetails>,
    days: RwSignal<String>,
    notes: RwSignal<ColumnNotes>,
    chosen: RwSignal<String>,
}

impl Editing {
    fn open_about(self) {
        let details = self.details.get_untracked();
        self.days.set(details.retention_days.map_or_else(String::new, |days| days.to_string()));
        self.draft.set(details);
        self.act.value().set(None);
        self.about.set(true);
    }

    fn open_column(self, name: String) {
        self.notes.set(self.details.with_untracked(|d| d.columns.get(&name).cloned().unwrap_or_default()));
        self.chosen.set(name);
        self.act.value().set(None);
        self.column.set(true);
    }
}

/// The tab.
#[component]
pub fn About(project: String, version: VersionView) -> impl IntoView {
    let (project, dataset): (_, DatasetId) = (StoredValue::new(project), version.dataset);
    let toasts = use_toasts();
    let editing = Editing {
        details: RwSignal::new(version.details.clone()),
        act: Action::new(move |details: &DatasetDetails| {
            let details = details.clone();
            async move { save_details(project.get_value(), dataset, details).await }
        }),
        about: RwSignal::new(false),
        column: RwSignal::new(false),
        draft: RwSignal::default(),
        days: RwSignal::default(),
        notes: RwSignal::default(),
        chosen: RwSignal::default(),
    };
    Effect::new(move |_| {
        if let Some(Ok(saved)) = editing.act.value().get() {
            editing.details.set(saved);
            editing.about.set(false);
            editing.column.set(false);
            toasts.say("Saved. The audit trail has the change.".to_owned());
        }
    });
    let may_write = may(Doing::Write);
    let names: Vec<String> = version.profile.columns.iter().map(|column| column.name.clone()).collect();
    let edit =
        move || may_write.then(|| view! { <Button label="Edit".to_owned() on_press=move |()| editing.open_about()/> });
    view! {
        <Section title="About" lead="Stands for all versions. Every change is an audit event." actions=ViewFn::from(move || edit().into_any())>
            {move || editing.details.with(facts)}
        </Section>
        <Section title="Columns" lead="What a column means and what part it plays: new runs, checks, splits and fairness reports start from here.">
            {move || editing.details.with(|details| columns(&names, details, may_write, editing))}
        </Section>
        {may_write.then(|| view! { <AboutDialog editing/> <ColumnDialog editing/> })}
    }
}

fn facts(details: &DatasetDetails) -> AnyView {
    let or_none = |text: &str| match text {
        "" => view! { <span class="muted">"not said"</span> }.into_any(),
        text => text.to_owned().into_any(),
    };
    let retention = match details.retention_days {
        None => "Rows are kept until somebody deletes them.".to_owned(),
        Some(days) => format!(
            "The rows of a version are deleted {} after it was stored. Its hashes and figures stay.",
            counted(u64::from(days), "day", "days")
        ),
    };
    let items = vec![
        ("Owner".to_owned(), or_none(&details.owner)),
        ("Description".to_owned(), or_none(&details.description)),
        ("May be used for".to_owned(), or_none(&details.purpose)),
        ("Legal basis".to_owned(), or_none(details.legal_basis.map_or("", LegalBasis::title))),
        ("Retention".to_owned(), retention.into_any()),
    ];
    view! { <Facts items/> }.into_any()
}

fn columns(names: &[String], details: &DatasetDetails, may_write: bool, editing: Editing) -> AnyView {
    let heads = vec![
        Column::text("Column"),
        Column::text("Part"),
        Column::text("Meaning"),
        Column::text(if may_write { "Change" } else { "" }),
    ];
    let rows = names
        .iter()
        .take(LISTED)
        .map(|name| {
            let notes = details.columns.get(name).cloned().unwrap_or_default();
            let flags =
                notes.flags.iter().map(|flag| view! { <Badge tone=tone(*flag) text=flag.title()/> " " }).collect_view();
            let name = name.clone();
            let button = may_write.then(|| {
                let chosen = name.clone();
                let press = move |()| editing.open_column(chosen.clone());
                view! { <Button label="Edit".to_owned() kind=ButtonKind::Quiet on_press=press/> }
            });
            view! {
                <Row>
                    <Cell label="Column" main=true><code>{name}</code></Cell>
                    <Cell label="Part">{flags}</Cell>
                    <Cell label="Meaning">{notes.description}</Cell>
                    <Cell label="Change">{button}</Cell>
                </Row>
            }
        })
        .collect_view();
    let rest = names.len().saturating_sub(LISTED);
    view! {
        <DataTable caption="Columns" columns=heads>{rows}</DataTable>
        {(rest > 0).then(|| view! { <p class="muted">{format!("{} more are described over the API.", counted(rest as u64, "column", "columns"))}</p> })}
    }
    .into_any()
}

fn tone(flag: ColumnFlag) -> Tone {
    match flag {
        ColumnFlag::Target => Tone::Accent,
        ColumnFlag::Protected | ColumnFlag::Personal => Tone::Warning,
        _ => Tone::Neutral,
    }
}

/// What the server said to the last attempt.
fn answer(editing: Editing) -> Signal<Option<Problem>> {
    Signal::derive(move || problem_of(editing.act.value().get()))
}

#[component]
fn AboutDialog(editing: Editing) -> impl IntoView {
    let (draft, days) = (editing.draft, editing.days);
    let wrong = RwSignal::new(None::<Problem>);
    let said = answer(editing);
    let problem = Signal::derive(move || wrong.get().or_else(|| said.get()));
    let submit = move |event: leptos::ev::SubmitEvent| {
        event.prevent_default();
        let text = days.get_untracked();
        let parsed = match text.trim() {
            "" => Ok(None),
            text => text.parse::<u32>().map(Some),
        };
        match parsed {
            Ok(retention_days) => {
                wrong.set(None);
                editing.act.dispatch(DatasetDetails { retention_days, ..draft.get_untracked() });
            }
            Err(_) => {
                wrong.set(Some(Problem::field("retention_days", "Use a whole number of days, or leave it empty.")))
            }
        }
    };
    let bases = move || {
        let mut options = vec![(String::new(), "Not said".to_owned())];
        options.extend(LegalBasis::ALL.map(|basis| (basis.as_str().to_owned(), basis.title().to_owned())));
        options
    };
    view! {
        <Dialog open=editing.about title="About this data set">
            <form class="stack" on:submit=submit>
                <TextField name="owner" id="about-owner" label="Owner" required=true problem=problem value=draft.get_untracked().owner
                    hint="The person or team that answers for it." on_value=Callback::new(move |text| draft.update(|d| d.owner = text))/>
                <TextAreaField name="description" id="about-description" label="Description" problem=problem value=draft.get_untracked().description
                    on_value=Callback::new(move |text| draft.update(|d| d.description = text))/>
                <TextField name="purpose" id="about-purpose" label="May be used for" problem=problem value=draft.get_untracked().purpose
                    on_value=Callback::new(move |text| draft.update(|d| d.purpose = text))/>
                <SelectField name="legal_basis" id="about-basis" label="Legal basis" options=bases() problem=problem
                    value=draft.get_untracked().legal_basis.map_or_else(String::new, |b| b.as_str().to_owned())
                    on_value=Callback::new(move |key: String| draft.update(|d| d.legal_basis = LegalBasis::ALL.into_iter().find(|b| b.as_str() == key)))/>
                <TextField name="retention_days" id="about-days" label="Keep rows for (days)" kind="number" problem=problem value=days.get_untracked()
                    hint="Older versions lose their rows for good; their hashes and figures stay as evidence. Empty: kept."
                    on_value=Callback::new(move |text| days.set(text))/>
                {move || problem.get().filter(|p| p.fields.is_empty()).map(|p| view! { <Note tone=Tone::Critical>{p.message}</Note> })}
                <div class="button-row end">
                    <Button label="Keep it as it is".to_owned() on_press=move |()| editing.about.set(false)/>
                    <Submit label="Save" pending=editing.act.pending()/>
                </div>
            </form>
        </Dialog>
    }
}

#[component]
fn ColumnDialog(editing: Editing) -> impl IntoView {
    let draft = editing.notes;
    let problem = answer(editing);
    let submit = move |event: leptos::ev::SubmitEvent| {
        event.prevent_default();
        let name = editing.chosen.get_untracked();
        let notes = draft.get_untracked();
        let mut details = editing.details.get_untracked();
        // A part that only one column can have is taken over from the one that has it.
        for flag in notes.flags.iter().filter(|flag| flag.is_single()) {
            details.columns.values_mut().for_each(|other| other.flags.retain(|has| has != flag));
        }
        details.columns.insert(name, notes);
        editing.act.dispatch(details);
    };
    let flags = move || {
        ColumnFlag::ALL
            .into_iter()
            .map(|flag| {
                let has = draft.with_untracked(|notes| notes.flags.contains(&flag));
                let toggle = move |on: bool| {
                    draft.update(|notes| {
                        notes.flags.retain(|has| *has != flag);
                        if on {
                            notes.flags.push(flag);
                        }
                    });
                };
                view! { <CheckField name=flag.as_str() label=flag.title() checked=has hint=hint(flag) on_value=Callback::new(toggle)/> }
            })
            .collect_view()
    };
    view! {
        <Dialog open=editing.column title="Column">
            <form class="stack" on:submit=submit>
                <p><code>{move || editing.chosen.get()}</code></p>
                <TextAreaField name="columns" id="column-meaning" label="Meaning" problem=problem value=draft.get_untracked().description
                    on_value=Callback::new(move |text| draft.update(|notes| notes.description = text))/>
                <fieldset class="stack"><legend>"Part"</legend>{flags()}</fieldset>
                {move || problem.get().filter(|p| p.fields.is_empty()).map(|p| view! { <Note tone=Tone::Critical>{p.message}</Note> })}
                <div class="button-row end">
                    <Button label="Keep it as it is".to_owned() on_press=move |()| editing.column.set(false)/>
                    <Submit label="Save" pending=editing.act.pending()/>
                </div>
            </form>
        </Dialog>
    }
}

fn hint(flag: ColumnFlag) -> &'static str {
    match flag {
        ColumnFlag::Target => "What is to be predicted.",
        ColumnFlag::Protected => "Its groups must not be disadvantaged: sex, age, origin …",
        ColumnFlag::Personal => "Says something of a person.",
        ColumnFlag::Identifier => "Names a row or a thing; never a feature.",
        ColumnFlag::Time => "When the row came about.",
        ColumnFlag::Group => "Rows with the same value belong together: a customer, a patient, a machine.",
    }
}
