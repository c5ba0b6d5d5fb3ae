//! Charts of what every task has: which columns matter, and whether more rows would help.

use crate::{
    axes::{Axis, WIDTH, frame},
    canvas::{Align, Ink, draw, fit, text_width},
    words::{count, metric, number, percent, quoted},
};
use trainyard_types::{
    evaluation::{Chart, ChartTable, Importance, Verdict},
    run::Family,
};

/// Bars in the drawing; the table has more.
const BARS: usize = 12;

/// Permutation importance, most important first.
pub fn importance(columns: &[Importance], primary: &str, higher_is_better: bool) -> Chart {
    let worsens = if higher_is_better { "lowers" } else { "raises" };
    let title = match columns.first() {
        Some(first) if first.mean > 2.0 * first.std && first.mean > 0.0 => {
            format!(
                "{} matters most: shuffling it {worsens} {} by {}",
                quoted(&first.column),
                metric(primary),
                number(first.mean)
            )
        }
        _ => "No single column carries the model".to_owned(),
    };
    let total: f64 = columns.iter().map(|c| c.mean.max(0.0)).sum();
    let idle = columns.iter().filter(|c| c.mean <= 2.0 * c.std).count();
    let top: f64 = columns.iter().take(3).map(|c| c.mean.max(0.0)).sum();
    let mut summary = format!(
        "How much {} worsens on the validation rows when one column is shuffled{}",
        metric(primary),
        if total > 0.0 && columns.len() > 3 {
            format!("; the first three columns make up {} of it", percent(top / total))
        } else {
            String::new()
        }
    );
    if idle > 0 {
        summary.push_str(&format!(
            "; {} of {} columns {} no clear difference",
            count(idle as u64),
            count(columns.len() as u64),
            if idle == 1 { "makes" } else { "make" }
        ));
    }
    summary.push('.');
    let shown = &columns[..columns.len().min(BARS)];
    let height = shown.len() as f64 * 24.0 + 56.0;
    let svg = draw(WIDTH, height, &title, |canvas| {
        let labels = shown.iter().map(|c| text_width(&c.column)).fold(0.0, f64::max).min(140.0);
        let (left, right, bottom) = (labels + 10.0, WIDTH - 52.0, height - 48.0);
        let reach = shown.iter().flat_map(|c| [c.mean + c.std, c.mean - c.std]);
        let (low, high) = reach.fold((0.0, 0.0), |(l, h): (f64, f64), v| (l.min(v), h.max(v)));
        // Noise below zero gets no ticks of its own.
        let axis = Axis::covering([if -low < high * 0.1 { 0.0 } else { low }, high], 4, "");
        let at = |value: f64| left + (right - left) * (value - axis.low) / (axis.high - axis.low);
        let room = (right - left) / (axis.ticks.len().max(2) - 1) as f64;
        let widest = axis.ticks.iter().map(|t| text_width(&t.1)).fold(0.0, f64::max) + 8.0;
        let every = (widest / room).ceil().max(1.0) as usize;
        for (i, (value, label)) in axis.ticks.iter().enumerate() {
            canvas.line((at(*value), 4.0), (at(*value), bottom), Ink::Grid, 1.0);
            if i % every == 0 {
                canvas.text(label, (at(*value), bottom + 14.0), Align::Centre, Ink::Text);
            }
        }
        for (i, column) in shown.iter().enumerate() {
            let y = 16.0 + i as f64 * 24.0;
            canvas.text(&fit(&column.column, labels + 2.0), (left - 8.0, y), Align::Right, Ink::Text);
            canvas.bar((at(0.0), y - 7.0), (at(column.mean.max(axis.low)), y + 7.0), Ink::Solid(0), 0.75);
            let (low, high) =
                (at((column.mean - column.std).max(axis.low)), at((column.mean + column.std).max(axis.low)));
            canvas.line((low, y), (high, y), Ink::Text, 1.0);
            canvas.text(&number(column.mean), (high.max(at(0.0)) + 5.0, y), Align::Left, Ink::Text);
        }
        canvas.line((at(0.0), 4.0), (at(0.0), bottom), Ink::Axis, 1.0);
        let caption = format!("Shuffling the column {worsens} {} by", metric(primary));
        canvas.text(&caption, (WIDTH / 2.0, height - 10.0), Align::Centre, Ink::Text);
    });
    let table = ChartTable {
        columns: ["Column", "Mean worsening", "Standard deviation"].map(String::from).to_vec(),
        rows: columns.iter().take(200).map(|c| vec![c.column.clone(), number(c.mean), number(c.std)]).collect(),
    };
    Chart { id: "importance".into(), title, summary, svg, table }
}

/// The score of fits of `of` on validation by share of the train rows, with the baselines as references.
pub fn learning_curve(verdict: &Verdict, higher_is_better: bool, of: Family) -> Chart {
    let points = &verdict.learning_curve;
    let name = metric(&verdict.metric);
    let (before, last) = match points.as_slice() {
        [.., before, last] => (before.valid, last.valid),
        _ => (f64::NAN, f64::NAN),
    };
    let gain = if higher_is_better { last - before } else { before - last };
    let improved = if higher_is_better { "raised" } else { "lowered" };
    // What there is to gain: from the dummy to the best so far.
    let scale = (last - verdict.dummy).abs().max(f64::MIN_POSITIVE);
    let title = if !gain.is_finite() {
        "Too few rows for a learning curve".to_owned()
    } else if gain <= 0.0 {
        format!("The last doubling of rows did not improve {name}")
    } else if gain / scale < 0.01 {
        format!("More rows would hardly help: the last doubling {improved} {name} by {}", number(gain))
    } else if gain / scale < 0.05 {
        format!("More rows would help a little: the last doubling {improved} {name} by {}", number(gain))
    } else {
        format!("More rows would still help: the last doubling {improved} {name} by {}", number(gain))
    };
    let summary = match (points.first(), points.last()) {
        (Some(first), Some(last)) => format!(
            "{} of {} on the validation rows: {} from {} train rows, {} from {}; a linear model reaches {}, a guess without columns {}.",
            capital(name),
            family(of),
            number(first.valid),
            count(first.rows),
            number(last.valid),
            count(last.rows),
            number(verdict.linear),
            number(verdict.dummy)
        ),
        _ => String::new(),
    };
    let height = 280.0;
    let svg = draw(WIDTH, height, &title, |canvas| {
        // A dummy far below would press the curve flat: it is drawn only where it takes at most three quarters of the height.
        let inner = || points.iter().map(|p| p.valid).chain([verdict.linear]).filter(|v| v.is_finite());
        let (low, high) = inner().fold((f64::INFINITY, f64::NEG_INFINITY), |(l, h), v| (l.min(v), h.max(v)));
        let with_dummy = verdict.dummy.is_finite() && {
            let all = low.min(verdict.dummy)..=high.max(verdict.dummy);
            (high - low) >= 0.25 * (all.end() - all.start())
        };
        let y = Axis::covering(inner().chain(with_dummy.then_some(verdict.dummy)), 5, capital(name));
        let x = Axis::covering(points.iter().map(|p| p.rows as f64).chain([0.0]), 5, "Train rows");
        let plot = frame(canvas, height, x, y);
        let mut references = vec![("linear", verdict.linear)];
        if with_dummy {
            references.push(("no columns", verdict.dummy));
        }
        for (label, value) in references {
            if value.is_finite() {
                let at = plot.y.at(value);
                canvas.line((plot.left, at), (plot.right, at), Ink::Reference, 1.0);
                let above = if at - plot.top < 16.0 { 9.0 } else { -9.0 };
                canvas.text(label, (plot.left + 6.0, at + above), Align::Left, Ink::Text);
            }
        }
        let line: Vec<_> = points.iter().map(|p| plot.point(p.rows as f64, p.valid)).collect();
        canvas.path(&line, Ink::Series(0), 2.0);
        for (point, &(x, y)) in points.iter().zip(&line) {
            canvas.dot((x, y), 4.0, Ink::Solid(0), 1.0);
            let label = number(point.valid);
            let edge = plot.right - text_width(&label) / 2.0;
            let below = if y - plot.top < 20.0 { 14.0 } else { -13.0 };
            canvas.bold(&label, (x.min(edge), y + below), Align::Centre, Ink::Text);
        }
    });
    let table = ChartTable {
        columns: vec!["Share of the train rows".into(), "Rows".into(), format!("{} on validation", capital(name))],
        rows: points.iter().map(|p| vec![percent(p.share), count(p.rows), number(p.valid)]).collect(),
    };
    Chart { id: "learning_curve".into(), title, summary, svg, table }
}

fn family(family: Family) -> &'static str {
    match family {
        Family::Linear => "a linear model",
        Family::RealMlp => "RealMLP",
        Family::TabM => "TabM",
        Family::FtTransformer => "FT-Transformer",
        Family::Trees => "gradient-boosted trees",
        Family::Boosting => "leaf-wise boosted trees",
        Family::Forest => "a random forest",
        Family::Blend => "the blend",
        Family::Auto => "the model",
    }
}

fn capital(text: &str) -> String {
    let mut characters = text.chars();
    characters.next().map_or(String::new(), |first| first.to_uppercase().chain(characters).collect())
}
