//! Records at every edge, against the `csv` crate.
#![allow(clippy::unwrap_used)]
use super::*;
use rand::{Rng, SeedableRng};

fn records(bytes: &[u8], delimiter: u8) -> Vec<(u64, Vec<String>)> {
    let mut source = CsvSource::new(bytes, delimiter, None);
    let mut out = Vec::new();
    while let Some(record) = source.next_record().unwrap() {
        out.push(record);
    }
    out
}

#[test]
fn quotes_across_lines_keep_the_line_numbers_right() {
    let got = records(b"a,b\r\n\"x\ny\",2\n\n\"say \"\"hi\"\"\",\"\"\nlast,\"q\"r\"\n5\" pipe,", b',');
    let expected = [
        (1, vec!["a", "b"]),
        (2, vec!["x\ny", "2"]),
        (5, vec!["say \"hi\"", ""]),
        (6, vec!["last", "qr\""]),
        (7, vec!["5\" pipe", ""]),
    ];
    assert_eq!(got.len(), expected.len());
    for ((line, fields), (want_line, want)) in got.iter().zip(expected) {
        assert_eq!(*line, want_line);
        assert_eq!(*fields, want);
    }
}

/// Gives one to seven bytes a read, so that every cut inside a record occurs.
struct Trickle<'a>(&'a [u8], usize);
impl Read for Trickle<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        self.1 = self.1 % 7 + 1;
        let n = self.1.min(self.0.len()).min(buffer.len());
        buffer[..n].copy_from_slice(&self.0[..n]);
        self.0 = &self.0[n..];
        Ok(n)
    }
}

#[test]
fn agrees_with_the_csv_crate_on_random_text() {
    let mut rng = rand_chacha::ChaCha8Rng::seed_from_u64(7);
    let alphabet = b"ab,\"\n\r1";
    for _ in 0..3_000 {
        let length = (rng.next_u64() % 40) as usize;
        let bytes: Vec<u8> = (0..length).map(|_| alphabet[(rng.next_u64() % 7) as usize]).collect();
        let mut source = CsvSource::new(Trickle(&bytes, 0), b',', None);
        let mut ours = Vec::new();
        let closed = loop {
            match source.next_record() {
                Ok(Some((_, fields))) => ours.push(fields),
                Ok(None) => break true,
                Err(_) => break false,
            }
        };
        let theirs: Vec<Vec<String>> = csv::ReaderBuilder::new()
            .has_headers(false)
            .flexible(true)
            .from_reader(bytes.as_slice())
            .records()
            .map(|record| record.unwrap().iter().map(|field| field.trim().to_owned()).collect())
            .collect();
        // An unclosed quote is an error here, and the last field there.
        if closed {
            assert_eq!(ours, theirs, "{:?}", String::from_utf8_lossy(&bytes));
        } else {
            assert_eq!(ours, theirs[..ours.len()], "{:?}", String::from_utf8_lossy(&bytes));
        }
    }
}

/// An endless field, which would fill any memory if it were kept.
struct Endless(u64);
impl Read for Endless {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        self.0 += buffer.len() as u64;
        assert!(self.0 < 64 << 20, "reading should have stopped");
        buffer.fill(b'x');
        Ok(buffer.len())
    }
}

#[test]
fn an_endless_field_stops_at_the_limit() {
    for start in [&b"a,b\n1,2\n3,\""[..], b"a,b\n1,2\n3,"] {
        let mut source = CsvSource::new(start.chain(Endless(0)), b',', None);
        assert!(source.next_record().unwrap().is_some());
        assert!(source.next_record().unwrap().is_some());
        let stop = source.next_record().unwrap_err();
        assert_eq!(stop.problem.code, Code::TooLarge);
        assert!(stop.problem.message.contains("line 3"), "{}", stop.problem.message);
        assert!(source.window.unread().len() < 4 << 20);
    }
}

#[test]
fn ragged_rows_nul_and_bad_utf8_are_found_with_their_line() {
    let mut source = CsvSource::new(&b"1,2\n3\n\n4,5,6\n7,8\n  \n"[..], b',', None);
    source.set_columns(2);
    let (block, stop) = source.rest();
    assert!(stop.is_none());
    assert_eq!((block.rows, block.bad.count), (2, 2));
    assert_eq!(block.bad.first[0].line, 2);
    assert_eq!(block.bad.first[1].line, 4);
    assert_eq!(block.bad.first[1].value, "4,5,6");
    assert_eq!(block.line(1), 5);
    assert_eq!(source.rest().0.rows, 0);

    for (bytes, encoding) in [
        (&b"1,2\n3,\0\n\xE9,4\n"[..], false),
        (b"1,2\n3,\xE9\n4,\0\n", true),
        (b"1,2\n\xC3,\xA9\n", true),
        (b"1,2\n3,\xE9\n\"4", true),
    ] {
        let mut source = CsvSource::new(bytes, b',', None);
        source.set_columns(2);
        let (block, stop) = source.rest();
        assert_eq!(block.rows, 1, "what stands before is read");
        let stop = stop.unwrap();
        assert_eq!(stop.encoding, encoding);
        assert!(stop.problem.message.contains("ine 2"), "{}", stop.problem.message);
    }
}
