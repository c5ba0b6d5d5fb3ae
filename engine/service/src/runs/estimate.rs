//! What a run will take, as a range: a rough rule, corrected by what past runs of about the same size really took here.

use trainyard_data::Memory;
use trainyard_store::timings::Timing;
use trainyard_types::{
    job::Calibration,
    run::{Estimate, Family, TrainSettings},
};

/// RealMLP's time budget where none is given, seconds.
const DEFAULT_BUDGET: f64 = 60.0;
/// RealMLP's epochs where none are given.
const EPOCHS: f64 = 256.0;
/// Train rows up to which an automatic run tries a random forest.
const FOREST_ROWS: f64 = 20_000.0;
/// Past runs looked at.
pub(super) const RECENT: u64 = 12;
/// Past runs that are needed before they count, and how far their size may be off, as a factor.
const LEAST_RUNS: usize = 3;
const SIZE_FACTOR: f64 = 8.0;
/// How far the rule alone is trusted, as factors below and above.
const RULE: (f64, f64) = (0.5, 2.5);
/// And where it was fitted to the worker.
const CALIBRATED: (f64, f64) = (0.6, 1.8);
/// A few past runs don't show all that can happen.
const MARGIN: f64 = 1.15;

/// What decides a run's time and memory.
#[derive(Clone, Copy, Debug)]
struct Size {
    train: f64,
    rows: f64,
    features: f64,
}

impl Size {
    fn cells(self) -> f64 {
        self.train * self.features
    }
}

/// `[train, rows]`: of the train part, and of all three together; `past`: runs that asked for the same family.
/// `workers`: how fast those train that are there; `limit`: what a job may take, beyond which it trains in a stream.
pub(super) fn estimate(
    settings: &TrainSettings,
    [train, rows]: [u64; 2],
    features: u32,
    past: &[Timing],
    workers: &[Calibration],
    limit: Memory,
) -> Estimate {
    let size = Size { train: train as f64, rows: rows as f64, features: f64::from(features.max(1)) };
    let (mut seconds, mut memory) = (Vec::new(), Vec::new());
    for run in past {
        let of = &run.rows;
        let then = Size {
            train: of.train as f64,
            rows: (of.train + of.valid + of.test) as f64,
            features: f64::from(run.features.max(1)),
        };
        let apart = (then.cells().max(1.0) / size.cells().max(1.0)).ln().abs();
        if apart > SIZE_FACTOR.ln() {
            continue;
        }
        seconds.push(run.seconds / rule_seconds(&run.settings, then, Pace::default()));
        memory.extend(run.peak_mib.map(|peak| peak / rule_mib(then)));
    }
    let from_runs = if seconds.len() < LEAST_RUNS { 0 } else { u32::try_from(seconds.len()).unwrap_or(u32::MAX) };
    let calibrated = from_runs == 0 && !workers.is_empty();
    let (seconds_low, seconds_high) = if calibrated {
        // Any of them may take the job.
        let each = workers.iter().map(|worker| rule_seconds(settings, size, Pace::of(worker)));
        let (low, high) = each.fold((f64::INFINITY, 0.0f64), |(low, high), rule| (low.min(rule), high.max(rule)));
        (low * CALIBRATED.0, high * CALIBRATED.1)
    } else {
        range(rule_seconds(settings, size, Pace::default()), seconds)
    };
    let most = limit.bytes() as f64 / 1_048_576.0;
    let (low, high) = range(rule_mib(size), memory);
    let (memory_mib_low, memory_mib_high) = (low.min(most), high.min(most));
    Estimate { seconds_low, seconds_high, memory_mib_low, memory_mib_high, from_runs, calibrated }
}

/// How many times as long as the rule says a machine takes.
#[derive(Clone, Copy, Debug)]
struct Pace {
    net: f64,
    trees: f64,
}

impl Default for Pace {
    fn default() -> Self {
        Self { net: 1.0, trees: 1.0 }
    }
}

impl Pace {
    fn of(measured: &Calibration) -> Self {
        let size = |rows: usize| Size { train: rows as f64, rows: rows as f64, features: Calibration::FEATURES as f64 };
        let pace = |seconds: f64, rule: f64| (seconds / rule).clamp(0.01, 100.0);
        Self {
            net: pace(measured.net_seconds, rule_pass(size(Calibration::NET_ROWS))),
            trees: pace(measured.trees_seconds, rule_trees(size(Calibration::TREES_ROWS))),
        }
    }
}

/// The rule's figure times the factors that were seen, or those that the rule is trusted with.
fn range(rule: f64, mut factors: Vec<f64>) -> (f64, f64) {
    factors.retain(|factor| factor.is_finite() && *factor > 0.0);
    factors.sort_by(f64::total_cmp);
    if factors.len() < LEAST_RUNS {
        return (rule * RULE.0, rule * RULE.1);
    }
    // With ten runs or more the outermost on each side is left out.
    let outer = factors.len() / 10;
    (rule * factors[outer] / MARGIN, rule * factors[factors.len() - 1 - outer] * MARGIN)
}

/// Seconds on two processor cores: rough.
fn rule_seconds(settings: &TrainSettings, size: Size, pace: Pace) -> f64 {
    let linear = 0.5 + size.cells() / 2.0e6 * pace.trees;
    let trees = rule_trees(size) * pace.trees;
    let forest = (0.5 + size.cells() / 2.5e4) * pace.trees;
    let budget = settings.budget_seconds.unwrap_or(DEFAULT_BUDGET);
    let pass = rule_pass(size) * pace.net;
    let net = match settings.epochs {
        Some(epochs) => f64::from(epochs) * pass,
        None => (EPOCHS * pass).min(budget),
    };
    let judging = 0.5 + size.rows * (1.0 + size.features / 20.0) / 100_000.0;
    // The linear baseline and the learning curve's small fits are part of every run.
    judging
        + linear
        + match settings.family {
            Family::Linear => 0.0,
            Family::RealMlp => net,
            // A row is one for each of its members.
            Family::TabM if settings.epochs.is_some() => 8.0 * net,
            Family::TabM => budget.min(8.0 * net),
            Family::FtTransformer => transformer(settings, size) * pace.net,
            Family::Trees => 2.0 * trees,
            Family::Boosting => 0.5 * trees,
            Family::Forest => 1.75 * forest.min(budget),
            Family::Auto if size.train <= FOREST_ROWS => net + 2.5 * trees + forest.min(budget / 4.0),
            Family::Auto | Family::Blend => net + 2.5 * trees,
        }
}

/// Boosted trees.
fn rule_trees(size: Size) -> f64 {
    0.5 + size.cells() / 1.5e5
}

/// A net's pass over the train rows.
fn rule_pass(size: Size) -> f64 {
    size.train * (1.0 + size.features / 50.0) / 120_000.0
}

/// FT-Transformer's own seconds: what a row costs grows with the square of the columns. It ends by itself, on most tables after
/// some fifty epochs; then columns are shuffled to see which matter, and it answers slowly too.
fn transformer(settings: &TrainSettings, size: Size) -> f64 {
    let row = size.features * (1.0 + size.features / 100.0) / 15_000.0;
    let train = match settings.epochs {
        Some(epochs) => f64::from(epochs) * size.train * row,
        None => (50.0 * size.train * row).min(settings.budget_seconds.unwrap_or(DEFAULT_BUDGET)),
    };
    let shuffled = (5.0 * size.features * (size.rows - size.train).min(4_000.0)).min(120_000.0);
    train + (size.rows + shuffled) * row / 15.0
}

/// MiB of a job's process: the program and its tables, a cell's values as they are read, prepared and embedded.
fn rule_mib(size: Size) -> f64 {
    120.0 + size.rows * size.features * 60.0 / 1_048_576.0
}

#[cfg(test)]
mod tests {
    use super::*;
    use trainyard_types::evaluation::PartRows;

    /// So much that nothing is streamed.
    fn limit() -> Memory {
        Memory::new(1 << 60).unwrap_or_default()
    }

    fn past(train: u64, seconds: f64, peak_mib: Option<f64>) -> Timing {
        let rows = PartRows { train, valid: train / 3, test: train / 3 };
        Timing { settings: TrainSettings::for_target("y"), rows, features: 10, seconds, peak_mib }
    }

    #[test]
    fn without_past_runs_the_rule_stands_with_its_doubts() {
        let settings = TrainSettings::for_target("y");
        let past = [past(600, 3.0, None), past(600_000, 3000.0, None)];
        let estimate = estimate(&settings, [600, 1000], 10, &past, &[], limit());
        assert_eq!(estimate.from_runs, 0, "one run of that size is no pattern");
        assert!((estimate.seconds_high / estimate.seconds_low - RULE.1 / RULE.0).abs() < 1e-9);
        assert!(estimate.seconds_high < 20.0, "a small table is done long before the budget: {estimate:?}");
    }

    #[test]
    fn a_transformer_s_time_grows_with_the_square_of_the_columns() {
        let settings =
            TrainSettings { family: Family::FtTransformer, epochs: Some(10), ..TrainSettings::for_target("y") };
        let [few, many] =
            [50, 200].map(|features| estimate(&settings, [6_000, 10_000], features, &[], &[], limit()).seconds_high);
        assert!(many > 6.0 * few, "{many} beside {few}");
        let budget = TrainSettings { epochs: None, budget_seconds: Some(60.0), ..settings };
        assert!(
            estimate(&budget, [60_000, 100_000], 10, &[], &[], limit()).seconds_high < 300.0,
            "it keeps to its budget"
        );
    }

    #[test]
    fn past_runs_of_about_the_size_correct_it() {
        let settings = TrainSettings::for_target("y");
        let same = [past(600, 8.0, Some(200.0)), past(600, 10.0, Some(210.0)), past(600, 12.0, None)];
        let small = estimate(&settings, [600, 1000], 10, &same, &[], limit());
        assert_eq!(small.from_runs, 3);
        assert!(
            (small.seconds_low - 8.0 / MARGIN).abs() < 1e-6 && (small.seconds_high - 12.0 * MARGIN).abs() < 1e-6,
            "{small:?}"
        );
        let wider = estimate(&settings, [1200, 2000], 10, &same, &[], limit());
        assert!(wider.seconds_high > small.seconds_high);
        let far = estimate(&settings, [60_000, 100_000], 10, &same, &[], limit());
        assert_eq!(far.from_runs, 0);
        assert!(far.memory_mib_high > small.memory_mib_high);
        let little = Memory::new(Memory::LEAST).unwrap_or_default();
        let streamed = estimate(&settings, [60_000_000, 100_000_000], 10, &same, &[], little);
        assert_eq!((streamed.memory_mib_low, streamed.memory_mib_high), (256.0, 256.0));
    }

    #[test]
    fn measured_workers_move_the_rule() {
        let settings = TrainSettings { family: Family::Trees, ..TrainSettings::for_target("y") };
        let rule = estimate(&settings, [20_000, 30_000], 16, &[], &[], limit());
        // As fast as the rule says, and three times as slow.
        let size = Size { train: 4096.0, rows: 4096.0, features: 16.0 };
        let worker = |times: f64| Calibration { net_seconds: 0.1, trees_seconds: rule_trees(size) * times };
        let alike = estimate(&settings, [20_000, 30_000], 16, &[], &[worker(1.0)], limit());
        assert!(alike.calibrated && !rule.calibrated);
        assert!((alike.seconds_low / rule.seconds_low - CALIBRATED.0 / RULE.0).abs() < 1e-9);
        let both = estimate(&settings, [20_000, 30_000], 16, &[], &[worker(1.0), worker(3.0)], limit());
        assert!((both.seconds_low - alike.seconds_low).abs() < 1e-9 && both.seconds_high > 2.0 * alike.seconds_high);
    }
}
