//! The database and the artifact store: entities, every query, the audit chain. Nothing above this crate speaks
//! SQL. All of it works alike on SQLite and PostgreSQL.
//!
//! A use case that changes something begins a [`Tx`], acts, appends its audit event as the **last** statement, and
//! commits. Appending locks the chain's head until the commit; taking that lock last keeps two transactions from
//! waiting for each other.

pub mod accounts;
pub mod artifacts;
pub mod audit;
pub mod connect;
pub mod datasets;
pub mod entity;
pub mod error;
pub mod inbox;
pub mod jobs;
pub mod labels;
pub mod lineage;
pub mod logs;
pub mod memberships;
pub mod metrics;
pub mod models;
pub mod pipelines;
pub mod predictions;
pub mod projects;
mod query;
pub mod queue;
pub mod runs;
pub mod seeds;
pub mod sessions;
pub mod settings;
pub mod sources;
pub mod timings;
pub mod tokens;
pub mod uploads;
pub mod workers;

pub use artifacts::ArtifactStore;
pub use connect::{Store, Tx};
pub use error::StoreError;
pub use sea_orm::ConnectionTrait;

use std::{
    fmt::Display,
    str::FromStr,
    time::{SystemTime, UNIX_EPOCH},
};
use trainyard_types::Timestamp;
use uuid::Uuid;

/// The present instant by the system's clock.
pub fn now() -> Timestamp {
    let elapsed = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    Timestamp(i64::try_from(elapsed.as_millis()).unwrap_or(i64::MAX))
}

/// A fresh id (UUID version 7): wrap it in the id type at hand, `RunId(fresh_id())`.
pub fn fresh_id() -> Uuid {
    Uuid::now_v7()
}

/// Reads an id or a word (role, state …) back from its text column.
///
/// # Errors
/// [`StoreError::Corrupt`] where the text is none; `what` names the column.
pub fn parse<T>(what: &str, text: &str) -> Result<T, StoreError>
where
    T: FromStr,
    T::Err: Display,
{
    text.parse().map_err(|error| StoreError::Corrupt(format!("{what} holds '{text}': {error}")))
}

/// Reads a structured value back from its JSON column.
///
/// # Errors
/// [`StoreError::Corrupt`] where it doesn't fit the type; `what` names the column.
pub fn from_json<T: serde::de::DeserializeOwned>(what: &str, text: &str) -> Result<T, StoreError> {
    serde_json::from_str(text).map_err(|error| StoreError::Corrupt(format!("{what}: {error}")))
}

/// Writes a structured value for its JSON column.
///
/// # Errors
/// [`StoreError::Corrupt`] where the value can't be JSON (a map with keys that aren't text).
pub fn to_json<T: serde::Serialize>(value: &T) -> Result<String, StoreError> {
    serde_json::to_string(value).map_err(|error| StoreError::Corrupt(error.to_string()))
}

/// A pattern for `LIKE` that finds `words` anywhere, in lower case, with `\` as the escape character.
pub fn like_pattern(words: &str) -> String {
    let mut pattern = String::from("%");
    for c in words.to_lowercase().chars() {
        if matches!(c, '%' | '_' | '\\') {
            pattern.push('\\');
        }
        pattern.push(c);
    }
    pattern.push('%');
    pattern
}
