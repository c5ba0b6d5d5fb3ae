//! The file from which an interrupted job goes on.

use serde::{Deserialize, Serialize};
use std::{
    fs::{self, File},
    io::{self, Read, Write},
    path::Path,
};
use trainyard_types::run::Family;

const NAME: &str = "checkpoint.bin";
const MAGIC: &[u8; 8] = b"TYCHECK1";

#[derive(Serialize, Deserialize)]
struct Header {
    fingerprint: String,
    family: Family,
    step: u64,
    bytes: u64,
    /// blake3 of the bytes: a torn file is no checkpoint.
    hash: String,
}

/// The state of a fit at the end of an epoch.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Checkpoint {
    pub family: Family,
    pub step: u64,
    /// What the family's fit wrote and takes back.
    pub bytes: Vec<u8>,
}

/// Writes the checkpoint into the job's folder in place of the one before: whole or not at all, and on the disk when this
/// returns. `fingerprint` says of which work it is.
///
/// # Errors
/// Writing failed; the one before is still there.
pub fn write(folder: &Path, fingerprint: &str, family: Family, step: u64, bytes: &[u8]) -> io::Result<()> {
    let header = Header {
        fingerprint: fingerprint.to_owned(),
        family,
        step,
        bytes: bytes.len() as u64,
        hash: blake3::hash(bytes).to_hex().to_string(),
    };
    let header = serde_json::to_vec(&header)?;
    let mut whole = Vec::with_capacity(bytes.len() + header.len() + 12);
    whole.extend_from_slice(MAGIC);
    whole.extend_from_slice(&(header.len() as u32).to_le_bytes());
    whole.extend_from_slice(&header);
    whole.extend_from_slice(bytes);
    replace(&folder.join(NAME), &whole)
}

/// The checkpoint in the folder, if there is a sound one of this work.
pub fn read(folder: &Path, fingerprint: &str) -> Option<Checkpoint> {
    let mut file = File::open(folder.join(NAME)).ok()?;
    let mut start = [0; 12];
    file.read_exact(&mut start).ok()?;
    let (magic, length) = start.split_at(8);
    if magic != MAGIC {
        return None;
    }
    let length = u32::from_le_bytes(length.try_into().ok()?) as u64;
    let mut header = Vec::new();
    (&mut file).take(length.min(1 << 16)).read_to_end(&mut header).ok()?;
    let header: Header = serde_json::from_slice(&header).ok()?;
    let mut bytes = Vec::new();
    file.read_to_end(&mut bytes).ok()?;
    let sound = header.fingerprint == fingerprint
        && header.bytes == bytes.len() as u64
        && header.hash == blake3::hash(&bytes).to_hex().as_str();
    sound.then_some(Checkpoint { family: header.family, step: header.step, bytes })
}

/// Forgets the checkpoint: the work is done.
pub fn remove(folder: &Path) {
    // There is none where the job had none to write.
    let _ = fs::remove_file(folder.join(NAME));
}

/// Puts a file in place of the one of that name: whole or not at all, and on the disk when this returns.
///
/// # Errors
/// Writing failed; what was there is still there.
pub fn replace(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let mut name = path.file_name().unwrap_or_default().to_owned();
    // A process that is about to end may still write its own.
    name.push(format!(".{}.part", std::process::id()));
    let part = folder.join(name);
    let mut file = File::create(&part)?;
    file.write_all(bytes)?;
    file.sync_all()?;
    fs::rename(&part, path)?;
    // The rename is lasting only once the folder is on the disk.
    File::open(folder)?.sync_all()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn a_checkpoint_comes_back_whole_or_not_at_all() {
        let dir = tempfile::tempdir().unwrap();
        assert_eq!(read(dir.path(), "a"), None);
        write(dir.path(), "a", Family::RealMlp, 3, b"state").unwrap();
        let expected = Checkpoint { family: Family::RealMlp, step: 3, bytes: b"state".to_vec() };
        assert_eq!(read(dir.path(), "a"), Some(expected));
        assert_eq!(read(dir.path(), "b"), None, "it is of other work");

        let path = dir.path().join(NAME);
        let whole = fs::read(&path).unwrap();
        for cut in [0, 5, 11, 20, whole.len() - 1] {
            fs::write(&path, &whole[..cut]).unwrap();
            assert_eq!(read(dir.path(), "a"), None, "cut at {cut}");
        }
        let mut flipped = whole.clone();
        *flipped.last_mut().unwrap() ^= 1;
        fs::write(&path, flipped).unwrap();
        assert_eq!(read(dir.path(), "a"), None);
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 1, "no part is left");
    }
}
