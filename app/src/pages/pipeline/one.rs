//! One pipeline: its steps, its runs, its document and versions.

use super::{document::table, drawing::drawing, edit::Editor, partitions::PartitionsTab, run_badge};
use crate::wire::{Resource, resource};
use crate::{
    AppError,
    api::pipelines::{PipelineShown, new_webhook, one_pipeline, pause_pipeline, pipeline_partitions, start_pipeline},
    components::*,
    format::instant,
    hooks::{may, use_page_query, use_param, use_project},
    pages::parts::parse_id,
};
use leptos::prelude::*;
use leptos_router::{components::A, hooks::use_navigate};
use trainyard_types::{
    Action as Doing,
    pipeline::{NewPipelineRun, PartitionPage, PipelineRunSummary, Trigger},
};

/// `/p/:project/pipelines/:pipeline_id`.
#[component]
pub fn PipelinePage() -> impl IntoView {
    let project = use_project();
    let id = use_param("pipeline_id");
    let tab = use_tab("steps");
    let shown = resource(
        move || (project.get(), id.get()),
        |(project, id)| async move { one_pipeline(project, parse_id(&id, "pipeline")?).await },
    );
    let query = use_page_query();
    let parts = resource(
        move || (project.get(), id.get(), tab.get(), query.get()),
        |(project, id, tab, query)| async move {
            if tab != "partitions" {
                return Ok(None);
            }
            pipeline_partitions(project, parse_id(&id, "pipeline")?, query).await.map(Some)
        },
    );
    let reload = Callback::new(move |()| shown.refetch());
    view! {
        <Load resource=shown lines=12 view=move |shown| view! { <Shown project=project.get_untracked() shown tab parts reload/> }.into_any()/>
    }
}

#[component]
fn Shown(
    project: String,
    shown: PipelineShown,
    tab: Memo<String>,
    parts: Resource<Result<Option<PartitionPage>, AppError>>,
    reload: Callback<()>,
) -> impl IntoView {
    let PipelineShown { view, runs, form, forms } = shown;
    let summary = view.summary.clone();
    let crumbs = vec![("Pipelines".to_owned(), format!("/p/{project}/pipelines"))];
    let when = match (summary.paused, summary.next_tick) {
        (true, _) => "Paused: only people start it.".to_owned(),
        (false, Some(at)) => format!("Runs next at {}.", instant(at)),
        (false, None) => "Has no schedule.".to_owned(),
    };
    let state = format!("{} {when}", summary.description);
    let mut tabs = vec![Tab::new("steps", "Steps"), Tab::new("runs", "Runs")];
    if view.document.partitions.is_some() {
        tabs.push(Tab::new("partitions", "Partitions"));
    }
    tabs.push(Tab::new("document", "Document"));
    let (of, kept, runs) = (StoredValue::new(project.clone()), StoredValue::new(view.clone()), StoredValue::new(runs));
    let edited = StoredValue::new((form, forms));
    let partitioned = view.document.partitions.is_some();
    let id = view.summary.id;
    view! {
        <PageHead title=summary.name.clone() state crumbs>
            {may(Doing::Write).then(|| view! { <Doings project view=view.clone() reload/> })}
        </PageHead>
        <Tabs label="Pipeline" tabs/>
        {move || match tab.get().as_str() {
            "runs" => list(runs.get_value(), &of.get_value()),
            "partitions" if partitioned => view! { <PartitionsTab project=of.get_value() id page=parts/> }.into_any(),
            "document" => {
                let view = kept.get_value();
                let versions = view.versions.into_iter().map(|version| {
                    let number = version.number;
                    let href = format!("/api/v1/projects/{}/pipelines/{}/versions/{number}", of.get_value(), id);
                    let (reason, by) = (version.reason, version.created_by);
                    view! {
                        <Row>
                            <Cell label="Version" main=true><a href=href rel="external">{number}</a></Cell>
                            <Cell label="Why">{reason}</Cell>
                            <Cell label="Saved"><RelativeTime at=version.created_at/>" by "{by}</Cell>
                        </Row>
                    }
                }).collect_view();
                let columns = vec![Column::text("Version"), Column::text("Why"), Column::text("Saved")];
                let write = if may(Doing::Write) {
                    let saved = Callback::new(move |_| reload.run(()));
                    let (form, forms) = edited.get_value();
                    view! { <Editor project=of.get_value() form forms saved/> }.into_any()
                } else {
                    view! { <CodeBlock code=view.yaml.clone() label="document"/> }.into_any()
                };
                view! {
                    {write}
                    <Section title="Versions" lead="Each save makes one. A run belongs to the version that was newest when it was asked for.">
                        <DataTable caption="Versions" columns>{versions}</DataTable>
                    </Section>
                }.into_any()
            }
            _ => kept.with_value(|view| view! { {drawing(&view.document, &[])}{table(&view.document, &[])} }.into_any()),
        }}
    }
}

/// What can be done with a pipeline.
#[component]
fn Doings(project: String, view: trainyard_types::pipeline::PipelineView, reload: Callback<()>) -> impl IntoView {
    let (id, paused) = (view.summary.id, view.summary.paused);
    let of = StoredValue::new(project);
    let toasts = use_toasts();
    let navigate = use_navigate();
    let open = RwSignal::new(false);
    let partition = RwSignal::new(String::new());
    let parts = view.document.partitions.is_some();
    let start = Action::new(move |(): &()| {
        let named = partition.get_untracked().trim().to_owned();
        let input = NewPipelineRun { partition: Some(named).filter(|name| !name.is_empty()), ..Default::default() };
        start_pipeline(of.get_value(), id, input)
    });
    let pause = Action::new(move |(): &()| pause_pipeline(of.get_value(), id, !paused));
    let hook = Action::new(move |(): &()| new_webhook(of.get_value(), id));
    Effect::new(move |_| match start.value().get() {
        Some(Ok(run)) => {
            navigate(&format!("/p/{}/pipeline-runs/{}", of.get_value(), run.summary.id), Default::default());
        }
        Some(Err(error)) => toasts.fail(error.0.message),
        None => {}
    });
    Effect::new(move |_| match pause.value().get() {
        Some(Ok(_)) => reload.run(()),
        Some(Err(error)) => toasts.fail(error.0.message),
        None => {}
    });
    Effect::new(move |_| match hook.value().get() {
        Some(Ok(_)) => open.set(true),
        Some(Err(error)) => toasts.fail(error.0.message),
        None => {}
    });
    let starts_alone = view.document.schedule.is_some() || !view.document.triggers.is_empty();
    let hooked = view.document.triggers.contains(&Trigger::Webhook);
    let address = move || match hook.value().get() {
        Some(Ok(path)) => path,
        _ => String::new(),
    };
    view! {
        {parts.then(|| view! {
            <TextField name="partition" label="Partition" value=String::new() on_value=Callback::new(move |text| partition.set(text))/>
        })}
        <Button label="Run now".to_owned() kind=ButtonKind::Primary glyph=Glyph::Play disabled=start.pending() on_press=move |()| { start.dispatch(()); }/>
        {starts_alone.then(|| {
            let label = if paused { "Resume" } else { "Pause" }.to_owned();
            view! { <Button label disabled=pause.pending() on_press=move |()| { pause.dispatch(()); }/> }
        })}
        {hooked.then(|| view! { <Button label="New address".to_owned() glyph=Glyph::Link disabled=hook.pending() on_press=move |()| { hook.dispatch(()); }/> })}
        <Dialog open title="The address that starts this pipeline">
            <p>"Send a POST to it, with parameters as JSON or nothing. It is shown this once; an earlier one has ended. Who has it can start the pipeline."</p>
            {move || view! { <CodeBlock code=address() label="address"/> }}
        </Dialog>
    }
}

fn list(runs: Vec<PipelineRunSummary>, project: &str) -> AnyView {
    if runs.is_empty() {
        return view! { <EmptyState glyph=Glyph::Play title="It has not run yet" text="Start it with 'Run now', or give it a schedule."/> }.into_any();
    }
    let rows = runs
        .into_iter()
        .map(|run| {
            let href = format!("/p/{project}/pipeline-runs/{}", run.id);
            let time = match (run.started_at, run.ended_at) {
                (Some(start), Some(end)) => crate::format::duration(end.seconds_since(start)),
                _ => "–".to_owned(),
            };
            let done = format!("{} of {}", run.steps_done, run.steps);
            let partition = run.partition.unwrap_or_else(|| "–".to_owned());
            view! {
                <Row>
                    <Cell label="Run" main=true><A href=href>{format!("#{}", run.number)}</A></Cell>
                    <Cell label="State">{run_badge(run.state)}</Cell>
                    <Cell label="Steps done" numeric=true>{done}</Cell>
                    <Cell label="Cause">{run.cause}", "{run.created_by}</Cell>
                    <Cell label="Partition">{partition}</Cell>
                    <Cell label="Version" numeric=true>{run.version}</Cell>
                    <Cell label="Asked for"><RelativeTime at=run.created_at/></Cell>
                    <Cell label="Time" numeric=true>{time}</Cell>
                </Row>
            }
        })
        .collect_view();
    let columns = vec![
        Column::text("Run"),
        Column::text("State"),
        Column::number("Steps done"),
        Column::text("Cause"),
        Column::text("Partition"),
        Column::number("Version"),
        Column::text("Asked for"),
        Column::number("Time"),
    ];
    view! { <DataTable caption="Runs" columns>{rows}</DataTable> }.into_any()
}
