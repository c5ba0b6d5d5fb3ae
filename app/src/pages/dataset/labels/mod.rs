//! Reviews of labels: which rows' labels look wrong, and what people decide about them.

mod decide;
mod form;
mod list;
mod summary;

use crate::wire::{Resource, resource};
use crate::{
    AppError,
    api::labels::{LabelsShown, correct_labels, dataset_labels, label_standing, stop_label_review},
    browser,
    components::*,
    format::{count, counted},
    hooks::{may, use_page_query, use_query_param},
    pages::parts::parse_id,
};
use form::Start;
use leptos::prelude::*;
use leptos_router::{NavigateOptions, components::A, hooks::use_navigate};
use trainyard_types::{
    Action as Doing, DatasetId, DatasetVersionId,
    catalog::ColumnFlag,
    dataset::{ColumnType, Severity, VersionView},
    job::JobState,
    labels::{LabelFilter, LabelReviewView},
};

/// What the tab and the overview load.
#[derive(Clone, Copy)]
pub(super) struct Loaded {
    pub(super) shown: Resource<Result<Option<LabelsShown>, AppError>>,
    /// The newest review of the version, for the overview.
    pub(super) standing: Resource<Result<Option<LabelReviewView>, AppError>>,
}

/// Made at the page's top. While the open review goes on, it is asked for every second.
pub(super) fn load(project: Memo<String>, dataset: Memo<String>, version: Memo<String>, tab: Memo<String>) -> Loaded {
    let review = use_query_param("review");
    let (given, suggested) = (use_query_param("given"), use_query_param("suggested"));
    let query = use_page_query();
    let shown = resource(
        move || {
            let filter = LabelFilter { given: given.get(), suggested: suggested.get() };
            let of = (project.get(), dataset.get(), version.get());
            (tab.get() == "labels").then(|| (of, review.get(), query.get(), filter))
        },
        |wanted| async move {
            let Some(((project, dataset, version), review, query, filter)) = wanted else { return Ok(None) };
            let (open, _) = super::resolve(project.clone(), &dataset, &version).await?;
            let review = if review.is_empty() { None } else { Some(parse_id(&review, "review of labels")?) };
            let dataset = parse_id(&dataset, "data set")?;
            dataset_labels(project, dataset, open, review, query, filter).await.map(Some)
        },
    );
    let standing = resource(
        move || (tab.get() == "overview").then(|| (project.get(), dataset.get(), version.get())),
        |wanted| async move {
            let Some((project, dataset, version)) = wanted else { return Ok(None) };
            let (open, _) = super::resolve(project.clone(), &dataset, &version).await?;
            label_standing(project, parse_id(&dataset, "data set")?, open).await
        },
    );
    Effect::new(move |_| {
        browser::every(1_000, move || {
            let going = shown.with_untracked(|shown| {
                let open = shown.as_ref().and_then(|shown| shown.as_ref().ok()?.as_ref()?.open.as_ref());
                open.is_some_and(|open| !open.state.is_final())
            });
            if going {
                shown.refetch();
            }
        });
    });
    Loaded { shown, standing }
}

/// What the tab stands on.
#[derive(Clone)]
pub(super) struct Of {
    project: String,
    dataset: DatasetId,
    version: DatasetVersionId,
    number: i32,
    /// Columns that can be labels or groups, with their types.
    columns: Vec<(String, ColumnType)>,
    target: Option<String>,
    group: Option<String>,
    deleted: bool,
}

impl Of {
    pub(super) fn new(project: String, version: &VersionView) -> Self {
        let flagged = |flag| {
            let found =
                version.details.flagged(flag).find(|name| version.profile.columns.iter().any(|c| c.name == **name));
            found.map(str::to_owned)
        };
        Self {
            project,
            dataset: version.dataset,
            version: version.summary.id,
            number: version.summary.number,
            columns: version.profile.columns.iter().map(|column| (column.name.clone(), column.kind)).collect(),
            target: flagged(ColumnFlag::Target),
            group: flagged(ColumnFlag::Group),
            deleted: version.summary.deleted.is_some(),
        }
    }
}

/// The tab's content.
pub(super) fn shown(of: Of, shown: LabelsShown, reload: Callback<()>) -> AnyView {
    let LabelsShown { reviews, open, findings } = shown;
    let may_write = may(Doing::Write) && !of.deleted;
    let starting = RwSignal::new(false);
    let past = history(&of, reviews);
    let Some(open) = open else {
        let text = "A model that did not see a row says which label it would expect. Where it is sure of another one, the label may be wrong: a person looks and decides.";
        let number = of.number;
        return view! {
            {if may_write {
                view! {
                    <Section title="Review labels" lead=text><Start of reload/></Section>
                }.into_any()
            } else {
                let title = format!("The labels of version {number} were not reviewed");
                view! { <EmptyState glyph=Glyph::Shield title text=text/> }.into_any()
            }}
            {past}
        }
        .into_any();
    };
    let title = format!("Labels of {}", open.settings.target);
    let lead = open.summary.as_ref().map_or_else(
        || format!("Version {}, asked for by {}.", open.number, open.created_by),
        |summary| format!("Version {}. {}", open.number, summary.method.replace('`', "")),
    );
    let stored = StoredValue::new((of.clone(), open.clone()));
    let ended = open.state.is_final();
    let actions = move || {
        let (of, open) = stored.get_value();
        let at = of.project.clone();
        view! {
            {(may_write && !ended && !open.cancel_requested).then(|| view! { <Stop project=at review=open.clone() reload/> })}
            {(may_write && open.summary.is_some() && open.applied.is_none()).then(|| view! { <Correct of=of.clone() review=open.clone()/> })}
            {(may_write && ended).then(|| view! { <Button label="Review again".to_owned() on_press=move |()| starting.update(|s| *s = !*s)/> })}
        }
        .into_any()
    };
    let body = match (open.state, open.summary.clone()) {
        (JobState::Succeeded, Some(summary)) => {
            let applied = open.applied.clone().map(|applied| {
                let href = format!("/p/{}/data/{}?version={}", of.project, of.dataset, applied.version);
                let words = format!("Version {}", applied.number);
                view! { <Note tone=Tone::Ok><p><A href=href>{words}</A>{format!(" was made of these decisions by {}.", applied.by)}</p></Note> }
            });
            let all = counted(summary.found, "row", "rows");
            view! {
                {applied}
                {summary::summary(&summary, &open)}
                {match findings {
                    Some(page) => list::list(of.clone(), open, summary, page, reload),
                    None => view! {
                        <EmptyState glyph=Glyph::Shield title="Rows are not shown to your role" text=format!("The list has {all}. An admin can give you the role of a member or an auditor.")/>
                    }.into_any(),
                }}
            }
            .into_any()
        }
        _ => going(&open),
    };
    let again = stored.get_value().0;
    view! {
        <Section title lead=lead actions=ViewFn::from(actions)>
            {move || starting.get().then(|| view! { <Start of=again.clone() reload/> })}
            {body}
        </Section>
        {past}
    }
    .into_any()
}

/// A review that waits, runs, or has nothing to show.
fn going(open: &LabelReviewView) -> AnyView {
    match open.state {
        JobState::Failed => {
            let message = open.problem.as_ref().map_or_else(String::new, |problem| problem.message.clone());
            view! { <Note tone=Tone::Critical>{message}</Note> }.into_any()
        }
        JobState::Cancelled => view! { <Note>"This review was cancelled."</Note> }.into_any(),
        JobState::Queued => {
            view! { <p role="status"><JobBadge state=open.state/>" It waits for a worker."</p> }.into_any()
        }
        _ => {
            let progress = match (&open.progress, open.cancel_requested) {
                (_, true) => view! { <p class="muted">"It is being stopped."</p> }.into_any(),
                (Some(progress), _) => view! { <JobProgress progress=progress.clone()/> }.into_any(),
                (None, _) => view! { <p class="muted">"It reads the rows."</p> }.into_any(),
            };
            view! { <div class="run-progress" role="status">{progress}</div> }.into_any()
        }
    }
}

#[component]
fn Stop(project: String, review: LabelReviewView, reload: Callback<()>) -> impl IntoView {
    let toasts = use_toasts();
    let stop = Action::new(move |(): &()| stop_label_review(project.clone(), review.id));
    Effect::new(move |_| match stop.value().get() {
        Some(Ok(())) => reload.run(()),
        Some(Err(error)) => toasts.fail(error.0.message),
        None => {}
    });
    view! { <Button label="Cancel".to_owned() glyph=Glyph::Stop disabled=stop.pending() on_press=move |()| { stop.dispatch(()); }/> }
}

/// Makes the corrected version and opens it.
#[component]
fn Correct(of: Of, review: LabelReviewView) -> impl IntoView {
    let toasts = use_toasts();
    let navigate = use_navigate();
    let (project, dataset) = (of.project.clone(), of.dataset);
    let at = project.clone();
    let correct = Action::new(move |(): &()| correct_labels(project.clone(), review.id));
    Effect::new(move |_| match correct.value().get() {
        Some(Ok(version)) => {
            toasts.say("The corrected version is made.");
            navigate(&format!("/p/{at}/data/{dataset}?version={version}"), NavigateOptions::default());
        }
        Some(Err(error)) => toasts.fail(error.0.message),
        None => {}
    });
    let decided = review.decided;
    let text = format!(
        "A new version is made of version {}: {} corrected, {} left out. The decisions stand from then on.",
        review.number,
        counted(decided.suggestion + decided.set, "label", "labels"),
        counted(decided.leave_out, "row", "rows"),
    );
    let disabled = Signal::derive(move || correct.pending().get() || decided.changes() == 0);
    view! {
        <ConfirmButton label="Make a corrected version" title="Make a corrected version" text=text kind=ButtonKind::Primary
            danger=false disabled=disabled on_confirm=move |()| { correct.dispatch(()); }/>
    }
}

/// All reviews of the data set.
fn history(of: &Of, reviews: Vec<LabelReviewView>) -> Option<AnyView> {
    if reviews.is_empty() {
        return None;
    }
    let heads = vec![
        Column::text("When"),
        Column::number("Version"),
        Column::text("Labels"),
        Column::text("State"),
        Column::number("Found"),
        Column::number("Decided"),
        Column::text("By"),
    ];
    let base = format!("/p/{}/data/{}?tab=labels", of.project, of.dataset);
    let rows = reviews
        .into_iter()
        .map(|review| {
            let href = format!("{base}&version={}&review={}", review.version, review.id);
            let found = review.summary.as_ref().map_or_else(|| "–".to_owned(), |summary| count(summary.found));
            view! {
                <Row>
                    <Cell label="When" main=true><A href=href><RelativeTime at=review.created_at/></A></Cell>
                    <Cell label="Version" numeric=true>{review.number}</Cell>
                    <Cell label="Labels"><code>{review.settings.target.clone()}</code></Cell>
                    <Cell label="State"><JobBadge state=review.state/></Cell>
                    <Cell label="Found" numeric=true>{found}</Cell>
                    <Cell label="Decided" numeric=true>{count(review.decided.total())}</Cell>
                    <Cell label="By">{review.created_by}</Cell>
                </Row>
            }
        })
        .collect_view();
    Some(view! { <Section title="Reviews"><DataTable caption="Reviews of labels" columns=heads>{rows}</DataTable></Section> }.into_any())
}

/// The overview's line on the version's newest review.
pub(super) fn warned(project: &str, review: LabelReviewView) -> AnyView {
    let (Some(standing), Some(summary)) = (review.standing(), &review.summary) else { return ().into_any() };
    let severity = if summary.found == 0 || review.applied.is_some() { Severity::Info } else { Severity::Warning };
    let href =
        format!("/p/{project}/data/{}?tab=labels&version={}&review={}", review.dataset, review.version, review.id);
    let made = review.applied.as_ref().map(|applied| format!(" Version {} is corrected.", applied.number));
    view! {
        <div class="warnings" role="region" aria-label="Label review">
            <ul><li><SeverityBadge severity/><span>{format!("Label review: {standing}.{} ", made.unwrap_or_default())}<A href=href>"Look at the labels"</A></span></li></ul>
        </div>
    }
    .into_any()
}
