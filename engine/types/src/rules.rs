//! What rules find in a training's curves and result.

use serde::{Deserialize, Serialize};

/// How a rule stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[cfg_attr(not(target_arch = "wasm32"), derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum Standing {
    /// Something to look at.
    Found,
    /// What it needs is not there, or not yet.
    Unknown,
    Fine,
}

/// One rule about one run.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(not(target_arch = "wasm32"), derive(utoipa::ToSchema))]
pub struct RuleView {
    /// `overfit`, `overtraining`, `loss_not_decreasing` …
    pub rule: String,
    pub title: String,
    pub standing: Standing,
    /// What was seen, with the number and the bound.
    pub words: String,
}
