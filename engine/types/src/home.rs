//! What a project's home page and the top bar show.

use crate::{JobId, RunId, job::JobState, job::Progress, model::ModelView, run::RunSummary};
use serde::{Deserialize, Serialize};

/// A project at a glance.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(not(target_arch = "wasm32"), derive(utoipa::ToSchema))]
pub struct HomeView {
    /// Nothing is here yet: the page shows its three doors.
    pub first_visit: bool,
    pub counts: HomeCounts,
    /// Runs that are queued or running, in the order in which they will end, 10 at most.
    pub running: Vec<RunSummary>,
    /// The last runs that ended, newest first, 10 at most.
    pub last: Vec<RunSummary>,
    /// Models, most recently changed first, 10 at most.
    pub models: Vec<ModelView>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(not(target_arch = "wasm32"), derive(utoipa::ToSchema))]
pub struct HomeCounts {
    pub datasets: u64,
    pub runs: u64,
    pub queued: u64,
    pub running: u64,
    pub succeeded: u64,
    pub failed: u64,
    pub cancelled: u64,
    pub models: u64,
    /// Models without a champion: their prediction address answers 404.
    pub models_without_champion: u64,
}

/// What the top bar shows besides the page.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct TopBarView {
    /// Of the address's project; none outside of projects.
    pub activity: Option<ActivityView>,
    /// Messages that the person has not read.
    pub unread: u64,
}

/// What is going on in a project, for the top bar.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(not(target_arch = "wasm32"), derive(utoipa::ToSchema))]
pub struct ActivityView {
    pub running: u64,
    pub queued: u64,
    /// The jobs themselves, running ones first, 10 at most.
    pub jobs: Vec<ActivityJob>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(not(target_arch = "wasm32"), derive(utoipa::ToSchema))]
pub struct ActivityJob {
    pub job: JobId,
    pub run: RunId,
    pub name: String,
    pub state: JobState,
    pub progress: Option<Progress>,
}
