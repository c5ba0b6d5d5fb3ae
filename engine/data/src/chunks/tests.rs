//! Chunks of any size, read by any path, against the reader that looks at one record after the other.
#![allow(clippy::unwrap_used)]
use super::*;
use crate::limits::MAX_BAD_ROWS_LISTED;
use rand::{Rng, SeedableRng};
use trainyard_types::Code;

/// Rows with their line, the report of bad rows, and what ended the reading.
#[derive(Debug, Default, PartialEq)]
struct Whole {
    rows: Vec<(u64, Vec<String>)>,
    bad: BadRowReport,
    end: Option<(Problem, bool)>,
}

impl Whole {
    fn add(&mut self, (block, stop): &(Block, Option<Stop>)) {
        let Cells::Text(cells) = &block.cells else { panic!() };
        let row = |row| (0..cells.columns).map(|i| cells.get(row, i).to_owned()).collect();
        self.rows.extend((0..block.rows).map(|i| (block.line(i), row(i))));
        self.bad.count += block.bad.count;
        self.bad.first.extend(block.bad.first.iter().cloned());
        self.bad.first.truncate(MAX_BAD_ROWS_LISTED);
        self.end = stop.as_ref().map(|stop| (stop.problem.clone(), stop.encoding));
    }
}

/// Gives one to seven bytes a read.
struct Trickle<'a>(&'a [u8], usize);
impl Read for Trickle<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.1 = self.1 % 7 + 1;
        let n = self.1.min(self.0.len()).min(buffer.len());
        buffer[..n].copy_from_slice(&self.0[..n]);
        self.0 = &self.0[n..];
        Ok(n)
    }
}

fn source<R: Read>(reader: R, delimiter: u8, columns: usize) -> CsvSource<R> {
    let mut source = CsvSource::new(reader, delimiter, None);
    source.set_columns(columns);
    source
}

fn by_records(bytes: &[u8], delimiter: u8, columns: usize) -> Whole {
    let mut whole = Whole::default();
    whole.add(&source(bytes, delimiter, columns).rest());
    whole
}

fn by_chunks(reader: impl Read, delimiter: u8, columns: usize, target: usize) -> Whole {
    let mut chunks = source(reader, delimiter, columns).into_chunks().unwrap().with_target(target);
    let mut whole = Whole::default();
    let mut memory = Buffers::default();
    while let Some(chunk) = chunks.next(std::mem::take(&mut memory)).unwrap() {
        let read = chunk.block();
        whole.add(&read);
        if whole.end.is_some() {
            break;
        }
        memory = read.0.into_buffers();
    }
    whole
}

fn compare(bytes: &[u8], delimiter: u8, columns: usize) {
    let expected = by_records(bytes, delimiter, columns);
    for target in [1, 2, 3, 7, 64, 65, 200, 1 << 20] {
        let got = by_chunks(Trickle(bytes, target), delimiter, columns, target);
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
        compare(&bytes, b',', 1 + case % 3);
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
        let delimiter = [b',', b';', b'\t', b' ', b'|', b'x'][case / 7 % 6];
        let line_end = ["\n", "\r\n", "\r"][case / 4 % 3];
        let always = case % 5 == 0;
        let usable = [4, 6, 8, 11][case / 3 % 4];
        let mut text = String::new();
        for _ in 0..rng.next_u64() % 30 {
            let width = if rng.next_u64().is_multiple_of(97) { columns + 1 } else { columns };
            let row: Vec<String> = (0..width)
                .map(|_| {
                    let cell = cells[(rng.next_u64() % usable) as usize];
                    let needed = cell.contains([char::from(delimiter), '"', '\n', '\r']);
                    if always || needed { format!("\"{}\"", cell.replace('"', "\"\"")) } else { cell.to_owned() }
                })
                .collect();
            text.push_str(&row.join(&char::from(delimiter).to_string()));
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
        compare(&bytes, delimiter, columns);
    }
}

#[test]
fn large_fields_and_rows_stop_at_the_limits_as_they_do_record_by_record() {
    let field = |bytes: usize| "x".repeat(bytes);
    let row = |last: usize| format!("{}{}", format!("{},", field(MAX_FIELD_BYTES - 1)).repeat(15), field(last));
    // The rows that are read, those that are not, and whether the reading is stopped for a size.
    for (text, columns, rows, bad, stopped) in [
        (format!("1,2\n3,{}\n5,6\n", field(MAX_FIELD_BYTES)), 2, 3, 0, false),
        (format!("1,2\n3,{}\n5,6\n", field(MAX_FIELD_BYTES + 1)), 2, 1, 0, true),
        (format!("1,2\n3,\"{}\n5,6\n", field(MAX_FIELD_BYTES + 1)), 2, 1, 0, true),
        (format!("1\n3,\"{}\"\n5,6\n", field(MAX_FIELD_BYTES)), 2, 2, 1, false),
        (format!("1,2\n{}\n5,6\n", format!("{},", field(1 << 19)).repeat(40)), 2, 1, 0, true),
        // The line end is part of a row: exactly 16 MiB, and a byte more.
        (format!("1,2\n{}\n5,6\n", row(MAX_FIELD_BYTES - 1)), 2, 2, 1, false),
        (format!("{}\r", row(MAX_FIELD_BYTES - 1)), 16, 1, 0, false),
        (format!("1,2\n{}\n5,6\n", row(MAX_FIELD_BYTES)), 2, 1, 0, true),
        (format!("1,2\n{}\r\n5,6\n", row(MAX_FIELD_BYTES - 1)), 2, 1, 0, true),
        (row(MAX_FIELD_BYTES), 16, 1, 0, false),
        (format!("{},\"", row(MAX_FIELD_BYTES - 1)), 16, 0, 0, true),
    ] {
        let expected = by_records(text.as_bytes(), b',', columns);
        assert_eq!((expected.rows.len(), expected.bad.count), (rows, bad));
        assert_eq!(expected.end.as_ref().is_some_and(|(problem, _)| problem.code == Code::TooLarge), stopped);
        for target in [1 << 16, CHUNK_BYTES, 20 << 20] {
            let got = by_chunks(text.as_bytes(), b',', columns, target);
            assert!(got == expected, "{target}: {:?} for {:?}", got.end, expected.end);
        }
    }
}
