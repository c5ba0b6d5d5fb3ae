//! What can go wrong below the service, and how it is said to a person.

use sea_orm::{DbErr, SqlErr};
use std::{io, path::PathBuf};
use trainyard_types::{Code, Problem};

/// A failure of the database, of the artifact store, or of what is written in them.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// A unique value is taken.
    #[error("that already exists ({0})")]
    Duplicate(String),
    /// The database can't be opened or reached.
    #[error("the database can't be opened: {0}")]
    Connect(String),
    /// The database was written by a later version of the program.
    #[error("the database was written by a newer version of Trainyard (it has the step {0})")]
    Newer(String),
    /// Something in the database isn't what this program writes.
    #[error("unexpected content in the database: {0}")]
    Corrupt(String),
    /// Not the name of an artifact.
    #[error("'{0}' is no content hash")]
    BadHash(String),
    /// An artifact that should be there is not.
    #[error("the artifact {0} is not in the store")]
    MissingArtifact(String),
    #[error("{}: {source}", path.display())]
    Io { path: PathBuf, source: io::Error },
    #[error(transparent)]
    Database(DbErr),
}

impl StoreError {
    pub(crate) fn io(path: impl Into<PathBuf>) -> impl FnOnce(io::Error) -> StoreError {
        let path = path.into();
        move |source| StoreError::Io { path, source }
    }

    /// A unique value is taken: the caller turns it into a sentence about its field.
    pub fn is_duplicate(&self) -> bool {
        matches!(self, StoreError::Duplicate(_))
    }
}

impl From<DbErr> for StoreError {
    fn from(error: DbErr) -> Self {
        match error.sql_err() {
            Some(SqlErr::UniqueConstraintViolation(what)) => StoreError::Duplicate(what),
            _ => StoreError::Database(error),
        }
    }
}

/// Details go to the log under an id; the person gets the id and what to do.
impl From<StoreError> for Problem {
    fn from(error: StoreError) -> Self {
        match &error {
            StoreError::Duplicate(_) => {
                return Problem::conflict("That already exists. Choose another name.");
            }
            StoreError::Connect(_) | StoreError::Newer(_) => {
                let advice = match error {
                    StoreError::Newer(_) => " Start the newer version, or restore a backup.",
                    _ => "",
                };
                return Problem::new(Code::Unavailable, format!("{}.{advice}", sentence(&error.to_string())));
            }
            StoreError::Io { source, .. } if source.kind() == io::ErrorKind::StorageFull => {
                tracing::error!(%error, "the disk is full");
                return Problem::new(
                    Code::Unavailable,
                    "The server's disk is full. Free some space in its data folder and try again.",
                );
            }
            _ => {}
        }
        internal(&error)
    }
}

/// Logs an error under a fresh id and gives the problem that names the id.
pub fn internal(error: &dyn std::fmt::Display) -> Problem {
    let simple = uuid::Uuid::now_v7().simple().to_string();
    let id = &simple[simple.len() - 8..];
    tracing::error!(incident = id, %error, "internal error");
    Problem::internal(format!("Something went wrong on the server. Its log says what, under {id}."))
}

/// With a capital at the start.
fn sentence(text: &str) -> String {
    let mut chars = text.chars();
    match chars.next() {
        Some(first) => first.to_uppercase().chain(chars).collect(),
        None => String::new(),
    }
}
