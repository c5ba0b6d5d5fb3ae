//! Files through the public functions of the crate: what is read, what is refused, and in which words.
#![allow(clippy::unwrap_used)]

mod bad_files;
mod demo;
mod parquet;
mod real_files;
mod tables;

use std::{
    ops::ControlFlow,
    path::{Path, PathBuf},
};
use tempfile::TempDir;
use trainyard_data::{Ingested, Memory, ingest, inspect};
use trainyard_types::dataset::{BadRows, ReadFailure, ReadOptions};

/// A folder for one test's files.
struct Folder(TempDir);

impl Folder {
    fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }
    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }
    fn write(&self, name: &str, bytes: impl AsRef<[u8]>) -> PathBuf {
        let path = self.path(name);
        std::fs::write(&path, bytes).unwrap();
        path
    }
    fn files(&self) -> Vec<String> {
        let mut names: Vec<String> = std::fs::read_dir(self.0.path())
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        names.sort();
        names
    }
}

fn go_on(_: f64) -> ControlFlow<()> {
    ControlFlow::Continue(())
}

/// Reads the file as inspected.
fn take_in(path: &Path, dest: &Path) -> (ReadOptions, Ingested) {
    let name = path.file_name().unwrap().to_str().unwrap();
    let options = inspect(path, name).unwrap().options;
    let ingested = ingest(path, &options, BadRows::Refuse, dest, Memory::default(), &mut go_on).unwrap();
    (options, ingested)
}

fn try_in(path: &Path, options: &ReadOptions, bad: BadRows, dest: &Path) -> Result<Ingested, ReadFailure> {
    ingest(path, options, bad, dest, Memory::default(), &mut go_on)
}
