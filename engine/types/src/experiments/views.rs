//! Saved views of the table, and what is done with runs from it.

use crate::{ResourceName, RunId, SavedViewId, Timestamp};
use serde::{Deserialize, Serialize};

/// Runs that one request acts on at most.
pub const MOST_AT_ONCE: usize = 500;
/// Saved views of one person in a project at most.
pub const MOST_VIEWS: u64 = 100;

/// What a saved view brings back: the parts of [`RunQuery`](super::RunQuery) that choose runs, order and columns.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(not(target_arch = "wasm32"), derive(utoipa::ToSchema))]
#[serde(default)]
pub struct ViewSettings {
    pub q: String,
    pub sort: String,
    pub state: String,
    pub filter: String,
    pub columns: String,
    pub archived: bool,
}

/// Keeps a view under a name.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[cfg_attr(not(target_arch = "wasm32"), derive(utoipa::ToSchema))]
pub struct NewSavedView {
    pub name: ResourceName,
    /// All members of the project see it, not only the one who made it.
    #[serde(default)]
    pub shared: bool,
    pub settings: ViewSettings,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(not(target_arch = "wasm32"), derive(utoipa::ToSchema))]
pub struct SavedView {
    pub id: SavedViewId,
    pub name: String,
    pub shared: bool,
    /// The caller made it.
    pub mine: bool,
    pub created_by: String,
    pub updated_at: Timestamp,
    pub settings: ViewSettings,
}

/// Acts on several runs at once.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[cfg_attr(not(target_arch = "wasm32"), derive(utoipa::ToSchema))]
pub struct BulkRuns {
    /// 1 to 500 runs of the project.
    pub runs: Vec<RunId>,
    pub action: BulkAction,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(not(target_arch = "wasm32"), derive(utoipa::ToSchema))]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum BulkAction {
    /// Stops those that wait or run.
    Cancel,
    /// Takes those that have ended out of the lists; nothing is lost.
    Archive,
    /// Brings archived ones back.
    Restore,
    /// Gives a tag; one with the same key is replaced.
    Tag {
        key: String,
        #[serde(default)]
        value: String,
    },
    /// Takes a tag away.
    Untag { key: String },
}

/// What came of it: nothing is done for a run that is skipped.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(not(target_arch = "wasm32"), derive(utoipa::ToSchema))]
pub struct BulkReply {
    pub done: u64,
    pub skipped: Vec<BulkSkip>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(not(target_arch = "wasm32"), derive(utoipa::ToSchema))]
pub struct BulkSkip {
    pub run: RunId,
    /// A sentence.
    pub reason: String,
}

/// Pins a run for the caller, or measures others against it. What is left out stays as it is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(not(target_arch = "wasm32"), derive(utoipa::ToSchema))]
#[serde(default)]
pub struct MarkRun {
    pub pinned: Option<bool>,
    /// One run of a project at most is a person's baseline: another one ceases to be it.
    pub baseline: Option<bool>,
}
