//! Good tables: stored as they are, the same bytes each time, paged and loaded.

use crate::{Folder, go_on, take_in, try_in};
use std::ops::ControlFlow;
use trainyard_data::{Memory, frame, ingest, inspect, profile, read_any::read_file, reinspect, rows, sample, store};
use trainyard_infer::frame::{MISSING, Values};
use trainyard_types::{
    Code,
    dataset::{BadRows, ColumnType, DataWarning},
};

const MIXED: &str = "when,n,x,ok,zip,city\n\
    2024-01-01 10:00:00,1,1.5,true,00123,Bonn\n\
    2024-01-02 11:30:00,,NA,false,01234,?\n\
    2024-01-03,3,-2,TRUE,99999,Bonn\n";

#[test]
fn types_values_and_missing_come_through() {
    let folder = Folder::new();
    let path = folder.write("a.csv", MIXED);
    let dest = folder.path("t.parquet");
    let (options, ingested) = take_in(&path, &dest);
    let kinds: Vec<ColumnType> = options.columns.iter().map(|column| column.kind).collect();
    use ColumnType::*;
    assert_eq!(kinds, [Datetime, Integer, Float, Boolean, Text, Text]);
    assert_eq!(ingested.rows, 3);
    assert_eq!(ingested.hash, blake3::hash(&std::fs::read(&dest).unwrap()).to_hex().to_string());
    assert_eq!(ingested.bytes, std::fs::metadata(&dest).unwrap().len());
    assert_eq!(folder.files(), ["a.csv", "t.parquet"]);

    let page = rows(&dest, 1, 10).unwrap();
    assert_eq!((page.total, page.offset, page.rows.len()), (3, 1, 2));
    let show = |row: usize| page.rows[row].iter().map(|cell| cell.as_deref().unwrap_or("-")).collect::<Vec<_>>();
    assert_eq!(show(0), ["2024-01-02 11:30:00", "-", "-", "false", "01234", "-"]);
    assert_eq!(show(1), ["2024-01-03 00:00:00", "3", "-2", "true", "99999", "Bonn"]);
    assert!(rows(&dest, 3, 10).unwrap().rows.is_empty());

    let loaded = frame::load(&dest, None).unwrap();
    assert_eq!(read_file(&path).unwrap().1.columns.len(), loaded.columns.len());
    let Values::Numbers(times) = &loaded.columns[0].values else { panic!() };
    assert_eq!(times[0], 1_704_103_200_000.0);
    let Values::Numbers(n) = &loaded.columns[1].values else { panic!() };
    assert!(n[0] == 1.0 && n[1].is_nan() && n[2] == 3.0);
    let Values::Categories { codes, levels } = &loaded.columns[5].values else { panic!() };
    assert_eq!((codes.as_slice(), levels.as_slice()), (&[0, MISSING, 0][..], &["Bonn".to_owned()][..]));

    let some = frame::load(&dest, Some(&["zip".into(), "n".into()])).unwrap();
    assert_eq!((some.columns[0].name.as_str(), some.columns[1].name.as_str()), ("zip", "n"));
    assert!(frame::load(&dest, Some(&["nope".into()])).unwrap_err().message.contains("no column `nope`"));
}

#[test]
fn corrections_are_looked_at_again() {
    let folder = Folder::new();
    let path = folder.write("a.csv", "a;b\n1,5;x\n2;unknown\n");
    let found = inspect(&path, "a.csv").unwrap();
    assert_eq!((found.options.delimiter, found.options.columns[0].kind), (';', ColumnType::Float));
    let mut options = found.options.clone();
    options.has_header = false;
    let again = reinspect(&path, &options).unwrap();
    assert_eq!((again.rows, again.options.columns[0].name.as_str()), (3, "column_1"));
    options = found.options.clone();
    options.missing.push("unknown".into());
    let seen = sample(&path, &options, 10).unwrap();
    assert_eq!(seen, [[Some("1,5".to_owned()), Some("x".to_owned())], [Some("2".to_owned()), None]]);
    options.columns[0].name = "renamed".into();
    let dest = folder.path("t.parquet");
    try_in(&path, &options, BadRows::Refuse, &dest).unwrap();
    assert_eq!(rows(&dest, 0, 1).unwrap().columns[0].name, "renamed");
    assert_eq!(rows(&dest, 0, 1).unwrap().rows[0][0].as_deref(), Some("1.5"));
}

/// A table of many blocks and more than one row group.
fn large(rows: usize) -> String {
    let mut text = String::from("i,x,c,t\n");
    for i in 0..rows {
        let x = ((i * 7919) % 100_003) as f64 / 7.0;
        text.push_str(&format!("{i},{x},\"c, {}\",text number {}\n", i % 17, (i * 31) % 50_021));
    }
    text
}

#[test]
fn the_same_file_gives_the_same_bytes_and_the_profile_is_the_stored_tables() {
    let folder = Folder::new();
    let path = folder.write("a.csv", large(140_000));
    let (first, second) = (folder.path("1.parquet"), folder.path("2.parquet"));
    let (_, one) = take_in(&path, &first);
    let (_, two) = take_in(&path, &second);
    assert_eq!(one, two);
    assert_eq!(std::fs::read(&first).unwrap(), std::fs::read(&second).unwrap());
    assert_eq!(one.rows, 140_000);
    assert_eq!(profile(&first, Memory::default()).unwrap(), one.profile);
    let plain = folder.path("3.parquet");
    let options = inspect(&path, "a.csv").unwrap().options;
    let stored = store(&path, &options, BadRows::Refuse, &plain, Memory::default(), &mut go_on).unwrap();
    assert_eq!((stored.rows, stored.bytes, stored.hash), (one.rows, one.bytes, one.hash.clone()));
    assert_eq!(one.profile.columns[0].distinct, 140_000);
    assert_eq!(one.profile.columns[1].distinct, 100_003);
    assert_eq!(one.profile.columns[2].distinct, 17);
    assert_eq!(one.profile.columns[3].distinct, 50_021);
    assert_eq!(one.profile.duplicate_rows, 0);
    // Pages across row groups.
    let page = rows(&first, 131_068, 8).unwrap();
    assert_eq!(
        page.rows.iter().map(|row| row[0].clone().unwrap()).collect::<Vec<_>>(),
        (131_068..131_076).map(|i| i.to_string()).collect::<Vec<_>>()
    );
    // Single rows, of columns in another order.
    let names: Vec<String> = [2, 0].map(|i: usize| page.columns[i].name.clone()).to_vec();
    let picked = rows::pick(&first, &names, &[0, 131_071, 131_072, 139_999]).unwrap();
    let firsts: Vec<_> = picked.iter().map(|row| row[1].as_deref().unwrap()).collect();
    assert_eq!(firsts, ["0", "131071", "131072", "139999"]);
    assert_eq!(picked[1][0], page.rows[3][2]);
    assert!(rows::pick(&first, &names, &[140_000]).is_err() && rows::pick(&first, &["no".into()], &[0]).is_err());
    assert!(rows::pick(&first, &names, &[]).unwrap().is_empty());
    // Texts as dictionaries across row groups and pages come out as read directly.
    let (stored, direct) = (frame::load(&first, None).unwrap(), read_file(&path).unwrap().1);
    assert_eq!(stored, direct);
}

#[test]
fn an_import_can_be_cancelled() {
    let folder = Folder::new();
    let path = folder.write("a.csv", large(140_000));
    let options = inspect(&path, "a.csv").unwrap().options;
    let mut calls = Vec::new();
    let failure = ingest(&path, &options, BadRows::Refuse, &folder.path("t.parquet"), Memory::default(), &mut |done| {
        calls.push(done);
        if calls.len() == 2 { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    })
    .unwrap_err();
    assert_eq!(failure.problem.code, Code::Conflict);
    assert!(failure.problem.message.contains("cancelled"));
    assert!(calls[0] > 0.0 && calls[1] >= calls[0] && calls[1] <= 1.0);
    assert_eq!(folder.files(), ["a.csv"]);
}

#[test]
fn json_lines_with_nested_and_mixed_values() {
    let folder = Folder::new();
    let path = folder.write(
        "a.jsonl",
        "{\"a\": 1, \"b\": \"x\", \"d\": true}\n{\"a\": 2.5, \"b\": 3, \"c\": {\"k\": [1, 2]}}\n{\"b\": null, \"d\": false}\n",
    );
    let found = inspect(&path, "a.jsonl").unwrap();
    let kinds: Vec<(&str, ColumnType)> =
        found.options.columns.iter().map(|column| (column.name.as_str(), column.kind)).collect();
    assert_eq!(
        kinds,
        [("a", ColumnType::Float), ("b", ColumnType::Text), ("d", ColumnType::Boolean), ("c", ColumnType::Text)]
    );
    assert!(found.notes.iter().any(|note| note.contains("objects or lists in `c`")), "{:?}", found.notes);
    assert_eq!(found.sample[0].len(), 4);
    let (_, ingested) = take_in(&path, &folder.path("t.parquet"));
    assert_eq!(ingested.rows, 3);
    assert_eq!(ingested.profile.columns[3].top[0].value, "{\"k\":[1,2]}");
    let broken = folder.write("b.jsonl", "{\"a\": 1}\n{\"a\": \n{\"a\": 3}\n");
    let options = inspect(&broken, "b.jsonl").unwrap().options;
    let failure = ingest(&broken, &options, BadRows::Refuse, &folder.path("u.parquet"), Memory::default(), &mut go_on)
        .unwrap_err();
    assert_eq!((failure.report.count, failure.report.first[0].line), (1, 2));
}

fn warned<'a>(warnings: &'a [DataWarning], kind: &str, column: &str) -> Option<&'a DataWarning> {
    warnings.iter().find(|warning| warning.kind == kind && warning.column == column)
}

#[test]
fn warnings_are_in_words() {
    let folder = Folder::new();
    let mut text = String::from("serial,code,same,rare,odd,half,many,money,empty\n");
    for i in 0_u32..400 {
        let odd = if i % 4 == 0 { "n.a.".to_owned() } else { i.to_string() };
        let half = if i % 3 == 0 { "1.5" } else { "" };
        let money = if i == 7 { 1_000_000 } else { i % 50 };
        let rare = if i % 40 == 0 { "yes" } else { "no" };
        text.push_str(&format!("{i},K{i:05}x,1,{rare},{odd},{half},m{},{money},\n", i % 150));
    }
    text.push_str("399,K00399x,1,no,399,1.5,m99,49,\n");
    text.push_str("399,K00399x,1,no,399,1.5,m99,49,\n");
    let path = folder.write("a.csv", text);
    let (_, ingested) = take_in(&path, &folder.path("t.parquet"));
    let warnings = &ingested.profile.warnings;
    assert_eq!(ingested.profile.duplicate_rows, 2);
    for (kind, column, word) in [
        ("duplicates", "", "copy an earlier row"),
        ("id_like", "code", "identifier"),
        ("constant", "same", "every row"),
        ("imbalance", "rare", "97.5 %"),
        ("mixed_types", "odd", "75.1 %"),
        ("missing", "half", "66.2 %"),
        ("missing", "empty", "no values"),
        ("high_cardinality", "many", "150 different"),
        ("skewed", "money", "skewness"),
    ] {
        let warning = warned(warnings, kind, column).unwrap_or_else(|| panic!("{kind} {column}: {warnings:#?}"));
        assert!(warning.message.contains(word), "{}", warning.message);
    }
}

#[test]
fn a_sample_holds_the_rows_that_it_says() {
    let folder = Folder::new();
    let path = folder.path("table.csv");
    let mut text = String::from("n,place,yes\n");
    for i in 0..70_000 {
        let place = if i % 7 == 0 { String::new() } else { format!("place {}", i % 41) };
        text.push_str(&format!("{i},{place},{}\n", i % 3 == 0));
    }
    std::fs::write(&path, text).unwrap();
    let parquet = folder.path("table.parquet");
    take_in(&path, &parquet);
    let whole = frame::load(&parquet, None).unwrap();
    let wanted = frame::sampled_rows(70_000, 500);
    let sample = frame::load_sample(&parquet, None, 500, Memory::default()).unwrap();
    assert_eq!((sample.rows, wanted.len()), (500, 500));
    for (at, &row) in wanted.iter().enumerate() {
        for (a, b) in sample.columns.iter().zip(&whole.columns) {
            match (&a.values, &b.values) {
                (Values::Numbers(a), Values::Numbers(b)) => assert_eq!(a[at], b[row]),
                (Values::Categories { codes: a, levels: x }, Values::Categories { codes: b, levels: y }) => {
                    let text = |code: u32, levels: &[String]| (code != MISSING).then(|| levels[code as usize].clone());
                    assert_eq!(text(a[at], x), text(b[row], y));
                }
                _ => panic!("the columns differ"),
            }
        }
    }
}
