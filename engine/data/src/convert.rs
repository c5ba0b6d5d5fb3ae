//! Cells as text into typed arrays. What can't be read as the type is listed, not guessed.

use crate::{
    block::{Block, Cells},
    cell::{self, Missing},
    digits::Short,
    limits::{MAX_BAD_ROWS_LISTED, MAX_FIELD_BYTES},
    normal, words,
};
use arrow_array::{
    ArrayRef,
    builder::{BooleanBuilder, Float64Builder, Int64Builder, StringBuilder, TimestampMillisecondBuilder},
};
use arrow_schema::{DataType, TimeUnit};
use std::sync::Arc;
use trainyard_types::dataset::{ColumnType, FileFormat, ReadOptions};

/// What reading a value depends on, besides its type.
#[derive(Clone, Debug)]
pub(crate) struct Reading {
    pub missing: Missing,
    /// `1,5` is a number too. So it is in files that separate by semicolon, where a comma can hardly be anything else.
    pub decimal_comma: bool,
}

impl Reading {
    pub(crate) fn new(options: &ReadOptions) -> Self {
        Self {
            missing: Missing::new(&options.missing),
            decimal_comma: options.format == FileFormat::Csv && options.delimiter == ';',
        }
    }
}

/// A column of a block.
#[derive(Debug)]
pub(crate) struct Converted {
    /// As long as the block, with null where missing or bad; of type [`arrow_type`].
    pub array: ArrayRef,
    /// Rows of the block, in order, whose value can't be read.
    pub bad: Vec<u32>,
    /// The values of the first of them, at most 80 characters each.
    pub bad_values: Vec<String>,
}

/// The Arrow type that stores a column type.
pub fn arrow_type(kind: ColumnType) -> DataType {
    match kind {
        ColumnType::Integer => DataType::Int64,
        ColumnType::Float => DataType::Float64,
        ColumnType::Boolean => DataType::Boolean,
        ColumnType::Text => DataType::Utf8,
        ColumnType::Datetime => DataType::Timestamp(TimeUnit::Millisecond, Some("UTC".into())),
    }
}

/// Reads a column of the block as the type.
pub(crate) fn column(block: &Block, column: usize, kind: ColumnType, reading: &Reading) -> Converted {
    match &block.cells {
        Cells::Text(cells) => {
            let short = |row| cells.short(row, column);
            parse_short(block.rows, short, |row| cells.get(row, column), kind, reading)
        }
        Cells::Arrow(arrays) => normal::column(&arrays[column], kind, reading),
    }
}

/// Reads trimmed texts, of which the empty one is missing, as the type. Infinite numbers are missing.
pub(crate) fn parse<'a>(rows: usize, get: impl Fn(usize) -> &'a str, kind: ColumnType, reading: &Reading) -> Converted {
    parse_short(rows, |_| None, get, kind, reading)
}

/// As [`parse`], with `short` where it knows the number.
fn parse_short<'a>(
    rows: usize,
    short: impl Fn(usize) -> Option<Short>,
    get: impl Fn(usize) -> &'a str,
    kind: ColumnType,
    reading: &Reading,
) -> Converted {
    let mut bad = Bad::default();
    let short = |row| if reading.missing.no_numbers() { short(row) } else { None };
    macro_rules! build {
        ($builder:expr, $short:expr, $read:expr) => {{
            let mut builder = $builder;
            for row in 0..rows {
                if let Some(value) = $short(row) {
                    builder.append_value(value);
                    continue;
                }
                let text = get(row);
                if reading.missing.is(text) {
                    builder.append_null();
                    continue;
                }
                match $read(text) {
                    Some(value) => builder.append_option(value),
                    None => {
                        builder.append_null();
                        bad.add(row, text);
                    }
                }
            }
            Arc::new(builder.finish()) as ArrayRef
        }};
    }
    let array = match kind {
        ColumnType::Integer => {
            let short = |row| short(row).and_then(Short::integer);
            build!(Int64Builder::with_capacity(rows), short, |text| cell::integer(text).map(Some))
        }
        ColumnType::Float => {
            // Minus zero is zero: the two would count as different values.
            let short = |row| short(row).map(|number| number.float() + 0.0);
            build!(Float64Builder::with_capacity(rows), short, |text| {
                cell::float(text, reading.decimal_comma).map(|value| value.is_finite().then_some(value + 0.0))
            })
        }
        ColumnType::Boolean => {
            build!(BooleanBuilder::with_capacity(rows), |_| None, |text| cell::boolean(text).map(Some))
        }
        ColumnType::Datetime => {
            let builder = TimestampMillisecondBuilder::with_capacity(rows).with_timezone("UTC");
            build!(builder, |_| None, |text| cell::datetime(text).map(Some))
        }
        ColumnType::Text => {
            let mut builder = StringBuilder::with_capacity(rows, rows * 8);
            for row in 0..rows {
                let text = get(row);
                if reading.missing.is(text) {
                    builder.append_null();
                } else if text.len() > MAX_FIELD_BYTES {
                    // Text files stop earlier; this is for the others.
                    builder.append_null();
                    bad.add(row, text);
                } else {
                    builder.append_value(text);
                }
            }
            Arc::new(builder.finish())
        }
    };
    Converted { array, bad: bad.rows, bad_values: bad.values }
}

/// Collects the rows at fault.
#[derive(Default)]
pub(crate) struct Bad {
    pub rows: Vec<u32>,
    pub values: Vec<String>,
}

impl Bad {
    pub(crate) fn add(&mut self, row: usize, text: &str) {
        if self.rows.len() < MAX_BAD_ROWS_LISTED {
            self.values.push(words::clip(text));
        }
        self.rows.push(row as u32);
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::digits;
    use arrow_array::{Array, cast::AsArray, types::*};

    fn reading() -> Reading {
        Reading { missing: Missing::new(&["NA".into()]), decimal_comma: false }
    }

    #[test]
    fn each_type_reads_its_texts_and_lists_the_others() {
        let texts = ["1", "NA", "x", "", "-7"];
        let got = parse(5, |row| texts[row], ColumnType::Integer, &reading());
        let array = got.array.as_primitive::<Int64Type>();
        assert_eq!(array.iter().collect::<Vec<_>>(), [Some(1), None, None, None, Some(-7)]);
        assert_eq!((got.bad, got.bad_values), (vec![2], vec!["x".to_owned()]));

        let texts = ["1.5", "inf", "-0", "1,5"];
        let got = parse(4, |row| texts[row], ColumnType::Float, &reading());
        let array = got.array.as_primitive::<Float64Type>();
        assert_eq!(array.iter().take(3).collect::<Vec<_>>(), [Some(1.5), None, Some(0.0)]);
        assert!(array.value(2).is_sign_positive());
        assert_eq!(got.bad, [3]);

        // Short numbers, but for those that mean "missing".
        let texts = ["7", "-0.50", "-9", "1.5"];
        let text = "........7,-0.50,-9,1.5";
        let at = [(8, 9), (10, 15), (16, 18), (19, 22)];
        let short = |row: usize| digits::short(text.as_bytes(), at[row].0, at[row].1);
        for (missing, third) in [("NA", Some(-9.0)), ("-9", None)] {
            let reading = Reading { missing: Missing::new(&[missing.into()]), decimal_comma: false };
            let got = parse_short(4, short, |row| texts[row], ColumnType::Float, &reading);
            assert_eq!(
                got.array.as_primitive::<Float64Type>().iter().collect::<Vec<_>>(),
                [Some(7.0), Some(-0.5), third, Some(1.5)]
            );
            assert_eq!(parse_short(4, short, |row| texts[row], ColumnType::Integer, &reading).bad, [1, 3]);
        }

        let texts = ["true", "no"];
        assert_eq!(parse(2, |row| texts[row], ColumnType::Boolean, &reading()).bad, [1]);
        let texts = ["2024-01-01", "01.01.2024"];
        let got = parse(2, |row| texts[row], ColumnType::Datetime, &reading());
        assert_eq!(got.bad, [1]);
        assert_eq!(*got.array.data_type(), arrow_type(ColumnType::Datetime));
    }
}
