//! Errors in WSO2's shape: `{code, message, description, moreInfo, error}`.

use axum::Json;
use axum::http::header::{CACHE_CONTROL, RETRY_AFTER, WWW_AUTHENTICATE};
use axum::http::{HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use serde_json::json;

use crate::store::StoreError;

/// A refusal or failure for the caller of the REST API.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failure {
    /// The status.
    pub status: StatusCode,
    /// WSO2's code; the status where WSO2 has none.
    pub code: u32,
    /// What happened, in the words of the status.
    pub message: &'static str,
    /// What to do about it; names the field. Never a secret.
    pub description: String,
}

impl Failure {
    /// With the status as its code.
    pub fn new(status: StatusCode, description: impl Into<String>) -> Self {
        let message = status.canonical_reason().unwrap_or("Error");
        Self { status, code: u32::from(status.as_u16()), message, description: description.into() }
    }

    /// 401: no credential, or none that counts.
    pub fn unauthenticated() -> Self {
        Self::new(StatusCode::UNAUTHORIZED, "a valid bearer token is required")
    }

    /// 403: none of these scopes.
    pub fn insufficient_scope(needed: &[&str]) -> Self {
        Self::new(StatusCode::FORBIDDEN, format!("one of these scopes is required: {}", needed.join(", ")))
    }

    /// 404.
    pub fn not_found(what: &str) -> Self {
        Self::new(StatusCode::NOT_FOUND, format!("there is no such {what}"))
    }
}

impl From<StoreError> for Failure {
    fn from(error: StoreError) -> Self {
        match &error {
            StoreError::Taken(_) => Self::new(StatusCode::CONFLICT, error.to_string()),
            StoreError::Changed => Self::new(StatusCode::PRECONDITION_FAILED, error.to_string()),
            StoreError::Unavailable(reason) => {
                tracing::error!(reason, "the database cannot be used");
                Self::new(
                    StatusCode::SERVICE_UNAVAILABLE,
                    "the database cannot be used; nothing was changed, try again",
                )
            }
            StoreError::Uncertain(reason) => {
                tracing::error!(reason, "the database went away during a commit");
                Self::new(
                    StatusCode::SERVICE_UNAVAILABLE,
                    "the database went away: read whether it was changed, then try again",
                )
            }
            StoreError::Text => Self::new(StatusCode::BAD_REQUEST, format!("{error}, which is not allowed")),
            StoreError::Unreadable(_) | StoreError::Schema(_) | StoreError::NewerSchema(_) => {
                tracing::error!(%error, "the database cannot be read");
                Self::new(StatusCode::INTERNAL_SERVER_ERROR, "stored data cannot be read; see the log")
            }
        }
    }
}

impl IntoResponse for Failure {
    fn into_response(self) -> Response {
        let body = json!({
            "code": self.code,
            "message": self.message,
            "description": self.description,
            "moreInfo": "",
            "error": [],
        });
        let mut response = (self.status, Json(body)).into_response();
        let headers = response.headers_mut();
        headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
        if self.status == StatusCode::UNAUTHORIZED {
            headers.insert(WWW_AUTHENTICATE, HeaderValue::from_static("Bearer realm=\"gatehouse\""));
        }
        if self.status == StatusCode::SERVICE_UNAVAILABLE {
            headers.insert(RETRY_AFTER, HeaderValue::from_static("1"));
        }
        response
    }
}
