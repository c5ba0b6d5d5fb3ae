//! The versions there are: what changed between two, and deleting rows.

use super::checks::standing_badge;
use crate::{
    AppError,
    api::{datasets::delete_rows, sources::fetch_again},
    components::*,
    format::{bytes, count, encode},
    hooks::may,
};
use leptos::prelude::*;
use leptos_router::{NavigateOptions, components::A, hooks::use_navigate};
use trainyard_types::{
    Action as Doing, DatasetId, DatasetVersionId, Problem,
    dataset::{CommitMode, VersionSummary, VersionView},
    source::DatasetSource,
};

/// Where the rows were fetched from, and fetching them again.
pub fn origin(project: String, dataset: DatasetId, found: DatasetSource) -> AnyView {
    let navigate = use_navigate();
    let toasts = use_toasts();
    let project = StoredValue::new(project);
    let again = Action::new(move |mode: &CommitMode| fetch_again(project.get_value(), dataset, *mode));
    Effect::new(move |_| match again.value().get() {
        Some(Ok(fetch)) => {
            let to = format!("/p/{}/data/upload?fetch={}", project.get_value(), fetch.id);
            navigate(&to, NavigateOptions::default());
        }
        Some(Err(AppError(problem))) => toasts.fail(problem.message),
        None => {}
    });
    let words = format!("Fetched from {}, last by {} ", found.source, found.fetched_by);
    let pending = again.pending();
    let buttons = may(Doing::Write).then(|| {
        view! {
            <Button label="Fetch again, replace the rows".to_owned() glyph=Glyph::Retry disabled=pending
                on_press=move |()| { again.dispatch(CommitMode::Replace); }/>
            <Button label="Fetch again, append".to_owned() disabled=pending
                on_press=move |()| { again.dispatch(CommitMode::Append); }/>
        }
    });
    view! { <div class="origin"><p>{words}<RelativeTime at=found.fetched_at/></p><div class="button-row">{buttons}</div></div> }
        .into_any()
}

/// The tab.
#[component]
pub fn Versions(
    project: String,
    version: VersionView,
    versions: Vec<VersionSummary>,
    reload: Callback<()>,
) -> impl IntoView {
    let chosen = RwSignal::new(None::<(DatasetVersionId, i32)>);
    let may_delete = may(Doing::Approve);
    let mut columns = vec![
        Column::text("Version"),
        Column::number("Rows"),
        Column::number("Columns"),
        Column::number("Size"),
        Column::text("Hash"),
        Column::text("Came from"),
        Column::text("Why"),
        Column::text("Checks"),
        Column::text("Stored"),
        Column::text("Compare"),
    ];
    if may_delete {
        columns.push(Column::text("Rows"));
    }
    let open = RwSignal::new(false);
    let base = format!("/p/{project}/data/{}", version.dataset);
    let all = versions.clone();
    let rows = versions
        .into_iter()
        .map(|v| {
            let href = format!("{base}?version={}", v.id);
            let here = (v.id == version.summary.id).then(|| view! { " " <Badge text="shown"/> });
            let before = all.iter().find(|other| Some(other.number) == v.parent && other.deleted.is_none());
            let compare = before.filter(|_| v.deleted.is_none()).map(|before| {
                let href = format!("{base}/compare?before={}&after={}", before.id, v.id);
                view! { <A href=href>{format!("with version {}", before.number)}</A> }
            });
            let (id, number) = (v.id, v.number);
            let ask = move |()| {
                chosen.set(Some((id, number)));
                open.set(true);
            };
            let delete = may_delete.then(|| match &v.deleted {
                None => view! { <Button label="Delete rows".to_owned() kind=ButtonKind::Quiet glyph=Glyph::Trash on_press=ask/> }.into_any(),
                Some(_) => ().into_any(),
            });
            let kept_back = v.quarantined.then(|| view! { " " <Badge tone=Tone::Critical text="quarantined"/> });
            let gone = v.deleted.as_ref().map(|_| view! { " " <Badge tone=Tone::Warning text="rows deleted"/> });
            view! {
                <Row>
                    <Cell label="Version" main=true><A href=href>{format!("Version {}", v.number)}</A>{here}{gone}</Cell>
                    <Cell label="Rows" numeric=true>{count(v.rows)}</Cell>
                    <Cell label="Columns" numeric=true>{count(u64::from(v.columns))}</Cell>
                    <Cell label="Size" numeric=true>{bytes(v.bytes)}</Cell>
                    <Cell label="Hash"><Hash whole=v.hash/></Cell>
                    <Cell label="Came from">{v.source_name}</Cell>
                    <Cell label="Why">{v.why}</Cell>
                    <Cell label="Checks">{v.checks.map(standing_badge)}{kept_back}</Cell>
                    <Cell label="Stored"><RelativeTime at=v.created_at/>" by "{v.created_by}</Cell>
                    <Cell label="Compare">{compare}</Cell>
                    {may_delete.then(|| view! { <Cell label="Delete">{delete}</Cell> })}
                </Row>
            }
        })
        .collect_view();
    let others: Vec<(DatasetVersionId, i32)> =
        all.iter().filter(|v| v.deleted.is_none()).map(|v| (v.id, v.number)).collect();
    let path = format!("/p/{}/data/{}/compare", encode(&project), version.dataset);
    view! {
        {(others.len() > 1).then(|| view! { <Compare path others/> })}
        <DataTable caption="Versions" columns>{rows}</DataTable>
        {may_delete.then(|| view! { <DeleteRows project chosen open reload/> })}
    }
}

/// Any two versions; works without script.
#[component]
fn Compare(path: String, others: Vec<(DatasetVersionId, i32)>) -> impl IntoView {
    let options = |chosen: Option<DatasetVersionId>| {
        others
            .iter()
            .map(|(id, number)| {
                view! { <option value=id.to_string() selected=Some(*id) == chosen>{format!("Version {number}")}</option> }
            })
            .collect_view()
    };
    let (newest, next) = (others.first().map(|v| v.0), others.get(1).map(|v| v.0));
    view! {
        <form method="get" action=path class="form-row">
            <label class="field"><span class="field-label">"Compare"</span><select name="before">{options(next)}</select></label>
            <label class="field"><span class="field-label">"with"</span><select name="after">{options(newest)}</select></label>
            <div class="button-row"><button type="submit" class="button">"Show what changed"</button></div>
        </form>
    }
}

/// Asks for the reason; says what goes and what stays.
#[component]
fn DeleteRows(
    project: String,
    chosen: RwSignal<Option<(DatasetVersionId, i32)>>,
    open: RwSignal<bool>,
    reload: Callback<()>,
) -> impl IntoView {
    let project = StoredValue::new(project);
    let reason = RwSignal::new(String::new());
    let typed = RwSignal::new(String::new());
    let toasts = use_toasts();
    let act = Action::new(move |(version, reason): &(DatasetVersionId, String)| {
        let (version, reason) = (*version, reason.clone());
        async move { delete_rows(project.get_value(), version, reason).await }
    });
    Effect::new(move |_| {
        if let Some(Ok(())) = act.value().get() {
            open.set(false);
            typed.set(String::new());
            toasts.say("The rows are deleted. What they were stands in the audit trail.".to_owned());
            reload.run(());
        }
    });
    let wrong = RwSignal::new(None::<Problem>);
    let problem = Signal::derive(move || wrong.get().or_else(|| problem_of(act.value().get())));
    let word = move || chosen.get().map_or_else(String::new, |(_, number)| format!("version {number}"));
    let submit = move |event: leptos::ev::SubmitEvent| {
        event.prevent_default();
        let Some((version, _)) = chosen.get_untracked() else { return };
        if typed.get_untracked().trim() != word() {
            wrong.set(Some(Problem::field("typed", "Type the words as they stand above.")));
            return;
        }
        wrong.set(None);
        act.dispatch((version, reason.get_untracked()));
    };
    view! {
        <Dialog open title="Delete rows for good">
            <form class="stack" on:submit=submit>
                <p>"The rows of "{word}" are deleted and can't be brought back. Its number, hashes, schema, and the figures that point to no person stay, as do the runs and models that learned from it."</p>
                <TextField name="reason" id="delete-reason" label="Reason" required=true problem=problem
                    hint="Stands in the audit trail." on_value=Callback::new(move |text| reason.set(text))/>
                <TextField name="typed" id="delete-typed" label="To confirm, type the version" required=true problem=problem
                    hint="For example: version 3" on_value=Callback::new(move |text| typed.set(text))/>
                {move || problem.get().filter(|p| p.fields.is_empty()).map(|p| view! { <Note tone=Tone::Critical>{p.message}</Note> })}
                <div class="button-row end">
                    <Button label="Keep it as it is".to_owned() on_press=move |()| open.set(false)/>
                    <Submit label="Delete rows" kind=ButtonKind::Danger pending=act.pending()/>
                </div>
            </form>
        </Dialog>
    }
}
