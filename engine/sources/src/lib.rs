//! Brings tables from outside onto this machine's disk, as files that [`trainyard_data::ingest()`] reads: server paths,
//! addresses, object stores, databases.
//!
//! [`fetch`] does it; [`test`] says whether a connection works. What may be reached at all is said by [`Rules`], and
//! the default is nothing: an address that a project's member types is fetched by the server, from within its network.
//! Every host's addresses are checked where the connection is made, so that a name can't lead elsewhere in between.

mod files;
mod postgres;
mod rules;
mod s3;
mod sql;
mod sqlite;
mod table;
mod unpack;
mod web;

pub use rules::Rules;

use std::{fmt, ops::ControlFlow, path::Path, time::Duration};
use trainyard_data::Memory;
use trainyard_types::{
    Problem,
    source::{ConnectionSettings, ConnectionTest, SourceSpec},
};

/// A password or key while it is used. It is not shown by `Debug`.
#[derive(Clone)]
pub struct Secret(String);

impl Secret {
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }
    pub(crate) fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[secret]")
    }
}

/// Bounds of one fetch.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Bytes that are written at most, unpacked.
    pub bytes: u64,
    /// From the beginning to the end.
    pub time: Duration,
    /// Objects below a prefix.
    pub objects: usize,
    /// For making one table of several objects.
    pub memory: Memory,
}

impl Default for Limits {
    /// 64 GiB, 6 hours, 1,000 objects.
    fn default() -> Self {
        Self { bytes: 64 << 30, time: Duration::from_secs(6 * 3600), objects: 1_000, memory: Memory::default() }
    }
}

/// How far it is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Progress {
    pub bytes: u64,
    /// Where the source says so.
    pub total: Option<u64>,
    /// Rows of a database.
    pub rows: u64,
    /// What is being done, in words.
    pub doing: String,
}

/// Gets the progress now and then; `Break` ends the work.
pub type Watch<'a> = &'a (dyn Fn(&Progress) -> ControlFlow<()> + Send + Sync);

/// What was fetched; the file itself is where it was asked to be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fetched {
    /// A name with an ending, as a person would know it by.
    pub file_name: String,
    pub bytes: u64,
    /// Things worth knowing, in words.
    pub notes: Vec<String>,
}

/// What a source is reached with.
#[derive(Clone, Copy)]
pub struct Access<'a> {
    pub rules: &'a Rules,
    /// The one that the source names, if it names one.
    pub connection: Option<&'a ConnectionSettings>,
    pub secret: Option<&'a Secret>,
}

/// Fetches a source into the file `dest`, which must not be there; on failure nothing is left of it.
///
/// # Errors
/// In words: the source may not be reached, is not there, is too large, takes too long, can't be read as a table, or
/// `watch` ended it.
pub async fn fetch(
    source: &SourceSpec,
    access: Access<'_>,
    dest: &Path,
    limits: Limits,
    watch: Watch<'_>,
) -> Result<Fetched, Problem> {
    let fetched = tokio::time::timeout(limits.time, fetch_within(source, access, dest, limits, watch)).await;
    let outcome = fetched.unwrap_or_else(|_| {
        Err(Problem::invalid(format!(
            "The source took longer than {} minutes. Fetch less of it, or raise fetch_minutes.",
            limits.time.as_secs().div_ceil(60)
        )))
    });
    if outcome.is_err() {
        // It may never have been made.
        let _ = tokio::fs::remove_file(dest).await;
    }
    outcome
}

async fn fetch_within(
    source: &SourceSpec,
    access: Access<'_>,
    dest: &Path,
    limits: Limits,
    watch: Watch<'_>,
) -> Result<Fetched, Problem> {
    let lacking = || Problem::not_found("The source's connection is not there any more. Choose another one.");
    match (source, access.connection) {
        (SourceSpec::Path { path }, _) => files::fetch(access.rules, path, dest, limits, watch).await,
        (SourceSpec::Url { url }, _) => web::fetch(access.rules, url, dest, limits, watch).await,
        (SourceSpec::S3 { key, .. }, Some(settings @ ConnectionSettings::S3 { .. })) => {
            s3::fetch(access, settings, key, dest, limits, watch).await
        }
        (SourceSpec::Table { table, .. }, Some(settings)) if settings.is_sql() => {
            let name = table.rsplit('.').next().unwrap_or_default();
            sql::fetch(access, settings, &sql::select_all(table)?, name, dest, limits, watch).await
        }
        (SourceSpec::Query { query, .. }, Some(settings)) if settings.is_sql() => {
            sql::fetch(access, settings, &sql::one_reading(query)?, "query", dest, limits, watch).await
        }
        (_, Some(settings)) => Err(Problem::invalid(format!(
            "The connection is one of kind {}, which doesn't hold such a source. Choose another connection.",
            settings.kind()
        ))),
        (_, None) => Err(lacking()),
    }
}

/// Tries a connection and looks what is there.
///
/// # Errors
/// In words: why it does not work, and what to change.
pub async fn test(access: Access<'_>) -> Result<ConnectionTest, Problem> {
    let Some(settings) = access.connection else {
        return Err(Problem::invalid("There is nothing to test."));
    };
    let work = async {
        match settings {
            ConnectionSettings::S3 { .. } => s3::test(access, settings).await,
            ConnectionSettings::Postgres { .. } => postgres::test(access, settings).await,
            ConnectionSettings::Sqlite { path } => sqlite::test(access.rules, path).await,
        }
    };
    tokio::time::timeout(Duration::from_secs(20), work).await.unwrap_or_else(|_| {
        Err(Problem::invalid("No answer within 20 seconds. Check host and port, and whether a firewall is between."))
    })
}

pub(crate) fn cancelled() -> Problem {
    Problem::conflict("The fetch was cancelled. Nothing was kept.")
}

pub(crate) fn too_large(limit: u64) -> Problem {
    Problem::new(
        trainyard_types::Code::TooLarge,
        format!(
            "The source is larger than the limit of {} MiB. Fetch a part of it, or raise max_fetch_mib.",
            limit >> 20
        ),
    )
}

/// A failure to write what was fetched.
pub(crate) fn cannot_write(error: &std::io::Error) -> Problem {
    if error.kind() == std::io::ErrorKind::StorageFull {
        return Problem::new(
            trainyard_types::Code::Unavailable,
            "The server's disk is full. Nothing was kept; free some space in its data folder and try again.",
        );
    }
    Problem::internal(format!("What was fetched can't be written: {error}."))
}
