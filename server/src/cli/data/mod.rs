//! `data`: a file looked into without a server.

mod check;
mod profile;

use super::Out;
use clap::Subcommand;
use std::{
    ops::ControlFlow,
    path::{Path, PathBuf},
    process::ExitCode,
};
use trainyard_data::Ingested;
use trainyard_types::{
    Problem,
    dataset::{BadRows, ReadFailure},
};

#[derive(Subcommand)]
pub(super) enum DataVerb {
    /// Describe every column: type, missing and different values, distribution, and what is wrong with it
    #[command(after_help = "Example:\n  trainyard data profile --data adult.csv --json")]
    Profile(profile::ProfileArgs),
    /// Check a file against a suite of expectations, or against another file; exits with 1 where a warning or worse is due
    #[command(
        after_help = "Examples:\n  trainyard data check --data orders.csv --suggest > checks.yaml\n  trainyard data check --data new.csv --suite checks.yaml --json\n  trainyard data check --data new.csv --reference orders.csv"
    )]
    Check(check::CheckArgs),
}

pub(super) fn data(verb: DataVerb, out: Out) -> Result<ExitCode, Problem> {
    match verb {
        DataVerb::Profile(args) => profile::profile(args, out),
        DataVerb::Check(args) => check::check(args, out),
    }
}

/// A file read as found and stored as a version would be, in a folder that goes with this.
struct Table {
    _folder: tempfile::TempDir,
    parquet: PathBuf,
    ingested: Ingested,
}

impl Table {
    /// # Errors
    /// The file can't be read; the first bad rows are named.
    fn read(file: &Path) -> Result<Self, Problem> {
        let folder =
            tempfile::tempdir().map_err(|error| Problem::internal(format!("No temporary folder: {error}.")))?;
        let parquet = folder.path().join("table.parquet");
        let name = file.file_name().unwrap_or_default().to_string_lossy();
        let options = trainyard_data::inspect(file, &name)?.options;
        let go_on = &mut |_| ControlFlow::Continue(());
        let ingested = trainyard_data::ingest(file, &options, BadRows::Refuse, &parquet, go_on).map_err(in_words)?;
        Ok(Self { _folder: folder, parquet, ingested })
    }
}

/// The problem with the rows that caused it.
pub(super) fn in_words(failure: ReadFailure) -> Problem {
    let mut problem = failure.problem;
    for row in &failure.report.first {
        problem.message.push_str(&format!(
            "\n  line {}, column '{}', value '{}': {}",
            row.line, row.column, row.value, row.reason
        ));
    }
    problem
}
