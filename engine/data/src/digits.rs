//! Short numbers, whose characters are all read at the same time.

/// The zeros' code in eight bytes.
const ZEROS: u64 = 0x3030_3030_3030_3030;
const POINTS: u64 = 0x2e2e_2e2e_2e2e_2e2e;
const ONES: u64 = 0x0101_0101_0101_0101;
const POWERS: [f64; 8] = [1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7];

/// A number of at most eight digits and points, of which there is at most one, after a minus sign or none. Its first
/// digit is no zero before another digit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Short {
    digits: u32,
    negative: bool,
    /// Digits after the point, if there is one.
    places: Option<u8>,
}

impl Short {
    /// The whole number, if there is no point.
    #[inline]
    pub(crate) fn integer(self) -> Option<i64> {
        let value = i64::from(self.digits);
        self.places.is_none().then_some(if self.negative { -value } else { value })
    }

    /// The closest float: both numbers of the quotient are exact.
    #[inline]
    pub(crate) fn float(self) -> f64 {
        let value = f64::from(self.digits) / POWERS[usize::from(self.places.unwrap_or(0))];
        if self.negative { -value } else { value }
    }
}

/// Reads `text[start..end]`. `None` says that it is something else, or that there are not eight bytes up to its end; not
/// that it is no number.
#[inline]
pub(crate) fn short(text: &[u8], start: usize, end: usize) -> Option<Short> {
    let first = *text.get(start)?;
    let negative = first == b'-';
    let start = start + usize::from(negative);
    let length = end.checked_sub(start)?;
    if !matches!(first, b'-' | b'.' | b'0'..=b'9') || !(1..=8).contains(&length) {
        return None;
    }
    if text[start] == b'0' && length > 1 && text[start + 1] != b'.' {
        return None;
    }
    let word = u64::from_le_bytes(*text.get(end.checked_sub(8)?..end)?.first_chunk()?);
    // The first character is in the lowest byte: what stands before it becomes zeros.
    let own = !0_u64 << (8 * (8 - length));
    let word = word & own | ZEROS & !own;
    // The highest bit of each byte that is a point; above the lowest such byte of others too, which are no digits.
    let other = word ^ POINTS;
    let point = other.wrapping_sub(ONES) & !other & (ONES << 7);
    let (word, places) = if point == 0 {
        (word, None)
    } else {
        if length == 1 {
            return None;
        }
        let at = point.trailing_zeros() / 8;
        let before = (1_u64 << (8 * at)) - 1;
        let after = !(before << 8 | 0xff);
        // What stands before the point moves into its place.
        ((word & before) << 8 | u64::from(b'0') | word & after, Some(7 - at as u8))
    };
    let all_digits = word & (ONES * 0xf0) == ZEROS && word.wrapping_add(ONES * 6) & (ONES * 0xf0) == ZEROS;
    all_digits.then(|| Short { digits: eight_digits(word), negative, places })
}

/// The value of eight digits, the first in the lowest byte: pairs, fours and eights are added up at the same time (Lemire,
/// "Number parsing at a gigabyte per second", 2021).
#[inline]
fn eight_digits(word: u64) -> u32 {
    let word = (word & (ONES * 0x0f)).wrapping_mul(10 << 8 | 1) >> 8;
    let word = (word & 0x00ff_00ff_00ff_00ff).wrapping_mul(100 << 16 | 1) >> 16;
    ((word & 0x0000_ffff_0000_ffff).wrapping_mul(10_000 << 32 | 1) >> 32) as u32
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cell::{self, Look, look};
    use rand::{RngExt, SeedableRng};

    #[test]
    fn short_numbers_are_what_parsing_says() {
        let mut random = rand_chacha::ChaCha8Rng::seed_from_u64(9);
        let mut read = 0;
        for case in 0..300_000 {
            let before = &"9.,-é 0123"[..[0, 1, 3, 4, 9, 11][case % 6]];
            let alphabet = if case % 3 == 0 { "0123456789.-/:+e, " } else { "0123456789." };
            let cell: String = (0..random.random_range(0..11))
                .map(|_| char::from(alphabet.as_bytes()[random.random_range(0..alphabet.len())]))
                .collect();
            let sign = if random.random() { "-" } else { "" };
            let text = format!("{before}{sign}{cell}");
            let cell = &text[before.len()..];
            let got = short(text.as_bytes(), before.len(), text.len());
            let Some(got) = got else { continue };
            read += 1;
            let whole = cell::integer(cell).filter(|_| look(cell, false) == Look::Integer);
            assert_eq!(got.integer(), whole, "{text}");
            assert_eq!(look(cell, false), if whole.is_some() { Look::Integer } else { Look::Float }, "{text}");
            assert_eq!(Some(got.float().to_bits()), cell.parse::<f64>().ok().map(f64::to_bits), "{text}");
        }
        assert!(read > 20_000, "{read}");
    }

    #[test]
    fn what_is_short_is_read() {
        for text in ["0", "7", "42", "12345678", "0.5", ".5", "5.", "1234.567", "-3", "-12345678", "-0.25", "-.5", "-0"]
        {
            let padded = format!("before,{text}");
            assert!(short(padded.as_bytes(), 7, padded.len()).is_some(), "{text}");
        }
        for text in ["", "-", ".", "-.", "1.2.3", "007", "-01", "00.5", "+1", "1e5", "123456789", "1/2", " 1", "1 "] {
            let padded = format!("before,{text}");
            assert_eq!(short(padded.as_bytes(), 7, padded.len()), None, "{text}");
        }
        assert_eq!(short(b"1,2", 2, 3), None, "too few bytes before");
    }
}
