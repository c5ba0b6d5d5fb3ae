//! The predictive power score of one column for the target.
//!
//! As in the package ppscore (Wetschoreck, "RIP correlation. Introducing the Predictive Power Score", 2020): a decision
//! tree on the column alone, cross-validated in four folds, compared with knowing nothing. Of a classification the weighted
//! F1 against the better of always the most frequent class and random draws of the classes; of a regression the mean
//! absolute error against always the median. 0 is no better than that, 1 is perfect. Trees are six levels deep with at
//! least ten rows a leaf, where ppscore's have no bound: a tree without one memorises what happens to repeat.

use rand::{SeedableRng, seq::SliceRandom};
use rand_chacha::ChaCha8Rng;
use std::collections::HashMap;
use trainyard_infer::{
    Target,
    frame::{MISSING, Values},
};

const FOLDS: usize = 4;
const DEPTH: u32 = 6;
const LEAST_LEAF: usize = 10;

/// 0 to 1, over the rows where the column has a value; 0 where they are fewer than 40.
pub fn score(column: &Values, target: &Target, rows: &[usize]) -> f64 {
    let mut rows: Vec<usize> = rows
        .iter()
        .copied()
        .filter(|&row| match column {
            Values::Numbers(numbers) => !numbers[row].is_nan(),
            Values::Categories { codes, .. } => codes[row] != MISSING,
        })
        .collect();
    if rows.len() < 4 * LEAST_LEAF {
        return 0.0;
    }
    rows.shuffle(&mut ChaCha8Rng::seed_from_u64(0));
    match target {
        Target::Values(values) => of_values(column, values, &rows),
        Target::Classes(classes) => of_classes(column, classes, &rows),
    }
}

/// Calls `test` with the training rows and the held-out rows of each fold.
fn folds(rows: &[usize], mut test: impl FnMut(&[usize], &[usize])) {
    for fold in 0..FOLDS {
        let (from, to) = (fold * rows.len() / FOLDS, (fold + 1) * rows.len() / FOLDS);
        let train: Vec<usize> = rows[..from].iter().chain(&rows[to..]).copied().collect();
        test(&train, &rows[from..to]);
    }
}

fn of_values(column: &Values, values: &[f64], rows: &[usize]) -> f64 {
    let (mut error, mut naive) = (0.0, 0.0);
    folds(rows, |train, test| {
        let tree = Grown::of(column, train, &Sums { values });
        let mut sorted: Vec<f64> = train.iter().map(|&row| values[row]).collect();
        sorted.sort_unstable_by(f64::total_cmp);
        let median = sorted[sorted.len() / 2];
        for &row in test {
            error += (values[row] - tree.at(column, row)).abs();
            naive += (values[row] - median).abs();
        }
    });
    if naive == 0.0 { 0.0 } else { (1.0 - error / naive).clamp(0.0, 1.0) }
}

fn of_classes(column: &Values, classes: &[u32], rows: &[usize]) -> f64 {
    let count = 1 + rows.iter().map(|&row| classes[row]).max().unwrap_or(0) as usize;
    let mut told = Vec::with_capacity(rows.len());
    let mut truth = Vec::with_capacity(rows.len());
    folds(rows, |train, test| {
        let tree = Grown::of(column, train, &Counts { classes, count });
        for &row in test {
            told.push(tree.at(column, row) as u32);
            truth.push(classes[row]);
        }
    });
    let mut totals = vec![0_usize; count];
    truth.iter().for_each(|&class| totals[class as usize] += 1);
    let most = (0..count).max_by_key(|&class| totals[class]).unwrap_or(0) as u32;
    let mut drawn = truth.clone();
    drawn.shuffle(&mut ChaCha8Rng::seed_from_u64(1));
    let naive = weighted_f1(&truth, &vec![most; truth.len()], count).max(weighted_f1(&truth, &drawn, count));
    if naive >= 1.0 { 0.0 } else { ((weighted_f1(&truth, &told, count) - naive) / (1.0 - naive)).clamp(0.0, 1.0) }
}

/// F1 of each class, weighted by its rows.
fn weighted_f1(truth: &[u32], told: &[u32], count: usize) -> f64 {
    let (mut hits, mut real, mut said) = (vec![0.0; count], vec![0.0; count], vec![0.0; count]);
    for (&truth, &told) in truth.iter().zip(told) {
        real[truth as usize] += 1.0;
        said[told as usize] += 1.0;
        hits[truth as usize] += f64::from(u8::from(truth == told));
    }
    let f1 = |class: usize| match real[class] + said[class] {
        0.0 => 0.0,
        both => 2.0 * hits[class] / both,
    };
    (0..count).map(|class| f1(class) * real[class]).sum::<f64>() / truth.len() as f64
}

/// What a leaf says, and how mixed rows are.
trait Outcome {
    type Tally: Clone;
    fn empty(&self) -> Self::Tally;
    fn add(&self, tally: &mut Self::Tally, row: usize);
    /// `whole` without `part`.
    fn without(&self, whole: &Self::Tally, part: &Self::Tally) -> Self::Tally;
    /// Rows times impurity: squared error, or Gini.
    fn impurity(&self, tally: &Self::Tally) -> f64;
    fn answer(&self, tally: &Self::Tally) -> f64;
}

struct Sums<'a> {
    values: &'a [f64],
}

impl Outcome for Sums<'_> {
    /// Rows, sum, sum of squares.
    type Tally = [f64; 3];
    fn empty(&self) -> [f64; 3] {
        [0.0; 3]
    }
    fn add(&self, tally: &mut [f64; 3], row: usize) {
        let value = self.values[row];
        (tally[0], tally[1], tally[2]) = (tally[0] + 1.0, tally[1] + value, tally[2] + value * value);
    }
    fn without(&self, whole: &[f64; 3], part: &[f64; 3]) -> [f64; 3] {
        [whole[0] - part[0], whole[1] - part[1], whole[2] - part[2]]
    }
    fn impurity(&self, [n, sum, squares]: &[f64; 3]) -> f64 {
        if *n > 0.0 { squares - sum * sum / n } else { 0.0 }
    }
    fn answer(&self, [n, sum, _]: &[f64; 3]) -> f64 {
        if *n > 0.0 { sum / n } else { 0.0 }
    }
}

struct Counts<'a> {
    classes: &'a [u32],
    count: usize,
}

impl Outcome for Counts<'_> {
    type Tally = Vec<f64>;
    fn empty(&self) -> Vec<f64> {
        vec![0.0; self.count]
    }
    fn add(&self, tally: &mut Vec<f64>, row: usize) {
        tally[self.classes[row] as usize] += 1.0;
    }
    fn without(&self, whole: &Vec<f64>, part: &Vec<f64>) -> Vec<f64> {
        whole.iter().zip(part).map(|(whole, part)| whole - part).collect()
    }
    fn impurity(&self, tally: &Vec<f64>) -> f64 {
        let n: f64 = tally.iter().sum();
        if n > 0.0 { n - tally.iter().map(|count| count * count).sum::<f64>() / n } else { 0.0 }
    }
    fn answer(&self, tally: &Vec<f64>) -> f64 {
        (0..tally.len()).max_by(|&a, &b| tally[a].total_cmp(&tally[b]).then(b.cmp(&a))).unwrap_or(0) as f64
    }
}

/// A tree on one column: of numbers, answers between cuts; of categories, an answer for each, and one for the others.
enum Grown {
    Numbers { cuts: Vec<f64>, answers: Vec<f64> },
    Categories { answers: HashMap<u32, f64>, other: f64 },
}

impl Grown {
    fn of<O: Outcome>(column: &Values, rows: &[usize], outcome: &O) -> Self {
        match column {
            Values::Categories { codes, .. } => {
                let mut tallies: HashMap<u32, (usize, O::Tally)> = HashMap::new();
                let mut all = outcome.empty();
                for &row in rows {
                    let entry = tallies.entry(codes[row]).or_insert_with(|| (0, outcome.empty()));
                    entry.0 += 1;
                    outcome.add(&mut entry.1, row);
                    outcome.add(&mut all, row);
                }
                let answers = tallies
                    .iter()
                    .filter(|(_, (rows, _))| *rows >= LEAST_LEAF)
                    .map(|(code, (_, tally))| (*code, outcome.answer(tally)))
                    .collect();
                Grown::Categories { answers, other: outcome.answer(&all) }
            }
            Values::Numbers(numbers) => {
                let mut order = rows.to_vec();
                order.sort_unstable_by(|&a, &b| numbers[a].total_cmp(&numbers[b]));
                let (mut cuts, mut answers) = (Vec::new(), Vec::new());
                grow(numbers, &order, outcome, DEPTH, &mut cuts, &mut answers);
                Grown::Numbers { cuts, answers }
            }
        }
    }

    fn at(&self, column: &Values, row: usize) -> f64 {
        match (self, column) {
            (Grown::Numbers { cuts, answers }, Values::Numbers(numbers)) => {
                answers[cuts.partition_point(|cut| *cut < numbers[row])]
            }
            (Grown::Categories { answers, other }, Values::Categories { codes, .. }) => {
                answers.get(&codes[row]).copied().unwrap_or(*other)
            }
            _ => f64::NAN,
        }
    }
}

/// Adds the cuts and answers of a subtree, from left to right.
fn grow<O: Outcome>(
    numbers: &[f64],
    order: &[usize],
    outcome: &O,
    depth: u32,
    cuts: &mut Vec<f64>,
    answers: &mut Vec<f64>,
) {
    let mut whole = outcome.empty();
    order.iter().for_each(|&row| outcome.add(&mut whole, row));
    let mixed = outcome.impurity(&whole);
    let mut best: Option<(f64, usize)> = None;
    if depth > 0 && mixed > 1e-12 && order.len() >= 2 * LEAST_LEAF {
        let mut left = outcome.empty();
        for at in 1..order.len() {
            outcome.add(&mut left, order[at - 1]);
            let same = numbers[order[at - 1]] == numbers[order[at]];
            if same || at < LEAST_LEAF || order.len() - at < LEAST_LEAF {
                continue;
            }
            let rest = outcome.impurity(&left) + outcome.impurity(&outcome.without(&whole, &left));
            if rest < mixed - 1e-12 && best.is_none_or(|(least, _)| rest < least) {
                best = Some((rest, at));
            }
        }
    }
    match best {
        Some((_, at)) => {
            grow(numbers, &order[..at], outcome, depth - 1, cuts, answers);
            let (below, above) = (numbers[order[at - 1]], numbers[order[at]]);
            let cut = below + (above - below) / 2.0;
            cuts.push(if cut < above { cut } else { below });
            grow(numbers, &order[at..], outcome, depth - 1, cuts, answers);
        }
        None => answers.push(outcome.answer(&whole)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rand::RngExt;

    #[test]
    fn copies_score_high_and_noise_scores_nothing() {
        let mut random = ChaCha8Rng::seed_from_u64(3);
        let x: Vec<f64> = (0..2_000).map(|_| random.random::<f64>()).collect();
        let noise = Values::Numbers((0..2_000).map(|_| random.random::<f64>()).collect());
        let rows: Vec<usize> = (0..2_000).collect();
        let column = Values::Numbers(x.clone());
        let y = Target::Values(x.iter().map(|x| 10.0 * x).collect());
        // 64 equal bins of a uniform have a mean absolute error of 1/256 of the range, the median one of 1/4.
        let high = score(&column, &y, &rows);
        assert!((high - (1.0 - 4.0 / 256.0)).abs() < 0.01, "{high}");
        assert!(score(&noise, &y, &rows) < 0.05);
        let class = Target::Classes(x.iter().map(|x| u32::from(*x > 0.5)).collect());
        assert!(score(&column, &class, &rows) > 0.99);
        assert!(score(&noise, &class, &rows) < 0.1);
        let text = Values::Categories {
            codes: x.iter().map(|x| (x * 4.0) as u32).collect(),
            levels: ["a", "b", "c", "d"].map(str::to_owned).to_vec(),
        };
        assert!(score(&text, &class, &rows) > 0.99);
        assert_eq!(score(&text, &class, &rows[..30]), 0.0, "too few rows to tell");
    }

    /// ppscore 1.3.1 (pandas 3.1.1, scikit-learn 1.9.1), `score(df, x, y, sample=None)` of 4,000 rows made of i√s mod 1, and
    /// the same with scikit-learn's trees bounded as here (max_depth=6, min_samples_leaf=10). Bounding takes 0.02 from smooth
    /// numbers and leaves texts as they are; ppscore itself gives noise 0.16 for classes, bounded trees nothing.
    #[test]
    fn scores_are_those_of_ppscore_with_bounded_trees() {
        let of = |s: f64| (0..4_000).map(|i| (f64::from(i) * s.sqrt()) % 1.0).collect::<Vec<f64>>();
        let (x, u, noise) = (of(2.0), of(3.0), of(5.0));
        let y: Vec<f64> = x.iter().zip(&u).map(|(x, u)| x * x + 0.3 * u).collect();
        let two = y.iter().map(|y| u32::from(*y > 0.5)).collect();
        let three = y.iter().map(|y| u32::from(*y > 0.4) + u32::from(*y > 0.8)).collect();
        let cat = Values::Categories {
            codes: x.iter().map(|x| (x * 6.0) as u32).collect(),
            levels: (0..6).map(|code| code.to_string()).collect(),
        };
        let columns = [Values::Numbers(x), Values::Numbers(u), Values::Numbers(noise), cat];
        let rows: Vec<usize> = (0..4_000).collect();
        // Of each target: x, u, noise and cat by bounded trees.
        let expected = [
            (Target::Values(y), [0.694_666, 0.0, 0.0, 0.668_563]),
            (Target::Classes(two), [0.839_244, 0.0, 0.0, 0.810_615]),
            (Target::Classes(three), [0.781_957, 0.0, 0.0, 0.797_075]),
        ];
        for (target, scores) in &expected {
            for (column, expected) in columns.iter().zip(scores) {
                let found = score(column, target, &rows);
                assert!((found - expected).abs() < 0.02, "{found} is not {expected}");
            }
        }
    }

    #[test]
    fn weighted_f1_as_scikit_learn_has_it() {
        // sklearn.metrics.f1_score([0,0,0,1,1,2], [0,0,1,1,2,2], average="weighted") = 0.6777777777777777
        let f1 = weighted_f1(&[0, 0, 0, 1, 1, 2], &[0, 0, 1, 1, 2, 2], 3);
        assert!((f1 - 0.677_777_777_777_777_7).abs() < 1e-12, "{f1}");
    }
}
