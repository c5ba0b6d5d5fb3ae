//! What can go wrong when a model is loaded or asked.

use trainyard_types::{Code, FieldProblem, Problem};

/// Why rows can't be predicted. Each message says which column and what to do.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PredictError {
    #[error("{}", missing_columns(.0))]
    MissingColumns(Vec<String>),
    #[error("Column '{column}' holds {found}, but the model learned from {expected}. Send {expected}.")]
    WrongType { column: String, expected: &'static str, found: String },
    #[error("The frame's column '{column}' has {found} values, but the frame says {expected} rows.")]
    Ragged { column: String, expected: usize, found: usize },
    #[error("The model's parts do not go together: its file is damaged. Take it from where it was made once more.")]
    Apart,
}

fn missing_columns(names: &[String]) -> String {
    let list = names.iter().map(|name| format!("'{name}'")).collect::<Vec<_>>().join(", ");
    match names.len() {
        1 => format!("The column {list} is missing, which the model needs. Add it; its values may be empty."),
        count => {
            format!("{count} columns are missing, which the model needs: {list}. Add them; their values may be empty.")
        }
    }
}

impl From<PredictError> for Problem {
    fn from(error: PredictError) -> Problem {
        let message = error.to_string();
        let names = match error {
            PredictError::MissingColumns(names) => names,
            PredictError::Apart => Vec::new(),
            PredictError::WrongType { column, .. } | PredictError::Ragged { column, .. } => vec![column],
        };
        let fields = names.into_iter().map(|field| FieldProblem { field, message: message.clone() }).collect();
        Problem { code: Code::Invalid, message, fields }
    }
}

/// Why bytes are no usable model (or a model can't be written).
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum LoadError {
    #[error("This is no Trainyard model file: {0}.")]
    NotAModel(String),
    #[error(
        "The model file was written by a newer Trainyard (format {found}; this one reads {known}). Update Trainyard."
    )]
    Newer { found: u32, known: u32 },
    #[error("The model file is damaged: {0}. Restore it from a backup, or train the model again.")]
    Damaged(String),
}

impl LoadError {
    /// A part of the file is not as it has to be.
    pub fn part(what: impl Into<String>) -> Self {
        LoadError::Damaged(what.into())
    }
    pub fn not_a_model(what: impl Into<String>) -> Self {
        LoadError::NotAModel(what.into())
    }
}

impl From<serde_json::Error> for LoadError {
    fn from(error: serde_json::Error) -> Self {
        LoadError::Damaged(format!("its header can't be read ({error})"))
    }
}

impl From<LoadError> for Problem {
    fn from(error: LoadError) -> Problem {
        Problem::new(Code::Invalid, error.to_string())
    }
}
