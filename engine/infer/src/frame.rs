//! A table in memory: what models are fitted on and predict from.

use trainyard_types::dataset::ColumnType;

/// Named columns of equal length.
#[derive(Clone, Debug, PartialEq)]
pub struct Frame {
    pub columns: Vec<Column>,
    pub rows: usize,
}

#[derive(Clone, Debug, PartialEq)]
pub struct Column {
    pub name: String,
    pub kind: ColumnType,
    pub values: Values,
}

/// The values of one column.
#[derive(Clone, Debug, PartialEq)]
pub enum Values {
    /// Integers, floats and datetimes (milliseconds since 1970, UTC); NaN is missing.
    Numbers(Vec<f64>),
    /// Texts and booleans (`true`, `false`), as indices into `levels`; [`MISSING`] is missing. Levels are in order of
    /// first appearance and may hold ones that no row uses.
    Categories { codes: Vec<u32>, levels: Vec<String> },
}

/// The code of a missing category.
pub const MISSING: u32 = u32::MAX;

impl Frame {
    /// The column of that name.
    pub fn column(&self, name: &str) -> Option<&Column> {
        self.columns.iter().find(|column| column.name == name)
    }

    /// A new frame of the given rows, in that order.
    ///
    /// # Panics
    /// If an index is not below `rows`.
    pub fn take(&self, indices: &[usize]) -> Frame {
        let columns = self
            .columns
            .iter()
            .map(|column| Column {
                name: column.name.clone(),
                kind: column.kind,
                values: match &column.values {
                    Values::Numbers(numbers) => Values::Numbers(indices.iter().map(|&i| numbers[i]).collect()),
                    Values::Categories { codes, levels } => Values::Categories {
                        codes: indices.iter().map(|&i| codes[i]).collect(),
                        levels: levels.clone(),
                    },
                },
            })
            .collect();
        Frame { columns, rows: indices.len() }
    }
}
