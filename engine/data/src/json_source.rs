//! JSON Lines as blocks of cells: one object a line, whose keys are the columns.
//!
//! `null`, an absent key and the empty text are missing. Numbers and booleans become their usual text, nested objects
//! and arrays become JSON text. Of a key that occurs twice in an object the last value counts.

use crate::{
    block::{Block, Cells, Lines, Stop, TextCells, note_bad},
    csv_source::not_utf8,
    decode::{Meter, Window},
    limits::{BLOCK_BYTES, BLOCK_CELLS, BLOCK_ROWS, MAX_COLUMNS, MAX_FIELD_BYTES, MAX_NAME_CHARS, MAX_RECORD_BYTES},
    words,
};
use memchr::memchr;
use serde::de::{DeserializeSeed, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};
use std::{collections::HashMap, fmt, io::Read};
use trainyard_types::{
    Code, Problem,
    dataset::{BadRow, BadRowReport},
};

/// Reads blocks; the columns are given, or grow with the keys that appear.
pub(crate) struct JsonSource<R> {
    window: Window<R>,
    meter: Option<Meter>,
    line: u64,
    started: bool,
    row: RowCells,
    /// A row that was read but has more columns than the block it would have gone into.
    waiting: Option<u64>,
}

/// The cells of one object, by column.
struct RowCells {
    columns: HashMap<String, usize>,
    names: Vec<String>,
    /// Whether an unknown key makes a new column, or is passed over.
    grows: bool,
    cells: Vec<String>,
    /// Columns that ever held an object or array.
    nested: Vec<bool>,
    too_long: bool,
    /// A key that can't be a column's name was passed over.
    odd_keys: bool,
}

impl<R: Read> JsonSource<R> {
    /// A source with the given columns, or, where there are none, with those that the file's keys make.
    pub(crate) fn new(reader: R, names: &[String], meter: Option<Meter>) -> Self {
        let columns = names.iter().cloned().enumerate().map(|(i, name)| (name, i)).collect();
        let row = RowCells {
            columns,
            names: names.to_vec(),
            grows: names.is_empty(),
            cells: vec![String::new(); names.len()],
            nested: vec![false; names.len()],
            too_long: false,
            odd_keys: false,
        };
        Self { window: Window::new(reader), meter, line: 1, started: false, row, waiting: None }
    }

    /// The keys so far, in order of first appearance.
    pub(crate) fn names(&self) -> &[String] {
        &self.row.names
    }

    /// Columns (by index) that held objects or arrays so far.
    pub(crate) fn nested(&self) -> &[bool] {
        &self.row.nested
    }

    /// Whether keys were passed over that are empty, too long, or hold control characters.
    pub(crate) fn odd_keys(&self) -> bool {
        self.row.odd_keys
    }

    /// The next line that is not empty, as `(line, its length in the window)`; it is not passed yet.
    fn next_line(&mut self) -> Result<Option<(u64, usize)>, Stop> {
        if !self.started {
            self.started = true;
            self.fill()?;
            if self.window.unread().starts_with(b"\xEF\xBB\xBF") {
                self.window.pass(3);
            }
        }
        loop {
            let unread = self.window.unread();
            let end = match memchr(b'\n', unread) {
                Some(end) => end,
                None if self.window.finished() && unread.is_empty() => return Ok(None),
                None if self.window.finished() => unread.len(),
                None if unread.len() > MAX_RECORD_BYTES => {
                    return Err(too_large("row", self.line, MAX_RECORD_BYTES).into());
                }
                None => {
                    self.fill()?;
                    continue;
                }
            };
            if unread[..end].iter().all(u8::is_ascii_whitespace) {
                self.window.pass(end + 1);
                self.line += 1;
                continue;
            }
            return Ok(Some((self.line, end)));
        }
    }

    fn fill(&mut self) -> Result<(), Stop> {
        self.window.fill().map_err(|error| Problem::internal(format!("The file can't be read: {error}.")).into())
    }

    /// The next block; `None` at the end. All its rows have as many cells as there were columns when it began.
    pub(crate) fn next_block(&mut self) -> Result<Option<Block>, Stop> {
        let mut text: Vec<u8> = Vec::with_capacity(BLOCK_BYTES + (64 << 10));
        let (mut ends, mut lines) = (Vec::new(), Vec::new());
        let mut bad = BadRowReport::default();
        // A new source has no columns before its first row.
        let mut columns = self.row.names.len();
        if let Some(line) = self.waiting.take() {
            self.row.append(&mut text, &mut ends);
            lines.push(line);
        }
        while lines.len() < BLOCK_ROWS.min(BLOCK_CELLS / columns.max(1)).max(1)
            && text.len() < BLOCK_BYTES
            && bad.count < BLOCK_ROWS as u64
        {
            let Some((line, length)) = self.next_line()? else { break };
            let bytes = &self.window.unread()[..length];
            if memchr(0, bytes).is_some() {
                return Err(Problem::invalid(format!(
                    "Line {} holds a NUL byte, which no text file does. The file is damaged, or not JSON Lines.",
                    words::count(line)
                ))
                .into());
            }
            if std::str::from_utf8(bytes).is_err() {
                return Err(not_utf8(&words::count(line)));
            }
            match self.row.read(bytes) {
                Ok(()) => {
                    if self.row.too_long {
                        return Err(too_large("value", line, MAX_FIELD_BYTES).into());
                    }
                    if self.row.names.len() > MAX_COLUMNS {
                        return Err(too_many_columns(None).into());
                    }
                    if self.row.names.len() > columns {
                        // The rows so far make a block of their own; a first row begins with its columns.
                        if lines.is_empty() {
                            columns = self.row.names.len();
                        } else {
                            self.waiting = Some(line);
                        }
                    }
                    if self.waiting.is_none() {
                        self.row.append(&mut text, &mut ends);
                        lines.push(line);
                    }
                }
                Err(error) => {
                    let value = words::clip(&String::from_utf8_lossy(&bytes[..bytes.len().min(400)]));
                    let reason = reason(&error);
                    note_bad(&mut bad, || BadRow { line, column: String::new(), value, reason });
                }
            }
            self.window.pass(length + 1);
            self.line += 1;
            if self.waiting.is_some() {
                break;
            }
        }
        if lines.is_empty() && bad.count == 0 {
            return Ok(None);
        }
        let rows = lines.len();
        let cells = TextCells::new(text, ends, columns).map_err(|_| not_utf8(&words::count(self.line)))?;
        let fraction = self.meter.as_ref().map_or(0.0, Meter::fraction);
        Ok(Some(Block { rows, lines: Lines::Each(lines), cells: Cells::Text(cells), bad, fraction }))
    }
}

/// The refusal of a table with too many columns.
pub(crate) fn too_many_columns(found: Option<usize>) -> Problem {
    let found = found.map_or_else(|| "more".to_owned(), |n| words::count(n as u64));
    Problem::new(
        Code::TooLarge,
        format!(
            "The table has {found} columns; the limit is {}. Leave columns out, or turn them into rows.",
            words::count(MAX_COLUMNS as u64)
        ),
    )
}

fn too_large(what: &str, line: u64, limit: usize) -> Problem {
    Problem::new(
        Code::TooLarge,
        format!(
            "A {what} on line {} is larger than {} MiB, which is the limit. Shorten it or leave it out.",
            words::count(line),
            limit >> 20
        ),
    )
}

/// serde_json's message without its position, which counts within the line.
fn reason(error: &serde_json::Error) -> String {
    let text = error.to_string();
    let what = text.split(" at line ").next().unwrap_or(&text).to_owned();
    format!("is no JSON object: {what} (character {})", error.column())
}

impl RowCells {
    fn read(&mut self, bytes: &[u8]) -> Result<(), serde_json::Error> {
        self.cells.iter_mut().for_each(String::clear);
        let mut deserializer = serde_json::Deserializer::from_slice(bytes);
        deserializer.deserialize_map(ObjectVisitor(self))?;
        deserializer.end()
    }

    fn append(&self, text: &mut Vec<u8>, ends: &mut Vec<u32>) {
        for cell in &self.cells {
            text.extend_from_slice(cell.as_bytes());
            ends.push(text.len() as u32);
        }
    }

    fn column(&mut self, key: &str) -> Option<usize> {
        if let Some(&column) = self.columns.get(key) {
            return Some(column);
        }
        // One more than allowed is enough to know that there are too many.
        if !self.grows || self.names.len() > MAX_COLUMNS {
            return None;
        }
        if key.trim().is_empty() || key.chars().count() > MAX_NAME_CHARS || key.chars().any(char::is_control) {
            self.odd_keys = true;
            return None;
        }
        let column = self.names.len();
        self.columns.insert(key.to_owned(), column);
        self.names.push(key.to_owned());
        self.cells.push(String::new());
        self.nested.push(false);
        Some(column)
    }
}

struct ObjectVisitor<'a>(&'a mut RowCells);

impl<'de> Visitor<'de> for ObjectVisitor<'_> {
    type Value = ();
    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }
    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        while let Some(key) = map.next_key::<String>()? {
            match self.0.column(&key) {
                Some(column) => {
                    let cell = &mut self.0.cells[column];
                    cell.clear();
                    let nested = map.next_value_seed(CellSeed(cell))?;
                    self.0.nested[column] |= nested;
                    self.0.too_long |= self.0.cells[column].len() > MAX_FIELD_BYTES;
                }
                None => {
                    map.next_value::<IgnoredAny>()?;
                }
            }
        }
        Ok(())
    }
}

/// Writes a value as text into the cell; the answer is whether it was an object or array.
struct CellSeed<'a>(&'a mut String);

impl<'de> DeserializeSeed<'de> for CellSeed<'_> {
    type Value = bool;
    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<bool, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for CellSeed<'_> {
    type Value = bool;
    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON value")
    }
    fn visit_unit<E>(self) -> Result<bool, E> {
        Ok(false)
    }
    fn visit_bool<E>(self, value: bool) -> Result<bool, E> {
        self.0.push_str(if value { "true" } else { "false" });
        Ok(false)
    }
    fn visit_i64<E>(self, value: i64) -> Result<bool, E> {
        self.0.push_str(&value.to_string());
        Ok(false)
    }
    fn visit_u64<E>(self, value: u64) -> Result<bool, E> {
        self.0.push_str(&value.to_string());
        Ok(false)
    }
    fn visit_f64<E>(self, value: f64) -> Result<bool, E> {
        // `1.0` keeps its point, so that a column of floats stays one.
        self.0.push_str(&format!("{value:?}"));
        Ok(false)
    }
    fn visit_str<E>(self, value: &str) -> Result<bool, E> {
        // `\u0000` is allowed in JSON but by no store behind this one.
        self.0.extend(value.chars().filter(|&c| c != '\0'));
        Ok(false)
    }
    fn visit_seq<A: SeqAccess<'de>>(self, seq: A) -> Result<bool, A::Error> {
        let value: serde_json::Value =
            serde::Deserialize::deserialize(serde::de::value::SeqAccessDeserializer::new(seq))?;
        self.0.push_str(&value.to_string());
        Ok(true)
    }
    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<bool, A::Error> {
        let value: serde_json::Value =
            serde::Deserialize::deserialize(serde::de::value::MapAccessDeserializer::new(map))?;
        self.0.push_str(&value.to_string());
        Ok(true)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn cells(block: &Block) -> Vec<Vec<String>> {
        let Cells::Text(cells) = &block.cells else { panic!("text expected") };
        (0..block.rows).map(|r| (0..cells.columns).map(|c| cells.get(r, c).to_owned()).collect()).collect()
    }

    #[test]
    fn keys_grow_into_columns_and_nested_values_stay_json() {
        let text = "{\"b\": 1, \"a\": \"x\"}\n\n{\"a\": null, \"c\": {\"k\": [1, 2]}, \"b\": 2.0}\n{\"a\": true, \"a\": false}\n";
        let mut source = JsonSource::new(text.as_bytes(), &[], None);
        let first = source.next_block().unwrap().unwrap();
        assert_eq!(cells(&first), [["1", "x"]]);
        let second = source.next_block().unwrap().unwrap();
        assert_eq!(cells(&second), [["2.0", "", "{\"k\":[1,2]}"], ["", "false", ""]]);
        assert_eq!(second.line(0), 3);
        assert!(source.next_block().unwrap().is_none());
        assert_eq!(source.names(), ["b", "a", "c"]);
        assert_eq!(source.nested(), [false, false, true]);
    }

    #[test]
    fn bad_lines_are_listed_and_given_columns_do_not_grow() {
        let text = "{\"a\": 1}\n[1]\n{\"a\": 2, \"z\": [{}]}\n{\"a\": \n";
        let names = ["a".to_owned()];
        let mut source = JsonSource::new(text.as_bytes(), &names, None);
        let block = source.next_block().unwrap().unwrap();
        assert_eq!(cells(&block), [["1"], ["2"]]);
        assert_eq!(block.bad.count, 2);
        assert_eq!((block.bad.first[0].line, block.bad.first[1].line), (2, 4));
        assert!(block.bad.first[0].reason.contains("object"), "{}", block.bad.first[0].reason);
    }
}
