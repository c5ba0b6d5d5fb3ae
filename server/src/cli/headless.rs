//! `train` and `predict`: the engine without a server.

use super::Out;
use clap::Args;
use std::{
    fs::File,
    io::{self, IsTerminal, Write},
    path::PathBuf,
    process::ExitCode,
};
use trainyard_data::Memory;
use trainyard_types::{
    Code, Problem,
    decision::{CalibrationChoice, ClassWeight, DecisionSettings, SetMethod, ThresholdRule},
    evaluation::RunResult,
    hyper,
    job::{JobEvent, LogLevel},
    loss::Loss,
    monotone::{self, Direction},
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
    /// auto, linear, realmlp, tabm, fttransformer, trees, boosting or forest
    #[arg(long, default_value = "auto")]
    family: Family,
    /// Seed of the split and of the training
    #[arg(long, value_name = "N", default_value_t = 0)]
    seed: u64,
    /// Passes over the train rows [default: what fits the time budget]
    #[arg(long, value_name = "N")]
    epochs: Option<u32>,
    /// Seconds that a neural network or a random forest may take [default: 60]
    #[arg(long, value_name = "SECONDS")]
    budget: Option<f64>,
    /// A hyperparameter that is not to have its default, such as trees.budget=1; may be given several times
    #[arg(long = "set", value_name = "KEY=VALUE", value_parser = parameter)]
    parameters: Vec<(String, f64)>,
    /// What fitting minimises: of numbers squared, absolute, huber, quantile=0.9 or poisson, of classes log_loss or focal=2
    /// [default: squared or log_loss]
    #[arg(long, value_name = "LOSS")]
    loss: Option<Loss>,
    /// Keep a single model where several are tried; otherwise a blend of them may be kept
    #[arg(long)]
    single: bool,
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
    /// Let every class count alike while fitting, however rare
    #[arg(long)]
    balanced: bool,
    /// A column that says how much each row counts while fitting; it is no feature
    #[arg(long, value_name = "COLUMN")]
    weight_column: Option<String>,
    /// How probabilities are calibrated: none, auto, isotonic, sigmoid or temperature
    #[arg(long, default_value = "auto")]
    calibration: CalibrationChoice,
    /// What the threshold of two classes is chosen by: half, accuracy, f1, balanced_accuracy, youden, mcc,
    /// precision_at_recall=0.8, recall_at_precision=0.9, or cost=FP:FN with the costs of a false positive and a false negative
    #[arg(long, value_name = "RULE", default_value = "half", value_parser = threshold)]
    threshold: ThresholdRule,
    /// The share of rows whose truth an interval or a set of classes is to hold; 0 for none
    #[arg(long, value_name = "SHARE", default_value_t = 0.9)]
    coverage: f64,
    /// What puts a class into a set: lac (smallest sets) or aps (larger sets where a row is hard)
    #[arg(long, value_name = "METHOD", default_value = "lac", value_parser = sets)]
    sets: SetMethod,
    /// A column whose groups are judged first; may be given several times
    #[arg(long, value_name = "COLUMN")]
    protected: Vec<String>,
    /// A column of numbers whose growth may move the answer in one direction only, such as age=increasing; may be given several
    /// times. Trees and forests keep it
    #[arg(long, value_name = "COLUMN=DIRECTION", value_parser = direction)]
    monotone: Vec<(String, Direction)>,
    /// Memory that training may take, such as 4G; of a larger table the nets see the rows in a stream, and the rest works on a
    /// sample of them [default: half of the machine's memory]
    #[arg(long, value_name = "SIZE", value_parser = super::size)]
    memory_limit: Option<u64>,
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
    /// Also say how sure each answer is: columns lower and upper, or the set of classes
    #[arg(long)]
    intervals: bool,
    /// File to write [default: standard output]
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
}

fn parameter(text: &str) -> Result<(String, f64), String> {
    let (key, value) = text.split_once('=').ok_or_else(|| format!("'{text}' has no '='. Write KEY=VALUE."))?;
    let value = value.trim().parse().map_err(|_| format!("'{}' is no number.", value.trim()))?;
    Ok((key.trim().to_owned(), value))
}

/// `age=increasing`; a column's name may have a `=` itself.
fn direction(text: &str) -> Result<(String, Direction), String> {
    let (column, direction) = text
        .rsplit_once('=')
        .ok_or_else(|| format!("'{text}' has no '='. Write COLUMN=increasing or COLUMN=decreasing."))?;
    Ok((column.to_owned(), direction.trim().parse()?))
}

fn device(text: &str) -> Result<DeviceChoice, String> {
    match text {
        "auto" => Ok(DeviceChoice::Auto),
        "cpu" => Ok(DeviceChoice::Cpu),
        "gpu" => Ok(DeviceChoice::Gpu),
        _ => Err(format!("'{text}' is no device. Use auto, cpu or gpu.")),
    }
}

fn sets(text: &str) -> Result<SetMethod, String> {
    match text {
        "lac" => Ok(SetMethod::Lac),
        "aps" => Ok(SetMethod::Aps),
        _ => Err(format!("'{text}' makes no sets. Use lac or aps.")),
    }
}

/// `f1`, `precision_at_recall=0.8`, `cost=1:5`.
fn threshold(text: &str) -> Result<ThresholdRule, String> {
    let wrong = || {
        format!(
            "'{text}' chooses no threshold. Use half, accuracy, f1, balanced_accuracy, youden, mcc, precision_at_recall=0.8, \
             recall_at_precision=0.9 or cost=1:5."
        )
    };
    let (name, number) = text.split_once('=').unwrap_or((text, ""));
    let share = || number.parse::<f64>().map_err(|_| wrong());
    let rule = match name {
        "precision_at_recall" => ThresholdRule::PrecisionAtRecall { recall: share()? },
        "recall_at_precision" => ThresholdRule::RecallAtPrecision { precision: share()? },
        "cost" => {
            let (alarm, miss) = number.split_once(':').ok_or_else(wrong)?;
            let cost = |text: &str| text.parse::<f64>().map_err(|_| wrong());
            ThresholdRule::Cost { false_positive: cost(alarm)?, false_negative: cost(miss)? }
        }
        _ if !number.is_empty() => return Err(wrong()),
        "half" => ThresholdRule::Half,
        "accuracy" => ThresholdRule::Accuracy,
        "f1" => ThresholdRule::F1,
        "balanced_accuracy" => ThresholdRule::BalancedAccuracy,
        "youden" => ThresholdRule::Youden,
        "mcc" => ThresholdRule::Mcc,
        _ => return Err(wrong()),
    };
    rule.check().map_err(|problem| problem.message)?;
    Ok(rule)
}

pub(super) fn train(args: TrainArgs, out: Out) -> Result<ExitCode, Problem> {
    let mut settings = TrainSettings::for_target(args.target);
    settings.drop = args.drop;
    settings.distinct = args.distinct;
    settings.single = args.single;
    settings.family = args.family;
    settings.seed = args.seed;
    settings.split.seed = args.seed;
    settings.epochs = args.epochs;
    settings.budget_seconds = args.budget;
    settings.device = args.device;
    settings.loss = args.loss;
    settings.class_weight = if args.balanced { ClassWeight::Balanced } else { ClassWeight::None };
    settings.weight_column = args.weight_column;
    settings.decision = DecisionSettings {
        calibration: args.calibration,
        threshold: args.threshold,
        coverage: (args.coverage > 0.0).then_some(args.coverage),
        sets: args.sets,
    };
    settings.decision.check()?;
    settings.protected = args.protected;
    settings.monotone = args.monotone.into_iter().collect();
    monotone::check_family(&settings.monotone, settings.family)?;
    settings.parameters = args.parameters.into_iter().collect();
    if let Some(message) = hyper::problems(&settings.parameters, settings.family).into_iter().next() {
        return Err(Problem::field("set", message));
    }
    if let Some(loss) = settings.loss {
        loss.check_family(settings.family)?;
    }
    settings.split.method = match (args.time_column, args.group_column, args.split_column) {
        (Some(column), _, _) => SplitMethod::Time { column },
        (_, Some(column), _) => SplitMethod::Group { column },
        (_, _, Some(column)) => SplitMethod::Given { column },
        _ => SplitMethod::Random,
    };
    let memory = args.memory_limit.map_or_else(|| Ok(Memory::for_training()), Memory::new)?;
    let mut sink = Terminal::new();
    let result = headless::train(&args.data, args.test.as_deref(), &settings, &args.out, memory, &mut sink);
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
        headless::predict(&args.model, &args.data, args.intervals, &mut io::stdout().lock())?;
        return Ok(ExitCode::SUCCESS);
    };
    let cannot = |error: io::Error| {
        Problem::invalid(format!("{} can't be written: {error}. Name another file with --out.", path.display()))
    };
    let mut file = File::create(&path).map_err(cannot)?;
    let rows = headless::predict(&args.model, &args.data, args.intervals, &mut file)?;
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn directions_are_read() {
        assert_eq!(direction("age=increasing"), Ok(("age".to_owned(), Direction::Increasing)));
        assert_eq!(direction("a=b=decreasing"), Ok(("a=b".to_owned(), Direction::Decreasing)));
        for wrong in ["age", "age=up", "age="] {
            assert!(direction(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn thresholds_are_read() {
        assert_eq!(threshold("f1"), Ok(ThresholdRule::F1));
        assert_eq!(threshold("precision_at_recall=0.8"), Ok(ThresholdRule::PrecisionAtRecall { recall: 0.8 }));
        assert_eq!(threshold("cost=1:5"), Ok(ThresholdRule::Cost { false_positive: 1.0, false_negative: 5.0 }));
        for wrong in ["f2", "f1=3", "cost=1", "cost=a:b", "cost=-1:1", "recall_at_precision=1.5", ""] {
            assert!(threshold(wrong).is_err(), "{wrong}");
        }
    }
}
