//! Where data comes from besides a person's own computer: places, the connections they are reached through, and the
//! fetching of them.

use crate::{
    ConnectionId, DatasetId, DatasetVersionId, FetchId, ResourceName, Timestamp, UploadId, dataset::CommitMode,
};
use serde::{Deserialize, Serialize};
use std::fmt;

/// One place that holds a table.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(not(target_arch = "wasm32"), derive(utoipa::ToSchema))]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum SourceSpec {
    /// A file on the server, below one of its `source_roots`.
    Path { path: String },
    /// A file behind `http://` or `https://`, on one of the server's `source_hosts`.
    Url { url: String },
    /// An object, or with a `/` at the end every object below it, which then make one table.
    S3 { connection: ConnectionId, key: String },
    /// A whole table or view, `name` or `schema.name`.
    Table { connection: ConnectionId, table: String },
    /// One statement that reads.
    Query { connection: ConnectionId, query: String },
}

impl SourceSpec {
    /// The connection it is reached through, if any.
    pub fn connection(&self) -> Option<ConnectionId> {
        match self {
            SourceSpec::Path { .. } | SourceSpec::Url { .. } => None,
            SourceSpec::S3 { connection, .. }
            | SourceSpec::Table { connection, .. }
            | SourceSpec::Query { connection, .. } => Some(*connection),
        }
    }

    /// For a page, the audit trail and the log. Leaves out what may be secret: an address's query, and all but the
    /// beginning of a statement. `through` is the connection's name.
    pub fn describe(&self, through: &str) -> String {
        let clip = |text: &str| {
            let line: String = text.split_whitespace().collect::<Vec<_>>().join(" ");
            match line.char_indices().nth(80) {
                Some((at, _)) => format!("{}…", &line[..at]),
                None => line,
            }
        };
        match self {
            SourceSpec::Path { path } => format!("file {path}"),
            SourceSpec::Url { url } => match url.split_once(['?', '#']) {
                Some((plain, _)) => format!("{plain}?…"),
                None => url.clone(),
            },
            SourceSpec::S3 { key, .. } => format!("{key} in '{through}'"),
            SourceSpec::Table { table, .. } => format!("table {table} in '{through}'"),
            SourceSpec::Query { query, .. } => format!("query in '{through}': {}", clip(query)),
        }
    }
}

/// How the connection to a PostgreSQL server is protected.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(not(target_arch = "wasm32"), derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum Tls {
    /// TLS with a certificate for the host's name, signed by an authority that the server's machine trusts.
    #[default]
    Verify,
    /// TLS, whoever answers.
    Require,
    /// None: only within a network that is trusted.
    Off,
}

impl Tls {
    pub const ALL: [Tls; 3] = [Tls::Verify, Tls::Require, Tls::Off];

    pub fn as_str(self) -> &'static str {
        match self {
            Tls::Verify => "verify",
            Tls::Require => "require",
            Tls::Off => "off",
        }
    }
}

/// What a connection is made with, the secret left out.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(not(target_arch = "wasm32"), derive(utoipa::ToSchema))]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum ConnectionSettings {
    /// Amazon S3 or a server that speaks it. The secret is the secret access key.
    S3 {
        bucket: String,
        #[serde(default)]
        region: String,
        /// `https://HOST[:PORT]` of a compatible server; left out: Amazon's.
        #[serde(default)]
        endpoint: Option<String>,
        /// Left out: the bucket is public and requests are not signed.
        #[serde(default)]
        access_key: Option<String>,
    },
    /// The secret is the password.
    Postgres {
        host: String,
        #[serde(default = "postgres_port")]
        port: u16,
        database: String,
        user: String,
        #[serde(default)]
        tls: Tls,
    },
    /// A SQLite file below one of the server's `source_roots`. It has no secret.
    Sqlite { path: String },
}

fn postgres_port() -> u16 {
    5432
}

impl ConnectionSettings {
    /// `s3`, `postgres` or `sqlite`.
    pub fn kind(&self) -> &'static str {
        match self {
            ConnectionSettings::S3 { .. } => "s3",
            ConnectionSettings::Postgres { .. } => "postgres",
            ConnectionSettings::Sqlite { .. } => "sqlite",
        }
    }

    /// Whether it holds tables rather than files.
    pub fn is_sql(&self) -> bool {
        !matches!(self, ConnectionSettings::S3 { .. })
    }

    /// Where it leads, for a page.
    pub fn place(&self) -> String {
        match self {
            ConnectionSettings::S3 { bucket, endpoint: Some(endpoint), .. } => format!("{bucket} at {endpoint}"),
            ConnectionSettings::S3 { bucket, region, .. } => format!("{bucket} in {region}"),
            ConnectionSettings::Postgres { host, port, database, user, .. } => {
                format!("{user}@{host}:{port}/{database}")
            }
            ConnectionSettings::Sqlite { path } => path.clone(),
        }
    }
}

/// A password or key on its way in. It is never shown: not by `Debug`, not in any view.
#[derive(Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[cfg_attr(not(target_arch = "wasm32"), derive(utoipa::ToSchema))]
#[serde(transparent)]
pub struct SecretText(pub String);

impl fmt::Debug for SecretText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[secret]")
    }
}

/// Makes a connection.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[cfg_attr(not(target_arch = "wasm32"), derive(utoipa::ToSchema))]
pub struct NewConnection {
    pub name: ResourceName,
    pub settings: ConnectionSettings,
    #[serde(default)]
    pub secret: Option<SecretText>,
}

/// Changes a connection. A secret that is left out stays as it is, unless the place it is sent to changes.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[cfg_attr(not(target_arch = "wasm32"), derive(utoipa::ToSchema))]
pub struct EditConnection {
    pub name: ResourceName,
    pub settings: ConnectionSettings,
    #[serde(default)]
    pub secret: Option<SecretText>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(not(target_arch = "wasm32"), derive(utoipa::ToSchema))]
pub struct ConnectionView {
    pub id: ConnectionId,
    pub name: String,
    pub settings: ConnectionSettings,
    pub has_secret: bool,
    /// Data sets that are fetched through it.
    pub datasets: u64,
    pub created_at: Timestamp,
    pub created_by: String,
}

/// That a connection works, and what was seen.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(not(target_arch = "wasm32"), derive(utoipa::ToSchema))]
pub struct ConnectionTest {
    /// One sentence.
    pub message: String,
    /// Some of the tables or objects, 50 at most.
    pub found: Vec<String>,
}

/// What the server may reach, for the page that offers sources.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(not(target_arch = "wasm32"), derive(utoipa::ToSchema))]
pub struct SourceRules {
    /// Whether server paths may be read at all.
    pub paths: bool,
    /// Patterns of host names, as configured.
    pub hosts: Vec<String>,
}

/// Starts to fetch a source.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[cfg_attr(not(target_arch = "wasm32"), derive(utoipa::ToSchema))]
pub struct NewFetch {
    pub source: SourceSpec,
}

/// Fetches the source of a data set again.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
#[cfg_attr(not(target_arch = "wasm32"), derive(utoipa::ToSchema))]
pub struct Refresh {
    pub mode: CommitMode,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(not(target_arch = "wasm32"), derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum FetchState {
    Running,
    /// The file lies there as an upload and waits for a person to confirm it.
    Ready,
    /// A version was made.
    Done,
    Failed,
    Cancelled,
}

impl FetchState {
    pub fn as_str(self) -> &'static str {
        match self {
            FetchState::Running => "running",
            FetchState::Ready => "ready",
            FetchState::Done => "done",
            FetchState::Failed => "failed",
            FetchState::Cancelled => "cancelled",
        }
    }
    pub fn has_ended(self) -> bool {
        self != FetchState::Running
    }
}

impl fmt::Display for FetchState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl std::str::FromStr for FetchState {
    type Err = String;
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        [FetchState::Running, FetchState::Ready, FetchState::Done, FetchState::Failed, FetchState::Cancelled]
            .into_iter()
            .find(|state| state.as_str() == text)
            .ok_or_else(|| format!("'{text}' is no state of a fetch."))
    }
}

/// One fetching of a source.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(not(target_arch = "wasm32"), derive(utoipa::ToSchema))]
pub struct FetchView {
    pub id: FetchId,
    /// Where from, without secrets.
    pub source: String,
    pub state: FetchState,
    /// What is being done, or why it failed: one sentence.
    pub message: String,
    pub bytes: u64,
    /// Bytes in all, where the source says so.
    pub total: Option<u64>,
    /// Rows read, of a database.
    pub rows: u64,
    /// To confirm, in state `ready`.
    pub upload: Option<UploadId>,
    /// The data set that is refreshed, or that came of it.
    pub dataset: Option<DatasetId>,
    /// In state `done`.
    pub version: Option<DatasetVersionId>,
    pub started_at: Timestamp,
    pub ended_at: Option<Timestamp>,
    pub started_by: String,
}

/// Where a data set's versions come from.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(not(target_arch = "wasm32"), derive(utoipa::ToSchema))]
pub struct DatasetSource {
    /// In words, without secrets.
    pub source: String,
    pub fetched_at: Timestamp,
    pub fetched_by: String,
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn what_is_shown_holds_no_secret() {
        let url = SourceSpec::Url { url: "https://x.example/a.csv?X-Amz-Signature=abc".into() };
        assert_eq!(url.describe(""), "https://x.example/a.csv?…");
        let new = NewConnection {
            name: ResourceName::parse("db").unwrap(),
            settings: ConnectionSettings::Sqlite { path: "/a".into() },
            secret: Some(SecretText("hunter2".into())),
        };
        assert!(!format!("{new:?}").contains("hunter2"));
    }
}
