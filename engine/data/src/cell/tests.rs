//! What texts look like and read as.
use super::*;

#[test]
fn looks() {
    for (text, expected) in [
        ("0", Look::Integer),
        ("-12", Look::Integer),
        ("00123", Look::Text),
        ("+4912", Look::Text),
        ("9223372036854775807", Look::Integer),
        ("9223372036854775808", Look::HugeInteger),
        ("1.5", Look::Float),
        (".5", Look::Float),
        ("-1e-3", Look::Float),
        ("00.5", Look::Text),
        ("1e999", Look::Infinite),
        ("-inf", Look::Infinite),
        ("Infinity", Look::Infinite),
        ("true", Look::Boolean),
        ("FALSE", Look::Boolean),
        ("yes", Look::Text),
        ("2024-02-29", Look::Datetime),
        ("2023-02-29", Look::Text),
        ("2012-10-02 09:00:00", Look::Datetime),
        ("1,5", Look::Text),
        ("-", Look::Text),
        ("1_000", Look::Text),
        ("0x1F", Look::Text),
        ("12%", Look::Text),
    ] {
        assert_eq!(look(text, false), expected, "{text}");
    }
    assert_eq!(look("1,5", true), Look::Float);
    assert_eq!(look("1.234,5", true), Look::Text);
}

/// What parsing says, without any short cut.
fn look_by_parsing(text: &str, decimal_comma: bool) -> Look {
    let digits = text.strip_prefix(['-', '+']).unwrap_or(text).as_bytes();
    let zero_led = digits.len() > 1 && digits[0] == b'0' && digits[1].is_ascii_digit();
    let whole = !digits.is_empty() && digits.iter().all(u8::is_ascii_digit);
    let comma = decimal_comma && text.contains(',');
    let number = if comma { text.replacen(',', ".", 1) } else { text.to_owned() }.parse::<f64>();
    match number {
        _ if whole && (text.starts_with('+') || zero_led) => Look::Text,
        _ if whole && text.parse::<i64>().is_ok() => Look::Integer,
        _ if whole => Look::HugeInteger,
        Ok(number) if number.is_nan() || zero_led => Look::Text,
        Ok(number) if number.is_finite() => Look::Float,
        Ok(_) => Look::Infinite,
        Err(_) if datetime(text).is_some() => Look::Datetime,
        Err(_) if text.eq_ignore_ascii_case("true") || text.eq_ignore_ascii_case("false") => Look::Boolean,
        Err(_) => Look::Text,
    }
}

#[test]
fn short_cuts_look_the_same_as_parsing() {
    use rand::{RngExt, SeedableRng};
    let mut random = rand_chacha::ChaCha8Rng::seed_from_u64(8);
    let pieces = ["0", "1", "7", "23", "456", "2024-02-29", "2023/13/01", " 10:00", ".", "-", "+", "e", "E5", ","];
    let more = ["inf", "NaN", "true", "T", "/", "99999999999999999999", ":", "Z", "é"];
    for case in 0..200_000 {
        let all = if case % 2 == 0 { 14 } else { 14 + more.len() };
        let text: String = (0..random.random_range(1..6))
            .map(|_| random.random_range(0..all))
            .map(|i| pieces.iter().chain(&more).nth(i).copied().unwrap_or_default())
            .collect();
        let text = text.trim();
        for comma in [false, true].into_iter().filter(|_| !text.is_empty()) {
            assert_eq!(look(text, comma), look_by_parsing(text, comma), "{text}");
        }
    }
    for digits in [298, 299, 300, 301, 308, 309, 310] {
        for text in [format!("{}.5", "9".repeat(digits)), format!("-1.{}", "5".repeat(digits))] {
            assert_eq!(look(&text, false), look_by_parsing(&text, false), "{text}");
        }
    }
}

#[test]
fn integers_at_the_edges() {
    assert_eq!(integer("9223372036854775807"), Some(i64::MAX));
    assert_eq!(integer("-9223372036854775808"), Some(i64::MIN));
    assert_eq!(integer("9223372036854775808"), None);
    assert_eq!(integer("12a"), None);
    assert_eq!(integer("-"), None);
    assert_eq!(integer(""), None);
}

#[test]
fn short_decimals_are_the_closest_floats() {
    use rand::{RngExt, SeedableRng};
    let mut random = rand_chacha::ChaCha8Rng::seed_from_u64(5);
    for _ in 0..200_000 {
        let digits = random.random::<u64>() >> random.random_range(0..64);
        let mut text = digits.to_string();
        text.insert(random.random_range(0..=text.len()), '.');
        let text = if random.random() { format!("-{text}") } else { text };
        assert_eq!(float(&text, false).map(f64::to_bits), text.parse::<f64>().ok().map(f64::to_bits), "{text}");
    }
    for text in ["", "-", ".", "-.", "1.2.3", "1e5", "+1", "0x1", "١", "9007199254740993", "-0", "5.", ".5", "00.10"] {
        let parsed = text.parse::<f64>().ok();
        assert_eq!(float(text, false).map(f64::to_bits), parsed.map(f64::to_bits), "{text}");
    }
}

// Instants from Python 3.11: datetime.fromisoformat(text).timestamp(), naive texts with tzinfo=UTC.
#[test]
fn datetimes_match_python() {
    for (text, seconds) in [
        ("1970-01-01", 0.0),
        ("2012-10-02 09:00:00", 1_349_168_400.0),
        ("2024/02/29", 1_709_164_800.0),
        ("2024-02-29T12:30", 1_709_209_800.0),
        ("2024-02-29T12:30:15.250Z", 1_709_209_815.25),
        ("2024-02-29T12:30:15+02:00", 1_709_202_615.0),
        ("2024-02-29T12:30:15-0530", 1_709_229_615.0),
        ("0001-01-01", -62_135_596_800.0),
        ("9999-12-31 23:59:59", 253_402_300_799.0),
    ] {
        assert_eq!(datetime(text), Some((seconds * 1000.0) as i64), "{text}");
    }
    for text in
        ["2024-13-01", "2024-01-32", "2024-01-01 24:00", "2024-1-1", "20240101", "2024-01-01T", "2024-01-01 10:00x"]
    {
        assert_eq!(datetime(text), None, "{text}");
    }
    assert_eq!(show_datetime(1_349_168_400_000, false), "2012-10-02 09:00:00");
    assert_eq!(show_datetime(-1, false), "1969-12-31 23:59:59.999");
    assert_eq!(show_datetime(1_709_164_800_000, true), "2024-02-29");
}

#[test]
fn missing_tokens() {
    let missing = Missing::new(&DEFAULT_MISSING.map(String::from));
    for text in ["", "NA", "?", "None"] {
        assert!(missing.is(text));
    }
    for text in ["none", "N", "0", "??"] {
        assert!(!missing.is(text));
    }
}
