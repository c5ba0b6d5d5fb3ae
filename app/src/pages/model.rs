//! One model: what is live, its versions, a form to try it, calls to copy, what it takes, and where it comes from.

mod code;
mod row;
mod try_it;
mod versions;

use crate::wire::Resource;
use crate::wire::resource;
use crate::{
    AppError,
    api::models::{get_model, model_lineage, model_versions},
    components::*,
    format::{bytes, counted},
    hooks::{use_now, use_param, use_project},
    pages::lineage,
};
use leptos::prelude::*;
use leptos_router::components::A;
use trainyard_types::{
    catalog::Lineage,
    model::{ModelVersionView, ModelView, Signature},
};

type Loaded = (ModelView, Vec<ModelVersionView>);

async fn load(name: String) -> Result<Loaded, AppError> {
    let model = get_model(name.clone()).await?;
    Ok((model, model_versions(name).await?))
}

/// One model.
#[component]
pub fn ModelPage() -> impl IntoView {
    let project = use_project();
    let name = use_param("name");
    let loaded = resource(move || name.get(), load);
    let tab = use_tab("versions");
    let graph = resource(
        move || (tab.get() == "lineage").then(|| name.get()),
        |name| async move {
            match name {
                Some(name) => model_lineage(name).await.map(Some),
                None => Ok(None),
            }
        },
    );
    view! {
        <Load resource=loaded lines=14 view=move |(model, versions): Loaded| {
            page(project.get_untracked(), model, versions, graph, Callback::new(move |()| loaded.refetch()))
        }/>
    }
}

/// The version that answers, or the latest where none does.
fn shown(model: &ModelView, versions: &[ModelVersionView]) -> ModelVersionView {
    versions.iter().find(|v| Some(v.number) == model.champion).cloned().unwrap_or_else(|| model.latest.clone())
}

fn page(
    project: String,
    model: ModelView,
    versions: Vec<ModelVersionView>,
    graph: Resource<Result<Option<Lineage>, AppError>>,
    reload: Callback<()>,
) -> AnyView {
    let now = use_now();
    let tab = use_tab("versions");
    let live = shown(&model, &versions);
    let champion = model.champion;
    let state = {
        let (since, by) = (model.champion_since, model.champion_by.clone());
        let (task, answered) = (live.task, counted(model.predictions, "prediction", "predictions"));
        Signal::derive(move || match (champion, since) {
            (Some(number), Some(since)) => format!(
                "Version {number} is live since {}, by {}. It predicts {} and has answered {answered}.",
                crate::format::ago(since, now.get()),
                by.as_deref().unwrap_or("the first registration"),
                match task {
                    trainyard_types::run::Task::Regression => "a number",
                    _ => "a class",
                },
            ),
            (Some(number), None) => format!("Version {number} is live."),
            _ => "No version is champion: its address answers 404 until an approver chooses one.".to_owned(),
        })
    };
    let crumbs = vec![("Models".to_owned(), format!("/p/{project}/models"))];
    let tabs = vec![
        Tab::new("versions", "Versions").count(versions.len() as u64),
        Tab::new("try", "Try it"),
        Tab::new("api", "API"),
        Tab::new("signature", "Signature").count(live.signature.inputs.len() as u64),
        Tab::new("lineage", "Lineage"),
    ];
    let (name, description) = (model.name.clone(), model.description.clone());
    let kept = StoredValue::new((project, model, versions, live));
    view! {
        <PageHead title=name state=state crumbs=crumbs/>
        {(!description.is_empty()).then(|| view! { <p class="lead">{description}</p> })}
        <Tabs label="Model" tabs/>
        {move || {
            let (project, model, versions, live) = kept.get_value();
            match tab.get().as_str() {
                "try" => view! { <try_it::TryIt model=model.name version=live champion/> }.into_any(),
                "api" => view! { <code::Calls model=model.name version=live champion/> }.into_any(),
                "signature" => signature(live),
                "lineage" => view! { <Origin project versions graph/> }.into_any(),
                _ => view! { <versions::Versions project model versions reload/> }.into_any(),
            }
        }}
    }
    .into_any()
}

/// What the model takes and gives.
fn signature(version: ModelVersionView) -> AnyView {
    let Signature { inputs, target, task, classes, loss } = version.signature;
    let rows = inputs
        .into_iter()
        .map(|input| {
            let values = match input.categories.len() {
                0 if input.free_text => "free text".to_owned(),
                0 => String::new(),
                n if n > 6 => format!("{} and {} more", input.categories[..5].join(", "), n - 5),
                _ => input.categories.join(", "),
            };
            let range = row::range(&input);
            let median = input.median.map_or(String::new(), crate::format::plain);
            view! {
                <Row>
                    <Cell label="Column" main=true><code>{input.name}</code></Cell>
                    <Cell label="Type"><span class="kind">{input.kind.as_str()}</span></Cell>
                    <Cell label="Range" numeric=true>{range}</Cell>
                    <Cell label="Median" numeric=true>{median}</Cell>
                    <Cell label="Values">{values}</Cell>
                    <Cell label="Missing">{if input.had_missing { "may be missing" } else { "always there" }}</Cell>
                </Row>
            }
        })
        .collect_view();
    let columns = vec![
        Column::text("Column"),
        Column::text("Type"),
        Column::number("Range"),
        Column::number("Median"),
        Column::text("Values"),
        Column::text("In training"),
    ];
    let gives = if classes.is_empty() {
        view! { <p>"A number for " <code>{target}</code> "."</p> }.into_any()
    } else {
        view! { <p>"The probability of each value of " <code>{target}</code> ": " {classes.join(", ")} "."</p> }
            .into_any()
    };
    view! {
        <Section title="It takes" lead=format!("As learned by version {} from its train rows.", version.number)>
            <DataTable caption="Inputs" columns>{rows}</DataTable>
        </Section>
        <Section title="It gives">
            {gives}
            <p class="muted"><Term name=task.as_str()/></p>
            {loss.map(|loss| view! { <p class="muted">{format!("It learned to make {} small.", loss.in_words())}</p> })}
        </Section>
    }
    .into_any()
}

/// Which data, pipeline and run made each version, and its file.
#[component]
fn Origin(
    project: String,
    versions: Vec<ModelVersionView>,
    graph: Resource<Result<Option<Lineage>, AppError>>,
) -> impl IntoView {
    let of = project.clone();
    let show = move |found: Option<Lineage>| found.map_or_else(|| ().into_any(), |found| lineage::graph(&of, found));
    view! {
        <Section title="Where its versions come from" lead="What really happened, from the data to the address that answers.">
            <Load resource=graph lines=8 view=show/>
        </Section>
        <Section title="Files">{files(project, versions)}</Section>
    }
    .into_any()
}

/// For each version: data, run, file.
fn files(project: String, versions: Vec<ModelVersionView>) -> AnyView {
    let rows = versions
        .into_iter()
        .map(|v| {
            let run = format!("/p/{project}/runs/{}?tab=lineage", v.run);
            let data = format!("/p/{project}/data?q={}", crate::format::encode(&v.dataset_name));
            view! {
                <Row>
                    <Cell label="Version" main=true>{format!("Version {}", v.number)}</Cell>
                    <Cell label="Data set"><A href=data>{v.dataset_name}</A>{format!(" v{}", v.dataset_version)}</Cell>
                    <Cell label="Run"><A href=run>{v.run_name}</A></Cell>
                    <Cell label="Model file"><Hash whole=v.hash/></Cell>
                    <Cell label="Size" numeric=true>{bytes(v.bytes)}</Cell>
                    <Cell label="Registered"><RelativeTime at=v.created_at/>" by "{v.created_by}</Cell>
                </Row>
            }
        })
        .collect_view();
    let columns = vec![
        Column::text("Version"),
        Column::text("Data set"),
        Column::text("Run"),
        Column::text("Model file"),
        Column::number("Size"),
        Column::text("Registered"),
    ];
    view! { <DataTable caption="Files of its versions" columns>{rows}</DataTable> }.into_any()
}
