//! What every use case needs: the store, the artifacts, the settings.

use crate::{
    accounts::limits::SignInLimits, datasets::Looked, models::serving::Serving, pipelines::engine::Engine,
    sources::secrets::KeyPlace,
};
use std::{
    fs,
    path::{Path, PathBuf},
    sync::{Arc, OnceLock},
};
use tokio::sync::{Notify, OnceCell, Semaphore};
use trainyard_data::Memory;
use trainyard_sources::{Limits, Rules};
use trainyard_store::{ArtifactStore, Store};
use trainyard_types::{Code, Problem};

/// How this instance is set up.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Database (unless it is elsewhere), artifacts, uploads and jobs' folders.
    pub data_dir: PathBuf,
    /// `sqlite:…` or `postgres://…`. `None`: a SQLite file in `data_dir`.
    pub database_url: Option<String>,
    pub max_upload_bytes: u64,
    /// For reading, storing and describing one table.
    pub memory: Memory,
    /// For a training job's process.
    pub training_memory: Memory,
    /// What may be fetched from outside; nothing by default.
    pub sources: Rules,
    /// Bounds of one fetch.
    pub fetch: Limits,
    /// Keys that stored secrets are sealed under.
    pub keys: KeyPlace,
    /// How long the logs of pipelines' runs are kept after their end, days, at least 1.
    pub log_retention_days: u32,
    /// Stands in runs as the code that trained them.
    pub code_version: String,
}

impl Settings {
    /// SQLite and artifacts in `data_dir`, uploads of up to 4 GiB.
    pub fn in_dir(data_dir: impl Into<PathBuf>) -> Self {
        Self {
            data_dir: data_dir.into(),
            database_url: None,
            max_upload_bytes: 4 << 30,
            memory: Memory::default(),
            training_memory: Memory::for_training(),
            sources: Rules::default(),
            fetch: Limits::default(),
            keys: KeyPlace::default(),
            log_retention_days: 180,
            code_version: env!("CARGO_PKG_VERSION").to_owned(),
        }
    }
}

/// Cheap to clone; clones share everything.
#[derive(Clone, Debug)]
pub struct Ctx(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    store: Store,
    artifacts: ArtifactStore,
    settings: Settings,
    limits: SignInLimits,
    /// Hashing a password takes 19 MiB and a core: no more at a time than there are cores.
    hashing: Semaphore,
    /// Compared against where a name is unknown, so that the answer takes as long as for a known one.
    decoy: OnceCell<String>,
    /// Loaded models and what they were asked.
    serving: Arc<Serving>,
    /// How columns of versions hang together, as far as it was looked at lately.
    looked: Looked,
    /// Notified when this process queues a job.
    wake: Notify,
    /// What reads and previews pipelines.
    pipelines: OnceLock<Arc<dyn Engine>>,
}

impl Ctx {
    /// Opens the store and the artifacts and brings the tables up to date. Starts no workers.
    ///
    /// # Errors
    /// The data folder can't be written, the database can't be opened, or it is from a newer version.
    pub async fn open(settings: Settings) -> Result<Self, Problem> {
        prepare_folder(&settings.data_dir)?;
        let store = match &settings.database_url {
            Some(url) => Store::connect(url).await?,
            None => Store::connect_file(&settings.data_dir.join("trainyard.db")).await?,
        };
        store.migrate().await?;
        let artifacts = ArtifactStore::open(&settings.data_dir)?;
        let cores = std::thread::available_parallelism().map_or(2, usize::from);
        Ok(Self(Arc::new(Inner {
            store,
            artifacts,
            settings,
            limits: SignInLimits::default(),
            hashing: Semaphore::new(cores),
            decoy: OnceCell::new(),
            serving: Arc::default(),
            looked: Looked::default(),
            wake: Notify::new(),
            pipelines: OnceLock::new(),
        })))
    }

    pub fn store(&self) -> &Store {
        &self.0.store
    }
    pub fn artifacts(&self) -> &ArtifactStore {
        &self.0.artifacts
    }
    pub fn settings(&self) -> &Settings {
        &self.0.settings
    }
    pub fn data_dir(&self) -> &Path {
        &self.0.settings.data_dir
    }
    /// Brings along what reads and previews pipelines; the first one stays.
    pub fn bring_pipelines(&self, engine: Arc<dyn Engine>) {
        let _ = self.0.pipelines.set(engine);
    }
    pub(crate) fn pipelines(&self) -> Result<&dyn Engine, Problem> {
        self.0.pipelines.get().map(AsRef::as_ref).ok_or_else(no_pipelines)
    }
    pub(crate) fn engine(&self) -> Result<Arc<dyn Engine>, Problem> {
        self.0.pipelines.get().cloned().ok_or_else(no_pipelines)
    }
    pub(crate) fn limits(&self) -> &SignInLimits {
        &self.0.limits
    }
    pub(crate) fn hashing(&self) -> &Semaphore {
        &self.0.hashing
    }
    pub(crate) fn serving(&self) -> &Arc<Serving> {
        &self.0.serving
    }
    pub(crate) fn looked(&self) -> &Looked {
        &self.0.looked
    }
    pub(crate) fn wake(&self) -> &Notify {
        &self.0.wake
    }
    pub(crate) fn decoy(&self) -> &OnceCell<String> {
        &self.0.decoy
    }
}

fn no_pipelines() -> Problem {
    Problem::new(Code::Unavailable, "This process has no pipelines. Ask the server.")
}

/// Makes the data folder, readable by its owner alone, and tries to write in it.
fn prepare_folder(folder: &Path) -> Result<(), Problem> {
    let refuse = |error: std::io::Error| {
        Problem::new(
            Code::Unavailable,
            format!(
                "The data folder {} can't be used: {error}. Make it writable for this user, or name another with \
                 --data-dir or TRAINYARD_DATA_DIR.",
                folder.display()
            ),
        )
    };
    let fresh = !folder.exists();
    fs::create_dir_all(folder).map_err(refuse)?;
    #[cfg(unix)]
    if fresh {
        use std::os::unix::fs::PermissionsExt;
        fs::set_permissions(folder, fs::Permissions::from_mode(0o700)).map_err(refuse)?;
    }
    let probe = folder.join(format!(".probe-{}", trainyard_store::fresh_id().simple()));
    fs::write(&probe, b"probe").map_err(refuse)?;
    fs::remove_file(&probe).map_err(refuse)
}
