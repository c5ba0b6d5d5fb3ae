//! Chunks of any size, read by any path, against a reading record by record.
#![allow(clippy::unwrap_used)]
use super::*;
use crate::csv_source::CsvSource;
use rand::{Rng, SeedableRng};

/// Rows with their line, bad rows' lines, and the words of what ended the reading.
#[derive(Debug, Default, PartialEq)]
struct Read {
    rows: Vec<(u64, Vec<String>)>,
    bad: Vec<u64>,
    end: Option<(String, bool)>,
}

impl Read {
    fn add(&mut self, block: &Block) {
        let Cells::Text(cells) = &block.cells else { panic!() };
        let row = |row| (0..cells.columns).map(|i| cells.get(row, i).to_owned()).collect();
        self.rows.extend((0..block.rows).map(|i| (block.line(i), row(i))));
        self.bad.extend(block.bad.first.iter().map(|row| row.line));
    }

    fn ended(mut self, stop: Stop) -> Self {
        self.end = Some((stop.problem.message, stop.encoding));
        self
    }
}

/// One record after the other, each looked at by itself.
fn by_records(bytes: &[u8], columns: usize) -> Read {
    let mut source = CsvSource::new(bytes, b',', None);
    source.set_columns(columns);
    let mut read = Read::default();
    loop {
        let (mut text, mut ends) = (Vec::new(), Vec::new());
        let line = match source.record(&mut text, &mut ends) {
            Ok(Some(line)) => line,
            Ok(None) => return read,
            Err(stop) => return read.ended(stop),
        };
        let blank = ends.len() == 1 && String::from_utf8_lossy(&text).trim().is_empty();
        if ends.len() == columns {
            let mut again = CsvSource::within(quote(&text, &ends), b',', line, true);
            again.set_columns(columns);
            match again.rest() {
                Ok(block) => read.add(&block),
                Err(stop) => return read.ended(stop),
            }
        } else if !blank {
            read.bad.push(line);
        }
    }
}

/// The record written anew.
fn quote(text: &[u8], ends: &[u32]) -> Vec<u8> {
    let (mut out, mut start) = (Vec::new(), 0);
    for &end in ends {
        out.push(b'"');
        for &byte in &text[start..end as usize] {
            out.extend(std::iter::repeat_n(byte, if byte == b'"' { 2 } else { 1 }));
        }
        out.extend_from_slice(b"\",");
        start = end as usize;
    }
    out.pop();
    out
}

fn by_chunks(bytes: &[u8], columns: usize, target: usize) -> Read {
    let mut source = CsvSource::new(bytes, b',', None);
    source.set_columns(columns);
    let mut chunks = source.into_chunks().unwrap().with_target(target);
    let mut read = Read::default();
    let mut memory = Buffers::default();
    while let Some(chunk) = chunks.next(std::mem::take(&mut memory)).unwrap() {
        match chunk.block() {
            Ok(block) => {
                read.add(&block);
                memory = block.into_buffers();
            }
            Err(stop) => return read.ended(stop),
        }
    }
    read
}

fn compare(bytes: &[u8], columns: usize) {
    let mut expected = by_records(bytes, columns);
    for target in [1, 2, 3, 7, 64, 65, 200, 1 << 20] {
        let mut got = by_chunks(bytes, columns, target);
        // The list of bad rows has a bound.
        got.bad.truncate(20);
        expected.bad.truncate(20);
        assert_eq!(got, expected, "{target}: {:?}", String::from_utf8_lossy(bytes));
    }
}

#[test]
fn any_text_reads_the_same_in_chunks_of_any_size() {
    let mut rng = rand_chacha::ChaCha8Rng::seed_from_u64(3);
    let pieces: [&[u8]; 14] = [
        b"a",
        b"12",
        b",",
        b",",
        b"\n",
        b"\r\n",
        b"\r",
        b"\"",
        b"\"\"",
        b" ",
        b"\"x,y\n\"",
        b"\"q\"",
        b"\xC3\xA9",
        b"\xE9",
    ];
    for case in 0..6_000 {
        // With the last pieces left out now and then, most texts are well-formed.
        let choice = [5, 6, 8, 12, 13, 14][case % 6];
        let length = rng.next_u64() % 60;
        let mut bytes = if case % 11 == 0 { b"\xEF\xBB\xBF".to_vec() } else { Vec::new() };
        (0..length).for_each(|_| bytes.extend_from_slice(pieces[(rng.next_u64() % choice) as usize]));
        compare(&bytes, 1 + case % 3);
    }
}

/// Tables as programs write them: all quoted or only where needed, with one sort of line end, and at times a fault.
#[test]
fn tables_read_the_same_in_chunks_of_any_size() {
    let mut rng = rand_chacha::ChaCha8Rng::seed_from_u64(4);
    let cells =
        ["", "1", "2.5", "plain", "with, comma", "say \"hi\"", "two\nlines", "two\r\nlines", " padded ", "é", "\""];
    for case in 0..1_500 {
        let columns = 1 + case % 4;
        let line_end = ["\n", "\r\n", "\r"][case / 4 % 3];
        let always = case % 5 == 0;
        let usable = [4, 6, 8, 11][case / 3 % 4];
        let mut text = String::new();
        for _ in 0..rng.next_u64() % 30 {
            let width = if rng.next_u64().is_multiple_of(97) { columns + 1 } else { columns };
            let row: Vec<String> = (0..width)
                .map(|_| {
                    let cell = cells[(rng.next_u64() % usable) as usize];
                    let needed = cell.contains([',', '"', '\n', '\r']);
                    if always || needed { format!("\"{}\"", cell.replace('"', "\"\"")) } else { cell.to_owned() }
                })
                .collect();
            text.push_str(&row.join(","));
            text.push_str(if rng.next_u64().is_multiple_of(50) { "\n\n" } else { line_end });
        }
        let mut bytes = text.into_bytes();
        if case % 7 == 0 && !bytes.is_empty() {
            let at = (rng.next_u64() % bytes.len() as u64) as usize;
            bytes[at] = [0, b'"', 0xFF, b','][(rng.next_u64() % 4) as usize];
        }
        if case % 3 == 0 {
            bytes.truncate(bytes.len().saturating_sub(1));
        }
        compare(&bytes, columns);
    }
}

#[test]
fn large_fields_and_rows_stop_at_the_limits_as_they_do_record_by_record() {
    let field = |bytes: usize| "x".repeat(bytes);
    for text in [
        format!("1,2\n3,{}\n5,6\n", field(MAX_FIELD_BYTES)),
        format!("1,2\n3,{}\n5,6\n", field(MAX_FIELD_BYTES + 1)),
        format!("1,2\n3,\"{}\n5,6\n", field(MAX_FIELD_BYTES + 1)),
        format!("1,2\n{}\n5,6\n", format!("{},", field(1 << 19)).repeat(40)),
        format!("1,2\n3,\"{}\n5,6\n", field(1000)),
    ] {
        let (expected, got) = (by_records(text.as_bytes(), 2), by_chunks(text.as_bytes(), 2, 1 << 16));
        assert_eq!((&got.end, got.rows.len()), (&expected.end, expected.rows.len()));
    }
}

#[test]
fn parity_runs_and_places_are_found() {
    assert_eq!(running_parity(0b0010_0100), 0b0001_1100);
    let mut out = Vec::new();
    let mut places = Positions::new(&mut out);
    places.add(0, !0);
    places.add(64, 1 << 63 | 1);
    places.finish();
    assert_eq!(out, (0..=64).chain([127]).collect::<Vec<u32>>());
}
