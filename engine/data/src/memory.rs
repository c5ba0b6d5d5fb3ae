//! How much memory reading, describing and checking a table may take, and training on it.

mod machine;

use trainyard_types::Problem;

/// A bound on what one table holds in memory while it is read, stored, described and checked, whatever its size. What does
/// not fit is estimated from a uniform sample (quantiles and histograms of columns with very many rows) or goes to the disk
/// (hashes of rows and values, which find duplicates). The program itself, the blocks being read and Parquet's encoders take up to
/// 192 MiB, which the shares leave room for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Memory(u64);

impl std::fmt::Display for Memory {
    /// `1.5 GiB`, `512 MiB`.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&in_words(self.0))
    }
}

/// Bytes of memory for people: `1.5 GiB`, `512 MiB`.
pub fn in_words(bytes: u64) -> String {
    match bytes {
        bytes if bytes >= 1 << 30 => format!("{:.1} GiB", bytes as f64 / (1_u64 << 30) as f64),
        bytes => format!("{} MiB", bytes.div_ceil(1 << 20)),
    }
}

impl Default for Memory {
    /// 1 GiB.
    fn default() -> Self {
        Self(1 << 30)
    }
}

impl Memory {
    /// The least: 256 MiB.
    pub const LEAST: u64 = 256 << 20;
    /// What the program itself, the blocks being read and encoders take: 192 MiB.
    pub const PROGRAM: u64 = 192 << 20;

    /// # Errors
    /// It is less than [`Memory::LEAST`].
    pub fn new(bytes: u64) -> Result<Self, Problem> {
        if bytes < Self::LEAST {
            return Err(Problem::field("memory_limit", "The memory limit is at least 256 MiB. Raise it."));
        }
        Ok(Self(bytes))
    }

    pub fn bytes(self) -> u64 {
        self.0
    }

    /// What training may take where nothing is said: half of the machine's memory, or of what the control group allows if
    /// that is less. Where neither can be read, 4 GiB.
    pub fn for_training() -> Self {
        let all = machine::bytes().unwrap_or(8 << 30);
        Self((all / 2).max(Self::LEAST))
    }

    /// An equal share for each of so many jobs at a time.
    pub fn among(self, jobs: u32) -> Self {
        Self((self.0 / u64::from(jobs.max(1))).max(Self::LEAST))
    }

    /// What the program itself leaves of the limit, bytes.
    pub fn room(self) -> u64 {
        self.0.max(Self::LEAST) - Self::PROGRAM
    }

    /// So many units of `unit` bytes in `percent` of the room.
    fn share(self, percent: u64, unit: u64) -> usize {
        usize::try_from(self.room() / 100 * percent / unit).unwrap_or(usize::MAX)
    }

    /// Numbers kept for exact quantiles, over all columns. They are copied a column at a time at the end.
    pub(crate) fn numbers(self) -> usize {
        self.share(35, 8)
    }

    /// Different texts counted, over all columns.
    pub(crate) fn texts(self) -> usize {
        self.share(25, 48)
    }

    /// Bytes of different texts kept, over all columns.
    pub(crate) fn text_bytes(self) -> usize {
        self.share(15, 1)
    }

    /// Rows whose hash is kept in memory.
    pub(crate) fn row_hashes(self) -> usize {
        self.share(15, 8)
    }

    /// Bytes for what checks hold of a table, all that run in one pass together.
    pub(crate) fn checks(self) -> usize {
        self.share(60, 1)
    }

    /// Bytes of a sample of a table's rows.
    pub(crate) fn sample(self) -> usize {
        self.share(40, 1)
    }

    /// A row group is closed early when its encoded columns hold this many bytes.
    pub(crate) fn group_bytes(self) -> usize {
        self.share(10, 1).min(128 << 20)
    }
}
