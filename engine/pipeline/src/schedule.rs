//! When a schedule ticks.

use chrono::{DateTime, TimeZone, Utc};
use chrono_tz::Tz;
use croner::{
    Cron,
    parser::{CronParser, Seconds, Year},
};
use trainyard_types::{
    Problem, Timestamp,
    pipeline::{CatchUp, Schedule, ScheduleWords},
};

/// Missed ticks that are made up for at most.
pub const MAX_CATCH_UP: usize = 100;

/// A schedule that can be asked.
pub struct Times {
    cron: Cron,
    zone: Tz,
}

impl Times {
    /// # Errors
    /// The expression or the time zone can't be read.
    pub fn of(schedule: &Schedule) -> Result<Self, Problem> {
        let zone: Tz = schedule.timezone.parse().map_err(|_| {
            Problem::field(
                "schedule",
                format!(
                    "'{}' is no time zone. Use an IANA name, such as Europe/Zurich or UTC.",
                    clip(&schedule.timezone)
                ),
            )
        })?;
        let parser = CronParser::builder().seconds(Seconds::Disallowed).year(Year::Disallowed).build();
        let cron = parser.parse(&schedule.cron).map_err(|error| {
            Problem::field(
                "schedule",
                format!(
                    "'{}' is no schedule: {error}. Five fields are wanted, minute to weekday: '30 6 * * MON-FRI'.",
                    clip(&schedule.cron)
                ),
            )
        })?;
        let times = Self { cron, zone };
        if times.next(Timestamp(946_684_800_000)).is_none() {
            return Err(Problem::field("schedule", format!("'{}' never comes.", clip(&schedule.cron))));
        }
        Ok(times)
    }

    /// The first tick after an instant; `None` where there is none within some years.
    pub fn next(&self, after: Timestamp) -> Option<Timestamp> {
        let at: DateTime<Tz> = Utc.timestamp_millis_opt(after.0).single()?.with_timezone(&self.zone);
        let next = self.cron.find_next_occurrence(&at, false).ok()?;
        Some(Timestamp(next.timestamp_millis()))
    }

    /// The schedule in words, and its next three ticks after an instant, in its own time zone.
    pub fn in_words(&self, after: Timestamp) -> ScheduleWords {
        let mut next = Vec::new();
        let mut at = after;
        while let Some(tick) = self.next(at).filter(|tick| *tick > at && next.len() < 3) {
            let local = Utc.timestamp_millis_opt(tick.0).single().map(|tick| tick.with_timezone(&self.zone));
            next.extend(local.map(|local| format!("{} ({})", local.format("%A %-d %B %Y, %H:%M"), self.zone.name())));
            at = tick;
        }
        ScheduleWords { words: self.cron.describe(), next }
    }

    /// The ticks after `last` up to `now` that are to be run, oldest first. A tick is missed when it lies over a minute
    /// back; what happens with missed ones, `catch_up` says.
    pub fn due(&self, last: Timestamp, now: Timestamp, catch_up: CatchUp) -> Vec<Timestamp> {
        const FRESH: i64 = 60_000;
        let mut ticks: Vec<Timestamp> = Vec::new();
        let mut at = last;
        while let Some(next) = self.next(at) {
            if next > now || next <= at {
                break;
            }
            at = next;
            ticks.push(next);
            if ticks.len() > MAX_CATCH_UP {
                ticks.remove(0);
            }
        }
        match catch_up {
            CatchUp::All => ticks,
            CatchUp::Latest => ticks.split_off(ticks.len().saturating_sub(1)),
            CatchUp::Skip => ticks.into_iter().filter(|tick| now.0 - tick.0 <= FRESH).collect(),
        }
    }
}

fn clip(text: &str) -> String {
    text.chars().take(60).collect()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn times(cron: &str, zone: &str) -> Result<Times, Problem> {
        Times::of(&Schedule { cron: cron.into(), timezone: zone.into(), catch_up: CatchUp::All })
    }

    fn at(text: &str) -> Timestamp {
        Timestamp(DateTime::parse_from_rfc3339(text).unwrap().timestamp_millis())
    }

    #[test]
    fn ticks_follow_the_zone_through_the_change_of_the_clocks() {
        let times = times("30 6 * * *", "Europe/Zurich").unwrap();
        // 2026-03-29: clocks go from 02:00 +01:00 to 03:00 +02:00.
        assert_eq!(times.next(at("2026-03-28T00:00:00Z")).unwrap(), at("2026-03-28T05:30:00Z"));
        assert_eq!(times.next(at("2026-03-28T06:00:00Z")).unwrap(), at("2026-03-29T04:30:00Z"));
    }

    #[test]
    fn a_schedule_is_told_in_words() {
        let words = times("30 6 * * MON-FRI", "Europe/Zurich").unwrap().in_words(at("2026-03-27T00:00:00Z"));
        assert_eq!(
            words.next,
            [
                "Friday 27 March 2026, 06:30 (Europe/Zurich)",
                "Monday 30 March 2026, 06:30 (Europe/Zurich)",
                "Tuesday 31 March 2026, 06:30 (Europe/Zurich)"
            ]
        );
        assert!(words.words.contains("06:30"), "{}", words.words);
    }

    #[test]
    fn missed_ticks_are_made_up_for_as_said() {
        let times = times("0 * * * *", "UTC").unwrap();
        let (last, now) = (at("2026-01-01T00:00:00Z"), at("2026-01-01T03:10:00Z"));
        assert_eq!(times.due(last, now, CatchUp::All).len(), 3);
        assert_eq!(times.due(last, now, CatchUp::Latest), [at("2026-01-01T03:00:00Z")]);
        assert!(times.due(last, now, CatchUp::Skip).is_empty());
        assert_eq!(times.due(last, at("2026-01-01T03:00:20Z"), CatchUp::Skip), [at("2026-01-01T03:00:00Z")]);
        assert!(times.due(now, now, CatchUp::All).is_empty());
        let year = times.due(last, at("2027-01-01T00:00:00Z"), CatchUp::All);
        assert_eq!((year.len(), *year.last().unwrap()), (MAX_CATCH_UP, at("2027-01-01T00:00:00Z")));
    }

    #[test]
    fn what_is_no_schedule_is_told() {
        for (cron, zone) in
            [("x", "UTC"), ("* * * *", "UTC"), ("0 0 30 2 *", "UTC"), ("0 0 * * * *", "UTC"), ("0 0 * * *", "Mars")]
        {
            assert!(times(cron, zone).is_err(), "{cron} {zone}");
        }
    }
}
