//! `data check`.

use super::{DataArgs, Table, severity_word};
use crate::cli::{Out, headless::Terminal};
use clap::Args;
use std::{
    fmt::Write,
    fs,
    path::{Path, PathBuf},
    process::ExitCode,
};
use trainyard_data::{checks, yaml};
use trainyard_types::{
    Code, Problem,
    checks::{Suite, SuiteResult},
    dataset::Severity,
};
use trainyard_worker::{TrainError, labels::label_errors};

/// Label errors that the text lists.
const LISTED: usize = 50;

#[derive(Args)]
pub(in crate::cli) struct CheckArgs {
    #[command(flatten)]
    file: DataArgs,
    /// Checks as YAML
    #[arg(long, value_name = "FILE", conflicts_with_all = ["reference", "suggest"])]
    suite: Option<PathBuf>,
    /// A file known to be good: checks are suggested from it
    #[arg(long, value_name = "FILE")]
    reference: Option<PathBuf>,
    /// Print the suggested checks as YAML and check nothing
    #[arg(long)]
    suggest: bool,
    /// Instead, list rows whose label in this column is likely wrong
    #[arg(long, value_name = "TARGET", conflicts_with_all = ["suite", "reference", "suggest"])]
    labels: Option<String>,
    /// A column that labels are not judged by; may be given several times
    #[arg(long, value_name = "COLUMN", requires = "labels")]
    drop: Vec<String>,
}

pub(super) fn check(args: CheckArgs, out: Out) -> Result<ExitCode, Problem> {
    if let Some(target) = &args.labels {
        return labels(&args.file.data, target, &args.drop, out);
    }
    if args.suggest {
        let suite = suggested(&args.file.read_other(args.reference.as_deref().unwrap_or(&args.file.data))?)?;
        let text = yaml::print(&suite)?;
        return out.show(&suite, || text.trim_end().to_owned());
    }
    let table = args.file.read()?;
    let suite = match (&args.suite, &args.reference) {
        (Some(path), _) => written(path)?,
        (None, Some(path)) => suggested(&args.file.read_other(path)?)?,
        // Of the file's own figures only what they break by themselves is a fault; the rest is told by `--suggest`.
        (None, None) => suggested(&table)?,
    };
    let result = checks::run(&table.parquet, &suite, table.memory)?;
    out.show(&result, || in_words(&result))?;
    let bad = result.outcome.is_some_and(|severity| severity >= Severity::Warning);
    Ok(if bad { ExitCode::FAILURE } else { ExitCode::SUCCESS })
}

/// Likely label errors; finding some is no failure.
fn labels(data: &Path, target: &str, drop: &[String], out: Out) -> Result<ExitCode, Problem> {
    let (_, frame) = trainyard_data::read_any::read_file(data).map_err(super::in_words)?;
    let mut sink = Terminal::new();
    let report = label_errors(&frame, target, drop, 0, &mut sink);
    sink.end();
    let report = report.map_err(|error| match error {
        TrainError::Cancelled => Problem::new(Code::Conflict, "The search was cancelled."),
        TrainError::Problem(problem) => problem,
    })?;
    out.show(&report, || {
        let mut text = format!(
            "{} of {} labels in {target} are likely wrong (estimated share {:.2} %). The most certain first:",
            report.found,
            report.rows,
            report.noise * 100.0
        );
        for error in report.errors.iter().take(LISTED) {
            let _ = write!(
                text,
                "\n  row {}: {} ({:.1} %), likely {} ({:.1} %)",
                error.row,
                error.given,
                error.given_probability * 100.0,
                error.likely,
                error.likely_probability * 100.0
            );
        }
        if report.errors.len() > LISTED {
            let _ = write!(text, "\n  … and {} more: --json has them.", report.found - LISTED as u64);
        }
        text
    })
}

fn suggested(table: &Table) -> Result<Suite, Problem> {
    checks::suggest(&table.parquet, &table.ingested.profile, table.memory)
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
