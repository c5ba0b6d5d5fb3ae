//! Numbers, sizes and times as pages show them. Plain functions, the same on the server and in the browser.

use trainyard_types::{RunId, Timestamp};

/// A measured value at three significant figures: `0.914`, `12.3`, `49,300`, `1.20e-5`; a count below 1,000 as it is. Not a
/// number: `–`.
pub fn measure(value: f64) -> String {
    if !value.is_finite() {
        return "–".to_owned();
    }
    if value == 0.0 {
        return "0".to_owned();
    }
    if value.fract() == 0.0 && (10.0..1000.0).contains(&value.abs()) {
        return format!("{value:.0}");
    }
    let magnitude = value.abs().log10().floor();
    if !(-4.0..9.0).contains(&magnitude) {
        return format!("{value:.2e}");
    }
    let scale = 10f64.powf(2.0 - magnitude);
    let rounded = (value * scale).round() / scale;
    let decimals = (2.0 - rounded.abs().log10().floor()).max(0.0) as usize;
    group(&format!("{rounded:.decimals$}"))
}

/// A value as it is, to seven significant figures at most and without trailing zeros: for profiles and forms.
pub fn plain(value: f64) -> String {
    if !value.is_finite() {
        return "–".to_owned();
    }
    if value.fract() == 0.0 && value.abs() < 1e12 {
        return group(&format!("{value:.0}"));
    }
    let magnitude = if value == 0.0 { 0.0 } else { value.abs().log10().floor() };
    if !(-5.0..12.0).contains(&magnitude) {
        return format!("{value:.3e}");
    }
    let decimals = (6.0 - magnitude).clamp(0.0, 10.0) as usize;
    let text = format!("{value:.decimals$}");
    let text = if text.contains('.') { text.trim_end_matches('0').trim_end_matches('.') } else { &text };
    group(text)
}

/// A mean to a hundredth of the values' standard deviation: more of it says nothing of the values.
pub fn mean(value: f64, std: f64) -> String {
    if !(value.is_finite() && std.is_finite() && std > 0.0) {
        return plain(value);
    }
    let decimals = (2.0 - std.log10().floor()).max(0.0) as usize;
    if decimals > 10 { plain(value) } else { group(&format!("{value:.decimals$}")) }
}

pub use trainyard_types::words::{count, counted};

/// A share that was chosen, as it was chosen: `90 %`, `99.5 %`.
pub fn level(share: f64) -> String {
    format!("{}\u{a0}%", plain(share * 100.0))
}

/// A share from 0 to 1: `23.9 %`; never rounds to 0 or 100 what is not.
pub fn percent(share: f64) -> String {
    if !share.is_finite() {
        return "–".to_owned();
    }
    let value = share * 100.0;
    if value > 0.0 && value < 0.1 {
        return "< 0.1\u{a0}%".to_owned();
    }
    if value > 99.9 && value < 100.0 {
        return "> 99.9\u{a0}%".to_owned();
    }
    if value == 0.0 || value == 100.0 {
        return format!("{value:.0}\u{a0}%");
    }
    format!("{value:.1}\u{a0}%")
}

/// A size in bytes, in decimal units: `1.24 MB`.
pub fn bytes(value: u64) -> String {
    if value < 1000 {
        return format!("{value}\u{a0}B");
    }
    let mut size = value as f64;
    let mut unit = "B";
    for next in ["kB", "MB", "GB", "TB", "PB"] {
        if size < 999.5 {
            break;
        }
        size /= 1000.0;
        unit = next;
    }
    format!("{}\u{a0}{unit}", measure(size))
}

/// A length of time: `0.42 s`, `48 s`, `2 min 5 s`, `3 h 12 min`, `2 d 4 h`.
pub fn duration(seconds: f64) -> String {
    if !seconds.is_finite() || seconds < 0.0 {
        return "–".to_owned();
    }
    if seconds < 10.0 {
        return format!("{}\u{a0}s", measure(seconds));
    }
    let whole = seconds.round() as u64;
    match whole {
        0..60 => format!("{whole}\u{a0}s"),
        60..3_600 => two(whole / 60, "min", whole % 60, "s"),
        3_600..86_400 => two(whole / 3_600, "h", whole % 3_600 / 60, "min"),
        _ => two(whole / 86_400, "d", whole % 86_400 / 3_600, "h"),
    }
}

/// What is left, in round words: `about 12 min left`.
pub fn eta(seconds: f64) -> String {
    if !seconds.is_finite() || seconds < 0.0 {
        return "time left not known yet".to_owned();
    }
    let whole = seconds.round() as u64;
    match whole {
        0..5 => "a few seconds left".to_owned(),
        5..55 => format!("about {} s left", whole.div_ceil(5) * 5),
        55..5_400 => format!("about {} min left", (whole + 30) / 60),
        _ => format!("about {} h left", (whole + 1_800) / 3_600),
    }
}

/// How long ago, in words; a date after a week.
pub fn ago(at: Timestamp, now: Timestamp) -> String {
    let seconds = now.seconds_since(at);
    // The page's clock lags up to ten seconds behind, and clocks of two machines differ a little.
    if seconds < -30.0 {
        return ahead(-seconds);
    }
    match seconds.max(0.0) as u64 {
        0..10 => "just now".to_owned(),
        s @ 10..60 => format!("{s} s ago"),
        s @ 60..3_600 => format!("{} min ago", s / 60),
        s @ 3_600..86_400 => format!("{} h ago", s / 3_600),
        s @ 86_400..172_800 => format!("{} day ago", s / 86_400),
        s @ 172_800..604_800 => format!("{} days ago", s / 86_400),
        _ => date(at),
    }
}

fn ahead(seconds: f64) -> String {
    match seconds as u64 {
        0..60 => "in a moment".to_owned(),
        s @ 60..3_600 => format!("in {} min", s / 60),
        s @ 3_600..86_400 => format!("in {} h", s / 3_600),
        s @ 86_400..172_800 => format!("in {} day", s / 86_400),
        s => format!("in {} days", s / 86_400),
    }
}

/// `2026-11-23`.
pub fn date(at: Timestamp) -> String {
    at.to_iso().chars().take(10).collect()
}

/// `2026-11-23 17:20:31 UTC`.
pub fn instant(at: Timestamp) -> String {
    at.to_iso().replace('T', " ").replace('Z', " UTC")
}

/// The first twelve characters of a hash.
pub fn short_hash(hash: &str) -> String {
    hash.chars().take(12).collect()
}

/// A name as code has it, in words: `log_loss` becomes `log loss`. Known terms have better words in the glossary.
pub fn words(name: &str) -> String {
    name.replace('_', " ")
}

/// The number of the series colour that a run keeps on every page, 1 to 8.
pub fn run_series(run: &RunId) -> u8 {
    let sum = run.0.as_bytes().iter().fold(0u32, |sum, byte| sum.wrapping_mul(31).wrapping_add(u32::from(*byte)));
    (sum % 8) as u8 + 1
}

/// The text as part of HTML or SVG that is put together by hand.
pub fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

/// Percent-encodes a text so that it can stand as a value in a query or as one segment of a path.
pub fn encode(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            out.push(char::from(byte));
        } else {
            out.push_str(&format!("%{byte:02X}"));
        }
    }
    out
}

/// Takes back what [`encode`] or a form's sending did to a value; what is no code stays as it is.
pub fn decode(text: &str) -> String {
    let bytes = text.as_bytes();
    let mut out = Vec::with_capacity(bytes.len());
    let mut at = 0;
    while at < bytes.len() {
        let digit = |byte: u8| char::from(byte).to_digit(16).and_then(|digit| u8::try_from(digit).ok());
        let code = match bytes.get(at + 1..at + 3) {
            Some(&[high, low]) => digit(high).zip(digit(low)).map(|(high, low)| high * 16 + low),
            _ => None,
        };
        match (bytes[at], code) {
            (b'%', Some(byte)) => {
                out.push(byte);
                at += 2;
            }
            (b'+', _) => out.push(b' '),
            (byte, _) => out.push(byte),
        }
        at += 1;
    }
    String::from_utf8_lossy(&out).into_owned()
}

fn two(large: u64, large_unit: &str, small: u64, small_unit: &str) -> String {
    if small == 0 {
        format!("{large}\u{a0}{large_unit}")
    } else {
        format!("{large}\u{a0}{large_unit} {small}\u{a0}{small_unit}")
    }
}

/// Puts a comma between each three digits before the decimal point.
fn group(number: &str) -> String {
    let (sign, rest) = number.strip_prefix('-').map_or(("", number), |rest| ("-", rest));
    let (whole, fraction) = rest.split_once('.').map_or((rest, None), |(w, f)| (w, Some(f)));
    let mut out = String::from(sign);
    for (i, digit) in whole.chars().enumerate() {
        if i > 0 && (whole.len() - i).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    if let Some(fraction) = fraction {
        out.push('.');
        out.push_str(fraction);
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn measures_have_three_significant_figures() {
        for (value, text) in [
            (0.91449, "0.914"),
            (0.9996, "1.00"),
            (12.345, "12.3"),
            (80.0, "80"),
            (49_321.0, "49,300"),
            (-0.052_14, "-0.0521"),
            (0.0, "0"),
            (999.6, "1,000"),
            (0.000_012, "1.20e-5"),
            (f64::NAN, "–"),
        ] {
            assert_eq!(measure(value), text, "{value}");
        }
    }

    #[test]
    fn means_are_as_fine_as_their_spread() {
        for (value, std, text) in [
            (38.581_65, 13.64, "38.6"),
            (189_778.366, 105_549.97, "189,778"),
            (0.501_234, 0.028, "0.5012"),
            (2.5, 0.0, "2.5"),
            (2.5, f64::NAN, "2.5"),
        ] {
            assert_eq!(mean(value, std), text, "{value} ± {std}");
        }
    }

    #[test]
    fn plain_values_keep_what_they_have() {
        for (value, text) in
            [(38.6, "38.6"), (1_234_567.0, "1,234,567"), (0.1, "0.1"), (-2.5, "-2.5"), (2.345_678_912, "2.345679")]
        {
            assert_eq!(plain(value), text, "{value}");
        }
    }

    #[test]
    fn counts_and_sizes_are_grouped() {
        assert_eq!(count(18_442), "18,442");
        assert_eq!(count(999), "999");
        assert_eq!(counted(1, "row", "rows"), "1 row");
        assert_eq!(bytes(999), "999\u{a0}B");
        assert_eq!(bytes(1_240_000), "1.24\u{a0}MB");
        assert_eq!(bytes(999_900), "1.00\u{a0}MB");
    }

    #[test]
    fn percents_never_hide_the_last_rows() {
        assert_eq!(percent(0.0), "0\u{a0}%");
        assert_eq!(percent(0.0001), "< 0.1\u{a0}%");
        assert_eq!(percent(0.99995), "> 99.9\u{a0}%");
        assert_eq!(percent(0.239), "23.9\u{a0}%");
    }

    #[test]
    fn times_read_like_speech() {
        assert_eq!(duration(0.4216), "0.422\u{a0}s");
        assert_eq!(duration(125.0), "2\u{a0}min 5\u{a0}s");
        assert_eq!(duration(3_600.0), "1\u{a0}h");
        assert_eq!(eta(700.0), "about 12 min left");
        let now = Timestamp(1_000_000_000_000);
        assert_eq!(ago(Timestamp(now.0 - 5_000), now), "just now");
        assert_eq!(ago(Timestamp(now.0 - 7_200_000), now), "2 h ago");
        assert_eq!(ago(Timestamp(now.0 + 5_000), now), "just now");
        assert_eq!(ago(Timestamp(now.0 + 90 * 86_400_000), now), "in 90 days");
        assert_eq!(ago(Timestamp(0), now), "1970-01-01");
    }

    #[test]
    fn encoding_leaves_nothing_that_an_address_would_read() {
        assert_eq!(encode("/p/a b?x=1&y=ü"), "%2Fp%2Fa%20b%3Fx%3D1%26y%3D%C3%BC");
        for text in ["/p/a b?x=1&y=ü", "100 %", "%41", "a+b"] {
            assert_eq!(decode(&encode(text)), text);
        }
        assert_eq!(decode("a+b%2"), "a b%2");
    }
}
