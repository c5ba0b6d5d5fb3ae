//! What a job's process takes of the machine while it runs, read from Linux's `/proc`; elsewhere nothing is said.

use std::{fs, time::Instant};
use trainyard_types::run::MetricPoint;

/// Ticks a second in `/proc/PID/stat`: the kernel scales them to 100 for programs, whatever its own clock (proc(5)).
const TICKS: f64 = 100.0;
/// Part of the curves.
const PART: &str = "process";
/// After so many samples only every second one is kept, then every fourth: a long job needs no finer curve.
const THIN_EVERY: u64 = 900;

/// A process as its worker sees it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Usage {
    /// Processor cores in use since the last look: 1.5 is one and a half.
    pub cores: f64,
    /// Resident memory, MiB.
    pub memory_mib: f64,
}

/// Looks at one process again and again.
#[derive(Debug)]
pub struct Meter {
    pid: u32,
    last: Option<(Instant, f64)>,
}

impl Meter {
    pub fn new(pid: u32) -> Self {
        Self { pid, last: None }
    }

    /// `None` on the first look, after the process's end, and where there is no `/proc`.
    pub fn look(&mut self) -> Option<Usage> {
        let seconds = processor_seconds(&fs::read_to_string(format!("/proc/{}/stat", self.pid)).ok()?)?;
        let memory_mib = resident_mib(&fs::read_to_string(format!("/proc/{}/status", self.pid)).ok()?)?;
        let now = Instant::now();
        let (at, before) = self.last.replace((now, seconds))?;
        let passed = (now - at).as_secs_f64();
        (passed > 0.0).then(|| Usage { cores: (seconds - before).max(0.0) / passed, memory_mib })
    }
}

/// Points of the curves `system/…`, by seconds since the job began.
#[derive(Debug, Default)]
pub struct Samples {
    seen: u64,
}

impl Samples {
    /// `second`: since the job's first start. Nothing where this sample is thinned out.
    pub fn points(&mut self, second: u64, usage: Usage, rows_per_second: Option<f64>) -> Vec<MetricPoint> {
        let every = 1 << (self.seen / THIN_EVERY).min(8);
        self.seen += 1;
        if !self.seen.is_multiple_of(every) {
            return Vec::new();
        }
        [
            ("cpu_cores", Some(usage.cores)),
            ("memory_mib", Some(usage.memory_mib)),
            ("rows_per_second", rows_per_second.filter(|rate| rate.is_finite())),
        ]
        .into_iter()
        .filter_map(|(key, value)| {
            Some(MetricPoint { key: format!("system/{key}"), part: PART.into(), step: second, value: value? })
        })
        .collect()
    }
}

/// User and system time of all threads: fields 14 and 15 of `/proc/PID/stat`. The second field is the program's name in
/// brackets, which may itself hold brackets and spaces.
fn processor_seconds(stat: &str) -> Option<f64> {
    let (_, fields) = stat.rsplit_once(')')?;
    let mut fields = fields.split_ascii_whitespace().skip(11);
    let (user, system): (f64, f64) = (fields.next()?.parse().ok()?, fields.next()?.parse().ok()?);
    Some((user + system) / TICKS)
}

fn resident_mib(status: &str) -> Option<f64> {
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    let kib: f64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    Some(kib / 1024.0)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn the_kernels_lines_are_read_whatever_the_program_is_called() {
        let stat = "42 (a) b (c)) S 1 42 42 0 -1 4194304 9 0 0 0 250 50 7 7 20 0 3 0 100 1000 10 18446744073709551615";
        assert_eq!(processor_seconds(stat), Some(3.0));
        assert_eq!(processor_seconds("42 (short) S 1"), None);
        assert_eq!(resident_mib("Name:\tx\nVmRSS:\t    2048 kB\nThreads: 1\n"), Some(2.0));
        assert_eq!(resident_mib("Name:\tkernel thread\n"), None);
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn a_busy_process_is_seen_to_be_busy() {
        let mut meter = Meter::new(std::process::id());
        assert_eq!(meter.look(), None, "there is nothing to compare with yet");
        let begun = Instant::now();
        let mut sum = 0_u64;
        while begun.elapsed().as_millis() < 300 {
            sum = std::hint::black_box(sum.wrapping_add(1));
        }
        let usage = meter.look().unwrap();
        assert!(usage.cores > 0.1 && usage.memory_mib > 1.0, "{usage:?}");
    }

    #[test]
    fn long_jobs_keep_fewer_samples() {
        let usage = Usage { cores: 1.0, memory_mib: 64.0 };
        let mut samples = Samples::default();
        let kept: usize = (0..4 * THIN_EVERY).map(|second| samples.points(second, usage, None).len() / 2).sum();
        assert_eq!(
            kept as u64,
            THIN_EVERY + THIN_EVERY / 2 + THIN_EVERY / 4 + THIN_EVERY / 8 + u64::from(THIN_EVERY % 8 >= 4)
        );
        let points = Samples::default().points(7, usage, Some(1e5));
        let keys: Vec<&str> = points.iter().map(|point| point.key.as_str()).collect();
        assert_eq!(keys, ["system/cpu_cores", "system/memory_mib", "system/rows_per_second"]);
        assert_eq!(points[0].step, 7);
    }
}
