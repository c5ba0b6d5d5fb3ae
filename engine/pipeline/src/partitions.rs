//! Partitions: which there are, and what each sets.

use chrono::{Datelike, Days, Months, NaiveDate};
use trainyard_types::{
    Problem, Timestamp,
    pipeline::{Partitions, Values},
};

/// Partitions of one backfill at most.
pub const MAX_BACKFILL: usize = 500;

/// Whether the words can be read.
///
/// # Errors
/// A date that is none.
pub fn check(partitions: &Partitions) -> Result<(), Problem> {
    match partitions {
        Partitions::List { .. } => Ok(()),
        Partitions::Day { start } | Partitions::Week { start } | Partitions::Month { start } => date(start).map(drop),
    }
}

fn date(text: &str) -> Result<NaiveDate, Problem> {
    NaiveDate::parse_from_str(text, "%Y-%m-%d").map_err(|_| {
        let text: String = text.chars().take(60).collect();
        Problem::invalid(format!("'{text}' is no date. Write it as 2026-01-31."))
    })
}

/// What a partition sets for the steps: `partition`, and for times `partition_start` and `partition_end`, the day after its
/// last.
///
/// # Errors
/// There is no such partition; the message names some.
pub fn values(partitions: &Partitions, name: &str) -> Result<Values, Problem> {
    let shown: String = name.chars().take(60).collect();
    let mut values = Values::from([("partition".to_owned(), name.into())]);
    if let Partitions::List { values: names } = partitions {
        if !names.iter().any(|known| known == name) {
            let known: Vec<&str> = names.iter().map(String::as_str).take(10).collect();
            return Err(Problem::invalid(format!("There is no partition '{shown}'. There are {}.", known.join(", "))));
        }
        return Ok(values);
    }
    let (start, end) = window(partitions, name)?;
    values.insert("partition_start".into(), start.to_string().into());
    values.insert("partition_end".into(), end.to_string().into());
    Ok(values)
}

/// First day and the day after the last.
fn window(partitions: &Partitions, name: &str) -> Result<(NaiveDate, NaiveDate), Problem> {
    let wrong = |what: &str| {
        let name: String = name.chars().take(60).collect();
        Problem::invalid(format!("'{name}' is no partition here: {what}."))
    };
    let (first, begin) = match partitions {
        Partitions::List { .. } => return Err(wrong("they are named, not times")),
        Partitions::Day { start } => (date(start)?, date(name)?),
        Partitions::Week { start } => (monday(date(start)?), date(name)?),
        Partitions::Month { start } => {
            let month = NaiveDate::parse_from_str(&format!("{name}-01"), "%Y-%m-%d");
            (date(start)?.with_day(1).unwrap_or_default(), month.map_err(|_| wrong("write a month as 2026-01"))?)
        }
    };
    if matches!(partitions, Partitions::Week { .. }) && monday(begin) != begin {
        return Err(wrong("a week is named by its Monday"));
    }
    if begin < first {
        return Err(wrong(&format!("the first is {}", label(partitions, first))));
    }
    Ok((begin, next(partitions, begin)))
}

fn monday(day: NaiveDate) -> NaiveDate {
    day - Days::new(u64::from(day.weekday().num_days_from_monday()))
}

fn next(partitions: &Partitions, day: NaiveDate) -> NaiveDate {
    match partitions {
        Partitions::Week { .. } => day + Days::new(7),
        Partitions::Month { .. } => day + Months::new(1),
        _ => day + Days::new(1),
    }
}

fn label(partitions: &Partitions, day: NaiveDate) -> String {
    match partitions {
        Partitions::Month { .. } => day.format("%Y-%m").to_string(),
        _ => day.to_string(),
    }
}

/// All partitions from `first` to `last`, both included, in order.
///
/// # Errors
/// One of them is none, they are the wrong way round, or there are more than [`MAX_BACKFILL`].
pub fn range(partitions: &Partitions, first: &str, last: &str) -> Result<Vec<String>, Problem> {
    let turned = || Problem::invalid("The first partition comes after the last. Turn them round.");
    let names = if let Partitions::List { values: names } = partitions {
        values(partitions, first)?;
        values(partitions, last)?;
        let place = |name: &str| names.iter().position(|known| known == name).unwrap_or(0);
        names.get(place(first)..=place(last)).ok_or_else(turned)?.to_vec()
    } else {
        let (mut at, _) = window(partitions, first)?;
        let (end, _) = window(partitions, last)?;
        if at > end {
            return Err(turned());
        }
        let mut names = Vec::new();
        while at <= end && names.len() <= MAX_BACKFILL {
            names.push(label(partitions, at));
            at = next(partitions, at);
        }
        names
    };
    if names.is_empty() {
        return Err(turned());
    }
    if names.len() > MAX_BACKFILL {
        return Err(Problem::invalid(format!("These are more than {MAX_BACKFILL} partitions. Take a shorter range.")));
    }
    Ok(names)
}

/// The partitions that there are at an instant: names as they stand in the document; times the newest first, the last one
/// that which holds the instant. At most 20,000.
pub fn all(partitions: &Partitions, now: Timestamp) -> Vec<String> {
    const MOST: usize = 20_000;
    let (start, today) = match partitions {
        Partitions::List { values } => return values.clone(),
        Partitions::Day { start } | Partitions::Week { start } | Partitions::Month { start } => {
            (date(start).ok(), NaiveDate::parse_from_str(&now.to_iso()[..10], "%Y-%m-%d").ok())
        }
    };
    let (Some(start), Some(today)) = (start, today) else { return Vec::new() };
    let mut at = match partitions {
        Partitions::Week { .. } => monday(start),
        Partitions::Month { .. } => start.with_day(1).unwrap_or(start),
        _ => start,
    };
    let mut names = Vec::new();
    while at <= today && names.len() < MOST {
        names.push(label(partitions, at));
        at = next(partitions, at);
    }
    names.reverse();
    names
}

/// The partition that a tick of the schedule is about: for times the last one that is over; for names there is none.
pub fn of_tick(partitions: &Partitions, tick: Timestamp) -> Option<String> {
    if matches!(partitions, Partitions::List { .. }) {
        return None;
    }
    let today = NaiveDate::parse_from_str(&tick.to_iso()[..10], "%Y-%m-%d").ok()?;
    let begin = match partitions {
        Partitions::Week { .. } => monday(today) - Days::new(7),
        Partitions::Month { .. } => today.with_day(1)? - Months::new(1),
        _ => today - Days::new(1),
    };
    let name = label(partitions, begin);
    window(partitions, &name).is_ok().then_some(name)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn windows_are_whole_days_weeks_and_months() {
        let month = Partitions::Month { start: "2026-01-15".into() };
        let set = values(&month, "2026-02").unwrap();
        assert_eq!(
            (set["partition_start"].as_str(), set["partition_end"].as_str()),
            (Some("2026-02-01"), Some("2026-03-01"))
        );
        assert_eq!(
            range(&month, "2025-12", "2026-02").unwrap_err().message,
            "'2025-12' is no partition here: the first is 2026-01."
        );
        assert_eq!(range(&month, "2026-01", "2026-03").unwrap(), ["2026-01", "2026-02", "2026-03"]);
        let week = Partitions::Week { start: "2026-01-01".into() };
        assert_eq!(values(&week, "2025-12-29").unwrap()["partition_end"], "2026-01-05");
        assert!(values(&week, "2025-12-30").is_err());
        let day = Partitions::Day { start: "2026-02-27".into() };
        assert_eq!(range(&day, "2026-02-27", "2026-03-01").unwrap(), ["2026-02-27", "2026-02-28", "2026-03-01"]);
        assert!(range(&day, "2026-03-01", "2026-02-27").is_err());
        let names = Partitions::List { values: vec!["a".into(), "b".into(), "c".into()] };
        assert_eq!(range(&names, "b", "c").unwrap(), ["b", "c"]);
        assert!(range(&names, "c", "a").is_err());
        assert!(values(&names, "d").is_err());
    }

    #[test]
    fn all_partitions_are_listed_the_newest_first() {
        let now = Timestamp(1_772_343_000_000); // 2026-03-01T05:30:00Z
        let day = Partitions::Day { start: "2026-02-27".into() };
        assert_eq!(all(&day, now), ["2026-03-01", "2026-02-28", "2026-02-27"]);
        let week = Partitions::Week { start: "2026-02-18".into() };
        assert_eq!(all(&week, now), ["2026-02-23", "2026-02-16"]);
        let month = Partitions::Month { start: "2026-01-31".into() };
        assert_eq!(all(&month, now), ["2026-03", "2026-02", "2026-01"]);
        assert!(all(&Partitions::Day { start: "2027-01-01".into() }, now).is_empty());
    }

    #[test]
    fn a_tick_is_about_the_last_partition_that_is_over() {
        let tick = Timestamp(1_772_343_000_000); // 2026-03-01T05:30:00Z, a Sunday
        let of = |partitions: Partitions| of_tick(&partitions, tick);
        assert_eq!(of(Partitions::Day { start: "2026-01-01".into() }).unwrap(), "2026-02-28");
        assert_eq!(of(Partitions::Week { start: "2026-01-01".into() }).unwrap(), "2026-02-16");
        assert_eq!(of(Partitions::Month { start: "2026-01-01".into() }).unwrap(), "2026-02");
        assert_eq!(of(Partitions::Day { start: "2026-03-01".into() }), None);
        assert_eq!(of(Partitions::List { values: vec!["a".into()] }), None);
    }
}
