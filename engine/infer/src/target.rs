//! What is to be predicted, and what was.

/// The true outcome of each row.
#[derive(Clone, Debug, PartialEq)]
pub enum Target {
    /// Index into the signature's classes.
    Classes(Vec<u32>),
    /// Regression, in the target's own unit.
    Values(Vec<f64>),
}

impl Target {
    pub fn len(&self) -> usize {
        match self {
            Target::Classes(classes) => classes.len(),
            Target::Values(values) => values.len(),
        }
    }
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
    /// The outcomes of the given rows, in that order.
    ///
    /// # Panics
    /// If an index is out of range.
    pub fn take(&self, indices: &[usize]) -> Target {
        match self {
            Target::Classes(classes) => Target::Classes(indices.iter().map(|&i| classes[i]).collect()),
            Target::Values(values) => Target::Values(indices.iter().map(|&i| values[i]).collect()),
        }
    }
}

/// A model's answer for each row.
#[derive(Clone, Debug, PartialEq)]
pub enum Predictions {
    /// `rows x classes`, row-major; each row sums to 1.
    Probabilities { classes: usize, values: Vec<f32> },
    /// Regression, in the target's own unit.
    Values(Vec<f64>),
}

impl Predictions {
    /// Number of rows.
    pub fn rows(&self) -> usize {
        match self {
            Predictions::Probabilities { classes, values } => values.len() / (*classes).max(1),
            Predictions::Values(values) => values.len(),
        }
    }
}
