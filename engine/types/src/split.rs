//! How rows are divided for training, tuning and judging: the plan, and what came of it.

use crate::run::Task;
use serde::{Deserialize, Serialize};

/// Folds at most, outer or inner.
pub const MAX_FOLDS: u32 = 20;

/// How rows are divided into train, validation and test.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(not(target_arch = "wasm32"), derive(utoipa::ToSchema))]
pub struct SplitSpec {
    pub method: SplitMethod,
    /// Share of rows for validation, 0.01 to 0.8.
    pub valid: f64,
    /// Share of rows for test, 0.01 to 0.8; train gets the rest, at least 0.1.
    pub test: f64,
    pub seed: u64,
    /// Group and key hash: further columns that make the key together with the first one.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub also: Vec<String>,
    /// Time: what is left out between an earlier part and a later one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub gap: Option<Gap>,
    /// Random, of a regression: stratify by this many quantile bins of the target, 2 to 100. Left out: not stratified.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bins: Option<u32>,
}

impl Default for SplitSpec {
    fn default() -> Self {
        Self { method: SplitMethod::Random, valid: 0.2, test: 0.2, seed: 0, also: Vec::new(), gap: None, bins: None }
    }
}

impl SplitSpec {
    /// The columns that decide, the method's own first; none for a random split.
    pub fn columns(&self) -> Vec<&str> {
        let also = match self.method {
            SplitMethod::Group { .. } | SplitMethod::Hash { .. } => self.also.as_slice(),
            _ => &[],
        };
        self.method.column().into_iter().chain(also.iter().map(String::as_str)).collect()
    }

    /// The columns that only decide the split and are no features: all but time's.
    pub fn never_features(&self) -> Vec<&str> {
        match self.method {
            SplitMethod::Time { .. } | SplitMethod::Random => Vec::new(),
            _ => self.columns(),
        }
    }

    /// In words: "60 / 20 / 20 %, at random with seed 0".
    pub fn in_words(&self) -> String {
        let shares = format!(
            "{:.0} / {:.0} / {:.0} %",
            (1.0 - self.valid - self.test) * 100.0,
            self.valid * 100.0,
            self.test * 100.0
        );
        let seed = self.seed;
        let columns = self.columns().join(" and ");
        match &self.method {
            SplitMethod::Random => match self.bins {
                None => format!("{shares}, at random with seed {seed}"),
                Some(bins) => format!("{shares}, at random within {bins} bins of the target, seed {seed}"),
            },
            SplitMethod::Time { column } => {
                let gap = self.gap.map_or(String::new(), |gap| format!(", {} between", gap.in_words()));
                format!("{shares}, oldest rows by {column} train, newest test{gap}")
            }
            SplitMethod::Group { .. } => format!("{shares}, rows with the same {columns} together, seed {seed}"),
            SplitMethod::Given { column } => format!("as column {column} says"),
            SplitMethod::Hash { .. } => format!("{shares}, by a hash of {columns}, seed {seed}"),
        }
    }
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(not(target_arch = "wasm32"), derive(utoipa::ToSchema))]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum SplitMethod {
    /// Shuffled; stratified by class where the task is classification.
    Random,
    /// The oldest rows train, the newest test.
    Time { column: String },
    /// All rows with the same value stay in one part.
    Group { column: String },
    /// A column holds `train`, `valid` (or `validation`) and `test`; with folds, the name of each row's fold.
    Given { column: String },
    /// A row's part follows from its key and the seed alone, so that it stays when rows are added.
    Hash { column: String },
}

impl SplitMethod {
    /// The column that decides, which is never a feature unless it is time.
    pub fn column(&self) -> Option<&str> {
        match self {
            SplitMethod::Random => None,
            SplitMethod::Time { column }
            | SplitMethod::Group { column }
            | SplitMethod::Given { column }
            | SplitMethod::Hash { column } => Some(column),
        }
    }

    /// `random`, `time`, `group`, `given` or `hash`.
    pub fn kind(&self) -> &'static str {
        match self {
            SplitMethod::Random => "random",
            SplitMethod::Time { .. } => "time",
            SplitMethod::Group { .. } => "group",
            SplitMethod::Given { .. } => "given",
            SplitMethod::Hash { .. } => "hash",
        }
    }

    /// The method of that kind; a random one where the kind is none or needs a column that is empty.
    pub fn of(kind: &str, column: &str) -> Self {
        let column = column.to_owned();
        match kind {
            _ if column.is_empty() => SplitMethod::Random,
            "time" => SplitMethod::Time { column },
            "group" => SplitMethod::Group { column },
            "given" => SplitMethod::Given { column },
            "hash" => SplitMethod::Hash { column },
            _ => SplitMethod::Random,
        }
    }
}

/// What is left out between two parts that follow each other in time: the newest rows of the earlier one.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(not(target_arch = "wasm32"), derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum Gap {
    /// This many rows.
    Rows(u64),
    /// All rows less than this long before the later part; the column has to hold dates.
    Seconds(f64),
}

impl Gap {
    pub fn in_words(self) -> String {
        match self {
            Gap::Rows(1) => "1 row".to_owned(),
            Gap::Rows(rows) => format!("{rows} rows"),
            Gap::Seconds(seconds) => match seconds {
                s if s >= 86_400.0 => format!("{} days", s / 86_400.0),
                s if s >= 3_600.0 => format!("{} hours", s / 3_600.0),
                s if s >= 60.0 => format!("{} minutes", s / 60.0),
                s => format!("{s} seconds"),
            },
        }
    }
}

impl std::str::FromStr for Gap {
    type Err = String;
    /// `500` is rows; `90s`, `30m`, `12h`, `7d` and `2w` are durations.
    fn from_str(text: &str) -> Result<Self, String> {
        let refused =
            || format!("'{text}' is no gap. Use a number of rows such as 500, or a duration such as 12h or 7d.");
        let text = text.trim();
        if let Ok(rows) = text.parse() {
            return Ok(Gap::Rows(rows));
        }
        let Some((at, unit)) = text.char_indices().last() else { return Err(refused()) };
        let seconds = match unit {
            's' => 1.0,
            'm' => 60.0,
            'h' => 3_600.0,
            'd' => 86_400.0,
            'w' => 604_800.0,
            _ => return Err(refused()),
        };
        match text[..at].trim().parse::<f64>() {
            Ok(n) if n.is_finite() && n >= 0.0 => Ok(Gap::Seconds(n * seconds)),
            _ => Err(refused()),
        }
    }
}

impl std::fmt::Display for Gap {
    /// As [`std::str::FromStr`] reads it.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Gap::Rows(rows) => write!(f, "{rows}"),
            Gap::Seconds(s) if *s > 0.0 && s % 86_400.0 == 0.0 => write!(f, "{}d", s / 86_400.0),
            Gap::Seconds(s) if *s > 0.0 && s % 3_600.0 == 0.0 => write!(f, "{}h", s / 3_600.0),
            Gap::Seconds(s) => write!(f, "{s}s"),
        }
    }
}

/// A split to make and keep: parts, and where asked for folds and folds within folds.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(not(target_arch = "wasm32"), derive(utoipa::ToSchema))]
pub struct SplitPlan {
    #[serde(flatten)]
    pub spec: SplitSpec,
    /// Rows without a value here are in no part; a classification is stratified by it. Left out: all rows are used.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub target: Option<String>,
    /// Left out: inferred from the target.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub task: Option<Task>,
    /// Divides the rows that don't test into this many folds too, 2 to [`MAX_FOLDS`]. `test` may then be 0.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub folds: Option<u32>,
    /// Divides each fold's training rows again, 2 to [`MAX_FOLDS`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub inner_folds: Option<u32>,
}

/// How many rows a part of a division has, and of what.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(not(target_arch = "wasm32"), derive(utoipa::ToSchema))]
pub struct PartSummary {
    pub rows: u64,
    /// Rows of each class, in the order of [`SplitSummary::classes`]; empty where the target is a number.
    #[serde(default)]
    pub classes: Vec<u64>,
    /// Mean of a numeric target.
    #[serde(default)]
    pub mean: Option<f64>,
    /// First and last time (or number) of a split in order of time.
    #[serde(default)]
    pub range: Option<[f64; 2]>,
}

/// One way of dividing all rows: the three parts, or one fold.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(not(target_arch = "wasm32"), derive(utoipa::ToSchema))]
pub struct DivisionSummary {
    /// `parts`, `fold_1`, `fold_1_inner_2` …
    pub name: String,
    pub train: PartSummary,
    pub valid: PartSummary,
    pub test: PartSummary,
    /// Rows in none of the three: without a target or a key, or in a gap.
    pub unused: u64,
}

impl DivisionSummary {
    /// The parts with their names: train, validation, test.
    pub fn parts(&self) -> [(&'static str, &PartSummary); 3] {
        [("train", &self.train), ("validation", &self.valid), ("test", &self.test)]
    }
}

/// What came of a plan.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(not(target_arch = "wasm32"), derive(utoipa::ToSchema))]
pub struct SplitSummary {
    /// blake3 of the row sets, hex: the same plan on the same rows gives the same.
    pub hash: String,
    /// Rows of the table.
    pub rows: u64,
    pub task: Option<Task>,
    /// The target's classes, by letter or size; empty where it is a number or there is none.
    pub classes: Vec<String>,
    /// The three parts first, then the folds, each before its inner ones.
    pub divisions: Vec<DivisionSummary>,
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn older_settings_read_as_before_and_new_fields_stay_out_of_sight() {
        let text = r#"{"method":{"kind":"random"},"valid":0.2,"test":0.2,"seed":0}"#;
        let spec: SplitSpec = serde_json::from_str(text).unwrap();
        assert_eq!(spec, SplitSpec::default());
        assert_eq!(serde_json::to_string(&spec).unwrap(), text);
        let plan: SplitPlan = serde_json::from_str(
            r#"{"method":{"kind":"time","column":"at"},"valid":0.1,"test":0.3,"seed":4,"gap":{"rows":5},"folds":5}"#,
        )
        .unwrap();
        assert_eq!((plan.spec.gap, plan.folds), (Some(Gap::Rows(5)), Some(5)));
        assert_eq!(plan.spec.in_words(), "60 / 10 / 30 %, oldest rows by at train, newest test, 5 rows between");
    }

    #[test]
    fn gaps_are_rows_or_durations() {
        assert_eq!("500".parse(), Ok(Gap::Rows(500)));
        assert_eq!("12h".parse(), Ok(Gap::Seconds(43_200.0)));
        assert_eq!("1.5d".parse(), Ok(Gap::Seconds(129_600.0)));
        for text in ["", "d", "-3d", "5y", "nan d", "1e400d", "ü"] {
            assert!(text.parse::<Gap>().is_err(), "{text}");
        }
        for gap in [Gap::Rows(3), Gap::Seconds(90.0), Gap::Seconds(7_200.0), Gap::Seconds(172_800.0)] {
            assert_eq!(gap.to_string().parse(), Ok(gap));
        }
    }
}
