//! The command line. Every verb has an example in its `--help` and prints JSON with `--json`.

mod data;
mod dataset;
mod export;
mod headless;
mod people;
mod pipeline;
mod secrets;
mod serve;

use crate::config::{Config, Flags};
use clap::{Args, Parser, Subcommand};
use serde::Serialize;
use std::{
    io::{IsTerminal, Write},
    path::PathBuf,
    process::ExitCode,
};
use tracing_subscriber::EnvFilter;
use trainyard_service::{Ctx, accounts};
use trainyard_types::Problem;

pub use serve::{Running, start};

/// A size such as `512M`.
pub(crate) fn size(text: &str) -> Result<u64, String> {
    let digits = text.trim_end_matches(|c: char| c.is_ascii_alphabetic());
    let unit: u64 = match text[digits.len()..].to_ascii_uppercase().as_str() {
        "" | "B" => 1,
        "K" | "KB" | "KIB" => 1 << 10,
        "M" | "MB" | "MIB" => 1 << 20,
        "G" | "GB" | "GIB" => 1 << 30,
        _ => return Err(format!("'{text}' is no size. Write it as 512M or 2G.")),
    };
    let size = digits.parse::<u64>().ok().and_then(|number| number.checked_mul(unit));
    size.ok_or_else(|| format!("'{text}' is no size. Write it as 512M or 2G."))
}

/// Trains, judges, registers and serves models, with evidence.
#[derive(Parser)]
#[command(name = "trainyard", version, after_help = "Example:\n  trainyard serve\n  then open http://127.0.0.1:3000")]
struct Cli {
    #[command(subcommand)]
    verb: Verb,
    /// Print one JSON value on standard output
    #[arg(long, global = true)]
    json: bool,
}

#[derive(Subcommand)]
enum Verb {
    /// Run the web server, and a worker in it
    #[command(after_help = "Example:\n  trainyard serve --bind 0.0.0.0:3000 --data-dir /var/lib/trainyard")]
    Serve(serve::ServeArgs),
    /// Run a worker on its own; several may share a database and a data folder
    #[command(after_help = "Example:\n  trainyard worker --slots 2 --database-url postgres://trainyard@db/trainyard")]
    Worker(serve::WorkerArgs),
    /// Make or update the database's tables
    #[command(after_help = "Example:\n  trainyard migrate --data-dir /var/lib/trainyard")]
    Migrate(Flags),
    /// Manage people
    #[command(subcommand)]
    User(people::UserVerb),
    /// Manage API tokens
    #[command(subcommand)]
    Token(people::TokenVerb),
    /// Manage the keys that connections' passwords are encrypted under
    #[command(subcommand)]
    Secrets(secrets::SecretsVerb),
    /// Manage data sets
    #[command(subcommand)]
    Dataset(dataset::DatasetVerb),
    /// Look into a file, without a server
    #[command(subcommand)]
    Data(data::DataVerb),
    /// Run, check and preview pipelines, without a server
    #[command(subcommand)]
    Pipeline(pipeline::PipelineVerb),
    /// Check the audit chain from its first event to its last; exits with 1 where it is broken
    #[command(after_help = "Example:\n  trainyard verify-audit --json")]
    VerifyAudit(Flags),
    /// Train a model from a file, without a server
    #[command(after_help = "Example:\n  trainyard train --data adult.csv --target income --out adult-model --json")]
    Train(headless::TrainArgs),
    /// Predict the rows of a file with a model that 'train' wrote; writes CSV
    #[command(after_help = "Example:\n  trainyard predict --model adult-model --data new.csv > predictions.csv")]
    Predict(headless::PredictArgs),
    /// Write a model as a file for other programs: ONNX with all preprocessing, or safetensors with a description
    #[command(after_help = "Example:\n  trainyard export --model adult-model --format onnx --out adult.onnx")]
    Export(export::ExportArgs),
    /// Run one job (workers call this)
    #[command(hide = true)]
    Job(JobArgs),
}

#[derive(Args)]
struct JobArgs {
    /// A file, or what the worker asks a process for instead, which looks like a flag.
    #[arg(allow_hyphen_values = true)]
    spec: PathBuf,
}

/// Reads the command line and does what it says.
pub fn main() -> ExitCode {
    let Cli { verb, json } = Cli::parse();
    let out = Out { json };
    let outcome = match verb {
        Verb::Job(JobArgs { spec }) => return ExitCode::from(trainyard_worker::run_child(&spec).clamp(0, 255) as u8),
        Verb::Train(args) => headless::train(args, out),
        Verb::Predict(args) => headless::predict(args, out),
        Verb::Export(args) => export::export(args, out),
        Verb::Data(verb) => data::data(verb, out),
        Verb::Pipeline(verb) => pipeline::pipeline(verb, out),
        verb => runtime().and_then(|runtime| runtime.block_on(run(verb, out))),
    };
    match outcome {
        Ok(code) => code,
        Err(problem) => {
            out.fault(&problem);
            ExitCode::FAILURE
        }
    }
}

async fn run(verb: Verb, out: Out) -> Result<ExitCode, Problem> {
    match verb {
        Verb::Serve(args) => serve::serve(args, out).await,
        Verb::Worker(args) => serve::worker(args, out).await,
        Verb::Migrate(flags) => {
            let (_, config) = open(&flags).await?;
            out.show(&serde_json::json!({ "migrated": true }), || {
                format!("The database in {} is up to date.", place(&config))
            })
        }
        Verb::User(verb) => people::user(verb, out).await,
        Verb::Token(verb) => people::token(verb, out).await,
        Verb::Secrets(verb) => secrets::secrets(verb, out).await,
        Verb::Dataset(verb) => dataset::dataset(verb, out).await,
        Verb::VerifyAudit(flags) => people::verify_audit(&flags, out).await,
        Verb::Train(_) | Verb::Predict(_) | Verb::Export(_) | Verb::Data(_) | Verb::Pipeline(_) | Verb::Job(_) => {
            Ok(ExitCode::SUCCESS)
        }
    }
}

/// Page rendering is deeply nested: debug builds need more than the usual 2 MiB of stack.
fn runtime() -> Result<tokio::runtime::Runtime, Problem> {
    tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .thread_stack_size(8 << 20)
        .build()
        .map_err(|error| Problem::internal(format!("The runtime could not start: {error}.")))
}

/// Opens the instance that the flags name, for a verb that does one thing.
async fn open(flags: &Flags) -> Result<(Ctx, Config), Problem> {
    let config = Config::read(flags)?;
    log_to_stderr(&std::env::var("TRAINYARD_LOG").unwrap_or_else(|_| "warn".to_owned()), "text");
    let ctx = Ctx::open(config.settings()?).await?;
    Ok((ctx, config))
}

/// As [`open`], and makes the first account where there is none.
async fn open_with_accounts(flags: &Flags) -> Result<Ctx, Problem> {
    let (ctx, config) = open(flags).await?;
    if let Some(first) = accounts::bootstrap(&ctx, config.admin_password.clone()).await? {
        let _ = writeln!(std::io::stderr(), "{}", first_sign_in(&first));
    }
    Ok(ctx)
}

fn first_sign_in(first: &accounts::FirstSignIn) -> String {
    match &first.password {
        Some(password) => format!(
            "First start: sign in as '{}' with the password  {password}\nIt is shown this once and has to be changed then.",
            first.name
        ),
        None => format!("First start: sign in as '{}' with the password that you set.", first.name),
    }
}

fn place(config: &Config) -> String {
    // Never the URL: it may hold a password.
    match config.database_url.as_deref() {
        Some(url) if !url.starts_with("sqlite:") => "PostgreSQL".to_owned(),
        _ => config.data_dir.display().to_string(),
    }
}

/// Sends the log to standard error. `filter` as `tracing-subscriber` reads it; a wrong one falls back to `info`.
fn log_to_stderr(filter: &str, format: &str) {
    let quiet = "sqlx=warn,sea_orm=warn,sea_orm_migration=warn,tower_sessions=warn,tower_sessions_core=warn";
    let filter =
        EnvFilter::try_new(format!("{filter},{quiet}")).unwrap_or_else(|_| EnvFilter::new(format!("info,{quiet}")));
    let colours = std::io::stderr().is_terminal();
    let log = tracing_subscriber::fmt().with_env_filter(filter).with_ansi(colours).with_writer(std::io::stderr);
    // A second subscriber (tests start several servers in one process) is no fault.
    let _ = match format {
        "json" => log.json().try_init(),
        _ => log.with_target(false).try_init(),
    };
}

/// How a verb answers.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Out {
    json: bool,
}

impl Out {
    /// Prints a value as JSON, or as text for a person.
    fn show<T: Serialize>(self, value: &T, text: impl FnOnce() -> String) -> Result<ExitCode, Problem> {
        let line = if self.json { trainyard_store::to_json(value)? } else { text() };
        let mut out = std::io::stdout().lock();
        writeln!(out, "{line}")
            .and_then(|()| out.flush())
            .map_err(|error| Problem::internal(format!("Standard output can't be written: {error}.")))?;
        Ok(ExitCode::SUCCESS)
    }

    fn fault(self, problem: &Problem) {
        let text = match trainyard_store::to_json(&serde_json::json!({ "error": problem })) {
            Ok(json) if self.json => json,
            _ => format!("error: {}", problem.message),
        };
        let _ = writeln!(std::io::stderr(), "{text}");
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use trainyard_worker::child::{CALIBRATE, PROBE};

    #[test]
    fn a_worker_s_questions_are_understood() {
        for asked in [PROBE, CALIBRATE, "job/spec.json"] {
            let Ok(Cli { verb: Verb::Job(job), .. }) = Cli::try_parse_from(["trainyard", "job", asked]) else {
                panic!("'job {asked}' is not understood")
            };
            assert_eq!(job.spec, PathBuf::from(asked));
        }
    }
}
