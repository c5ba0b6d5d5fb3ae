//! One job: its process, what it says, its lease, and how it ends.

use super::{command, death};
use std::{
    path::{Path, PathBuf},
    process::{ExitStatus, Stdio},
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};
use tokio::{
    io::{AsyncBufRead, AsyncBufReadExt, AsyncWriteExt, BufReader},
    process::{Child, ChildStdin},
    sync::{mpsc, watch},
    time::{Instant, MissedTickBehavior, interval, sleep, sleep_until, timeout},
};
use trainyard_service::{
    Ctx,
    jobs::{self, Batch, Claimed, Lease, LeaseError},
};
use trainyard_store::now;
use trainyard_types::{
    Problem,
    evaluation::RunResult,
    job::{JobCommand, JobEvent, LogLevel},
};

/// How often what a job said is written to the store.
const REPORT_EVERY: Duration = Duration::from_millis(300);
/// How often the lease is extended, and a cancellation heard of.
const BEAT_EVERY: Duration = Duration::from_secs(2);
/// How long a process may take to obey a cancel command before it is killed.
const CANCEL_GRACE: Duration = Duration::from_secs(15);
/// How long a process may take to end once its output or input is closed.
const END_GRACE: Duration = Duration::from_secs(5);
/// How long a worker that was itself told to stop waits to hear of it when its child died of the same signal.
const STOP_GRACE: Duration = Duration::from_secs(3);
/// Lines that may wait between the process and the store: beyond them the process waits.
const WAITING_LINES: usize = 4096;
/// Tries to write a job's end before it is left to the lease to run out.
const TRIES: u32 = 5;

/// What the last line of a process said.
enum Said {
    Done(Box<RunResult>),
    Cancelled,
    Failed(Problem),
}

/// Why the process was stopped from here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stopped {
    /// Another attempt has the job.
    Lost,
    /// This worker stops.
    Draining,
}

/// Runs a claimed job to its end, whatever that is.
pub async fn run(ctx: Ctx, claimed: Claimed, program: PathBuf, stop: watch::Receiver<bool>) {
    let lease = claimed.lease;
    let folder = PathBuf::from(&claimed.spec.folder);
    let keep_folder = match start(&claimed, &program).await {
        Ok(child) => Running::new(&ctx, lease, child, stop).see_through(&folder).await,
        Err(problem) => insist(|| jobs::fail(&ctx, &lease, &problem)).await,
    };
    if !keep_folder && let Err(error) = tokio::fs::remove_dir_all(&folder).await {
        tracing::warn!(%error, folder = %folder.display(), "a job's folder could not be removed");
    }
}

/// Writes the spec and starts the process.
async fn start(claimed: &Claimed, program: &Path) -> Result<Child, Problem> {
    let refuse = |what: &str, error: String| {
        Problem::internal(format!("{what}: {error}. Check the data folder's space and rights, then retry the run."))
    };
    let path = Path::new(&claimed.spec.folder).join("spec.json");
    let spec = serde_json::to_vec_pretty(&claimed.spec)
        .map_err(|e| refuse("The job's order could not be written", e.to_string()))?;
    tokio::fs::write(&path, spec).await.map_err(|e| refuse("The job's order could not be written", e.to_string()))?;
    command(program, &path)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .map_err(|e| refuse("The job's process could not be started", e.to_string()))
}

/// Tries again while the store fails. `true` where the job is no more this worker's, or could not be ended: then its folder is
/// left to whoever takes it up.
async fn insist<F: Future<Output = Result<(), LeaseError>>>(mut act: impl FnMut() -> F) -> bool {
    let mut wait = Duration::from_millis(200);
    for _ in 0..TRIES {
        match act().await {
            Ok(()) => return false,
            Err(LeaseError::Lost) => return true,
            Err(LeaseError::Problem(error)) => tracing::warn!(%error, "a job's end could not be written yet"),
        }
        sleep(wait).await;
        wait *= 2;
    }
    true
}

struct Running<'a> {
    ctx: &'a Ctx,
    lease: Lease,
    child: Child,
    commands: Option<ChildStdin>,
    lines: mpsc::Receiver<String>,
    tail: Arc<Mutex<death::Tail>>,
    stop: watch::Receiver<bool>,
    batch: Batch,
    said: Option<Said>,
    cancelled_at: Option<Instant>,
    last_beat: Instant,
}

impl<'a> Running<'a> {
    fn new(ctx: &'a Ctx, lease: Lease, mut child: Child, stop: watch::Receiver<bool>) -> Self {
        let (send, lines) = mpsc::channel(WAITING_LINES);
        if let Some(output) = child.stdout.take() {
            tokio::spawn(async move {
                let mut reader = BufReader::new(output);
                while let Some(line) = next_line(&mut reader).await {
                    if send.send(line).await.is_err() {
                        return;
                    }
                }
            });
        }
        let tail = Arc::new(Mutex::new(death::Tail::default()));
        if let Some(errors) = child.stderr.take() {
            let tail = Arc::clone(&tail);
            tokio::spawn(async move {
                let mut reader = BufReader::new(errors);
                while let Some(line) = next_line(&mut reader).await {
                    tail.lock().unwrap_or_else(PoisonError::into_inner).push(&line);
                }
            });
        }
        let commands = child.stdin.take();
        Self {
            ctx,
            lease,
            child,
            commands,
            lines,
            tail,
            stop,
            batch: Batch::default(),
            said: None,
            cancelled_at: None,
            last_beat: Instant::now(),
        }
    }

    /// `true` where the job's folder is still needed.
    async fn see_through(mut self, folder: &Path) -> bool {
        let stopped = self.listen().await;
        let status = self.reap_child(stopped.is_some()).await;
        if stopped != Some(Stopped::Lost) && self.report().await == Err(Stopped::Lost) {
            return true;
        }
        self.conclude(stopped, status, folder).await
    }

    /// Passes on what the process says until it is silent, or is to be stopped from here.
    async fn listen(&mut self) -> Option<Stopped> {
        let mut report = interval(REPORT_EVERY);
        let mut beat = interval(BEAT_EVERY);
        report.set_missed_tick_behavior(MissedTickBehavior::Delay);
        beat.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            let patience = self.cancelled_at.map(|at| at + CANCEL_GRACE);
            tokio::select! {
                line = self.lines.recv() => match line {
                    Some(line) => self.hear(&line),
                    None => return None,
                },
                _ = report.tick() => if let Err(stopped) = self.report().await {
                    return Some(stopped);
                },
                _ = beat.tick() => if let Err(stopped) = self.beat().await {
                    return Some(stopped);
                },
                () = sleep_until(patience.unwrap_or_else(Instant::now)), if patience.is_some() => {
                    // It does not obey: what it would still say is of no interest.
                    let _ = self.child.start_kill();
                    return None;
                }
                changed = self.stop.changed() => if changed.is_err() || *self.stop.borrow() {
                    return Some(Stopped::Draining);
                },
            }
        }
    }

    fn hear(&mut self, line: &str) {
        match serde_json::from_str(line) {
            Ok(JobEvent::Device { device, reason }) => self.batch.device = Some((device, reason)),
            Ok(JobEvent::Progress(progress)) => self.batch.progress = Some(progress),
            Ok(JobEvent::Metrics { points }) => self.batch.points.extend(points),
            Ok(JobEvent::Log { level, line }) => self.batch.log.push((now(), level, line)),
            Ok(JobEvent::Checkpoint { .. }) => {}
            Ok(JobEvent::Done { result }) => self.said = Some(Said::Done(result)),
            Ok(JobEvent::Cancelled) => self.said = Some(Said::Cancelled),
            Ok(JobEvent::Failed { problem }) => self.said = Some(Said::Failed(problem)),
            // A library that prints.
            Err(_) if !line.trim().is_empty() => self.batch.log.push((now(), LogLevel::Info, line.to_owned())),
            Err(_) => {}
        }
    }

    /// Writes what was heard since the last time. What can't be written now is kept for the next.
    async fn report(&mut self) -> Result<(), Stopped> {
        let Batch { progress, device, points, log } = &self.batch;
        if progress.is_none() && device.is_none() && points.is_empty() && log.is_empty() {
            return Ok(());
        }
        match jobs::record(self.ctx, &self.lease, &self.batch).await {
            Ok(()) => {
                self.batch = Batch::default();
                Ok(())
            }
            Err(LeaseError::Lost) => Err(Stopped::Lost),
            Err(LeaseError::Problem(error)) => {
                tracing::warn!(%error, job = %self.lease.job, "a report could not be written yet");
                Ok(())
            }
        }
    }

    /// Extends the lease and passes a cancellation on. Where the store does not answer for as long as the lease lasts, another
    /// worker may have the job.
    async fn beat(&mut self) -> Result<(), Stopped> {
        match jobs::heartbeat(self.ctx, &self.lease).await {
            Ok(beat) => {
                self.last_beat = Instant::now();
                if beat.cancel && self.cancelled_at.is_none() {
                    self.cancelled_at = Some(Instant::now());
                    self.send(JobCommand::Cancel).await;
                }
                Ok(())
            }
            Err(LeaseError::Lost) => Err(Stopped::Lost),
            Err(LeaseError::Problem(error)) => {
                tracing::warn!(%error, job = %self.lease.job, "the lease could not be extended");
                let lease = Duration::from_millis(jobs::LEASE.unsigned_abs());
                if self.last_beat.elapsed() > lease.saturating_sub(BEAT_EVERY) { Err(Stopped::Lost) } else { Ok(()) }
            }
        }
    }

    async fn send(&mut self, command: JobCommand) {
        let (Some(commands), Ok(mut line)) = (&mut self.commands, serde_json::to_vec(&command)) else { return };
        line.push(b'\n');
        // A process that ended meanwhile is noticed elsewhere.
        let _ = commands.write_all(&line).await;
        let _ = commands.flush().await;
    }

    /// Closes the process's input, on which it ends, and kills it where it does not.
    async fn reap_child(&mut self, at_once: bool) -> Option<ExitStatus> {
        drop(self.commands.take());
        let patience = if at_once { Duration::from_secs(1) } else { END_GRACE };
        if let Ok(Ok(status)) = timeout(patience, self.child.wait()).await {
            // What it wrote last may still be on its way.
            while let Ok(Some(line)) = timeout(Duration::from_millis(200), self.lines.recv()).await {
                self.hear(&line);
            }
            return Some(status);
        }
        let _ = self.child.start_kill();
        self.child.wait().await.ok()
    }

    async fn conclude(&mut self, stopped: Option<Stopped>, status: Option<ExitStatus>, folder: &Path) -> bool {
        let (ctx, lease) = (self.ctx, self.lease);
        if stopped == Some(Stopped::Lost) {
            tracing::warn!(job = %lease.job, attempt = lease.attempt, "the lease is lost; another attempt has the job");
            return true;
        }
        match self.said.take() {
            Some(Said::Done(result)) => finish(ctx, &lease, &result, folder).await,
            Some(Said::Failed(problem)) => insist(|| jobs::fail(ctx, &lease, &problem)).await,
            Some(Said::Cancelled) if self.cancelled_at.is_some() => insist(|| jobs::cancelled(ctx, &lease)).await,
            Some(Said::Cancelled) | None => {
                if self.cancelled_at.is_some() {
                    return insist(|| jobs::cancelled(ctx, &lease)).await;
                }
                if stopped == Some(Stopped::Draining) || self.told_to_stop_as_well(status).await {
                    let reason = "Its worker was stopped: queued again, to go on from its last checkpoint.";
                    insist(|| jobs::requeue(ctx, &lease, reason)).await;
                    return true;
                }
                let problem = {
                    let tail = self.tail.lock().unwrap_or_else(PoisonError::into_inner);
                    status.map_or_else(
                        || Problem::internal("The job's process is gone. Retry the run."),
                        |status| death::problem(status, &tail),
                    )
                };
                self.batch.log.push((now(), LogLevel::Error, problem.message.clone()));
                let _ = self.report().await;
                insist(|| jobs::fail(ctx, &lease, &problem)).await
            }
        }
    }

    /// A service manager ends all processes at the same time: a child that dies of it has not failed.
    async fn told_to_stop_as_well(&mut self, status: Option<ExitStatus>) -> bool {
        #[cfg(unix)]
        let asked =
            status.is_some_and(|status| matches!(std::os::unix::process::ExitStatusExt::signal(&status), Some(2 | 15)));
        #[cfg(not(unix))]
        let asked = false && status.is_some();
        asked && timeout(STOP_GRACE, self.stop.wait_for(|stop| *stop)).await.is_ok()
    }
}

/// Stores the model and ends the run; where that can't be done, says why.
async fn finish(ctx: &Ctx, lease: &Lease, result: &RunResult, folder: &Path) -> bool {
    // The process named the file: nothing but a plain name in its own folder.
    let name = Path::new(&result.model_file).file_name().unwrap_or_default();
    let file = folder.join(name);
    let mut wait = Duration::from_millis(200);
    for attempt in 1..=TRIES {
        match jobs::finish(ctx, lease, result, &file).await {
            Ok(()) => return false,
            Err(LeaseError::Lost) => return true,
            Err(LeaseError::Problem(problem)) if attempt == TRIES => {
                return insist(|| jobs::fail(ctx, lease, &problem)).await;
            }
            Err(LeaseError::Problem(problem)) => {
                tracing::warn!(%problem, job = %lease.job, "the result could not be stored yet")
            }
        }
        sleep(wait).await;
        wait *= 2;
    }
    true
}

/// The next line without its end; `None` at the stream's end. What is not UTF-8 is replaced.
async fn next_line(reader: &mut (impl AsyncBufRead + Unpin)) -> Option<String> {
    let mut line = Vec::new();
    match reader.read_until(b'\n', &mut line).await {
        Ok(0) | Err(_) => None,
        Ok(_) => Some(String::from_utf8_lossy(&line).trim_end_matches(['\n', '\r']).to_owned()),
    }
}
