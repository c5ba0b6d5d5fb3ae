//! The run at a glance: key metrics, curves, what was tried, and everything that decided the result.

use super::{RunContext, curves::Curves, rules::Rules, seeds::Seeds, series::of_system};
use crate::{
    components::*,
    format::{count, duration, measure},
    pages::{figure::metric_title, runs::rows_words},
};
use leptos::prelude::*;
use trainyard_types::{
    evaluation::{RunResult, TestMetric},
    monotone,
    run::{DeviceChoice, RunView, TrainSettings},
};

#[component]
pub fn Overview(context: RunContext) -> impl IntoView {
    let RunContext { project, run, live, .. } = context;
    let result = run.with_value(|r| r.result.clone());
    let running = live.running();
    let learned = Memo::new(move |_| live.series.with(|s| of_system(s, false)));
    let nothing = move || {
        learned.with(Vec::is_empty).then(|| {
            let words =
                if running.get() { "Curves appear with the first epoch." } else { "This run recorded no curves." };
            view! { <p class="muted curves-none">{words}</p> }
        })
    };
    view! {
        {result.as_ref().map(|r| key_metrics(&r.test))}
        <Section title="Curves">
            {nothing}
            <Curves series=learned running/>
        </Section>
        {result.as_ref().map(metric_table)}
        {result.as_ref().filter(|r| r.candidates.len() > 1).map(candidates)}
        <Rules context/>
        {result.as_ref().map(|_| view! { <Seeds context/> })}
        <div class="two-columns">
            <Section title="What it learned from">{provenance(&project.get_value(), &run.get_value(), live.device)}</Section>
            {result.map(|r| view! {
                <Section title="Parameters">
                    <Facts items=r.parameters.into_iter().map(|(name, value)| (crate::pages::figure::capital(&crate::format::words(&name)), value.into_any())).collect()/>
                </Section>
            })}
        </div>
    }
    .into_any()
}

/// The test metrics as tiles, the primary one first, each with its interval.
fn key_metrics(test: &[TestMetric]) -> AnyView {
    let tiles = test
        .iter()
        .take(5)
        .map(|m| {
            let note = format!("95 %: {} to {}", measure(m.low), measure(m.high));
            view! { <StatTile label=metric_title(&m.name) value=measure(m.value) note=note term=m.name.clone()/> }
        })
        .collect_view();
    view! { <Section title="On rows it never saw" lead="Test rows took no part in learning or choosing."><Stats>{tiles}</Stats></Section> }.into_any()
}

/// Every metric on every part, scored alike.
fn metric_table(result: &RunResult) -> AnyView {
    let rows = result
        .test
        .iter()
        .map(|m| {
            let part = |metrics: &trainyard_types::evaluation::Metrics| metrics.get(&m.name).map_or("–".to_owned(), |v| measure(*v));
            let (train, valid, test) = (part(&result.metrics.train), part(&result.metrics.valid), measure(m.value));
            let interval = format!("{} to {}", measure(m.low), measure(m.high));
            let better = if m.higher_is_better { " higher is better" } else { " lower is better" };
            let (name, title) = (m.name.clone(), metric_title(&m.name));
            view! {
                <Row>
                    <Cell label="Metric" main=true><Term name=name text=title/><small class="muted">{better}</small></Cell>
                    <Cell label="Train" numeric=true>{train}</Cell>
                    <Cell label="Validation" numeric=true>{valid}</Cell>
                    <Cell label="Test" numeric=true>{test}</Cell>
                    <Cell label="95 % interval" numeric=true>{interval}</Cell>
                </Row>
            }
        })
        .collect_view();
    let columns = vec![
        Column::text("Metric"),
        Column::number("Train").term("train"),
        Column::number("Validation").term("validation"),
        Column::number("Test").term("test"),
        Column::number("95 % interval").term("bootstrap_interval"),
    ];
    view! { <Section title="All metrics"><DataTable caption="Metrics by part" columns>{rows}</DataTable></Section> }
        .into_any()
}

/// The families that were tried.
fn candidates(result: &RunResult) -> AnyView {
    let metric = metric_title(result.primary_metric());
    let rows = result
        .candidates
        .iter()
        .cloned()
        .map(|c| {
            view! {
                <Row>
                    <Cell label="Model" main=true><Term name=c.family.as_str() text=c.family.title()/></Cell>
                    <Cell label="Validation score" numeric=true>{measure(c.valid_score)}</Cell>
                    <Cell label="Took" numeric=true>{duration(c.seconds)}</Cell>
                    <Cell label="Choice">{c.kept.then(|| view! { <Badge tone=Tone::Ok glyph=Glyph::Check text="Kept"/> })}</Cell>
                </Row>
            }
        })
        .collect_view();
    let columns =
        vec![Column::text("Model"), Column::number("Validation score"), Column::number("Took"), Column::text("Choice")];
    let lead = format!("Each was trained on the same rows; the best {metric} on the validation rows decides.");
    view! { <Section title="What was tried" lead=lead><DataTable caption="Candidates" columns>{rows}</DataTable></Section> }.into_any()
}

/// Data, split, seed, code and device: what it takes to get the same model again.
fn provenance(project: &str, run: &RunView, device: RwSignal<Option<(String, String)>>) -> AnyView {
    let s = &run.summary;
    let settings = &run.settings;
    let data = format!("/p/{project}/data/{}?version={}", s.dataset, run.dataset_version_id);
    let label = format!("{} v{}", s.dataset_name, s.dataset_version);
    let hash = run.dataset_hash.clone();
    let where_ = move || match device.get() {
        Some((name, reason)) => view! { <span>{name}</span><span class="muted block">{reason}</span> }.into_any(),
        None => view! { <span class="muted">"chosen when it starts"</span> }.into_any(),
    };
    let mut items: Vec<(String, AnyView)> = vec![
        ("Data set".into(), view! { <a href=data>{label}</a> }.into_any()),
        ("Data hash".into(), view! { <Hash whole=hash/> }.into_any()),
        ("Target".into(), view! { <code>{settings.target.clone()}</code> }.into_any()),
        (
            "Left out".into(),
            if settings.drop.is_empty() { "nothing".into_any() } else { settings.drop.join(", ").into_any() },
        ),
        ("Split".into(), split_words(settings).into_any()),
    ];
    if !settings.monotone.is_empty() {
        items.push(("Directions".into(), monotone::in_words(&settings.monotone).into_any()));
    }
    if let Some(r) = &run.result {
        items.push(("Rows".into(), rows_words(r.rows.train, r.rows.valid, r.rows.test).into_any()));
        items.push(("Passes".into(), count(r.epochs).into_any()));
        items.push(("Speed".into(), format!("{} rows a second", measure(r.rows_per_second)).into_any()));
    }
    items.push((
        "Model asked for".into(),
        view! { <Term name=settings.family.as_str() text=settings.family.title()/> }.into_any(),
    ));
    if let Some(loss) = settings.loss {
        items.push(("Minimises".into(), view! { <Term name="loss" text=loss.in_words()/> }.into_any()));
    }
    items.push(("Budget".into(), budget_words(run).into_any()));
    items.push(("Seed".into(), settings.seed.into_any()));
    items.push(("Device".into(), where_.into_any()));
    if settings.device != DeviceChoice::Auto {
        let asked = if settings.device == DeviceChoice::Cpu { "CPU" } else { "GPU" };
        items.push(("Device asked for".into(), asked.into_any()));
    }
    items.push(("Code version".into(), view! { <code>{run.code_version.clone()}</code> }.into_any()));
    if let Some(r) = &run.result {
        let libraries: Vec<String> = r.libraries.iter().map(|(name, version)| format!("{name} {version}")).collect();
        if !libraries.is_empty() {
            items.push(("Libraries".into(), libraries.join(", ").into_any()));
        }
    }
    items.push(("Started by".into(), s.created_by.clone().into_any()));
    view! { <Facts items/> }.into_any()
}

fn budget_words(run: &RunView) -> String {
    match (run.settings.epochs, run.settings.budget_seconds) {
        (Some(epochs), _) => format!("{} epochs", count(u64::from(epochs))),
        (None, Some(seconds)) => format!("{} of training", duration(seconds)),
        (None, None) => format!("{} of training, the default", duration(60.0)),
    }
}

fn split_words(settings: &TrainSettings) -> String {
    let copies = if settings.distinct { ", copies of rows left out" } else { "" };
    format!("{}{copies}", settings.split.in_words())
}
