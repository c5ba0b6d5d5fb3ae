//! Charts of a classifier: how it ranks, and how far its probabilities can be trusted.

use crate::{
    axes::{Axis, WIDTH, frame},
    canvas::{Align, Canvas, Ink, draw, fit, text_width},
    words::{count, number, of_hundred, percent, quoted},
};
use trainyard_assess::curves::Bin;
use trainyard_types::evaluation::{Chart, ChartTable};

const HEIGHT: f64 = 320.0;
/// Rows in a chart's table.
const TABLE_ROWS: usize = 200;

/// One curve of a class against the rest.
pub struct ClassCurve {
    pub label: String,
    /// From left to right.
    pub points: Vec<(f64, f64)>,
    /// Area under it.
    pub area: f64,
    /// Share of this class among the rows.
    pub prevalence: f64,
}

/// Receiver operating characteristic: one curve for two classes, else one for each class shown. `area` is the headline.
pub fn roc(curves: &[ClassCurve], area: f64, all_classes: usize, rows: u64) -> Chart {
    let title = format!("The model ranks a true case above a false one in {} of 100 pairs", of_hundred(area));
    let summary = match curves {
        [only] => format!(
            "ROC AUC {} for {} on {} test rows; 0.5 is chance, 1 is perfect.",
            number(area),
            quoted(&only.label),
            count(rows)
        ),
        many => {
            let worst = many.iter().min_by(|a, b| a.area.total_cmp(&b.area));
            let worst =
                worst.map_or(String::new(), |w| format!(", lowest for {} at {}", quoted(&w.label), number(w.area)));
            format!(
                "One class against the rest{}: mean ROC AUC {}{worst}, on {} test rows; 0.5 is chance.",
                shown(many.len(), all_classes),
                number(area),
                count(rows)
            )
        }
    };
    let svg = draw(WIDTH, HEIGHT, &title, |canvas| {
        let plot =
            frame(canvas, HEIGHT, Axis::share("False alarms among false cases"), Axis::share("Found among true cases"));
        canvas.line(plot.point(0.0, 0.0), plot.point(1.0, 1.0), Ink::Reference, 1.0);
        if let [only] = curves {
            let mut under: Vec<_> = only.points.iter().map(|p| plot.point(p.0, p.1)).collect();
            under.push(plot.point(1.0, 0.0));
            under.push(plot.point(0.0, 0.0));
            canvas.area(&under, Ink::Solid(0), 0.12);
        }
        for (i, curve) in curves.iter().enumerate() {
            let points: Vec<_> = curve.points.iter().map(|p| plot.point(p.0, p.1)).collect();
            canvas.path(&points, Ink::Series(i as u8), 2.0);
        }
        match curves {
            [_] => {
                let at = plot.point(0.97, 0.16);
                canvas.bold(&format!("AUC {}", number(area)), at, Align::Right, Ink::Text);
                let at = plot.point(0.97, 0.06);
                canvas.text("dashed: chance", at, Align::Right, Ink::Text);
            }
            many => key(canvas, many, plot.right - 6.0, plot.bottom - 10.0, false),
        }
    });
    Chart {
        id: "roc".into(),
        title,
        summary,
        svg,
        table: curve_table(curves, "False positive rate", "True positive rate"),
    }
}

/// Precision over recall.
pub fn precision_recall(curves: &[ClassCurve], all_classes: usize, rows: u64) -> Chart {
    let half = |curve: &ClassCurve| {
        curve
            .points
            .iter()
            .filter(|p| p.0 >= 0.5)
            .map(|p| p.1)
            .next()
            .or(curve.points.last().map(|p| p.1))
            .unwrap_or(0.0)
    };
    let mean = curves.iter().map(|c| c.area).sum::<f64>() / curves.len().max(1) as f64;
    let (title, summary) = match curves {
        [only] => (
            format!("Where half of the true cases are found, {} of 100 alarms are right", of_hundred(half(only))),
            format!(
                "Average precision {} for {} on {} test rows; alarms at random would be right {} of the time.",
                number(only.area),
                quoted(&only.label),
                count(rows),
                percent(only.prevalence)
            ),
        ),
        many => {
            let worst = many.iter().min_by(|a, b| half(a).total_cmp(&half(b)));
            let title = worst.map_or(String::new(), |w| {
                format!(
                    "Hardest to call is {}: where half of its cases are found, {} of 100 alarms are right",
                    quoted(&w.label),
                    of_hundred(half(w))
                )
            });
            let summary = format!(
                "One class against the rest{}: mean average precision {} on {} test rows.",
                shown(many.len(), all_classes),
                number(mean),
                count(rows)
            );
            (title, summary)
        }
    };
    let svg = draw(WIDTH, HEIGHT, &title, |canvas| {
        let plot = frame(
            canvas,
            HEIGHT,
            Axis::share("Found among true cases (recall)"),
            Axis::share("Right among alarms (precision)"),
        );
        if let [only] = curves {
            let at = only.prevalence;
            canvas.line(plot.point(0.0, at), plot.point(1.0, at), Ink::Reference, 1.0);
            let above = if at < 0.85 { -9.0 } else { 9.0 };
            let (x, y) = plot.point(0.02, at);
            canvas.text(&format!("at random {}", percent(at)), (x, y + above), Align::Left, Ink::Text);
        }
        for (i, curve) in curves.iter().enumerate() {
            let points: Vec<_> = curve.points.iter().map(|p| plot.point(p.0, p.1)).collect();
            canvas.path(&points, Ink::Series(i as u8), 2.0);
        }
        match curves {
            [only] => {
                let y = half(only);
                let (px, py) = plot.point(0.5, y);
                canvas.dot((px, py), 5.0, Ink::Surface, 1.0);
                canvas.dot((px, py), 3.5, Ink::Solid(0), 1.0);
                let (dx, align) = if y > 0.5 { (-8.0, Align::Right) } else { (8.0, Align::Left) };
                let dy = if y > 0.5 { 12.0 } else { -12.0 };
                canvas.bold(&format!("{} at half", number(y)), (px + dx, py + dy), align, Ink::Text);
            }
            many => key(canvas, many, plot.left + 8.0, plot.bottom - 10.0, true),
        }
    });
    Chart { id: "pr".into(), title, summary, svg, table: curve_table(curves, "Recall", "Precision") }
}

/// A dash, a label and an area for each curve, stacked upwards from `bottom`, best on top. `x` is the left or right edge.
fn key(canvas: &mut Canvas<'_>, curves: &[ClassCurve], x: f64, bottom: f64, left: bool) {
    let mut order: Vec<usize> = (0..curves.len()).collect();
    order.sort_by(|&a, &b| curves[a].area.total_cmp(&curves[b].area).then(b.cmp(&a)));
    let labels: Vec<String> =
        order.iter().map(|&i| format!("{} {}", fit(&curves[i].label, 110.0), number(curves[i].area))).collect();
    let widest = labels.iter().map(|label| text_width(label)).fold(0.0, f64::max) + 30.0;
    let from = if left { x } else { x - widest };
    let top = bottom - (labels.len() as f64 - 1.0) * 16.0 - 10.0;
    canvas.bar((from - 4.0, top), (from + widest + 2.0, bottom + 8.0), Ink::Surface, 0.8);
    for (row, (&i, label)) in order.iter().zip(&labels).enumerate() {
        let y = bottom - row as f64 * 16.0;
        canvas.line((from, y), (from + 22.0, y), Ink::Series(i as u8), 2.0);
        canvas.text(label, (from + 28.0, y), Align::Left, Ink::Text);
    }
}

fn shown(shown: usize, all: usize) -> String {
    if shown < all { format!(" (the {shown} most frequent of {all})") } else { String::new() }
}

fn curve_table(curves: &[ClassCurve], x: &str, y: &str) -> ChartTable {
    let each = TABLE_ROWS / curves.len().max(1);
    let many = curves.len() > 1;
    let mut columns = vec![x.to_owned(), y.to_owned()];
    if many {
        columns.insert(0, "Class".into());
    }
    let rows = curves.iter().flat_map(|curve| {
        thin(&curve.points, each).into_iter().map(move |(a, b)| {
            let mut row = vec![format!("{a:.4}"), format!("{b:.4}")];
            if many {
                row.insert(0, curve.label.clone());
            }
            row
        })
    });
    ChartTable { columns, rows: rows.collect() }
}

/// At most `most` of the points, evenly along the curve, both ends kept.
pub fn thin(points: &[(f64, f64)], most: usize) -> Vec<(f64, f64)> {
    if points.len() <= most.max(2) {
        return points.to_vec();
    }
    let step = |a: &(f64, f64), b: &(f64, f64)| (b.0 - a.0).abs() + (b.1 - a.1).abs();
    let length: f64 = points.windows(2).map(|w| step(&w[0], &w[1])).sum();
    let stride = length / (most.max(2) - 1) as f64;
    let mut kept = vec![points[0]];
    let (mut walked, mut next) = (0.0, stride);
    for pair in points.windows(2) {
        walked += step(&pair[0], &pair[1]);
        if walked + 1e-12 >= next && kept.len() < most - 1 {
            kept.push(pair[1]);
            next = (walked / stride).floor() * stride + stride;
        }
    }
    if let (Some(last), Some(end)) = (kept.last().copied(), points.last().copied())
        && last != end
    {
        kept.push(end);
    }
    kept
}

/// The mean of a figure of the bins, by their rows.
fn weighed(bins: &[Bin], figure: impl Fn(&Bin) -> f64) -> f64 {
    let total = bins.iter().map(|b| b.rows).sum::<u64>().max(1) as f64;
    bins.iter().map(|b| figure(b) * b.rows as f64).sum::<f64>() / total
}

/// Reliability: predicted against observed. `of` says whose probability it is; `before` is the same before calibration, where
/// there was one.
pub fn calibration(bins: &[Bin], before: Option<&[Bin]>, of: &str, rows: u64) -> Chart {
    let off = |b: &Bin| (b.predicted - b.actual).abs();
    let error = weighed(bins, off);
    let lean = weighed(bins, |b| b.predicted - b.actual);
    let points = |share: f64| format!("{} percentage points", number((share * 100.0).abs()));
    let title = if error < 0.02 {
        format!("Probabilities can be taken at their word: off by {} on average", points(error))
    } else if lean.abs() > error * 0.7 {
        let way = if lean > 0.0 { "high" } else { "low" };
        format!("Probabilities are too {way}, by {} on average", points(lean))
    } else {
        format!("Probabilities are off by {} on average", points(error))
    };
    let worst = bins.iter().max_by(|a, b| (a.predicted - a.actual).abs().total_cmp(&(b.predicted - b.actual).abs()));
    let summary = worst.map_or(String::new(), |w| {
        format!(
            "Predicted against observed share of {of} in {} groups of {} test rows; furthest off where {} was predicted and {} came true.",
            bins.len(),
            count(rows),
            percent(w.predicted),
            percent(w.actual)
        )
    });
    let summary = match before {
        Some(before) => {
            format!("{summary} Before calibration they were off by {} on average.", points(weighed(before, off)))
        }
        None => summary,
    };
    let svg = draw(WIDTH, HEIGHT, &title, |canvas| {
        let plot = frame(canvas, HEIGHT, Axis::share("Predicted probability"), Axis::share("Observed share"));
        canvas.line(plot.point(0.0, 0.0), plot.point(1.0, 1.0), Ink::Reference, 1.0);
        let path = |bins: &[Bin]| bins.iter().map(|b| plot.point(b.predicted, b.actual)).collect::<Vec<_>>();
        if let Some(before) = before {
            canvas.path(&path(before), Ink::Series(1), 1.5);
            for bin in before {
                canvas.dot(plot.point(bin.predicted, bin.actual), 2.5, Ink::Solid(1), 1.0);
            }
        }
        canvas.path(&path(bins), Ink::Series(0), 2.0);
        for bin in bins {
            // 95 % normal interval of the observed share.
            let half = 1.96 * (bin.actual * (1.0 - bin.actual) / bin.rows.max(1) as f64).sqrt();
            let (low, high) = ((bin.actual - half).max(0.0), (bin.actual + half).min(1.0));
            canvas.line(plot.point(bin.predicted, low), plot.point(bin.predicted, high), Ink::Solid(0), 1.0);
            canvas.dot(plot.point(bin.predicted, bin.actual), 3.5, Ink::Solid(0), 1.0);
        }
        canvas.text("straight and dashed: perfect", plot.point(0.97, 0.06), Align::Right, Ink::Text);
        if before.is_some() {
            for (row, (words, series)) in [("before calibration", 1), ("calibrated", 0)].into_iter().enumerate() {
                let (x, y) = plot.point(0.03, 0.96);
                let y = y + row as f64 * 16.0;
                canvas.line((x, y), (x + 22.0, y), Ink::Series(series), 2.0);
                canvas.text(words, (x + 28.0, y), Align::Left, Ink::Text);
            }
        }
    });
    let line = |b: &Bin| vec![format!("{:.4}", b.predicted), format!("{:.4}", b.actual), count(b.rows)];
    let mut table = ChartTable {
        columns: ["Predicted probability", "Observed share", "Rows"].map(String::from).to_vec(),
        rows: bins.iter().take(TABLE_ROWS).map(line).collect(),
    };
    if let Some(before) = before {
        table.columns.push("Calibration".to_owned());
        table.rows.iter_mut().for_each(|row| row.push("after".to_owned()));
        table.rows.extend(before.iter().take(TABLE_ROWS).map(line).map(|mut row| {
            row.push("before".to_owned());
            row
        }));
        table.rows.truncate(TABLE_ROWS);
    }
    Chart { id: "calibration".into(), title, summary, svg, table }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn thinning_keeps_the_ends_and_the_limit() {
        let points: Vec<(f64, f64)> = (0..=5000).map(|i| f64::from(i) / 5000.0).map(|x| (x, x.sqrt())).collect();
        let thinned = thin(&points, 100);
        assert!(thinned.len() <= 100 && thinned.len() > 80, "{}", thinned.len());
        assert_eq!((thinned[0], thinned[thinned.len() - 1]), ((0.0, 0.0), (1.0, 1.0)));
        assert!(thinned.windows(2).all(|w| w[0].0 <= w[1].0));
    }
}
