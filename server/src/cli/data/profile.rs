//! `data profile`.

use super::DataArgs;
use crate::cli::Out;
use clap::Args;
use serde::Serialize;
use std::{fmt::Write, process::ExitCode};
use trainyard_assess::relations::relations;
use trainyard_data::frame;
use trainyard_service::datasets::{SAMPLE_ROWS, target_of};
use trainyard_types::{
    Problem,
    dataset::Profile,
    relations::{Relations, TargetRelation},
};

#[derive(Args)]
pub(in crate::cli) struct ProfileArgs {
    #[command(flatten)]
    file: DataArgs,
    /// Leave out correlations, values missing together and values far out
    #[arg(long)]
    minimal: bool,
    /// Also say what each column alone tells of this one
    #[arg(long, value_name = "COLUMN")]
    target: Option<String>,
}

/// What is printed: the profile, and how the columns hang together.
#[derive(Serialize)]
struct Whole<'a> {
    #[serde(flatten)]
    profile: &'a Profile,
    #[serde(skip_serializing_if = "Option::is_none")]
    relations: Option<Relations>,
    #[serde(skip_serializing_if = "Option::is_none")]
    target_relation: Option<TargetRelation>,
}

pub(super) fn profile(args: ProfileArgs, out: Out) -> Result<ExitCode, Problem> {
    let table = args.file.read()?;
    let profile = &table.ingested.profile;
    let relations = match args.minimal {
        true => None,
        false => Some(relations(&frame::load_sample(&table.parquet, None, SAMPLE_ROWS, table.memory)?, profile.rows)),
    };
    let target_relation =
        args.target.map(|target| target_of(&table.parquet, &target, profile.rows, table.memory)).transpose()?;
    let mut words = in_words(profile, relations.as_ref());
    target_relation.iter().for_each(|relation| words.push_str(&of_target(relation)));
    out.show(&Whole { profile, relations, target_relation }, || words)
}

fn in_words(profile: &Profile, relations: Option<&Relations>) -> String {
    let mut text =
        format!("{} rows, {} columns, {} duplicate rows.", profile.rows, profile.columns.len(), profile.duplicate_rows);
    let width = profile.columns.iter().map(|column| column.name.chars().count()).max().unwrap_or(0).clamp(6, 40);
    let _ = write!(text, "\n{:width$}  {:8}  {:>10}  {:>10}  values", "column", "type", "missing", "distinct");
    for column in &profile.columns {
        let values = match &column.numeric {
            Some(numeric) => {
                let median = match numeric.sample {
                    Some(n) => format!("about {} (of {n} drawn)", numeric.quantiles[2]),
                    None => numeric.quantiles[2].to_string(),
                };
                format!("{} to {}, mean {:.4}, median {median}", numeric.min, numeric.max, numeric.mean)
            }
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
    for pair in relations.iter().flat_map(|relations| relations.strongest.iter().take(5)) {
        let _ = write!(text, "\n`{}` and `{}` go together: {:.2}", pair.a, pair.b, pair.value);
    }
    text
}

fn of_target(relation: &TargetRelation) -> String {
    let mut text = format!("\n\nWhat each column alone tells of `{}`, on {} rows:", relation.target, relation.sample);
    let width = relation.columns.iter().map(|c| c.column.chars().count()).max().unwrap_or(0).clamp(6, 40);
    for column in &relation.columns {
        let _ = write!(text, "\n{:width$}  {:.2}  {}", column.column, column.power, column.sentence);
    }
    let _ = write!(text, "\n{}", relation.sentence);
    text
}
