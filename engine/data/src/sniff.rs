//! What kind of file it is, and in which encoding, judged by its bytes first and its name second.

use crate::{limits::PREFIX_BYTES, words};
use chardetng::{EncodingDetector, Iso2022JpDetection, Utf8Detection};
use encoding_rs::{Encoding, UTF_8, UTF_16BE, UTF_16LE};
use std::{
    fs::File,
    io::{Read, Seek, SeekFrom},
    path::Path,
};
use trainyard_types::{Problem, dataset::FileFormat};

/// The first look at a file.
pub(crate) struct Sniffed {
    pub format: FileFormat,
    /// Text formats only: what a byte order mark or the first MiB says.
    pub encoding: &'static Encoding,
    /// The first MiB, as bytes.
    pub prefix: Vec<u8>,
    /// `prefix` is the whole file.
    pub whole: bool,
}

const READS: &str = "Trainyard reads CSV, TSV, JSON Lines and Parquet.";

/// Looks at the first MiB. Empty files and files that are no table are refused in words.
pub(crate) fn sniff(path: &Path, file_name: &str) -> Result<Sniffed, Problem> {
    let mut file = File::open(path).map_err(|error| words::cannot_read(path, &error))?;
    let metadata = file.metadata().map_err(|error| words::cannot_read(path, &error))?;
    if metadata.is_dir() {
        return Err(Problem::invalid("This is a folder, not a file. Choose a file in it."));
    }
    let total = metadata.len();
    if total == 0 {
        return Err(Problem::invalid("The file is empty. Choose a file with a header and rows."));
    }
    let mut prefix = Vec::new();
    (&mut file).take(PREFIX_BYTES as u64).read_to_end(&mut prefix).map_err(|error| words::cannot_read(path, &error))?;
    let whole = prefix.len() as u64 == total;
    if prefix.starts_with(b"PAR1") {
        let mut tail = [0; 4];
        let ends_well = total >= 12
            && file.seek(SeekFrom::End(-4)).and_then(|_| file.read_exact(&mut tail)).is_ok()
            && &tail == b"PAR1";
        if !ends_well {
            return Err(Problem::invalid(
                "The Parquet file is cut off: its end is missing. Copy or upload the whole file again.",
            ));
        }
        return Ok(Sniffed { format: FileFormat::Parquet, encoding: UTF_8, prefix, whole });
    }
    if let Some(problem) = not_a_table(&prefix) {
        return Err(problem);
    }
    let encoding = encoding_of(&prefix, whole)?;
    let (text, _, _) = encoding.decode(&prefix[..prefix.len().min(64 << 10)]);
    let format = text_format(&text, file_name)?;
    Ok(Sniffed { format, encoding, prefix, whole })
}

fn not_a_table(bytes: &[u8]) -> Option<Problem> {
    const KINDS: [(&[u8], &str); 22] = [
        (b"\x89PNG\r\n\x1a\n", "a PNG image"),
        (b"\xFF\xD8\xFF", "a JPEG image"),
        (b"GIF8", "a GIF image"),
        (b"RIFF", "a sound, film or picture"),
        (b"%PDF", "a PDF document"),
        (b"PK\x03\x04", "a ZIP archive or an Excel workbook"),
        (b"PK\x05\x06", "an empty ZIP archive"),
        (b"\x1F\x8B", "compressed with gzip"),
        (b"BZh", "compressed with bzip2"),
        (b"\xFD7zXZ\0", "compressed with xz"),
        (b"\x28\xB5\x2F\xFD", "compressed with zstd"),
        (b"7z\xBC\xAF\x27\x1C", "a 7-Zip archive"),
        (b"Rar!", "a RAR archive"),
        (b"\xD0\xCF\x11\xE0\xA1\xB1\x1A\xE1", "an old Excel workbook or Word document"),
        (b"SQLite format 3\0", "a SQLite database"),
        (b"\x7FELF", "a program"),
        (b"ARROW1", "an Arrow or Feather file"),
        (b"ORC", "an ORC file"),
        (b"Obj\x01", "an Avro file"),
        (b"\x89HDF\r\n\x1a\n", "an HDF5 file"),
        (b"\x93NUMPY", "a NumPy array"),
        (b"\x80\x04\x95", "a Python pickle"),
    ];
    let (_, what) = KINDS.iter().find(|(magic, _)| bytes.starts_with(magic))?;
    // Some of the shorter marks are also ordinary text: these begin with bytes that text has.
    let may_be_text =
        ["ORC", "BZh", "GIF8", "RIFF", "Rar!", "ARROW1"].iter().any(|mark| bytes.starts_with(mark.as_bytes()));
    if may_be_text && !bytes[..bytes.len().min(512)].iter().any(|&byte| byte < 9 || (14..32).contains(&byte)) {
        return None;
    }
    let advice = match *what {
        "a ZIP archive or an Excel workbook" => "Unpack it, or save the sheet as CSV (UTF-8).",
        "an old Excel workbook or Word document" => "Save the sheet as CSV (UTF-8).",
        what if what.starts_with("compressed") || what.ends_with("archive") => "Unpack it first.",
        "an Arrow or Feather file" | "an ORC file" | "an Avro file" | "an HDF5 file" => "Save it as Parquet.",
        "a SQLite database" => "Export the table as CSV.",
        _ => "Choose a file with a table.",
    };
    Some(Problem::invalid(format!("The file is {what}, not a table of text. {advice} {READS}")))
}

fn encoding_of(bytes: &[u8], whole: bool) -> Result<&'static Encoding, Problem> {
    if let Some((encoding, _)) = Encoding::for_bom(bytes) {
        return Ok(encoding);
    }
    // ASCII in UTF-16 has a NUL in every other byte.
    let zeros = |phase: usize| {
        let bytes: Vec<&u8> = bytes.iter().skip(phase).step_by(2).take(4096).collect();
        bytes.iter().filter(|byte| ***byte == 0).count() as f64 / bytes.len().max(1) as f64
    };
    let (even, odd) = (zeros(0), zeros(1));
    if odd > 0.3 && even < 0.05 {
        return Ok(UTF_16LE);
    }
    if even > 0.3 && odd < 0.05 {
        return Ok(UTF_16BE);
    }
    if let Some(at) = memchr::memchr(0, bytes) {
        let line = memchr::memchr_iter(b'\n', &bytes[..at]).count() as u64 + 1;
        return Err(Problem::invalid(format!(
            "Line {} holds a NUL byte, which no text file does. The file is damaged, or not a table of text. {READS}",
            words::count(line)
        )));
    }
    match std::str::from_utf8(bytes) {
        Ok(_) => Ok(UTF_8),
        // The prefix may cut a character in two.
        Err(error) if !whole && error.error_len().is_none() => Ok(UTF_8),
        Err(_) => Ok(legacy(bytes)),
    }
}

/// The encoding other than UTF-8 that the bytes are most likely in.
fn legacy(bytes: &[u8]) -> &'static Encoding {
    let mut detector = EncodingDetector::new(Iso2022JpDetection::Deny);
    detector.feed(bytes, true);
    detector.guess(None, Utf8Detection::Deny)
}

/// The same for a whole file, of which 64 MiB are looked at.
pub(crate) fn legacy_of_file(path: &Path) -> Result<&'static Encoding, Problem> {
    let file = File::open(path).map_err(|error| words::cannot_read(path, &error))?;
    let mut file = file.take(64 << 20);
    let mut detector = EncodingDetector::new(Iso2022JpDetection::Deny);
    let mut buffer = vec![0; 256 << 10];
    loop {
        match file.read(&mut buffer) {
            Ok(0) => break,
            Ok(n) => detector.feed(&buffer[..n], false),
            Err(error) if error.kind() == std::io::ErrorKind::Interrupted => continue,
            Err(error) => return Err(words::cannot_read(path, &error)),
        };
    }
    detector.feed(&[], true);
    Ok(detector.guess(None, Utf8Detection::Deny))
}

fn text_format(text: &str, file_name: &str) -> Result<FileFormat, Problem> {
    let start = text.trim_start_matches('\u{feff}').trim_start();
    if start.is_empty() && text.len() < 60 << 10 {
        return Err(Problem::invalid("The file holds nothing but white space. Choose a file with a header and rows."));
    }
    let lower = file_name.to_ascii_lowercase();
    let named = |endings: &[&str]| endings.iter().any(|ending| lower.ends_with(ending));
    let head: String = start.chars().take(200).collect::<String>().to_ascii_lowercase();
    if head.starts_with("<!doctype") || head.starts_with("<html") || head.starts_with("<?xml") {
        return Err(Problem::invalid(format!(
            "The file is a web page or XML, not a table: a download that asked for a sign-in ends so. {READS}"
        )));
    }
    let json_named = named(&[".json", ".jsonl", ".ndjson"]);
    let first_line = start.lines().next().unwrap_or_default();
    let is_object = serde_json::from_str::<serde_json::Map<String, serde_json::Value>>(first_line).is_ok();
    if is_object || (start.starts_with('{') && json_named && named(&[".jsonl", ".ndjson"])) {
        return Ok(FileFormat::JsonLines);
    }
    if (start.starts_with('{') || start.starts_with('[')) && (json_named || head.contains("{\"")) {
        return Err(Problem::invalid(
            "The file is one JSON document. Write JSON Lines instead: one object a line, without commas between them \
             (pandas: `to_json(path, orient='records', lines=True)`).",
        ));
    }
    if json_named {
        return Err(Problem::invalid(format!(
            "The file is named as JSON, but its first line is no JSON object. Write one object a line. {READS}"
        )));
    }
    if named(&[".parquet", ".pq"]) {
        return Err(Problem::invalid(
            "The file is named as Parquet, but does not begin as one. It may be damaged: copy or upload it again.",
        ));
    }
    let controls = text.chars().filter(|c| c.is_control() && !matches!(c, '\n' | '\r' | '\t')).count();
    if controls * 20 > text.chars().count() {
        return Err(Problem::invalid(format!(
            "The file is not a table of text: it is full of control characters. {READS}"
        )));
    }
    Ok(FileFormat::Csv)
}
