//! `serve` and `worker`: what runs until it is told to stop.

use super::{Out, first_sign_in, log_to_stderr};
use crate::{
    config::{Config, Flags},
    web,
};
use clap::Args;
use serde_json::json;
use std::{io, net::SocketAddr, process::ExitCode, time::Duration};
use tokio::{net::TcpListener, sync::watch, task::JoinHandle};
use trainyard_service::{Actor, Ctx, accounts};
use trainyard_types::{Code, Problem};
use trainyard_worker::{Worker, WorkerHandle, WorkerOptions};

/// How long open requests may take to end when the server is told to stop.
const GRACE: Duration = Duration::from_secs(10);

#[derive(Args)]
pub(super) struct ServeArgs {
    #[command(flatten)]
    flags: Flags,
    /// Address and port to listen on [default: 127.0.0.1:3000]
    #[arg(long, value_name = "ADDRESS:PORT")]
    bind: Option<String>,
    /// Jobs worked on at a time [default: one a GPU, one where there is none]
    #[arg(long, value_name = "N")]
    slots: Option<u32>,
    /// Leave jobs to 'trainyard worker' processes
    #[arg(long)]
    no_worker: bool,
    /// Load the demo project, where it is not there yet
    #[arg(long)]
    demo: bool,
}

#[derive(Args)]
pub(super) struct WorkerArgs {
    #[command(flatten)]
    flags: Flags,
    /// Jobs worked on at a time [default: one a GPU, one where there is none]
    #[arg(long, value_name = "N")]
    slots: Option<u32>,
    /// Tells workers on the same data folder apart [default: the host's name]
    #[arg(long, value_name = "NAME")]
    name: Option<String>,
}

/// A server that listens.
pub struct Running {
    /// Where; the port that was given where 0 was asked for.
    pub address: SocketAddr,
    /// How the first person gets in, at the first start.
    pub first: Option<accounts::FirstSignIn>,
    pub ctx: Ctx,
    stop: watch::Sender<bool>,
    served: JoinHandle<io::Result<()>>,
    worker: Option<WorkerHandle>,
}

/// Starts a server: binds, opens the database, makes the first account, starts the worker, and listens.
///
/// # Errors
/// The address is taken, the data folder or the database can't be used: each says what to do.
pub async fn start(config: &Config) -> Result<Running, Problem> {
    let listener = TcpListener::bind(&config.bind).await.map_err(|error| cannot_bind(&config.bind, &error))?;
    let address = listener.local_addr().map_err(|error| cannot_bind(&config.bind, &error))?;
    let ctx = Ctx::open(config.settings()?).await?;
    let first = accounts::bootstrap(&ctx, config.admin_password.clone()).await?;
    ctx.bring_pipelines(trainyard_worker::pipeline::engine());
    let worker = match config.worker {
        true => Some(work(&ctx, config.slots, None).await?),
        false => None,
    };
    let (stop, stopping) = watch::channel(false);
    let router = web::app(ctx.clone(), config, stopping.clone());
    let sweeper = tokio::spawn(web::sessions::sweep(ctx.store().clone()));
    let mut until = stopping;
    let served = tokio::spawn(async move {
        let service = router.into_make_service_with_connect_info::<SocketAddr>();
        let outcome = axum::serve(listener, service)
            .with_graceful_shutdown(async move {
                let _ = until.wait_for(|stop| *stop).await;
            })
            .await;
        sweeper.abort();
        outcome
    });
    Ok(Running { address, first, ctx, stop, served, worker })
}

impl Running {
    /// Ends open requests and streams, hands running jobs back to the queue, closes the database.
    pub async fn shut_down(self) {
        let Running { ctx, stop, served, worker, .. } = self;
        let _ = stop.send(true);
        if tokio::time::timeout(GRACE, served).await.is_err() {
            tracing::warn!("some requests took too long to end and were cut off");
        }
        if let Some(worker) = worker {
            worker.drain().await;
        }
        if let Err(error) = ctx.store().clone().close().await {
            tracing::warn!(%error, "the database did not close in order");
        }
    }
}

async fn work(ctx: &Ctx, slots: Option<u32>, name: Option<String>) -> Result<WorkerHandle, Problem> {
    let mut options = WorkerOptions::here()?;
    options.slots = slots.map(|slots| usize::try_from(slots).unwrap_or(1));
    if let Some(name) = name {
        options.name = name;
    }
    Worker::start(ctx.clone(), options).await
}

fn cannot_bind(bind: &str, error: &io::Error) -> Problem {
    let advice = match error.kind() {
        io::ErrorKind::AddrInUse => {
            "the port is in use. Stop what listens there (is Trainyard running already?), or choose another port: \
             --bind 127.0.0.1:3001"
        }
        io::ErrorKind::PermissionDenied => {
            "this user may not use the port. Choose one from 1024 on: --bind 127.0.0.1:3000"
        }
        io::ErrorKind::AddrNotAvailable => "this machine has no such address. 0.0.0.0 listens on all of them.",
        _ => {
            return Problem::new(
                Code::Unavailable,
                format!("Can't listen on {bind}: {error}. Use ADDRESS:PORT, such as 127.0.0.1:3000."),
            );
        }
    };
    Problem::new(Code::Unavailable, format!("Can't listen on {bind}: {advice}"))
}

pub(super) async fn serve(args: ServeArgs, out: Out) -> Result<ExitCode, Problem> {
    let mut config = Config::read(&args.flags)?;
    if let Some(bind) = args.bind {
        config.bind = bind;
    }
    config.slots = args.slots.or(config.slots);
    config.worker &= !args.no_worker;
    config.check()?;
    log_to_stderr(&config.log, &config.log_format);
    for name in Config::unknown_variables() {
        tracing::warn!("the environment variable {name} means nothing to Trainyard; is it mistyped?");
    }
    let running = start(&config).await?;
    if !web::site::is_built() {
        tracing::warn!("this program was built without the front end: pages are plain. 'cargo xtask run' builds it in");
    }
    if args.demo {
        trainyard_service::demo::load(&running.ctx, &Actor::cli()).await?;
    }
    let address = config.public_url.clone().unwrap_or_else(|| format!("http://{}", running.address));
    let first = running.first.as_ref();
    let said = json!({
        "address": address,
        "first_sign_in": first.map(|first| json!({ "name": first.name, "password": first.password })),
    });
    out.show(&said, || {
        let first = first.map_or(String::new(), |first| format!("\n{}", first_sign_in(first)));
        format!("Trainyard listens on {address}{first}\nStop it with Ctrl-C.")
    })?;
    told_to_stop().await;
    tracing::info!("stopping");
    running.shut_down().await;
    Ok(ExitCode::SUCCESS)
}

pub(super) async fn worker(args: WorkerArgs, out: Out) -> Result<ExitCode, Problem> {
    let mut config = Config::read(&args.flags)?;
    config.slots = args.slots.or(config.slots);
    log_to_stderr(&config.log, &config.log_format);
    let ctx = Ctx::open(config.settings()?).await?;
    let worker = work(&ctx, config.slots, args.name).await?;
    out.show(&json!({ "worker": worker.id() }), || "The worker takes jobs. Stop it with Ctrl-C.".to_owned())?;
    told_to_stop().await;
    tracing::info!("stopping");
    worker.drain().await;
    Ok(ExitCode::SUCCESS)
}

/// Returns at Ctrl-C or a termination signal.
async fn told_to_stop() {
    #[cfg(unix)]
    {
        use tokio::signal::unix::{SignalKind, signal};
        if let Ok(mut terminate) = signal(SignalKind::terminate()) {
            tokio::select! {
                _ = terminate.recv() => {}
                _ = tokio::signal::ctrl_c() => {}
            }
            return;
        }
    }
    let _ = tokio::signal::ctrl_c().await;
}
