//! From a file to a version: read as typed, stored as Parquet under its content's hash, described.

use super::{
    append::{self, Base},
    upload::{self, Temporary, no_upload},
};
use crate::{
    Actor, Ctx,
    authorise::{self, Scope},
    blocking::blocking,
    checks::{self, Judged},
    labels,
    pipelines::starts::{Happened, happened},
    sources::Fetched,
};
use std::{
    collections::BTreeMap,
    ops::ControlFlow,
    path::{Path, PathBuf},
};
use trainyard_data::{
    ingest::Ingested,
    relabel::{Change, relabel},
};
use trainyard_store::{self as store, ConnectionTrait, StoreError, audit, fresh_id, inbox::To, lineage::Relation, now};
use trainyard_types::{
    Action, DatasetId, DatasetVersionId, LabelReviewId, PipelineId, PipelineRunId, Problem, ResourceName, Slug,
    UploadId,
    dataset::{BadRows, ColumnSchema, CommitMode, CommitUpload, FileFormat, ReadFailure, ReadOptions, VersionView},
    inbox::Notice,
    pipeline::StepId,
};

/// Makes a data set of an upload, or a further version of the data set that has the name already. Content that a version
/// of that data set has already is refused, and the version is named: two versions are never the same.
///
/// # Errors
/// There is no such upload for the caller; rows can't be read as typed (the report says which); the content is there
/// already.
pub async fn commit(
    ctx: &Ctx,
    actor: &Actor,
    project: &Slug,
    upload: UploadId,
    input: CommitUpload,
) -> Result<VersionView, ReadFailure> {
    let scope = authorise::project(ctx, actor, project, Action::Write).await?;
    let view = store::uploads::view(ctx.store().db(), scope.project, upload)
        .await
        .map_err(Problem::from)?
        .ok_or_else(no_upload)?;
    let source = upload::file(ctx, upload);
    let new = New {
        source_name: &view.file_name,
        name: input.name,
        description: input.description,
        options: input.options.unwrap_or(view.options),
        bad_rows: input.bad_rows,
        mode: input.mode,
        why: input.why,
        upload: Some(upload),
        fetched: Fetched::behind(ctx, scope.project, upload).await?,
        by: None,
        corrects: None,
    };
    let version = add(ctx, actor, &scope, &source, new).await?;
    let _ = tokio::fs::remove_file(&source).await;
    Ok(version)
}

/// Makes a data set, or a further version, of a file on the server's disk. Left out: the name is the file's, the options
/// are inferred.
///
/// # Errors
/// As [`commit`]; the file can't be read.
pub async fn import_file(
    ctx: &Ctx,
    actor: &Actor,
    project: &Slug,
    path: &Path,
    name: Option<ResourceName>,
    options: Option<ReadOptions>,
    bad_rows: BadRows,
) -> Result<VersionView, ReadFailure> {
    import(ctx, actor, project, path, name, options, (bad_rows, CommitMode::Replace)).await
}

/// Adds the rows of a file on the server's disk to the newest version of a data set, as a further version.
///
/// # Errors
/// As [`commit`]; the file can't be read; there is no such data set, or its columns differ: every difference is named.
pub async fn append_file(
    ctx: &Ctx,
    actor: &Actor,
    project: &Slug,
    path: &Path,
    name: Option<ResourceName>,
    bad_rows: BadRows,
) -> Result<VersionView, ReadFailure> {
    import(ctx, actor, project, path, name, None, (bad_rows, CommitMode::Append)).await
}

async fn import(
    ctx: &Ctx,
    actor: &Actor,
    project: &Slug,
    path: &Path,
    name: Option<ResourceName>,
    options: Option<ReadOptions>,
    (bad_rows, mode): (BadRows, CommitMode),
) -> Result<VersionView, ReadFailure> {
    let scope = authorise::project(ctx, actor, project, Action::Write).await?;
    if !path.is_file() {
        return Err(Problem::not_found(format!("There is no file {}. Check the path.", path.display())).into());
    }
    let source_name = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    let options = match options {
        Some(options) => options,
        None => {
            let (path, name) = (path.to_path_buf(), source_name.clone());
            blocking(move || trainyard_data::inspect::inspect(&path, &name)).await??.options
        }
    };
    let name = match name {
        Some(name) => name,
        None => {
            let stem = path.file_stem().map(|stem| stem.to_string_lossy().into_owned()).unwrap_or_default();
            ResourceName::parse(stem).map_err(|error| Problem::field("name", error))?
        }
    };
    let new = New {
        source_name: &source_name,
        name,
        description: String::new(),
        options,
        bad_rows,
        mode,
        why: String::new(),
        upload: None,
        fetched: None,
        by: None,
        corrects: None,
    };
    add(ctx, actor, &scope, path, new).await
}

/// Makes the next version of a data set of a file that was fetched, read as the current version is.
///
/// # Errors
/// As [`commit`].
pub(crate) async fn refresh(
    ctx: &Ctx,
    actor: &Actor,
    scope: &Scope,
    current: &VersionView,
    (path, source_name): (&Path, &str),
    mode: CommitMode,
    fetched: Fetched,
) -> Result<VersionView, ReadFailure> {
    let name = ResourceName::parse(current.dataset_name.clone()).map_err(|error| Problem::field("name", error))?;
    let options = {
        let (path, name, before) = (path.to_path_buf(), source_name.to_owned(), current.read_options.clone());
        blocking(move || {
            let found = trainyard_data::inspect::inspect(&path, &name)?.options;
            if found.format != before.format {
                return Ok(found);
            }
            let again = ReadOptions { columns: Vec::new(), ..before };
            Ok::<_, Problem>(trainyard_data::inspect::reinspect(&path, &again)?.options)
        })
        .await??
    };
    let mut new = New {
        source_name,
        name,
        description: String::new(),
        options,
        bad_rows: BadRows::Refuse,
        mode,
        why: "Fetched again from its source.".to_owned(),
        upload: None,
        fetched: Some(fetched),
        by: None,
        corrects: None,
    };
    // Types that a person confirmed stay, whatever a day's rows look like.
    for column in &mut new.options.columns {
        if let Some(known) = current.profile.columns.iter().find(|known| known.name == column.name) {
            column.kind = known.kind;
        }
    }
    add(ctx, actor, scope, path, new).await
}

/// A table that became a version, or is one already.
pub(crate) struct Written {
    pub(crate) id: DatasetVersionId,
    pub(crate) dataset: DatasetId,
    pub(crate) number: i32,
    pub(crate) quarantined: bool,
    /// `false`: a version had exactly this content before.
    pub(crate) new: bool,
}

/// The step of a pipeline's run that makes a version.
#[derive(Clone, Copy, Debug)]
pub(crate) struct ByStep<'a> {
    pub(crate) pipeline: PipelineId,
    pub(crate) run: PipelineRunId,
    pub(crate) step: &'a StepId,
    /// How many runs led to this one.
    pub(crate) depth: i32,
}

/// Makes a data set, or a further version, of a Parquet table that a pipeline made. Content that a version has already is
/// that version.
///
/// # Errors
/// The table can't be stored, or had its rows deleted.
pub(crate) async fn write_table(
    ctx: &Ctx,
    actor: &Actor,
    scope: &Scope,
    name: ResourceName,
    table: &Path,
    cause: &str,
    by: ByStep<'_>,
) -> Result<Written, Problem> {
    let path = table.to_path_buf();
    let options = blocking(move || trainyard_data::inspect::inspect(&path, "table.parquet")).await??.options;
    let mut new = New {
        source_name: cause,
        name,
        description: String::new(),
        options,
        bad_rows: BadRows::Refuse,
        mode: CommitMode::Replace,
        why: format!("Written by {cause}."),
        upload: None,
        fetched: None,
        by: Some(by),
        corrects: None,
    };
    let prepared = prepare(ctx, scope, table, &mut new).await.map_err(|failure| failure.problem)?;
    let known = prepared.known;
    let same = match known {
        Some(known) => store::datasets::with_content(ctx.store().db(), known, &prepared.ingested.hash).await?,
        None => None,
    };
    if let (Some(same), Some(dataset)) = (same, known)
        && same.deleted.is_none()
    {
        let (id, number, quarantined) = (same.id, same.number, same.quarantined);
        return Ok(Written { id, dataset, number, quarantined, new: false });
    }
    let view = keep(ctx, actor, scope, &new, &prepared).await?;
    let VersionView { summary, dataset, .. } = view;
    Ok(Written { id: summary.id, dataset, number: summary.number, quarantined: summary.quarantined, new: true })
}

/// A review of labels whose decisions become a version.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Corrected {
    pub(crate) review: LabelReviewId,
    /// The decision that came last.
    pub(crate) seq: i32,
    /// The number of the reviewed version.
    pub(crate) number: i32,
}

/// Makes the next version of a data set of a reviewed one, with the values of a column replaced and rows left out.
///
/// # Errors
/// The rows were deleted, a value does not fit, no row is left, a version has exactly these rows, or somebody decided
/// anything meanwhile.
#[allow(clippy::too_many_arguments)]
pub(crate) async fn correct(
    ctx: &Ctx,
    actor: &Actor,
    scope: &Scope,
    reviewed: &VersionView,
    column: &str,
    changes: BTreeMap<u64, Change>,
    why: &str,
    corrects: Corrected,
) -> Result<VersionView, Problem> {
    let source = super::rows_file(ctx, &reviewed.summary)?;
    let folder = upload::folder(ctx);
    tokio::fs::create_dir_all(&folder).await.map_err(|error| store::error::internal(&error))?;
    let parquet = folder.join(format!("{}.parquet", fresh_id()));
    let removed = Temporary::new(parquet.clone());
    let (column, dest, memory) = (column.to_owned(), parquet.clone(), ctx.settings().memory);
    let ingested = blocking(move || relabel(&source, &column, &changes, &dest, memory)).await??;
    let columns = ingested.profile.columns.iter();
    let new = New {
        source_name: why,
        name: ResourceName::parse(reviewed.dataset_name.clone()).map_err(|error| Problem::field("name", error))?,
        description: String::new(),
        options: ReadOptions {
            format: FileFormat::Parquet,
            columns: columns.map(|column| ColumnSchema { name: column.name.clone(), kind: column.kind }).collect(),
            ..reviewed.read_options.clone()
        },
        bad_rows: BadRows::Refuse,
        mode: CommitMode::Replace,
        why: why.to_owned(),
        upload: None,
        fetched: None,
        by: None,
        corrects: Some(corrects),
    };
    let prepared = Prepared { ingested, parquet, _removed: removed, known: Some(reviewed.dataset), base: None };
    keep(ctx, actor, scope, &new, &prepared).await
}

struct New<'a> {
    source_name: &'a str,
    name: ResourceName,
    description: String,
    options: ReadOptions,
    bad_rows: BadRows,
    mode: CommitMode,
    why: String,
    /// Is used up by it.
    upload: Option<UploadId>,
    /// The source outside that the file was fetched from.
    fetched: Option<Fetched>,
    by: Option<ByStep<'a>>,
    /// The review of labels whose decisions it carries out.
    corrects: Option<Corrected>,
}

/// Rows that were read and are about to become a version.
struct Prepared {
    ingested: Ingested,
    parquet: PathBuf,
    _removed: Temporary,
    /// The data set, where it is there already.
    known: Option<DatasetId>,
    /// The version whose rows come before the file's.
    base: Option<Base>,
}

async fn add(
    ctx: &Ctx,
    actor: &Actor,
    scope: &Scope,
    source: &Path,
    mut new: New<'_>,
) -> Result<VersionView, ReadFailure> {
    let prepared = prepare(ctx, scope, source, &mut new).await?;
    Ok(keep(ctx, actor, scope, &new, &prepared).await?)
}

async fn prepare(ctx: &Ctx, scope: &Scope, source: &Path, new: &mut New<'_>) -> Result<Prepared, ReadFailure> {
    if new.description.chars().count() > 2000 {
        return Err(Problem::field("description", "Use at most 2,000 characters.").into());
    }
    if new.why.chars().count() > 500 {
        return Err(Problem::field("why", "Use at most 500 characters.").into());
    }
    let folder = upload::folder(ctx);
    tokio::fs::create_dir_all(&folder).await.map_err(|error| store::error::internal(&error))?;
    let parquet = folder.join(format!("{}.parquet", fresh_id()));
    let removed = Temporary::new(parquet.clone());
    let base = match new.mode {
        CommitMode::Replace => None,
        CommitMode::Append => Some(append::base(ctx, scope, &new.name).await?),
    };
    if let Some(base) = &base {
        base.read_alike(&mut new.options)?;
    }
    let memory = ctx.settings().memory;
    let ingested = {
        let (source, options, bad_rows, parquet) =
            (source.to_path_buf(), new.options.clone(), new.bad_rows, parquet.clone());
        blocking(move || {
            trainyard_data::ingest::ingest(&source, &options, bad_rows, &parquet, memory, &mut |_| {
                ControlFlow::Continue(())
            })
        })
        .await??
    };
    let (ingested, parquet, removed) = match &base {
        None => (ingested, parquet, removed),
        Some(base) => {
            let whole = folder.join(format!("{}.parquet", fresh_id()));
            let joined = Temporary::new(whole.clone());
            let ingested = base.join(&parquet, new.source_name, &whole, memory, ingested.bad_rows).await?;
            (ingested, whole, joined)
        }
    };
    let known =
        store::datasets::by_name(ctx.store().db(), scope.project, new.name.as_str()).await.map_err(Problem::from)?;
    Ok(Prepared { ingested, parquet, _removed: removed, known, base })
}

async fn keep(
    ctx: &Ctx,
    actor: &Actor,
    scope: &Scope,
    new: &New<'_>,
    prepared: &Prepared,
) -> Result<VersionView, Problem> {
    let Prepared { ingested, parquet, known, base, .. } = prepared;
    // Before the file is stored: rows that were deleted must not come back by being refused.
    if let Some(known) = *known {
        refuse_known(ctx.store().db(), known, &ingested.hash, &new.name).await?;
    }
    let judged = match *known {
        Some(dataset) => checks::judge(ctx, dataset, parquet.clone()).await?,
        None => None,
    };
    let hash = ctx.artifacts().put(parquet).await?;
    insert(ctx, actor, scope, new, (ingested, &hash), base.as_ref(), judged).await
}

async fn insert(
    ctx: &Ctx,
    actor: &Actor,
    scope: &Scope,
    new: &New<'_>,
    (ingested, hash): (&Ingested, &str),
    base: Option<&Base>,
    judged: Option<Judged>,
) -> Result<VersionView, Problem> {
    let id = DatasetVersionId(fresh_id());
    let at = now();
    let tx = ctx.store().begin().await?;
    if let Some(upload) = new.upload
        && !store::uploads::delete(&tx, scope.project, upload).await?
    {
        return Err(no_upload());
    }
    let known = store::datasets::by_name(&*tx, scope.project, new.name.as_str()).await?;
    let dataset = match known {
        Some(dataset) => dataset,
        None => {
            let dataset = DatasetId(fresh_id());
            let row = store::datasets::NewDataset {
                id: dataset,
                project: scope.project,
                name: new.name.to_string(),
                description: new.description.trim().to_owned(),
                created_at: at,
                created_by: actor.name.clone(),
            };
            store::datasets::create(&tx, row).await.map_err(|error| at_the_same_time(error, &new.name))?;
            dataset
        }
    };
    refuse_known(&*tx, dataset, hash, &new.name).await?;
    let row = store::datasets::NewVersion {
        id,
        dataset,
        rows: ingested.rows,
        bytes: ingested.bytes,
        hash,
        source_name: new.source_name,
        profile: &ingested.profile,
        bad_rows: &ingested.bad_rows,
        read_options: &new.options,
        created_at: at,
        created_by: &actor.name,
        why: new.why.trim(),
        parent: new.corrects.map(|corrected| corrected.number),
        quarantined: judged.as_ref().is_some_and(Judged::quarantined),
    };
    let number = store::datasets::add_version(&tx, row).await.map_err(|error| at_the_same_time(error, &new.name))?;
    if let Some(base) = base {
        // Numbering locked the data set: no version can come in between any more.
        base.followed_by(dataset, number)?;
    }
    if let Some(judged) = &judged {
        judged.keep(&tx, actor, id).await?;
    }
    if let Some(Corrected { review, seq, .. }) = new.corrects
        && !store::labels::applied(&tx, review, seq, id, at, &actor.name).await?
    {
        return Err(labels::decided_meanwhile());
    }
    if let Some(fetched) = &new.fetched {
        fetched.keep(&tx, dataset, id, at, &actor.name).await?;
    }
    if let Some(by) = &new.by {
        store::lineage::link(&tx, by.run, by.step, Relation::Wrote, id.to_string()).await?;
    }
    let view = store::datasets::version(&*tx, scope.project, id).await?.ok_or_else(super::no_version)?;
    if !view.summary.quarantined {
        let what = Happened::Version { dataset: new.name.as_str(), number, id };
        happened(ctx, &tx, scope.project, &what, new.by.map(|by| (by.pipeline, by.depth))).await?;
    } else if let Some(judged) = &judged {
        let notice = Notice::version_quarantined(new.name.as_str(), number, &judged.in_words(), dataset, id);
        // The owner is any text: where it names nobody who sees the project, whoever made the version is told.
        if store::inbox::send(&tx, scope.project, &notice, To::Person(&view.details.owner), at).await? == 0 {
            store::inbox::send(&tx, scope.project, &notice, To::Person(&actor.name), at).await?;
        }
    }
    let (action, summary) = match known {
        None => ("dataset.create", format!("Created data set '{}' of {} rows.", new.name, ingested.rows)),
        Some(_) => ("dataset.version", format!("Added version {number} of '{}': {} rows.", new.name, ingested.rows)),
    };
    let summary = match &judged {
        Some(judged) => format!("{summary} {}", judged.in_words()),
        None => summary,
    };
    let event = actor.event(action, format!("dataset/{dataset}"), summary).in_project(&scope.slug).after(&view.summary);
    audit::append(&tx, event).await?;
    // The chain's lock is held: a deletion of other rows with this content has either ended or not begun.
    if ctx.artifacts().existing(hash).is_err() {
        return Err(Problem::conflict("The same content was being deleted elsewhere. Try again."));
    }
    tx.commit().await?;
    ctx.wake().notify_one();
    Ok(view)
}

/// No two versions of a data set have the same content.
async fn refuse_known(
    db: &impl ConnectionTrait,
    dataset: DatasetId,
    hash: &str,
    name: &ResourceName,
) -> Result<(), Problem> {
    let Some(same) = store::datasets::with_content(db, dataset, hash).await? else { return Ok(()) };
    Err(Problem::conflict(match &same.deleted {
        None => format!(
            "Version {} of '{name}' has exactly this content. Use that version, or change the file.",
            same.number
        ),
        Some(deletion) => format!(
            "Version {} of '{name}' had exactly this content, which {} deleted: {} It is not stored again in this data set.",
            same.number, deletion.by, deletion.reason
        ),
    }))
}

fn at_the_same_time(error: StoreError, name: &ResourceName) -> Problem {
    if error.is_duplicate() {
        Problem::conflict(format!("Somebody else was adding to '{name}' at the same time. Try again."))
    } else {
        error.into()
    }
}
