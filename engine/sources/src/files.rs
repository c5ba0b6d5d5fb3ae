//! A file on the server.

use crate::{Fetched, Limits, Progress, Rules, Watch, cancelled, cannot_write, too_large, unpack};
use std::path::Path;
use tokio::{
    fs::File,
    io::{AsyncReadExt, AsyncWriteExt},
};
use trainyard_types::Problem;

/// Copies the file, so that what is looked at is what is stored, whatever happens to the original meanwhile.
pub(crate) async fn fetch(
    rules: &Rules,
    path: &str,
    dest: &Path,
    limits: Limits,
    watch: Watch<'_>,
) -> Result<Fetched, Problem> {
    let real = rules.file(path)?;
    let name = Path::new(path.trim()).file_name().unwrap_or_default().to_string_lossy().into_owned();
    let cannot_read = |error: std::io::Error| Problem::invalid(format!("{path} can't be read: {error}."));
    let mut from = File::open(&real).await.map_err(cannot_read)?;
    let total = from.metadata().await.map_err(cannot_read)?.len();
    if total > limits.bytes {
        return Err(too_large(limits.bytes));
    }
    let mut to = File::create_new(dest).await.map_err(|error| cannot_write(&error))?;
    let mut bytes = 0_u64;
    let mut buffer = vec![0_u8; 1 << 20];
    loop {
        let n = from.read(&mut buffer).await.map_err(cannot_read)?;
        if n == 0 {
            break;
        }
        bytes += n as u64;
        if bytes > limits.bytes {
            return Err(too_large(limits.bytes));
        }
        to.write_all(&buffer[..n]).await.map_err(|error| cannot_write(&error))?;
        let doing = format!("Copying {name}");
        if watch(&Progress { bytes, total: Some(total), rows: 0, doing }).is_break() {
            return Err(cancelled());
        }
    }
    to.flush().await.map_err(|error| cannot_write(&error))?;
    drop(to);
    unpack::unpack(name, dest, limits).await
}
