//! The fits of the calibration curves.

use trainyard_infer::decision::{SigmoidCurve, Steps};

/// Newton steps of a fit at most; ten are usual.
const STEPS: usize = 100;
/// Inverse temperatures that are looked between.
const COLDEST: (f64, f64) = (0.01, 100.0);

/// The rising curve of least squared error (pool adjacent violators; Ayer et al. 1955; Barlow et al. 1972), as
/// scikit-learn's `IsotonicRegression`: rows of equal score count as their mean, and of each level stretch the ends are kept.
pub fn isotonic(scores: &[f64], truth: &[bool]) -> Steps {
    let mut order: Vec<usize> = (0..scores.len()).collect();
    order.sort_by(|&a, &b| scores[a].total_cmp(&scores[b]));
    /// Neighbours that share one value.
    struct Pool {
        first: f64,
        last: f64,
        hits: f64,
        rows: f64,
    }
    let mut pools: Vec<Pool> = Vec::new();
    for row in order {
        let (score, hit) = (scores[row], f64::from(u8::from(truth[row])));
        match pools.last_mut().filter(|pool| pool.first == score && pool.last == score) {
            Some(pool) => {
                pool.hits += hit;
                pool.rows += 1.0;
            }
            None => pools.push(Pool { first: score, last: score, hits: hit, rows: 1.0 }),
        }
    }
    let mut merged: Vec<Pool> = Vec::with_capacity(pools.len());
    for pool in pools {
        merged.push(pool);
        while let [.., before, last] = merged.as_slice()
            && before.hits * last.rows >= last.hits * before.rows
        {
            let Some(last) = merged.pop() else { break };
            let Some(before) = merged.last_mut() else { break };
            before.last = last.last;
            before.hits += last.hits;
            before.rows += last.rows;
        }
    }
    let mut steps = Steps::default();
    for Pool { first, last, hits, rows } in merged {
        let y = (hits / rows).clamp(0.0, 1.0);
        steps.x.push(first);
        steps.y.push(y);
        if last > first {
            steps.x.push(last);
            steps.y.push(y);
        }
    }
    if steps.x.is_empty() {
        // No rows: what is predicted stays.
        return Steps { x: vec![0.0, 1.0], y: vec![0.0, 1.0] };
    }
    steps
}

/// Platt's curve `1 / (1 + e^(slope·z + offset))` of the scores `z`, fitted to his smoothed targets (Platt 1999) by Newton's
/// method with backtracking (Lin, Lin and Weng 2007), as scikit-learn's `CalibratedClassifierCV(method="sigmoid")`.
pub fn sigmoid(scores: &[f64], truth: &[bool]) -> SigmoidCurve {
    let hits = truth.iter().filter(|hit| **hit).count() as f64;
    let misses = truth.len() as f64 - hits;
    let target = |hit: bool| if hit { (hits + 1.0) / (hits + 2.0) } else { 1.0 / (misses + 2.0) };
    let loss = |slope: f64, offset: f64| -> f64 {
        scores
            .iter()
            .zip(truth)
            .map(|(z, &hit)| {
                let f = slope * z + offset;
                // ln(1 + e^f) − (1 − t)·f, whichever way does not overflow.
                f.max(0.0) + (-f.abs()).exp().ln_1p() - (1.0 - target(hit)) * f
            })
            .sum()
    };
    let (mut slope, mut offset) = (0.0, ((misses + 1.0) / (hits + 1.0)).ln());
    let mut value = loss(slope, offset);
    for _ in 0..STEPS {
        let (mut ga, mut gb, mut aa, mut ab, mut bb) = (0.0, 0.0, 1e-12, 0.0, 1e-12);
        for (z, &hit) in scores.iter().zip(truth) {
            let f = slope * z + offset;
            let small = (-f.abs()).exp();
            let p = if f >= 0.0 { small / (1.0 + small) } else { 1.0 / (1.0 + small) };
            let (curved, off) = (p * (1.0 - p), target(hit) - p);
            aa += z * z * curved;
            ab += z * curved;
            bb += curved;
            ga += z * off;
            gb += off;
        }
        if ga.abs() < 1e-9 && gb.abs() < 1e-9 {
            break;
        }
        let determinant = aa * bb - ab * ab;
        let (da, db) = (-(bb * ga - ab * gb) / determinant, -(aa * gb - ab * ga) / determinant);
        let falls = ga * da + gb * db;
        let mut size = 1.0;
        let moved = loop {
            let (a, b) = (slope + size * da, offset + size * db);
            let next = loss(a, b);
            if next < value + 1e-4 * size * falls {
                (slope, offset, value) = (a, b, next);
                break true;
            }
            size /= 2.0;
            if size < 1e-10 {
                break false;
            }
        };
        if !moved {
            break;
        }
    }
    SigmoidCurve { slope, offset }
}

/// The temperature of least log loss (Guo et al. 2017). The loss is convex in the inverse temperature: Newton's method within
/// a shrinking bracket, 0.01 to 100.
pub fn temperature(truth: &[u32], classes: usize, values: &[f32]) -> f64 {
    let logs: Vec<f64> = values.iter().map(|&p| f64::from(p.max(f32::MIN_POSITIVE)).ln()).collect();
    // The loss's first and second derivative by the inverse temperature.
    let slope = |inverse: f64| -> (f64, f64) {
        let (mut first, mut second) = (0.0, 0.0);
        for (row, &class) in logs.chunks_exact(classes).zip(truth) {
            let top = row.iter().copied().fold(f64::NEG_INFINITY, f64::max);
            let (mut total, mut mean, mut square) = (0.0, 0.0, 0.0);
            for z in row {
                let weight = ((z - top) * inverse).exp();
                total += weight;
                mean += weight * z;
                square += weight * z * z;
            }
            mean /= total;
            first += mean - row[class as usize];
            second += square / total - mean * mean;
        }
        (first, second)
    };
    let (mut low, mut high) = COLDEST;
    let mut inverse = 1.0;
    for _ in 0..STEPS {
        let (first, second) = slope(inverse);
        if first > 0.0 {
            high = inverse;
        } else {
            low = inverse;
        }
        let step = inverse - first / second.max(1e-300);
        let next = if step > low && step < high { step } else { (low * high).sqrt() };
        let done = (next - inverse).abs() <= 1e-10 * inverse;
        inverse = next;
        if done {
            break;
        }
    }
    1.0 / inverse
}
