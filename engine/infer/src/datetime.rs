//! Instants: reading them from text, and the parts that models learn from.

use trainyard_types::time::civil_from_days;

const DAY: f64 = 86_400_000.0;

/// What [`parts`] gives, for names of derived columns.
pub const PARTS: [&str; 6] = ["days", "month", "day", "weekday", "hour", "day_of_year"];

/// After how much a part is where it was, for those that come round; `None` for others.
pub fn period(part: usize) -> Option<f64> {
    match *PARTS.get(part)? {
        "weekday" => Some(7.0),
        "hour" => Some(24.0),
        "day_of_year" => Some(365.25),
        _ => None,
    }
}

/// Splits an instant (milliseconds since 1970, UTC) into: days since 1970 with fraction; month 1 to 12; day of the month
/// 1 to 31; weekday 0 (Monday) to 6; hour of the day with fraction, 0 to below 24; day of the year 1 to 366. All NaN where
/// the instant is NaN or more than 100,000 years off.
pub fn parts(millis: f64) -> [f64; 6] {
    let days = millis / DAY;
    if days.is_nan() || days.abs() > 36_525_000.0 {
        return [f64::NAN; 6];
    }
    let day = days.floor();
    let (year, month, of_month) = civil_from_days(day as i64);
    let first = days_from_civil(year, 1, 1);
    [
        days,
        f64::from(month),
        f64::from(of_month),
        (day + 3.0).rem_euclid(7.0),
        (millis - day * DAY) / 3_600_000.0,
        day - first as f64 + 1.0,
    ]
}

/// Days since 1970-01-01 of a date in the proleptic Gregorian calendar; the inverse of [`civil_from_days`] (same source).
pub fn days_from_civil(year: i64, month: u32, day: u32) -> i64 {
    let year = if month <= 2 { year - 1 } else { year };
    let era = year.div_euclid(400);
    let of_era = year - era * 400;
    let shifted = i64::from((month + 9) % 12);
    let of_year = (153 * shifted + 2) / 5 + i64::from(day) - 1;
    era * 146_097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719_468
}

/// Reads `2026-11-23`, `2026-11-23T17:20:31`, a space for the `T`, fractions of a second, and `Z` or `+01:00` behind.
/// Without a zone it is UTC. Milliseconds since 1970; `None` where it is no such instant.
pub fn parse(text: &str) -> Option<f64> {
    let text = text.trim();
    let (date, rest) = match text.find(['T', 't', ' ']) {
        Some(at) => (&text[..at], text[at + 1..].trim()),
        None => (text, ""),
    };
    let mut fields = date.splitn(3, '-');
    let (year, month, day) = (digits(fields.next()?, 4)?, digits(fields.next()?, 2)?, digits(fields.next()?, 2)?);
    if !(1..=12).contains(&month) || day < 1 {
        return None;
    }
    let days = days_from_civil(i64::from(year), month, day);
    // A day that the month does not have comes back as another date.
    if civil_from_days(days) != (i64::from(year), month, day) {
        return None;
    }
    Some(days as f64 * DAY + if rest.is_empty() { 0.0 } else { time_of_day(rest)? })
}

fn time_of_day(text: &str) -> Option<f64> {
    let (time, zone_minutes) = if let Some(time) = text.strip_suffix(['Z', 'z']) {
        (time, 0)
    } else if let Some(at) = text.rfind(['+', '-']) {
        let sign = if text.as_bytes()[at] == b'-' { -1 } else { 1 };
        let zone = &text[at + 1..];
        let (hours, minutes) = match zone.split_once(':') {
            Some(pair) => pair,
            None if zone.len() == 4 && zone.is_ascii() => zone.split_at(2),
            None => (zone, "00"),
        };
        let (hours, minutes) = (digits(hours, 2)?, digits(minutes, 2)?);
        if hours > 23 || minutes > 59 {
            return None;
        }
        (&text[..at], sign * (hours as i32 * 60 + minutes as i32))
    } else {
        (text, 0)
    };
    let mut fields = time.trim().splitn(3, ':');
    let (hour, minute) = (digits(fields.next()?, 2)?, digits(fields.next()?, 2)?);
    let second = match fields.next() {
        None => 0.0,
        Some(text) => {
            let (whole, fraction) = text.split_once('.').unwrap_or((text, "0"));
            if fraction.is_empty() || !fraction.bytes().all(|b| b.is_ascii_digit()) {
                return None;
            }
            f64::from(digits(whole, 2)?) + format!("0.{fraction}").parse::<f64>().ok()?
        }
    };
    if hour > 23 || minute > 59 || second >= 60.0 {
        return None;
    }
    let millis = (f64::from(hour) * 3600.0 + f64::from(minute) * 60.0 + second) * 1000.0;
    Some(millis.floor() - f64::from(zone_minutes) * 60_000.0)
}

/// An unsigned number of exactly `count` digits.
fn digits(text: &str, count: usize) -> Option<u32> {
    (text.len() == count && text.bytes().all(|b| b.is_ascii_digit())).then(|| text.parse().ok())?
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn reads_iso_dates_and_times() {
        assert_eq!(parse("1970-01-01"), Some(0.0));
        // Python 3.11: datetime(2024, 2, 29, 12, 34, 56, 789000, tzinfo=utc).timestamp() * 1000
        assert_eq!(parse("2024-02-29T12:34:56.789Z"), Some(1_709_210_096_789.0));
        assert_eq!(parse("2024-02-29 13:34:56.789+01:00"), Some(1_709_210_096_789.0));
        assert_eq!(parse("2024-02-29T12:34"), Some(1_709_210_040_000.0));
        assert_eq!(parse("1969-12-31T23:59:59Z"), Some(-1000.0));
        for bad in [
            "2023-02-29",
            "2024-13-01",
            "24-01-01",
            "2024-01-01T25:00",
            "2024-01-01Tx",
            "",
            "2024",
            "2024-01-01T10:00:61",
        ] {
            assert_eq!(parse(bad), None, "{bad}");
        }
    }

    #[test]
    fn parts_of_a_known_day() {
        // 2024-02-29 was a Thursday and the 60th day of its year.
        let parts = parts(parse("2024-02-29T06:00:00Z").unwrap());
        assert_eq!(parts, [19_782.25, 2.0, 29.0, 3.0, 6.0, 60.0]);
        assert!(super::parts(f64::NAN).iter().all(|v| v.is_nan()));
    }
}
