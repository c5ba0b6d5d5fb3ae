//! What went wrong, said so that a person can act on it. Every crate's errors end as a [`Problem`].

use serde::{Deserialize, Serialize};
use std::fmt;

/// The kind of a problem; it decides the HTTP status.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(not(target_arch = "wasm32"), derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum Code {
    /// The input can't be accepted as it is.
    Invalid,
    /// The caller is not signed in.
    Unauthenticated,
    /// The caller's role does not allow it.
    Forbidden,
    /// There is no such thing, or the caller may not know of it.
    NotFound,
    /// It clashes with what is there, or with its present state.
    Conflict,
    /// A size, rate or count limit was passed.
    TooLarge,
    /// Too many tries; wait.
    TooMany,
    /// The fault is the server's; the id in the message is in its log.
    Internal,
    /// The server can't do it now.
    Unavailable,
}

impl Code {
    /// The HTTP status that goes with the code.
    pub fn status(self) -> u16 {
        match self {
            Code::Invalid => 422,
            Code::Unauthenticated => 401,
            Code::Forbidden => 403,
            Code::NotFound => 404,
            Code::Conflict => 409,
            Code::TooLarge => 413,
            Code::TooMany => 429,
            Code::Internal => 500,
            Code::Unavailable => 503,
        }
    }
}

/// A problem with one field of a form or of a request body.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(not(target_arch = "wasm32"), derive(utoipa::ToSchema))]
pub struct FieldProblem {
    pub field: String,
    pub message: String,
}

/// What happened and what to do next. The REST body is `{"error": Problem}`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[cfg_attr(not(target_arch = "wasm32"), derive(utoipa::ToSchema))]
#[error("{message}")]
pub struct Problem {
    pub code: Code,
    /// One or two sentences: what happened, and what to do.
    pub message: String,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub fields: Vec<FieldProblem>,
}

impl Problem {
    pub fn new(code: Code, message: impl Into<String>) -> Self {
        Self { code, message: message.into(), fields: Vec::new() }
    }
    pub fn invalid(message: impl Into<String>) -> Self {
        Self::new(Code::Invalid, message)
    }
    pub fn not_found(message: impl Into<String>) -> Self {
        Self::new(Code::NotFound, message)
    }
    pub fn forbidden(message: impl Into<String>) -> Self {
        Self::new(Code::Forbidden, message)
    }
    pub fn conflict(message: impl Into<String>) -> Self {
        Self::new(Code::Conflict, message)
    }
    pub fn internal(message: impl Into<String>) -> Self {
        Self::new(Code::Internal, message)
    }

    /// An invalid value in one named field; the message stands for both the form and the field.
    pub fn field(field: impl Into<String>, message: impl fmt::Display) -> Self {
        let message = message.to_string();
        Self {
            code: Code::Invalid,
            fields: vec![FieldProblem { field: field.into(), message: message.clone() }],
            message,
        }
    }
}
