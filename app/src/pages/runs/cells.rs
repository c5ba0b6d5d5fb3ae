//! What stands in the table's cells.

use crate::{
    components::*,
    format::{count, eta, measure},
    pages::figure::metric_title,
};
use leptos::prelude::*;
use leptos_router::components::A;
use std::fmt::Write;
use trainyard_types::{
    evaluation::TestMetric,
    experiments::{self, RunTag, RunValue, Sparkline},
    job::JobState,
    run::RunSummary,
};

/// The state's badge and, below it, how far the run is or where it stands in the queue.
pub(super) fn state(run: &RunSummary) -> AnyView {
    let job = &run.job;
    let below = match (job.state, &job.progress, job.queue_position) {
        (JobState::Running, Some(progress), _) => {
            let left = progress.eta_seconds.map(eta).unwrap_or_default();
            let label = format!("Progress of {}", run.name);
            Some(view! {
                <progress class="row-progress" max="100" value=(progress.fraction * 100.0).round() aria-label=label></progress>
                <small class="muted">{left}</small>
            }
            .into_any())
        }
        (JobState::Queued, _, Some(position)) => {
            Some(view! { <small class="muted">{position_words(position)}</small> }.into_any())
        }
        _ => None,
    };
    view! { <div class="run-state"><JobBadge state=job.state/>{below}</div> }.into_any()
}

/// Where a job stands in the queue, in words.
pub fn position_words(position: u64) -> String {
    if position <= 1 { "next in the queue".to_owned() } else { format!("number {} in the queue", count(position)) }
}

/// The model's family, and what was asked for where that is another one.
pub(super) fn family(run: &RunSummary) -> String {
    match run.trained {
        Some(trained) if trained != run.family => {
            format!("{} ({})", trained.title(), run.family.title().to_lowercase())
        }
        Some(trained) => trained.title().to_owned(),
        None => run.family.title().to_owned(),
    }
}

/// The primary metric with its interval, measured against the baseline's.
pub(super) fn score(metric: &TestMetric, base: Option<&TestMetric>) -> AnyView {
    let interval = format!("{} to {}", measure(metric.low), measure(metric.high));
    // Two metrics can't be measured against each other.
    let base = base.filter(|base| base.name == metric.name).map(|base| base.value);
    view! {
        <span class="score" title=format!("95 % interval {interval}")>
            {measure(metric.value)}
            {delta(metric.value, base, Some(metric.higher_is_better))}
            <small class="muted">{metric_title(&metric.name)}<br/>{interval.clone()}</small>
        </span>
    }
    .into_any()
}

/// A metric with its interval where it has one, measured against the baseline's.
pub(super) fn metric(value: &RunValue, base: Option<&RunValue>, higher_is_better: Option<bool>) -> AnyView {
    let Some(number) = value.number else { return ().into_any() };
    let interval = value.low.zip(value.high).map(|(low, high)| format!("{} to {}", measure(low), measure(high)));
    let title = interval.as_ref().map(|interval| format!("95 % interval {interval}"));
    view! {
        <span class="score" title=title>
            {measure(number)}
            {delta(number, base.and_then(|base| base.number), higher_is_better)}
            {interval.map(|interval| view! { <small class="muted">{interval}</small> })}
        </span>
    }
    .into_any()
}

/// How far a value lies from the baseline's, and whether that is better: by sign and word, with a colour besides.
pub(crate) fn delta(value: f64, base: Option<f64>, higher_is_better: Option<bool>) -> Option<AnyView> {
    let (class, text) = delta_words(value, base?, higher_is_better);
    Some(view! { <small class=class>{text}</small> }.into_any())
}

fn delta_words(value: f64, base: f64, higher_is_better: Option<bool>) -> (&'static str, String) {
    let difference = value - base;
    if difference == 0.0 {
        return ("delta", "same".to_owned());
    }
    let sign = if difference > 0.0 { "+" } else { "−" };
    let amount = format!("{sign}{}", measure(difference.abs()));
    match higher_is_better {
        None => ("delta", amount),
        Some(higher) if (difference > 0.0) == higher => ("delta better", format!("{amount} better")),
        Some(_) => ("delta worse", format!("{amount} worse")),
    }
}

const SPARK: (f64, f64) = (84.0, 22.0);

/// The validation curve, small; its words say where it begins and ends.
pub(super) fn spark(curve: &Sparkline) -> AnyView {
    let Some((points, label)) = spark_parts(curve) else { return ().into_any() };
    let (width, height) = SPARK;
    let title = label.clone();
    view! {
        <svg class="spark" viewBox=format!("0 0 {width} {height}") role="img" aria-label=label>
            <title>{title}</title>
            <polyline points=points></polyline>
        </svg>
    }
    .into_any()
}

fn spark_parts(curve: &Sparkline) -> Option<(String, String)> {
    let values: Vec<f64> = curve.values.iter().copied().filter(|value| value.is_finite()).collect();
    let (first, last) = (values.first()?, values.last()?);
    let low = values.iter().copied().fold(f64::INFINITY, f64::min);
    let high = values.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    let span = if high > low { high - low } else { 1.0 };
    let (width, height) = SPARK;
    let step = (width - 2.0) / (values.len().max(2) - 1) as f64;
    let mut points = String::new();
    for (at, value) in values.iter().enumerate() {
        let y = height - 2.0 - (value - low) / span * (height - 4.0);
        let _ = write!(points, "{:.1},{y:.1} ", 1.0 + at as f64 * step);
    }
    let title = experiments::metric_title(&format!("valid.{}", curve.key));
    Some((points, format!("{title}: from {} to {}", measure(*first), measure(*last))))
}

/// A run's tags as small words.
pub(super) fn tags(tags: &[RunTag]) -> AnyView {
    let list = tags.iter().map(|tag| view! { <span class="tag">{tag.to_string()}</span> }).collect_view();
    view! { <span class="tags">{list}</span> }.into_any()
}

/// The data set and its version.
pub(super) fn dataset(run: &RunSummary, project: &str) -> AnyView {
    let href = format!("/p/{project}/data/{}", run.dataset);
    let (name, version) = (run.dataset_name.clone(), format!(" v{}", run.dataset_version));
    view! { <A href=href>{name}</A>{version} }.into_any()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_difference_says_what_is_better() {
        assert_eq!(delta_words(0.9, 0.8, Some(true)), ("delta better", "+0.100 better".to_owned()));
        assert_eq!(delta_words(0.9, 0.8, Some(false)), ("delta worse", "+0.100 worse".to_owned()));
        assert_eq!(delta_words(0.25, 0.5, Some(false)), ("delta better", "−0.250 better".to_owned()));
        assert_eq!(delta_words(40.0, 20.0, None), ("delta", "+20".to_owned()));
        assert_eq!(delta_words(0.5, 0.5, Some(true)).0, "delta");
    }

    #[test]
    fn a_sparkline_stays_within_its_box() {
        let curve = Sparkline { key: "trees/log_loss".into(), values: vec![0.9, f64::NAN, 0.4, 0.5] };
        let (points, label) = spark_parts(&curve).unwrap_or_default();
        assert_eq!(points.trim(), "1.0,2.0 42.0,20.0 83.0,16.4");
        assert_eq!(label, "Log loss, validation (trees): from 0.900 to 0.500");
        let flat = Sparkline { key: "loss".into(), values: vec![1.0, 1.0] };
        assert!(spark_parts(&flat).is_some_and(|(points, _)| !points.contains("NaN")));
        assert!(spark_parts(&Sparkline { key: "loss".into(), values: vec![] }).is_none());
    }
}
