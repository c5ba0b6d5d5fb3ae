//! Directions that a person gave to columns, as features of trees have them.

use trainyard_infer::trees::{Encoding, TreeEncoder};
use trainyard_types::monotone::{Direction, Monotone};

/// What the answers below a node have to lie within, so that directions of columns above it are kept.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Bounds {
    pub low: f64,
    pub high: f64,
}

impl Default for Bounds {
    fn default() -> Self {
        Self { low: f64::NEG_INFINITY, high: f64::INFINITY }
    }
}

impl Bounds {
    pub fn holds(&self, mean: f64) -> bool {
        (self.low..=self.high).contains(&mean)
    }

    /// Of a left and a right child with these means: each side ends halfway.
    pub fn divided(self, left: f64, right: f64, direction: Option<Direction>) -> [Bounds; 2] {
        let middle = left / 2.0 + right / 2.0;
        match direction {
            None => [self, self],
            Some(Direction::Increasing) => [Bounds { high: middle, ..self }, Bounds { low: middle, ..self }],
            Some(Direction::Decreasing) => [Bounds { low: middle, ..self }, Bounds { high: middle, ..self }],
        }
    }
}

/// The direction of each feature, where it has one. Columns that are no numbers, or never vary, have none.
pub(crate) fn of_features(encoder: &TreeEncoder, wanted: &Monotone) -> Vec<Option<Direction>> {
    let of = |column: &str, encoding: &Encoding| match encoding {
        Encoding::Number => wanted.get(column).copied(),
        _ => None,
    };
    encoder.inputs().iter().flat_map(|input| vec![of(&input.column, &input.encoding); input.encoding.width()]).collect()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use crate::{
        FitError, FitOptions, Fitted, Observer, TrainData, forest,
        tests::{Recorder, data, numbers, options, spread},
        trees,
    };
    use trainyard_infer::{Frame, Predictions, Target};
    use trainyard_types::{
        monotone::{Direction, Monotone},
        run::Task,
    };

    type Fit = fn(&TrainData<'_>, &FitOptions, Option<&[u8]>, &mut dyn Observer) -> Result<Fitted, FitError>;

    /// Noise, and waves in the two columns that are to move the answer one way.
    fn table(rows: usize, seed: u64) -> (Frame, Vec<f64>) {
        let [up, down, free, noise] = [0, 100, 200, 300].map(|more| spread(rows, seed + more));
        let law = (0..rows)
            .map(|row| {
                let waves = up[row] + (up[row] * 20.0).sin() * 0.5 - down[row] - (down[row] * 15.0).cos() * 0.5;
                waves + free[row] * up[row] + (noise[row] - 0.5) * 1.5
            })
            .collect();
        let gaps = |values: Vec<f64>| -> Vec<f64> {
            values.into_iter().enumerate().map(|(row, value)| if row % 23 == 5 { f64::NAN } else { value }).collect()
        };
        let columns = vec![numbers("up", gaps(up)), numbers("down", gaps(down)), numbers("free", free)];
        (Frame { columns, rows }, law)
    }

    /// How far the answers go the wrong way at most, along a grid of each of the two columns at a few places of the others.
    fn wrong_way(fitted: &Fitted) -> f64 {
        let grid: Vec<f64> = (0..=100).map(|at| f64::from(at) / 100.0).collect();
        let mut worst = 0.0f64;
        for (moved, sign) in [(0, 1.0), (1, -1.0)] {
            for (a, b) in [(0.1, 0.2), (0.5, 0.9), (0.8, 0.4), (f64::NAN, 0.6)] {
                let mut columns = [vec![a; grid.len()], vec![a; grid.len()], vec![b; grid.len()]];
                columns[moved] = grid.clone();
                let [up, down, free] = columns;
                let columns = vec![numbers("up", up), numbers("down", down), numbers("free", free)];
                let answers = match fitted.model.predict(&Frame { columns, rows: grid.len() }).unwrap() {
                    Predictions::Values(values) => values,
                    Predictions::Probabilities { values, .. } => {
                        values.chunks(2).map(|row| f64::from(row[1])).collect()
                    }
                };
                let falls = answers.windows(2).map(|pair| (pair[0] - pair[1]) * sign);
                worst = falls.fold(worst, f64::max);
            }
        }
        worst
    }

    #[test]
    fn answers_move_one_way_on_noisy_rows() {
        let (train, law) = table(700, 3);
        let (valid, valid_law) = table(300, 5_003);
        let monotone =
            Monotone::from([("up".to_owned(), Direction::Increasing), ("down".to_owned(), Direction::Decreasing)]);
        let two = |law: &[f64]| Target::Classes(law.iter().map(|value| u32::from(*value > 0.2)).collect());
        let classes = ["no".to_owned(), "yes".to_owned()];
        let parameters = [("forest.trees".to_owned(), 30.0)].into();
        let free = FitOptions { parameters, budget_seconds: 1.0, ..options() };
        for fit in [trees::fit as Fit, forest::fit as Fit] {
            for (task, target, valid_target, classes) in [
                (Task::Regression, Target::Values(law.clone()), Target::Values(valid_law.clone()), &classes[..0]),
                (Task::Binary, two(&law), two(&valid_law), &classes[..]),
            ] {
                let data = data(&train, &target, &valid, &valid_target, task, classes);
                let loose = fit(&data, &free, None, &mut Recorder::default()).unwrap();
                assert!(wrong_way(&loose) > 0.01, "{task:?}: nothing would have to be held");
                let held = FitOptions { monotone: monotone.clone(), ..free.clone() };
                let held = fit(&data, &held, None, &mut Recorder::default()).unwrap();
                let worst = wrong_way(&held);
                assert!(worst < 1e-6, "{:?}, {task:?}: {worst} the wrong way", held.model.family);
                let scores =
                    trainyard_assess::metrics::score(task, &valid_target, &held.model.predict(&valid).unwrap());
                let learned = scores.get("r2").or(scores.get("roc_auc")).copied().unwrap();
                assert!(learned > if task == Task::Regression { 0.1 } else { 0.6 }, "{scores:?}");
            }
        }
    }
}
