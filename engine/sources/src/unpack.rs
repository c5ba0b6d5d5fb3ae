//! Files that come compressed with gzip: unpacked on disk, within the size limit.

use crate::{Fetched, Limits, cannot_write, too_large};
use flate2::read::MultiGzDecoder;
use std::{
    fs::{self, File},
    io::{BufWriter, Read, Write},
    path::Path,
};
use trainyard_types::Problem;

/// Unpacks `file` in its place if its first bytes say that it is gzip, and tells what it is then. Nothing else about
/// it is trusted: neither its name nor what a server called it.
///
/// # Errors
/// The compression is damaged, the unpacked file is over the limit, or the disk is full.
pub(crate) async fn unpack(name: String, file: &Path, limits: Limits) -> Result<Fetched, Problem> {
    let path = file.to_path_buf();
    let done = tokio::task::spawn_blocking(move || in_place(&path, limits.bytes)).await;
    let unpacked = done.map_err(|error| Problem::internal(format!("Unpacking failed: {error}.")))??;
    let bytes = fs::metadata(file).map_err(|error| cannot_write(&error))?.len();
    if bytes == 0 {
        return Err(Problem::invalid(format!("{name} is empty. Check the source.")));
    }
    let mut notes = Vec::new();
    let file_name = match name.strip_suffix(".gz") {
        Some(plain) if unpacked => plain.to_owned(),
        _ => name,
    };
    if unpacked {
        notes.push("The file came compressed with gzip and was unpacked.".to_owned());
    }
    Ok(Fetched { file_name, bytes, notes })
}

fn in_place(path: &Path, limit: u64) -> Result<bool, Problem> {
    let mut from = File::open(path).map_err(|error| cannot_write(&error))?;
    let mut first = [0_u8; 3];
    let n = from.read(&mut first).map_err(|error| cannot_write(&error))?;
    if n < 3 || first != [0x1F, 0x8B, 8] {
        return Ok(false);
    }
    let from = File::open(path).map_err(|error| cannot_write(&error))?;
    let mut from = MultiGzDecoder::new(std::io::BufReader::with_capacity(1 << 20, from));
    let folder = path.parent().unwrap_or(Path::new("."));
    let to = tempfile::NamedTempFile::new_in(folder).map_err(|error| cannot_write(&error))?;
    let mut out = BufWriter::with_capacity(1 << 20, to.as_file());
    let mut buffer = vec![0_u8; 1 << 20];
    let mut bytes = 0_u64;
    loop {
        let n = from.read(&mut buffer).map_err(|error| {
            Problem::invalid(format!("The file is compressed with gzip and can't be unpacked: {error}."))
        })?;
        if n == 0 {
            break;
        }
        bytes += n as u64;
        if bytes > limit {
            return Err(too_large(limit));
        }
        out.write_all(&buffer[..n]).map_err(|error| cannot_write(&error))?;
    }
    out.flush().map_err(|error| cannot_write(&error))?;
    drop(out);
    to.persist(path).map_err(|error| cannot_write(&error.error))?;
    Ok(true)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use flate2::{Compression, write::GzEncoder};

    fn gzip(content: &[u8]) -> Vec<u8> {
        let mut out = GzEncoder::new(Vec::new(), Compression::default());
        out.write_all(content).unwrap();
        out.finish().unwrap()
    }

    #[tokio::test]
    async fn gzip_is_unpacked_within_the_limit() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("x");
        let limits = Limits { bytes: 1000, ..Limits::default() };
        fs::write(&file, gzip(b"a,b\n1,2\n")).unwrap();
        let fetched = unpack("t.csv.gz".into(), &file, limits).await.unwrap();
        assert_eq!((fetched.file_name.as_str(), fetched.bytes), ("t.csv", 8));
        assert_eq!(fs::read(&file).unwrap(), b"a,b\n1,2\n");

        // A thousand times its size: not written out first and measured then.
        fs::write(&file, gzip(&vec![b'1'; 1_000_000])).unwrap();
        let problem = unpack("bomb.csv.gz".into(), &file, limits).await.unwrap_err();
        assert_eq!(problem.code, trainyard_types::Code::TooLarge);

        fs::write(&file, &gzip(b"a,b\n1,2\n")[..15]).unwrap();
        assert!(unpack("cut.csv.gz".into(), &file, limits).await.unwrap_err().message.contains("unpacked"));
        fs::write(&file, b"plain").unwrap();
        assert_eq!(unpack("p.gz".into(), &file, limits).await.unwrap().file_name, "p.gz");
    }
}
