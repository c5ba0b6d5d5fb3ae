//! `data leakage`.

use super::{DataArgs, SplitArgs, severity_word};
use crate::cli::Out;
use clap::Args;
use std::{fmt::Write, process::ExitCode};
use trainyard_service::leakage;
use trainyard_types::{Problem, dataset::Severity, leakage::LeakageReport, run::TrainSettings};

#[derive(Args)]
pub(in crate::cli) struct LeakageArgs {
    #[command(flatten)]
    file: DataArgs,
    /// Column to predict
    #[arg(long, value_name = "COLUMN")]
    target: String,
    /// A column that is not learned from; may be given several times
    #[arg(long, value_name = "COLUMN")]
    drop: Vec<String>,
    /// Leave out rows that equal an earlier one
    #[arg(long)]
    distinct: bool,
    #[command(flatten)]
    split: SplitArgs,
}

pub(super) fn leakage(args: LeakageArgs, out: Out) -> Result<ExitCode, Problem> {
    let table = args.file.read()?;
    let rows = table.ingested.rows;
    let frame = trainyard_data::frame::load_sample(&table.parquet, None, leakage::SAMPLE_ROWS, table.memory)?;
    let mut settings = TrainSettings::for_target(args.target);
    (settings.drop, settings.distinct, settings.split) = (args.drop, args.distinct, args.split.spec()?);
    let report = LeakageReport { rows, ..leakage::of_table(&frame, &settings, None)? };
    out.show(&report, || in_words(&report, frame.rows as u64))?;
    let critical = report.findings.iter().any(|finding| finding.severity == Severity::Critical);
    Ok(if critical { ExitCode::FAILURE } else { ExitCode::SUCCESS })
}

fn in_words(report: &LeakageReport, looked_at: u64) -> String {
    let mut text = match report.findings.len() {
        0 => "Nothing was found.".to_owned(),
        1 => "1 finding.".to_owned(),
        n => format!("{n} findings."),
    };
    let _ = write!(text, " Split: {}.", report.split);
    if looked_at < report.rows {
        let _ = write!(text, " Looked at {looked_at} of {} rows, drawn at random.", report.rows);
    }
    for finding in &report.findings {
        let _ = write!(
            text,
            "\n{:8}  {}: {}\n          Fix: {}.",
            severity_word(finding.severity),
            finding.kind.title(),
            finding.why,
            finding.fix.label()
        );
    }
    text
}
