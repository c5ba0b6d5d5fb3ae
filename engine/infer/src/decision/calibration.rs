//! Calibrated probabilities: a curve that turns what a predictor says into what comes true.

use crate::{error::LoadError, tensors::TensorBag};

/// Probabilities below this count as this before a logarithm: the smallest normal 32-bit float.
const TINY: f64 = f32::MIN_POSITIVE as f64;
/// Probabilities are held this far from 0 and 1 before their log-odds are taken: the precision of a 32-bit float at 1.
const EDGE: f64 = f32::EPSILON as f64;
/// More curves than this belong to no model.
const MOST_CURVES: usize = 1_000_000;

/// How probabilities are calibrated. Curves are of the second of two classes, or of each class against the rest; the results
/// of several are divided by their sum (where all are 0, the classes are equally probable), as scikit-learn's
/// `CalibratedClassifierCV` does.
#[derive(Clone, Debug, PartialEq)]
pub enum Calibration {
    /// `softmax(ln(p) / temperature)` (Guo, Pleiss, Sun and Weinberger, ICML 2017); above 1 makes answers less sure.
    Temperature(f64),
    /// Platt's curve on the log-odds of `p` (Platt 1999).
    Sigmoid(Vec<SigmoidCurve>),
    /// A rising curve through points (Zadrozny and Elkan 2002), straight between them and level beyond the ends.
    Isotonic(Vec<Steps>),
}

/// `1 / (1 + e^(slope·z + offset))`, with `z` the log-odds; `slope` is below 0 for a sensible model.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct SigmoidCurve {
    pub slope: f64,
    pub offset: f64,
}

/// The points of a rising curve.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Steps {
    /// Probabilities as predicted, strictly ascending.
    pub x: Vec<f64>,
    /// Probabilities as calibrated, ascending, 0 to 1.
    pub y: Vec<f64>,
}

/// `ln(p / (1 - p))`, with `p` held within the precision of a 32-bit float.
pub fn logit(p: f64) -> f64 {
    let p = p.clamp(EDGE, 1.0 - EDGE);
    (p / (1.0 - p)).ln()
}

impl SigmoidCurve {
    pub fn at(&self, p: f64) -> f64 {
        1.0 / (1.0 + (self.slope * logit(p) + self.offset).exp())
    }
}

impl Steps {
    /// # Panics
    /// If there is no point.
    pub fn at(&self, p: f64) -> f64 {
        let next = self.x.partition_point(|x| *x <= p);
        if next == 0 {
            return self.y[0];
        }
        let before = next - 1;
        if next == self.x.len() {
            return self.y[before];
        }
        let share = (p - self.x[before]) / (self.x[next] - self.x[before]);
        self.y[before] + (self.y[next] - self.y[before]) * share
    }

    fn is_sound(&self) -> bool {
        !self.x.is_empty()
            && self.x.len() == self.y.len()
            && self.x.iter().all(|x| x.is_finite())
            && self.x.windows(2).all(|pair| pair[0] < pair[1])
            && self.y.windows(2).all(|pair| pair[0] <= pair[1])
            && self.y.iter().all(|y| (0.0..=1.0).contains(y))
    }
}

impl Calibration {
    pub fn name(&self) -> &'static str {
        match self {
            Calibration::Temperature(_) => "temperature",
            Calibration::Sigmoid(_) => "sigmoid",
            Calibration::Isotonic(_) => "isotonic",
        }
    }

    /// Curves that `classes` classes need.
    pub fn curves(classes: usize) -> usize {
        if classes == 2 { 1 } else { classes }
    }

    pub(crate) fn fits(&self, classes: usize) -> bool {
        let curves = Self::curves(classes);
        match self {
            Calibration::Temperature(temperature) => temperature.is_finite() && *temperature > 0.0,
            Calibration::Sigmoid(list) => {
                list.len() == curves && list.iter().all(|c| c.slope.is_finite() && c.offset.is_finite())
            }
            Calibration::Isotonic(list) => list.len() == curves && list.iter().all(Steps::is_sound),
        }
    }

    /// Calibrates rows of `classes` probabilities each, in place.
    pub fn apply(&self, classes: usize, values: &mut [f32]) {
        let mut wide = vec![0.0f64; classes];
        for row in values.chunks_exact_mut(classes.max(1)) {
            wide.iter_mut().zip(row.iter()).for_each(|(to, from)| *to = f64::from(*from));
            self.row(&mut wide);
            row.iter_mut().zip(&wide).for_each(|(to, from)| *to = *from as f32);
        }
    }

    fn row(&self, row: &mut [f64]) {
        match self {
            Calibration::Temperature(temperature) => {
                row.iter_mut().for_each(|p| *p = p.max(TINY).ln() / temperature);
                let highest = row.iter().copied().fold(f64::NEG_INFINITY, f64::max);
                row.iter_mut().for_each(|z| *z = (*z - highest).exp());
                normalise(row);
            }
            Calibration::Sigmoid(curves) => curved(row, |curve, p| curves[curve].at(p)),
            Calibration::Isotonic(curves) => curved(row, |curve, p| curves[curve].at(p)),
        }
    }

    /// Puts the curves into the bag; how many there are.
    pub(super) fn store(&self, bag: &mut TensorBag) -> usize {
        match self {
            Calibration::Temperature(temperature) => {
                bag.put("decision.temperature", &[1], vec![*temperature]);
                1
            }
            Calibration::Sigmoid(curves) => {
                let numbers = curves.iter().flat_map(|curve| [curve.slope, curve.offset]).collect();
                bag.put::<f64>("decision.sigmoid", &[curves.len(), 2], numbers);
                curves.len()
            }
            Calibration::Isotonic(curves) => {
                for (at, Steps { x, y }) in curves.iter().enumerate() {
                    let points = x.iter().zip(y).flat_map(|(x, y)| [*x, *y]).collect();
                    bag.put::<f64>(&format!("decision.isotonic.{at}"), &[x.len(), 2], points);
                }
                curves.len()
            }
        }
    }

    pub(super) fn restore(name: &str, curves: usize, bag: &mut TensorBag) -> Result<Self, LoadError> {
        if curves == 0 || curves > MOST_CURVES {
            return Err(LoadError::part(format!("a calibration of {curves} curves")));
        }
        Ok(match name {
            "temperature" => Calibration::Temperature(bag.take_shaped::<f64>("decision.temperature", &[1])?[0]),
            "sigmoid" => {
                let numbers = bag.take_shaped::<f64>("decision.sigmoid", &[curves, 2])?;
                let curve = |pair: &[f64]| SigmoidCurve { slope: pair[0], offset: pair[1] };
                Calibration::Sigmoid(numbers.chunks_exact(2).map(curve).collect())
            }
            "isotonic" => {
                let steps = (0..curves).map(|at| {
                    let name = format!("decision.isotonic.{at}");
                    let (shape, points) = bag.take::<f64>(&name)?;
                    if shape.get(1) != Some(&2) || shape.len() != 2 {
                        return Err(LoadError::part(format!("the array '{name}' has shape {shape:?}")));
                    }
                    Ok(Steps {
                        x: points.iter().step_by(2).copied().collect(),
                        y: points.iter().skip(1).step_by(2).copied().collect(),
                    })
                });
                Calibration::Isotonic(steps.collect::<Result<_, LoadError>>()?)
            }
            other => return Err(LoadError::part(format!("it is calibrated by '{other}', which is not known"))),
        })
    }
}

/// Replaces each class's probability by its curve's; of two classes the second has the one curve.
fn curved(row: &mut [f64], at: impl Fn(usize, f64) -> f64) {
    if let [first, second] = row {
        *second = at(0, *second);
        *first = 1.0 - *second;
        return;
    }
    for (class, p) in row.iter_mut().enumerate() {
        *p = at(class, *p);
    }
    normalise(row);
}

fn normalise(row: &mut [f64]) {
    let total: f64 = row.iter().sum();
    let uniform = 1.0 / row.len() as f64;
    row.iter_mut().for_each(|p| *p = if total > 0.0 { *p / total } else { uniform });
}
