//! Where delimiters and line feeds stand in text, 64 bytes at a time.
//!
//! Comparing gives a bit a byte, and what is inside quotes is known by counting quotes (Langdale and Lemire, "Parsing
//! Gigabytes of JSON per Second", 2019).

/// What [`quoted`] saw.
pub(crate) struct Seen {
    /// Quotes are only around fields or doubled in them, and carriage returns before line feeds or in quotes.
    pub well_formed: bool,
    /// The text does not end inside quotes.
    pub closed: bool,
    /// There are doubled quotes.
    pub doubled: bool,
}

/// Hands over where separators (delimiters and line feeds) stand outside quotes, and which of them are line feeds: the
/// number of the first of 64 bytes, and a bit a byte.
pub(crate) fn quoted(text: &[u8], delimiter: u8, mut put: impl FnMut(usize, u64, u64)) -> Seen {
    let (mut wrong, mut doubled) = (0, 0);
    // What the bytes before say of the next: it is in quotes; it may open quotes; it follows closed quotes, or a return.
    let (mut inside_before, mut may_open, mut after_quotes, mut after_return) = (0_u64, 1, 0, 0);
    each_64(text, |start, bytes, valid| {
        let quotes = hits(|byte| byte == b'"', bytes);
        let feeds = hits(|byte| byte == b'\n', bytes);
        let returns = hits(|byte| byte == b'\r', bytes);
        let delimiters = hits(|byte| byte == delimiter, bytes);
        // From each opening quote up to the byte before the closing one.
        let inside = running_parity(quotes) ^ inside_before;
        let (opening, closing) = (quotes & inside, quotes & !inside);
        let feeds = feeds & !inside & valid;
        let separators = delimiters & !inside & valid | feeds;
        wrong |= opening & !((separators | closing) << 1 | may_open);
        let follows_quotes = (closing << 1 | after_quotes) & valid;
        doubled |= follows_quotes & opening;
        wrong |= follows_quotes & !(separators | opening | returns);
        let returns = returns & !inside;
        wrong |= (returns << 1 | after_return) & valid & !feeds;
        inside_before = ((inside as i64) >> 63) as u64;
        may_open = (separators | closing) >> 63;
        after_quotes = closing >> 63;
        after_return = returns >> 63;
        put(start, separators, feeds);
    });
    Seen { well_formed: wrong == 0, closed: inside_before == 0, doubled: doubled != 0 }
}

/// A bit is set where an odd number of bits is set up to and with it.
fn running_parity(bits: u64) -> u64 {
    [1, 2, 4, 8, 16, 32].into_iter().fold(bits, |sum, by| sum ^ (sum << by))
}

/// Calls `work` for each 64 bytes with the number of the first, and a bit for each byte that is there: the last ones are
/// filled up with zeros.
#[inline(always)]
pub(crate) fn each_64(text: &[u8], mut work: impl FnMut(usize, &[u8; 64], u64)) {
    let (whole, rest) = text.as_chunks::<64>();
    for (i, bytes) in whole.iter().enumerate() {
        work(i * 64, bytes, !0);
    }
    if !rest.is_empty() {
        let mut bytes = [0; 64];
        bytes[..rest.len()].copy_from_slice(rest);
        work(whole.len() * 64, &bytes, (1 << rest.len()) - 1);
    }
}

/// A bit for each byte that is wanted, the first byte's the lowest.
#[inline(always)]
pub(crate) fn hits(wanted: impl Fn(u8) -> bool, bytes: &[u8; 64]) -> u64 {
    let mut flags = [0_u8; 64];
    for (flag, &byte) in flags.iter_mut().zip(bytes) {
        *flag = u8::from(wanted(byte));
    }
    let (words, _) = flags.as_chunks::<8>();
    // The product's highest byte has the lowest bit of each byte.
    words.iter().enumerate().fold(0, |bits, (i, word)| {
        bits | (u64::from_le_bytes(*word).wrapping_mul(0x0102_0408_1020_4080) >> 56) << (8 * i)
    })
}

/// Collects the places of set bits, without a branch for each.
pub(crate) struct Positions<'a> {
    out: &'a mut Vec<u32>,
    length: usize,
}

impl<'a> Positions<'a> {
    pub(crate) fn new(out: &'a mut Vec<u32>) -> Self {
        Self { out, length: 0 }
    }

    #[inline(always)]
    pub(crate) fn add(&mut self, start: usize, mut bits: u64) {
        if self.length + 64 > self.out.len() {
            self.out.resize((self.out.len() * 2).max(1 << 14), 0);
        }
        let count = bits.count_ones() as usize;
        let out = &mut self.out[self.length..self.length + 64];
        let mut done = 0;
        for eight in out.as_chunks_mut::<8>().0 {
            if done >= count {
                break;
            }
            for place in eight {
                *place = start as u32 + bits.trailing_zeros();
                bits &= bits.wrapping_sub(1);
            }
            done += 8;
        }
        self.length += count;
    }

    pub(crate) fn finish(self) {
        self.out.truncate(self.length);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

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
}
