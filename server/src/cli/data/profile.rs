//! `data profile`.

use super::Table;
use crate::cli::Out;
use clap::Args;
use std::{fmt::Write, path::PathBuf, process::ExitCode};
use trainyard_types::{Problem, dataset::Profile};

#[derive(Args)]
pub(in crate::cli) struct ProfileArgs {
    /// CSV, TSV, JSON Lines or Parquet file
    #[arg(long, value_name = "FILE")]
    data: PathBuf,
}

pub(super) fn profile(args: ProfileArgs, out: Out) -> Result<ExitCode, Problem> {
    let table = Table::read(&args.data)?;
    let profile = &table.ingested.profile;
    out.show(profile, || in_words(profile))
}

fn in_words(profile: &Profile) -> String {
    let mut text =
        format!("{} rows, {} columns, {} duplicate rows.", profile.rows, profile.columns.len(), profile.duplicate_rows);
    let width = profile.columns.iter().map(|column| column.name.chars().count()).max().unwrap_or(0).clamp(6, 40);
    let _ = write!(text, "\n{:width$}  {:8}  {:>10}  {:>10}  values", "column", "type", "missing", "distinct");
    for column in &profile.columns {
        let values = match &column.numeric {
            Some(numeric) => format!("{} to {}, mean {:.4}", numeric.min, numeric.max, numeric.mean),
            None => column
                .top
                .iter()
                .take(3)
                .map(|top| format!("{} ({})", top.value, top.count))
                .collect::<Vec<_>>()
                .join(", "),
        };
        let _ = write!(
            text,
            "\n{:width$}  {:8}  {:>10}  {:>10}  {values}",
            column.name,
            column.kind.as_str(),
            column.missing,
            column.distinct
        );
    }
    for warning in &profile.warnings {
        let _ = write!(text, "\n{}: {}", format!("{:?}", warning.severity).to_lowercase(), warning.message);
    }
    text
}
