//! Every kind of bad file gets an answer that says what is wrong, and leaves nothing behind.

use crate::{Folder, try_in};
use std::{fs::File, io::Write};
use trainyard_data::{inspect, limits, read_any::read_file, reinspect};
use trainyard_types::{
    Code,
    dataset::{BadRows, ColumnType},
};

/// The words of the refusal of a file of that name and content.
fn refusal(name: &str, bytes: &[u8]) -> String {
    let folder = Folder::new();
    let path = folder.write(name, bytes);
    inspect(&path, name).unwrap_err().message
}

#[test]
fn files_that_are_no_table_are_named_for_what_they_are() {
    for (name, bytes, word) in [
        ("a.csv", &b""[..], "empty"),
        ("a.csv", b"  \n\n \n", "white space"),
        ("a.csv", b"\xEF\xBB\xBF", "white space"),
        ("a.csv", b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR\0\0", "PNG"),
        ("a.csv", b"PK\x03\x04\x14\0\0\0", "Excel"),
        ("a.csv", b"\x1F\x8B\x08\0\0\0\0\0", "gzip"),
        ("a.csv", b"<!DOCTYPE html>\n<html></html>", "web page"),
        ("a.csv", b"a,b\n1,\0\n2,3\n4,5\n6,7\n8,9\n", "NUL byte"),
        ("a.json", b"[{\"a\": 1}, {\"a\": 2}]", "one object a line"),
        ("a.json", b"{\n  \"a\": 1\n}", "one object a line"),
        ("a.jsonl", b"hello\n", "no JSON object"),
        ("a.parquet", b"a,b\n1,2\n", "does not begin"),
        ("a.parquet", b"PAR1\0\0\0\0", "cut off"),
        ("a.parquet", b"PAR1 nothing of a footer \xFF\0\0\0PAR1", "damaged"),
    ] {
        let message = refusal(name, bytes);
        assert!(message.contains(word), "{name} {bytes:?}: {message}");
        assert!(message.contains('.') && message.len() < 400, "{message}");
    }
}

#[test]
fn tables_without_rows_or_with_too_many_columns_are_refused() {
    assert!(refusal("a.csv", b"a,b,c\n").contains("header but no rows"));
    assert!(refusal("a.csv", b"title\n\na,b,c\n1,2,3\n4,5,6\n").contains("first line has 1 value"));
    let wide = (0..10_000).map(|i| format!("c{i}")).collect::<Vec<_>>().join(",");
    let message = refusal("a.csv", format!("{wide}\n{wide}\n").as_bytes());
    assert!(message.contains("10,000 columns") && message.contains("5,000"), "{message}");
    let keys = (0..10_000).map(|i| format!("\"c{i}\":1")).collect::<Vec<_>>().join(",");
    let message = refusal("a.jsonl", format!("{{{keys}}}\n").as_bytes());
    assert!(message.contains("5,000"), "{message}");
    assert!(refusal("a.csv", b"a,b\n1,\"2\n3,4\n").contains("never closed"));
}

#[test]
fn one_column_and_repeated_names_are_taken_with_a_note() {
    let folder = Folder::new();
    let path = folder.write("a.csv", "x\n1\n2\n\n3\n");
    let found = inspect(&path, "a.csv").unwrap();
    assert_eq!((found.options.columns.len(), found.rows), (1, 3));
    assert!(found.notes.iter().any(|note| note.contains("only one column")), "{:?}", found.notes);

    let path = folder.write("b.csv", "x,x,y,\n1,2,3,\n");
    let found = inspect(&path, "b.csv").unwrap();
    let names: Vec<&str> = found.options.columns.iter().map(|column| column.name.as_str()).collect();
    assert_eq!(names, ["x", "x_2", "y", "column_4"]);
    assert!(found.notes.iter().any(|note| note.contains("share a name")), "{:?}", found.notes);
}

#[test]
fn ragged_rows_are_counted_and_listed_or_left_out() {
    let folder = Folder::new();
    let path = folder.write("a.csv", "a,b\n1,x\n2\n3,y\n\"4\n4\",z,!\n5,w\n6,v\n7,u\n");
    let found = inspect(&path, "a.csv").unwrap();
    assert!(found.notes.iter().any(|note| note.contains("2 of 7 rows")), "{:?}", found.notes);
    let dest = folder.path("t.parquet");
    let failure = try_in(&path, &found.options, BadRows::Refuse, &dest).unwrap_err();
    assert_eq!(failure.report.count, 2);
    let lines: Vec<u64> = failure.report.first.iter().map(|row| row.line).collect();
    assert_eq!(lines, [3, 5]);
    assert!(
        failure.problem.message.contains("line 3 has 1 value where the table has 2"),
        "{}",
        failure.problem.message
    );
    assert_eq!(folder.files(), ["a.csv"], "nothing half-written stays");
    let ingested = try_in(&path, &found.options, BadRows::Skip, &dest).unwrap();
    assert_eq!((ingested.rows, ingested.bad_rows.count), (5, 2));
}

#[test]
fn values_of_another_type_are_listed_with_line_column_and_value() {
    let folder = Folder::new();
    let mut text = String::from("id,age,city\n");
    for i in 0..1000 {
        let age = if i % 100 == 50 { "unknown".to_owned() } else { (i % 80).to_string() };
        text.push_str(&format!("{i},{age},\"a\nb\"\n"));
    }
    let path = folder.write("a.csv", &text);
    let mut options = inspect(&path, "a.csv").unwrap().options;
    assert_eq!(options.columns[1].kind, ColumnType::Text);
    options.columns[1].kind = ColumnType::Integer;
    let dest = folder.path("t.parquet");
    let failure = try_in(&path, &options, BadRows::Refuse, &dest).unwrap_err();
    assert_eq!((failure.report.count, failure.report.first.len()), (10, 10));
    let first = &failure.report.first[0];
    // Every row takes two lines.
    assert_eq!((first.line, first.column.as_str(), first.value.as_str()), (102, "age", "unknown"));
    assert!(failure.problem.message.contains("10 of 1,000 rows"), "{}", failure.problem.message);
    assert!(!dest.exists());
    let ingested = try_in(&path, &options, BadRows::Skip, &dest).unwrap();
    assert_eq!(ingested.rows, 990);
    // With the word among the missing texts all rows can be read.
    options.missing.push("unknown".into());
    let ingested = try_in(&path, &options, BadRows::Refuse, &dest).unwrap();
    assert_eq!((ingested.rows, ingested.profile.columns[1].missing), (1000, 10));
    // No row left is a refusal, too.
    options.columns[2].kind = ColumnType::Float;
    let failure = try_in(&path, &options, BadRows::Skip, &dest).unwrap_err();
    assert!(failure.problem.message.contains("No row can be read"), "{}", failure.problem.message);
    assert_eq!((failure.report.count, failure.report.first.len()), (1000, limits::MAX_BAD_ROWS_LISTED));
    assert!(dest.exists(), "what stood there stays");
}

#[test]
fn encodings_are_found() {
    let folder = Folder::new();
    let text = "name,wert\nMüller,1\nJosé,2\nÅsa,3\n";
    let utf16 = |big: bool, mark: bool| -> Vec<u8> {
        let mark = if mark { "\u{feff}" } else { "" };
        format!("{mark}{text}")
            .encode_utf16()
            .flat_map(|unit| if big { unit.to_be_bytes() } else { unit.to_le_bytes() })
            .collect()
    };
    let latin: Vec<u8> = text.chars().map(|c| c as u8).collect();
    let marked = [b"\xEF\xBB\xBF", text.as_bytes()].concat();
    for (bytes, encoding) in [
        (marked, "utf-8"),
        (text.as_bytes().to_vec(), "utf-8"),
        (utf16(false, true), "utf-16le"),
        (utf16(true, true), "utf-16be"),
        (utf16(false, false), "utf-16le"),
        (utf16(true, false), "utf-16be"),
        (latin, "windows-1252"),
    ] {
        let path = folder.write("a.csv", &bytes);
        let found = inspect(&path, "a.csv").unwrap();
        assert_eq!(found.options.encoding, encoding);
        assert_eq!(found.options.columns[0].name, "name");
        assert_eq!(found.sample[0][0].as_deref(), Some("Müller"), "{encoding}");
        let (_, frame) = read_file(&path).unwrap();
        assert_eq!(frame.rows, 3);
    }
    // Bytes that are no UTF-8 beyond the first MiB: found by the pass over the whole file.
    let mut late: Vec<u8> = b"name,value\n".to_vec();
    (0..150_000).for_each(|i| late.extend_from_slice(format!("Mueller,{i}\n").as_bytes()));
    late.extend_from_slice(b"M\xFCller,1\n");
    let path = folder.write("late.csv", &late);
    let found = inspect(&path, "late.csv").unwrap();
    assert_eq!((found.options.encoding.as_str(), found.rows), ("windows-1252", 150_001));
    let mut options = found.options;
    options.encoding = "utf-8".into();
    let failure = try_in(&path, &options, BadRows::Refuse, &folder.path("t.parquet")).unwrap_err();
    assert!(failure.problem.message.contains("Line 150,002"), "{}", failure.problem.message);
    options.encoding = "nonsense".into();
    assert!(reinspect(&path, &options).unwrap_err().message.contains("no known encoding"));
}

#[test]
fn a_field_beyond_the_limit_stops_the_reading() {
    let folder = Folder::new();
    let path = folder.path("a.csv");
    let mut file = File::create(&path).unwrap();
    file.write_all(b"a,b\n1,x\n2,\"").unwrap();
    let piece = vec![b'y'; 1 << 20];
    (0..8).for_each(|_| file.write_all(&piece).unwrap());
    let problem = inspect(&path, "a.csv").unwrap_err();
    assert_eq!(problem.code, Code::TooLarge);
    assert!(problem.message.contains("line 3") && problem.message.contains("1 MiB"), "{}", problem.message);
    // The largest value allowed passes.
    let text = format!("a,b\n1,{}\n", "z".repeat(limits::MAX_FIELD_BYTES));
    let path = folder.write("b.csv", text);
    assert_eq!(inspect(&path, "b.csv").unwrap().rows, 1);
    let path = folder.write("c.jsonl", format!("{{\"a\": \"{}\"}}\n", "z".repeat(limits::MAX_FIELD_BYTES + 1)));
    assert_eq!(inspect(&path, "c.jsonl").unwrap_err().code, Code::TooLarge);
}

#[test]
fn options_that_do_not_fit_are_refused() {
    let folder = Folder::new();
    let path = folder.write("a.csv", "a,b,c\n1,2,3\n");
    let dest = folder.path("t.parquet");
    let good = inspect(&path, "a.csv").unwrap().options;
    let mut fewer = good.clone();
    fewer.columns.truncate(1);
    let mut twice = good.clone();
    twice.columns[1].name = "a".into();
    let mut quote = good.clone();
    quote.delimiter = '"';
    for (options, word) in [(fewer, "3 columns"), (twice, "Two columns"), (quote, "delimiter")] {
        let failure = try_in(&path, &options, BadRows::Refuse, &dest).unwrap_err();
        assert!(failure.problem.message.contains(word), "{}", failure.problem.message);
    }
    let gone = folder.path("gone.csv");
    assert_eq!(inspect(&gone, "gone.csv").unwrap_err().code, Code::NotFound);
}
