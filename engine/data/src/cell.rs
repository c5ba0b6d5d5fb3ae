//! Single values as text: what type they look like, and reading them as one.

use trainyard_types::{dataset::ColumnType, time::civil_from_days};

/// Texts that mean "missing" unless a person says otherwise. Compared after trimming, upper and lower case apart.
pub(crate) const DEFAULT_MISSING: [&str; 8] = ["NA", "N/A", "NaN", "nan", "null", "NULL", "None", "?"];

/// Decides quickly whether a trimmed text means "missing".
#[derive(Clone, Debug)]
pub(crate) struct Missing {
    tokens: Vec<String>,
    /// First bytes that any token begins with: most values are told apart by it.
    first: [bool; 256],
    /// No token begins as a number does.
    no_numbers: bool,
}

impl Missing {
    pub(crate) fn new(tokens: &[String]) -> Self {
        let tokens: Vec<String> =
            tokens.iter().map(|token| token.trim().to_owned()).filter(|token| !token.is_empty()).collect();
        let mut first = [false; 256];
        for token in &tokens {
            first[usize::from(token.as_bytes()[0])] = true;
        }
        let no_numbers =
            !first.iter().zip(0..=u8::MAX).any(|(first, byte)| *first && matches!(byte, b'-' | b'.' | b'0'..=b'9'));
        Self { tokens, first, no_numbers }
    }

    /// Whether no number means "missing".
    #[inline]
    pub(crate) fn no_numbers(&self) -> bool {
        self.no_numbers
    }

    /// The empty text is missing whatever the tokens are.
    #[inline]
    pub(crate) fn is(&self, trimmed: &str) -> bool {
        match trimmed.as_bytes().first() {
            None => true,
            Some(&byte) => self.first[usize::from(byte)] && self.tokens.iter().any(|token| token == trimmed),
        }
    }
}

/// What a single value looks like.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Look {
    Integer,
    /// Written as a whole number that does not fit 64 bits.
    HugeInteger,
    Float,
    /// `inf` and its kin: a float, but not a finite one.
    Infinite,
    Boolean,
    Datetime,
    Text,
}

/// What a trimmed, present value looks like. Whole numbers with leading zeros or a plus sign look like text: they
/// are postal codes and telephone numbers, which reading as numbers would damage.
pub(crate) fn look(text: &str, decimal_comma: bool) -> Look {
    let bytes = text.as_bytes();
    let Some(&first) = bytes.first() else { return Look::Text };
    match first {
        b'0'..=b'9' | b'-' | b'+' | b'.' => {
            let digits = match first {
                b'-' | b'+' => &bytes[1..],
                _ => bytes,
            };
            let whole = digits.iter().position(|byte| !byte.is_ascii_digit()).unwrap_or(digits.len());
            let zero_led = digits.len() > 1 && digits[0] == b'0' && digits[1].is_ascii_digit();
            if whole > 0 && whole == digits.len() {
                if first == b'+' || zero_led {
                    return Look::Text;
                }
                return if digits.len() <= 18 || text.parse::<i64>().is_ok() {
                    Look::Integer
                } else {
                    Look::HugeInteger
                };
            }
            // Digits with a point, so few that they make a finite number.
            if (2..=300).contains(&digits.len())
                && digits.get(whole) == Some(&b'.')
                && digits[whole + 1..].iter().all(u8::is_ascii_digit)
            {
                return if zero_led { Look::Text } else { Look::Float };
            }
            // No number has a dash or a slash after four digits.
            if let [b'0'..=b'9', b'0'..=b'9', b'0'..=b'9', b'0'..=b'9', b'-' | b'/', ..] = bytes {
                return if datetime(text).is_some() { Look::Datetime } else { Look::Text };
            }
            match float(text, decimal_comma) {
                // `00.5` is no number's usual spelling either.
                Some(_) if zero_led => Look::Text,
                Some(value) if value.is_finite() => Look::Float,
                Some(_) => Look::Infinite,
                None if datetime(text).is_some() => Look::Datetime,
                None => Look::Text,
            }
        }
        b't' | b'T' | b'f' | b'F' if boolean(text).is_some() => Look::Boolean,
        b'i' | b'I' if float(text, decimal_comma).is_some() => Look::Infinite,
        _ => Look::Text,
    }
}

/// A whole number in 64 bits, optionally signed.
#[inline]
pub(crate) fn integer(text: &str) -> Option<i64> {
    let bytes = text.as_bytes();
    // Up to 18 digits can't overflow, which is the common case.
    let (negative, digits) = match bytes.first()? {
        b'-' => (true, &bytes[1..]),
        b'+' => (false, &bytes[1..]),
        _ => (false, bytes),
    };
    if digits.is_empty() || digits.len() > 18 {
        return text.parse().ok();
    }
    let mut value = 0_i64;
    for &digit in digits {
        let digit = digit.wrapping_sub(b'0');
        if digit > 9 {
            return None;
        }
        value = value * 10 + i64::from(digit);
    }
    Some(if negative { -value } else { value })
}

/// A decimal number, with `,` as decimal sign too where `decimal_comma`. Infinite values are `inf`, `infinity` and
/// decimals beyond the range; `nan` is none.
#[inline]
pub(crate) fn float(text: &str, decimal_comma: bool) -> Option<f64> {
    if let Some(value) = short_decimal(text.as_bytes()) {
        return Some(value);
    }
    let value: f64 = if decimal_comma && text.contains(',') {
        text.replacen(',', ".", 1).parse().ok()?
    } else {
        text.parse().ok()?
    };
    (!value.is_nan()).then_some(value)
}

/// Digits with at most one point that make a whole number below 2^53 over a power of ten up to 10^17: both are exact, so
/// that their quotient is the closest float (Clinger, "How to Read Floating Point Numbers Accurately", 1990). `None` says
/// that the text is something else, not that it is no number.
#[inline]
fn short_decimal(text: &[u8]) -> Option<f64> {
    const POWERS: [f64; 18] =
        [1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15, 1e16, 1e17];
    let (negative, digits) = match text {
        [b'-', digits @ ..] => (true, digits),
        digits => (false, digits),
    };
    if digits.is_empty() || digits.len() > 18 {
        return None;
    }
    let mut value = 0_u64;
    let mut at = 0;
    let mut read = |at: &mut usize| {
        let from = *at;
        while let Some(&byte) = digits.get(*at)
            && byte.is_ascii_digit()
        {
            value = value * 10 + u64::from(byte - b'0');
            *at += 1;
        }
        *at - from
    };
    let whole = read(&mut at);
    let mut places = 0;
    if digits.get(at) == Some(&b'.') {
        at += 1;
        places = read(&mut at);
    }
    if at < digits.len() || whole + places == 0 || value >= 1 << 53 {
        return None;
    }
    let value = value as f64 / POWERS[places];
    Some(if negative { -value } else { value })
}

/// `true` or `false`, upper or lower case.
pub(crate) fn boolean(text: &str) -> Option<bool> {
    if text.eq_ignore_ascii_case("true") {
        Some(true)
    } else if text.eq_ignore_ascii_case("false") {
        Some(false)
    } else {
        None
    }
}

/// Milliseconds since 1970 (UTC) of `YYYY-MM-DD` or `YYYY/MM/DD`, optionally with `T` or a space and `HH:MM[:SS[.f]]`
/// and `Z` or an offset `±HH[:]MM`. Without an offset the time counts as UTC.
pub(crate) fn datetime(text: &str) -> Option<i64> {
    let bytes = text.as_bytes();
    if bytes.len() < 10 || bytes.len() > 40 {
        return None;
    }
    let separator = bytes[4];
    if (separator != b'-' && separator != b'/') || bytes[7] != separator {
        return None;
    }
    let (year, month, day) = (digits(&bytes[0..4])?, digits(&bytes[5..7])?, digits(&bytes[8..10])?);
    if year == 0 || !(1..=12).contains(&month) || day == 0 || day > days_in_month(year, month) {
        return None;
    }
    let midnight = days_from_civil(year, month, day) * 86_400_000;
    let rest = &bytes[10..];
    if rest.is_empty() {
        return Some(midnight);
    }
    if (rest[0] != b'T' && rest[0] != b' ') || rest.len() < 6 || rest[3] != b':' {
        return None;
    }
    let (hour, minute) = (digits(&rest[1..3])?, digits(&rest[4..6])?);
    let mut rest = &rest[6..];
    let (mut second, mut millis) = (0, 0);
    if rest.len() >= 3 && rest[0] == b':' {
        second = digits(&rest[1..3])?;
        rest = &rest[3..];
        if rest.first() == Some(&b'.') {
            let length = rest[1..].iter().take_while(|byte| byte.is_ascii_digit()).count();
            if length == 0 || length > 12 {
                return None;
            }
            for (place, digit) in rest[1..=length].iter().take(3).enumerate() {
                millis += i64::from(digit - b'0') * [100, 10, 1][place];
            }
            rest = &rest[1 + length..];
        }
    }
    if hour > 23 || minute > 59 || second > 59 {
        return None;
    }
    let offset_minutes = match rest {
        [] | [b'Z' | b'z'] | [b' ', b'U', b'T', b'C'] => 0,
        [sign @ (b'+' | b'-'), zone @ ..] => {
            let (hours, minutes) = match zone {
                [a, b] => (digits(&[*a, *b])?, 0),
                [a, b, b':', c, d] | [a, b, c, d] => (digits(&[*a, *b])?, digits(&[*c, *d])?),
                _ => return None,
            };
            if hours > 18 || minutes > 59 {
                return None;
            }
            (hours * 60 + minutes) * if *sign == b'-' { -1 } else { 1 }
        }
        _ => return None,
    };
    Some(midnight + ((hour * 60 + minute - offset_minutes) * 60 + second) * 1000 + millis)
}

/// The value of a few digits.
#[inline]
fn digits(bytes: &[u8]) -> Option<i64> {
    let (mut value, mut other) = (0, false);
    for byte in bytes {
        let digit = byte.wrapping_sub(b'0');
        other |= digit > 9;
        value = value * 10 + i64::from(digit);
    }
    (!other).then_some(value)
}

fn days_in_month(year: i64, month: i64) -> i64 {
    match month {
        2 if year % 4 == 0 && (year % 100 != 0 || year % 400 == 0) => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

/// Days since 1970-01-01 of a proleptic Gregorian date (Howard Hinnant, "chrono-compatible low-level date
/// algorithms", <https://howardhinnant.github.io/date_algorithms.html>).
pub(crate) fn days_from_civil(year: i64, month: i64, day: i64) -> i64 {
    let year = if month <= 2 { year - 1 } else { year };
    let era = year.div_euclid(400);
    let yoe = year.rem_euclid(400);
    let doy = (153 * (if month > 2 { month - 3 } else { month + 9 }) + 2) / 5 + day - 1;
    era * 146_097 + yoe * 365 + yoe / 4 - yoe / 100 + doy - 719_468
}

/// `2012-10-02` at midnight or where `date_only`, otherwise `2012-10-02 09:00:00`, with milliseconds where there are some.
pub(crate) fn show_datetime(millis: i64, date_only: bool) -> String {
    let (days, of_day) = (millis.div_euclid(86_400_000), millis.rem_euclid(86_400_000));
    let (year, month, day) = civil_from_days(days);
    let date = format!("{year:04}-{month:02}-{day:02}");
    if date_only {
        return date;
    }
    let (seconds, fraction) = (of_day / 1000, of_day % 1000);
    let time = format!("{:02}:{:02}:{:02}", seconds / 3600, seconds / 60 % 60, seconds % 60);
    if fraction == 0 { format!("{date} {time}") } else { format!("{date} {time}.{fraction:03}") }
}

/// A float as the shortest text that reads back the same.
pub(crate) fn show_float(value: f64) -> String {
    let magnitude = value.abs();
    if magnitude != 0.0 && !(1e-5..1e16).contains(&magnitude) { format!("{value:e}") } else { format!("{value}") }
}

/// Why a value can't be read as the type, for the report of bad rows.
pub(crate) fn not_a(kind: ColumnType) -> &'static str {
    match kind {
        ColumnType::Integer => "is not a whole number of 64 bits",
        ColumnType::Float => "is not a number",
        ColumnType::Boolean => "is neither true nor false",
        ColumnType::Datetime => "is not a date or time like 2024-12-31 or 2024-12-31 23:59:59",
        ColumnType::Text => "is larger than 1 MiB",
    }
}

#[cfg(test)]
mod tests;
