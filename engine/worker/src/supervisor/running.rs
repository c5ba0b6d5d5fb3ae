//! One process at work: what it says, its lease, and how it ends, whatever the work is.

use super::{
    Place, command, death, slots,
    usage::{Meter, Usage},
};
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
    jobs::{LeaseError, Wish},
};
use trainyard_types::{Problem, job::JobCommand};

/// How often what a job said is written to the store.
const REPORT_EVERY: Duration = Duration::from_millis(300);
/// How often the lease is extended, and a cancellation heard of.
const BEAT_EVERY: Duration = Duration::from_secs(2);
/// How long a process may take to obey a cancel command before it is killed.
const CANCEL_GRACE: Duration = Duration::from_secs(15);
/// How long a process may take to write its checkpoint and end before it is killed: then it goes on from the one before.
const PAUSE_GRACE: Duration = Duration::from_secs(60);
/// How long a process may take to end once its output or input is closed.
const END_GRACE: Duration = Duration::from_secs(5);
/// How long a worker that was itself told to stop waits to hear of it when its child died of the same signal.
const STOP_GRACE: Duration = Duration::from_secs(3);
/// Lines that may wait between the process and the store: beyond them the process waits.
const WAITING_LINES: usize = 4096;
/// Tries to write a job's end before it is left to the lease to run out.
pub(super) const TRIES: u32 = 5;

/// What a process works on: how it is told, how its news are kept, how it ends.
pub(super) trait Task: Send {
    /// The work's lease ends after so long without a heartbeat, milliseconds.
    const LEASE: i64;
    /// For the log.
    fn name(&self) -> String;
    /// What the process is to do, as JSON.
    fn spec(&self) -> serde_json::Result<Vec<u8>>;
    /// Takes a line of the process.
    fn hear(&mut self, line: &str);
    /// Whether the process said itself how it ended, otherwise than by being cancelled.
    fn has_ended(&self) -> bool;
    /// Writes what was heard since the last time; what can't be written now is kept.
    fn report(&mut self, ctx: &Ctx) -> impl Future<Output = Result<(), LeaseError>> + Send;
    /// Takes what the process was seen to use, every [`BEAT_EVERY`].
    fn measured(&mut self, _usage: Usage) {}
    /// Extends the lease, and hears what people want.
    fn beat(&self, ctx: &Ctx) -> impl Future<Output = Result<Wish, LeaseError>> + Send;
    /// Ends as the process said. `true` where the folder is still needed.
    fn finish(&mut self, ctx: &Ctx, folder: &Path) -> impl Future<Output = bool> + Send;
    fn cancelled(&mut self, ctx: &Ctx) -> impl Future<Output = bool> + Send;
    fn fail(&mut self, ctx: &Ctx, problem: &Problem) -> impl Future<Output = bool> + Send;
    /// Hands the work back to the queue. `paused`: by a person's wish, otherwise because this worker stops.
    fn requeue(&mut self, ctx: &Ctx, paused: bool) -> impl Future<Output = bool> + Send;
}

/// Why the process was stopped from here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stopped {
    /// Another attempt has the job.
    Lost,
    /// This worker stops.
    Draining,
}

/// Sees claimed work through to its end, whatever that is.
pub(super) async fn run<T: Task>(ctx: Ctx, mut task: T, folder: PathBuf, place: Place, stop: watch::Receiver<bool>) {
    let keep_folder = match start(&task, &folder, &place).await {
        Ok(child) => Running::new(&ctx, task, child, stop).see_through(&folder).await,
        Err(problem) => task.fail(&ctx, &problem).await,
    };
    if !keep_folder && let Err(error) = tokio::fs::remove_dir_all(&folder).await {
        tracing::warn!(%error, folder = %folder.display(), "a folder of finished work could not be removed");
    }
}

/// Writes the spec and starts the process.
async fn start(task: &impl Task, folder: &Path, place: &Place) -> Result<Child, Problem> {
    let refuse = |what: &str, error: String| {
        Problem::internal(format!("{what}: {error}. Check the data folder's space and rights, then retry."))
    };
    let path = folder.join("spec.json");
    let spec = task.spec().map_err(|e| refuse("The order could not be written", e.to_string()))?;
    tokio::fs::write(&path, spec).await.map_err(|e| refuse("The order could not be written", e.to_string()))?;
    command(&place.program, &path)
        .envs(place.slot.gpu().map(|gpu| (slots::GPU, gpu)))
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .map_err(|e| refuse("The process could not be started", e.to_string()))
}

/// Tries again while the store fails. `true` where the job is no more this worker's, or could not be ended: then its folder is
/// left to whoever takes it up.
pub(super) async fn insist<F: Future<Output = Result<(), LeaseError>>>(mut act: impl FnMut() -> F) -> bool {
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

struct Running<'a, T> {
    ctx: &'a Ctx,
    task: T,
    child: Child,
    commands: Option<ChildStdin>,
    lines: mpsc::Receiver<String>,
    tail: Arc<Mutex<death::Tail>>,
    stop: watch::Receiver<bool>,
    cancelled_at: Option<Instant>,
    paused_at: Option<Instant>,
    last_beat: Instant,
    meter: Option<Meter>,
}

impl<'a, T: Task> Running<'a, T> {
    fn new(ctx: &'a Ctx, task: T, mut child: Child, stop: watch::Receiver<bool>) -> Self {
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
        let (last_beat, meter) = (Instant::now(), child.id().map(Meter::new));
        Self { ctx, task, child, commands, lines, tail, stop, cancelled_at: None, paused_at: None, last_beat, meter }
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
            let patience = match (self.cancelled_at, self.paused_at) {
                (Some(at), _) => Some(at + CANCEL_GRACE),
                (None, at) => at.map(|at| at + PAUSE_GRACE),
            };
            tokio::select! {
                line = self.lines.recv() => match line {
                    Some(line) => self.task.hear(&line),
                    None => return None,
                },
                _ = report.tick() => if let Err(stopped) = self.report().await {
                    return Some(stopped);
                },
                _ = beat.tick() => {
                    if let Some(usage) = self.meter.as_mut().and_then(Meter::look) {
                        self.task.measured(usage);
                    }
                    if let Err(stopped) = self.beat().await {
                        return Some(stopped);
                    }
                }
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

    async fn report(&mut self) -> Result<(), Stopped> {
        match self.task.report(self.ctx).await {
            Ok(()) => Ok(()),
            Err(LeaseError::Lost) => Err(Stopped::Lost),
            Err(LeaseError::Problem(error)) => {
                tracing::warn!(%error, work = self.task.name(), "a report could not be written yet");
                Ok(())
            }
        }
    }

    /// Extends the lease and passes a cancellation on. Where the store does not answer for as long as the lease lasts, another
    /// worker may have the work.
    async fn beat(&mut self) -> Result<(), Stopped> {
        match self.task.beat(self.ctx).await {
            Ok(wish) => {
                self.last_beat = Instant::now();
                if wish == Wish::Cancel && self.cancelled_at.is_none() {
                    self.cancelled_at = Some(Instant::now());
                    self.send(JobCommand::Cancel).await;
                }
                if wish == Wish::Pause && self.paused_at.is_none() {
                    self.paused_at = Some(Instant::now());
                    self.send(JobCommand::Pause).await;
                }
                Ok(())
            }
            Err(LeaseError::Lost) => Err(Stopped::Lost),
            Err(LeaseError::Problem(error)) => {
                tracing::warn!(%error, work = self.task.name(), "the lease could not be extended");
                let lease = Duration::from_millis(T::LEASE.unsigned_abs());
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
                self.task.hear(&line);
            }
            return Some(status);
        }
        let _ = self.child.start_kill();
        self.child.wait().await.ok()
    }

    async fn conclude(&mut self, stopped: Option<Stopped>, status: Option<ExitStatus>, folder: &Path) -> bool {
        let ctx = self.ctx;
        if stopped == Some(Stopped::Lost) {
            tracing::warn!(work = self.task.name(), "the lease is lost; another attempt has the work");
            return true;
        }
        if self.task.has_ended() {
            return self.task.finish(ctx, folder).await;
        }
        if self.cancelled_at.is_some() {
            return self.task.cancelled(ctx).await;
        }
        let paused = self.paused_at.is_some();
        if paused || stopped == Some(Stopped::Draining) || self.told_to_stop_as_well(status).await {
            self.task.requeue(ctx, paused).await;
            return true;
        }
        let problem = {
            let tail = self.tail.lock().unwrap_or_else(PoisonError::into_inner);
            status.map_or_else(
                || Problem::internal("The process is gone. Retry."),
                |status| death::problem(status, &tail),
            )
        };
        self.task.fail(ctx, &problem).await
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

/// The next line without its end; `None` at the stream's end. What is not UTF-8 is replaced.
async fn next_line(reader: &mut (impl AsyncBufRead + Unpin)) -> Option<String> {
    let mut line = Vec::new();
    match reader.read_until(b'\n', &mut line).await {
        Ok(0) | Err(_) => None,
        Ok(_) => Some(String::from_utf8_lossy(&line).trim_end_matches(['\n', '\r']).to_owned()),
    }
}
