//! A run's values, each in a narrow row of its own: its settings when it is asked for, its curves and results when it ends,
//! tags when a person gives them.

use super::entries::{Entries, Entry, Kind, telling};
use crate::{
    Store, StoreError, Tx,
    entity::{run, run_value},
    from_json, metrics, parse,
    query::{all, one, pick},
};
use sea_orm::{
    ColumnTrait, ConnectionTrait, EntityTrait, ExprTrait, FromQueryResult, QueryFilter, QueryOrder,
    sea_query::{Expr, Order, Query, SelectStatement},
};
use trainyard_types::{
    ProjectId, RunId,
    evaluation::RunResult,
    experiments::{Field, Pick, RunTag, RunValue, Sparkline},
    run::{Family, TrainSettings},
};

/// Runs of one transaction when old runs get their values.
const BATCH: u64 = 100;

/// Keeps what a run was asked for.
pub(crate) async fn keep_settings(
    tx: &Tx,
    project: ProjectId,
    run: RunId,
    settings: &TrainSettings,
) -> Result<(), StoreError> {
    let mut entries = Entries::default();
    entries.settings(settings)?;
    entries.write(tx, project, run).await
}

/// What is known of a run whose values are kept.
#[derive(FromQueryResult)]
struct Source {
    id: String,
    project_id: String,
    settings: String,
    family: String,
    trained: Option<String>,
    task: Option<String>,
    result: Option<String>,
}

impl Source {
    async fn of(db: &impl ConnectionTrait, run: RunId) -> Result<Option<Self>, StoreError> {
        let mut select = sources();
        select.and_where(run::Column::Id.eq(run.to_string()));
        one(db, &select).await
    }

    async fn curves(&self, db: &impl ConnectionTrait, into: &mut Entries) -> Result<(), StoreError> {
        let curves = metrics::curves(db, parse("runs.id", &self.id)?).await?;
        let settings: TrainSettings = from_json("runs.settings", &self.settings)?;
        let task = self.task.as_deref().map(super::task_from).transpose()?;
        let primary = task.map(|task| settings.aim(task).primary_metric());
        into.curves(&curves, self.trained.as_ref().unwrap_or(&self.family), primary)
    }
}

fn sources() -> SelectStatement {
    let mut select = Query::select();
    select.from(run::Entity);
    let columns = {
        use run::Column::*;
        [Id, ProjectId, Settings, Family, Trained, Task, Result]
    };
    pick(&mut select, run::Entity, "", &columns);
    select
}

/// Keeps what a run found out, when it has ended: curves, and the result where there is one.
pub(crate) async fn keep_outcome(tx: &Tx, run: RunId, result: Option<&RunResult>) -> Result<(), StoreError> {
    let Some(source) = Source::of(&**tx, run).await? else { return Ok(()) };
    let mut entries = Entries::default();
    source.curves(&**tx, &mut entries).await?;
    if let Some(result) = result {
        entries.result(result);
    }
    entries.write(tx, parse("runs.project_id", &source.project_id)?, run).await
}

/// Gives runs from before there were such rows theirs. Nothing to do is no error; what can't be read is left out.
pub(crate) async fn backfill(store: &Store) -> Result<(), StoreError> {
    let mut after = String::new();
    loop {
        let values = Query::select()
            .expr(Expr::value(1))
            .from(run_value::Entity)
            .and_where(Expr::col((run_value::Entity, run_value::Column::RunId)).equals((run::Entity, run::Column::Id)))
            .take();
        let mut select = sources();
        select
            .and_where(Expr::not_exists(values))
            .and_where(run::Column::Id.gt(after.as_str()))
            .order_by((run::Entity, run::Column::Id), Order::Asc)
            .limit(BATCH);
        let batch: Vec<Source> = all(store.db(), &select).await?;
        let Some(last) = batch.last() else { return Ok(()) };
        after.clone_from(&last.id);
        let tx = store.begin().await?;
        for source in &batch {
            if let Err(error) = fill(&tx, source).await {
                match error {
                    StoreError::Corrupt(error) => {
                        tracing::warn!(run = %source.id, %error, "a run's values can't be read")
                    }
                    other => return Err(other),
                }
            }
        }
        tx.commit().await?;
    }
}

async fn fill(tx: &Tx, source: &Source) -> Result<(), StoreError> {
    let mut entries = Entries::default();
    entries.settings(&from_json("runs.settings", &source.settings)?)?;
    source.curves(&**tx, &mut entries).await?;
    match source.result.as_deref().map(|text| from_json("runs.result", text)) {
        Some(Ok(result)) => entries.result(&result),
        Some(Err(error)) => tracing::warn!(run = %source.id, %error, "a run's result can't be read"),
        None => {}
    }
    entries.write(tx, parse("runs.project_id", &source.project_id)?, parse("runs.id", &source.id)?).await
}

/// Values of these runs, of one kind and, where they are named, of these keys.
pub(crate) async fn of_runs(
    db: &impl ConnectionTrait,
    runs: &[RunId],
    kind: Kind,
    keys: Option<&[&str]>,
) -> Result<Vec<run_value::Model>, StoreError> {
    if runs.is_empty() || keys.is_some_and(<[_]>::is_empty) {
        return Ok(Vec::new());
    }
    let mut select = run_value::Entity::find()
        .filter(run_value::Column::RunId.is_in(runs.iter().map(RunId::to_string)))
        .filter(run_value::Column::Kind.eq(kind.as_str()));
    if let Some(keys) = keys {
        select = select.filter(run_value::Column::Key.is_in(keys.iter().copied()));
    }
    Ok(select.order_by_asc(run_value::Column::Key).all(db).await?)
}

/// As a page shows it.
pub(crate) fn shown(model: &run_value::Model) -> RunValue {
    RunValue { number: model.number, text: model.words.clone(), low: model.low, high: model.high }
}

/// As a column shows it: of a metric that was measured more than once, the value asked for.
pub(crate) fn of_field(model: &run_value::Model, field: &Field) -> RunValue {
    let extreme = match field {
        Field::Metric { pick: Pick::Min, .. } => model.least,
        Field::Metric { pick: Pick::Max, .. } => model.most,
        Field::Metric { pick: Pick::Best, .. } => match field.higher_is_better() {
            Some(true) => model.most,
            Some(false) => model.least,
            None => None,
        },
        _ => None,
    };
    match extreme {
        Some(_) => RunValue { number: extreme, ..RunValue::default() },
        None => shown(model),
    }
}

/// A drawing out of its row; an unreadable one is none.
pub(crate) fn drawn(model: &run_value::Model) -> Option<Sparkline> {
    model.words.as_deref().and_then(|text| serde_json::from_str(text).ok())
}

/// The validation curve of a run that still goes on.
pub(crate) async fn live(
    db: &impl ConnectionTrait,
    run: RunId,
    family: Family,
) -> Result<Option<Sparkline>, StoreError> {
    let curves = metrics::part(db, run, "valid").await?;
    Ok(telling(&curves, family.as_str(), None).map(|curve| Sparkline::of(curve.key.as_str(), &curve.values)))
}

/// Gives a run a tag, over one with the same key.
///
/// # Errors
/// The database failed.
pub async fn tag(tx: &Tx, project: ProjectId, run: RunId, tag: &RunTag) -> Result<(), StoreError> {
    let mut entries = Entries::default();
    entries.add(Kind::Tag, &tag.key, Entry::words(&tag.value));
    entries.write(tx, project, run).await
}

/// Takes a tag away. `false` where the run has none of that key.
///
/// # Errors
/// The database failed.
pub async fn untag(tx: &Tx, run: RunId, key: &str) -> Result<bool, StoreError> {
    let done = run_value::Entity::delete_many()
        .filter(run_value::Column::RunId.eq(run.to_string()))
        .filter(run_value::Column::Kind.eq(Kind::Tag.as_str()))
        .filter(run_value::Column::Key.eq(key))
        .exec(&**tx)
        .await?;
    Ok(done.rows_affected > 0)
}
