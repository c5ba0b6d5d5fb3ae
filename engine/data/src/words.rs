//! Wording that the error messages of this crate share.

use std::{io, path::Path};
use trainyard_types::{Code, Problem};

pub(crate) use trainyard_types::words::{count, counted};

/// `0.1234` as `12.3 %`.
pub(crate) fn percent(share: f64) -> String {
    let percent = share * 100.0;
    if percent > 0.0 && percent < 0.1 {
        "less than 0.1 %".into()
    } else if percent < 100.0 && percent > 99.9 {
        "more than 99.9 %".into()
    } else {
        format!("{percent:.1} %")
    }
}

/// At most 80 characters of a value, control characters shown as spaces.
pub(crate) fn clip(value: &str) -> String {
    let mut out: String = value.chars().take(80).map(|c| if c.is_control() { ' ' } else { c }).collect();
    if value.chars().nth(80).is_some() {
        out = out.chars().take(79).collect();
        out.push('…');
    }
    out
}

/// The first few of a list in backquotes: "`a`, `b` and 3 more".
pub(crate) fn listed<S: AsRef<str>>(items: &[S]) -> String {
    listed_of(items, items.len() as u64)
}

/// The first few of a list of which `items` is the beginning and `total` the length.
pub(crate) fn listed_of<S: AsRef<str>>(items: &[S], total: u64) -> String {
    const SHOWN: usize = 5;
    let shown: Vec<String> = items.iter().take(SHOWN).map(|item| format!("`{}`", clip(item.as_ref()))).collect();
    match total as usize {
        0 => String::new(),
        n if n > SHOWN => format!("{} and {} more", shown.join(", "), n - SHOWN),
        1 => shown[0].clone(),
        n => format!("{} and {}", shown[..n - 1].join(", "), shown[n - 1]),
    }
}

/// A failure to read a file, for a person; a missing file and missing rights are told apart.
pub(crate) fn cannot_read(path: &Path, error: &io::Error) -> Problem {
    let name = path.file_name().map_or_else(|| path.to_string_lossy(), |name| name.to_string_lossy());
    match error.kind() {
        io::ErrorKind::NotFound => Problem::not_found(format!("There is no file `{name}`. Check the path.")),
        io::ErrorKind::PermissionDenied => {
            Problem::forbidden(format!("The file `{name}` may not be read. Check its permissions."))
        }
        _ => Problem::internal(format!("The file `{name}` can't be read: {error}.")),
    }
}

/// A failure to write the stored file; a full disk is named as such.
pub(crate) fn cannot_write(error: &io::Error) -> Problem {
    match error.kind() {
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => Problem::new(
            Code::Unavailable,
            "The disk is full: the table could not be stored. Free some space, then try again.",
        ),
        _ => Problem::internal(format!("The table could not be stored: {error}.")),
    }
}

/// A stored Parquet file that can't be read back.
pub(crate) fn damaged(error: impl std::fmt::Display) -> Problem {
    Problem::invalid(format!(
        "The Parquet file is damaged or cut off and can't be read ({}). Write it again and upload it again.",
        clip(&error.to_string())
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_and_lists_read_well() {
        assert_eq!(count(1_234_567), "1,234,567");
        assert_eq!(count(999), "999");
        assert_eq!(counted(1, "row", "rows"), "1 row");
        assert_eq!(percent(0.12345), "12.3 %");
        assert_eq!(percent(0.00001), "less than 0.1 %");
        assert_eq!(listed(&["a", "b", "c"]), "`a`, `b` and `c`");
        assert_eq!(listed(&["a", "b", "c", "d", "e", "f", "g"]), "`a`, `b`, `c`, `d`, `e` and 2 more");
        assert_eq!(clip(&"x".repeat(100)).chars().count(), 80);
    }
}
