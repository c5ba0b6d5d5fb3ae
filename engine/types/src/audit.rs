//! The audit trail: a chain of events, each sealed by a hash over the one before.

use crate::Timestamp;
use serde::{Deserialize, Serialize};

/// One event as it stands in the chain.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(not(target_arch = "wasm32"), derive(utoipa::ToSchema))]
pub struct AuditEventView {
    /// 1 for the first event, without gaps.
    pub seq: i64,
    pub at: Timestamp,
    /// The account's sign-in name, or `system`.
    pub actor: String,
    /// How the caller came in: `browser`, `token:<prefix>`, `cli`, `system`.
    pub via: String,
    /// The caller's address, where there is one.
    pub from: String,
    /// `dataset.create`, `model.alias.move` …
    pub action: String,
    /// `dataset/<id>` …
    pub subject: String,
    /// The project's slug, or empty for the instance.
    pub project: String,
    /// One sentence for a reader.
    pub summary: String,
    /// SHA-256 of the subject's state before and after, hex; empty where there is none.
    pub before: String,
    pub after: String,
    /// SHA-256 of the event before, hex; 64 zeros for the first.
    pub previous: String,
    /// SHA-256 over all the fields above, hex.
    pub hash: String,
}

/// The outcome of checking the chain from its first event to its last.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(not(target_arch = "wasm32"), derive(utoipa::ToSchema))]
pub struct ChainReport {
    pub intact: bool,
    pub events: i64,
    /// Hash of the last event: write it down elsewhere and compare later.
    pub head: String,
    pub checked_at: Timestamp,
    /// Where the chain first breaks, and how.
    pub fault: Option<ChainFault>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(not(target_arch = "wasm32"), derive(utoipa::ToSchema))]
pub struct ChainFault {
    pub seq: i64,
    pub reason: String,
}
