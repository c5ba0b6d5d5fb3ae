//! The project's registered models.

use crate::wire::resource;
use crate::{
    api::models::list_models,
    components::*,
    format::{count, encode, measure},
    hooks::{use_page_query, use_project},
    pages::{figure::metric_title, parts::DemoButton},
};
use leptos::prelude::*;
use leptos_router::components::A;
use trainyard_types::{Action, Page, PageQuery, model::ModelView};

/// The project's registered models.
#[component]
pub fn ModelsPage() -> impl IntoView {
    let project = use_project();
    let query = use_page_query();
    let list = resource(move || (project.get(), query.get()), |(project, query)| list_models(project, query));
    view! {
        <PageHead title="Models" state="What can be asked for predictions. The champion of each model answers."/>
        <Load resource=list lines=8 view=move |page| listed(page, &query.get_untracked(), project.get_untracked())/>
    }
}

fn listed(page: Page<ModelView>, query: &PageQuery, project: String) -> AnyView {
    if page.total == 0 && query.q.is_empty() {
        return nothing_yet(project);
    }
    let download = format!("/api/v1/projects/{}/models", encode(&project));
    let (total, at, per_page) = (page.total, page.page, page.per_page);
    let rows = page.items.into_iter().map(|model| row(model, &project)).collect_view();
    let columns = vec![
        Column::text("Name").sorted("name"),
        Column::text("Champion").term("champion"),
        Column::number("Latest"),
        Column::number("Test score of latest").term("bootstrap_interval"),
        Column::text("Verdict").term("verdict"),
        Column::text("Model"),
        Column::number("Predictions"),
        Column::text("Changed"),
    ];
    view! {
        <ListTools search="Search models" download=download/>
        {if total == 0 {
            view! { <p class="muted">"No model has that in its name."</p> }.into_any()
        } else {
            view! { <DataTable caption="Models" columns>{rows}</DataTable> }.into_any()
        }}
        <Pager total page=at per_page noun="models"/>
    }
    .into_any()
}

fn row(model: ModelView, project: &str) -> AnyView {
    let href = format!("/p/{project}/models/{}", model.name);
    let latest = model.latest;
    let champion = match model.champion {
        Some(number) => view! { <Badge tone=Tone::Ok glyph=Glyph::Crown text=format!("Version {number}")/> }.into_any(),
        None => view! { <Badge tone=Tone::Warning glyph=Glyph::Warning text="None: answers nothing"/> }.into_any(),
    };
    let score = latest.test.first().map(|m| view! {
        <span class="score">{measure(m.value)}<small class="muted">{metric_title(&m.name)}<br/>{format!("{} to {}", measure(m.low), measure(m.high))}</small></span>
    });
    view! {
        <Row>
            <Cell label="Name" main=true><A href=href>{model.name.clone()}</A></Cell>
            <Cell label="Champion">{champion}</Cell>
            <Cell label="Latest" numeric=true>{format!("v{}", latest.number)}</Cell>
            <Cell label="Test score of latest" numeric=true>{score}</Cell>
            <Cell label="Verdict"><FitBadge fit=latest.verdict.fit/></Cell>
            <Cell label="Model">{latest.family.title()}</Cell>
            <Cell label="Predictions" numeric=true>{count(model.predictions)}</Cell>
            <Cell label="Changed"><RelativeTime at=latest.created_at.max(model.champion_since.unwrap_or(latest.created_at))/></Cell>
        </Row>
    }
    .into_any()
}

fn nothing_yet(project: String) -> AnyView {
    if !crate::hooks::may(Action::Write) {
        return view! { <EmptyState glyph=Glyph::Model title="No models yet" text="When a member of this project registers the model of a run, it appears here."/> }.into_any();
    }
    let runs = format!("/p/{project}/runs");
    view! {
        <EmptyState glyph=Glyph::Model title="No models yet" text="Open a finished run and register its model; it then has an address that answers predictions.">
            <LinkButton href=runs label="Open experiments" kind=ButtonKind::Primary glyph=Glyph::Experiment/>
            <DemoButton/>
        </EmptyState>
    }
    .into_any()
}
