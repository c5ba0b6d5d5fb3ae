//! Opening the database, bringing its tables up to date, and transactions.

use crate::StoreError;
use sea_orm::{
    ConnectOptions, Database, DatabaseConnection, DatabaseTransaction, DbBackend, SqliteTransactionMode,
    TransactionOptions, TransactionTrait,
    sqlx::sqlite::{SqliteJournalMode, SqliteSynchronous},
};
use std::{ops::Deref, path::Path, sync::Arc, time::Duration};
use tokio::sync::{Mutex, OwnedMutexGuard};
use trainyard_migrations::{Migrator, MigratorTrait};

/// How long a statement waits for another process's write to a SQLite file.
const BUSY_TIMEOUT: Duration = Duration::from_secs(30);
/// How long a request waits for a free connection.
const ACQUIRE_TIMEOUT: Duration = Duration::from_secs(30);

/// The database. Cheap to clone; clones share connections.
#[derive(Clone, Debug)]
pub struct Store {
    connection: DatabaseConnection,
    /// SQLite has one writer at a time: writers of this process queue here, in order, instead of polling the file.
    writers: Arc<Mutex<()>>,
}

/// A transaction that may write. Dropped without [`Tx::commit`], it leaves nothing behind.
#[derive(Debug)]
pub struct Tx {
    // Order matters: the transaction ends before the next writer's turn begins.
    inner: DatabaseTransaction,
    _turn: Option<OwnedMutexGuard<()>>,
}

impl Deref for Tx {
    type Target = DatabaseTransaction;
    fn deref(&self) -> &Self::Target {
        &self.inner
    }
}

impl Tx {
    /// Makes it lasting.
    ///
    /// # Errors
    /// The database refused; nothing was changed.
    pub async fn commit(self) -> Result<(), StoreError> {
        self.inner.commit().await?;
        Ok(())
    }

    /// Undoes it at once (dropping undoes it too, a little later).
    ///
    /// # Errors
    /// The connection broke; nothing was changed either way.
    pub async fn rollback(self) -> Result<(), StoreError> {
        self.inner.rollback().await?;
        Ok(())
    }
}

impl Store {
    /// Opens `sqlite:…` or `postgres://…`. A SQLite file is made where there is none.
    ///
    /// # Errors
    /// [`StoreError::Connect`] says why not.
    pub async fn connect(url: &str) -> Result<Self, StoreError> {
        if url.contains(":memory:") || url.contains("mode=memory") {
            return Err(StoreError::Connect("a database in memory can't be shared by connections; name a file".into()));
        }
        if !["sqlite:", "postgres:", "postgresql:"].iter().any(|scheme| url.starts_with(scheme)) {
            return Err(StoreError::Connect("its address has to start with 'sqlite:' or 'postgres://'".into()));
        }
        Self::open(ConnectOptions::new(url), None).await
    }

    /// Opens the SQLite file at `path`, whatever characters are in it; made where there is none.
    ///
    /// # Errors
    /// [`StoreError::Connect`] says why not.
    pub async fn connect_file(path: &Path) -> Result<Self, StoreError> {
        Self::open(ConnectOptions::new("sqlite:trainyard.db"), Some(path)).await
    }

    async fn open(mut options: ConnectOptions, file: Option<&Path>) -> Result<Self, StoreError> {
        let file = file.map(Path::to_path_buf);
        options.max_connections(12).acquire_timeout(ACQUIRE_TIMEOUT).sqlx_logging(false).map_sqlx_sqlite_opts(
            move |mut sqlite| {
                if let Some(file) = &file {
                    sqlite = sqlite.filename(file);
                }
                sqlite
                    .create_if_missing(true)
                    .journal_mode(SqliteJournalMode::Wal)
                    .synchronous(SqliteSynchronous::Full)
                    .busy_timeout(BUSY_TIMEOUT)
                    .foreign_keys(true)
            },
        );
        let connection = Database::connect(options).await.map_err(|error| StoreError::Connect(error.to_string()))?;
        Ok(Self { connection, writers: Arc::new(Mutex::new(())) })
    }

    /// Makes or updates the tables, and what follows from rows that are there; nothing to do is no error.
    ///
    /// # Errors
    /// [`StoreError::Newer`] where the database holds steps that this program doesn't know.
    pub async fn migrate(&self) -> Result<(), StoreError> {
        self.migrate_tables().await?;
        crate::runs::values::backfill(self).await
    }

    async fn migrate_tables(&self) -> Result<(), StoreError> {
        let known = Migrator::known();
        let mut tries = 0;
        loop {
            let applied = Migrator::get_migration_models(&self.connection).await?;
            if let Some(newer) = applied.iter().find(|model| !known.contains(&model.version)) {
                return Err(StoreError::Newer(newer.version.clone()));
            }
            if applied.len() == known.len() {
                return Ok(());
            }
            match Migrator::up(&self.connection, None).await {
                Ok(()) => return Ok(()),
                // Another process may be at the same step: let it finish and look again.
                Err(_) if tries < 5 => tokio::time::sleep(Duration::from_millis(400)).await,
                Err(error) => return Err(error.into()),
            }
            tries += 1;
        }
    }

    /// For reading, and for single statements that write on their own.
    pub fn db(&self) -> &DatabaseConnection {
        &self.connection
    }

    /// Whether this is PostgreSQL (otherwise SQLite).
    pub fn is_postgres(&self) -> bool {
        self.connection.get_database_backend() == DbBackend::Postgres
    }

    /// Begins a transaction that may write. On SQLite it holds the write lock from the start, so that it never fails
    /// half-way because another one wrote in between; keep it short.
    ///
    /// # Errors
    /// No connection came free, or another process held a SQLite file for longer than 30 s.
    pub async fn begin(&self) -> Result<Tx, StoreError> {
        if self.is_postgres() {
            return Ok(Tx { inner: self.connection.begin().await?, _turn: None });
        }
        let turn = Arc::clone(&self.writers).lock_owned().await;
        let options = TransactionOptions {
            sqlite_transaction_mode: Some(SqliteTransactionMode::Immediate),
            ..TransactionOptions::default()
        };
        Ok(Tx { inner: self.connection.begin_with_options(options).await?, _turn: Some(turn) })
    }

    /// Answers where the database answers.
    ///
    /// # Errors
    /// It doesn't.
    pub async fn ping(&self) -> Result<(), StoreError> {
        self.connection.ping().await?;
        Ok(())
    }

    /// Closes all connections.
    ///
    /// # Errors
    /// A connection failed while closing.
    pub async fn close(self) -> Result<(), StoreError> {
        self.connection.close().await?;
        Ok(())
    }
}
