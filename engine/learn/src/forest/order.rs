//! The order of a column's categories in which trees cut them: before the first split and once for all trees, which is as good
//! as ordering anew at each split (Wright and König 2019) and far quicker.

use super::bins::Outcome;

/// Steps that bring the first component near enough: only the order of its scores counts.
const STEPS: usize = 50;

/// The codes that are there, by the mean of their rows' outcomes; of three classes or more by the first principal component
/// of their shares of the classes, weighted by their rows (Coppersmith, Hong and Hosking 1999). Equals stand by code.
pub fn categories(codes: &[f64], outcome: &Outcome, weights: Option<&[f64]>) -> Vec<u8> {
    let wide = outcome.width();
    let mut rows = [0usize; 256];
    let mut totals = [0.0f64; 256];
    let mut sums = vec![0.0f64; 256 * wide];
    for (row, &code) in codes.iter().enumerate().filter(|(_, code)| !code.is_nan()) {
        let (code, weight) = (code as u8 as usize, weights.map_or(1.0, |weights| weights[row]));
        rows[code] += 1;
        totals[code] += weight;
        outcome.add(row, weight, &mut sums[code * wide..(code + 1) * wide]);
    }
    let mut there: Vec<u8> = (1..=255u8).filter(|&code| rows[usize::from(code)] > 0).collect();
    // Rows that count nothing say nothing: their category has shares of zero.
    let share = |code: usize| -> Vec<f64> {
        let total = totals[code].max(f64::MIN_POSITIVE);
        sums[code * wide..(code + 1) * wide].iter().map(|sum| sum / total).collect()
    };
    let shares: Vec<Vec<f64>> = (0..256).map(share).collect();
    let scores: Vec<f64> = match outcome {
        Outcome::Numbers(_) => shares.iter().map(|mean| mean[0]).collect(),
        Outcome::Classes(..) => first_component(&shares, &totals),
    };
    there.sort_by(|&a, &b| scores[usize::from(a)].total_cmp(&scores[usize::from(b)]).then(a.cmp(&b)));
    there
}

/// The scores on the first principal component of the rows of `shares`, each counting as `weights` says: by power iteration
/// from the class that varies most, whose share grows along it.
fn first_component(shares: &[Vec<f64>], weights: &[f64]) -> Vec<f64> {
    let wide = shares.first().map_or(0, Vec::len);
    let all: f64 = weights.iter().sum::<f64>().max(f64::MIN_POSITIVE);
    let weighted = || shares.iter().zip(weights).filter(|(_, weight)| **weight > 0.0);
    let mut mean = vec![0.0; wide];
    for (row, weight) in weighted() {
        mean.iter_mut().zip(row).for_each(|(mean, share)| *mean += share * weight / all);
    }
    let score = |row: &[f64], axis: &[f64]| -> f64 {
        row.iter().zip(&mean).zip(axis).map(|((share, mean), along)| (share - mean) * along).sum()
    };
    let mut variance = vec![0.0; wide];
    for (row, weight) in weighted() {
        for ((variance, share), mean) in variance.iter_mut().zip(row).zip(&mean) {
            *variance += (share - mean).powi(2) * weight;
        }
    }
    let widest = (0..wide).fold(0, |best, class| if variance[class] > variance[best] { class } else { best });
    let mut axis = vec![0.0; wide];
    if let Some(along) = axis.get_mut(widest) {
        *along = 1.0;
    }
    for _ in 0..STEPS {
        let mut next = vec![0.0; wide];
        for (row, weight) in weighted() {
            let along = score(row, &axis) * weight;
            for ((next, share), mean) in next.iter_mut().zip(row).zip(&mean) {
                *next += along * (share - mean);
            }
        }
        let length = next.iter().map(|value| value * value).sum::<f64>().sqrt();
        if length <= f64::MIN_POSITIVE {
            break;
        }
        axis = next.into_iter().map(|value| value / length).collect();
    }
    shares.iter().map(|row| score(row, &axis)).collect()
}
