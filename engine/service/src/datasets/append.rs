//! Adding a file's rows to the newest version of a data set.

use crate::{Ctx, authorise::Scope, blocking::blocking};
use std::{
    ops::ControlFlow,
    path::{Path, PathBuf},
};
use trainyard_data::{Ingested, Memory, concat};
use trainyard_store as store;
use trainyard_types::{
    DatasetId, Problem, ResourceName,
    dataset::{BadRowReport, ColumnSchema, ReadOptions, VersionSummary},
};

/// The version that rows are added to.
pub(super) struct Base {
    dataset: DatasetId,
    /// Number of the newest version, which may be another: one in quarantine.
    newest: i32,
    columns: Vec<ColumnSchema>,
    parquet: PathBuf,
    title: String,
}

/// The current version of the data set of that name.
///
/// # Errors
/// There is no data set of that name in the project, or none of its versions can be added to.
pub(super) async fn base(ctx: &Ctx, scope: &Scope, name: &ResourceName) -> Result<Base, Problem> {
    let db = ctx.store().db();
    let none = || {
        Problem::not_found(format!(
            "There is no data set '{name}' to append to. Check the name, or commit the file without appending."
        ))
    };
    let dataset = store::datasets::by_name(db, scope.project, name.as_str()).await?.ok_or_else(none)?;
    let id = store::datasets::numbered(db, dataset, None).await?.ok_or_else(|| {
        Problem::conflict(format!(
            "No version of '{name}' passed its contract, so there is none to append to. Commit the file without appending."
        ))
    })?;
    let version = store::datasets::version(db, scope.project, id).await?.ok_or_else(none)?;
    let VersionSummary { number, hash, deleted, .. } = version.summary;
    if deleted.is_some() {
        return Err(Problem::conflict(format!(
            "The rows of version {number} of '{name}' were deleted, so none can be appended to them. Commit the file \
             without appending."
        )));
    }
    let newest = store::datasets::versions(db, dataset).await?.first().map_or(number, |newest| newest.number);
    let columns = version.profile.columns;
    Ok(Base {
        dataset,
        newest,
        columns: columns.into_iter().map(|column| ColumnSchema { name: column.name, kind: column.kind }).collect(),
        parquet: ctx.artifacts().existing(&hash)?,
        title: format!("version {number} of '{name}'"),
    })
}

impl Base {
    /// Has the file read with the version's types: what a few new rows look like must not decide anew.
    ///
    /// # Errors
    /// The file's columns differ; every difference is named.
    pub(super) fn read_alike(&self, options: &mut ReadOptions) -> Result<(), Problem> {
        for column in &mut options.columns {
            if let Some(known) = self.columns.iter().find(|known| known.name == column.name) {
                column.kind = known.kind;
            }
        }
        match concat::difference(&self.columns, &options.columns) {
            None => Ok(()),
            Some(difference) => Err(Problem::invalid(format!(
                "The file does not fit {}: {difference} Correct the file or its columns' names, or replace the rows \
                 instead of appending.",
                self.title
            ))),
        }
    }

    /// Writes the version's rows and after them the new file's to `whole`.
    ///
    /// # Errors
    /// The whole has too many rows, or the disk is full.
    pub(super) async fn join(
        &self,
        added: &Path,
        added_name: &str,
        whole: &Path,
        memory: Memory,
        bad_rows: BadRowReport,
    ) -> Result<Ingested, Problem> {
        let (base, added, whole) = (self.parquet.clone(), added.to_path_buf(), whole.to_path_buf());
        let names = [self.title.clone(), added_name.to_owned()];
        let joined = blocking(move || {
            concat::concat(&[&base, &added], &names, &whole, memory, &mut |_| ControlFlow::Continue(()))
        })
        .await??;
        Ok(Ingested { bad_rows, ..joined })
    }

    /// Refuses where another version was made meanwhile: its rows would be lost.
    ///
    /// # Errors
    /// `Conflict`.
    pub(super) fn followed_by(&self, dataset: DatasetId, number: i32) -> Result<(), Problem> {
        if dataset == self.dataset && number == self.newest + 1 {
            return Ok(());
        }
        Err(Problem::conflict("Somebody else added a version at the same time. Append again to add to that one."))
    }
}
