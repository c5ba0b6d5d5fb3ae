//! Who a worker is across restarts: an id in a file that it keeps locked while it lives.

use std::{
    fs::{self, File, OpenOptions, TryLockError},
    io::{self, Read, Seek, Write},
    path::Path,
};
use trainyard_types::WorkerId;

/// Workers of the same name on one data folder.
const MOST: usize = 64;

/// A worker's id; no other process has it while this lives.
#[derive(Debug)]
pub struct Identity {
    pub id: WorkerId,
    _locked: File,
}

/// Takes the first free id of that name below `folder`, or makes one. A worker that died has left its own free.
///
/// # Errors
/// The folder can't be written, or 64 workers of the name are alive.
pub fn take(folder: &Path, name: &str) -> io::Result<Identity> {
    fs::create_dir_all(folder)?;
    let name: String = name.chars().map(|c| if c.is_ascii_alphanumeric() { c } else { '-' }).take(64).collect();
    for number in 1..=MOST {
        let path = folder.join(format!("{name}-{number}.id"));
        let mut file = OpenOptions::new().read(true).write(true).create(true).truncate(false).open(path)?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => continue,
            Err(TryLockError::Error(error)) => return Err(error),
        }
        let mut text = String::new();
        file.read_to_string(&mut text)?;
        let id = match text.trim().parse() {
            Ok(id) => id,
            Err(_) => {
                let id = WorkerId(trainyard_store::fresh_id());
                file.set_len(0)?;
                file.rewind()?;
                file.write_all(id.to_string().as_bytes())?;
                file.sync_all()?;
                id
            }
        };
        return Ok(Identity { id, _locked: file });
    }
    Err(io::Error::other(format!(
        "{MOST} workers named '{name}' are running on this data folder; give this one another name"
    )))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn the_living_differ_and_the_restarted_is_the_same() {
        let dir = tempfile::tempdir().unwrap();
        let first = take(dir.path(), "host/a").unwrap();
        let second = take(dir.path(), "host/a").unwrap();
        assert_ne!(first.id, second.id);
        let id = first.id;
        drop(first);
        assert_eq!(take(dir.path(), "host/a").unwrap().id, id);
    }
}
