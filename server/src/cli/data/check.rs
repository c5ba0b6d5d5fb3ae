//! `data check`.

use super::{Table, severity_word};
use crate::cli::Out;
use clap::Args;
use std::{
    fmt::Write,
    fs,
    path::{Path, PathBuf},
    process::ExitCode,
};
use trainyard_data::{checks, yaml};
use trainyard_types::{
    Problem,
    checks::{Suite, SuiteResult},
    dataset::Severity,
};

#[derive(Args)]
pub(in crate::cli) struct CheckArgs {
    /// CSV, TSV, JSON Lines or Parquet file
    #[arg(long, value_name = "FILE")]
    data: PathBuf,
    /// Checks as YAML
    #[arg(long, value_name = "FILE", conflicts_with_all = ["reference", "suggest"])]
    suite: Option<PathBuf>,
    /// A file known to be good: checks are suggested from it
    #[arg(long, value_name = "FILE")]
    reference: Option<PathBuf>,
    /// Print the suggested checks as YAML and check nothing
    #[arg(long)]
    suggest: bool,
}

pub(super) fn check(args: CheckArgs, out: Out) -> Result<ExitCode, Problem> {
    if args.suggest {
        let suite = suggested(&Table::read(args.reference.as_deref().unwrap_or(&args.data))?)?;
        let text = yaml::print(&suite)?;
        return out.show(&suite, || text.trim_end().to_owned());
    }
    let table = Table::read(&args.data)?;
    let suite = match (&args.suite, &args.reference) {
        (Some(path), _) => written(path)?,
        (None, Some(path)) => suggested(&Table::read(path)?)?,
        // Of the file's own figures only what they break by themselves is a fault; the rest is told by `--suggest`.
        (None, None) => suggested(&table)?,
    };
    let result = checks::run(&table.parquet, &suite)?;
    out.show(&result, || in_words(&result))?;
    let bad = result.outcome.is_some_and(|severity| severity >= Severity::Warning);
    Ok(if bad { ExitCode::FAILURE } else { ExitCode::SUCCESS })
}

fn suggested(table: &Table) -> Result<Suite, Problem> {
    checks::suggest(&table.parquet, &table.ingested.profile)
}

fn written(path: &Path) -> Result<Suite, Problem> {
    let text = fs::read_to_string(path)
        .map_err(|error| Problem::not_found(format!("{} can't be read: {error}. Check the path.", path.display())))?;
    yaml::parse(&text)
}

fn in_words(result: &SuiteResult) -> String {
    let mut text = format!("{} of {} checks passed.", result.passed, result.results.len());
    for failed in result.results.iter().filter(|result| !result.passed) {
        let severity = severity_word(failed.check.severity);
        let columns = failed.check.expectation.columns().join(", ");
        let kind = failed.check.expectation.type_name();
        let _ = write!(text, "\n{severity:8}  {columns}: {kind}: {}", failed.observed.words);
        for row in failed.failing.iter().take(3) {
            let values: Vec<&str> = row.values.iter().map(|value| value.as_deref().unwrap_or("missing")).collect();
            let _ = write!(text, "\n          row {}: {}", row.row, values.join(", "));
        }
    }
    text
}
