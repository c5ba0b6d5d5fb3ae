//! What a run will take, as a range: a rough rule, corrected by what past runs of about the same size really took here.

use trainyard_store::timings::Timing;
use trainyard_types::run::{Estimate, Family, TrainSettings};

/// RealMLP's time budget where none is given, seconds.
const DEFAULT_BUDGET: f64 = 60.0;
/// RealMLP's epochs where none are given.
const EPOCHS: f64 = 256.0;
/// Past runs looked at.
pub(super) const RECENT: u64 = 12;
/// Past runs that are needed before they count, and how far their size may be off, as a factor.
const LEAST_RUNS: usize = 3;
const SIZE_FACTOR: f64 = 8.0;
/// How far the rule alone is trusted, as factors below and above.
const RULE: (f64, f64) = (0.5, 2.5);
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

/// `rows`: of train, validation and test part together; `past`: runs that asked for the same family.
pub(super) fn estimate(settings: &TrainSettings, train: u64, rows: u64, features: u32, past: &[Timing]) -> Estimate {
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
        seconds.push(run.seconds / rule_seconds(&run.settings, then));
        memory.extend(run.peak_mib.map(|peak| peak / rule_mib(then)));
    }
    let from_runs = if seconds.len() < LEAST_RUNS { 0 } else { u32::try_from(seconds.len()).unwrap_or(u32::MAX) };
    let (seconds_low, seconds_high) = range(rule_seconds(settings, size), seconds);
    let (memory_mib_low, memory_mib_high) = range(rule_mib(size), memory);
    Estimate { seconds_low, seconds_high, memory_mib_low, memory_mib_high, from_runs }
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
fn rule_seconds(settings: &TrainSettings, size: Size) -> f64 {
    let linear = 0.5 + size.cells() / 2.0e6;
    let trees = 0.5 + size.cells() / 1.5e5;
    let pass = size.train * (1.0 + size.features / 50.0) / 120_000.0;
    let net = match settings.epochs {
        Some(epochs) => f64::from(epochs) * pass,
        None => (EPOCHS * pass).min(settings.budget_seconds.unwrap_or(DEFAULT_BUDGET)),
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
            Family::TabM => settings.budget_seconds.unwrap_or(DEFAULT_BUDGET).min(8.0 * net),
            Family::FtTransformer => transformer(settings, size),
            Family::Trees => 2.0 * trees,
            Family::Auto => net + 2.0 * trees,
        }
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

    fn past(train: u64, seconds: f64, peak_mib: Option<f64>) -> Timing {
        let rows = PartRows { train, valid: train / 3, test: train / 3 };
        Timing { settings: TrainSettings::for_target("y"), rows, features: 10, seconds, peak_mib }
    }

    #[test]
    fn without_past_runs_the_rule_stands_with_its_doubts() {
        let settings = TrainSettings::for_target("y");
        let estimate = estimate(&settings, 600, 1000, 10, &[past(600, 3.0, None), past(600_000, 3000.0, None)]);
        assert_eq!(estimate.from_runs, 0, "one run of that size is no pattern");
        assert!((estimate.seconds_high / estimate.seconds_low - RULE.1 / RULE.0).abs() < 1e-9);
        assert!(estimate.seconds_high < 20.0, "a small table is done long before the budget: {estimate:?}");
    }

    #[test]
    fn a_transformer_s_time_grows_with_the_square_of_the_columns() {
        let settings =
            TrainSettings { family: Family::FtTransformer, epochs: Some(10), ..TrainSettings::for_target("y") };
        let [few, many] = [50, 200].map(|features| estimate(&settings, 6_000, 10_000, features, &[]).seconds_high);
        assert!(many > 6.0 * few, "{many} beside {few}");
        let budget = TrainSettings { epochs: None, budget_seconds: Some(60.0), ..settings };
        assert!(estimate(&budget, 60_000, 100_000, 10, &[]).seconds_high < 300.0, "it keeps to its budget");
    }

    #[test]
    fn past_runs_of_about_the_size_correct_it() {
        let settings = TrainSettings::for_target("y");
        let same = [past(600, 8.0, Some(200.0)), past(600, 10.0, Some(210.0)), past(600, 12.0, None)];
        let small = estimate(&settings, 600, 1000, 10, &same);
        assert_eq!(small.from_runs, 3);
        assert!(
            (small.seconds_low - 8.0 / MARGIN).abs() < 1e-6 && (small.seconds_high - 12.0 * MARGIN).abs() < 1e-6,
            "{small:?}"
        );
        let wider = estimate(&settings, 1200, 2000, 10, &same);
        assert!(wider.seconds_high > small.seconds_high);
        let far = estimate(&settings, 60_000, 100_000, 10, &same);
        assert_eq!(far.from_runs, 0);
        assert!(far.memory_mib_high > small.memory_mib_high);
    }
}
