#![allow(clippy::unwrap_used)]
use super::*;
use arrow_array::{ArrayRef, Int64Array, RecordBatch, StringArray};
use parquet::{arrow::ArrowWriter, file::properties::WriterProperties};
use std::{collections::HashSet, fs::File, path::Path, sync::Arc};
use trainyard_infer::frame::Values;

/// Rows numbered from 0, with a text; in groups of 700 rows and pages of about 100.
fn stored(folder: &Path, rows: usize) -> StoredTable {
    let path = folder.join("t.parquet");
    let number = Int64Array::from_iter_values(0..rows as i64);
    let text = StringArray::from_iter_values((0..rows).map(|row| format!("t{}", row % 11)));
    let columns: Vec<(&str, ArrayRef, bool)> = vec![("number", Arc::new(number), true), ("text", Arc::new(text), true)];
    let batch = RecordBatch::try_from_iter_with_nullable(columns).unwrap();
    let properties = WriterProperties::builder()
        .set_max_row_group_row_count(Some(700))
        .set_data_page_row_count_limit(100)
        .set_write_batch_size(50)
        .build();
    let mut writer = ArrowWriter::try_new(File::create(&path).unwrap(), batch.schema(), Some(properties)).unwrap();
    writer.write(&batch).unwrap();
    writer.close().unwrap();
    StoredTable::open(&path).unwrap()
}

fn numbers(frame: &Frame) -> Vec<usize> {
    let Values::Numbers(numbers) = &frame.columns[0].values else { panic!() };
    let Values::Categories { codes, levels } = &frame.columns[1].values else { panic!() };
    for (number, code) in numbers.iter().zip(codes) {
        assert_eq!(levels[*code as usize], format!("t{}", *number as usize % 11), "the columns stay side by side");
    }
    assert_eq!(frame.rows, numbers.len());
    numbers.iter().map(|number| *number as usize).collect()
}

fn columns() -> Vec<String> {
    vec!["number".to_owned(), "text".to_owned()]
}

#[test]
fn ranges_are_read_as_they_are() {
    let folder = tempfile::tempdir().unwrap();
    let table = stored(folder.path(), 5_000);
    let ranges = [0..3, 690..705, 705..1_411, 2_800..2_801, 4_990..5_000];
    let found = numbers(&table.load_ranges(&columns(), &ranges, |row| row % 2 == 0).unwrap());
    let expected: Vec<usize> = ranges.iter().cloned().flatten().filter(|row| row % 2 == 0).collect();
    assert_eq!(found, expected);
    assert!(numbers(&table.load_ranges(&columns(), &[], |_| true).unwrap()).is_empty());
    assert_eq!(numbers(&table.load(None, &[1, 699, 700, 4_999]).unwrap()), [1, 699, 700, 4_999]);
    let mut seen = Vec::new();
    let took = table.each_block(&columns(), |first, frame| {
        assert_eq!(first, seen.len());
        seen.extend(numbers(&frame));
        Ok(())
    });
    took.unwrap();
    assert_eq!(seen, (0..5_000).collect::<Vec<usize>>());
    assert_eq!(table.bytes_a_row(None).unwrap(), 16);
    assert!(table.load_ranges(&["none".to_owned()], &[], |_| true).is_err());
}

#[test]
fn every_train_row_comes_once_a_pass() {
    let folder = tempfile::tempdir().unwrap();
    let rows = 5_000;
    stored(folder.path(), rows);
    let part = |name: usize| match name {
        0 => Some(Part::Test),
        1 => None,
        2 => Some(Part::Valid),
        _ => Some(Part::Train),
    };
    let mixed: Vec<Option<Part>> = (0..rows).map(|row| part(row * 7_919 % 8)).collect();
    let sorted: Vec<Option<Part>> = (0..rows).map(|row| part(row / 700)).collect();
    for parts in [mixed, sorted] {
        let train: Vec<usize> = (0..rows).filter(|row| parts[*row] == Some(Part::Train)).collect();
        for size in [1, 7, 33, 500, 1_000, 100_000] {
            let table = StoredTable::open(&folder.path().join("t.parquet")).unwrap();
            let shuffled = Shuffled::new(table, parts.clone(), size, 5);
            assert_eq!(shuffled.rows(), train.len());
            if size < 33 {
                // Thousands of buffers: their sizes alone.
                let passes = 3 * shuffled.buffers() as u64;
                assert_eq!(shuffled.seen(passes), 3 * train.len() as u64);
                continue;
            }
            let mut orders = HashSet::new();
            for pass in 0..2 {
                let mut all = Vec::new();
                for buffer in 0..shuffled.buffers() {
                    let found = numbers(&shuffled.read(&columns(), pass, buffer).unwrap());
                    assert!(!found.is_empty() && found.len() <= shuffled.largest() && found.len() <= size);
                    all.extend(found);
                    let visited = pass * shuffled.buffers() as u64 + buffer as u64 + 1;
                    assert_eq!(shuffled.seen(visited), pass * train.len() as u64 + all.len() as u64);
                }
                orders.insert(all.clone());
                all.sort_unstable();
                assert_eq!(all, train, "pass {pass} in buffers of {size}");
            }
            if shuffled.buffers() > 2 {
                assert_eq!(orders.len(), 2, "each pass has its own order");
            }
        }
    }
}

#[test]
fn a_table_without_train_rows_has_no_buffers() {
    let folder = tempfile::tempdir().unwrap();
    let shuffled = Shuffled::new(stored(folder.path(), 10), vec![Some(Part::Test); 10], 4, 0);
    assert_eq!((shuffled.rows(), shuffled.buffers(), shuffled.largest(), shuffled.seen(3)), (0, 0, 0, 0));
}
