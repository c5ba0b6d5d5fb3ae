//! One record's fields.

use crate::{block::line_ends, limits::MAX_FIELD_BYTES};
use memchr::{memchr, memchr3};

/// What stands at the beginning of some text.
pub(super) enum Scan {
    /// A record of `used` bytes that has `lines` line ends, its own included.
    Record {
        used: usize,
        lines: u64,
    },
    /// The record goes on behind the window.
    Incomplete,
    FieldTooLong,
    /// The text ends inside quotes.
    Unclosed,
}

/// Appends the fields of the record that `input` begins with to `text`, without their quotes, and their ends to `ends`;
/// `finished` says that nothing follows the input. What was appended is of use only where a record was found.
pub(super) fn scan(input: &[u8], finished: bool, delimiter: u8, text: &mut Vec<u8>, ends: &mut Vec<u32>) -> Scan {
    let (mut at, mut lines) = (0, 0);
    loop {
        let field = text.len();
        if input.get(at) == Some(&b'"') {
            at += 1;
            loop {
                let Some(i) = memchr(b'"', &input[at..]) else {
                    return if text.len() - field + input.len() - at > MAX_FIELD_BYTES {
                        Scan::FieldTooLong
                    } else if finished {
                        Scan::Unclosed
                    } else {
                        Scan::Incomplete
                    };
                };
                lines += line_ends(&input[at..at + i]);
                text.extend_from_slice(&input[at..at + i]);
                if text.len() - field > MAX_FIELD_BYTES {
                    return Scan::FieldTooLong;
                }
                at += i + 1;
                match input.get(at) {
                    Some(b'"') => {
                        text.push(b'"');
                        at += 1;
                    }
                    None if !finished => return Scan::Incomplete,
                    _ => break,
                }
            }
        }
        let Some(i) = memchr3(delimiter, b'\n', b'\r', &input[at..]) else {
            if text.len() - field + input.len() - at > MAX_FIELD_BYTES {
                return Scan::FieldTooLong;
            }
            if !finished {
                return Scan::Incomplete;
            }
            text.extend_from_slice(&input[at..]);
            ends.push(text.len() as u32);
            return Scan::Record { used: input.len(), lines };
        };
        text.extend_from_slice(&input[at..at + i]);
        if text.len() - field > MAX_FIELD_BYTES {
            return Scan::FieldTooLong;
        }
        ends.push(text.len() as u32);
        at += i;
        match (input[at], input.get(at + 1)) {
            (b'\r', None) if !finished => return Scan::Incomplete,
            (b'\r', Some(b'\n')) => return Scan::Record { used: at + 2, lines: lines + 1 },
            (b'\r' | b'\n', _) => return Scan::Record { used: at + 1, lines: lines + 1 },
            _ => at += 1,
        }
    }
}
