use crate::{classification::CalibrationBin, regression::Bin};

pub fn roc(truth: &[bool], scores: &[f32]) -> (Vec<(f64, f64)>, f64) {
    let mut o: Vec<usize> = (0..truth.len()).collect();
    o.sort_by(|&a, &b| scores[b].total_cmp(&scores[a]));
    let p = truth.iter().filter(|t| **t).count() as f64;
    let n = truth.len() as f64 - p;
    let (mut tp, mut fp) = (0.0, 0.0);
    let mut pts = vec![(0.0, 0.0)];
    let mut area = 0.0;
    let mut i = 0;
    while i < o.len() {
        let s = scores[o[i]];
        let (tp0, fp0) = (tp, fp);
        while i < o.len() && scores[o[i]] == s { if truth[o[i]] { tp += 1.0 } else { fp += 1.0 }; i += 1; }
        area += (fp - fp0) * (tp + tp0) / 2.0;
        pts.push((fp / n, tp / p));
    }
    (pts, area / p / n)
}
pub fn precision_recall(truth: &[bool], scores: &[f32]) -> (Vec<(f64, f64)>, f64) {
    let mut o: Vec<usize> = (0..truth.len()).collect();
    o.sort_by(|&a, &b| scores[b].total_cmp(&scores[a]));
    let p = truth.iter().filter(|t| **t).count() as f64;
    let (mut tp, mut all, mut ap) = (0.0, 0.0, 0.0);
    let mut pts = vec![(0.0, 1.0)];
    let mut i = 0;
    while i < o.len() {
        let s = scores[o[i]];
        let tp0 = tp;
        while i < o.len() && scores[o[i]] == s { if truth[o[i]] { tp += 1.0 }; all += 1.0; i += 1; }
        ap += (tp - tp0) / p * (tp / all);
        pts.push((tp / p, tp / all));
        if tp == p { break }
    }
    (pts, ap)
}
pub fn calibration(truth: &[bool], scores: &[f32]) -> Vec<CalibrationBin> {
    let mut o: Vec<usize> = (0..truth.len()).collect();
    o.sort_by(|&a, &b| scores[a].total_cmp(&scores[b]));
    o.chunks(o.len().div_ceil(10).max(1)).map(|c| CalibrationBin {
        predicted: c.iter().map(|&i| f64::from(scores[i])).sum::<f64>() / c.len() as f64,
        observed: c.iter().filter(|&&i| truth[i]).count() as f64 / c.len() as f64,
        rows: c.len() as u64,
    }).collect()
}
pub fn residual_bins(actual: &[f64], predicted: &[f64]) -> Vec<Bin> {
    let mut o: Vec<usize> = (0..actual.len()).collect();
    o.sort_by(|&a, &b| predicted[a].total_cmp(&predicted[b]));
    o.chunks(o.len().div_ceil(20).max(1)).map(|c| {
        let mut r: Vec<f64> = c.iter().map(|&i| actual[i] - predicted[i]).collect();
        r.sort_by(f64::total_cmp);
        let q = |f: f64| r[((r.len() - 1) as f64 * f) as usize];
        Bin {
            predicted: c.iter().map(|&i| predicted[i]).sum::<f64>() / c.len() as f64,
            actual: c.iter().map(|&i| actual[i]).sum::<f64>() / c.len() as f64,
            residual: [q(0.1), q(0.5), q(0.9)], rows: c.len() as u64,
        }
    }).collect()
}
