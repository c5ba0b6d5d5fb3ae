//! A run's values, each in a narrow row of its own: its settings when it is asked for, its curves and results when it ends,
//! tags when a person gives them.

use crate::{
    Store, StoreError, Tx,
    entity::{run, run_value},
    from_json, metrics, parse,
    query::{all, pick},
    to_json,
};
use sea_orm::{
    ActiveValue::Set,
    ColumnTrait, ConnectionTrait, EntityTrait, ExprTrait, FromQueryResult, IntoActiveModel, QueryFilter, QueryOrder,
    sea_query::{Expr, OnConflict, Query},
};
use serde_json::Value;
use std::collections::BTreeMap;
use trainyard_types::{
    ProjectId, RunId,
    evaluation::RunResult,
    experiments::{Field, LONGEST_KEY, LONGEST_VALUE, Pick, RunTag, RunValue, Sparkline},
    run::{Family, MetricSeries, TrainSettings},
};

/// Rows of one INSERT: nine parameters each, well below SQLite's 32,766.
const INSERT_ROWS: usize = 1000;
/// Runs of one transaction when old runs get their values.
const BATCH: u64 = 100;

/// What a value is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) enum Kind {
    Metric,
    Param,
    Tag,
    /// The validation curve, thinned: JSON of a `Sparkline`.
    Curve,
}

impl Kind {
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Kind::Metric => "metric",
            Kind::Param => "param",
            Kind::Tag => "tag",
            Kind::Curve => "curve",
        }
    }
}

/// A value on its way into its row.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Entry {
    number: Option<f64>,
    low: Option<f64>,
    high: Option<f64>,
    least: Option<f64>,
    most: Option<f64>,
    words: Option<String>,
}

impl Entry {
    fn number(value: f64) -> Self {
        Self { number: Some(value).filter(|value| value.is_finite()), ..Self::default() }
    }

    pub(crate) fn words(text: &str) -> Self {
        let number = text.trim().parse().ok().filter(|value: &f64| value.is_finite());
        Self { number, words: Some(clean(text, LONGEST_VALUE)), ..Self::default() }
    }
}

/// As PostgreSQL can hold it, and not without end.
fn clean(text: &str, longest: usize) -> String {
    text.chars().take(longest).map(|c| if c == '\0' { '\u{fffd}' } else { c }).collect()
}

/// Values by what they are and their key: each once.
#[derive(Debug, Default)]
pub(crate) struct Entries(BTreeMap<(Kind, String), Entry>);

impl Entries {
    pub(crate) fn add(&mut self, kind: Kind, key: &str, entry: Entry) {
        self.0.insert((kind, clean(key, LONGEST_KEY)), entry);
    }

    /// Each setting under its path: `family`, `split.method.kind`, `split.seed`.
    fn settings(&mut self, settings: &TrainSettings) -> Result<(), StoreError> {
        let tree: Value = from_json("runs.settings", &to_json(settings)?)?;
        self.flatten("", &tree);
        Ok(())
    }

    fn flatten(&mut self, path: &str, tree: &Value) {
        let text = match tree {
            Value::Null => return,
            Value::Object(fields) => {
                for (name, value) in fields {
                    self.flatten(&if path.is_empty() { name.clone() } else { format!("{path}.{name}") }, value);
                }
                return;
            }
            Value::Array(items) if items.is_empty() => return,
            Value::Array(items) => items.iter().map(plain).collect::<Vec<_>>().join(", "),
            value => plain(value),
        };
        self.add(Kind::Param, path, Entry::words(&text));
    }

    /// Parameters that were derived, and the measures of the three parts: those on the test rows under their names, the
    /// others after `valid.` and `train.`.
    fn result(&mut self, result: &RunResult) {
        for (name, value) in &result.parameters {
            self.add(Kind::Param, name, Entry::words(value));
        }
        let parts = [("", &result.metrics.test), ("valid.", &result.metrics.valid), ("train.", &result.metrics.train)];
        for (part, metrics) in parts {
            for (name, value) in metrics {
                self.add(Kind::Metric, &format!("{part}{name}"), Entry::number(*value));
            }
        }
        for metric in &result.test {
            let bound = |value: f64| Some(value).filter(|value| value.is_finite());
            let entry = Entry { low: bound(metric.low), high: bound(metric.high), ..Entry::number(metric.value) };
            self.add(Kind::Metric, &metric.name, entry);
        }
        let counts = [
            ("epochs", result.epochs as f64),
            ("rows_per_second", result.rows_per_second),
            ("train_rows", result.rows.train as f64),
            ("valid_rows", result.rows.valid as f64),
            ("test_rows", result.rows.test as f64),
        ];
        for (name, value) in counts {
            self.add(Kind::Metric, name, Entry::number(value));
        }
    }

    /// The last, least and most of each curve, as `valid.trees/log_loss`, and one curve for a small drawing.
    fn curves(&mut self, curves: &[MetricSeries], family: &str, primary: Option<&str>) -> Result<(), StoreError> {
        for curve in curves {
            let (Some(last), key) = (curve.values.last(), format!("{}.{}", curve.part, curve.key)) else { continue };
            let least = curve.values.iter().copied().reduce(f64::min);
            let most = curve.values.iter().copied().reduce(f64::max);
            self.add(Kind::Metric, &key, Entry { least, most, ..Entry::number(*last) });
        }
        if let Some(curve) = telling(curves, family, primary) {
            let words = Some(to_json(&Sparkline::of(curve.key.as_str(), &curve.values))?);
            self.add(Kind::Curve, "valid", Entry { words, ..Entry::default() });
        }
        Ok(())
    }

    /// Writes them over what is there, and notes their keys in the project.
    pub(crate) async fn write(self, tx: &Tx, project: ProjectId, run: RunId) -> Result<(), StoreError> {
        use run_value::{Column, known};
        let keys: Vec<_> = self
            .0
            .keys()
            .filter(|(kind, _)| *kind != Kind::Curve)
            .map(|(kind, key)| known::ActiveModel {
                project_id: Set(project.to_string()),
                kind: Set(kind.as_str().to_owned()),
                key: Set(key.clone()),
            })
            .collect();
        let rows: Vec<_> = self
            .0
            .into_iter()
            .map(|((kind, key), entry)| {
                let Entry { number, low, high, least, most, words } = entry;
                let (run_id, kind) = (run.to_string(), kind.as_str().to_owned());
                run_value::Model { run_id, kind, key, number, low, high, least, most, words }.into_active_model()
            })
            .collect();
        let overwrite = OnConflict::columns([Column::RunId, Column::Kind, Column::Key])
            .update_columns([Column::Number, Column::Low, Column::High, Column::Least, Column::Most, Column::Words])
            .to_owned();
        for chunk in rows.chunks(INSERT_ROWS) {
            run_value::Entity::insert_many(chunk.to_vec())
                .on_conflict(overwrite.clone())
                .exec_without_returning(&**tx)
                .await?;
        }
        let noted = OnConflict::columns([known::Column::ProjectId, known::Column::Kind, known::Column::Key])
            .do_nothing()
            .to_owned();
        for chunk in keys.chunks(INSERT_ROWS) {
            known::Entity::insert_many(chunk.to_vec()).on_conflict(noted.clone()).exec_without_returning(&**tx).await?;
        }
        Ok(())
    }
}

fn plain(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

/// The validation curve that says most: of the family that was trained, its primary metric before its loss.
fn telling<'a>(curves: &'a [MetricSeries], family: &str, primary: Option<&str>) -> Option<&'a MetricSeries> {
    let rank = |curve: &MetricSeries| {
        let (prefix, name) = curve.key.rsplit_once('/').unwrap_or(("", &curve.key));
        let other_family = !prefix.is_empty() && prefix != family;
        let name = if Some(name) == primary {
            0
        } else if name.ends_with("loss") {
            1
        } else {
            2
        };
        (other_family, name)
    };
    curves.iter().filter(|curve| curve.part == "valid" && curve.values.len() > 1).min_by_key(|curve| rank(curve))
}

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
        crate::query::one(db, &select).await
    }

    async fn curves(&self, db: &impl ConnectionTrait, into: &mut Entries) -> Result<(), StoreError> {
        let curves = metrics::curves(db, parse("runs.id", &self.id)?).await?;
        let primary = self.task.as_deref().map(super::task_from).transpose()?.map(|task| task.primary_metric());
        into.curves(&curves, self.trained.as_ref().unwrap_or(&self.family), primary)
    }
}

fn sources() -> sea_orm::sea_query::SelectStatement {
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
            .order_by((run::Entity, run::Column::Id), sea_orm::sea_query::Order::Asc)
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
    if let Some(result) = &source.result {
        entries.result(&from_json("runs.result", result)?);
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
