//! Fetching a source: in the background, with its progress in the database, so that any server shows it and ends it.

use super::{Fetched, connections};
use crate::{
    Actor, Ctx,
    authorise::{self, Scope},
    blocking::blocking,
    datasets::{refresh, sweep_uploads, uploads_folder},
};
use std::{
    ops::ControlFlow,
    path::{Path, PathBuf},
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};
use trainyard_sources::{Access, Progress, Secret};
use trainyard_store::{
    self as store, audit, fresh_id,
    inbox::To,
    now,
    sources::fetches::{ABANDONED, Beat, Begun},
};
use trainyard_types::{
    Action, DatasetId, FetchId, Problem, Slug, UploadId,
    dataset::{CommitMode, UploadView},
    inbox::Notice,
    source::{ConnectionSettings, DatasetSource, FetchState, FetchView, NewFetch, SourceSpec},
};

/// Fetches of one project at a time.
const AT_A_TIME: u64 = 4;

/// Begins to fetch a source. When it is there it waits as an upload, to be looked at and committed like any other.
///
/// # Errors
/// The caller may not write, the connection is not there, or too many fetches run.
pub async fn start(ctx: &Ctx, actor: &Actor, project: &Slug, input: NewFetch) -> Result<FetchView, Problem> {
    let scope = authorise::project(ctx, actor, project, Action::Write).await?;
    begin(ctx, actor, scope, input.source, None).await
}

/// Begins to fetch the source of a data set again; a version is made of it without further questions, read as the current
/// version is.
///
/// # Errors
/// As [`start`]; there is no such data set for the caller, or it did not come from a source.
pub async fn again(
    ctx: &Ctx,
    actor: &Actor,
    project: &Slug,
    dataset: DatasetId,
    mode: CommitMode,
) -> Result<FetchView, Problem> {
    let scope = authorise::project(ctx, actor, project, Action::Write).await?;
    let db = ctx.store().db();
    store::datasets::view(db, scope.project, dataset)
        .await?
        .ok_or_else(|| Problem::not_found("There is no such data set."))?;
    let (source, _) = store::sources::of_dataset(db, dataset).await?.ok_or_else(|| {
        Problem::conflict("This data set did not come from a source outside. Upload its next version instead.")
    })?;
    begin(ctx, actor, scope, source, Some((dataset, mode))).await
}

/// Where a data set was last fetched from, if it was.
///
/// # Errors
/// There is no such data set for the caller.
pub async fn source_of(
    ctx: &Ctx,
    actor: &Actor,
    project: &Slug,
    dataset: DatasetId,
) -> Result<Option<DatasetSource>, Problem> {
    let scope = authorise::project(ctx, actor, project, Action::Read).await?;
    let db = ctx.store().db();
    store::datasets::view(db, scope.project, dataset)
        .await?
        .ok_or_else(|| Problem::not_found("There is no such data set."))?;
    Ok(store::sources::of_dataset(db, dataset).await?.map(|(_, view)| view))
}

/// The project's newest fetches.
///
/// # Errors
/// There is no such project for the caller, or the caller may not write.
pub async fn list(ctx: &Ctx, actor: &Actor, project: &Slug) -> Result<Vec<FetchView>, Problem> {
    let scope = authorise::project(ctx, actor, project, Action::Write).await?;
    Ok(store::sources::fetches::list(ctx.store().db(), scope.project, now()).await?)
}

/// One fetch.
///
/// # Errors
/// There is none for the caller.
pub async fn view(ctx: &Ctx, actor: &Actor, project: &Slug, id: FetchId) -> Result<FetchView, Problem> {
    let scope = authorise::project(ctx, actor, project, Action::Write).await?;
    let found = store::sources::fetches::get(ctx.store().db(), scope.project, id, now()).await?;
    found.map(|(_, view)| view).ok_or_else(no_fetch)
}

/// Ends a fetch that runs; what was fetched so far goes. Within seconds, also where another server does it.
///
/// # Errors
/// There is none for the caller, or it has ended.
pub async fn cancel(ctx: &Ctx, actor: &Actor, project: &Slug, id: FetchId) -> Result<FetchView, Problem> {
    let scope = authorise::project(ctx, actor, project, Action::Write).await?;
    let tx = ctx.store().begin().await?;
    let (_, before) = store::sources::fetches::get(&*tx, scope.project, id, now()).await?.ok_or_else(no_fetch)?;
    let change = (FetchState::Running, FetchState::Cancelled);
    if !store::sources::fetches::become_state(&tx, id, change, "Cancelled. Nothing was kept.", None, now()).await? {
        return Err(Problem::conflict("The fetch has ended already."));
    }
    let event = actor.event("fetch.cancel", format!("fetch/{id}"), format!("Cancelled fetching {}.", before.source));
    audit::append(&tx, event.in_project(&scope.slug)).await?;
    tx.commit().await?;
    view(ctx, actor, project, id).await
}

fn no_fetch() -> Problem {
    Problem::not_found("There is no such fetch.")
}

/// What a fetch works with.
struct Task {
    ctx: Ctx,
    actor: Actor,
    scope: Scope,
    id: FetchId,
    source: SourceSpec,
    described: String,
    connection: Option<(ConnectionSettings, Option<Secret>)>,
    again: Option<(DatasetId, CommitMode)>,
    path: PathBuf,
}

async fn begin(
    ctx: &Ctx,
    actor: &Actor,
    scope: Scope,
    source: SourceSpec,
    again: Option<(DatasetId, CommitMode)>,
) -> Result<FetchView, Problem> {
    let db = ctx.store().db();
    sweep(ctx).await;
    if store::sources::fetches::running(db, scope.project, now()).await? >= AT_A_TIME {
        return Err(Problem::conflict(format!(
            "{AT_A_TIME} fetches run in this project already. Wait for one, or cancel it."
        )));
    }
    let (connection, described) = match source.connection() {
        None => (None, source.describe("")),
        Some(id) => {
            let name = connections::stored(db, scope.project, id).await?.view.name;
            (Some(connections::usable(ctx, scope.project, id).await?), source.describe(&name))
        }
    };
    let folder = uploads_folder(ctx);
    tokio::fs::create_dir_all(&folder).await.map_err(|error| store::error::internal(&error))?;
    let id = FetchId(fresh_id());
    let tx = ctx.store().begin().await?;
    let dataset = again.map(|(dataset, _)| dataset);
    let begun = Begun {
        id,
        project: scope.project,
        source: &source,
        described: &described,
        dataset,
        at: now(),
        by: &actor.name,
    };
    store::sources::fetches::begin(&tx, begun).await?;
    let event = actor.event("fetch.start", format!("fetch/{id}"), format!("Began to fetch {described}."));
    audit::append(&tx, event.in_project(&scope.slug)).await?;
    tx.commit().await?;
    let (_, view) = store::sources::fetches::get(db, scope.project, id, now()).await?.ok_or_else(no_fetch)?;
    let path = folder.join(id.to_string());
    let (ctx, actor) = (ctx.clone(), actor.clone());
    tokio::spawn(Task { ctx, actor, scope, id, source, described, connection, again, path }.run());
    Ok(view)
}

impl Task {
    async fn run(self) {
        if let Err(problem) = self.work().await {
            let _ = tokio::fs::remove_file(&self.path).await;
            if let Err(problem) = self.fail(&problem).await {
                tracing::warn!(fetch = %self.id, problem = %problem.message, "a failed fetch could not be marked");
            }
        }
    }

    async fn work(&self) -> Result<(), Problem> {
        let progress = Arc::new(Mutex::new(Progress::default()));
        let stop = Arc::new(AtomicBool::new(false));
        let beating = tokio::spawn(beat(self.ctx.clone(), self.id, progress.clone(), stop.clone()));
        let _ended = Ended(beating);
        let watch = move |now: &Progress| {
            now.clone_into(&mut progress.lock().unwrap_or_else(PoisonError::into_inner));
            if stop.load(Ordering::Relaxed) { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
        };
        let settings = self.ctx.settings();
        let access = Access {
            rules: &settings.sources,
            connection: self.connection.as_ref().map(|(settings, _)| settings),
            secret: self.connection.as_ref().and_then(|(_, secret)| secret.as_ref()),
        };
        let fetched = trainyard_sources::fetch(&self.source, access, &self.path, settings.fetch, &watch).await?;
        match self.again {
            Some((dataset, mode)) => self.make_version(dataset, mode, &fetched.file_name).await,
            None => self.make_upload(fetched.file_name, fetched.bytes, fetched.notes).await,
        }
    }

    async fn make_upload(&self, file_name: String, bytes: u64, mut notes: Vec<String>) -> Result<(), Problem> {
        let (path, name) = (self.path.clone(), file_name.clone());
        let inspection = blocking(move || trainyard_data::inspect::inspect(&path, &name)).await??;
        notes.extend(inspection.notes);
        let upload = UploadView {
            id: UploadId(self.id.0),
            file_name,
            bytes,
            options: inspection.options,
            sample: inspection.sample,
            notes,
        };
        let tx = self.ctx.store().begin().await?;
        let change = (FetchState::Running, FetchState::Ready);
        let words = "Fetched. Look at it and keep it.";
        if !store::sources::fetches::become_state(&tx, self.id, change, words, None, now()).await? {
            return Err(Problem::conflict("The fetch was cancelled. Nothing was kept."));
        }
        store::uploads::create(&tx, self.scope.project, &upload, now(), &self.actor.name).await?;
        let words = format!("Fetched {} ({bytes} bytes).", self.described);
        let event = self.actor.event("fetch.ready", format!("fetch/{}", self.id), words);
        audit::append(&tx, event.in_project(&self.scope.slug)).await?;
        Ok(tx.commit().await?)
    }

    async fn make_version(&self, dataset: DatasetId, mode: CommitMode, file_name: &str) -> Result<(), Problem> {
        let (ctx, scope) = (&self.ctx, &self.scope);
        let db = ctx.store().db();
        let gone = || Problem::not_found("The data set has no version any more that says how to read its rows.");
        let current = store::datasets::numbered(db, dataset, None).await?.ok_or_else(gone)?;
        let current = store::datasets::version(db, scope.project, current).await?.ok_or_else(gone)?;
        let fetched = Fetched {
            id: self.id,
            from: FetchState::Running,
            source: self.source.clone(),
            described: self.described.clone(),
        };
        let file: (&Path, &str) = (&self.path, file_name);
        refresh(ctx, &self.actor, scope, &current, file, mode, fetched).await.map_err(|failure| failure.problem)?;
        let _ = tokio::fs::remove_file(&self.path).await;
        Ok(())
    }

    async fn fail(&self, problem: &Problem) -> Result<(), Problem> {
        let tx = self.ctx.store().begin().await?;
        let change = (FetchState::Running, FetchState::Failed);
        if store::sources::fetches::become_state(&tx, self.id, change, &problem.message, None, now()).await? {
            let dataset = self.again.map(|(dataset, _)| dataset);
            let notice = Notice::fetch_failed(&self.described, &problem.message, self.id, dataset);
            store::inbox::send(&tx, self.scope.project, &notice, To::Person(&self.actor.name), now()).await?;
            let words = format!("Fetching {} failed: {}", self.described, problem.message);
            let event = self.actor.event("fetch.fail", format!("fetch/{}", self.id), words);
            audit::append(&tx, event.in_project(&self.scope.slug)).await?;
            tx.commit().await?;
        }
        Ok(())
    }
}

/// Ends a task when it is dropped.
struct Ended(tokio::task::JoinHandle<()>);

impl Drop for Ended {
    fn drop(&mut self) {
        self.0.abort();
    }
}

async fn beat(ctx: Ctx, id: FetchId, progress: Arc<Mutex<Progress>>, stop: Arc<AtomicBool>) {
    loop {
        tokio::time::sleep(Duration::from_secs(1)).await;
        let Progress { bytes, total, rows, doing } = progress.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let message = if doing.is_empty() { "Reading".to_owned() } else { doing };
        match store::sources::fetches::beat(ctx.store().db(), id, &Beat { message, bytes, total, rows }, now()).await {
            Ok(true) => {}
            Ok(false) => return stop.store(true, Ordering::Relaxed),
            Err(error) => tracing::warn!(%error, fetch = %id, "a fetch could not say how far it is"),
        }
    }
}

/// Ends fetches whose process died, and removes what they left. Failing to is no reason to refuse a new one.
async fn sweep(ctx: &Ctx) {
    sweep_uploads(ctx).await;
    let outcome: Result<(), Problem> = async {
        for (project, left) in store::sources::fetches::abandoned(ctx.store().db(), now()).await? {
            let id = left.id;
            let tx = ctx.store().begin().await?;
            let change = (FetchState::Running, FetchState::Failed);
            if store::sources::fetches::become_state(&tx, id, change, ABANDONED, None, now()).await? {
                let notice = Notice::fetch_failed(&left.source, ABANDONED, id, left.dataset);
                store::inbox::send(&tx, project, &notice, To::Person(&left.started_by), now()).await?;
                let words = "A fetch ended with the server that did it.".to_owned();
                let event = Actor::system().event("fetch.fail", format!("fetch/{id}"), words);
                audit::append(&tx, event).await?;
                tx.commit().await?;
                let _ = tokio::fs::remove_file(uploads_folder(ctx).join(id.to_string())).await;
            }
        }
        Ok(())
    }
    .await;
    if let Err(problem) = outcome {
        tracing::warn!(problem = %problem.message, "fetches that were left could not be ended");
    }
}
