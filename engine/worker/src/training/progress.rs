//! How far a job is and how long it will still take, from what its phases were estimated at and really took.

use std::collections::VecDeque;

/// Projections of the job's end that must agree before an estimate is shown.
const STEADY: usize = 5;
/// Seconds between two projections.
const EVERY: f64 = 0.5;
/// No estimate is shown before this many seconds.
const EARLIEST: f64 = 3.0;

/// Follows a job through phases that run one after the other. Times are seconds since the job's start.
#[derive(Debug)]
pub struct Tracker {
    /// Estimated seconds of each phase.
    estimates: Vec<f64>,
    current: usize,
    began: f64,
    /// 0 to 1 of the current phase.
    done: f64,
    shown: f64,
    projected: VecDeque<f64>,
    last: f64,
}

impl Tracker {
    /// A job of phases with these estimates, in seconds.
    pub fn new(estimates: Vec<f64>) -> Self {
        Self {
            estimates,
            current: 0,
            began: 0.0,
            done: 0.0,
            shown: 0.0,
            projected: VecDeque::new(),
            last: f64::NEG_INFINITY,
        }
    }

    /// Corrects what a later phase is estimated at.
    pub fn estimate(&mut self, phase: usize, seconds: f64) {
        if let Some(estimate) = self.estimates.get_mut(phase) {
            *estimate = seconds.max(0.0);
        }
    }

    /// Begins a phase; those before it are over.
    pub fn begin(&mut self, phase: usize, now: f64) {
        self.current = phase;
        self.began = now;
        self.done = 0.0;
    }

    /// The current phase is this far, 0 to 1.
    pub fn advance(&mut self, fraction: f64) {
        if fraction.is_finite() {
            self.done = self.done.max(fraction.clamp(0.0, 1.0));
        }
    }

    /// Seconds that are still to come.
    pub fn remaining(&self, now: f64) -> f64 {
        let spent = (now - self.began).max(0.0);
        let planned = self.estimates.get(self.current).copied().unwrap_or(0.0);
        // What the phase itself shows counts the more the further it is.
        let measured = if self.done > 0.0 { spent * (1.0 - self.done) / self.done } else { 0.0 };
        let trust = if spent > 0.3 { (self.done * 8.0).min(1.0) } else { 0.0 };
        let current = trust * measured + (1.0 - trust) * (planned - spent).max(planned * 0.1) * (1.0 - self.done);
        current + self.estimates.iter().skip(self.current + 1).sum::<f64>()
    }

    /// The share of the job's time that is over, 0 to 1. Never falls, and is 1 only where nothing remains.
    pub fn fraction(&mut self, now: f64) -> f64 {
        let remaining = self.remaining(now);
        let share = if now + remaining > 0.0 { now / (now + remaining) } else { 0.0 };
        self.shown = self.shown.max(share.min(if remaining > 0.0 { 0.995 } else { 1.0 }));
        self.shown
    }

    /// Seconds left, once the last projections agree.
    pub fn eta(&mut self, now: f64) -> Option<f64> {
        let remaining = self.remaining(now);
        if now - self.last >= EVERY {
            self.last = now;
            self.projected.push_back(now + remaining);
            if self.projected.len() > STEADY {
                self.projected.pop_front();
            }
        }
        if now < EARLIEST || self.projected.len() < STEADY {
            return None;
        }
        let (low, high) =
            self.projected.iter().fold((f64::INFINITY, f64::NEG_INFINITY), |(l, h), &v| (l.min(v), h.max(v)));
        (high - low <= (0.25 * remaining).max(2.0)).then_some(remaining)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_job_that_goes_as_planned_is_reported_so() {
        let mut tracker = Tracker::new(vec![2.0, 8.0]);
        tracker.begin(0, 0.0);
        tracker.advance(0.5);
        assert!((tracker.fraction(1.0) - 0.1).abs() < 0.02);
        tracker.begin(1, 2.0);
        assert!((tracker.fraction(2.0) - 0.2).abs() < 1e-9);
        tracker.advance(0.5);
        assert!((tracker.fraction(6.0) - 0.6).abs() < 1e-9);
        tracker.advance(1.0);
        assert!((tracker.fraction(10.0) - 1.0).abs() < 1e-9);
    }

    #[test]
    fn the_fraction_never_falls_and_the_estimate_waits_until_it_is_steady() {
        let mut tracker = Tracker::new(vec![1.0, 1.0]);
        let mut last = 0.0;
        tracker.begin(0, 0.0);
        let mut first_eta = None;
        // The first phase takes ten times what it was estimated at.
        for i in 1..=100 {
            let now = f64::from(i) * 0.1;
            tracker.advance(now / 10.0);
            let fraction = tracker.fraction(now);
            assert!(fraction >= last && fraction < 1.0);
            last = fraction;
            if tracker.eta(now).is_some() && first_eta.is_none() {
                first_eta = Some(now);
            }
        }
        let first = first_eta.unwrap_or(f64::INFINITY);
        assert!((3.0..7.0).contains(&first), "{first}");
        let eta = tracker.eta(9.0).unwrap_or(f64::NAN);
        assert!(eta > 0.5 && eta < 3.0, "{eta}");
    }
}
