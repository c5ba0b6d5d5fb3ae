//! Small drawings of columns: bars as SVG text, in the theme's colours.

use crate::format::{self, count, date, percent, plain};
use std::fmt::Write;
use trainyard_types::{
    Timestamp,
    dataset::{ColumnProfile, ColumnType, NumericProfile},
};

/// A numeric value of a column as a page shows it; datetimes as dates.
pub fn value(kind: ColumnType, value: f64) -> String {
    if kind == ColumnType::Datetime {
        return date(Timestamp(value as i64));
    }
    plain(value)
}

/// The mean of a column as a page shows it.
pub fn mean(kind: ColumnType, numeric: &NumericProfile) -> String {
    if kind == ColumnType::Datetime { value(kind, numeric.mean) } else { format::mean(numeric.mean, numeric.std) }
}

/// Bars for the column's histogram or its most frequent values; the sentence for those who can't see it.
/// `None` where there is nothing to draw.
pub fn mini(column: &ColumnProfile) -> Option<(String, String)> {
    let (heights, words) = match &column.numeric {
        Some(numeric) if numeric.histogram.len() > 1 => {
            (numeric.histogram.clone(), histogram_words(column.kind, numeric))
        }
        _ if !column.top.is_empty() => (column.top.iter().take(12).map(|t| t.count).collect(), top_words(column)),
        _ => return None,
    };
    Some((bars(&heights, 96.0, 24.0, 1.0), words))
}

/// Vertical bars over a base line. The tallest reaches the top; what is not zero is at least one unit high.
pub fn bars(heights: &[u64], width: f64, height: f64, gap: f64) -> String {
    let most = heights.iter().copied().max().unwrap_or(0).max(1) as f64;
    // Few bars stay narrow: a column with two values should not look like a wall.
    let slots = heights.len().max(8) as f64;
    let slot = width / slots;
    let mut out = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {width} {height}\" class=\"bars\" aria-hidden=\"true\" preserveAspectRatio=\"none\">"
    );
    for (i, bar) in heights.iter().enumerate() {
        if *bar == 0 {
            continue;
        }
        let tall = (*bar as f64 / most * (height - 1.0)).max(1.0);
        let _ = write!(
            out,
            "<rect x=\"{:.2}\" y=\"{:.2}\" width=\"{:.2}\" height=\"{tall:.2}\"/>",
            i as f64 * slot,
            height - 1.0 - tall,
            (slot - gap).max(0.5)
        );
    }
    let _ = write!(out, "<line x1=\"0\" x2=\"{width}\" y1=\"{0}\" y2=\"{0}\"/></svg>", height - 0.5);
    out
}

fn histogram_words(kind: ColumnType, numeric: &NumericProfile) -> String {
    let fullest = numeric.histogram.iter().enumerate().max_by_key(|(_, n)| **n).map_or(0, |(i, _)| i);
    let step = (numeric.max - numeric.min) / numeric.histogram.len() as f64;
    let from = numeric.min + step * fullest as f64;
    format!(
        "Histogram from {} to {}; most values lie between {} and {}.",
        value(kind, numeric.min),
        value(kind, numeric.max),
        value(kind, from),
        value(kind, from + step)
    )
}

fn top_words(column: &ColumnProfile) -> String {
    column.top.first().map_or(String::new(), |top| format!("Most frequent: {}, {} times.", top.value, count(top.count)))
}

/// The share of rows that a count is, in words.
pub fn share(part: u64, all: u64) -> String {
    if all == 0 { percent(0.0) } else { percent(part as f64 / all as f64) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn empty_bins_draw_nothing_and_rare_ones_can_be_seen() {
        let svg = bars(&[0, 1, 1_000_000], 96.0, 24.0, 1.0);
        assert_eq!(svg.matches("<rect").count(), 2);
        assert!(svg.contains("height=\"1.00\"") && !svg.contains("style"));
    }

    #[test]
    fn dates_are_dates() {
        assert_eq!(value(ColumnType::Datetime, 951_827_696_000.0), "2000-02-29");
        assert_eq!(value(ColumnType::Integer, 1234.0), "1,234");
    }
}
