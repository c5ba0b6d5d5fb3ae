//! Arrow arrays of any type that a table takes into the five types it has, and arrays as text.

use crate::{
    cell,
    convert::{Bad, Converted, Reading, arrow_type, parse},
    parquet_source::kind_of,
};
use arrow_array::{
    Array, ArrayRef, Float64Array, StringArray, TimestampMillisecondArray,
    builder::StringBuilder,
    cast::AsArray,
    types::{
        Date32Type, Date64Type, Float64Type, Int64Type, TimestampMicrosecondType, TimestampMillisecondType,
        TimestampNanosecondType, TimestampSecondType,
    },
};
use arrow_cast::cast;
use arrow_schema::{ArrowError, DataType, TimeUnit};
use std::sync::Arc;
use trainyard_types::dataset::ColumnType;

/// Reads an array as the type. Values that do not fit are bad.
pub(crate) fn column(array: &ArrayRef, kind: ColumnType, reading: &Reading) -> Converted {
    same_kind(array, kind, reading).unwrap_or_else(|_| {
        // A cast that Arrow does not know at all makes every value bad.
        let mut bad = Bad::default();
        (0..array.len()).filter(|&row| array.is_valid(row)).for_each(|row| bad.add(row, ""));
        Converted {
            array: arrow_array::new_null_array(&arrow_type(kind), array.len()),
            bad: bad.rows,
            bad_values: bad.values,
        }
    })
}

fn same_kind(array: &ArrayRef, kind: ColumnType, reading: &Reading) -> Result<Converted, ArrowError> {
    let plain = match array.data_type() {
        DataType::Dictionary(_, values) => cast(array, values)?,
        _ => array.clone(),
    };
    let own = kind_of(plain.data_type());
    let array: ArrayRef = match (own, kind) {
        (Some(ColumnType::Float), ColumnType::Float) => finite(&plain)?,
        (Some(ColumnType::Integer), ColumnType::Float) => cast(&plain, &DataType::Float64)?,
        (Some(ColumnType::Datetime), ColumnType::Datetime) => Arc::new(millis(&plain)?),
        (Some(own), wanted) if own == wanted && wanted != ColumnType::Text => cast(&plain, &arrow_type(wanted))?,
        _ => {
            let texts = texts(&plain)?;
            let get = |row: usize| if texts.is_valid(row) { texts.value(row).trim() } else { "" };
            return Ok(parse(plain.len(), get, kind, reading));
        }
    };
    let mut bad = Bad::default();
    // Infinite and not-a-number floats are missing; elsewhere a null that was none before is a value that did not fit.
    if array.null_count() > plain.null_count() && own != Some(ColumnType::Float) {
        let texts = texts(&plain)?;
        (0..array.len())
            .filter(|&row| array.is_null(row) && plain.is_valid(row))
            .for_each(|row| bad.add(row, if texts.is_valid(row) { texts.value(row) } else { "" }));
    }
    Ok(Converted { array, bad: bad.rows, bad_values: bad.values })
}

/// 64-bit floats, with null for what is not finite.
fn finite(array: &ArrayRef) -> Result<ArrayRef, ArrowError> {
    let array = cast(array, &DataType::Float64)?;
    let floats = array.as_primitive::<Float64Type>();
    if floats.values().iter().all(|value| value.is_finite() && (*value != 0.0 || value.is_sign_positive())) {
        return Ok(array);
    }
    let cleaned: Float64Array =
        floats.iter().map(|value| value.filter(|value| value.is_finite()).map(|value| value + 0.0)).collect();
    Ok(Arc::new(cleaned))
}

/// Dates and instants of any unit as milliseconds, rounded down.
fn millis(array: &ArrayRef) -> Result<TimestampMillisecondArray, ArrowError> {
    let values: TimestampMillisecondArray = match array.data_type() {
        DataType::Date32 => array.as_primitive::<Date32Type>().unary(|days| i64::from(days) * 86_400_000),
        DataType::Date64 => array.as_primitive::<Date64Type>().unary(|millis| millis),
        DataType::Timestamp(TimeUnit::Second, _) => {
            array.as_primitive::<TimestampSecondType>().unary_opt(|seconds| seconds.checked_mul(1000))
        }
        DataType::Timestamp(TimeUnit::Millisecond, _) => {
            array.as_primitive::<TimestampMillisecondType>().unary(|millis| millis)
        }
        DataType::Timestamp(TimeUnit::Microsecond, _) => {
            array.as_primitive::<TimestampMicrosecondType>().unary(|micros| micros.div_euclid(1000))
        }
        DataType::Timestamp(TimeUnit::Nanosecond, _) => {
            array.as_primitive::<TimestampNanosecondType>().unary(|nanos| nanos.div_euclid(1_000_000))
        }
        other => return Err(ArrowError::CastError(format!("{other} is no time"))),
    };
    Ok(values.with_timezone("UTC"))
}

/// The values as text, as a page or a correction of the type sees them.
pub(crate) fn texts(array: &ArrayRef) -> Result<StringArray, ArrowError> {
    match array.data_type() {
        DataType::Utf8 => Ok(array.as_string::<i32>().clone()),
        DataType::Date32 | DataType::Date64 | DataType::Timestamp(_, _) => {
            let times = millis(array)?;
            let date_only = times.iter().flatten().all(|millis| millis.rem_euclid(86_400_000) == 0);
            Ok(times.iter().map(|millis| millis.map(|millis| cell::show_datetime(millis, date_only))).collect())
        }
        DataType::Float16 | DataType::Float32 | DataType::Float64 => {
            let floats = cast(array, &DataType::Float64)?;
            let mut builder = StringBuilder::with_capacity(array.len(), array.len() * 8);
            for value in floats.as_primitive::<Float64Type>() {
                builder.append_option(value.filter(|value| value.is_finite()).map(cell::show_float));
            }
            Ok(builder.finish())
        }
        DataType::Int64 => {
            Ok(array.as_primitive::<Int64Type>().iter().map(|value| value.map(|value| value.to_string())).collect())
        }
        DataType::Dictionary(_, values) => texts(&cast(array, values)?),
        DataType::Null => Ok(StringArray::new_null(array.len())),
        _ => Ok(cast(array, &DataType::Utf8)?.as_string::<i32>().clone()),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::cell::Missing;
    use arrow_array::{
        Date32Array, Decimal128Array, DictionaryArray, Int32Array, LargeStringArray, UInt64Array, types::Int8Type,
    };

    fn read(array: impl Array + 'static, kind: ColumnType) -> (Vec<Option<String>>, Vec<u32>) {
        let reading = Reading { missing: Missing::new(&[]), decimal_comma: false };
        let got = column(&(Arc::new(array) as ArrayRef), kind, &reading);
        assert_eq!(*got.array.data_type(), arrow_type(kind));
        (texts(&got.array).unwrap().iter().map(|t| t.map(str::to_owned)).collect(), got.bad)
    }
    fn some(texts: &[&str]) -> Vec<Option<String>> {
        texts.iter().map(|text| (!text.is_empty()).then(|| (*text).to_owned())).collect()
    }

    #[test]
    fn foreign_types_become_ours() {
        let decimals = Decimal128Array::from(vec![Some(12_345), None]).with_precision_and_scale(10, 2).unwrap();
        assert_eq!(kind_of(decimals.data_type()), Some(ColumnType::Float));
        assert_eq!(read(decimals, ColumnType::Float), (some(&["123.45", ""]), vec![]));
        assert_eq!(
            read(Date32Array::from(vec![0, 19_782]), ColumnType::Datetime),
            (some(&["1970-01-01", "2024-02-29"]), vec![])
        );
        assert_eq!(read(UInt64Array::from(vec![7, u64::MAX]), ColumnType::Integer), (some(&["7", ""]), vec![1]));
        assert_eq!(
            read(LargeStringArray::from(vec![" a ", "", "b"]), ColumnType::Text),
            (some(&["a", "", "b"]), vec![])
        );
        let dictionary: DictionaryArray<Int8Type> = vec!["x", "y", "x"].into_iter().collect();
        assert_eq!(read(dictionary, ColumnType::Text), (some(&["x", "y", "x"]), vec![]));
        let nanos =
            arrow_array::TimestampNanosecondArray::from(vec![1_349_168_400_000_000_000]).with_timezone("+02:00");
        assert_eq!(read(nanos, ColumnType::Datetime), (some(&["2012-10-02 09:00:00"]), vec![]));
        assert_eq!(
            read(Float64Array::from(vec![1.0, f64::NAN, f64::INFINITY]), ColumnType::Float),
            (some(&["1", "", ""]), vec![])
        );
    }

    #[test]
    fn another_type_may_be_asked_for() {
        assert_eq!(read(StringArray::from(vec!["1", "x"]), ColumnType::Integer), (some(&["1", ""]), vec![1]));
        assert_eq!(read(Int32Array::from(vec![1, 2]), ColumnType::Text), (some(&["1", "2"]), vec![]));
        assert_eq!(read(Int32Array::from(vec![1, 2]), ColumnType::Float), (some(&["1", "2"]), vec![]));
    }
}
