//! Answers of a token endpoint.

use std::time::Duration;

use key_validation::Secret;
use serde_json::Value;

use crate::connector::http::{Answer, bad_answer};
use crate::connector::{ConnectorError, IssuedToken, TokenRequest};

/// The answer of a token endpoint (RFC 6749 section 5).
pub(super) fn read_token(answer: &Answer, request: &TokenRequest) -> Result<IssuedToken, ConnectorError> {
    let (error, reason) = answer.oauth_error();
    match (answer.status, error.as_deref()) {
        (200..300, _) => {}
        (_, Some("invalid_client")) | (401 | 403, _) => return Err(ConnectorError::WrongCredentials),
        (400, Some("invalid_scope" | "scope_invalid")) => {
            return Err(ConnectorError::Refused { field: Some("scopes".to_owned()), reason });
        }
        (400, _) => return Err(ConnectorError::Refused { field: None, reason }),
        _ => return Err(answer.failure()),
    }
    let json = answer.json()?;
    let text = |name: &str| json.get(name).and_then(Value::as_str).filter(|text| !text.is_empty());
    let access_token = text("access_token").ok_or_else(|| bad_answer("a token answer without access_token"))?;
    let asked = || request.scope.iter().map(ToString::to_string).collect();
    Ok(IssuedToken {
        access_token: Secret::new(access_token),
        token_type: text("token_type").unwrap_or("Bearer").to_owned(),
        expires_in: json.get("expires_in").and_then(Value::as_u64).map(Duration::from_secs),
        scope: text("scope").map_or_else(asked, |scope| scope.split_ascii_whitespace().map(str::to_owned).collect()),
    })
}
