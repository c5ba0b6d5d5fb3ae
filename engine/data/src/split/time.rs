//! In order of time: parts that follow each other, expanding windows, and gaps.

use super::{Part, sizes};
use crate::words;
use trainyard_infer::frame::{Column, Values};
use trainyard_types::{
    Problem,
    dataset::ColumnType,
    split::{Gap, SplitSpec},
};

/// The rows in order of time; those without one are left out.
pub(super) struct Order<'a> {
    pub rows: Vec<u32>,
    times: &'a [f64],
    /// What has to lie between two parts.
    gap: Option<Gap>,
}

impl<'a> Order<'a> {
    /// # Errors
    /// The column is text, or the gap is a duration and the column holds no dates.
    pub fn of(rows: &[u32], column: &'a Column, gap: Option<Gap>) -> Result<Self, Problem> {
        let name = words::clip(&column.name);
        let Values::Numbers(times) = &column.values else {
            return Err(Problem::field(
                "split",
                format!(
                    "`{name}` is text, which has no order in time. Choose a date, a time or a number, or import the file again with \
                     that column as a date."
                ),
            ));
        };
        match gap {
            Some(Gap::Seconds(_)) if column.kind != ColumnType::Datetime => {
                return Err(Problem::field(
                    "gap",
                    format!(
                        "`{name}` holds numbers, not dates, so that the gap can't be a duration. Give it as a number of rows."
                    ),
                ));
            }
            Some(Gap::Seconds(seconds)) if !seconds.is_finite() || seconds < 0.0 => {
                return Err(Problem::field("gap", "A gap is a duration of 0 or more. Use one such as 12h or 7d."));
            }
            _ => {}
        }
        let mut rows: Vec<u32> = rows.iter().copied().filter(|&row| times[row as usize].is_finite()).collect();
        rows.sort_by(|&a, &b| times[a as usize].total_cmp(&times[b as usize]));
        Ok(Self { rows, times, gap })
    }

    /// The place nearest to `at` where the time changes.
    pub fn cut(&self, at: usize) -> usize {
        let n = self.rows.len();
        let changes = |i: usize| i == 0 || i == n || self.time(i - 1) != self.time(i);
        (0..=n)
            .flat_map(|distance| [at.checked_sub(distance), Some(at + distance).filter(|&i| i <= n)])
            .flatten()
            .find(|&i| changes(i))
            .unwrap_or(at)
    }

    /// Where the rows before a part that begins at `start` have to end, for the gap to lie between.
    pub fn end_before(&self, start: usize) -> usize {
        match self.gap {
            _ if start >= self.rows.len() => start,
            None => start,
            Some(Gap::Rows(rows)) => start.saturating_sub(usize::try_from(rows).unwrap_or(usize::MAX)),
            Some(Gap::Seconds(seconds)) => {
                let last = self.time(start) - seconds * 1000.0;
                self.rows[..start].partition_point(|&row| self.times[row as usize] <= last)
            }
        }
    }

    fn time(&self, i: usize) -> f64 {
        self.times[self.rows[i] as usize]
    }
}

/// The oldest rows train, the newest test.
pub(super) fn parts(
    rows: &[u32],
    spec: &SplitSpec,
    column: &Column,
    parts: &mut [Option<Part>],
) -> Result<(), Problem> {
    let order = Order::of(rows, column, spec.gap)?;
    let n = order.rows.len();
    let (valid, test) = sizes(n, spec);
    let test_from = if spec.test == 0.0 { n } else { order.cut(n.saturating_sub(test)) };
    let valid_from = order.cut(n.saturating_sub(test + valid)).min(test_from);
    let (train_end, valid_end) = (order.end_before(valid_from), order.end_before(test_from).max(valid_from));
    for (i, &row) in order.rows.iter().enumerate() {
        parts[row as usize] = match i {
            i if i >= test_from => Some(Part::Test),
            i if i >= valid_from => (i < valid_end).then_some(Part::Valid),
            i => (i < train_end).then_some(Part::Train),
        };
    }
    Ok(())
}
