//! Likely label errors by confident learning (Northcutt, Jiang, Chuang: "Confident Learning: Estimating Uncertainty in
//! Dataset Labels", JAIR 70, 2021; the method of cleanlab's `prune_by_noise_rate`).

use trainyard_types::labels::LabelOrder;

/// What the labels look like against probabilities of a model that did not see them.
#[derive(Clone, Debug, PartialEq)]
pub struct LabelQuality {
    /// Mean probability of its own class among the rows that carry a label; NaN where no row does.
    pub thresholds: Vec<f64>,
    /// `classes x classes`, row-major: rows labelled i that are confidently j.
    pub confident_joint: Vec<u64>,
    /// The same, scaled to the number of rows of each label: an estimate of how many rows labelled i are truly j.
    pub joint: Vec<f64>,
    /// Likely errors, the most suspicious first.
    pub suspects: Vec<Suspect>,
}

/// A row whose label is likely wrong.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Suspect {
    /// Index of the row.
    pub row: usize,
    pub given: u32,
    pub likely: u32,
    /// Probability of the given and of the likely label, 0 to 1.
    pub given_probability: f64,
    pub likely_probability: f64,
}

impl Suspect {
    /// The label quality score, 0 to 1: the lower, the more suspicious. As cleanlab's `get_label_quality_scores`.
    pub fn score(&self, order: LabelOrder) -> f64 {
        match order {
            LabelOrder::NormalizedMargin => (self.given_probability - self.likely_probability + 1.0) / 2.0,
            LabelOrder::SelfConfidence => self.given_probability,
        }
    }
}

impl LabelQuality {
    /// Estimated share of rows whose label is wrong, 0 to 1.
    pub fn noise(&self) -> f64 {
        let classes = self.thresholds.len();
        let total: f64 = self.joint.iter().sum();
        let right: f64 = (0..classes).map(|class| self.joint[class * classes + class]).sum();
        if total == 0.0 { 0.0 } else { 1.0 - right / total }
    }
}

/// Compares labels (`rows`, below `classes`) with out-of-fold probabilities (`rows x classes`, row-major). A row counts as
/// confidently of a class where its probability reaches the class's threshold; of several, the most probable one. For each
/// pair of classes as many rows are suspected as the joint estimates, those with the largest margin first, and only where
/// the model's first choice is not the given label. `order` decides which of them stand first.
///
/// # Panics
/// If the lengths don't fit or a label is not below `classes`.
pub fn label_quality(labels: &[u32], probabilities: &[f32], classes: usize, order: LabelOrder) -> LabelQuality {
    assert_eq!(labels.len() * classes, probabilities.len());
    let of_row = |row: usize| &probabilities[row * classes..][..classes];
    let mut rows_of = vec![0_u64; classes];
    let mut thresholds = vec![0.0; classes];
    for (row, &label) in labels.iter().enumerate() {
        rows_of[label as usize] += 1;
        thresholds[label as usize] += f64::from(of_row(row)[label as usize]);
    }
    for (threshold, &rows) in thresholds.iter_mut().zip(&rows_of) {
        *threshold /= rows as f64;
    }
    let mut confident_joint = vec![0_u64; classes * classes];
    for (row, &label) in labels.iter().enumerate() {
        let confident = of_row(row)
            .iter()
            .enumerate()
            // The mean is of rounded numbers: equality must hold for a label whose rows are all alike.
            .filter(|(class, p)| f64::from(**p) >= thresholds[*class] - 1e-6)
            .max_by(|a, b| a.1.total_cmp(b.1));
        if let Some((class, _)) = confident {
            confident_joint[label as usize * classes + class] += 1;
        }
    }
    let mut joint = vec![0.0; classes * classes];
    for label in 0..classes {
        let row = &confident_joint[label * classes..][..classes];
        let confident: u64 = row.iter().sum();
        for (class, &count) in row.iter().enumerate() {
            joint[label * classes + class] = match confident {
                // No row of the label is confidently anything: nothing speaks against it.
                0 => rows_of[label] as f64 * f64::from(u8::from(class == label)),
                _ => count as f64 / confident as f64 * rows_of[label] as f64,
            };
        }
    }
    let mut suspects = suspects(labels, probabilities, classes, &joint);
    suspects.sort_by(|a, b| a.score(order).total_cmp(&b.score(order)).then(a.row.cmp(&b.row)));
    LabelQuality { thresholds, confident_joint, joint, suspects }
}

fn suspects(labels: &[u32], probabilities: &[f32], classes: usize, joint: &[f64]) -> Vec<Suspect> {
    let of_row = |row: usize| &probabilities[row * classes..][..classes];
    let mut suspected = vec![false; labels.len()];
    let margin =
        |row: usize, class: usize| f64::from(of_row(row)[class]) - f64::from(of_row(row)[labels[row] as usize]);
    let mut by_label: Vec<Vec<usize>> = vec![Vec::new(); classes];
    labels.iter().enumerate().for_each(|(row, &label)| by_label[label as usize].push(row));
    for (label, rows) in by_label.iter().enumerate() {
        for class in (0..classes).filter(|class| *class != label) {
            let wrong = joint[label * classes + class].round() as usize;
            if wrong == 0 {
                continue;
            }
            let mut order: Vec<usize> = rows.clone();
            order.sort_by(|a, b| margin(*b, class).total_cmp(&margin(*a, class)));
            order.into_iter().take(wrong).for_each(|row| suspected[row] = true);
        }
    }
    (0..labels.len())
        .filter(|row| suspected[*row])
        .filter_map(|row| {
            let (likely, p) = of_row(row).iter().enumerate().max_by(|a, b| a.1.total_cmp(b.1))?;
            (likely != labels[row] as usize).then(|| Suspect {
                row,
                given: labels[row],
                likely: likely as u32,
                given_probability: f64::from(of_row(row)[labels[row] as usize]),
                likely_probability: f64::from(*p),
            })
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const LABELS: [u32; 40] = [
        2, 1, 2, 2, 1, 2, 2, 0, 0, 0, 0, 2, 2, 0, 1, 2, 1, 2, 0, 1, 0, 0, 1, 0, 2, 0, 2, 1, 1, 1, 2, 1, 1, 2, 2, 0, 0,
        1, 1, 0,
    ];
    #[rustfmt::skip]
    const PROBABILITIES: [f32; 120] = [
        0.061, 0.222, 0.717, 0.119, 0.799, 0.082, 0.017, 0.082, 0.901, 0.17, 0.046, 0.784, 0.069, 0.581, 0.35,
        0.032, 0.059, 0.909, 0.065, 0.095, 0.84, 0.844, 0.041, 0.115, 0.906, 0.012, 0.082, 0.594, 0.044, 0.362,
        0.904, 0.025, 0.071, 0.104, 0.057, 0.839, 0.036, 0.066, 0.898, 0.697, 0.191, 0.112, 0.241, 0.622, 0.137,
        0.04, 0.096, 0.864, 0.537, 0.111, 0.352, 0.026, 0.089, 0.885, 0.89, 0.076, 0.034, 0.073, 0.594, 0.333,
        0.063, 0.069, 0.868, 0.841, 0.107, 0.052, 0.114, 0.595, 0.291, 0.823, 0.065, 0.112, 0.073, 0.222, 0.705,
        0.876, 0.026, 0.098, 0.041, 0.031, 0.928, 0.033, 0.564, 0.403, 0.083, 0.726, 0.191, 0.17, 0.733, 0.097,
        0.131, 0.836, 0.033, 0.105, 0.847, 0.048, 0.173, 0.522, 0.305, 0.17, 0.157, 0.673, 0.222, 0.049, 0.729,
        0.083, 0.011, 0.906, 0.042, 0.314, 0.644, 0.18, 0.792, 0.028, 0.1, 0.865, 0.035, 0.158, 0.174, 0.668,
    ];

    // cleanlab 2.9.0: compute_confident_joint(calibrate=False), find_label_issues(filter_by="prune_by_noise_rate"), on 40
    // rows drawn with numpy.random.default_rng(7), of which 6 labels were changed.
    #[test]
    fn joint_and_suspects_are_cleanlabs() {
        let found = label_quality(&LABELS, &PROBABILITIES, 3, LabelOrder::NormalizedMargin);
        for (threshold, expected) in
            found.thresholds.iter().zip([0.5939230769230769, 0.6423846153846154, 0.7646428571428571])
        {
            assert!((threshold - expected).abs() < 1e-6, "{threshold}");
        }
        assert_eq!(found.confident_joint, [9, 0, 2, 0, 6, 0, 0, 1, 9]);
        let rows: Vec<usize> = found.suspects.iter().map(|suspect| suspect.row).collect();
        assert_eq!(rows, [35, 20, 30]);
        assert_eq!((found.suspects[0].given, found.suspects[0].likely), (0, 2));
        // 13 x 2/11 + 14 x 1/10 of 40.
        assert!((found.noise() - (26.0 / 11.0 + 1.4) / 40.0).abs() < 1e-9);
    }

    // cleanlab 2.9.0: find_label_issues(return_indices_ranked_by=…) and get_label_quality_scores(method=…) on the same rows.
    #[test]
    fn orders_and_scores_are_cleanlabs() {
        for (order, rows, scores) in [
            (LabelOrder::SelfConfidence, [30, 20, 35], [0.033, 0.063, 0.083]),
            (LabelOrder::NormalizedMargin, [35, 20, 30], [0.0885, 0.0975, 0.0985]),
        ] {
            let found = label_quality(&LABELS, &PROBABILITIES, 3, order).suspects;
            assert_eq!(found.iter().map(|suspect| suspect.row).collect::<Vec<_>>(), rows);
            for (suspect, score) in found.iter().zip(scores) {
                assert!((suspect.score(order) - score).abs() < 1e-6, "{suspect:?}");
            }
        }
    }

    #[test]
    fn a_label_without_rows_and_sure_labels_are_no_trouble() {
        let order = LabelOrder::SelfConfidence;
        let found = label_quality(&[0, 0, 1], &[0.9, 0.1, 0.0, 0.8, 0.2, 0.0, 0.1, 0.9, 0.0], 3, order);
        assert!(found.suspects.is_empty() && found.noise() == 0.0 && found.thresholds[2].is_nan());
        assert!(label_quality(&[], &[], 2, order).suspects.is_empty());
    }
}
