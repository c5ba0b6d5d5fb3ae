//! A few runs side by side.

use super::no_run;
use crate::{Actor, Ctx, authorise};
use std::{
    cmp::Reverse,
    collections::{BTreeMap, BTreeSet, HashMap},
};
use trainyard_store as store;
use trainyard_types::{
    Action, Problem, RunId, Slug,
    experiments::{
        ComparedCurve, ComparedMetric, ComparedParam, Comparison, Field, MOST_COMPARED, MOST_METRICS, RunValue,
        metric_name, split_part,
    },
    job::JobState,
    run::{Family, MetricSeries, RunSummary},
};

/// Runs that still go on whose curves are looked up at most; of those that have ended their values tell.
const CURVES_OF_LIVE: usize = 5;

/// Two to twenty runs side by side, measured against `base`: one of them, or else the caller's baseline where it is among
/// them, or else the first. `words` narrows the metrics.
///
/// # Errors
/// There is no such project or run for the caller; too few or too many runs are named.
pub async fn compare(
    ctx: &Ctx,
    actor: &Actor,
    project: &Slug,
    runs: &[RunId],
    base: Option<RunId>,
    words: &str,
) -> Result<Comparison, Problem> {
    let scope = authorise::project(ctx, actor, project, Action::Read).await?;
    let runs = compared(runs)?;
    let db = ctx.store().db();
    let summaries = store::runs::table::summaries_of(db, scope.project, &runs).await?;
    if summaries.len() < runs.len() {
        return Err(no_run());
    }
    let marked = store::runs::marks::read(db, actor.user, scope.project).await?.baseline;
    let place = |run: Option<RunId>| runs.iter().position(|known| Some(*known) == run);
    let base = match base {
        Some(base) => place(Some(base)).ok_or_else(|| Problem::field("base", "Name one of the runs compared."))?,
        None => place(marked).unwrap_or(0),
    };
    let params = store::runs::table::params_of(db, &runs).await?;
    let metrics = store::runs::table::metrics_of(db, &runs).await?;
    let mut curves: Vec<(RunId, String)> =
        metrics.iter().filter(|value| value.curve).map(|value| (value.run, value.key.clone())).collect();
    for run in summaries.iter().filter(|run| run.job.state == JobState::Running).take(CURVES_OF_LIVE) {
        let so_far = store::runs::table::curves_so_far(db, run.id).await?;
        curves.extend(so_far.into_iter().map(|key| (run.id, key)));
    }
    let curves = common_curves(&summaries, &curves);
    let words = words.trim().to_lowercase();
    let mut metrics: Vec<ComparedMetric> = by_key(&runs, metrics)
        .into_iter()
        .map(|(key, values)| metric(key, values))
        .filter(|metric| metric.key.contains(&words) || metric.title.to_lowercase().contains(&words))
        .collect();
    metrics.sort_by_key(|metric| (rank(&metric.key), metric.higher_is_better.is_none()));
    let metrics_total = metrics.len() as u64;
    metrics.truncate(MOST_METRICS);
    let mut params: Vec<ComparedParam> = by_key(&runs, params)
        .into_iter()
        .map(|(key, values)| {
            let values: Vec<Option<String>> =
                values.into_iter().map(|value| value.and_then(|value| value.text)).collect();
            ComparedParam { differs: differ(&values), key, values }
        })
        .collect();
    // What some runs lack says less than what all have.
    params.sort_by_key(|param| (!param.differs, param.values.iter().any(Option::is_none)));
    Ok(Comparison { runs: summaries, base, params, metrics, metrics_total, curves })
}

/// Each once, in the order given.
fn compared(runs: &[RunId]) -> Result<Vec<RunId>, Problem> {
    let mut each: Vec<RunId> = Vec::new();
    for run in runs {
        if !each.contains(run) {
            each.push(*run);
        }
    }
    if !(2..=MOST_COMPARED).contains(&each.len()) {
        return Err(Problem::field("runs", format!("Compare 2 to {MOST_COMPARED} runs; {} are named.", each.len())));
    }
    Ok(each)
}

/// Test before validation before train.
fn rank(key: &str) -> u8 {
    match split_part(key).0 {
        "" => 0,
        "valid" => 1,
        _ => 2,
    }
}

/// The values of all runs of each key, keys in order.
fn by_key(runs: &[RunId], values: Vec<store::runs::table::OfRun>) -> BTreeMap<String, Vec<Option<RunValue>>> {
    let places: HashMap<RunId, usize> = runs.iter().enumerate().map(|(place, run)| (*run, place)).collect();
    let mut keys: BTreeMap<String, Vec<Option<RunValue>>> = BTreeMap::new();
    for value in values {
        let Some(place) = places.get(&value.run) else { continue };
        keys.entry(value.key).or_insert_with(|| vec![None; runs.len()])[*place] = Some(value.value);
    }
    keys
}

fn metric(key: String, values: Vec<Option<RunValue>>) -> ComparedMetric {
    let field = Field::metric(key.as_str());
    let higher_is_better = field.higher_is_better();
    let numbers: Vec<Option<f64>> = values.iter().map(|value| value.as_ref().and_then(|value| value.number)).collect();
    ComparedMetric {
        title: field.title(),
        best: best(&numbers, higher_is_better),
        differs: differ(&numbers),
        higher_is_better,
        key,
        values,
    }
}

/// Places of the best value; none where fewer than two runs have one, or all of these have the same.
fn best(numbers: &[Option<f64>], higher_is_better: Option<bool>) -> Vec<usize> {
    let Some(higher) = higher_is_better else { return Vec::new() };
    let known: Vec<f64> = numbers.iter().flatten().copied().collect();
    if !differ(&known) {
        return Vec::new();
    }
    let best = known.into_iter().reduce(|a, b| if (b > a) == higher { b } else { a });
    (0..numbers.len()).filter(|place| numbers[*place].is_some() && numbers[*place] == best).collect()
}

/// Whether not all are the same; a run that lacks the value differs from one that has it.
fn differ<T: PartialEq>(values: &[T]) -> bool {
    values.windows(2).any(|pair| pair[0] != pair[1])
}

/// Names of curves whatever the family: `valid.trees/log_loss` of one run is compared with `valid.realmlp/log_loss` of
/// another. Those that most runs have come first, validation's before train's.
fn common_curves(runs: &[RunSummary], curves: &[(RunId, String)]) -> Vec<String> {
    let mut known: BTreeMap<String, BTreeSet<RunId>> = BTreeMap::new();
    for run in runs {
        for (_, key) in curves.iter().filter(|(of, key)| *of == run.id && is_own(run, key)) {
            let name = format!("{}.{}", split_part(key).0, metric_name(key));
            known.entry(name).or_default().insert(run.id);
        }
    }
    let mut names: Vec<(u8, Reverse<usize>, String)> =
        known.into_iter().map(|(name, of)| (rank(&name), Reverse(of.len()), name)).collect();
    names.sort();
    names.into_iter().map(|(_, _, name)| name).collect()
}

/// Whether a curve is of the family that the run is about, and not of one that was fitted besides, for the verdict or in
/// search of the best.
fn is_own(run: &RunSummary, key: &str) -> bool {
    match (split_part(key).1.rsplit_once('/'), run.trained) {
        (None, _) => true,
        (Some((family, _)), Some(trained)) => family == trained.as_str(),
        (Some((family, _)), None) => run.family == Family::Auto || family == run.family.as_str(),
    }
}

/// The curve of that name of a run, of the family that it is about.
async fn curve_of(
    db: &impl store::ConnectionTrait,
    run: &RunSummary,
    name: &str,
    part: &str,
) -> Result<Option<MetricSeries>, Problem> {
    let mut keys = vec![name.to_owned()];
    if !name.contains('/') {
        let families = [run.trained.unwrap_or(run.family)].into_iter().chain(Family::ALL);
        keys.extend(families.map(|family| format!("{}/{name}", family.as_str())).filter(|key| is_own(run, key)));
    }
    for key in keys {
        if let Some(curve) = store::metrics::curve(db, run.id, &key, part).await? {
            return Ok(Some(curve));
        }
    }
    Ok(None)
}

/// One metric's curve of each of these runs that has it; `key` as a comparison names it, `valid.log_loss`, or with the
/// family as well, `valid.trees/log_loss`. Each is thinned to 1,500 points.
///
/// # Errors
/// There is no such project or run for the caller; too few or too many runs are named; `key` names no part.
pub async fn curves(
    ctx: &Ctx,
    actor: &Actor,
    project: &Slug,
    runs: &[RunId],
    key: &str,
) -> Result<Vec<ComparedCurve>, Problem> {
    let scope = authorise::project(ctx, actor, project, Action::Read).await?;
    let runs = compared(runs)?;
    let (part, name) = split_part(key);
    if part.is_empty() {
        return Err(Problem::field("key", "Name a curve with its part, such as valid.log_loss."));
    }
    let db = ctx.store().db();
    let summaries = store::runs::table::summaries_of(db, scope.project, &runs).await?;
    if summaries.len() < runs.len() {
        return Err(no_run());
    }
    let mut curves = Vec::new();
    for run in summaries {
        if let Some(curve) = curve_of(db, &run, name, part).await? {
            curves.push(ComparedCurve { run: run.id, name: run.name, steps: curve.steps, values: curve.values });
        }
    }
    Ok(curves)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_best_is_marked_where_it_is_one() {
        let of = |values: &[Option<f64>], higher| best(values, higher);
        assert_eq!(of(&[Some(0.5), Some(0.7), None, Some(0.7)], Some(true)), [1, 3]);
        assert_eq!(of(&[Some(0.5), Some(0.7), None], Some(false)), [0]);
        assert_eq!(of(&[Some(0.5), None], Some(true)), [0; 0]);
        assert_eq!(of(&[Some(0.5), None, Some(0.5)], Some(true)), [0; 0], "none stands out");
        assert_eq!(of(&[Some(0.5), Some(0.7)], None), [0; 0]);
    }
}
