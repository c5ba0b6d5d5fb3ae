//! `dataset`.

use super::{Out, data::in_words, open_with_accounts};
use crate::config::Flags;
use clap::{Args, Subcommand};
use std::{path::PathBuf, process::ExitCode};
use trainyard_service::{Actor, datasets};
use trainyard_types::{Problem, ResourceName, Slug, dataset::BadRows};

#[derive(Subcommand)]
pub(super) enum DatasetVerb {
    /// Read a CSV, TSV, JSON Lines or Parquet file as a data set, or as a further version of one
    #[command(after_help = "Example:\n  trainyard dataset import adult.csv --project default --name Adult")]
    Import(ImportArgs),
}

#[derive(Args)]
pub(super) struct ImportArgs {
    #[command(flatten)]
    flags: Flags,
    file: PathBuf,
    /// Project to import into
    #[arg(long, value_name = "SLUG", default_value = "default")]
    project: String,
    /// Name of the data set [default: the file's name]
    #[arg(long)]
    name: Option<String>,
    /// Leave out rows that can't be read (otherwise the file is refused and they are listed)
    #[arg(long)]
    skip_bad_rows: bool,
    /// Add the file's rows to those of the current version (otherwise the file replaces them)
    #[arg(long)]
    append: bool,
}

pub(super) async fn dataset(verb: DatasetVerb, out: Out) -> Result<ExitCode, Problem> {
    let DatasetVerb::Import(args) = verb;
    let project = Slug::parse(&args.project).map_err(|message| Problem::field("project", message))?;
    let name = args.name.map(ResourceName::parse).transpose().map_err(|message| Problem::field("name", message))?;
    let bad_rows = if args.skip_bad_rows { BadRows::Skip } else { BadRows::Refuse };
    let ctx = open_with_accounts(&args.flags).await?;
    let actor = Actor::cli();
    let version = if args.append {
        datasets::append_file(&ctx, &actor, &project, &args.file, name, bad_rows).await
    } else {
        datasets::import_file(&ctx, &actor, &project, &args.file, name, None, bad_rows).await
    }
    .map_err(in_words)?;
    out.show(&version, || {
        let summary = &version.summary;
        format!(
            "'{}' version {}: {} rows, {} columns, {} bad rows left out.",
            version.dataset_name, summary.number, summary.rows, summary.columns, version.bad_rows.count
        )
    })
}
