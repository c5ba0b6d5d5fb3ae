//! What changes on a run's page while the run goes on.

use super::series::append;
use crate::browser::{self, Stream};
use leptos::prelude::*;
use trainyard_types::{
    RunId,
    job::{JobState, JobView},
    run::{LogLine, MetricSeries, RunUpdate, RunView},
};

/// The moving parts of a run, first as stored, then as the stream tells.
#[derive(Clone, Copy)]
pub struct Live {
    pub job: RwSignal<JobView>,
    /// Where it trains and why there, once known.
    pub device: RwSignal<Option<(String, String)>>,
    pub series: RwSignal<Vec<MetricSeries>>,
    /// The lines that came by stream; the log tab loads the ones before.
    pub log: RwSignal<Vec<LogLine>>,
    /// Whether the stream stands.
    pub connected: RwSignal<bool>,
}

impl Live {
    pub fn new(run: &RunView, series: Vec<MetricSeries>) -> Self {
        Self {
            job: RwSignal::new(run.summary.job.clone()),
            device: RwSignal::new(run.device.clone().map(|d| (d, run.device_reason.clone().unwrap_or_default()))),
            series: RwSignal::new(series),
            log: RwSignal::new(Vec::new()),
            connected: RwSignal::new(false),
        }
    }

    pub fn running(&self) -> Signal<bool> {
        let job = self.job;
        Signal::derive(move || job.with(|j| !j.state.is_final()))
    }

    pub fn state(&self) -> Memo<JobState> {
        let job = self.job;
        Memo::new(move |_| job.with(|j| j.state))
    }

    /// Listens to the run's stream until it has ended; then calls `ended` once.
    pub fn follow(self, project: &str, run: RunId, ended: impl Fn() + 'static) {
        if self.job.with_untracked(|j| j.state.is_final()) {
            return;
        }
        let url = format!("/api/v1/projects/{}/runs/{run}/events", crate::format::encode(project));
        let stream = StoredValue::new_local(None::<Stream>);
        let heard = move |text: String| {
            let Ok(update) = crate::wire::read::<RunUpdate>(text.as_bytes()) else {
                leptos::logging::warn!("an update of the run can't be read");
                return;
            };
            self.take(&update);
            if update.ended {
                stream.with_value(|stream| {
                    if let Some(stream) = stream {
                        stream.close();
                    }
                });
                ended();
            }
        };
        let connected = self.connected;
        let opened = Stream::open(&url, "update", heard, move |up| {
            connected.try_set(up);
        });
        stream.set_value(Some(opened));
    }

    fn take(&self, update: &RunUpdate) {
        self.connected.try_set(true);
        self.job.try_set(update.job.clone());
        if let Some(device) = &update.device {
            let now = Some((device.clone(), update.device_reason.clone().unwrap_or_default()));
            if self.device.with_untracked(|d| *d != now) {
                self.device.try_set(now);
            }
        }
        if !update.points.is_empty() {
            self.series.try_update(|series| append(series, &update.points));
        }
        if !update.log.is_empty() {
            self.log.try_update(|log| add_lines(log, &update.log));
        }
    }
}

/// Adds lines that are not there yet; both are in order of their numbers.
pub fn add_lines(log: &mut Vec<LogLine>, new: &[LogLine]) {
    let last = log.last().map_or(0, |line| line.seq);
    log.extend(new.iter().filter(|line| line.seq > last).cloned());
}

/// Opens the run's stream once the page is in the browser.
pub fn follow_in_browser(live: Live, project: String, run: RunId, ended: impl Fn() + Clone + 'static) {
    Effect::new(move |_| live.follow(&project, run, ended.clone()));
}

/// Saves the log as a text file.
pub fn save_log(name: &str, lines: &[LogLine]) {
    let text: String = lines.iter().map(|l| format!("{} {:?} {}\n", l.at.to_iso(), l.level, l.line)).collect();
    browser::save(&format!("{name}.log"), "text/plain", &text);
}

#[cfg(test)]
mod tests {
    use super::*;
    use trainyard_types::{Timestamp, job::LogLevel};

    #[test]
    fn lines_sent_twice_are_kept_once() {
        let line = |seq| LogLine { seq, at: Timestamp(0), level: LogLevel::Info, line: seq.to_string() };
        let mut log = vec![line(1), line(2)];
        add_lines(&mut log, &[line(1), line(2), line(3)]);
        add_lines(&mut log, &[line(3)]);
        assert_eq!(log.iter().map(|l| l.seq).collect::<Vec<_>>(), [1, 2, 3]);
    }
}
