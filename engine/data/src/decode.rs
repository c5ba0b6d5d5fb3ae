//! Bytes of a text file as UTF-8, counted as they are read, in a buffer whose size has a bound.

use crate::words;
use encoding_rs::Encoding;
use std::{
    fs::File,
    io::{self, Read},
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};
use trainyard_types::Problem;

/// How much of a file has been read, shared with the thread that reads it.
#[derive(Clone, Debug)]
pub(crate) struct Meter {
    done: Arc<AtomicU64>,
    total: u64,
}

impl Meter {
    /// Share of the file's bytes read so far, 0 to 1.
    pub(crate) fn fraction(&self) -> f64 {
        if self.total == 0 { 1.0 } else { (self.done.load(Ordering::Relaxed) as f64 / self.total as f64).min(1.0) }
    }
}

struct Counting<R> {
    inner: R,
    done: Arc<AtomicU64>,
}

impl<R: Read> Read for Counting<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let n = self.inner.read(buffer)?;
        self.done.fetch_add(n as u64, Ordering::Relaxed);
        Ok(n)
    }
}

/// The encoding that a WHATWG label names, or words that say which are known.
pub(crate) fn encoding(label: &str) -> Result<&'static Encoding, Problem> {
    Encoding::for_label(label.as_bytes()).ok_or_else(|| {
        Problem::field(
            "encoding",
            format!(
                "`{}` is no known encoding. Use utf-8, utf-16le, utf-16be, windows-1252 or another WHATWG label.",
                words::clip(label)
            ),
        )
    })
}

/// Opens a text file in the given encoding. UTF-8 is passed on as it stands (it is checked later, with its line);
/// others are converted, with U+FFFD for what can't be. A byte order mark is dropped.
pub(crate) fn open(path: &Path, label: &str) -> Result<(Box<dyn Read + Send>, Meter), Problem> {
    let encoding = encoding(label)?;
    let file = File::open(path).map_err(|error| words::cannot_read(path, &error))?;
    let total = file.metadata().map_err(|error| words::cannot_read(path, &error))?.len();
    let meter = Meter { done: Arc::new(AtomicU64::new(0)), total };
    let counting = Counting { inner: file, done: meter.done.clone() };
    Ok((convert(counting, encoding), meter))
}

/// The reader's bytes as UTF-8.
pub(crate) fn convert<R: Read + Send + 'static>(reader: R, encoding: &'static Encoding) -> Box<dyn Read + Send> {
    if encoding == encoding_rs::UTF_8 {
        return Box::new(reader);
    }
    Box::new(
        encoding_rs_io::DecodeReaderBytesBuilder::new()
            .encoding(Some(encoding))
            .bom_sniffing(false)
            .strip_bom(true)
            .build(reader),
    )
}

/// A window on a stream that grows only as far as one record needs.
pub(crate) struct Window<R> {
    reader: R,
    bytes: Vec<u8>,
    start: usize,
    end: usize,
    finished: bool,
}

impl<R: Read> Window<R> {
    const FIRST: usize = 256 << 10;

    pub(crate) fn new(reader: R) -> Self {
        Self { reader, bytes: Vec::new(), start: 0, end: 0, finished: false }
    }
    /// A window on bytes that were read already; `finished` where the stream ends with them.
    pub(crate) fn over(bytes: Vec<u8>, finished: bool, reader: R) -> Self {
        let end = bytes.len();
        Self { reader, bytes, start: 0, end, finished }
    }
    /// What has been read and not yet passed, and the stream.
    pub(crate) fn into_parts(mut self) -> (Vec<u8>, R) {
        self.bytes.truncate(self.end);
        self.bytes.drain(..self.start);
        (self.bytes, self.reader)
    }
    /// What has been read and not yet passed.
    pub(crate) fn unread(&self) -> &[u8] {
        &self.bytes[self.start..self.end]
    }
    /// Whether the stream has ended, so that `unread` is all there is.
    pub(crate) fn finished(&self) -> bool {
        self.finished
    }
    pub(crate) fn pass(&mut self, n: usize) {
        self.start = (self.start + n).min(self.end);
    }
    /// Reads on: at least one more byte, or the end. Doubles the window where the unread part fills it.
    pub(crate) fn fill(&mut self) -> io::Result<()> {
        if self.start > 0 {
            self.bytes.copy_within(self.start..self.end, 0);
            self.end -= self.start;
            self.start = 0;
        }
        if self.end == self.bytes.len() {
            self.bytes.resize((self.bytes.len() * 2).max(Self::FIRST), 0);
        }
        while self.end < self.bytes.len() {
            match self.reader.read(&mut self.bytes[self.end..]) {
                Ok(0) => {
                    self.finished = true;
                    break;
                }
                Ok(n) => self.end += n,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }
}
