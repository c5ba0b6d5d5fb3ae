//! How delimited text is laid out: what separates its fields, and whether its first line holds names.

use crate::{
    cell::{Look, look},
    convert::Reading,
    csv_source::CsvSource,
};

/// Records of the beginning that are looked at.
const RECORDS: usize = 200;

/// The delimiter that divides the text most evenly into more than one field: `,`, `;`, tab or `|`. Text that none
/// divides gets `,` and is a single column.
pub(crate) fn delimiter(text: &[u8], whole: bool, file_name: &str) -> u8 {
    let tab_named =
        file_name.to_ascii_lowercase().ends_with(".tsv") || file_name.to_ascii_lowercase().ends_with(".tab");
    let order: [u8; 4] = if tab_named { *b"\t,;|" } else { *b",;\t|" };
    let mut best = (0.0, order[0]);
    for delimiter in order {
        let counts: Vec<usize> = records(text, whole, delimiter).iter().map(Vec::len).collect();
        let (fields, times) = mode(&counts);
        if fields < 2 {
            continue;
        }
        // Evenness decides; the number of fields only where it is nearly equal.
        let even = times as f64 / counts.len() as f64;
        let score = even + 0.05 * (fields.min(20) as f64 / 20.0);
        if score > best.0 + 1e-9 {
            best = (score, delimiter);
        }
    }
    best.1
}

/// The first records as far as they are whole.
pub(crate) fn records(text: &[u8], whole: bool, delimiter: u8) -> Vec<Vec<String>> {
    let mut source = CsvSource::new(text, delimiter, None);
    let mut records = Vec::new();
    while let Ok(Some((_, record))) = source.next_record() {
        records.push(record);
        if records.len() > RECORDS {
            return records;
        }
    }
    // The last record of a cut text is most likely cut itself.
    if !whole && records.len() > 1 {
        records.pop();
    }
    records
}

/// The most frequent number, the larger of two, and how often it occurs; (0, 0) for none.
pub(crate) fn mode(counts: &[usize]) -> (usize, usize) {
    let mut sorted = counts.to_vec();
    sorted.sort_unstable();
    sorted
        .chunk_by(|a, b| a == b)
        .map(|run| (run[0], run.len()))
        .max_by_key(|&(value, times)| (times, value))
        .unwrap_or((0, 0))
}

/// Whether the first record holds names: each column whose other values are numbers, dates or booleans votes, for
/// names where its first value is text, against where it is the same kind. Without votes, a first line that is all
/// different, present texts counts as names.
pub(crate) fn has_header(records: &[Vec<String>], reading: &Reading) -> bool {
    let Some((first, rest)) = records.split_first() else { return true };
    let kind = |text: &str| match look(text, reading.decimal_comma) {
        Look::Integer | Look::HugeInteger | Look::Float | Look::Infinite => 1,
        Look::Boolean => 2,
        Look::Datetime => 3,
        Look::Text => 0,
    };
    if rest.is_empty() {
        return first.iter().all(|text| kind(text) == 0);
    }
    let (mut names, mut values) = (0_usize, 0_usize);
    for (column, text) in first.iter().enumerate() {
        let mut kinds = rest
            .iter()
            .filter_map(|record| record.get(column))
            .filter(|text| !reading.missing.is(text))
            .map(|text| kind(text));
        let Some(other) = kinds.next() else { continue };
        if other == 0 || kinds.any(|kind| kind != other) {
            continue;
        }
        if reading.missing.is(text) || kind(text) == other {
            values += 1;
        } else {
            names += 1;
        }
    }
    if names != values {
        return names > values;
    }
    let mut sorted: Vec<&String> = first.iter().collect();
    sorted.sort_unstable();
    sorted.dedup();
    names > 0 || (sorted.len() == first.len() && first.iter().all(|text| !text.is_empty() && kind(text) == 0))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cell::Missing;

    fn header(text: &str) -> bool {
        let reading = Reading { missing: Missing::new(&[]), decimal_comma: false };
        has_header(&records(text.as_bytes(), true, b','), &reading)
    }

    #[test]
    fn delimiters_are_found_past_the_ones_inside_text() {
        for (text, expected) in [
            ("a,b\n1,2\n", b','),
            ("a;b\n1,5;2\n3,5;4\n", b';'),
            ("a\tb\n1, 2\t3\n", b'\t'),
            ("a|b|c\n1|x, y|2\n", b'|'),
            ("name\nx\ny\n", b','),
            ("a,b\n\"x;y;z\",1\n\"x;y;z\",2\n", b','),
        ] {
            assert_eq!(delimiter(text.as_bytes(), true, "x.csv"), expected, "{text}");
        }
        assert_eq!(delimiter(b"a b\nc d\n", true, "x.tsv"), b'\t');
    }

    #[test]
    fn headers_are_told_from_values() {
        assert!(header("age,name\n1,x\n2,y\n"));
        assert!(!header("1,x\n2,y\n"));
        assert!(header("a,b\nx,y\nz,w\n"));
        assert!(!header("2024-01-01,a\n2024-01-02,b\n"));
        assert!(header("a,b\n"));
        assert!(!header("1,2\n"));
        assert!(!header("x,x\ny,z\n"));
    }
}
