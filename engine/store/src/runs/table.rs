//! The table of runs: which ones, in which order, and of each only the values that are shown.

use super::{
    entries::Kind,
    read, summaries,
    table_query::{join, narrow, sort},
    values,
};
use crate::{
    Store, StoreError,
    entity::{dataset, job, run, run_metric, run_value},
    parse,
    query::{all, count, holds, order},
};
use sea_orm::{
    ColumnTrait, ConnectionTrait, EntityTrait, FromQueryResult, PaginatorTrait, QueryFilter, QueryOrder, QuerySelect,
    sea_query::{Expr, Query},
};
use std::collections::HashMap;
use trainyard_types::{
    ProjectId, RunId,
    experiments::{Attribute, Field, Filter, RunRow, RunTag, RunValue},
    job::JobState,
    run::RunSummary,
};

/// Curves of runs that still go on are read for this many rows of a table at most.
const LIVE: usize = 10;

/// Which runs of a project.
#[derive(Clone, Debug)]
pub struct Wanted<'a> {
    pub filter: &'a Filter,
    /// Words to look for in name, target and data set.
    pub words: &'a str,
    pub state: Option<JobState>,
    /// What to sort by, and whether downwards; otherwise newest first.
    pub order: Option<(&'a Field, bool)>,
    /// The archived ones instead of the others.
    pub archived: bool,
    pub without: &'a [RunId],
    pub limit: u64,
    pub offset: u64,
}

#[derive(FromQueryResult)]
struct Found {
    id: String,
}

/// The runs of a page, and how many there are in all.
///
/// # Errors
/// The database failed.
pub async fn find(store: &Store, project: ProjectId, wanted: &Wanted<'_>) -> Result<(Vec<RunId>, u64), StoreError> {
    let mut select = Query::select();
    select.from(run::Entity).and_where(run::Column::ProjectId.eq(project.to_string()));
    let mut fields: Vec<&Field> = wanted.filter.clauses.iter().map(|clause| &clause.field).collect();
    fields.extend(wanted.order.map(|(field, _)| field));
    join(&mut select, &fields, !wanted.words.trim().is_empty(), wanted.state.is_some());
    select.and_where(match wanted.archived {
        true => run::Column::ArchivedAt.is_not_null(),
        false => run::Column::ArchivedAt.is_null(),
    });
    if let Some(state) = wanted.state {
        select.and_where(job::Column::State.eq(state.as_str()));
    }
    let names = holds(wanted.words, &[run::Column::Name, run::Column::Target]);
    if let (Some(names), Some(datasets)) = (names, holds(wanted.words, &[dataset::Column::Name])) {
        select.cond_where(names.add(datasets));
    }
    if !wanted.without.is_empty() {
        select.and_where(run::Column::Id.is_not_in(wanted.without.iter().map(RunId::to_string)));
    }
    narrow(&mut select, wanted.filter, store.is_postgres());
    let total = count(store.db(), &select).await?;
    let mut oldest_first = false;
    if let Some((field, down)) = wanted.order {
        sort(&mut select, field, down);
        oldest_first = *field == Field::Attribute(Attribute::Created) && !down;
    }
    order(&mut select, run::Column::CreatedAt, !oldest_first);
    order(&mut select, run::Column::Id, !oldest_first);
    select.expr_as(Expr::col((run::Entity, run::Column::Id)), "id").limit(wanted.limit).offset(wanted.offset);
    let found: Vec<Found> = all(store.db(), &select).await?;
    let ids = found.iter().map(|row| parse("runs.id", &row.id)).collect::<Result<_, _>>()?;
    Ok((ids, total))
}

/// Runs of the project by their ids, in that order; ids of no such run are left out.
///
/// # Errors
/// The database failed.
pub async fn summaries_of(
    db: &impl ConnectionTrait,
    project: ProjectId,
    runs: &[RunId],
) -> Result<Vec<RunSummary>, StoreError> {
    if runs.is_empty() {
        return Ok(Vec::new());
    }
    let mut select = summaries(project);
    select.and_where(run::Column::Id.is_in(runs.iter().map(RunId::to_string)));
    let mut known: HashMap<RunId, RunSummary> =
        read(db, &select).await?.into_iter().map(|summary| (summary.id, summary)).collect();
    Ok(runs.iter().filter_map(|id| known.remove(id)).collect())
}

/// The rows of these runs with the values of these columns. Nobody's pins and baseline are marked.
///
/// # Errors
/// The database failed.
pub async fn rows(
    db: &impl ConnectionTrait,
    project: ProjectId,
    runs: &[RunId],
    fields: &[Field],
) -> Result<Vec<RunRow>, StoreError> {
    let summaries = summaries_of(db, project, runs).await?;
    let ids: Vec<RunId> = summaries.iter().map(|summary| summary.id).collect();
    let shows = |wanted: Attribute| fields.contains(&Field::Attribute(wanted));
    let keys = |kind: Kind| -> Vec<&str> { fields.iter().filter_map(|field| key_of(field, kind)).collect() };
    let mut known: HashMap<(String, Kind, String), run_value::Model> = HashMap::new();
    for kind in [Kind::Metric, Kind::Param] {
        for model in values::of_runs(db, &ids, kind, Some(&keys(kind))).await? {
            known.insert((model.run_id.clone(), kind, model.key.clone()), model);
        }
    }
    let mut tags: HashMap<String, Vec<RunTag>> = HashMap::new();
    for model in values::of_runs(db, &ids, Kind::Tag, None).await? {
        let tag = RunTag { key: model.key.clone(), value: model.words.clone().unwrap_or_default() };
        tags.entry(model.run_id.clone()).or_default().push(tag);
        known.insert((model.run_id.clone(), Kind::Tag, model.key.clone()), model);
    }
    let mut curves = HashMap::new();
    if shows(Attribute::Curve) {
        for model in values::of_runs(db, &ids, Kind::Curve, None).await? {
            curves.insert(model.run_id.clone(), values::drawn(&model));
        }
        for summary in summaries.iter().filter(|run| run.job.state == JobState::Running).take(LIVE) {
            curves.insert(summary.id.to_string(), values::live(db, summary.id, summary.family).await?);
        }
    }
    let mut besides = besides(db, &ids).await?;
    Ok(summaries
        .into_iter()
        .map(|run| {
            let id = run.id.to_string();
            let (archived, device) = besides.remove(&id).unwrap_or_default();
            let value = |field: &Field| {
                if *field == Field::Attribute(Attribute::Device) {
                    return device.clone().map(|text| RunValue { text: Some(text), ..RunValue::default() });
                }
                let kind = [Kind::Metric, Kind::Param, Kind::Tag].into_iter().find(|k| key_of(field, *k).is_some())?;
                let model = known.get(&(id.clone(), kind, key_of(field, kind)?.to_owned()))?;
                Some(values::of_field(model, field))
            };
            RunRow {
                values: fields.iter().map(value).collect(),
                tags: tags.remove(&id).unwrap_or_default(),
                curve: curves.remove(&id).flatten(),
                pinned: false,
                baseline: false,
                archived,
                run,
            }
        })
        .collect())
}

/// The key of a field of that kind.
fn key_of(field: &Field, kind: Kind) -> Option<&str> {
    match (field, kind) {
        (Field::Metric { key, .. }, Kind::Metric)
        | (Field::Param { key }, Kind::Param)
        | (Field::Tag { key }, Kind::Tag) => Some(key),
        _ => None,
    }
}

/// What the summaries leave out: whether a run is archived, and where it trained.
async fn besides(
    db: &impl ConnectionTrait,
    runs: &[RunId],
) -> Result<HashMap<String, (bool, Option<String>)>, StoreError> {
    let found: Vec<(String, Option<i64>, Option<String>)> = run::Entity::find()
        .select_only()
        .columns([run::Column::Id, run::Column::ArchivedAt, run::Column::Device])
        .filter(run::Column::Id.is_in(runs.iter().map(RunId::to_string)))
        .into_tuple()
        .all(db)
        .await?;
    Ok(found.into_iter().map(|(id, archived, device)| (id, (archived.is_some(), device))).collect())
}

/// Metrics, parameters and tags that runs of the project have, whose key holds the words: `limit` of them, and how many
/// there are.
///
/// # Errors
/// The database failed.
pub async fn known(
    db: &impl ConnectionTrait,
    project: ProjectId,
    words: &str,
    limit: u64,
) -> Result<(Vec<Field>, u64), StoreError> {
    use run_value::known::{Column, Entity};
    let mut select = Entity::find().filter(Column::ProjectId.eq(project.to_string()));
    if let Some(holding) = holds(words, &[Column::Key]) {
        select = select.filter(holding);
    }
    let total = select.clone().count(db).await?;
    let models = select.order_by_asc(Column::Kind).order_by_asc(Column::Key).limit(limit).all(db).await?;
    let fields = models
        .into_iter()
        .filter_map(|model| match model.kind.as_str() {
            "metric" => Some(Field::metric(model.key)),
            "param" => Some(Field::param(model.key)),
            "tag" => Some(Field::tag(model.key)),
            _ => None,
        })
        .collect();
    Ok((fields, total))
}

/// One value of one run.
#[derive(Clone, Debug)]
pub struct OfRun {
    pub run: RunId,
    pub key: String,
    pub value: RunValue,
    /// It was measured step by step: there is a curve.
    pub curve: bool,
}

/// All parameters of these runs.
///
/// # Errors
/// The database failed.
pub async fn params_of(db: &impl ConnectionTrait, runs: &[RunId]) -> Result<Vec<OfRun>, StoreError> {
    values::of_runs(db, runs, Kind::Param, None).await?.into_iter().map(of_run).collect()
}

/// All metrics of these runs.
///
/// # Errors
/// The database failed.
pub async fn metrics_of(db: &impl ConnectionTrait, runs: &[RunId]) -> Result<Vec<OfRun>, StoreError> {
    values::of_runs(db, runs, Kind::Metric, None).await?.into_iter().map(of_run).collect()
}

fn of_run(model: run_value::Model) -> Result<OfRun, StoreError> {
    Ok(OfRun {
        run: parse("run_values.run_id", &model.run_id)?,
        value: values::shown(&model),
        curve: model.least.is_some(),
        key: model.key,
    })
}

#[derive(FromQueryResult)]
struct Named {
    key: String,
    part: String,
}

/// Names of the curves that a run has so far, as `valid.trees/loss`. For runs that go on: of the others
/// [`metrics_of`] tells.
///
/// # Errors
/// The database failed.
pub async fn curves_so_far(db: &impl ConnectionTrait, run: RunId) -> Result<Vec<String>, StoreError> {
    let mut select = Query::select();
    select
        .distinct()
        .columns([run_metric::Column::Key, run_metric::Column::Part])
        .from(run_metric::Entity)
        .and_where(run_metric::Column::RunId.eq(run.to_string()));
    let named: Vec<Named> = all(db, &select).await?;
    Ok(named.into_iter().map(|Named { key, part }| format!("{part}.{key}")).collect())
}
