//! What a threshold does: the measures along it, and the one that was chosen.

use crate::{
    axes::{Axis, WIDTH, frame},
    canvas::{Align, Ink, draw},
    words::{count, number, percent, quoted},
};
use trainyard_types::{
    decision::{ThresholdFigures, ThresholdReport, ThresholdRule},
    evaluation::{Chart, ChartTable},
};

const HEIGHT: f64 = 320.0;
/// Every so many points stand in the table.
const TABLE_STEP: usize = 5;

type Measure = (&'static str, fn(&ThresholdFigures) -> f64);

const PRECISION: Measure = ("precision", |figures| figures.precision);
const RECALL: Measure = ("recall", |figures| figures.recall);

/// What the rule looks at, if it is a measure of its own.
fn own(rule: &ThresholdRule) -> Option<Measure> {
    Some(match rule {
        ThresholdRule::Half | ThresholdRule::F1 => ("F1", |figures| figures.f1),
        ThresholdRule::Accuracy => ("accuracy", |figures| figures.accuracy),
        ThresholdRule::BalancedAccuracy => ("balanced accuracy", |figures| figures.balanced_accuracy),
        ThresholdRule::Youden => ("Youden's J", |figures| figures.recall - figures.false_positive_rate),
        ThresholdRule::Mcc => ("Matthews correlation", |figures| figures.mcc),
        ThresholdRule::Cost { .. } => ("mean cost", |figures| figures.cost.unwrap_or(0.0)),
        ThresholdRule::PrecisionAtRecall { .. } | ThresholdRule::RecallAtPrecision { .. } => return None,
    })
}

/// The measures over thresholds on the test rows, with the chosen threshold.
pub fn threshold(report: &ThresholdReport) -> Chart {
    let points: Vec<ThresholdFigures> = report.test.iter().map(|point| point.figures(&report.rule)).collect();
    let is_cost = matches!(report.rule, ThresholdRule::Cost { .. });
    let measures: Vec<Measure> = if is_cost {
        own(&report.rule).into_iter().collect()
    } else {
        own(&report.rule).into_iter().chain([PRECISION, RECALL]).collect()
    };
    let (name, headline) = own(&report.rule).unwrap_or(match report.rule {
        ThresholdRule::RecallAtPrecision { .. } => RECALL,
        _ => PRECISION,
    });
    let at = |threshold: f64| report.at(threshold).map_or(f64::NAN, |figures| headline(&figures));
    let (chosen, half) = (at(report.threshold), at(0.5));
    let rows = report.test.first().map_or(0, |point| point.rows());
    let title = if report.rule == ThresholdRule::Half {
        format!("Called at one half, {name} is {}", number(chosen))
    } else {
        format!(
            "Called from {} on, {name} is {}; at one half it would be {}",
            percent(report.threshold),
            number(chosen),
            number(half)
        )
    };
    let summary = format!(
        "{} test rows at thresholds from 0 to 1; {} is called from the threshold on.",
        count(rows),
        quoted(&report.positive)
    );
    let svg = draw(WIDTH, HEIGHT, &title, |canvas| {
        let values = || points.iter().flat_map(|figures| measures.iter().map(move |(_, of)| of(figures)));
        let y = if values().all(|value| (0.0..=1.0).contains(&value)) && !is_cost {
            Axis::share("On the test rows")
        } else {
            Axis::covering(values().chain([0.0]), 5, if is_cost { "Mean cost a row" } else { "On the test rows" })
        };
        let plot = frame(canvas, HEIGHT, Axis::share("Threshold"), y);
        for (series, (_, of)) in measures.iter().enumerate() {
            let line: Vec<_> = points.iter().map(|figures| plot.point(figures.point.threshold, of(figures))).collect();
            canvas.path(&line, Ink::Series(series as u8), 2.0);
        }
        let (x, _) = plot.point(report.threshold, 0.0);
        canvas.line((x, plot.top), (x, plot.bottom), Ink::Reference, 1.0);
        canvas.dot(plot.point(report.threshold, chosen), 3.5, Ink::Solid(0), 1.0);
        let left = plot.left + 8.0;
        let top = plot.bottom - 8.0 - 16.0 * measures.len() as f64;
        canvas.bar((left - 4.0, top), (left + 150.0, plot.bottom - 2.0), Ink::Surface, 0.8);
        for (series, (name, _)) in measures.iter().enumerate() {
            let y = top + 10.0 + 16.0 * series as f64;
            canvas.line((left, y), (left + 22.0, y), Ink::Series(series as u8), 2.0);
            canvas.text(name, (left + 28.0, y), Align::Left, Ink::Text);
        }
    });
    let shown = |place: usize, figures: &ThresholdFigures| {
        place.is_multiple_of(TABLE_STEP) || figures.point.threshold == report.threshold
    };
    let mut columns = ["Threshold", "Precision", "Recall", "F1", "Called", "Wrong"].map(String::from).to_vec();
    if is_cost {
        columns.push("Mean cost".to_owned());
    }
    let line = |figures: &ThresholdFigures| {
        let wrong = figures.point.false_positives + figures.point.false_negatives;
        let mut row = vec![
            format!("{:.3}", figures.point.threshold),
            format!("{:.4}", figures.precision),
            format!("{:.4}", figures.recall),
            format!("{:.4}", figures.f1),
            count(figures.point.true_positives + figures.point.false_positives),
            count(wrong),
        ];
        row.extend(figures.cost.map(|cost| format!("{cost:.4}")));
        row
    };
    let rows =
        points.iter().enumerate().filter(|(place, figures)| shown(*place, figures)).map(|(_, figures)| line(figures));
    Chart { id: "threshold".into(), title, summary, svg, table: ChartTable { columns, rows: rows.collect() } }
}

#[cfg(test)]
mod tests {
    use super::*;
    use trainyard_types::decision::ThresholdPoint;

    fn report(rule: ThresholdRule, threshold: f64) -> ThresholdReport {
        let point = |threshold: f64| {
            let missed = (threshold * 40.0) as u64;
            let alarms = ((1.0 - threshold) * (1.0 - threshold) * 60.0) as u64;
            ThresholdPoint {
                threshold,
                true_positives: 40 - missed,
                false_positives: alarms,
                true_negatives: 60 - alarms,
                false_negatives: missed,
            }
        };
        ThresholdReport {
            rule,
            positive: "yes".into(),
            negative: "no".into(),
            threshold,
            sentence: String::new(),
            test: (0..=100).map(|at| point(f64::from(at) / 100.0)).collect(),
        }
    }

    #[test]
    fn says_what_the_threshold_changes() {
        let chart = threshold(&report(ThresholdRule::F1, 0.3));
        // At .3: 28 found, 29 alarms: F1 56/97 = .577. At .5: 20 found, 15 alarms: 40/75 = .533.
        assert_eq!(chart.title, "Called from 30 % on, F1 is 0.577; at one half it would be 0.533");
        assert!(chart.summary.starts_with("100 test rows") && chart.svg.contains("recall"), "{}", chart.summary);
        assert_eq!(chart.table.rows.len(), 21);
        let chart = threshold(&report(ThresholdRule::Half, 0.5));
        assert_eq!(chart.title, "Called at one half, F1 is 0.533");
    }

    #[test]
    fn costs_have_a_curve_of_their_own() {
        let chart = threshold(&report(ThresholdRule::Cost { false_positive: 1.0, false_negative: 5.0 }, 0.2));
        // At .2: 8 missed, 38 alarms: (38 + 40)/100 = .78.
        assert!(chart.title.starts_with("Called from 20 % on, mean cost is 0.780"), "{}", chart.title);
        assert_eq!(chart.table.columns.last().map(String::as_str), Some("Mean cost"));
        assert!(!chart.svg.contains("recall"));
    }
}
