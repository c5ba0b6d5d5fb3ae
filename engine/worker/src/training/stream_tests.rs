//! Tables that are trained in a stream.

use super::*;
use crate::training::stream::{self, Rooms};
use std::{fmt::Write, ops::ControlFlow, path::PathBuf};
use trainyard_types::dataset::BadRows;

/// A table as a stored file.
fn stored(folder: &Path, name: &str, frame: &Frame) -> PathBuf {
    let names: Vec<&str> = frame.columns.iter().map(|column| column.name.as_str()).collect();
    let mut csv = names.join(",");
    for row in 0..frame.rows {
        for (at, column) in frame.columns.iter().enumerate() {
            csv.push(if at == 0 { '\n' } else { ',' });
            match &column.values {
                Values::Numbers(numbers) if numbers[row].is_nan() => {}
                Values::Numbers(numbers) => write!(csv, "{}", numbers[row]).unwrap(),
                Values::Categories { codes, .. } if codes[row] == MISSING => {}
                Values::Categories { codes, levels } => csv.push_str(&levels[codes[row] as usize]),
            }
        }
    }
    let (source, parquet) = (folder.join(format!("{name}.csv")), folder.join(format!("{name}.parquet")));
    std::fs::write(&source, csv).unwrap();
    let options = trainyard_data::inspect(&source, "t.csv").unwrap().options;
    let go_on = &mut |_| ControlFlow::Continue(());
    trainyard_data::store(&source, &options, BadRows::Refuse, &parquet, Memory::default(), go_on).unwrap();
    parquet
}

const ROOMS: Rooms = Rooms { sample: 250, judged: 200, buffer: 320 };

/// Trains in a stream of small buffers.
fn streamed(
    data: &Path,
    test: Option<&Path>,
    settings: &TrainSettings,
    folder: &Path,
    heard: &mut Heard,
) -> Result<RunResult, TrainError> {
    let (table, test) = (StoredTable::open(data)?, test.map(StoredTable::open).transpose()?);
    let (tables, settings) = stream::tables(table, test.as_ref(), None, settings, Memory::default(), ROOMS)?;
    train_frames(tables, &settings, folder, EVERY_EPOCH, heard)
}

#[test]
fn a_stream_teaches_about_as_much_as_the_whole() {
    let dir = tempfile::tempdir().unwrap();
    let frame = table(2_000, Task::Binary);
    let settings = TrainSettings { weight_column: Some("idle".into()), ..settings(Family::RealMlp) };
    let whole = train_frames(frame.clone(), &settings, dir.path(), EVERY_EPOCH, &mut Heard::default()).unwrap();
    checkpoint::remove(dir.path());
    let data = stored(dir.path(), "rows", &frame);
    let mut heard = Heard::default();
    let result = streamed(&data, None, &settings, dir.path(), &mut heard).unwrap();
    let (found, expected) = (result.metrics.test["roc_auc"], whole.metrics.test["roc_auc"]);
    // 200 test rows instead of 400: one standard error of such an area is 0.02.
    assert!(found > expected - 0.06, "{found} in a stream, {expected} in memory");
    assert_eq!((result.rows.train, result.rows.valid, result.rows.test), (1_200, 200, 200));
    assert_eq!(result.parameters["rows_seen"], "1,200 of 1,200 train rows, 6.0 times");
    // A row of each class comes besides those that are drawn.
    let sample = &result.parameters["train_rows_in_memory"];
    assert!(["250", "251", "252"].map(|rows| format!("{rows} of 1,200")).contains(sample), "{sample}");
    assert_eq!(result.parameters["buffers_of_a_pass"], "4");
    let log = heard.log();
    for words in ["it is trained in a stream", "of 1,200 train rows, drawn at random", "judged on 200 of 400 test rows"]
    {
        assert!(log.contains(words), "{words}: {log}");
    }
    assert!(log.contains("RealMLP saw 1,200 of 1,200 train rows, 6.0 times."), "{log}");
}

#[test]
fn an_interrupted_stream_goes_on_to_the_same_model() {
    let dir = tempfile::tempdir().unwrap();
    let data = stored(dir.path(), "rows", &table(1_500, Task::Regression));
    for family in [Family::RealMlp, Family::TabM] {
        let settings = TrainSettings { epochs: Some(2), ..settings(family) };
        let folder = tempfile::tempdir().unwrap();
        let whole = streamed(&data, None, &settings, folder.path(), &mut Heard::default()).unwrap();
        let folder = tempfile::tempdir().unwrap();
        let mut heard = Heard { cancel_after_checkpoints: Some(4), ..Heard::default() };
        let ended = streamed(&data, None, &settings, folder.path(), &mut heard);
        assert_eq!(ended.unwrap_err(), TrainError::Cancelled);
        let mut heard = Heard::default();
        let resumed = streamed(&data, None, &settings, folder.path(), &mut heard).unwrap();
        assert!(heard.log().contains("Resuming after buffer 4 of 6"), "{}", heard.log());
        assert_eq!((resumed.model_hash, resumed.metrics), (whole.model_hash, whole.metrics));
    }
}

#[test]
fn every_class_is_known_however_rare() {
    let dir = tempfile::tempdir().unwrap();
    let mut frame = table(3_000, Task::Binary);
    let Values::Categories { codes, .. } = &mut frame.columns[5].values else { panic!() };
    [11, 1_411, 1_802, 2_207, 2_603].into_iter().for_each(|row| codes[row] = 2);
    let data = stored(dir.path(), "rows", &frame);
    let result = streamed(&data, None, &settings(Family::Linear), dir.path(), &mut Heard::default()).unwrap();
    assert_eq!(
        (result.task, result.signature.classes),
        (Task::Multiclass, ["maybe", "no", "yes"].map(String::from).to_vec())
    );
    // A linear model is fitted on the sample alone.
    assert!(result.rows.train <= 253, "{:?}", result.rows);
}

#[test]
fn a_test_table_of_its_own_is_bounded_too() {
    let dir = tempfile::tempdir().unwrap();
    let data = stored(dir.path(), "rows", &table(1_000, Task::Binary));
    let test = stored(dir.path(), "test", &table(600, Task::Binary));
    let settings = settings(Family::Linear);
    let result = streamed(&data, Some(&test), &settings, dir.path(), &mut Heard::default()).unwrap();
    assert_eq!((result.rows.valid, result.rows.test), (200, 200));
    assert!((250..=252).contains(&result.rows.train), "{:?}", result.rows);
    assert!(result.parameters["train_rows_in_memory"].ends_with(" of 800"));
    assert_eq!(result.parameters["test_rows_in_memory"], "200 of 600");
    let distinct = TrainSettings { distinct: true, ..settings };
    let refused = streamed(&data, None, &distinct, dir.path(), &mut Heard::default()).unwrap_err();
    assert!(refused.to_string().contains("deduplicate"), "{refused}");
}

#[test]
fn the_limit_is_divided_and_small_tables_are_not_streamed() {
    let dir = tempfile::tempdir().unwrap();
    let data = stored(dir.path(), "rows", &table(1_000, Task::Binary));
    let opened = StoredTable::open(&data).unwrap();
    let a_row = 6 * opened.bytes_a_row(None).unwrap();
    assert_eq!(stream::whole([&opened]).unwrap(), Memory::PROGRAM + 1_000 * a_row);
    let rooms = Rooms::of(Memory::default(), &opened).unwrap();
    let room = (1_u64 << 30) - Memory::PROGRAM - 1_000;
    assert_eq!(rooms.sample as u64, room / 4 / a_row);
    let held = (rooms.sample + 2 * rooms.judged + 2 * rooms.buffer) as u64 * a_row;
    assert!(held > room / 2 && held < 2 * room / 3, "{held} of {room}");
    let spec = TrainSpec {
        data: data.to_string_lossy().into_owned(),
        test_data: None,
        split_file: None,
        memory_limit: Some(Memory::LEAST),
        settings: settings(Family::Linear),
    };
    let result = train(&spec, dir.path(), &mut Heard::default()).unwrap();
    assert_eq!((result.rows.train, result.rows.test), (600, 200));
    assert!(!result.parameters.contains_key("streamed"));
}
