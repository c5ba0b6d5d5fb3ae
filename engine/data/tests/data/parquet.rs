//! Parquet from elsewhere.

use crate::{Folder, take_in, try_in};
use arrow_array::{
    ArrayRef, BinaryArray, BooleanArray, Date32Array, Decimal128Array, DictionaryArray, Float32Array, Int8Array,
    Int64Array, LargeStringArray, ListArray, RecordBatch, StringArray, TimestampMicrosecondArray, UInt64Array,
    types::{Int32Type, Int64Type},
};
use parquet::arrow::ArrowWriter;
use std::{fs::File, path::Path, sync::Arc};
use trainyard_data::{Memory, inspect, profile, rows};
use trainyard_types::dataset::{BadRows, ColumnType};

fn write(path: &Path, columns: Vec<(&str, ArrayRef)>) {
    let batch =
        RecordBatch::try_from_iter_with_nullable(columns.into_iter().map(|(name, array)| (name, array, true))).unwrap();
    let mut writer = ArrowWriter::try_new(File::create(path).unwrap(), batch.schema(), None).unwrap();
    writer.write(&batch).unwrap();
    writer.close().unwrap();
}

fn list() -> ArrayRef {
    Arc::new(ListArray::from_iter_primitive::<Int32Type, _, _>([Some(vec![Some(1)]), None, Some(vec![])]))
}

#[test]
fn foreign_types_are_read_and_lists_left_out() {
    let folder = Folder::new();
    let path = folder.path("a.parquet");
    let dictionary: DictionaryArray<Int32Type> = vec![Some("x"), None, Some("x")].into_iter().collect();
    let decimals = Decimal128Array::from(vec![Some(150), None, Some(-225)]).with_precision_and_scale(9, 2).unwrap();
    write(
        &path,
        vec![
            ("small", Arc::new(Int8Array::from(vec![1, 2, 3]))),
            ("tags", list()),
            ("money", Arc::new(decimals)),
            ("day", Arc::new(Date32Array::from(vec![Some(19_782), None, Some(0)]))),
            ("time", Arc::new(TimestampMicrosecondArray::from(vec![1_500_000, 0, -1]).with_timezone("Europe/Berlin"))),
            ("kind", Arc::new(dictionary)),
            ("long", Arc::new(LargeStringArray::from(vec!["ä", "", "c"]))),
            ("float", Arc::new(Float32Array::from(vec![0.5, f32::NAN, 2.0]))),
            ("flag", Arc::new(BooleanArray::from(vec![Some(true), None, Some(false)]))),
            ("raw", Arc::new(BinaryArray::from(vec![&b"x"[..], b"y", b"z"]))),
        ],
    );
    let found = inspect(&path, "a.parquet").unwrap();
    use ColumnType::*;
    let kinds: Vec<ColumnType> = found.options.columns.iter().map(|column| column.kind).collect();
    assert_eq!(kinds, [Integer, Float, Datetime, Datetime, Text, Text, Float, Boolean]);
    assert!(
        found.notes.iter().any(|note| note.contains("tags (a list)") && note.contains("raw (binary)")),
        "{:?}",
        found.notes
    );
    let dest = folder.path("t.parquet");
    let (_, ingested) = take_in(&path, &dest);
    assert_eq!(ingested.rows, 3);
    let page = rows(&dest, 0, 3).unwrap();
    let show = |row: usize| page.rows[row].iter().map(|cell| cell.as_deref().unwrap_or("-")).collect::<Vec<_>>();
    assert_eq!(show(0), ["1", "1.5", "2024-02-29", "1970-01-01 00:00:01.500", "x", "ä", "0.5", "true"]);
    assert_eq!(show(1), ["2", "-", "-", "1970-01-01 00:00:00", "-", "-", "-", "-"]);
    assert_eq!(show(2), ["3", "-2.25", "1970-01-01", "1969-12-31 23:59:59.999", "x", "c", "2", "false"]);
    // Another type and another order of columns may be asked for.
    let mut options = found.options;
    options.columns[0].kind = Text;
    options.columns.swap(0, 7);
    options.columns.truncate(2);
    options.columns.push(found_column("long"));
    let ingested = try_in(&path, &options, BadRows::Refuse, &dest).unwrap();
    assert_eq!(
        ingested.profile.columns.iter().map(|column| column.name.as_str()).collect::<Vec<_>>(),
        ["flag", "money", "long"]
    );
    assert_eq!(rows(&dest, 2, 1).unwrap().rows[0], [Some("false".to_owned()), Some("-2.25".into()), Some("c".into())]);
    // What was not stored by this crate has no profile.
    assert!(profile(&path, Memory::default()).unwrap_err().message.contains("Import the file first"));
}

fn found_column(name: &str) -> trainyard_types::dataset::ColumnSchema {
    trainyard_types::dataset::ColumnSchema { name: name.into(), kind: ColumnType::Text }
}

#[test]
fn values_that_do_not_fit_are_bad_rows() {
    let folder = Folder::new();
    let path = folder.path("a.parquet");
    write(
        &path,
        vec![
            ("id", Arc::new(UInt64Array::from(vec![1, u64::MAX, 3]))),
            ("text", Arc::new(StringArray::from(vec!["1", "2", "x"]))),
        ],
    );
    let mut options = inspect(&path, "a.parquet").unwrap().options;
    options.columns[1].kind = ColumnType::Integer;
    let dest = folder.path("t.parquet");
    let failure = try_in(&path, &options, BadRows::Refuse, &dest).unwrap_err();
    let first: Vec<(u64, &str, &str)> =
        failure.report.first.iter().map(|row| (row.line, row.column.as_str(), row.value.as_str())).collect();
    assert_eq!(first, [(2, "id", "18446744073709551615"), (3, "text", "x")]);
    let ingested = try_in(&path, &options, BadRows::Skip, &dest).unwrap();
    assert_eq!((ingested.rows, ingested.bad_rows.count), (1, 2));
}

#[test]
fn texts_beyond_the_limit_are_bad_rows() {
    let folder = Folder::new();
    let path = folder.path("a.parquet");
    let long = "x".repeat(trainyard_data::limits::MAX_FIELD_BYTES + 1);
    write(&path, vec![("text", Arc::new(StringArray::from(vec!["a", long.as_str()])))]);
    let options = inspect(&path, "a.parquet").unwrap().options;
    let failure = try_in(&path, &options, BadRows::Refuse, &folder.path("t.parquet")).unwrap_err();
    assert!(failure.problem.message.contains("larger than 1 MiB"), "{}", failure.problem.message);
    assert_eq!((failure.report.first[0].line, failure.report.first[0].value.chars().count()), (2, 80));
}

#[test]
fn only_lists_no_rows_and_cut_files_are_refused() {
    let folder = Folder::new();
    let path = folder.path("a.parquet");
    write(&path, vec![("tags", list())]);
    assert!(inspect(&path, "a.parquet").unwrap_err().message.contains("no column that a table can hold"));
    write(&path, vec![("n", Arc::new(Int64Array::from(Vec::<i64>::new())))]);
    assert!(inspect(&path, "a.parquet").unwrap_err().message.contains("no rows"));

    let numbers: Int64Array =
        arrow_array::PrimitiveArray::<Int64Type>::from_iter_values((0..10_000).map(|i| i * 7919 % 4093));
    write(&path, vec![("n", Arc::new(numbers))]);
    let whole = std::fs::read(&path).unwrap();
    let cut = folder.write("b.parquet", &whole[..whole.len() / 2]);
    assert!(inspect(&cut, "b.parquet").unwrap_err().message.contains("cut off"));
    // Flipped bytes anywhere give an error or a table, never a panic.
    for at in (4..whole.len()).step_by(whole.len() / 60 + 1) {
        let mut bytes = whole.clone();
        bytes[at] ^= 0x5A;
        let damaged = folder.write("c.parquet", &bytes);
        if let Ok(found) = inspect(&damaged, "c.parquet") {
            let _ = try_in(&damaged, &found.options, BadRows::Refuse, &folder.path("t.parquet"));
        }
    }
}
