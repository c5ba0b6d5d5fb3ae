//! How much rows count while fitting.

use trainyard_infer::Target;

/// What a row of each class counts so that all classes count alike: `rows / (classes x rows of the class)`, scikit-learn's
/// `compute_class_weight("balanced")` (King and Zeng 2001). A class without rows counts 0. Empty for a regression.
pub fn balanced(target: &Target, classes: usize) -> Vec<f64> {
    let Target::Classes(outcomes) = target else { return Vec::new() };
    let mut counts = vec![0usize; classes];
    outcomes.iter().for_each(|&class| counts[class as usize] += 1);
    let weight = |&count: &usize| {
        if count == 0 { 0.0 } else { outcomes.len() as f64 / (classes as f64 * count as f64) }
    };
    counts.iter().map(weight).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn balanced_as_scikit_learn() {
        // scikit-learn 1.9.1: compute_class_weight("balanced", classes=[0, 1, 2], y=[0]*6 + [1]*3 + [2]) is
        // [0.55555556, 1.11111111, 3.33333333].
        let target = Target::Classes([vec![0; 6], vec![1; 3], vec![2]].concat());
        let found = balanced(&target, 3);
        for (found, expected) in found.iter().zip([0.555_555_56, 1.111_111_11, 3.333_333_33]) {
            assert!((found - expected).abs() < 1e-8, "{found} is not {expected}");
        }
        assert!(balanced(&Target::Values(vec![1.0]), 0).is_empty());
    }
}
