//! Refusals in OAuth 2.0's shape (RFC 6749 section 5.2).

use axum::Json;
use axum::http::header::{CACHE_CONTROL, PRAGMA, RETRY_AFTER, WWW_AUTHENTICATE};
use axum::http::{HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use serde_json::json;

use crate::connector::ConnectorError;
use crate::failure::Failure;
use crate::rest::RestError;
use crate::store::StoreError;
use crate::users::CompletionError;

/// Why a request is refused.
#[derive(Debug)]
pub(super) struct OauthError {
    status: StatusCode,
    error: &'static str,
    description: String,
    challenge: Option<&'static str>,
}

impl OauthError {
    fn new(status: StatusCode, error: &'static str, description: impl Into<String>) -> Self {
        Self { status, error, description: description.into(), challenge: None }
    }

    /// 400: the request is not as the standard wants it.
    pub(super) fn invalid_request(description: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, "invalid_request", description)
    }

    /// 413.
    pub(super) fn too_large() -> Self {
        Self::new(StatusCode::PAYLOAD_TOO_LARGE, "invalid_request", "the body is too large")
    }

    /// 401: nobody here has these client credentials.
    pub(super) fn invalid_client() -> Self {
        let description = "no application's client, or not its credentials";
        Self {
            challenge: Some("Basic realm=\"gatehouse\""),
            ..Self::new(StatusCode::UNAUTHORIZED, "invalid_client", description)
        }
    }

    /// 401: no token, or none that permits this.
    pub(super) fn invalid_token() -> Self {
        Self {
            challenge: Some("Bearer realm=\"gatehouse\", error=\"invalid_token\""),
            ..Self::new(StatusCode::UNAUTHORIZED, "invalid_token", "a valid bearer token is required")
        }
    }

    /// 403: the token lacks the scope.
    pub(super) fn insufficient_scope() -> Self {
        Self {
            challenge: Some("Bearer realm=\"gatehouse\", error=\"insufficient_scope\""),
            ..Self::new(StatusCode::FORBIDDEN, "insufficient_scope", "the token has none of the scopes that this needs")
        }
    }

    /// 400: the metadata of a client (RFC 7591 section 3.2.2).
    pub(super) fn invalid_client_metadata(description: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, "invalid_client_metadata", description)
    }

    /// 502: the identity provider cannot be asked. Never a 4xx, which would speak of the caller.
    pub(super) fn bad_gateway(error: &ConnectorError) -> Self {
        match error {
            ConnectorError::Unavailable { .. } => Self::unavailable(error.to_string()),
            _ => Self::new(StatusCode::BAD_GATEWAY, "server_error", error.to_string()),
        }
    }

    fn unavailable(description: impl Into<String>) -> Self {
        Self::new(StatusCode::SERVICE_UNAVAILABLE, "temporarily_unavailable", description)
    }
}

impl From<StoreError> for OauthError {
    fn from(error: StoreError) -> Self {
        let Failure { status, description, .. } = error.into();
        let error = if status == StatusCode::SERVICE_UNAVAILABLE { "temporarily_unavailable" } else { "server_error" };
        Self::new(status, error, description)
    }
}

/// A user store that cannot be asked leaves no verdict: an answer with the wrong scopes would be one.
impl From<CompletionError> for OauthError {
    fn from(error: CompletionError) -> Self {
        match error {
            CompletionError::UserStore(error) => {
                tracing::warn!(%error, "a user was not looked up");
                Self::unavailable(error.to_string())
            }
            CompletionError::Store(error) => error.into(),
        }
    }
}

/// What the REST API's functions say, in the words of client registration.
impl From<RestError> for OauthError {
    fn from(error: RestError) -> Self {
        match error {
            RestError::Unauthorized => Self::invalid_token(),
            RestError::Forbidden(_) => Self::insufficient_scope(),
            other => {
                let status = other.status();
                let error = match status.as_u16() {
                    400 if other.is_about("callbackUrl") => "invalid_redirect_uri",
                    503 => "temporarily_unavailable",
                    500.. => "server_error",
                    _ => "invalid_client_metadata",
                };
                Self::new(status, error, other.description())
            }
        }
    }
}

impl IntoResponse for OauthError {
    fn into_response(self) -> Response {
        let body = Json(json!({ "error": self.error, "error_description": self.description }));
        let mut response = (self.status, [(CACHE_CONTROL, "no-store"), (PRAGMA, "no-cache")], body).into_response();
        if let Some(challenge) = self.challenge {
            response.headers_mut().insert(WWW_AUTHENTICATE, HeaderValue::from_static(challenge));
        }
        if self.status == StatusCode::SERVICE_UNAVAILABLE {
            response.headers_mut().insert(RETRY_AFTER, HeaderValue::from_static("5"));
        }
        response
    }
}
