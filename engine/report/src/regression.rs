//! Charts of a regression: predicted against actual values, and what is left over.

use crate::{
    axes::{Axis, WIDTH, frame},
    canvas::{Align, Ink, draw},
    words::{count, number, percent},
};
use trainyard_assess::curves::Bin;
use trainyard_types::evaluation::{Chart, ChartTable};

const HEIGHT: f64 = 320.0;
/// Dots in a scatter plot: enough to see the shape, few enough for a page.
const DOTS: usize = 240;

/// Predicted against actual: single rows behind, the mean of each group in front. `unit` is the target's name.
pub fn predicted_vs_actual(actual: &[f64], predicted: &[f64], bins: &[Bin], r2: f64, unit: &str) -> Chart {
    let title = if r2 > 0.0 {
        format!("The model explains {} of the differences between rows", percent(r2))
    } else {
        "The model predicts no better than the average would".to_owned()
    };
    let drift = bins.iter().max_by(|a, b| (a.predicted - a.actual).abs().total_cmp(&(b.predicted - b.actual).abs()));
    let furthest = drift.map_or(String::new(), |b| {
        format!(" Furthest apart: {} predicted on average where {} came true.", number(b.predicted), number(b.actual))
    });
    let summary = format!(
        "R² {} on {} test rows; 1 is perfect, 0 is the average.{furthest}",
        number(r2),
        count(actual.len() as u64)
    );
    let picked = sample(actual, predicted);
    let svg = draw(WIDTH, HEIGHT, &title, |canvas| {
        let values = || picked.iter().flat_map(|p| [p.0, p.1]);
        let axis = |what: &str| Axis::covering(values(), 5, format!("{what} {}", crate::canvas::fit(unit, 130.0)));
        let plot = frame(canvas, HEIGHT, axis("Predicted"), axis("Actual"));
        for &(a, p) in &picked {
            canvas.dot(plot.point(p, a), 2.0, Ink::Solid(0), 0.35);
        }
        canvas.line(plot.point(plot.x.low, plot.x.low), plot.point(plot.x.high, plot.x.high), Ink::Reference, 1.0);
        let means: Vec<_> = bins.iter().map(|b| plot.point(b.predicted, b.actual)).collect();
        canvas.path(&means, Ink::Solid(1), 2.0);
        let (x, y) = plot.point(plot.x.high, plot.y.low);
        canvas.bar((x - 112.0, y - 36.0), (x - 2.0, y - 2.0), Ink::Surface, 0.8);
        canvas.line((x - 108.0, y - 27.0), (x - 86.0, y - 27.0), Ink::Solid(1), 2.0);
        canvas.text("mean actual", (x - 80.0, y - 27.0), Align::Left, Ink::Text);
        canvas.line((x - 108.0, y - 11.0), (x - 86.0, y - 11.0), Ink::Reference, 1.0);
        canvas.text("perfect", (x - 80.0, y - 11.0), Align::Left, Ink::Text);
    });
    let table = ChartTable {
        columns: ["Mean predicted", "Mean actual", "Rows"].map(String::from).to_vec(),
        rows: bins.iter().map(|b| vec![number(b.predicted), number(b.actual), count(b.rows)]).collect(),
    };
    Chart { id: "predicted_vs_actual".into(), title, summary, svg, table }
}

/// What is left over (actual minus predicted, the `actual` of the bins) along the prediction: mean and middle 80 % of each
/// group.
pub fn residuals(bins: &[Bin], median_absolute: f64, unit: &str, rows: u64) -> Chart {
    let title = format!("Half of the predictions are within {} of the truth", number(median_absolute));
    let width = |b: &Bin| b.high - b.low;
    let summary = match (bins.first(), bins.last()) {
        (Some(first), Some(last)) if bins.len() > 1 => {
            let ratio = width(last) / width(first).max(f64::MIN_POSITIVE);
            let spread = if ratio > 1.5 {
                format!(
                    "errors grow with the prediction: the middle 80 % is {} times as wide at the top as at the bottom",
                    number(ratio)
                )
            } else if ratio < 1.0 / 1.5 {
                format!(
                    "errors shrink with the prediction: the middle 80 % is {} times as wide at the bottom as at the top",
                    number(1.0 / ratio)
                )
            } else {
                "errors are about as wide at the bottom as at the top".to_owned()
            };
            format!("Actual minus predicted {} on {} test rows; {spread}.", crate::words::quoted(unit), count(rows))
        }
        _ => format!("Actual minus predicted {} on {} test rows.", crate::words::quoted(unit), count(rows)),
    };
    let svg = draw(WIDTH, HEIGHT, &title, |canvas| {
        let x = Axis::covering(
            bins.iter().map(|b| b.predicted),
            5,
            format!("Predicted {}", crate::canvas::fit(unit, 130.0)),
        );
        let y = Axis::covering(
            bins.iter().flat_map(|b| [b.low, b.actual, b.high]).chain([0.0]),
            6,
            "Actual minus predicted",
        );
        let plot = frame(canvas, HEIGHT, x, y);
        let low = bins.iter().map(|b| plot.point(b.predicted, b.low));
        let high = bins.iter().rev().map(|b| plot.point(b.predicted, b.high));
        let band: Vec<_> = low.chain(high).collect();
        canvas.area(&band, Ink::Solid(0), 0.18);
        canvas.line(plot.point(plot.x.low, 0.0), plot.point(plot.x.high, 0.0), Ink::Reference, 1.0);
        let means: Vec<_> = bins.iter().map(|b| plot.point(b.predicted, b.actual)).collect();
        canvas.path(&means, Ink::Series(0), 2.0);
        for &at in &means {
            canvas.dot(at, 2.5, Ink::Solid(0), 1.0);
        }
        let (x, y) = (plot.left + 8.0, plot.bottom - 12.0);
        canvas.bar((x - 4.0, y - 9.0), (x + 200.0, y + 9.0), Ink::Surface, 0.8);
        canvas.text("line: mean, band: middle 80 %", (x, y), Align::Left, Ink::Text);
    });
    let table = ChartTable {
        columns: ["Mean predicted", "10 % quantile", "Mean", "90 % quantile", "Rows"].map(String::from).to_vec(),
        rows: bins
            .iter()
            .map(|b| vec![number(b.predicted), number(b.low), number(b.actual), number(b.high), count(b.rows)])
            .collect(),
    };
    Chart { id: "residuals".into(), title, summary, svg, table }
}

/// Evenly many rows along the sorted prediction, the same ones every time.
fn sample(actual: &[f64], predicted: &[f64]) -> Vec<(f64, f64)> {
    let mut order: Vec<usize> =
        (0..actual.len()).filter(|&i| actual[i].is_finite() && predicted[i].is_finite()).collect();
    order.sort_by(|&a, &b| predicted[a].total_cmp(&predicted[b]).then(a.cmp(&b)));
    let step = (order.len() as f64 / DOTS as f64).max(1.0);
    (0..order.len().min(DOTS)).map(|k| order[(k as f64 * step) as usize]).map(|i| (actual[i], predicted[i])).collect()
}
