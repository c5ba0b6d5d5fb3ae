//! Well-known data sets, where the environment variable `TRAINYARD_DATA_SETS` names a folder that holds them.

use crate::{Folder, take_in};
use trainyard_data::{frame, inspect, read_any::read_file, target};
use trainyard_types::{
    dataset::ColumnType::{self, *},
    run::Task,
};

struct Expected {
    file: &'static str,
    rows: u64,
    kinds: &'static [ColumnType],
    /// Missing values over all columns.
    missing: u64,
    duplicates: u64,
    target: &'static str,
    task: Task,
}

// Rows, dtypes, isna().sum().sum() and duplicated().sum() of pandas 3.1.1's read_csv (na_values='?') and read_parquet.
const FILES: [Expected; 8] = [
    Expected {
        file: "adult_train.csv",
        rows: 32_561,
        kinds: &[
            Integer, Text, Integer, Text, Integer, Text, Text, Text, Text, Text, Integer, Integer, Integer, Text, Text,
        ],
        missing: 4262,
        duplicates: 24,
        target: "income",
        task: Task::Binary,
    },
    Expected {
        file: "adult_test.csv",
        rows: 16_281,
        kinds: &[
            Integer, Text, Integer, Text, Integer, Text, Text, Text, Text, Text, Integer, Integer, Integer, Text, Text,
        ],
        missing: 2203,
        duplicates: 5,
        target: "income",
        task: Task::Binary,
    },
    Expected {
        file: "diamonds.csv",
        rows: 53_940,
        kinds: &[Float, Text, Text, Text, Float, Float, Integer, Float, Float, Float],
        missing: 0,
        duplicates: 146,
        target: "price",
        task: Task::Regression,
    },
    Expected {
        file: "bike_sharing.csv",
        rows: 17_416,
        kinds: &[Integer, Integer, Integer, Integer, Float, Float, Integer, Float, Integer, Integer, Float],
        missing: 0,
        duplicates: 8_721,
        target: "count",
        task: Task::Regression,
    },
    Expected {
        file: "metro_traffic.csv",
        rows: 48_204,
        kinds: &[Text, Float, Float, Float, Integer, Text, Text, Datetime, Integer],
        missing: 48_143,
        duplicates: 17,
        target: "traffic_volume",
        task: Task::Regression,
    },
    Expected {
        file: "elec2.csv",
        rows: 45_312,
        kinds: &[Float, Float, Float, Float, Float, Float, Integer],
        missing: 0,
        duplicates: 8,
        target: "class",
        task: Task::Binary,
    },
    Expected {
        file: "german_credit.csv",
        rows: 1_000,
        kinds: &[
            Text, Integer, Text, Text, Integer, Text, Text, Integer, Text, Text, Integer, Text, Integer, Text, Text,
            Integer, Text, Integer, Text, Text, Text,
        ],
        missing: 0,
        duplicates: 0,
        target: "creditability",
        task: Task::Binary,
    },
    Expected {
        file: "california_housing.parquet",
        rows: 20_640,
        kinds: &[Float; 9],
        missing: 0,
        duplicates: 0,
        target: "MedHouseVal",
        task: Task::Regression,
    },
];

#[test]
fn known_data_sets_are_read_as_pandas_reads_them() {
    let Some(sets) = std::env::var_os("TRAINYARD_DATA_SETS") else {
        eprintln!("SKIPPED known_data_sets_are_read_as_pandas_reads_them: TRAINYARD_DATA_SETS is not set");
        return;
    };
    let folder = Folder::new();
    for expected in FILES {
        let path = std::path::Path::new(&sets).join(expected.file);
        if !path.exists() {
            eprintln!("SKIPPED known_data_sets_are_read_as_pandas_reads_them: {} is not there", expected.file);
            continue;
        }
        let notes = inspect(&path, expected.file).unwrap().notes;
        let dest = folder.path(expected.file);
        let started = std::time::Instant::now();
        let (options, ingested) = take_in(&path, &dest);
        eprintln!("{}: {:?} {notes:#?}", expected.file, started.elapsed());
        let kinds: Vec<ColumnType> = options.columns.iter().map(|column| column.kind).collect();
        assert_eq!(kinds, expected.kinds, "{}", expected.file);
        let missing: u64 = ingested.profile.columns.iter().map(|column| column.missing).sum();
        assert_eq!(
            (ingested.rows, missing, ingested.profile.duplicate_rows),
            (expected.rows, expected.missing, expected.duplicates),
            "{}",
            expected.file
        );
        for warning in &ingested.profile.warnings {
            eprintln!("  {:?} {}: {}", warning.severity, warning.kind, warning.message);
        }
        let loaded = frame::load(&dest, None).unwrap();
        assert_eq!(loaded, read_file(&path).unwrap().1, "{}", expected.file);
        let info = target::infer_task(loaded.column(expected.target).unwrap()).unwrap();
        assert_eq!(info.task, expected.task, "{}", expected.file);
        eprintln!("  {}", info.summary);
    }
}
