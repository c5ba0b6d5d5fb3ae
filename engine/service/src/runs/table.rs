//! The table of runs with the columns that the caller chose, and a few runs side by side.

use super::no_run;
use crate::{
    Actor, Ctx,
    authorise::{self, Scope},
};
use std::collections::{BTreeMap, BTreeSet, HashMap};
use trainyard_store::{self as store, runs::table::Wanted};
use trainyard_types::{
    Action, Page, Problem, RunId, Slug,
    experiments::{
        ComparedCurve, ComparedMetric, ComparedParam, Comparison, Field, KnownColumns, MOST_COMPARED, MOST_METRICS,
        RunColumn, RunQuery, RunRow, RunTable, RunValue, metric_name, split_part,
    },
    job::JobState,
    run::{Family, MetricSeries, RunSummary},
};

/// Columns that one search lists at most.
const LISTED: u64 = 200;
/// Runs that still go on whose curves are looked up at most; of those that have ended their values tell.
const CURVES_OF_LIVE: usize = 5;

/// One page of the project's runs, with the values of the columns asked for. What the query leaves open has a default;
/// pins and the baseline are the caller's own.
///
/// # Errors
/// There is no such project for the caller; `filter`, `columns`, `sort` or `state` can't be read.
pub async fn table(ctx: &Ctx, actor: &Actor, project: &Slug, query: &RunQuery) -> Result<RunTable, Problem> {
    let scope = authorise::project(ctx, actor, project, Action::Read).await?;
    let (fields, filter, order) = (query.fields()?, query.conditions()?, query.order()?);
    let state = read_state(&query.state)?;
    let db = ctx.store().db();
    let marks = store::runs::marks::read(db, actor.user, scope.project).await?;
    let pinned = if query.pins { marks.pinned.as_slice() } else { &[] };
    let paging = query.paging();
    let wanted = Wanted {
        filter: &filter,
        words: &query.q,
        state,
        order: order.as_ref().map(|(field, down)| (field, *down)),
        archived: query.archived,
        without: pinned,
        limit: paging.limit(),
        offset: paging.offset(),
    };
    let (found, total) = store::runs::table::find(ctx.store(), scope.project, &wanted).await?;
    let mut ids: Vec<RunId> = pinned.to_vec();
    ids.extend(&found);
    let apart = marks.baseline.filter(|run| !ids.contains(run));
    ids.extend(apart);
    let mut rows: Vec<RunRow> = store::runs::table::rows(db, scope.project, &ids, &fields).await?;
    for row in &mut rows {
        row.pinned = marks.pinned.contains(&row.run.id);
        row.baseline = marks.baseline == Some(row.run.id);
    }
    let baseline = rows.iter().find(|row| row.baseline).cloned();
    rows.retain(|row| Some(row.run.id) != apart);
    let at = rows.iter().take_while(|row| pinned.contains(&row.run.id)).count();
    let items = rows.split_off(at);
    let columns = fields.into_iter().map(RunColumn::of).collect();
    Ok(RunTable { columns, baseline, pinned: rows, page: Page::new(items, total, &paging) })
}

/// A job's state by its name; none for an empty one.
pub(super) fn read_state(text: &str) -> Result<Option<JobState>, Problem> {
    if text.is_empty() {
        return Ok(None);
    }
    let known = JobState::ALL.map(JobState::as_str).join(", ");
    text.parse().map(Some).map_err(|error| Problem::field("state", format!("{error}. Use one of {known}.")))
}

/// Metrics, parameters and tags that runs of the project have, whose name holds the words; 200 at most.
///
/// # Errors
/// There is no such project for the caller.
pub async fn columns(ctx: &Ctx, actor: &Actor, project: &Slug, words: &str) -> Result<KnownColumns, Problem> {
    let scope = authorise::project(ctx, actor, project, Action::Read).await?;
    let (fields, total) = store::runs::table::known(ctx.store().db(), scope.project, words, LISTED).await?;
    Ok(KnownColumns { columns: fields.into_iter().map(RunColumn::of).collect(), total })
}

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
    let mut curves: BTreeSet<String> =
        metrics.iter().filter(|value| value.curve).map(|value| common(&value.key)).collect();
    for run in summaries.iter().filter(|run| run.job.state == JobState::Running).take(CURVES_OF_LIVE) {
        curves.extend(store::runs::table::curves_so_far(db, run.id).await?.iter().map(|key| common(key)));
    }
    let mut curves: Vec<String> = curves.into_iter().collect();
    curves.sort_by_key(|key| (rank(key), key.clone()));
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
    params.sort_by_key(|param| !param.differs);
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

/// A curve's name whatever the family: `valid.trees/log_loss` of one run is compared with `valid.realmlp/log_loss` of another.
fn common(key: &str) -> String {
    format!("{}.{}", split_part(key).0, metric_name(key))
}

/// The curve of that name of a run: its own, or that of the family that was trained before those of others that were tried.
async fn curve_of(
    db: &impl store::ConnectionTrait,
    run: &RunSummary,
    name: &str,
    part: &str,
) -> Result<Option<MetricSeries>, Problem> {
    let families = [run.trained.unwrap_or(run.family)].into_iter().chain(Family::ALL);
    let mut keys = vec![name.to_owned()];
    if !name.contains('/') {
        keys.extend(families.map(|family| format!("{}/{name}", family.as_str())));
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

/// The caller's project, for acting on what the table shows.
pub(super) async fn acting(ctx: &Ctx, actor: &Actor, project: &Slug, action: Action) -> Result<Scope, Problem> {
    let scope = authorise::project(ctx, actor, project, action).await?;
    if !actor.is_person() {
        return Err(Problem::forbidden("Only a person has pins and views. Sign in first."));
    }
    Ok(scope)
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
