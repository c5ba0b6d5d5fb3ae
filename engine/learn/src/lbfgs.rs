//! Limited-memory BFGS (Nocedal and Wright 2006, algorithms 7.4 and 7.5) with a weak Wolfe line search by bisection.

/// Pairs of steps and gradient changes that stand for the curvature.
const MEMORY: usize = 12;
/// Sufficient decrease and curvature of the Wolfe conditions.
const DECREASE: f64 = 1e-4;
const CURVATURE: f64 = 0.9;
/// Tries of one line search.
const TRIES: usize = 25;

/// How a minimisation ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ended {
    /// The gradient vanished, or the value stopped falling.
    Converged,
    /// All iterations were used.
    Limit,
    /// The caller stopped it.
    Stopped,
    /// The value is not finite at the start.
    NotFinite,
}

/// Minimises a smooth function from `x`, which becomes the best point found.
///
/// `evaluate` gives the value and writes the gradient; `after` hears of each iteration (number from 1, point, value) and
/// stops it with `false`. It has converged when no gradient entry is above `tolerance`, or when three iterations in a row
/// lower the value by less than a ten-millionth.
pub fn minimise(
    x: &mut Vec<f64>,
    iterations: usize,
    tolerance: f64,
    mut evaluate: impl FnMut(&[f64], &mut [f64]) -> f64,
    mut after: impl FnMut(usize, &[f64], f64) -> bool,
) -> Ended {
    let mut gradient = vec![0.0; x.len()];
    let mut value = evaluate(x, &mut gradient);
    if !value.is_finite() {
        return Ended::NotFinite;
    }
    let mut pairs: Vec<(Vec<f64>, Vec<f64>, f64)> = Vec::new();
    let mut idle = 0;
    for iteration in 1..=iterations {
        if gradient.iter().all(|g| g.abs() <= tolerance) {
            return Ended::Converged;
        }
        let mut direction = descent(&gradient, &pairs);
        if dot(&direction, &gradient) >= 0.0 {
            pairs.clear();
            direction = gradient.iter().map(|g| -g).collect();
        }
        let first = if pairs.is_empty() { (1.0 / norm(&gradient)).min(1.0) } else { 1.0 };
        let Some((point, new_value, new_gradient)) = search(x, value, &gradient, &direction, first, &mut evaluate)
        else {
            // No lower point along the steepest descent either: this is as exact as the arithmetic allows.
            if pairs.is_empty() {
                return Ended::Converged;
            }
            pairs.clear();
            continue;
        };
        let step: Vec<f64> = point.iter().zip(x.iter()).map(|(a, b)| a - b).collect();
        let change: Vec<f64> = new_gradient.iter().zip(&gradient).map(|(a, b)| a - b).collect();
        let curvature = dot(&step, &change);
        if curvature > 1e-12 * norm(&step) * norm(&change) {
            if pairs.len() == MEMORY {
                pairs.remove(0);
            }
            pairs.push((step, change, 1.0 / curvature));
        }
        idle = if value - new_value < 1e-7 * value.abs().max(1e-3) { idle + 1 } else { 0 };
        (*x, value, gradient) = (point, new_value, new_gradient);
        if !after(iteration, x, value) {
            return Ended::Stopped;
        }
        if idle == 3 {
            return Ended::Converged;
        }
    }
    Ended::Limit
}

/// The two-loop recursion: minus the approximate inverse Hessian times the gradient.
fn descent(gradient: &[f64], pairs: &[(Vec<f64>, Vec<f64>, f64)]) -> Vec<f64> {
    let mut q: Vec<f64> = gradient.iter().map(|g| -g).collect();
    let mut shares = Vec::with_capacity(pairs.len());
    for (step, change, inverse) in pairs.iter().rev() {
        let share = inverse * dot(step, &q);
        add(&mut q, change, -share);
        shares.push(share);
    }
    if let Some((_, change, inverse)) = pairs.last() {
        let scale = 1.0 / (inverse * dot(change, change));
        q.iter_mut().for_each(|v| *v *= scale);
    }
    for ((step, change, inverse), share) in pairs.iter().zip(shares.into_iter().rev()) {
        let correction = share - inverse * dot(change, &q);
        add(&mut q, step, correction);
    }
    q
}

/// A point that fulfils the weak Wolfe conditions, or the last that is lower; `None` where none is.
fn search(
    x: &[f64],
    value: f64,
    gradient: &[f64],
    direction: &[f64],
    first: f64,
    evaluate: &mut impl FnMut(&[f64], &mut [f64]) -> f64,
) -> Option<(Vec<f64>, f64, Vec<f64>)> {
    let slope = dot(gradient, direction);
    let (mut low, mut high, mut step) = (0.0, f64::INFINITY, first);
    let mut best = None;
    for _ in 0..TRIES {
        let point: Vec<f64> = x.iter().zip(direction).map(|(x, d)| x + step * d).collect();
        let mut new_gradient = vec![0.0; x.len()];
        let new_value = evaluate(&point, &mut new_gradient);
        if !new_value.is_finite() || new_value > value + DECREASE * step * slope {
            high = step;
        } else {
            let steep = dot(&new_gradient, direction) < CURVATURE * slope;
            best = Some((point, new_value, new_gradient));
            if !steep {
                break;
            }
            low = step;
        }
        step = if high.is_finite() { 0.5 * (low + high) } else { 2.0 * step };
    }
    best
}

fn dot(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(a, b)| a * b).sum()
}
fn norm(a: &[f64]) -> f64 {
    dot(a, a).sqrt()
}
fn add(to: &mut [f64], what: &[f64], factor: f64) {
    to.iter_mut().zip(what).for_each(|(to, what)| *to += factor * what);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_rosenbrock_s_minimum() {
        let mut x = vec![-1.2, 1.0];
        let ended = minimise(
            &mut x,
            200,
            1e-8,
            |x, g| {
                let (a, b) = (1.0 - x[0], x[1] - x[0] * x[0]);
                g[0] = -2.0 * a - 400.0 * x[0] * b;
                g[1] = 200.0 * b;
                a * a + 100.0 * b * b
            },
            |_, _, _| true,
        );
        assert_eq!(ended, Ended::Converged);
        assert!((x[0] - 1.0).abs() < 1e-3 && (x[1] - 1.0).abs() < 1e-3, "{x:?}");
    }

    #[test]
    fn stops_when_told_and_refuses_no_number() {
        let mut x = vec![5.0];
        let square = |x: &[f64], g: &mut [f64]| {
            g[0] = 2.0 * x[0];
            x[0] * x[0]
        };
        assert_eq!(minimise(&mut x, 10, 0.0, square, |_, _, _| false), Ended::Stopped);
        assert_eq!(minimise(&mut x, 10, 0.0, |_, _| f64::NAN, |_, _, _| true), Ended::NotFinite);
    }
}
