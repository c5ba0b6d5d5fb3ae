//! What each group of a protected attribute contributes: rows, base rates, and whether they suffice.

use trainyard_infer::frame::{Column, MISSING, Values};
use trainyard_types::{
    catalog::{Enough, GroupRow, Sufficiency},
    run::Task,
    words::{self, counted},
};

/// How a column is cut into groups.
#[derive(Clone, Copy, Debug)]
pub struct Cuts {
    /// Categories that are groups of their own; the rest is the group `other`.
    pub categories: usize,
    /// A number with more different values than this is cut at quantiles.
    pub values: usize,
    /// Groups of equally many rows that quantiles make.
    pub quantiles: usize,
}

/// Of protected attributes.
const PROTECTED: Cuts = Cuts { categories: 50, values: 12, quantiles: 4 };
/// The 97.5 % quantile of the standard normal distribution.
const Z: f64 = 1.959_963_984_540_054;

/// The target as numbers, and what its groups' means are.
#[derive(Clone, Debug)]
pub enum Outcome<'a> {
    /// Whether each row is of the class that is counted; `None` where the target is missing.
    Class(&'a [Option<bool>]),
    /// The target's value; NaN is missing.
    Value(&'a [f64]),
}

/// The 95 % interval of a share of `hits` in `rows`: Wilson's score interval (Wilson, "Probable inference, the law of
/// succession, and statistical inference", 1927). 0 to 1 without rows.
pub fn wilson(hits: u64, rows: u64) -> (f64, f64) {
    if rows == 0 {
        return (0.0, 1.0);
    }
    let (n, p) = (rows as f64, hits as f64 / rows as f64);
    let centre = p + Z * Z / (2.0 * n);
    let half = Z * (p * (1.0 - p) / n + Z * Z / (4.0 * n * n)).sqrt();
    let scale = 1.0 + Z * Z / n;
    (((centre - half) / scale).max(0.0), ((centre + half) / scale).min(1.0))
}

/// Rows and base rate of each group, the largest first, ranges of a number in their order; rows without the attribute are the group `missing`. Numbers with
/// more than 12 different values are cut at their quartiles.
pub fn by_group(attribute: &Column, outcome: &Outcome<'_>, show: impl Fn(f64) -> String) -> Vec<GroupRow> {
    by_cuts(attribute, outcome, PROTECTED, show)
}

/// As [`by_group`], cut as asked.
pub fn by_cuts(attribute: &Column, outcome: &Outcome<'_>, cuts: Cuts, show: impl Fn(f64) -> String) -> Vec<GroupRow> {
    let (group_of, names) = grouped(attribute, cuts, show);
    let mut tallies = vec![Tally::default(); names.len()];
    for (row, &group) in group_of.iter().enumerate() {
        let value = match outcome {
            Outcome::Class(hits) => hits[row].map(f64::from),
            Outcome::Value(values) => Some(values[row]).filter(|value| !value.is_nan()),
        };
        if let Some(value) = value {
            tallies[group].add(value);
        }
    }
    let mut groups: Vec<(String, Tally)> = names.into_iter().zip(tallies).filter(|(_, t)| t.rows > 0).collect();
    // Ranges of a number stay in their order.
    if matches!(attribute.values, Values::Categories { .. }) {
        groups.sort_by(|a, b| b.1.rows.cmp(&a.1.rows).then_with(|| a.0.cmp(&b.0)));
    }
    if groups.len() > cuts.categories && matches!(attribute.values, Values::Categories { .. }) {
        let rest = groups.split_off(cuts.categories - 1);
        let mut other = Tally::default();
        rest.iter().for_each(|(_, tally)| other.join(tally));
        groups.push(("other".to_owned(), other));
    }
    let is_class = matches!(outcome, Outcome::Class(_));
    groups.into_iter().map(|(group, tally)| tally.row(group, is_class)).collect()
}

#[derive(Clone, Debug, Default)]
struct Tally {
    rows: u64,
    sum: f64,
    squares: f64,
}

impl Tally {
    fn add(&mut self, value: f64) {
        self.rows += 1;
        self.sum += value;
        self.squares += value * value;
    }
    fn join(&mut self, other: &Tally) {
        self.rows += other.rows;
        self.sum += other.sum;
        self.squares += other.squares;
    }
    fn row(&self, group: String, is_class: bool) -> GroupRow {
        let n = self.rows.max(1) as f64;
        let rate = self.sum / n;
        let (low, high) = if is_class {
            wilson(self.sum.round() as u64, self.rows)
        } else {
            let variance = ((self.squares - n * rate * rate) / (n - 1.0).max(1.0)).max(0.0);
            let half = Z * (variance / n).sqrt();
            (rate - half, rate + half)
        };
        GroupRow { group, rows: self.rows, rate, low, high }
    }
}

/// Each row's group, and the groups' names.
pub(crate) fn grouped(attribute: &Column, cuts: Cuts, show: impl Fn(f64) -> String) -> (Vec<usize>, Vec<String>) {
    match &attribute.values {
        Values::Categories { codes, levels } => {
            let mut names = levels.clone();
            names.push("missing".to_owned());
            let missing = levels.len();
            (codes.iter().map(|&code| if code == MISSING { missing } else { code as usize }).collect(), names)
        }
        Values::Numbers(numbers) => {
            let mut known: Vec<f64> = numbers.iter().copied().filter(|value| !value.is_nan()).collect();
            known.sort_unstable_by(f64::total_cmp);
            let mut values = known.clone();
            values.dedup();
            let few = values.len() <= cuts.values;
            let bounds: Vec<f64> = if few {
                values
            } else {
                let mut bounds: Vec<f64> =
                    (1..cuts.quantiles).map(|k| known[k * known.len() / cuts.quantiles]).collect();
                bounds.dedup();
                bounds
            };
            let mut names: Vec<String> =
                bounds.iter().map(|bound| if few { show(*bound) } else { format!("up to {}", show(*bound)) }).collect();
            names.push(bounds.last().map_or_else(String::new, |bound| format!("over {}", show(*bound))));
            names.push("missing".to_owned());
            let missing = bounds.len() + 1;
            let group = |value: f64| if value.is_nan() { missing } else { bounds.partition_point(|b| *b < value) };
            (numbers.iter().map(|&value| group(value)).collect(), names)
        }
    }
}

/// Whether rows of each class (or rows at all, for a regression) suffice to learn and to judge by, when a fifth of them
/// tests. `rows` have a target and `missing` have none; `classes` are labels with their rows; `features` is how many columns
/// a model would see. Where more than half of the rows have no target, those that have one are barely enough: they may be of
/// another kind.
///
/// The yardstick is the half width of the 95 % interval (normal approximation) that a recall of 0.8 would have on the test
/// rows of a class: over 14 points is too few (about 150 rows), over 5 points barely enough (about 1,230 rows). For a
/// regression under 200 rows are too few and under 1,000 barely enough; with under 10 rows a feature either is at most
/// barely enough (the rule of ten, Peduzzi et al., "A simulation study of the number of events per variable in logistic
/// regression analysis", 1996).
pub fn sufficiency(task: Task, rows: u64, missing: u64, classes: &[(String, u64)], features: usize) -> Sufficiency {
    let mut found: Vec<(Enough, String)> = Vec::new();
    if task.is_classification() {
        for (label, count) in classes {
            let test = *count as f64 / 5.0;
            let half = Z * (0.8 * 0.2 / test.max(1.0)).sqrt();
            let enough = match half {
                half if half > 0.14 => Enough::TooFew,
                half if half > 0.05 => Enough::Barely,
                _ => continue,
            };
            let verdict = if enough == Enough::TooFew { "too few" } else { "barely enough" };
            found.push((
                enough,
                format!(
                    "{} in class `{label}` are {verdict}: a fifth of them, {}, would test, and a recall of 80 % would be \
                     known to ±{:.0} points only. {} to know it to ±5.",
                    counted(*count, "row", "rows"),
                    words::count(test as u64),
                    (half * 100.0).min(100.0),
                    if enough == Enough::TooFew { "Merge it with another class, or bring about 1,230 rows" } else { "Bring about 1,230 rows" },
                ),
            ));
        }
    } else if rows < 1000 {
        let enough = if rows < 200 { Enough::TooFew } else { Enough::Barely };
        let verdict = if rows < 200 { "too few" } else { "barely enough" };
        found.push((
            enough,
            format!("{} are {verdict} for a regression. Bring 1,000 or more.", counted(rows, "row", "rows")),
        ));
    }
    let least =
        if task.is_classification() { classes.iter().map(|(_, count)| *count).min().unwrap_or(0) } else { rows };
    if features > 0 && (least as f64) < 10.0 * features as f64 {
        found.push((
            Enough::Barely,
            format!(
                "{features} features share {}{}: under 10 each. Leave out columns that say little, or expect the \
                 model to memorise.",
                counted(least, "row", "rows"),
                if task.is_classification() { " of the rarest class" } else { "" }
            ),
        ));
    }
    if missing > rows {
        found.push((
            Enough::Barely,
            format!(
                "{:.0} % of the rows have no target; {} to learn from. Find out why it is missing: rows that have it may not be \
                 like those that a model will meet.",
                missing as f64 / (rows + missing) as f64 * 100.0,
                counted(rows, "row is left", "rows are left")
            ),
        ));
    }
    found.sort_by_key(|(enough, _)| *enough);
    let verdict = found.first().map_or(Enough::Enough, |(enough, _)| *enough);
    let mut sentences: Vec<String> = found.into_iter().map(|(_, sentence)| sentence).collect();
    if sentences.is_empty() {
        sentences.push(format!("{} are enough to learn from and to judge by.", counted(rows, "row", "rows")));
    }
    Sufficiency { verdict, sentences }
}

#[cfg(test)]
mod tests {
    use super::*;
    use trainyard_types::dataset::ColumnType;

    #[test]
    fn wilson_as_published() {
        // statsmodels 0.14 proportion_confint(10, 100, method="wilson"): (0.05522914, 0.17436566).
        let (low, high) = wilson(10, 100);
        assert!((low - 0.055_229_14).abs() < 1e-8 && (high - 0.174_365_66).abs() < 1e-8, "{low} {high}");
        assert_eq!(wilson(0, 0), (0.0, 1.0));
        assert_eq!(wilson(0, 10).0, 0.0);
        assert!((wilson(10, 10).1 - 1.0).abs() < 1e-12);
    }

    #[test]
    fn groups_have_their_own_rates() {
        let sex = Column {
            name: "sex".into(),
            kind: ColumnType::Text,
            values: Values::Categories { codes: vec![0, 0, 0, 1, MISSING, 1], levels: vec!["f".into(), "m".into()] },
        };
        let hits = [Some(true), Some(false), Some(false), Some(true), Some(true), None];
        let groups = by_group(&sex, &Outcome::Class(&hits), |v| v.to_string());
        let seen: Vec<(&str, u64, f64)> = groups.iter().map(|g| (g.group.as_str(), g.rows, g.rate)).collect();
        assert_eq!(seen, [("f", 3, 1.0 / 3.0), ("m", 1, 1.0), ("missing", 1, 1.0)]);

        let age = Column {
            name: "age".into(),
            kind: ColumnType::Integer,
            values: Values::Numbers((0..100).map(f64::from).collect()),
        };
        let values: Vec<f64> = (0..100).map(|i| if i < 25 { 1.0 } else { 3.0 }).collect();
        let groups = by_group(&age, &Outcome::Value(&values), |v| format!("{v:.0}"));
        let names: Vec<&str> = groups.iter().map(|g| g.group.as_str()).collect();
        assert_eq!(names, ["up to 25", "up to 50", "up to 75", "over 75"]);
        assert_eq!(groups.iter().map(|g| g.rows).sum::<u64>(), 100);
    }

    #[test]
    fn verdicts_name_the_class() {
        let classes = [("no".to_owned(), 9_000), ("fraud".to_owned(), 40)];
        let few = sufficiency(Task::Binary, 9_040, 0, &classes, 4);
        assert_eq!(few.verdict, Enough::TooFew);
        assert!(few.sentences[0].starts_with("40 rows in class `fraud` are too few"), "{:?}", few.sentences);
        let plenty = [("no".to_owned(), 9_000), ("yes".to_owned(), 2_000)];
        assert_eq!(sufficiency(Task::Binary, 11_000, 0, &plenty, 14).verdict, Enough::Enough);
        assert_eq!(sufficiency(Task::Binary, 11_000, 0, &plenty, 300).verdict, Enough::Barely);
        assert_eq!(sufficiency(Task::Regression, 150, 0, &[], 3).verdict, Enough::TooFew);
        assert_eq!(sufficiency(Task::Regression, 5_000, 0, &[], 3).verdict, Enough::Enough);
        let gaps = sufficiency(Task::Regression, 5_000, 15_000, &[], 3);
        assert_eq!(gaps.verdict, Enough::Barely);
        assert!(gaps.sentences[0].starts_with("75 % of the rows have no target"), "{:?}", gaps.sentences);
    }
}
