//! Files by what is in them: `<data_dir>/artifacts/ab/cdef…`, named by their blake3 hash.

use crate::StoreError;
use std::{
    fs::{self, File},
    io::{self, Read, Write},
    path::{Path, PathBuf},
};
use uuid::Uuid;

/// A content-addressed store of immutable files.
#[derive(Clone, Debug)]
pub struct ArtifactStore {
    root: PathBuf,
}

impl ArtifactStore {
    /// Opens, and makes, the store below `data_dir`.
    ///
    /// # Errors
    /// The folder can't be made.
    pub fn open(data_dir: &Path) -> Result<Self, StoreError> {
        let root = data_dir.join("artifacts");
        fs::create_dir_all(root.join("incoming")).map_err(StoreError::io(&root))?;
        Ok(Self { root })
    }

    /// Where the file with this hash lies, or would lie.
    ///
    /// # Errors
    /// [`StoreError::BadHash`] for anything but 64 lower-case hex digits: no path can be smuggled in.
    pub fn path(&self, hash: &str) -> Result<PathBuf, StoreError> {
        let sound = hash.len() == 64 && hash.bytes().all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b));
        if !sound {
            return Err(StoreError::BadHash(hash.chars().take(80).collect()));
        }
        Ok(self.root.join(&hash[..2]).join(&hash[2..]))
    }

    /// The file with this hash.
    ///
    /// # Errors
    /// [`StoreError::MissingArtifact`] where there is none.
    pub fn existing(&self, hash: &str) -> Result<PathBuf, StoreError> {
        let path = self.path(hash)?;
        if path.is_file() { Ok(path) } else { Err(StoreError::MissingArtifact(hash.to_owned())) }
    }

    /// Copies a file in and returns its hash (blake3, hex). It appears whole or not at all, and is on the disk when
    /// this returns. Blocks.
    ///
    /// # Errors
    /// Reading or writing failed; nothing is left behind.
    pub fn put_file(&self, source: &Path) -> Result<String, StoreError> {
        let mut reader = File::open(source).map_err(StoreError::io(source))?;
        let incoming = self.root.join("incoming").join(Uuid::now_v7().simple().to_string());
        let outcome = self.copy_in(&mut reader, source, &incoming);
        if outcome.is_err() {
            let _ = fs::remove_file(&incoming);
        }
        outcome
    }

    /// [`Self::put_file`] away from the async threads.
    ///
    /// # Errors
    /// As there.
    pub async fn put(&self, source: &Path) -> Result<String, StoreError> {
        let (store, source) = (self.clone(), source.to_path_buf());
        let path = source.clone();
        tokio::task::spawn_blocking(move || store.put_file(&source))
            .await
            .map_err(|error| StoreError::Io { path, source: io::Error::other(error) })?
    }

    fn copy_in(&self, reader: &mut File, source: &Path, incoming: &Path) -> Result<String, StoreError> {
        let mut writer = File::create_new(incoming).map_err(StoreError::io(incoming))?;
        let mut hasher = blake3::Hasher::new();
        let mut buffer = vec![0_u8; 1 << 20];
        loop {
            let read = reader.read(&mut buffer).map_err(StoreError::io(source))?;
            if read == 0 {
                break;
            }
            hasher.update(&buffer[..read]);
            writer.write_all(&buffer[..read]).map_err(StoreError::io(incoming))?;
        }
        writer.sync_all().map_err(StoreError::io(incoming))?;
        drop(writer);
        let hash = hasher.finalize().to_hex().to_string();
        let target = self.path(&hash)?;
        if target.is_file() {
            fs::remove_file(incoming).map_err(StoreError::io(incoming))?;
            return Ok(hash);
        }
        let folder = self.root.join(&hash[..2]);
        fs::create_dir_all(&folder).map_err(StoreError::io(&folder))?;
        fs::rename(incoming, &target).map_err(StoreError::io(&target))?;
        // The rename itself is lasting only once the folder is on the disk.
        for folder in [&folder, &self.root] {
            File::open(folder).and_then(|f| f.sync_all()).map_err(StoreError::io(folder))?;
        }
        Ok(hash)
    }

    /// Removes a file; none of that name is no error.
    ///
    /// # Errors
    /// It is there and can't be removed.
    pub fn remove(&self, hash: &str) -> Result<(), StoreError> {
        let path = self.path(hash)?;
        match fs::remove_file(&path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(StoreError::io(&path)(error)),
            _ => Ok(()),
        }
    }

    /// Removes what copies cut short have left; for a start-up without other processes at work on the store.
    pub fn sweep(&self) {
        let Ok(entries) = fs::read_dir(self.root.join("incoming")) else { return };
        for entry in entries.flatten() {
            let old = entry.metadata().and_then(|m| m.modified()).ok().and_then(|at| at.elapsed().ok());
            if old.is_some_and(|age| age.as_secs() > 24 * 3600) {
                let _ = fs::remove_file(entry.path());
            }
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn the_same_content_is_stored_once_under_its_hash() {
        let dir = tempfile::tempdir().unwrap();
        let store = ArtifactStore::open(dir.path()).unwrap();
        let source = dir.path().join("a.bin");
        fs::write(&source, b"abc").unwrap();
        let hash = store.put_file(&source).unwrap();
        // b3sum of "abc", https://github.com/BLAKE3-team/BLAKE3 reference implementation.
        assert_eq!(hash, "6437b3ac38465133ffb63b75273a8db548c558465d79db03fd359c6cd5bd9d85");
        assert_eq!(store.put_file(&source).unwrap(), hash);
        assert_eq!(fs::read(store.existing(&hash).unwrap()).unwrap(), b"abc");
        assert_eq!(fs::read_dir(dir.path().join("artifacts/incoming")).unwrap().count(), 0);
    }

    #[test]
    fn odd_hashes_lead_nowhere() {
        let dir = tempfile::tempdir().unwrap();
        let store = ArtifactStore::open(dir.path()).unwrap();
        for odd in ["", "../../etc/passwd", &"A".repeat(64), &"a".repeat(63), &format!("{}/", "a".repeat(63))] {
            assert!(matches!(store.path(odd), Err(StoreError::BadHash(_))), "{odd}");
        }
        assert!(matches!(store.existing(&"a".repeat(64)), Err(StoreError::MissingArtifact(_))));
    }
}
