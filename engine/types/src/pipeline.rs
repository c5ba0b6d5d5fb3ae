//! Pipelines: the document that people write as YAML or in a form, and what is checked of it before anything runs.
//!
//! A document is plain data. What a step of a kind may say beside the words here, the kind itself checks: kinds are
//! registered, so that the list stays open.

mod check;
mod form;
mod parameter;
mod plan;
mod view;

pub use check::check;
pub use form::*;
pub use parameter::{Parameter, ParameterType, Values, fill, resolve};
pub use plan::{Layer, layers, order, upstream};
pub use view::*;

use crate::ResourceName;
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use serde_json::{Map, Value};
use std::{collections::BTreeMap, fmt};

/// Most steps of one pipeline.
pub const MAX_STEPS: usize = 200;

/// A pipeline's document.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(not(target_arch = "wasm32"), derive(utoipa::ToSchema, schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Pipeline {
    #[cfg_attr(not(target_arch = "wasm32"), schemars(with = "String", length(min = 1, max = 128)))]
    pub name: ResourceName,
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub description: String,
    /// Values that a run may set; steps use them as `${name}`.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub parameters: BTreeMap<String, Parameter>,
    /// Runs at the same time, 1 to 16; further ones wait. Left out: 1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(not(target_arch = "wasm32"), schemars(range(min = 1, max = 16)))]
    pub concurrency: Option<u32>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub schedule: Option<Schedule>,
    /// What starts a run besides people and the schedule.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub triggers: Vec<Trigger>,
    /// The parts of the data that a run is about, one at a time: steps see `${partition}`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub partitions: Option<Partitions>,
    pub steps: Vec<Step>,
}

impl Pipeline {
    pub fn step(&self, id: &str) -> Option<&Step> {
        self.steps.iter().find(|step| step.id.as_str() == id)
    }
}

/// When runs start by themselves.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(not(target_arch = "wasm32"), derive(utoipa::ToSchema, schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Schedule {
    /// Five fields, minute to weekday: `30 6 * * MON-FRI`.
    pub cron: String,
    /// IANA name: `Europe/Zurich`. Left out: UTC.
    #[serde(default = "utc", skip_serializing_if = "is_utc")]
    pub timezone: String,
    /// What happens with ticks that were missed while no server ran.
    #[serde(default)]
    pub catch_up: CatchUp,
}

fn utc() -> String {
    "UTC".into()
}

fn is_utc(zone: &str) -> bool {
    zone == "UTC"
}

/// What happens with ticks that were missed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(not(target_arch = "wasm32"), derive(utoipa::ToSchema, schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum CatchUp {
    /// None is made up for.
    Skip,
    /// One run, for the latest.
    #[default]
    Latest,
    /// A run for each, the 100 latest at most.
    All,
}

/// What starts a run.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(not(target_arch = "wasm32"), derive(utoipa::ToSchema, schemars::JsonSchema))]
#[serde(tag = "on", rename_all = "snake_case", deny_unknown_fields)]
pub enum Trigger {
    /// A new version of the data set of this name.
    Dataset {
        #[cfg_attr(not(target_arch = "wasm32"), schemars(extend("x-names" = "datasets")))]
        dataset: String,
    },
    /// A request to the pipeline's own secret address, which its page makes.
    Webhook,
    /// Another pipeline's run that went well.
    Pipeline { pipeline: String },
}

/// How the data are divided into parts that are processed one a run.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(not(target_arch = "wasm32"), derive(utoipa::ToSchema, schemars::JsonSchema))]
#[serde(tag = "by", rename_all = "snake_case", deny_unknown_fields)]
pub enum Partitions {
    /// Named ones: countries, plants.
    List { values: Vec<String> },
    /// Days from `start` (`2026-01-31`) on; `${partition_start}` and `${partition_end}` are the day and the next.
    Day { start: String },
    /// Weeks from Monday to Monday, the first the one that holds `start`.
    Week { start: String },
    /// Months, the first the one that holds `start`.
    Month { start: String },
}

/// One step.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(not(target_arch = "wasm32"), derive(utoipa::ToSchema, schemars::JsonSchema))]
pub struct Step {
    /// How other steps name it.
    #[cfg_attr(not(target_arch = "wasm32"), schemars(with = "String", regex(pattern = "^[a-z][a-z0-9_]{0,47}$")))]
    pub id: StepId,
    /// What it does: `source`, `sql`, `train` …
    #[serde(rename = "type")]
    pub kind: String,
    /// The steps whose tables it takes, in order: `people`, or `parts.train` for one of several that a step gives.
    #[serde(default, skip_serializing_if = "Vec::is_empty", with = "one_or_many")]
    #[cfg_attr(not(target_arch = "wasm32"), schemars(with = "OneOrMany"), schema(value_type = Vec<String>))]
    pub input: Vec<Input>,
    /// Steps that have to be done before, without taking anything from them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[cfg_attr(not(target_arch = "wasm32"), schemars(with = "Vec<String>"))]
    pub after: Vec<StepId>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub retry: Option<Retry>,
    /// Seconds after which a try of the step fails.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(not(target_arch = "wasm32"), schemars(range(min = 1, max = 604_800)))]
    pub timeout_seconds: Option<u32>,
    /// `false`: it is done anew in each run, also where nothing has changed.
    #[serde(default = "yes", skip_serializing_if = "is_yes")]
    pub cache: bool,
    /// What the kind of step wants to know.
    #[serde(flatten)]
    #[cfg_attr(not(target_arch = "wasm32"), schema(value_type = Object))]
    pub with: Map<String, Value>,
}

fn yes() -> bool {
    true
}

fn is_yes(value: &bool) -> bool {
    *value
}

impl Step {
    /// A step without settings, for a form to fill.
    pub fn new(id: StepId, kind: impl Into<String>) -> Self {
        Self {
            id,
            kind: kind.into(),
            input: Vec::new(),
            after: Vec::new(),
            retry: None,
            timeout_seconds: None,
            cache: true,
            with: Map::new(),
        }
    }

    /// The steps that have to be done before.
    pub fn needs(&self) -> impl Iterator<Item = &StepId> {
        self.input.iter().map(|input| &input.step).chain(&self.after)
    }
}

/// How often and when a failed step is tried again.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(not(target_arch = "wasm32"), derive(utoipa::ToSchema, schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Retry {
    /// Tries after the first, 1 to 10.
    #[cfg_attr(not(target_arch = "wasm32"), schemars(range(min = 1, max = 10)))]
    pub max_retries: u32,
    /// Seconds before the second try, up to a day.
    #[serde(default = "one")]
    #[cfg_attr(not(target_arch = "wasm32"), schemars(range(min = 0, max = 86_400)))]
    pub delay: f64,
    #[serde(default)]
    pub backoff: Backoff,
    /// The share, 0 to 1, by which a delay is shortened or prolonged at random.
    #[serde(default, skip_serializing_if = "is_zero")]
    #[cfg_attr(not(target_arch = "wasm32"), schemars(range(min = 0, max = 1)))]
    pub jitter: f64,
}

fn one() -> f64 {
    1.0
}

fn is_zero(value: &f64) -> bool {
    *value == 0.0
}

/// How delays grow from try to try.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(not(target_arch = "wasm32"), derive(utoipa::ToSchema, schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum Backoff {
    #[default]
    None,
    /// The delay times the number of the try.
    Linear,
    /// The delay doubles.
    Exponential,
}

impl Retry {
    /// Seconds to wait after the try of this number (1 is the first) failed. `chance` is a random number, 0 to 1.
    pub fn wait(&self, tried: u32, chance: f64) -> f64 {
        let factor = match self.backoff {
            Backoff::None => 1.0,
            Backoff::Linear => f64::from(tried.max(1)),
            Backoff::Exponential => 2_f64.powi(tried.saturating_sub(1).min(30) as i32),
        };
        (self.delay * factor * (1.0 + self.jitter * (2.0 * chance - 1.0))).clamp(0.0, 86_400.0)
    }
}

/// The name of a step: a small letter, then up to 47 small letters, digits and underscores.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize)]
#[cfg_attr(not(target_arch = "wasm32"), derive(utoipa::ToSchema), schema(value_type = String))]
#[serde(transparent)]
pub struct StepId(String);

impl StepId {
    /// # Errors
    /// A sentence that says what is allowed.
    pub fn parse(text: &str) -> Result<Self, String> {
        let fits = text.len() <= 48
            && text.starts_with(|c: char| c.is_ascii_lowercase())
            && text.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_');
        if fits {
            Ok(Self(text.to_owned()))
        } else {
            let shown: String = text.chars().take(60).collect();
            Err(format!(
                "'{shown}' can't name a step. Use up to 48 small letters, digits and underscores, a letter first."
            ))
        }
    }
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for StepId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl<'de> Deserialize<'de> for StepId {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Self::parse(&String::deserialize(deserializer)?).map_err(de::Error::custom)
    }
}

/// What a step takes from another: `step`, or `step.part` where that gives several.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Input {
    pub step: StepId,
    /// Empty: the step's main table.
    pub part: String,
}

impl Input {
    /// # Errors
    /// A sentence that says what is allowed.
    pub fn parse(text: &str) -> Result<Self, String> {
        let (step, part) = text.split_once('.').unwrap_or((text, ""));
        let step = StepId::parse(step)?;
        if !part.is_empty() || text.ends_with('.') {
            StepId::parse(part)?;
        }
        Ok(Self { step, part: part.to_owned() })
    }

    /// The table's name in SQL: `people`, `parts_train`.
    pub fn table(&self) -> String {
        if self.part.is_empty() { self.step.to_string() } else { format!("{}_{}", self.step, self.part) }
    }
}

impl fmt::Display for Input {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.step.as_str())?;
        if self.part.is_empty() { Ok(()) } else { write!(f, ".{}", self.part) }
    }
}

impl Serialize for Input {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Input {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Self::parse(&String::deserialize(deserializer)?).map_err(de::Error::custom)
    }
}

/// `input: a` and `input: [a, b]`.
#[derive(Deserialize)]
#[cfg_attr(not(target_arch = "wasm32"), derive(schemars::JsonSchema))]
#[serde(untagged)]
enum OneOrMany {
    One(String),
    Many(Vec<String>),
}

mod one_or_many {
    use super::{Input, OneOrMany};
    use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

    pub fn serialize<S: Serializer>(inputs: &[Input], serializer: S) -> Result<S::Ok, S::Error> {
        match inputs {
            [one] => one.serialize(serializer),
            many => many.serialize(serializer),
        }
    }

    pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<Input>, D::Error> {
        let texts = match OneOrMany::deserialize(deserializer)? {
            OneOrMany::One(text) => vec![text],
            OneOrMany::Many(texts) => texts,
        };
        texts.iter().map(|text| Input::parse(text).map_err(de::Error::custom)).collect()
    }
}

#[cfg(test)]
mod tests;
