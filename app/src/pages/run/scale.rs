//! Axes for the curves that the browser draws: nice ticks and the way from values to pixels.

/// A linear axis from `low` to `high` (values) onto `from` to `to` (user units of the drawing).
#[derive(Clone, Debug, PartialEq)]
pub struct Axis {
    pub low: f64,
    pub high: f64,
    pub from: f64,
    pub to: f64,
    /// Where the grid lines stand, within `low` and `high`.
    pub ticks: Vec<f64>,
}

impl Axis {
    /// An axis over all the finite values, a little wider than they are. `count` is about how many ticks there shall be.
    pub fn around(values: impl Iterator<Item = f64>, from: f64, to: f64, count: usize) -> Self {
        let (mut low, mut high) = (f64::INFINITY, f64::NEG_INFINITY);
        for value in values.filter(|v| v.is_finite()) {
            low = low.min(value);
            high = high.max(value);
        }
        if low > high {
            (low, high) = (0.0, 1.0);
        }
        let span = if high > low { high - low } else { low.abs().max(1e-9) };
        Self::exact(low - span * 0.05, high + span * 0.05, from, to, count)
    }

    /// An axis with exactly these ends; `low < high`.
    pub fn exact(low: f64, high: f64, from: f64, to: f64, count: usize) -> Self {
        Self { low, high, from, to, ticks: ticks(low, high, count) }
    }

    pub fn at(&self, value: f64) -> f64 {
        self.from + (value - self.low) / (self.high - self.low) * (self.to - self.from)
    }

    /// The value at a place of the drawing.
    pub fn value(&self, place: f64) -> f64 {
        self.low + (place - self.from) / (self.to - self.from) * (self.high - self.low)
    }

    /// The label of a tick, with as many decimals as the ticks' distance needs.
    pub fn label(&self, tick: f64) -> String {
        let step = match self.ticks.as_slice() {
            [a, b, ..] => b - a,
            _ => 1.0,
        };
        let tick = if tick.abs() < step * 1e-6 { 0.0 } else { tick };
        if tick.abs() >= 1e6 {
            return format!("{tick:e}");
        }
        let decimals = (-step.log10().floor()).clamp(0.0, 9.0) as usize;
        format!("{tick:.decimals$}")
    }
}

/// Multiples of 1, 2 or 5 times a power of ten between `low` and `high`, about `count` of them.
fn ticks(low: f64, high: f64, count: usize) -> Vec<f64> {
    let raw = (high - low) / count.max(1) as f64;
    if !raw.is_finite() || raw <= 0.0 {
        return Vec::new();
    }
    let power = 10f64.powf(raw.log10().floor());
    let step = match raw / power {
        r if r <= 1.0 => power,
        r if r <= 2.0 => 2.0 * power,
        r if r <= 5.0 => 5.0 * power,
        _ => 10.0 * power,
    };
    let first = (low / step).ceil() as i64;
    let last = (high / step).floor() as i64;
    (first..=last).take(50).map(|i| i as f64 * step).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ticks_are_round_numbers_within_the_ends() {
        assert_eq!(ticks(0.0, 10.0, 5), [0.0, 2.0, 4.0, 6.0, 8.0, 10.0]);
        let axis = Axis::exact(0.11, 0.52, 0.0, 100.0, 4);
        let labels: Vec<_> = axis.ticks.iter().map(|t| axis.label(*t)).collect();
        assert_eq!(labels, ["0.2", "0.4"]);
    }

    #[test]
    fn an_axis_survives_one_value_and_none() {
        let one = Axis::around([3.0].into_iter(), 0.0, 10.0, 4);
        assert!(one.low < 3.0 && one.high > 3.0 && !one.ticks.is_empty());
        let none = Axis::around([f64::NAN].into_iter(), 0.0, 10.0, 4);
        assert!(none.at(0.5) > 0.0 && none.at(0.5) < 10.0);
    }

    #[test]
    fn values_go_to_places_and_back() {
        let axis = Axis::exact(2.0, 4.0, 200.0, 0.0, 4);
        assert!((axis.at(3.0) - 100.0).abs() < 1e-9);
        assert!((axis.value(axis.at(2.5)) - 2.5).abs() < 1e-9);
    }
}
