//! The worker: claims jobs, runs each in a process of its own, reports what it says, and gives up what it can't finish.

pub mod death;
pub mod identity;
mod piping;
mod reviewing;
mod running;
mod slots;
mod training;
mod usage;

use identity::Identity;
use slots::{Slot, Slots};
use std::{
    collections::HashMap,
    env,
    path::{Path, PathBuf},
    process::Stdio,
    time::Duration,
};
use tokio::{
    process::Command,
    sync::watch,
    task::{JoinHandle, JoinSet},
    time::{MissedTickBehavior, interval, sleep, timeout},
};
use trainyard_service::{
    Ctx, datasets, inbox,
    jobs::{self, NewWorker},
    labels, pipelines,
};
use trainyard_types::{Code, Problem, WorkerId, job::JobEvent};

/// How often the queue is asked for jobs that other processes queued.
const ASK_EVERY: Duration = Duration::from_millis(500);
/// How often this worker shows that it is alive and looks for jobs of dead ones.
const HOUSEKEEPING_EVERY: Duration = Duration::from_secs(10);
/// How often schedules are looked at.
const SCHEDULES_EVERY: Duration = Duration::from_secs(2);
/// How often rows, messages and logs are looked for that have outlived their retention.
const RETENTION_EVERY: Duration = Duration::from_secs(3600);
/// A graphics driver may take its time to start.
const PROBE_LIMIT: Duration = Duration::from_secs(60);
const DEVICE_UNKNOWN: &str = "not known yet";
/// How the CPU's name begins, which answers where no GPU does.
const CPU: &str = "CPU";
/// Looks after the house that a worker is idle for before its speed is measured, and how long that may take.
const IDLE_BEFORE_CALIBRATING: u32 = 4;
const CALIBRATION_LIMIT: Duration = Duration::from_secs(120);
/// GPUs that are looked for.
const MOST_GPUS: usize = 32;

/// How to work.
#[derive(Clone, Debug)]
pub struct WorkerOptions {
    /// Jobs at the same time, at least 1; `None`: one a GPU, and one where there is none.
    pub slots: Option<usize>,
    /// The program whose `job` verb is [`crate::run_child`].
    pub program: PathBuf,
    /// Tells workers on the same data folder apart; a restarted one takes up what the one of the same name held.
    pub name: String,
}

impl WorkerOptions {
    /// One job a device, in this program, under the host's name.
    ///
    /// # Errors
    /// The running program's path is not known.
    pub fn here() -> Result<Self, Problem> {
        let program = env::current_exe()
            .map_err(|error| Problem::internal(format!("The path of the running program is not known: {error}.")))?;
        Ok(Self { slots: None, program, name: host() })
    }
}

/// Starts workers.
pub struct Worker;

/// Where a process runs.
struct Place {
    program: PathBuf,
    slot: Slot,
}

/// A running worker. Dropping it ends its jobs' processes; their leases run out, or [`WorkerHandle::drain`] hands them back.
pub struct WorkerHandle {
    id: WorkerId,
    stop: watch::Sender<bool>,
    work: JoinHandle<()>,
}

impl Worker {
    /// Makes the worker known, queues again what it held when it died last, and starts to claim jobs.
    ///
    /// # Errors
    /// The store or the data folder can't be used.
    pub async fn start(ctx: Ctx, options: WorkerOptions) -> Result<WorkerHandle, Problem> {
        let folder = ctx.data_dir().join("workers");
        let identity = identity::take(&folder, &options.name).map_err(|error| {
            Problem::new(
                Code::Unavailable,
                format!("The worker can't keep its identity in {}: {error}.", folder.display()),
            )
        })?;
        let id = identity.id;
        let slots = Slots::new(options.slots);
        register(&ctx, id, &slots, DEVICE_UNKNOWN).await?;
        let released = jobs::release_held_by(&ctx, id).await?;
        if released.requeued + released.failed + released.cancelled > 0 {
            tracing::info!(worker = %id, ?released, "gave up what it held before");
        }
        pipelines::work::reap(&ctx, Some(id)).await?;
        labels::work::reap(&ctx, Some(id)).await?;
        ctx.bring_pipelines(crate::pipeline::engine());
        tokio::spawn(tell_device(ctx.clone(), id, options.program.clone(), slots.clone()));
        let (stop, stopped) = watch::channel(false);
        let work = tokio::spawn(work(ctx, identity, options.program, slots, stopped));
        Ok(WorkerHandle { id, stop, work })
    }
}

impl WorkerHandle {
    pub fn id(&self) -> WorkerId {
        self.id
    }

    /// Claims no more, ends the jobs' processes and hands the jobs back to the queue, where they wait to go on from their
    /// checkpoints. Returns when that is done.
    pub async fn drain(self) {
        let _ = self.stop.send(true);
        if let Err(error) = self.work.await {
            tracing::error!(%error, "the worker ended badly");
        }
    }
}

async fn register(ctx: &Ctx, id: WorkerId, slots: &Slots, device: &str) -> Result<WorkerId, Problem> {
    let slots = u32::try_from(slots.count()).unwrap_or(u32::MAX);
    jobs::register_worker(ctx, &NewWorker { id: Some(id), host: host(), device: device.to_owned(), slots }).await
}

async fn work(ctx: Ctx, identity: Identity, program: PathBuf, slots: Slots, mut stop: watch::Receiver<bool>) {
    let mut running: JoinSet<()> = JoinSet::new();
    let mut housekeeping = interval(HOUSEKEEPING_EVERY);
    housekeeping.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut schedules = interval(SCHEDULES_EVERY);
    schedules.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut retention = interval(RETENTION_EVERY);
    retention.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut idle = 0u32;
    loop {
        let free = || if *stop.borrow() { None } else { slots.take() };
        while let Some(slot) = free() {
            match claim(&ctx, identity.id, &mut running, (&program, slot), &stop).await {
                Ok(true) => {}
                Ok(false) => break,
                Err(error) => {
                    tracing::warn!(%error, "the queue could not be asked");
                    break;
                }
            }
        }
        tokio::select! {
            () = jobs::wake(&ctx).notified() => {}
            () = sleep(ASK_EVERY) => {}
            Some(ended) = running.join_next(), if !running.is_empty() => {
                if let Err(error) = ended {
                    tracing::error!(%error, "a job's supervision ended badly; its lease runs out");
                }
            }
            _ = housekeeping.tick() => {
                keep_house(&ctx, identity.id).await;
                idle = if running.is_empty() { idle + 1 } else { 0 };
                if idle == IDLE_BEFORE_CALIBRATING && let Some(slot) = slots.take() {
                    running.spawn(calibrate(ctx.clone(), identity.id, Place { program: program.clone(), slot }, stop.clone()));
                }
            }
            _ = schedules.tick() => tick(&ctx).await,
            _ = retention.tick() => keep_to_retention(&ctx).await,
            changed = stop.changed() => {
                if changed.is_err() || *stop.borrow() {
                    break;
                }
            }
        }
    }
    if *stop.borrow() {
        while let Some(ended) = running.join_next().await {
            if let Err(error) = ended {
                tracing::error!(%error, "a job's supervision ended badly; its lease runs out");
            }
        }
    }
}

/// Takes up what has waited longest, pipelines' runs first: they are asked for by few and start what others wait for. Then
/// reviews of labels, which take minutes.
async fn claim(
    ctx: &Ctx,
    worker: WorkerId,
    running: &mut JoinSet<()>,
    (program, slot): (&Path, Slot),
    stop: &watch::Receiver<bool>,
) -> Result<bool, Problem> {
    let (place, stop) = (Place { program: program.to_owned(), slot }, stop.clone());
    if let Some(claimed) = pipelines::work::claim(ctx, worker).await? {
        tracing::info!(pipeline_run = %claimed.lease.run, attempt = claimed.lease.attempt, "claimed");
        let folder = PathBuf::from(&claimed.spec.folder);
        running.spawn(running::run(ctx.clone(), piping::Piping::new(claimed), folder, place, stop));
        return Ok(true);
    }
    if let Some(claimed) = labels::work::claim(ctx, worker).await? {
        tracing::info!(label_review = %claimed.lease.review, attempt = claimed.lease.attempt, "claimed");
        let folder = PathBuf::from(&claimed.spec.folder);
        running.spawn(running::run(ctx.clone(), reviewing::Reviewing::new(claimed), folder, place, stop));
        return Ok(true);
    }
    if let Some(claimed) = jobs::claim(ctx, worker).await? {
        tracing::info!(job = %claimed.lease.job, attempt = claimed.lease.attempt, "claimed");
        let folder = PathBuf::from(&claimed.spec.folder);
        running.spawn(running::run(ctx.clone(), training::Training::new(claimed), folder, place, stop));
        return Ok(true);
    }
    Ok(false)
}

/// Queues the runs of schedules that ticked.
async fn tick(ctx: &Ctx) {
    if let Err(error) = pipelines::starts::tick(ctx).await {
        tracing::warn!(%error, "schedules could not be looked at");
    }
}

async fn keep_house(ctx: &Ctx, id: WorkerId) {
    if let Err(error) = jobs::worker_seen(ctx, id).await {
        tracing::warn!(%error, "the worker could not show that it is alive");
    }
    match pipelines::work::reap(ctx, None).await {
        Ok(0) => {}
        Ok(runs) => tracing::info!(runs, "dealt with pipelines' runs of silent workers"),
        Err(error) => tracing::warn!(%error, "pipelines' runs of silent workers could not be looked for"),
    }
    match labels::work::reap(ctx, None).await {
        Ok(0) => {}
        Ok(reviews) => tracing::info!(reviews, "dealt with reviews of labels of silent workers"),
        Err(error) => tracing::warn!(%error, "reviews of labels of silent workers could not be looked for"),
    }
    match jobs::reap(ctx).await {
        Ok(reaped) if reaped.requeued + reaped.failed + reaped.cancelled > 0 => {
            tracing::info!(?reaped, "dealt with jobs of silent workers");
        }
        Ok(_) => {}
        Err(error) => tracing::warn!(%error, "jobs of silent workers could not be looked for"),
    }
}

async fn keep_to_retention(ctx: &Ctx) {
    match datasets::keep_to_retention(ctx).await {
        Ok(0) => {}
        Ok(versions) => tracing::info!(versions, "deleted rows that were kept for as long as they should be"),
        Err(error) => tracing::warn!(%error, "rows past their retention could not be deleted"),
    }
    match pipelines::work::sweep_logs(ctx).await {
        Ok(0) => {}
        Ok(runs) => tracing::info!(runs, "deleted old logs of pipelines' runs"),
        Err(error) => tracing::warn!(%error, "old logs of pipelines' runs could not be deleted"),
    }
    match inbox::sweep(ctx).await {
        Ok(0) => {}
        Ok(messages) => tracing::info!(messages, "removed old messages that were read"),
        Err(error) => tracing::warn!(%error, "old messages could not be removed"),
    }
}

/// Asks in processes of their own which devices jobs will train on, for a graphics driver may crash.
async fn tell_device(ctx: Ctx, id: WorkerId, program: PathBuf, slots: Slots) {
    let mut device = probe(&program, None).await.unwrap_or_else(|| CPU.to_owned());
    if !device.starts_with(CPU) {
        let gpus = gpus(&program).await;
        if gpus.len() > 1 {
            device = gpus.join(", ");
        }
        slots.found(gpus.len());
    }
    if let Err(error) = register(&ctx, id, &slots, &device).await {
        tracing::warn!(%error, "the worker's device could not be noted");
    }
    jobs::wake(&ctx).notify_one();
}

/// Measures how fast this worker trains, unless that is known, so that estimates go by it.
async fn calibrate(ctx: Ctx, id: WorkerId, place: Place, mut stop: watch::Receiver<bool>) {
    match jobs::is_calibrated(&ctx, id).await {
        Ok(false) => {}
        Ok(true) => return,
        Err(error) => return tracing::warn!(%error, "it could not be looked up how fast this worker trains"),
    }
    let mut measure = command(&place.program, Path::new(crate::child::CALIBRATE));
    measure.stdin(Stdio::null()).stderr(Stdio::null()).envs(place.slot.gpu().map(|gpu| (slots::GPU, gpu)));
    let output = tokio::select! {
        output = timeout(CALIBRATION_LIMIT, measure.output()) => output,
        _ = stop.wait_for(|stop| *stop) => return,
    };
    let Ok(Ok(output)) = output else { return };
    let Some(measured) = output.stdout.split(|byte| *byte == b'\n').find_map(|line| serde_json::from_slice(line).ok())
    else {
        return tracing::warn!(status = %output.status, "this worker's speed could not be measured");
    };
    if let Err(error) = jobs::calibrated(&ctx, id, &measured).await {
        tracing::warn!(%error, "this worker's speed could not be noted");
    }
}

/// The discrete GPUs that answer, in their order.
async fn gpus(program: &Path) -> Vec<String> {
    let mut found = Vec::new();
    while found.len() < MOST_GPUS {
        match probe(program, Some(slots::discrete(found.len()))).await {
            Some(name) if !name.starts_with(CPU) => found.push(name),
            _ => break,
        }
    }
    found
}

async fn probe(program: &Path, gpu: Option<String>) -> Option<String> {
    let mut asks = command(program, Path::new(crate::child::PROBE));
    asks.stdin(Stdio::null()).stderr(Stdio::null()).envs(gpu.map(|gpu| (slots::GPU, gpu)));
    let output = timeout(PROBE_LIMIT, asks.output()).await.ok()?.ok()?;
    let text = String::from_utf8_lossy(&output.stdout);
    let device = text.lines().find_map(|line| match serde_json::from_str(line) {
        Ok(JobEvent::Device { device, .. }) => Some(device),
        _ => None,
    });
    if device.is_none() {
        tracing::warn!(status = %output.status, "a process could not say which device it would train on");
    }
    device
}

/// The command of a job's process: without this program's settings, some of which are secret, and out of reach of the
/// terminal's Ctrl-C, which is for the worker.
fn command(program: &Path, spec: &Path) -> Command {
    let mut command = Command::new(program);
    command.arg("job").arg(spec).kill_on_drop(true);
    for name in secrets(env::vars_os().filter_map(|(name, value)| Some((name.into_string().ok()?, value))).collect()) {
        command.env_remove(name);
    }
    // Graphics libraries complain on standard error where it is not set.
    if env::var_os("XDG_RUNTIME_DIR").is_none() {
        command.env(
            "XDG_RUNTIME_DIR",
            spec.parent().filter(|folder| folder.is_dir()).map_or_else(env::temp_dir, Path::to_owned),
        );
    }
    #[cfg(unix)]
    command.process_group(0);
    command
}

/// Names of variables that a job has no use for.
fn secrets(variables: HashMap<String, std::ffi::OsString>) -> Vec<String> {
    variables
        .into_keys()
        .filter(|name| {
            let upper = name.to_ascii_uppercase();
            upper.starts_with("TRAINYARD_")
                || ["PASSWORD", "SECRET", "TOKEN", "DATABASE_URL"].iter().any(|word| upper.contains(word))
        })
        .collect()
}

/// This machine's name.
fn host() -> String {
    let name = std::fs::read_to_string("/proc/sys/kernel/hostname").ok().or_else(|| env::var("HOSTNAME").ok());
    name.map(|name| name.trim().to_owned()).filter(|name| !name.is_empty()).unwrap_or_else(|| "localhost".to_owned())
}

#[cfg(test)]
#[path = "supervisor/tests.rs"]
mod tests;
