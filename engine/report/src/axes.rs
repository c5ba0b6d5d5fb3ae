//! Scales, ticks and the frame of a plot.

use crate::{
    canvas::{Align, Canvas, Ink, TEXT, text_width},
    words,
};

/// Natural width of every chart, in pixels: what a phone 390 px wide shows of a page, so that text keeps its size there.
pub const WIDTH: f64 = 360.0;

/// Maps values to pixels, linearly.
#[derive(Clone, Copy, Debug)]
pub struct Scale {
    pub low: f64,
    pub high: f64,
    from: f64,
    to: f64,
}

impl Scale {
    pub fn at(&self, value: f64) -> f64 {
        let share = (value - self.low) / (self.high - self.low);
        self.from + (self.to - self.from) * share
    }
}

/// One axis before it has a place: its range, its ticks and what it measures.
#[derive(Clone, Debug)]
pub struct Axis {
    pub low: f64,
    pub high: f64,
    pub ticks: Vec<(f64, String)>,
    pub title: String,
}

impl Axis {
    /// 0 to 1 in steps of a fifth.
    pub fn share(title: impl Into<String>) -> Axis {
        let ticks =
            (0..=5).map(|i| f64::from(i) / 5.0).map(|v| (v, if v == 0.0 { "0".into() } else { format!("{v:.1}") }));
        Axis { low: 0.0, high: 1.0, ticks: ticks.collect(), title: title.into() }
    }

    /// Covers the values with round ticks, about `wanted` of them.
    pub fn covering(values: impl IntoIterator<Item = f64>, wanted: usize, title: impl Into<String>) -> Axis {
        let (mut low, mut high) = (f64::INFINITY, f64::NEG_INFINITY);
        for value in values.into_iter().filter(|v| v.is_finite()) {
            low = low.min(value);
            high = high.max(value);
        }
        if low > high {
            (low, high) = (0.0, 1.0);
        }
        if high - low < f64::EPSILON * high.abs().max(1.0) * 4.0 {
            let pad = if low == 0.0 { 1.0 } else { low.abs() * 0.1 };
            (low, high) = (low - pad, high + pad);
        }
        let step = round_step((high - low) / wanted.max(1) as f64);
        let (first, last) = ((low / step).floor(), (high / step).ceil());
        let ticks =
            (0..=(last - first) as usize).map(|i| (first + i as f64) * step).map(|v| (v, tick(v, step))).collect();
        Axis { low: first * step, high: last * step, ticks, title: title.into() }
    }

    /// Leaves as many ticks as fit without touching, given pixels between the first and the last.
    fn thin(&mut self, length: f64) {
        let widest = self.ticks.iter().map(|(_, label)| text_width(label)).fold(0.0, f64::max) + 8.0;
        while self.ticks.len() > 2 && widest * (self.ticks.len() - 1) as f64 > length {
            let mut keep = false;
            self.ticks.retain(|_| {
                keep = !keep;
                keep
            });
        }
    }
}

/// The next of 1, 2, 5 times a power of ten.
fn round_step(raw: f64) -> f64 {
    let power = 10f64.powf(raw.log10().floor());
    let factor = [1.0, 2.0, 5.0].into_iter().find(|f| f * power >= raw * 0.999).unwrap_or(10.0);
    factor * power
}

/// A tick's label: as many decimals as its step has, thousands and millions shortened.
fn tick(value: f64, step: f64) -> String {
    if value.abs() < step * 1e-6 {
        return "0".to_owned();
    }
    if step >= 1e6 {
        return format!("{} M", value / 1e6);
    }
    if step >= 1e3 {
        return format!("{} k", value / 1e3);
    }
    if step >= 1.0 {
        return if value < 0.0 { format!("-{}", words::count(-value as u64)) } else { words::count(value as u64) };
    }
    let decimals = (-step.log10().floor()).clamp(0.0, 12.0) as usize;
    if decimals > 5 { format!("{value:.1e}") } else { format!("{value:.decimals$}") }
}

/// The place of a plot within its chart.
#[derive(Clone, Copy, Debug)]
pub struct Plot {
    pub x: Scale,
    pub y: Scale,
    pub left: f64,
    pub right: f64,
    pub top: f64,
    pub bottom: f64,
}

impl Plot {
    pub fn point(&self, x: f64, y: f64) -> (f64, f64) {
        (self.x.at(x), self.y.at(y))
    }
}

/// Draws grid, axes, ticks and titles into a chart of that height and gives the plot within.
pub fn frame(canvas: &mut Canvas<'_>, height: f64, mut x: Axis, y: Axis) -> Plot {
    let labels = y.ticks.iter().map(|(_, label)| text_width(label)).fold(0.0, f64::max);
    let (left, right) = (labels + 30.0, WIDTH - 14.0);
    let (top, bottom) = (10.0, height - 46.0);
    x.thin(right - left);
    let plot = Plot {
        x: Scale { low: x.low, high: x.high, from: left, to: right },
        y: Scale { low: y.low, high: y.high, from: bottom, to: top },
        left,
        right,
        top,
        bottom,
    };
    for (value, label) in &y.ticks {
        let at = plot.y.at(*value);
        canvas.line((left, at), (right, at), Ink::Grid, 1.0);
        canvas.text(label, (left - 6.0, at), Align::Right, Ink::Text);
    }
    for (value, label) in &x.ticks {
        let at = plot.x.at(*value);
        canvas.line((at, top), (at, bottom), Ink::Grid, 1.0);
        canvas.text(label, (at, bottom + 14.0), Align::Centre, Ink::Text);
    }
    canvas.line((left, bottom), (right, bottom), Ink::Axis, 1.0);
    canvas.line((left, top), (left, bottom), Ink::Axis, 1.0);
    canvas.text(&x.title, ((left + right) / 2.0, height - 11.0), Align::Centre, Ink::Text);
    canvas.upright(&y.title, (TEXT * 0.6, (top + bottom) / 2.0), Align::Centre, Ink::Text);
    plot
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ticks_are_round_and_cover_the_values() {
        let axis = Axis::covering([0.12, 4.87], 5, "");
        assert_eq!((axis.low, axis.high), (0.0, 5.0));
        assert_eq!(axis.ticks.iter().map(|t| t.1.as_str()).collect::<Vec<_>>(), ["0", "1", "2", "3", "4", "5"]);
        let axis = Axis::covering([0.91, 0.923], 4, "");
        assert_eq!(axis.ticks[0].1, "0.910");
        assert!(axis.low <= 0.91 && axis.high >= 0.923);
        let axis = Axis::covering([-12_000.0, 31_000.0], 4, "");
        assert!(axis.ticks.iter().any(|t| t.1 == "0"), "{:?}", axis.ticks);
        for odd in [vec![], vec![5.0], vec![0.0, 0.0], vec![f64::NAN]] {
            let axis = Axis::covering(odd, 4, "");
            assert!(axis.high > axis.low && axis.ticks.len() > 1);
        }
    }
}
