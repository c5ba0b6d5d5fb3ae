//! `data`: a file looked into without a server.

mod check;
mod leakage;
mod profile;
mod split;

use super::{Out, size};
use clap::{Args, Subcommand};
use std::{
    ops::ControlFlow,
    path::{Path, PathBuf},
    process::ExitCode,
};
use trainyard_data::{Ingested, Memory};
use trainyard_types::{
    Problem,
    dataset::{BadRows, ReadFailure, Severity},
    split::{Gap, SplitMethod, SplitSpec},
};

#[derive(Subcommand)]
pub(super) enum DataVerb {
    /// Describe every column: type, missing and different values, distribution, and what is wrong with it
    #[command(
        after_help = "Examples:\n  trainyard data profile --data adult.csv --json\n  trainyard data profile --data adult.csv --target income"
    )]
    Profile(profile::ProfileArgs),
    /// Check a file against a suite of expectations, or against another file; exits with 1 where a warning or worse is due
    #[command(
        after_help = "Examples:\n  trainyard data check --data orders.csv --suggest > checks.yaml\n  trainyard data check --data new.csv --suite checks.yaml --json\n  trainyard data check --data new.csv --reference orders.csv"
    )]
    Check(check::CheckArgs),
    /// Look for what a model could know that it can't know in use; exits with 1 where something critical is found
    #[command(after_help = "Example:\n  trainyard data leakage --data bikes.csv --target count --json")]
    Leakage(leakage::LeakageArgs),
    /// Divide rows into train, validation and test, and into folds
    #[command(
        after_help = "Examples:\n  trainyard data split --data adult.csv --target income --out parts\n  trainyard data split --data visits.csv --method group --column patient --folds 5 --json\n  trainyard data split --data prices.csv --method time --column day --gap 7d"
    )]
    Split(split::DivideArgs),
}

pub(super) fn data(verb: DataVerb, out: Out) -> Result<ExitCode, Problem> {
    match verb {
        DataVerb::Profile(args) => profile::profile(args, out),
        DataVerb::Check(args) => check::check(args, out),
        DataVerb::Leakage(args) => leakage::leakage(args, out),
        DataVerb::Split(args) => split::split(args, out),
    }
}

/// The file, and what reading it may take.
#[derive(Args)]
struct DataArgs {
    /// CSV, TSV, JSON Lines or Parquet file
    #[arg(long, value_name = "FILE")]
    data: PathBuf,
    /// Memory for reading, describing and checking it, such as 512M or 2G; what needs more goes to the disk or is estimated
    #[arg(long, value_name = "SIZE", default_value = "1G", value_parser = size)]
    memory_limit: u64,
}

impl DataArgs {
    fn read(&self) -> Result<Table, Problem> {
        self.read_other(&self.data)
    }

    /// Reads another file within the same bound.
    fn read_other(&self, file: &Path) -> Result<Table, Problem> {
        Table::read(file, Memory::new(self.memory_limit)?)
    }
}

/// How rows are divided.
#[derive(Args)]
struct SplitArgs {
    /// random, group, time, column or hash
    #[arg(long, value_name = "METHOD", default_value = "random")]
    method: String,
    /// The column that decides (all but random); several make a key for group and hash
    #[arg(long, value_name = "COLUMN")]
    column: Vec<String>,
    /// Share of the rows for validation
    #[arg(long, value_name = "SHARE", default_value_t = 0.2)]
    valid: f64,
    /// Share of the rows for test
    #[arg(long, value_name = "SHARE", default_value_t = 0.2)]
    test: f64,
    /// Time: left out between the parts, rows such as 500 or a duration such as 7d
    #[arg(long, value_name = "GAP")]
    gap: Option<Gap>,
    /// Random, of a number: stratify by this many quantile bins of the target
    #[arg(long, value_name = "N")]
    bins: Option<u32>,
    #[arg(long, value_name = "N", default_value_t = 0)]
    seed: u64,
}

impl SplitArgs {
    /// # Errors
    /// The method is none, or needs a column.
    fn spec(&self) -> Result<SplitSpec, Problem> {
        let kind = if self.method == "column" { "given" } else { self.method.as_str() };
        if !["random", "group", "time", "given", "hash"].contains(&kind) {
            let message =
                format!("'{}' is no way to divide rows. Use random, group, time, column or hash.", self.method);
            return Err(Problem::field("method", message));
        }
        let (first, also) = match self.column.as_slice() {
            [] if kind != "random" => {
                return Err(Problem::field("column", format!("--method {} needs --column COLUMN.", self.method)));
            }
            [] => ("", Vec::new()),
            [first, also @ ..] => (first.as_str(), also.to_vec()),
        };
        if kind == "random" && !first.is_empty() {
            return Err(Problem::field(
                "column",
                "--method random needs no --column. Choose another method, or leave it out.",
            ));
        }
        let method = SplitMethod::of(kind, first);
        let (valid, test, seed, gap, bins) = (self.valid, self.test, self.seed, self.gap, self.bins);
        Ok(SplitSpec { method, valid, test, seed, also, gap, bins })
    }
}

fn severity_word(severity: Severity) -> &'static str {
    match severity {
        Severity::Critical => "critical",
        Severity::Warning => "warning",
        Severity::Info => "info",
    }
}

/// A file read as found and stored as a version would be, in a folder that goes with this.
struct Table {
    _folder: tempfile::TempDir,
    parquet: PathBuf,
    ingested: Ingested,
    memory: Memory,
}

impl Table {
    /// # Errors
    /// The file can't be read; the first bad rows are named.
    fn read(file: &Path, memory: Memory) -> Result<Self, Problem> {
        let folder =
            tempfile::tempdir().map_err(|error| Problem::internal(format!("No temporary folder: {error}.")))?;
        let parquet = folder.path().join("table.parquet");
        let name = file.file_name().unwrap_or_default().to_string_lossy();
        let options = trainyard_data::inspect(file, &name)?.options;
        let go_on = &mut |_| ControlFlow::Continue(());
        let ingested =
            trainyard_data::ingest(file, &options, BadRows::Refuse, &parquet, memory, go_on).map_err(in_words)?;
        Ok(Self { _folder: folder, parquet, ingested, memory })
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
