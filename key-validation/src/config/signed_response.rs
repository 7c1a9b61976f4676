//! Introspection responses that the identity provider signs (RFC 9701).

use serde_json::Value;

use super::{ConfigError, at, raw};
use crate::jws::{JwtVerifier, VerificationKey};

/// What a signed introspection response must be.
#[derive(Debug)]
pub struct SignedResponse {
    /// Its `iss`.
    pub issuer: String,
    /// One of its `aud`.
    pub audience: String,
    /// The identity provider's keys.
    pub verifier: JwtVerifier,
}

/// Checks the section for an endpoint of the identity provider that calls itself `issuer`, where the gateway is the
/// client `client_id`.
pub(super) fn check(
    endpoint: &str,
    raw: &raw::SignedResponse,
    issuer: Option<&str>,
    client_id: Option<&str>,
) -> Result<SignedResponse, ConfigError> {
    let path = format!("{endpoint}.signedResponse");
    let issuer = issuer.ok_or_else(|| ConfigError::new(&path, "needs the identity provider's `issuer`"))?;
    let audience = raw.audience.as_deref().or(client_id).filter(|audience| !audience.is_empty());
    let audience = audience.ok_or_else(|| {
        let reason = "is required where `clientAuthentication` has no `clientId`, and must not be empty";
        ConfigError::new(format_args!("{path}.audience"), reason)
    })?;
    let keys = raw.jwks.get("keys").and_then(Value::as_array).filter(|keys| !keys.is_empty());
    let keys =
        keys.ok_or_else(|| ConfigError::new(format_args!("{path}.jwks"), "must be a JWK set with at least one key"))?;
    let mut checked = Vec::with_capacity(keys.len());
    for (index, key) in keys.iter().enumerate() {
        checked.push(VerificationKey::from_jwk(key).map_err(at(format!("{path}.jwks.keys[{index}]")))?);
    }
    Ok(SignedResponse { issuer: issuer.to_owned(), audience: audience.to_owned(), verifier: JwtVerifier::new(checked) })
}
