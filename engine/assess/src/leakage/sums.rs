//! Columns that together add up to the target.

use trainyard_infer::frame::{Column, Values};

/// Columns of a sum at most.
const MOST: usize = 5;
/// Columns looked at.
const WIDEST: usize = 80;
/// Share of the target's variance that a sum explains where it is no chance.
pub const EXACT: f64 = 0.999;

/// The fewest columns whose weighted sum is the target, and the share of variance that it explains (R²): found by forward
/// selection, then thinned out. `None` where no five columns reach [`EXACT`]. Rows with a gap are left out.
pub fn find<'a>(columns: &[&'a Column], target: &[f64], rows: &[usize]) -> Option<(Vec<&'a str>, f64)> {
    let numeric: Vec<(&'a str, &[f64])> = columns
        .iter()
        .filter_map(|column| match &column.values {
            Values::Numbers(numbers) => Some((column.name.as_str(), numbers.as_slice())),
            Values::Categories { .. } => None,
        })
        .take(WIDEST)
        .collect();
    let rows: Vec<usize> =
        rows.iter().copied().filter(|&row| numeric.iter().all(|(_, v)| v[row].is_finite())).collect();
    if rows.len() < 50 || numeric.is_empty() {
        return None;
    }
    let centred = |values: &[f64]| {
        let mean = rows.iter().map(|&row| values[row]).sum::<f64>() / rows.len() as f64;
        let mut out: Vec<f64> = rows.iter().map(|&row| values[row] - mean).collect();
        let length = out.iter().map(|value| value * value).sum::<f64>().sqrt();
        (length > 0.0).then(|| {
            out.iter_mut().for_each(|value| *value /= length);
            out
        })
    };
    let y = centred(target)?;
    let known: Vec<(&'a str, Vec<f64>)> =
        numeric.iter().filter_map(|(name, values)| Some((*name, centred(values)?))).collect();
    // Forward selection by Gram-Schmidt: each candidate is kept free of what was chosen.
    let mut free: Vec<Option<Vec<f64>>> = known.iter().map(|(_, values)| Some(values.clone())).collect();
    let (mut rest, mut explained, mut chosen) = (y.clone(), 0.0, Vec::new());
    while chosen.len() < MOST && explained < EXACT {
        let gain = |values: &Vec<f64>| dot(values, &rest).powi(2);
        let (best, gained) = free
            .iter()
            .enumerate()
            .filter_map(|(i, values)| values.as_ref().map(|values| (i, gain(values))))
            .max_by(|a, b| a.1.total_cmp(&b.1))?;
        let direction = free[best].take()?;
        subtract(&mut rest, &direction);
        explained += gained;
        chosen.push(best);
        for slot in &mut free {
            if let Some(values) = slot {
                subtract(values, &direction);
                let length = dot(values, values).sqrt();
                if length < 1e-6 {
                    *slot = None;
                } else {
                    values.iter_mut().for_each(|value| *value /= length);
                }
            }
        }
    }
    if explained < EXACT {
        return None;
    }
    // The first ones chosen may have become idle.
    let mut kept = chosen;
    for i in (0..kept.len()).rev() {
        if kept.len() == 1 {
            break;
        }
        let mut fewer = kept.clone();
        fewer.remove(i);
        if r_squared(&known, &fewer, &y) >= EXACT {
            kept = fewer;
        }
    }
    let share = r_squared(&known, &kept, &y);
    kept.sort_unstable();
    Some((kept.into_iter().map(|i| known[i].0).collect(), share.min(1.0)))
}

fn r_squared(known: &[(&str, Vec<f64>)], chosen: &[usize], y: &[f64]) -> f64 {
    let mut basis: Vec<Vec<f64>> = Vec::new();
    for &i in chosen {
        let mut values = known[i].1.clone();
        basis.iter().for_each(|direction| subtract(&mut values, direction));
        let length = dot(&values, &values).sqrt();
        if length > 1e-6 {
            values.iter_mut().for_each(|value| *value /= length);
            basis.push(values);
        }
    }
    basis.iter().map(|direction| dot(direction, y).powi(2)).sum()
}

fn dot(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(a, b)| a * b).sum()
}

/// Takes out of `values` what lies along a direction of length 1.
fn subtract(values: &mut [f64], direction: &[f64]) {
    let along = dot(values, direction);
    values.iter_mut().zip(direction).for_each(|(value, direction)| *value -= along * direction);
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use rand::{RngExt, SeedableRng};
    use trainyard_types::dataset::ColumnType;

    #[test]
    fn only_the_summands_are_named() {
        let mut random = rand_chacha::ChaCha8Rng::seed_from_u64(5);
        let mut draw = |name: &str| Column {
            name: name.into(),
            kind: ColumnType::Float,
            values: Values::Numbers((0..500).map(|_| random.random::<f64>()).collect()),
        };
        let (a, b, c, d) = (draw("a"), draw("b"), draw("c"), draw("d"));
        let of = |column: &Column| match &column.values {
            Values::Numbers(values) => values.clone(),
            Values::Categories { .. } => Vec::new(),
        };
        let y: Vec<f64> = of(&b).iter().zip(of(&d)).map(|(b, d)| 3.0 * b - 0.5 * d + 7.0).collect();
        let rows: Vec<usize> = (0..500).collect();
        let (names, share) = find(&[&a, &b, &c, &d], &y, &rows).unwrap();
        assert_eq!(names, ["b", "d"]);
        assert!(share > 0.999_999);
        let bent: Vec<f64> = of(&b).iter().zip(of(&d)).map(|(b, d)| b * d).collect();
        assert!(find(&[&a, &b, &c, &d], &bent, &rows).is_none());
        // A column that follows the sum closely is chosen first and found idle in the end.
        let near: Vec<f64> = y.iter().zip(of(&c)).map(|(y, c)| y + 0.2 * c).collect();
        let near = Column { name: "near".into(), kind: ColumnType::Float, values: Values::Numbers(near) };
        let (names, _) = find(&[&near, &a, &b, &d], &y, &rows).unwrap();
        assert_eq!(names, ["b", "d"]);
    }
}
