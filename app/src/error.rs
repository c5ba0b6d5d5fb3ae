//! The error of every server function: a [`Problem`] that crosses the wire whole.

use serde::{Deserialize, Serialize};
use server_fn::error::{FromServerFnError, ServerFnErrorErr};
use std::fmt;
use trainyard_types::{Code, Problem};

/// A [`Problem`], as server functions return it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AppError(pub Problem);

impl AppError {
    /// The message for one field of a form.
    pub fn for_field(&self, field: &str) -> Option<&str> {
        self.0.fields.iter().find(|f| f.field == field).map(|f| f.message.as_str())
    }
}

impl From<Problem> for AppError {
    fn from(problem: Problem) -> Self {
        Self(problem)
    }
}

impl fmt::Display for AppError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.message)
    }
}

impl std::error::Error for AppError {}

impl FromServerFnError for AppError {
    type Encoder = crate::wire::Wire;

    fn from_server_fn_error(value: ServerFnErrorErr) -> Self {
        let problem = match value {
            ServerFnErrorErr::Request(_) => Problem::new(
                Code::Unavailable,
                "The server did not answer. Check that it runs and that you are connected, then try again.",
            ),
            ServerFnErrorErr::Args(text) | ServerFnErrorErr::MissingArg(text) => {
                Problem::invalid(format!("The form can't be read: {text}. Correct it and send it again."))
            }
            other => Problem::internal(format!("The server's answer can't be read ({other}). Load the page again.")),
        };
        Self(problem)
    }
}
