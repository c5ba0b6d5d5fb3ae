//! Uploads: streamed to a file, looked into, corrected, committed or thrown away.

use crate::{Actor, Ctx, authorise, blocking::blocking};
use bytes::Bytes;
use futures::{Stream, StreamExt};
use std::{
    fmt::Display,
    io,
    path::{Path, PathBuf},
    pin::pin,
};
use tokio::{fs, io::AsyncWriteExt};
use trainyard_store::{self as store, StoreError, audit, fresh_id, now};
use trainyard_types::{
    Action, Code, Problem, Slug, Timestamp, UploadId,
    dataset::{ReadOptions, UploadView},
};

/// Uploads that nobody committed are removed after a day, milliseconds.
const KEPT_FOR: i64 = 24 * 3600 * 1000;
/// Rows of the sample that the confirmation page shows.
const SAMPLE_ROWS: usize = 50;

/// A file that is removed unless it is kept.
pub(super) struct Temporary(Option<PathBuf>);

impl Temporary {
    pub(super) fn new(path: PathBuf) -> Self {
        Self(Some(path))
    }
    pub(super) fn keep(mut self) {
        self.0 = None;
    }
}

impl Drop for Temporary {
    fn drop(&mut self) {
        if let Some(path) = self.0.take() {
            // It may never have been made.
            let _ = std::fs::remove_file(path);
        }
    }
}

/// Where uploads lie.
pub(crate) fn folder(ctx: &Ctx) -> PathBuf {
    ctx.data_dir().join("uploads")
}

pub(super) fn file(ctx: &Ctx, id: UploadId) -> PathBuf {
    folder(ctx).join(id.to_string())
}

/// Writes a file to disk as it comes, looks into it, and keeps it until it is committed, thrown away, or a day old. A
/// stream that breaks off, or is dropped, leaves nothing behind.
///
/// # Errors
/// The file is over the size limit, empty or no table; the disk is full; the stream broke off.
pub async fn receive_upload<S, E>(
    ctx: &Ctx,
    actor: &Actor,
    project: &Slug,
    file_name: &str,
    body: S,
) -> Result<UploadView, Problem>
where
    S: Stream<Item = Result<Bytes, E>> + Send,
    E: Display,
{
    let scope = authorise::project(ctx, actor, project, Action::Write).await?;
    sweep(ctx).await;
    let id = UploadId(fresh_id());
    let file_name = plain_name(file_name);
    fs::create_dir_all(folder(ctx)).await.map_err(|error| write_failed(&error))?;
    let path = file(ctx, id);
    let temporary = Temporary::new(path.clone());
    let bytes = write(&path, body, ctx.settings().max_upload_bytes).await?;
    let inspection = {
        let (path, name) = (path.clone(), file_name.clone());
        blocking(move || trainyard_data::inspect::inspect(&path, &name)).await??
    };
    let view = UploadView {
        id,
        file_name,
        bytes,
        options: inspection.options,
        sample: inspection.sample,
        notes: inspection.notes,
    };
    let tx = ctx.store().begin().await?;
    store::uploads::create(&tx, scope.project, &view, now(), &actor.name).await?;
    let summary = format!("Uploaded {} ({} bytes).", view.file_name, view.bytes);
    let event = actor.event("upload.receive", format!("upload/{id}"), summary);
    audit::append(&tx, event.in_project(&scope.slug)).await?;
    tx.commit().await?;
    temporary.keep();
    Ok(view)
}

async fn write<S, E>(path: &Path, body: S, limit: u64) -> Result<u64, Problem>
where
    S: Stream<Item = Result<Bytes, E>> + Send,
    E: Display,
{
    let out = fs::File::create(path).await.map_err(|error| write_failed(&error))?;
    let mut out = tokio::io::BufWriter::with_capacity(1 << 20, out);
    let mut body = pin!(body);
    let mut bytes = 0_u64;
    while let Some(chunk) = body.next().await {
        let chunk = chunk.map_err(|error| {
            Problem::invalid(format!(
                "The upload broke off after {bytes} bytes ({error}). Nothing was kept; try again."
            ))
        })?;
        bytes += chunk.len() as u64;
        if bytes > limit {
            return Err(too_large(limit));
        }
        out.write_all(&chunk).await.map_err(|error| write_failed(&error))?;
    }
    if bytes == 0 {
        return Err(Problem::invalid("The file is empty. Choose a file with a header and at least one row."));
    }
    out.flush().await.map_err(|error| write_failed(&error))?;
    Ok(bytes)
}

/// What is said of a file over the limit.
fn too_large(limit: u64) -> Problem {
    Problem::new(
        Code::TooLarge,
        format!(
            "The file is over the limit of {} MiB. Split it, or store it as Parquet, which is smaller; an admin can raise \
             max_upload_bytes.",
            limit >> 20
        ),
    )
}

fn write_failed(error: &io::Error) -> Problem {
    if error.kind() == io::ErrorKind::StorageFull {
        return Problem::new(
            Code::Unavailable,
            "The server's disk is full. Nothing was kept; free some space in its data folder and try again.",
        );
    }
    store::error::internal(error)
}

/// The last part of a path, without control characters, 200 characters at most.
fn plain_name(name: &str) -> String {
    let last = name.rsplit(['/', '\\']).next().unwrap_or_default();
    let plain: String = last.chars().filter(|c| !c.is_control()).take(200).collect();
    if plain.trim().is_empty() { "upload".to_owned() } else { plain }
}

/// The upload as it waits.
///
/// # Errors
/// There is none for the caller.
pub async fn upload_view(ctx: &Ctx, actor: &Actor, project: &Slug, upload: UploadId) -> Result<UploadView, Problem> {
    let scope = authorise::project(ctx, actor, project, Action::Write).await?;
    store::uploads::view(ctx.store().db(), scope.project, upload).await?.ok_or_else(no_upload)
}

/// Takes corrected options and shows the sample as they read it. With another format, delimiter, encoding, header or texts
/// that mean missing, the columns' names and types are inferred anew.
///
/// # Errors
/// There is no such upload for the caller; the options don't fit the file.
pub async fn reinspect(
    ctx: &Ctx,
    actor: &Actor,
    project: &Slug,
    upload: UploadId,
    options: ReadOptions,
) -> Result<UploadView, Problem> {
    let scope = authorise::project(ctx, actor, project, Action::Write).await?;
    let mut view = store::uploads::view(ctx.store().db(), scope.project, upload).await?.ok_or_else(no_upload)?;
    let path = file(ctx, upload);
    let same = same_shape(&options, &view.options);
    let (options, sample, notes) = blocking(move || {
        if same {
            let sample = trainyard_data::inspect::sample(&path, &options, SAMPLE_ROWS)?;
            return Ok((options, sample, None));
        }
        let inspection = trainyard_data::inspect::reinspect(&path, &options)?;
        Ok::<_, Problem>((inspection.options, inspection.sample, Some(inspection.notes)))
    })
    .await??;
    view.options = options;
    view.sample = sample;
    if let Some(notes) = notes {
        view.notes = notes;
    }
    let tx = ctx.store().begin().await?;
    store::uploads::update(&tx, &view).await?;
    let summary = format!("Corrected how {} is read.", view.file_name);
    let event = actor.event("upload.correct", format!("upload/{upload}"), summary);
    audit::append(&tx, event.in_project(&scope.slug)).await?;
    tx.commit().await?;
    Ok(view)
}

/// Whether two sets of options see the same columns, whatever their names and types.
fn same_shape(a: &ReadOptions, b: &ReadOptions) -> bool {
    a.format == b.format
        && a.delimiter == b.delimiter
        && a.encoding == b.encoding
        && a.has_header == b.has_header
        && a.missing == b.missing
        && a.columns.len() == b.columns.len()
}

/// Throws an upload away.
///
/// # Errors
/// There is none for the caller.
pub async fn discard_upload(ctx: &Ctx, actor: &Actor, project: &Slug, upload: UploadId) -> Result<(), Problem> {
    let scope = authorise::project(ctx, actor, project, Action::Write).await?;
    let tx = ctx.store().begin().await?;
    if !store::uploads::delete(&tx, scope.project, upload).await? {
        return Err(no_upload());
    }
    let summary = "Threw an upload away.".to_owned();
    let event = actor.event("upload.discard", format!("upload/{upload}"), summary);
    audit::append(&tx, event.in_project(&scope.slug)).await?;
    tx.commit().await?;
    let _ = fs::remove_file(file(ctx, upload)).await;
    Ok(())
}

/// Removes uploads that were left lying. Failing to is no reason to refuse a new one.
pub(crate) async fn sweep(ctx: &Ctx) {
    let outcome: Result<(), StoreError> = async {
        for (project, id) in store::uploads::older_than(ctx.store().db(), Timestamp(now().0 - KEPT_FOR)).await? {
            let tx = ctx.store().begin().await?;
            store::uploads::delete(&tx, project, id).await?;
            tx.commit().await?;
            let _ = fs::remove_file(file(ctx, id)).await;
        }
        Ok(())
    }
    .await;
    if let Err(error) = outcome {
        tracing::warn!(%error, "old uploads could not be removed");
    }
}

pub(super) fn no_upload() -> Problem {
    Problem::not_found("That upload is not there any more. Upload the file again.")
}

#[cfg(test)]
mod tests {
    use super::plain_name;

    #[test]
    fn names_lose_their_folders_and_controls() {
        assert_eq!(plain_name("C:\\data\\a b.csv"), "a b.csv");
        assert_eq!(plain_name("../../etc/pass\nwd"), "passwd");
        assert_eq!(plain_name("x/"), "upload");
    }
}
