//! Bounds that keep a hostile or mistaken file from using up memory, and how large the working sets are.

/// More columns than this are refused.
pub const MAX_COLUMNS: usize = 5_000;
/// A single value larger than this (bytes of UTF-8) is refused, with its line.
pub const MAX_FIELD_BYTES: usize = 1 << 20;
/// A row larger than this (bytes of UTF-8) is refused, with its line.
pub const MAX_RECORD_BYTES: usize = 16 << 20;
/// More rows than this are refused.
pub const MAX_ROWS: u64 = 500_000_000;
/// Longer column names are cut.
pub const MAX_NAME_CHARS: usize = 200;
/// The page size of [`crate::rows()`] at most.
pub const MAX_PAGE_ROWS: u64 = 1_000;
/// Rows listed in a report of bad rows at most.
pub const MAX_BAD_ROWS_LISTED: usize = 20;
/// A target with more classes than this is refused.
pub const MAX_CLASSES: usize = 100;
/// Whole numbers with at most this many different values make a classification.
pub const MAX_INTEGER_CLASSES: usize = 20;

/// Delimited text is read in chunks of this many bytes: small enough for a core's cache.
pub(crate) const CHUNK_BYTES: usize = 512 << 10;
/// Text of a block of rows, in bytes: the unit in which other files are read, converted and written.
pub(crate) const BLOCK_BYTES: usize = 4 << 20;
/// Rows of a block at most.
pub(crate) const BLOCK_ROWS: usize = 65_536;
/// Cells of a block at most (a wide table has fewer rows a block).
pub(crate) const BLOCK_CELLS: usize = 2 << 20;
/// Rows of a Parquet row group.
pub(crate) const GROUP_ROWS: usize = 131_072;
/// Different values counted exactly in one column.
pub(crate) const MAX_DISTINCT: usize = 1_000_000;
/// Bytes of the beginning of a file that decide format, delimiter and header.
pub(crate) const PREFIX_BYTES: usize = 1 << 20;
