//! Every answer that is a refusal: WSO2's error shape, and the one table from failure to status.

use axum::Json;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde_json::json;

use crate::store::StoreError;

/// What is wrong with one field of a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    /// The field's path, such as `operations[0].verb`; a parameter's name.
    pub field: String,
    /// What was expected.
    pub reason: String,
}

impl Fault {
    /// About a field.
    pub fn new(field: impl Into<String>, reason: impl Into<String>) -> Self {
        Self { field: field.into(), reason: reason.into() }
    }
}

/// Why a request is refused.
#[derive(Debug)]
pub enum RestError {
    /// A field is wrong: 400.
    Invalid(Fault),
    /// The request cannot be done as it is, for a reason that is no single field's: 400.
    BadRequest(String),
    /// No credentials, or none that are any good: 401.
    Unauthorized,
    /// The caller has none of these scopes: 403.
    Forbidden(Vec<String>),
    /// There is no such thing, or it is another owner's: 404.
    NotFound,
    /// The path is not served with this method: 405 with `Allow` comes from the router, in this shape.
    MethodNotAllowed,
    /// It is there already, or in use: 409.
    Conflict(String),
    /// `If-Match` names another state: 412.
    PreconditionFailed,
    /// The body is too large: 413.
    TooLarge,
    /// The body is not of a type that is read: 415.
    UnsupportedMediaType(&'static str),
    /// The identity provider answers nonsense or refuses our credentials: 502.
    BadGateway(String),
    /// The identity provider or the database is away: 503.
    Unavailable(String),
    /// A fault of ours: 500. The log says what.
    Internal,
}

impl From<Fault> for RestError {
    fn from(fault: Fault) -> Self {
        Self::Invalid(fault)
    }
}

impl From<StoreError> for RestError {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::Taken(unique) => Self::Conflict(format!("there is already {unique}")),
            StoreError::Changed => Self::PreconditionFailed,
            StoreError::Unavailable(reason) => {
                tracing::warn!(%reason, "the database cannot be used");
                Self::Unavailable("the database cannot be used; nothing was changed, try again later".to_owned())
            }
            StoreError::Uncertain(reason) => {
                tracing::warn!(%reason, "the database went away during a commit");
                Self::Unavailable("the database went away: read whether it was changed, then try again".to_owned())
            }
            StoreError::Text => Self::BadRequest(format!("{error}, which is not allowed")),
            StoreError::Unreadable(_) | StoreError::Schema(_) | StoreError::NewerSchema(_) => {
                tracing::error!(%error, "the store failed");
                Self::Internal
            }
        }
    }
}

impl RestError {
    pub(crate) fn status(&self) -> StatusCode {
        match self {
            Self::Invalid(_) | Self::BadRequest(_) => StatusCode::BAD_REQUEST,
            Self::Unauthorized => StatusCode::UNAUTHORIZED,
            Self::Forbidden(_) => StatusCode::FORBIDDEN,
            Self::NotFound => StatusCode::NOT_FOUND,
            Self::MethodNotAllowed => StatusCode::METHOD_NOT_ALLOWED,
            Self::Conflict(_) => StatusCode::CONFLICT,
            Self::PreconditionFailed => StatusCode::PRECONDITION_FAILED,
            Self::TooLarge => StatusCode::PAYLOAD_TOO_LARGE,
            Self::UnsupportedMediaType(_) => StatusCode::UNSUPPORTED_MEDIA_TYPE,
            Self::BadGateway(_) => StatusCode::BAD_GATEWAY,
            Self::Unavailable(_) => StatusCode::SERVICE_UNAVAILABLE,
            Self::Internal => StatusCode::INTERNAL_SERVER_ERROR,
        }
    }

    /// Whether it is about a field.
    pub(crate) fn is_about(&self, field: &str) -> bool {
        matches!(self, Self::Invalid(fault) if fault.field == field)
    }

    pub(crate) fn description(&self) -> String {
        match self {
            Self::Invalid(fault) => format!("{} {}", fault.field, fault.reason),
            Self::BadRequest(reason)
            | Self::Conflict(reason)
            | Self::BadGateway(reason)
            | Self::Unavailable(reason) => reason.clone(),
            Self::Unauthorized => "a valid access token is needed".to_owned(),
            Self::Forbidden(needed) => format!("one of these scopes is needed: {}", needed.join(", ")),
            Self::NotFound => "there is no such resource".to_owned(),
            Self::MethodNotAllowed => "the resource is not served with this method".to_owned(),
            Self::PreconditionFailed => "it was changed in the meantime: read it again".to_owned(),
            Self::TooLarge => "the body is too large".to_owned(),
            Self::UnsupportedMediaType(expected) => format!("the body must be {expected}"),
            Self::Internal => "see the key manager's log".to_owned(),
        }
    }
}

impl IntoResponse for RestError {
    fn into_response(self) -> Response {
        let status = self.status();
        let faults: Vec<_> = match &self {
            Self::Invalid(fault) => vec![json!({ "code": "400", "message": fault.field, "description": fault.reason })],
            _ => Vec::new(),
        };
        let body = json!({
            "code": status.as_u16(),
            "message": status.canonical_reason().unwrap_or_default(),
            "description": self.description(),
            "moreInfo": "",
            "error": faults,
        });
        let mut response = (status, Json(body)).into_response();
        let headers = response.headers_mut();
        match self {
            Self::Unauthorized => {
                headers.insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer realm=\"gatehouse\""));
            }
            Self::Forbidden(needed) => {
                let scope = needed.join(" ");
                let challenge = format!("Bearer realm=\"gatehouse\", error=\"insufficient_scope\", scope=\"{scope}\"");
                headers.extend(HeaderValue::try_from(challenge).ok().map(|value| (header::WWW_AUTHENTICATE, value)));
            }
            Self::Unavailable(_) => {
                headers.insert(header::RETRY_AFTER, HeaderValue::from_static("5"));
            }
            _ => {}
        }
        response
    }
}
