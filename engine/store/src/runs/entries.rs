//! A run's values on their way into their rows.

use crate::{StoreError, Tx, entity::run_value, from_json, to_json};
use sea_orm::{ActiveValue::Set, EntityTrait, IntoActiveModel, sea_query::OnConflict};
use serde_json::Value;
use std::collections::BTreeMap;
use trainyard_types::{
    ProjectId, RunId,
    evaluation::RunResult,
    experiments::{LONGEST_KEY, LONGEST_VALUE, Sparkline},
    run::{MetricSeries, TrainSettings},
};

/// Rows of one INSERT: nine parameters each, well below SQLite's 32,766.
const INSERT_ROWS: usize = 1000;

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
    pub(super) fn settings(&mut self, settings: &TrainSettings) -> Result<(), StoreError> {
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
    pub(super) fn result(&mut self, result: &RunResult) {
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
    pub(super) fn curves(
        &mut self,
        curves: &[MetricSeries],
        family: &str,
        primary: Option<&str>,
    ) -> Result<(), StoreError> {
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
pub(super) fn telling<'a>(curves: &'a [MetricSeries], family: &str, primary: Option<&str>) -> Option<&'a MetricSeries> {
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
