//! Problems as answers, and request parts whose refusals are problems.

use axum::{
    Json,
    extract::{FromRequest, FromRequestParts, Request, rejection::JsonRejection},
    response::{IntoResponse, Response},
};
use http::{StatusCode, request::Parts};
use serde::{Serialize, de::DeserializeOwned};
use trainyard_types::{
    Code, Problem,
    dataset::{BadRowReport, ReadFailure},
};

/// The body of every error: `{"error": {"code", "message", "fields"}}`.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct ErrorBody {
    pub error: Problem,
    /// Rows that can't be read, where those were at fault.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub report: Option<BadRowReport>,
}

/// A problem on its way to the caller.
#[derive(Debug)]
pub struct ApiError(ErrorBody);

impl ApiError {
    /// The problem alone, for other forms of answer.
    pub fn into_problem(self) -> Problem {
        self.0.error
    }
}

/// What REST handlers return.
pub type Answer<T> = Result<Json<T>, ApiError>;

impl From<Problem> for ApiError {
    fn from(error: Problem) -> Self {
        Self(ErrorBody { error, report: None })
    }
}

impl From<ReadFailure> for ApiError {
    fn from(failure: ReadFailure) -> Self {
        let report = (failure.report.count > 0).then_some(failure.report);
        Self(ErrorBody { error: failure.problem, report })
    }
}

impl IntoResponse for ApiError {
    fn into_response(self) -> Response {
        let code = self.0.error.code;
        let status = StatusCode::from_u16(code.status()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let mut response = (status, Json(self.0)).into_response();
        if code == Code::Unauthenticated {
            response.headers_mut().insert(http::header::WWW_AUTHENTICATE, http::HeaderValue::from_static("Bearer"));
        }
        response
    }
}

/// A JSON body. Its refusal says which field and why.
pub struct Body<T>(pub T);

impl<S: Send + Sync, T: DeserializeOwned> FromRequest<S> for Body<T> {
    type Rejection = ApiError;
    async fn from_request(request: Request, state: &S) -> Result<Self, ApiError> {
        match Json::<T>::from_request(request, state).await {
            Ok(Json(value)) => Ok(Self(value)),
            Err(rejection) => Err(refusal(&rejection).into()),
        }
    }
}

fn refusal(rejection: &JsonRejection) -> Problem {
    match rejection {
        JsonRejection::MissingJsonContentType(_) => {
            Problem::invalid("Send the body as JSON, with the header 'Content-Type: application/json'.")
        }
        JsonRejection::BytesRejection(_) if rejection.status() == StatusCode::PAYLOAD_TOO_LARGE => {
            Problem::new(Code::TooLarge, "The request's body is too large. Send less at a time.")
        }
        _ => {
            // "Failed to deserialize the JSON body into the target type: FIELD: REASON at line 1 column 2"
            let text = rejection.body_text();
            let (_, detail) = text.split_once("target type: ").unwrap_or(("", &text));
            let detail = detail.rsplit_once(" at line ").map_or(detail, |(start, _)| start);
            match detail.split_once(": ") {
                Some((field, reason)) if !field.contains(' ') => Problem::field(field, reason),
                _ => Problem::invalid(format!("The body can't be read: {detail}.")),
            }
        }
    }
}

/// The query string.
pub struct Query<T>(pub T);

impl<S: Send + Sync, T: DeserializeOwned> FromRequestParts<S> for Query<T> {
    type Rejection = ApiError;
    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, ApiError> {
        match axum::extract::Query::<T>::from_request_parts(parts, state).await {
            Ok(axum::extract::Query(value)) => Ok(Self(value)),
            Err(rejection) => {
                let text = rejection.body_text();
                let detail = text.split_once(": ").map_or(text.as_str(), |(_, detail)| detail);
                Err(Problem::invalid(format!("The address's query can't be read: {detail}.")).into())
            }
        }
    }
}

/// Parts of the path. What can't be an id or a name can't be there either.
pub struct Path<T>(pub T);

impl<S: Send + Sync, T: DeserializeOwned + Send> FromRequestParts<S> for Path<T> {
    type Rejection = ApiError;
    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, ApiError> {
        match axum::extract::Path::<T>::from_request_parts(parts, state).await {
            Ok(axum::extract::Path(value)) => Ok(Self(value)),
            Err(_) => Err(Problem::not_found("There is nothing at this address.").into()),
        }
    }
}
