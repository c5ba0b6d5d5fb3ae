//! Measurements that are kept, so that a long run that was cut off goes on where it was.

use super::Row;
use anyhow::{Context, Result};
use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
};

/// What was measured so far, by cell; in a file that is written after each.
pub struct Cells {
    file: PathBuf,
    known: BTreeMap<String, Vec<Row>>,
}

impl Cells {
    /// Cells of `file`; with `resume` those that it has are not measured again.
    pub fn open(file: &Path, resume: bool) -> Result<Self> {
        let known = match fs::read_to_string(file) {
            Ok(text) if resume => serde_json::from_str(&text)
                .with_context(|| format!("{} can't be read. Remove it to measure anew", file.display()))?,
            _ => BTreeMap::new(),
        };
        Ok(Self { file: file.to_owned(), known })
    }

    /// The cell's rows, measured where they are not known.
    pub fn get(&mut self, name: &str, measure: impl FnOnce() -> Result<Vec<Row>>) -> Result<Vec<Row>> {
        if let Some(rows) = self.known.get(name) {
            eprintln!("    {name}: known from before");
            return Ok(rows.clone());
        }
        let rows = measure().with_context(|| format!("measuring '{name}' failed"))?;
        self.known.insert(name.to_owned(), rows.clone());
        fs::write(&self.file, serde_json::to_string_pretty(&self.known)?)?;
        Ok(rows)
    }

    /// All is measured: the next run begins anew.
    pub fn done(self) {
        let _ = fs::remove_file(&self.file);
    }
}
