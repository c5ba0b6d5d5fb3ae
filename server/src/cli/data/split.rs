//! `data split`.

use super::{DataArgs, SplitArgs};
use crate::cli::Out;
use clap::Args;
use std::{
    fmt::Write as _,
    fs::{self, File},
    io::{self, BufWriter, Write},
    path::{Path, PathBuf},
    process::ExitCode,
};
use trainyard_data::split::{Division, MadeSplit, Part, make};
use trainyard_types::{
    Problem,
    split::{PartSummary, SplitPlan, SplitSummary},
};

#[derive(Args)]
pub(in crate::cli) struct DivideArgs {
    #[command(flatten)]
    file: DataArgs,
    /// Column to predict: rows without it are not used, and classes are divided evenly
    #[arg(long, value_name = "COLUMN")]
    target: Option<String>,
    #[command(flatten)]
    split: SplitArgs,
    /// Divide the rows that don't test into this many folds too
    #[arg(long, value_name = "N")]
    folds: Option<u32>,
    /// Divide each fold's training rows again
    #[arg(long, value_name = "N", requires = "folds")]
    nested: Option<u32>,
    /// Folder for 'DIVISION.csv' files: each row's number, from 1, and its part
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
}

pub(super) fn split(args: DivideArgs, out: Out) -> Result<ExitCode, Problem> {
    let table = args.file.read()?;
    let plan = SplitPlan {
        spec: args.split.spec()?,
        target: args.target,
        task: None,
        folds: args.folds,
        inner_folds: args.nested,
    };
    let (made, summary) = make(&table.parquet, &plan)?;
    if let Some(folder) = &args.out {
        write(&made, folder).map_err(|error| {
            Problem::invalid(format!("{} can't be written: {error}. Name another folder with --out.", folder.display()))
        })?;
    }
    out.show(&summary, || in_words(&plan, &summary))
}

/// One file a division.
fn write(made: &MadeSplit, folder: &Path) -> io::Result<()> {
    fs::create_dir_all(folder)?;
    for Division { name, parts } in &made.divisions {
        let mut file = BufWriter::new(File::create(folder.join(format!("{name}.csv")))?);
        writeln!(file, "row,part")?;
        for (row, part) in parts.iter().enumerate() {
            let part = match part {
                Some(Part::Train) => "train",
                Some(Part::Valid) => "valid",
                Some(Part::Test) => "test",
                None => "",
            };
            writeln!(file, "{},{part}", row + 1)?;
        }
        file.flush()?;
    }
    Ok(())
}

fn in_words(plan: &SplitPlan, summary: &SplitSummary) -> String {
    let mut text = format!("{} rows, {}. blake3 {}", summary.rows, plan.spec.in_words(), summary.hash);
    for division in &summary.divisions {
        let _ = write!(text, "\n{}:", division.name);
        for (name, part) in division.parts() {
            let _ = write!(text, "  {name} {}{}", part.rows, classes(part, &summary.classes));
        }
        if division.unused > 0 {
            let _ = write!(text, "  unused {}", division.unused);
        }
    }
    text
}

fn classes(part: &PartSummary, names: &[String]) -> String {
    if names.is_empty() || part.rows == 0 || names.len() > 6 {
        return String::new();
    }
    let shares: Vec<String> = names
        .iter()
        .zip(&part.classes)
        .map(|(name, rows)| format!("{name} {:.1} %", *rows as f64 / part.rows as f64 * 100.0))
        .collect();
    format!(" ({})", shares.join(", "))
}
