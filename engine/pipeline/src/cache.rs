//! Results of steps by what decides them: a folder each, named by the hash of the kind of step, its settings and its
//! inputs' contents. A folder is made aside and put in its place whole.

use crate::session::cannot_write;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::{
    collections::BTreeMap,
    fs, io,
    path::{Path, PathBuf},
    time::{Duration, SystemTime},
};
use trainyard_types::{Problem, pipeline::Output};

/// Begins with a dot: no step names a file so.
const RESULT: &str = ".kept.json";
/// Changes when the form of what is stored does.
const FORMAT: u32 = 1;

/// The folder of all results.
#[derive(Clone, Debug)]
pub struct Cache {
    root: PathBuf,
}

/// What is kept of a step.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Kept {
    pub outputs: Vec<Output>,
    pub facts: BTreeMap<String, Value>,
    pub lineage: BTreeMap<String, Vec<String>>,
    pub effect: bool,
}

impl Cache {
    /// # Errors
    /// The folder can't be made.
    pub fn open(root: &Path) -> Result<Self, Problem> {
        fs::create_dir_all(root).map_err(|error| cannot_write(root, &error))?;
        Ok(Self { root: root.to_owned() })
    }

    /// Where an output's file lies.
    pub fn path(&self, output: &Output) -> PathBuf {
        self.root.join(&output.path)
    }

    pub(crate) fn key(parts: &Value) -> String {
        let text = serde_json::json!([FORMAT, parts]).to_string();
        blake3::hash(text.as_bytes()).to_hex().to_string()
    }

    fn place(&self, key: &str) -> PathBuf {
        self.root.join(&key[..2]).join(key)
    }

    /// What is kept under the key, where it is whole.
    pub(crate) fn get(&self, key: &str) -> Option<Kept> {
        let place = self.place(key);
        let kept: Kept = serde_json::from_slice(&fs::read(place.join(RESULT)).ok()?).ok()?;
        let whole = |output: &Output| fs::metadata(self.path(output)).is_ok_and(|meta| meta.len() == output.bytes);
        if !kept.outputs.iter().all(whole) {
            return None;
        }
        // What is used stays.
        if let Ok(file) = fs::File::open(place.join(RESULT)) {
            let _ = file.set_modified(SystemTime::now());
        }
        Some(kept)
    }

    /// A new empty folder in which a step leaves its files.
    pub(crate) fn aside(&self) -> Result<tempfile::TempDir, Problem> {
        tempfile::Builder::new()
            .prefix(".new-")
            .tempdir_in(&self.root)
            .map_err(|error| cannot_write(&self.root, &error))
    }

    /// Puts a step's folder under the key. Where another run was faster, its result stays: it is the same.
    pub(crate) fn put(&self, key: &str, folder: tempfile::TempDir, mut kept: Kept) -> Result<Kept, Problem> {
        let place = self.place(key);
        for output in &mut kept.outputs {
            output.path = format!("{}/{key}/{}", &key[..2], output.path);
        }
        let failed = |error: io::Error| cannot_write(&place, &error);
        let text = serde_json::to_vec(&kept).map_err(|error| failed(error.into()))?;
        fs::write(folder.path().join(RESULT), text).map_err(failed)?;
        let parent = place.parent().unwrap_or(&self.root);
        fs::create_dir_all(parent).map_err(failed)?;
        let folder = folder.keep();
        if fs::rename(&folder, &place).is_ok() {
            return Ok(kept);
        }
        if let Some(there) = self.get(key) {
            let _ = fs::remove_dir_all(&folder);
            return Ok(there);
        }
        // What is there is damaged.
        let _ = fs::remove_dir_all(&place);
        fs::rename(&folder, &place).map_err(failed)?;
        Ok(kept)
    }

    /// Removes what was not used for so long, and what a process left that died. Returns how many results went.
    pub fn prune(&self, unused: Duration) -> u64 {
        let mut gone = 0;
        let old = |path: &Path, limit: Duration| {
            let age = fs::metadata(path).and_then(|meta| meta.modified()).ok().and_then(|at| at.elapsed().ok());
            age.is_some_and(|age| age > limit)
        };
        for entry in fs::read_dir(&self.root).into_iter().flatten().flatten() {
            let path = entry.path();
            if entry.file_name().to_string_lossy().starts_with(".new-") {
                if old(&path, unused.max(Duration::from_secs(8 * 86_400))) {
                    let _ = fs::remove_dir_all(&path);
                }
                continue;
            }
            for result in fs::read_dir(&path).into_iter().flatten().flatten() {
                if old(&result.path().join(RESULT), unused) && fs::remove_dir_all(result.path()).is_ok() {
                    gone += 1;
                }
            }
        }
        gone
    }
}
