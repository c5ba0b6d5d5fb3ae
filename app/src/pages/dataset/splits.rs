//! Stored splits: which row is in which part, kept to be used again.

use crate::{
    api::splits::{make_split, remove_split},
    components::*,
    format::{count, counted, percent},
    hooks::may,
    pages::split_fields::{SplitFields, Unread},
};
use leptos::prelude::*;
use leptos_router::components::A;
use trainyard_types::{
    Action as Doing, Problem, ResourceName, SplitId,
    catalog::ColumnFlag,
    dataset::VersionView,
    run::TrainSettings,
    split::{DivisionSummary, NewSplit, SplitPlan, SplitSummary, SplitView},
};

/// The tab's content.
pub(super) fn shown(project: String, version: &VersionView, splits: Vec<SplitView>, reload: Callback<()>) -> AnyView {
    let making = RwSignal::new(false);
    let may_write = may(Doing::Write) && version.summary.deleted.is_none();
    let number = version.summary.number;
    let new = move || {
        may_write.then(|| view! { <Button label=format!("Divide version {number}") kind=ButtonKind::Primary on_press=move |()| making.set(true)/> })
    };
    let empty = splits.is_empty();
    let of = StoredValue::new(project.clone());
    let cards =
        splits.into_iter().map(|split| view! { <Card project=project.clone() split may_write reload/> }).collect_view();
    let kept = version.clone();
    view! {
        <Section title="Splits" lead="A stored split says for each row whether it trains, validates or tests. Runs that use it are judged on the same rows." actions=ViewFn::from(move || new().into_any())>
            {move || making.get().then(|| view! { <Make project=of.get_value() version=kept.clone() making reload/> })}
            {empty.then(|| view! { <Note>"None yet. Without one each run divides the rows as its own settings say, which gives the same parts for the same settings and seed."</Note> })}
            {cards}
        </Section>
    }
    .into_any()
}

/// One split.
#[component]
fn Card(project: String, split: SplitView, may_write: bool, reload: Callback<()>) -> impl IntoView {
    let toasts = use_toasts();
    let of = StoredValue::new(project.clone());
    let id = split.id;
    let remove = Action::new(move |id: &SplitId| {
        let id = *id;
        async move { remove_split(of.get_value(), id).await }
    });
    Effect::new(move |_| match remove.value().get() {
        Some(Ok(())) => reload.run(()),
        Some(Err(error)) => toasts.fail(error.0.message),
        None => {}
    });
    let train = format!("/p/{project}/runs/new?version={}&split={id}", split.version);
    let download = format!("/api/v1/projects/{project}/splits/{id}/rows");
    let of_version = format!("/p/{project}/data/{}?version={}", split.dataset, split.version);
    let facts = vec![
        ("Version".to_owned(), view! { <A href=of_version>{split.number.to_string()}</A> }.into_any()),
        ("How".to_owned(), split.plan.spec.in_words().into_any()),
        ("Target".to_owned(), split.plan.target.clone().unwrap_or_else(|| "none".to_owned()).into_any()),
        ("Hash".to_owned(), view! { <Hash whole=split.summary.hash.clone()/> }.into_any()),
        ("Used by".to_owned(), counted(split.runs, "run", "runs").into_any()),
        ("Made".to_owned(), view! { <RelativeTime at=split.created_at/>" by "{split.created_by.clone()} }.into_any()),
    ];
    let removable = may_write && split.runs == 0;
    let text = format!("Split '{}' is forgotten. Its row sets can be made again from the same plan.", split.name);
    view! {
        <article class="split-card">
            <header class="split-head">
                <h3>{split.name.clone()}</h3>
                <div class="button-row">
                    {may_write.then(|| view! { <LinkButton href=train label="Train with it" glyph=Glyph::Play/> })}
                    <LinkButton href=download label="Rows as CSV" external=true/>
                    {removable.then(|| view! { <ConfirmButton label="Remove" title="Remove the split" text=text kind=ButtonKind::Quiet on_confirm=move |()| { remove.dispatch(id); }/> })}
                </div>
            </header>
            <Facts items=facts/>
            {divisions(split.summary)}
        </article>
    }
}

/// Rows of each part, and what the target is like there.
fn divisions(summary: SplitSummary) -> AnyView {
    let heads = vec![
        Column::text("Division"),
        Column::number("Train"),
        Column::number("Validation"),
        Column::number("Test"),
        Column::number("Unused"),
        Column::text(if summary.classes.is_empty() { "Mean of the target" } else { "Share of the rarest class" }),
    ];
    // The class that the table speaks of.
    let total = |at: usize, division: &DivisionSummary| {
        division.parts().iter().map(|(_, part)| part.classes.get(at).copied().unwrap_or(0)).sum::<u64>()
    };
    let rarest =
        summary.divisions.first().and_then(|first| (0..summary.classes.len()).min_by_key(|&at| total(at, first)));
    let name = rarest.and_then(|at| summary.classes.get(at)).cloned();
    let rows = summary
        .divisions
        .iter()
        .map(|division| {
            let alike: Vec<String> = division
                .parts()
                .iter()
                .filter(|(_, part)| part.rows > 0)
                .map(|(_, part)| match (rarest, part.mean) {
                    (Some(at), _) => percent(part.classes.get(at).copied().unwrap_or(0) as f64 / part.rows as f64),
                    (None, Some(mean)) => crate::format::measure(mean),
                    _ => "–".to_owned(),
                })
                .collect();
            let (title, unused) = (division.name.replace('_', " "), division.unused);
            let [train, valid, test] = division.parts().map(|(_, part)| part.rows);
            view! {
                <Row>
                    <Cell label="Division" main=true>{title}</Cell>
                    <Cell label="Train" numeric=true>{count(train)}</Cell>
                    <Cell label="Validation" numeric=true>{count(valid)}</Cell>
                    <Cell label="Test" numeric=true>{count(test)}</Cell>
                    <Cell label="Unused" numeric=true>{count(unused)}</Cell>
                    <Cell label="Alike">{alike.join(" / ")}</Cell>
                </Row>
            }
        })
        .collect_view();
    view! {
        <DataTable caption="Rows of each part" columns=heads>{rows}</DataTable>
        {name.map(|name| view! { <p class="muted">"The rarest class is "<code>{name}</code>"."</p> })}
    }
    .into_any()
}

/// A plan, and making it.
#[component]
fn Make(project: String, version: VersionView, making: RwSignal<bool>, reload: Callback<()>) -> impl IntoView {
    let flagged = version.details.columns.iter().find(|(_, notes)| notes.flags.contains(&ColumnFlag::Target));
    let target = flagged.map(|(name, _)| name.clone()).unwrap_or_default();
    let settings = RwSignal::new(TrainSettings::for_target(target.clone()));
    let unread: Unread = RwSignal::new(Vec::new());
    let (name, folds, inner) =
        (RwSignal::new(String::new()), RwSignal::new(String::new()), RwSignal::new(String::new()));
    let wrong = RwSignal::new(None::<Problem>);
    let toasts = use_toasts();
    let id = version.summary.id;
    let project = StoredValue::new(project);
    let act = Action::new(move |new: &NewSplit| {
        let new = new.clone();
        async move { make_split(project.get_value(), id, new).await }
    });
    Effect::new(move |_| {
        if let Some(Ok(made)) = act.value().get() {
            toasts.say(format!("Split '{}' is made.", made.name));
            making.set(false);
            reload.run(());
        }
    });
    let problem = Signal::derive(move || wrong.get().or_else(|| problem_of(act.value().get())));
    let number = |text: &str, field: &str| match text.trim() {
        "" => Ok(None),
        text => text
            .parse::<u32>()
            .map(Some)
            .map_err(|_| Problem::field(field, "Use a whole number such as 5, or leave it empty.")),
    };
    let plan = move || -> Result<NewSplit, Problem> {
        if let Some((field, message)) = unread.with_untracked(|unread| unread.first().cloned()) {
            return Err(Problem::field(field, message));
        }
        let name =
            ResourceName::parse(name.get_untracked().trim()).map_err(|message| Problem::field("name", message))?;
        let TrainSettings { target, split, .. } = settings.get_untracked();
        let plan = SplitPlan {
            spec: split,
            target: Some(target).filter(|target| !target.is_empty()),
            task: None,
            folds: number(&folds.get_untracked(), "folds")?,
            inner_folds: number(&inner.get_untracked(), "inner_folds")?,
        };
        Ok(NewSplit { name, plan })
    };
    let submit = move |event: leptos::ev::SubmitEvent| {
        event.prevent_default();
        match plan() {
            Ok(new) => {
                wrong.set(None);
                act.dispatch(new);
            }
            Err(fault) => wrong.set(Some(fault)),
        }
    };
    let columns = version.profile.columns;
    let mut targets = vec![(String::new(), "None: all rows are used".to_owned())];
    targets.extend(columns.iter().map(|column| (column.name.clone(), column.name.clone())));
    view! {
        <form class="stack split-form" on:submit=submit>
            <div class="form-row">
                <TextField name="name" id="split-name" label="Name" required=true problem=problem on_value=Callback::new(move |text| name.set(text))/>
                <SelectField name="target" id="split-target" label="Target" options=targets value=target problem=problem
                    hint="Rows without it are not used; its classes keep their proportions."
                    on_value=Callback::new(move |text| settings.update(|s| s.target = text))/>
            </div>
            <SplitFields columns settings unread problem/>
            <div class="form-row">
                <TextField name="folds" label="Folds" kind="number" problem=problem hint="Divides the rows that don't test too. Empty: none." on_value=Callback::new(move |text| folds.set(text))/>
                <TextField name="inner_folds" label="Folds within each fold" kind="number" problem=problem hint="For nested cross-validation. Empty: none." on_value=Callback::new(move |text| inner.set(text))/>
            </div>
            {move || problem.get().map(|p| view! { <Note tone=Tone::Critical>{p.message}</Note> })}
            <div class="button-row">
                <Submit label="Make the split" busy="Dividing …" pending=act.pending()/>
                <Button label="Leave it".to_owned() on_press=move |()| making.set(false)/>
            </div>
        </form>
    }
}
