//! A column's content hash.

use super::present;
use arrow_array::{
    Array, ArrayRef, ArrowPrimitiveType, PrimitiveArray, StringArray,
    cast::AsArray,
    types::{Float64Type, Int32Type, Int64Type, TimestampMillisecondType},
};
use trainyard_types::dataset::ColumnType;

/// Hashes a column's values in their order, however they are cut into blocks: equal hashes mean equal columns.
///
/// blake3 over the type's name, the values and the places of the missing ones. Numbers count as 8 bytes (little-endian,
/// zero where missing; integers, IEEE floats, milliseconds), booleans as 1, texts as their length (8 bytes) and UTF-8.
pub(super) struct ContentHash {
    values: blake3::Hasher,
    missing: blake3::Hasher,
    rows: u64,
    scratch: Vec<u8>,
}

impl ContentHash {
    pub(super) fn new(kind: ColumnType) -> Self {
        let mut values = blake3::Hasher::new();
        values.update(kind.as_str().as_bytes());
        Self { values, missing: blake3::Hasher::new(), rows: 0, scratch: Vec::new() }
    }

    pub(super) fn add(&mut self, array: &ArrayRef, kind: ColumnType) {
        match kind {
            ColumnType::Integer => self.numbers(array.as_primitive::<Int64Type>(), |value| value.to_le_bytes()),
            // Minus zero is zero, as everywhere else.
            ColumnType::Float => {
                self.numbers(array.as_primitive::<Float64Type>(), |value| (value + 0.0).to_le_bytes());
            }
            ColumnType::Datetime => {
                self.numbers(array.as_primitive::<TimestampMillisecondType>(), |value| value.to_le_bytes());
            }
            ColumnType::Boolean => {
                self.scratch.clear();
                self.scratch.extend(array.as_boolean().iter().map(|value| u8::from(value == Some(true))));
                self.values.update(&self.scratch);
            }
            ColumnType::Text => {
                self.scratch.clear();
                match array.as_dictionary_opt::<Int32Type>() {
                    Some(coded) => self.coded(coded.keys(), coded.values().as_string()),
                    None => array.as_string::<i32>().iter().for_each(|text| self.text(text.unwrap_or_default())),
                }
                self.values.update(&self.scratch);
            }
        }
        if array.null_count() > 0 {
            for row in (0..array.len()).filter(|&row| array.is_null(row)) {
                self.missing.update(&(self.rows + row as u64).to_le_bytes());
            }
        }
        self.rows += array.len() as u64;
    }

    fn text(&mut self, text: &str) {
        self.scratch.extend_from_slice(&(text.len() as u64).to_le_bytes());
        self.scratch.extend_from_slice(text.as_bytes());
    }

    fn coded(&mut self, codes: &PrimitiveArray<Int32Type>, levels: &StringArray) {
        // Each level as it counts, the missing one last.
        let (mut pieces, mut starts) = (Vec::new(), vec![0]);
        for text in levels.iter().map(Option::unwrap_or_default).chain([""]) {
            pieces.extend_from_slice(&(text.len() as u64).to_le_bytes());
            pieces.extend_from_slice(text.as_bytes());
            starts.push(pieces.len());
        }
        for code in codes {
            let level = code.map_or(levels.len(), |code| code as usize);
            self.scratch.extend_from_slice(&pieces[starts[level]..starts[level + 1]]);
        }
    }

    fn numbers<T: ArrowPrimitiveType>(&mut self, array: &PrimitiveArray<T>, bytes: impl Fn(T::Native) -> [u8; 8]) {
        self.scratch.clear();
        self.scratch.resize(array.len() * 8, 0);
        let places = self.scratch.as_chunks_mut().0;
        for (start, end) in present(array) {
            let values = &array.values()[start..end];
            places[start..end].iter_mut().zip(values).for_each(|(place, &value)| *place = bytes(value));
        }
        self.values.update(&self.scratch);
    }

    pub(super) fn finish(&self) -> String {
        let mut whole = blake3::Hasher::new();
        whole.update(&self.rows.to_le_bytes());
        whole.update(self.values.finalize().as_bytes());
        whole.update(self.missing.finalize().as_bytes());
        whole.finalize().to_hex().to_string()
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use arrow_array::{DictionaryArray, Float64Array, Int64Array, StringArray};
    use std::sync::Arc;

    fn hash(kind: ColumnType, blocks: &[ArrayRef]) -> String {
        let mut hash = ContentHash::new(kind);
        blocks.iter().for_each(|block| hash.add(block, kind));
        hash.finish()
    }
    fn texts(values: &[Option<&str>]) -> ArrayRef {
        Arc::new(StringArray::from(values.to_vec()))
    }

    // Python, blake3 1.0.11: blake3(struct.pack("<Q", 3) + blake3(kind + values).digest() + blake3(struct.pack("<Q", 1))
    // .digest()).hexdigest(), with integers as "<q", floats as "<d", texts as "<Q" of their length and UTF-8. Hashes are
    // stored, so that they must never change.
    #[test]
    fn hashes_are_those_of_python() {
        let integers: ArrayRef = Arc::new(Int64Array::from(vec![Some(1), None, Some(-7)]));
        let floats: ArrayRef = Arc::new(Float64Array::from(vec![Some(1.5), None, Some(-0.0)]));
        let plain = texts(&[Some("a"), None, Some("é")]);
        let coded: DictionaryArray<Int32Type> = [Some("a"), None, Some("é")].into_iter().collect();
        let text = "8e67a94c4f1aae699b26b7aecb6b05ac0a8fa36ec61154b16f78784c8867af7c";
        for (kind, array, expected) in [
            (ColumnType::Integer, integers, "21834c51934bbbc8f49e4c5b80dd5598ff83b941dc5eafc3d7066fb1fb33bf67"),
            (ColumnType::Float, floats, "e7aacf2333ab1521830a1c5b2266079e0eb51f73e31ff92358a5cd01895e66d6"),
            (ColumnType::Text, plain, text),
            (ColumnType::Text, Arc::new(coded), text),
        ] {
            assert_eq!(hash(kind, std::slice::from_ref(&array)), expected, "{kind:?}");
            assert_eq!(hash(kind, &[array.slice(0, 2), array.slice(2, 1)]), expected, "{kind:?}");
        }
        // What stands in the place of a missing value does not count.
        let filled = Int64Array::new(vec![1, 99, -7].into(), Some(vec![true, false, true].into()));
        let expected = "21834c51934bbbc8f49e4c5b80dd5598ff83b941dc5eafc3d7066fb1fb33bf67";
        assert_eq!(hash(ColumnType::Integer, &[Arc::new(filled)]), expected);
    }

    #[test]
    fn blocks_do_not_matter_but_values_order_and_gaps_do() {
        let whole = hash(ColumnType::Text, &[texts(&[Some("a"), None, Some("bc")])]);
        let parts = hash(ColumnType::Text, &[texts(&[Some("a")]), texts(&[None, Some("bc")])]);
        assert_eq!(whole, parts);
        for other in [
            [Some("a"), Some(""), Some("bc")],
            [Some("ab"), None, Some("c")],
            [Some("bc"), None, Some("a")],
            [None, Some("a"), Some("bc")],
        ] {
            assert_ne!(whole, hash(ColumnType::Text, &[texts(&other)]), "{other:?}");
        }
        let numbers = |values: Vec<Option<i64>>| hash(ColumnType::Integer, &[Arc::new(Int64Array::from(values))]);
        assert_ne!(numbers(vec![Some(0), Some(1)]), numbers(vec![None, Some(1)]));
        assert_ne!(numbers(vec![Some(1)]), numbers(vec![Some(1), Some(0)]));
        let floats = |value: f64| hash(ColumnType::Float, &[Arc::new(Float64Array::from(vec![value]))]);
        assert_eq!(floats(0.0), floats(-0.0));
        assert_ne!(floats(1.0), numbers(vec![Some(1)]));
    }
}
