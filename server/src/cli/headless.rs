//! `train` and `predict`: the engine without a server.

use super::Out;
use clap::Args;
use std::{
    fs::File,
    io::{self, IsTerminal, Write},
    path::PathBuf,
    process::ExitCode,
};
use trainyard_types::{
    Code, Problem,
    evaluation::RunResult,
    hyper,
    job::{JobEvent, LogLevel},
    run::{DeviceChoice, Family, SplitMethod, TrainSettings},
};
use trainyard_worker::{Sink, TrainError, headless};

#[derive(Args)]
pub(super) struct TrainArgs {
    /// CSV, TSV, JSON Lines or Parquet file with the rows
    #[arg(long, value_name = "FILE")]
    data: PathBuf,
    /// Column to predict
    #[arg(long, value_name = "COLUMN")]
    target: String,
    /// A file with the test part; the rest is then split into train and validation
    #[arg(long, value_name = "FILE")]
    test: Option<PathBuf>,
    /// auto, linear, realmlp, tabm or trees
    #[arg(long, default_value = "auto")]
    family: Family,
    /// Seed of the split and of the training
    #[arg(long, value_name = "N", default_value_t = 0)]
    seed: u64,
    /// Passes over the train rows [default: what fits the time budget]
    #[arg(long, value_name = "N")]
    epochs: Option<u32>,
    /// Seconds that RealMLP or TabM may take [default: 60]
    #[arg(long, value_name = "SECONDS")]
    budget: Option<f64>,
    /// A hyperparameter that is not to have its default, such as trees.budget=1; may be given several times
    #[arg(long = "set", value_name = "KEY=VALUE", value_parser = parameter)]
    parameters: Vec<(String, f64)>,
    /// A column to leave out; may be given several times
    #[arg(long, value_name = "COLUMN")]
    drop: Vec<String>,
    /// Leave out rows that equal an earlier one
    #[arg(long)]
    distinct: bool,
    /// Oldest rows train, newest test, by this column
    #[arg(long, value_name = "COLUMN", conflicts_with_all = ["group_column", "split_column"])]
    time_column: Option<String>,
    /// Rows with the same value in this column stay in one part
    #[arg(long, value_name = "COLUMN", conflicts_with = "split_column")]
    group_column: Option<String>,
    /// A column that says train, valid or test
    #[arg(long, value_name = "COLUMN")]
    split_column: Option<String>,
    /// auto, cpu or gpu
    #[arg(long, default_value = "auto", value_parser = device)]
    device: DeviceChoice,
    /// Folder for the model and its result
    #[arg(long, value_name = "DIR", default_value = "model")]
    out: PathBuf,
}

#[derive(Args)]
pub(super) struct PredictArgs {
    /// Folder that 'train' wrote, or a model file
    #[arg(long, value_name = "DIR")]
    model: PathBuf,
    /// CSV, TSV, JSON Lines or Parquet file with the rows
    #[arg(long, value_name = "FILE")]
    data: PathBuf,
    /// File to write [default: standard output]
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
}

fn parameter(text: &str) -> Result<(String, f64), String> {
    let (key, value) = text.split_once('=').ok_or_else(|| format!("'{text}' has no '='. Write KEY=VALUE."))?;
    let value = value.trim().parse().map_err(|_| format!("'{}' is no number.", value.trim()))?;
    Ok((key.trim().to_owned(), value))
}

fn device(text: &str) -> Result<DeviceChoice, String> {
    match text {
        "auto" => Ok(DeviceChoice::Auto),
        "cpu" => Ok(DeviceChoice::Cpu),
        "gpu" => Ok(DeviceChoice::Gpu),
        _ => Err(format!("'{text}' is no device. Use auto, cpu or gpu.")),
    }
}

pub(super) fn train(args: TrainArgs, out: Out) -> Result<ExitCode, Problem> {
    let mut settings = TrainSettings::for_target(args.target);
    settings.drop = args.drop;
    settings.distinct = args.distinct;
    settings.family = args.family;
    settings.seed = args.seed;
    settings.split.seed = args.seed;
    settings.epochs = args.epochs;
    settings.budget_seconds = args.budget;
    settings.device = args.device;
    settings.parameters = args.parameters.into_iter().collect();
    if let Some(message) = hyper::problems(&settings.parameters, settings.family).into_iter().next() {
        return Err(Problem::field("set", message));
    }
    settings.split.method = match (args.time_column, args.group_column, args.split_column) {
        (Some(column), _, _) => SplitMethod::Time { column },
        (_, Some(column), _) => SplitMethod::Group { column },
        (_, _, Some(column)) => SplitMethod::Given { column },
        _ => SplitMethod::Random,
    };
    let mut sink = Terminal::new();
    let result = headless::train(&args.data, args.test.as_deref(), &settings, &args.out, &mut sink);
    sink.end();
    let result = result.map_err(|error| match error {
        TrainError::Cancelled => Problem::new(Code::Conflict, "The training was cancelled."),
        TrainError::Problem(problem) => problem,
    })?;
    out.show(&headless::summary(&result, &args.out), || in_words(&result, &args.out.display().to_string()))
}

fn in_words(result: &RunResult, model: &str) -> String {
    let metrics: Vec<String> = result.metrics.test.iter().map(|(name, value)| format!("{name} {value:.4}")).collect();
    format!(
        "{} in {:.1} s. Test: {}.\n{}\nThe model is in {model}; 'trainyard predict --model {model} --data FILE' uses it.",
        result.family.title(),
        result.seconds,
        metrics.join(", "),
        result.verdict.sentence
    )
}

pub(super) fn predict(args: PredictArgs, out: Out) -> Result<ExitCode, Problem> {
    let Some(path) = args.out else {
        headless::predict(&args.model, &args.data, &mut io::stdout().lock())?;
        return Ok(ExitCode::SUCCESS);
    };
    let cannot = |error: io::Error| {
        Problem::invalid(format!("{} can't be written: {error}. Name another file with --out.", path.display()))
    };
    let mut file = File::create(&path).map_err(cannot)?;
    let rows = headless::predict(&args.model, &args.data, &mut file)?;
    file.sync_all().map_err(cannot)?;
    out.show(&serde_json::json!({ "rows": rows, "file": path }), || {
        format!("Wrote {rows} predictions to {}.", path.display())
    })
}

/// Progress on standard error: one line that is written over where that is a terminal, a line for each stage elsewhere.
pub(super) struct Terminal {
    live: bool,
    stage: String,
}

impl Terminal {
    pub(super) fn new() -> Self {
        Self { live: io::stderr().is_terminal(), stage: String::new() }
    }

    fn line(&mut self, text: &str) {
        let start = if self.live { "\r\x1b[K" } else { "" };
        let _ = writeln!(io::stderr(), "{start}{text}");
    }

    pub(super) fn end(&self) {
        if self.live {
            let _ = write!(io::stderr(), "\r\x1b[K");
        }
    }
}

impl Sink for Terminal {
    fn event(&mut self, event: JobEvent) {
        match event {
            JobEvent::Device { device, reason } => self.line(&format!("Trains on {device}. {reason}")),
            JobEvent::Log { level, line } => {
                let mark = match level {
                    LogLevel::Info => "",
                    LogLevel::Warning => "warning: ",
                    LogLevel::Error => "error: ",
                };
                self.line(&format!("{mark}{line}"));
            }
            JobEvent::Progress(progress) if self.live => {
                let eta = progress.eta_seconds.map_or(String::new(), |seconds| format!(", {seconds:.0} s left"));
                let _ = write!(io::stderr(), "\r\x1b[K{:3.0} %  {}{eta}", progress.fraction * 100.0, progress.stage);
            }
            JobEvent::Progress(progress) if progress.stage != self.stage => {
                self.line(&format!("{:3.0} %  {}", progress.fraction * 100.0, progress.stage));
                self.stage = progress.stage;
            }
            _ => {}
        }
    }

    fn cancelled(&mut self) -> bool {
        false
    }
}
