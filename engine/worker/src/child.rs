//! The process of one job, of a pipeline's run or of a review of labels: `trainyard job SPEC.json`. It speaks JSON lines:
//! [`JobEvent`] on standard output, [`JobCommand`] on standard input. It ends when its input ends, for then its worker is gone.

use crate::{
    calibrate, labels, pipeline,
    training::{self, Sink, TrainError},
};
use serde::{Deserialize, Serialize};
use std::{
    any::Any,
    io::{self, BufRead, Write},
    panic::{self, AssertUnwindSafe},
    path::Path,
    process,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    thread,
};
use trainyard_types::{
    Code, Problem,
    job::{JobCommand, JobEvent, JobSpec},
    labels::LabelSpec,
    pipeline::PipelineSpec,
    run::DeviceChoice,
};

/// The exit codes of a job process.
pub mod exit {
    /// It went well, or ended on a cancel command.
    pub const OK: i32 = 0;
    /// Its last line says why it failed.
    pub const FAILED: i32 = 1;
    /// Its worker went away.
    pub const ORPHANED: i32 = 3;
}

/// Instead of a spec's path: say which device a job would train on, and end.
pub const PROBE: &str = "--probe";

/// Instead of a spec's path: say how fast this machine trains, and end.
pub const CALIBRATE: &str = "--calibrate";

/// Runs the job in the spec file and returns the process's exit code. `spec` may be [`PROBE`] or [`CALIBRATE`].
pub fn run_child(spec: &Path) -> i32 {
    if spec == Path::new(PROBE) {
        return match trainyard_learn::device::choose(DeviceChoice::Auto) {
            Ok(chosen) => say(&JobEvent::Device { device: chosen.name, reason: chosen.reason })
                .map_or(exit::ORPHANED, |()| exit::OK),
            Err(problem) => fail(problem),
        };
    }
    if spec == Path::new(CALIBRATE) {
        return match calibrate::measure() {
            Ok(measured) => say(&measured).map_or(exit::ORPHANED, |()| exit::OK),
            Err(error) => fail(Problem::internal(format!("The machine's speed could not be measured: {error}."))),
        };
    }
    prefer_as_victim();
    let (cancelled, pausing) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicBool::new(false)));
    listen(Arc::clone(&cancelled), Arc::clone(&pausing));
    let order: Order = match std::fs::read(spec)
        .map_err(|e| e.to_string())
        .and_then(|bytes| serde_json::from_slice(&bytes).map_err(|e| e.to_string()))
    {
        Ok(order) => order,
        Err(error) => {
            return fail(Problem::internal(format!("The job's order could not be read ({error}). Retry the run.")));
        }
    };
    let place = remember_panics();
    let order = match order {
        Order::Pipeline(spec) => {
            let ended = pipeline::process::run(*spec, &cancelled);
            return say(&ended).map_or(exit::ORPHANED, |()| exit::OK);
        }
        order => order,
    };
    let mut sink = Lines { cancelled, pausing };
    let outcome = panic::catch_unwind(AssertUnwindSafe(|| work(&order, &mut sink)));
    let (event, code) = match outcome {
        Ok(Ok(event)) => (event, exit::OK),
        Ok(Err(TrainError::Cancelled)) => (JobEvent::Cancelled, exit::OK),
        Ok(Err(TrainError::Problem(problem))) => (JobEvent::Failed { problem }, exit::FAILED),
        Err(payload) => {
            let at = place.lock().unwrap_or_else(PoisonError::into_inner).take();
            (JobEvent::Failed { problem: panicked(payload.as_ref(), at) }, exit::FAILED)
        }
    };
    say(&event).map_or(exit::ORPHANED, |()| code)
}

/// What a process is told to do.
#[derive(Deserialize)]
#[serde(untagged)]
enum Order {
    Pipeline(Box<PipelineSpec>),
    Labels(Box<LabelSpec>),
    Training(Box<JobSpec>),
}

/// Trains, or reviews labels, and gives the last line.
fn work(order: &Order, sink: &mut Lines) -> Result<JobEvent, TrainError> {
    Ok(match order {
        Order::Pipeline(_) => return Err(Problem::internal("A pipeline is no job.").into()),
        Order::Labels(spec) => JobEvent::Reviewed { result: Box::new(labels::run(spec, sink)?) },
        Order::Training(spec) => {
            JobEvent::Done { result: Box::new(training::train(&spec.train, Path::new(&spec.folder), sink)?) }
        }
    })
}

/// Writes one line, whole.
pub(crate) fn say(event: &impl Serialize) -> io::Result<()> {
    let mut line = serde_json::to_vec(event)?;
    line.push(b'\n');
    let mut out = io::stdout().lock();
    out.write_all(&line)?;
    out.flush()
}

fn fail(problem: Problem) -> i32 {
    say(&JobEvent::Failed { problem }).map_or(exit::ORPHANED, |()| exit::FAILED)
}

/// Obeys commands; ends the process when there is nobody left to give them. A checkpoint is written whole or not at all, so
/// that the process may end at any point.
fn listen(cancelled: Arc<AtomicBool>, pausing: Arc<AtomicBool>) {
    thread::spawn(move || {
        for line in io::stdin().lock().lines() {
            let Ok(line) = line else { break };
            match serde_json::from_str(&line) {
                Ok(JobCommand::Cancel) => cancelled.store(true, Ordering::Relaxed),
                Ok(JobCommand::Pause) => pausing.store(true, Ordering::Relaxed),
                Err(error) => {
                    let _ = writeln!(io::stderr(), "a command that is none: {error}");
                }
            }
        }
        process::exit(exit::ORPHANED);
    });
}

struct Lines {
    cancelled: Arc<AtomicBool>,
    pausing: Arc<AtomicBool>,
}

impl Sink for Lines {
    fn event(&mut self, event: JobEvent) {
        if say(&event).is_err() {
            // Nobody reads any more.
            process::exit(exit::ORPHANED);
        }
    }
    fn cancelled(&mut self) -> bool {
        self.cancelled.load(Ordering::Relaxed)
    }
    fn pausing(&mut self) -> bool {
        self.pausing.load(Ordering::Relaxed)
    }
}

/// Keeps where the last panic was; the default hook still writes it to standard error.
fn remember_panics() -> Arc<Mutex<Option<String>>> {
    let place = Arc::new(Mutex::new(None));
    let before = panic::take_hook();
    let kept = Arc::clone(&place);
    panic::set_hook(Box::new(move |info| {
        *kept.lock().unwrap_or_else(PoisonError::into_inner) = info.location().map(ToString::to_string);
        before(info);
    }));
    place
}

fn panicked(payload: &(dyn Any + Send), at: Option<String>) -> Problem {
    let what = payload
        .downcast_ref::<&str>()
        .map(|text| (*text).to_owned())
        .or_else(|| payload.downcast_ref::<String>().cloned())
        .unwrap_or_else(|| "no message".to_owned());
    let at = at.map_or(String::new(), |at| format!(" at {at}"));
    Problem::new(
        Code::Internal,
        format!(
            "The training stopped on an error in the program: {what}{at}. Retry the run; if it fails again, report this message."
        ),
    )
}

/// Where memory runs out, the kernel is to end this process rather than the server.
fn prefer_as_victim() {
    #[cfg(target_os = "linux")]
    let _ = std::fs::write("/proc/self/oom_score_adj", "600");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_panic_is_told_with_its_message_and_place() {
        let problem = panicked(&"index out of bounds", Some("src/x.rs:1:2".into()));
        assert!(problem.message.contains("index out of bounds at src/x.rs:1:2"), "{}", problem.message);
        let problem = panicked(&String::from("no"), None);
        assert!(problem.message.contains("program: no."), "{}", problem.message);
    }
}
