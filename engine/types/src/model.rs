//! Registered models, their signatures and predictions.

use crate::{
    ModelId, ModelVersionId, ResourceName, RunId, Slug, Timestamp,
    dataset::ColumnType,
    evaluation::{TestMetric, Verdict},
    loss::{Aim, Loss},
    run::{Family, Task},
};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// What a model takes and gives.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(not(target_arch = "wasm32"), derive(utoipa::ToSchema))]
pub struct Signature {
    pub inputs: Vec<InputColumn>,
    pub target: String,
    pub task: Task,
    /// Classification: the labels, in the order of the probabilities.
    pub classes: Vec<String>,
    /// What it learned to make small; `None`: the task's default.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(not(target_arch = "wasm32"), schema(value_type = Option<String>))]
    pub loss: Option<Loss>,
}

impl Signature {
    /// What the model is judged by.
    pub fn aim(&self) -> Aim {
        Aim::new(self.task, self.loss)
    }
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(not(target_arch = "wasm32"), derive(utoipa::ToSchema))]
pub struct InputColumn {
    pub name: String,
    pub kind: ColumnType,
    /// Numbers and datetimes (milliseconds): range in the train rows.
    pub min: Option<f64>,
    pub max: Option<f64>,
    /// Numbers: the median; used where a value is missing, and to fill the form.
    pub median: Option<f64>,
    /// Text and booleans: the values seen in the train rows, most frequent first, 200 at most; none of free text.
    pub categories: Vec<String>,
    /// Sentences, of which the model sees words.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub free_text: bool,
    /// Whether the train rows had missing values here.
    pub had_missing: bool,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
#[cfg_attr(not(target_arch = "wasm32"), derive(utoipa::ToSchema))]
pub struct RegisterModel {
    pub run: RunId,
    /// A new name makes a model, a known one a further version.
    pub name: Slug,
    #[serde(default)]
    pub description: String,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(not(target_arch = "wasm32"), derive(utoipa::ToSchema))]
pub struct ModelView {
    pub id: ModelId,
    pub name: String,
    pub description: String,
    pub created_at: Timestamp,
    pub created_by: String,
    /// The number that `champion` points to.
    pub champion: Option<i32>,
    pub champion_since: Option<Timestamp>,
    pub champion_by: Option<String>,
    pub latest: ModelVersionView,
    pub versions: u64,
    /// Predictions answered since the server counts, and how many were refused.
    pub predictions: u64,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(not(target_arch = "wasm32"), derive(utoipa::ToSchema))]
pub struct ModelVersionView {
    pub id: ModelVersionId,
    pub model: String,
    pub number: i32,
    pub run: RunId,
    pub run_name: String,
    pub dataset_name: String,
    pub dataset_version: i32,
    pub family: Family,
    pub task: Task,
    pub signature: Signature,
    pub test: Vec<TestMetric>,
    pub verdict: Verdict,
    /// blake3 of the model file, hex, and its size.
    pub hash: String,
    pub bytes: u64,
    pub created_at: Timestamp,
    pub created_by: String,
    pub aliases: Vec<String>,
}

/// Moves `champion` to a version.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[cfg_attr(not(target_arch = "wasm32"), derive(utoipa::ToSchema))]
pub struct MoveAlias {
    pub version: i32,
    /// Why; it stands in the audit trail.
    #[serde(default)]
    pub reason: Option<ResourceName>,
}

/// Rows to predict, as plain JSON: one object a row.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[cfg_attr(not(target_arch = "wasm32"), derive(utoipa::ToSchema))]
pub struct PredictRows {
    #[cfg_attr(not(target_arch = "wasm32"), schema(value_type = Vec<Object>))]
    pub rows: Vec<serde_json::Map<String, serde_json::Value>>,
    /// Whether answers are to say how sure they are: `lower` and `upper`, or the `set` of classes.
    #[serde(default)]
    pub intervals: bool,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(not(target_arch = "wasm32"), derive(utoipa::ToSchema))]
pub struct PredictionsView {
    pub model: String,
    pub version: i32,
    pub predictions: Vec<PredictionView>,
    /// What was out of the ordinary and how it was handled, each said once: unseen categories, missing values, values outside the train range.
    pub notes: Vec<String>,
    /// Where intervals were asked for: the share of rows whose truth an interval or a set is made to hold, 0 to 1; left out
    /// where the model was trained without them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub level: Option<f64>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(not(target_arch = "wasm32"), derive(utoipa::ToSchema))]
#[serde(untagged)]
pub enum PredictionView {
    Class {
        /// The class that is called: the most probable one, or of two the one that the model's threshold decides for.
        label: String,
        /// Probability of each class, by label.
        probabilities: BTreeMap<String, f64>,
        /// The classes that the truth is among, the most probable first; only where intervals were asked for.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        set: Vec<String>,
    },
    Value {
        value: f64,
        /// The ends of the interval that the truth is within; only where intervals were asked for.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        lower: Option<f64>,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        upper: Option<f64>,
    },
}

/// Open Inference Protocol, version 2 (KServe): a tensor.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(not(target_arch = "wasm32"), derive(utoipa::ToSchema))]
pub struct OipTensor {
    pub name: String,
    pub shape: Vec<i64>,
    /// `BOOL`, `INT8` … `INT64`, `UINT8` … `UINT64`, `FP32`, `FP64`, `BYTES`.
    pub datatype: String,
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    #[cfg_attr(not(target_arch = "wasm32"), schema(value_type = Object))]
    pub parameters: BTreeMap<String, serde_json::Value>,
    /// Row-major, flat or nested.
    #[cfg_attr(not(target_arch = "wasm32"), schema(value_type = Vec<Object>))]
    pub data: serde_json::Value,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(not(target_arch = "wasm32"), derive(utoipa::ToSchema))]
pub struct OipRequest {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id: Option<String>,
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    #[cfg_attr(not(target_arch = "wasm32"), schema(value_type = Object))]
    pub parameters: BTreeMap<String, serde_json::Value>,
    pub inputs: Vec<OipTensor>,
    #[serde(default)]
    #[cfg_attr(not(target_arch = "wasm32"), schema(value_type = Vec<Object>))]
    pub outputs: Vec<serde_json::Value>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(not(target_arch = "wasm32"), derive(utoipa::ToSchema))]
pub struct OipResponse {
    pub model_name: String,
    pub model_version: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub id: Option<String>,
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    #[cfg_attr(not(target_arch = "wasm32"), schema(value_type = Object))]
    pub parameters: BTreeMap<String, serde_json::Value>,
    pub outputs: Vec<OipTensor>,
}

/// Open Inference Protocol: what a model takes and gives.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(not(target_arch = "wasm32"), derive(utoipa::ToSchema))]
pub struct OipMetadata {
    pub name: String,
    pub versions: Vec<String>,
    pub platform: String,
    pub inputs: Vec<OipTensorMetadata>,
    pub outputs: Vec<OipTensorMetadata>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(not(target_arch = "wasm32"), derive(utoipa::ToSchema))]
pub struct OipTensorMetadata {
    pub name: String,
    pub datatype: String,
    /// -1 stands for any number of rows.
    pub shape: Vec<i64>,
}
