//! Introspection responses as signed JWTs (RFC 9701).

use serde_json::Value;

use super::document::{Document, Malformed};
use crate::UnixTime;
use crate::config::{IdentityProvider, SignedResponse};
use crate::jws::NotVerified;

/// The media type, and what `typ` says of it.
pub(super) const MEDIA_TYPE: &str = "application/token-introspection+jwt";
const TYPE: &str = "token-introspection+jwt";

/// The introspection response inside a body, if the identity provider has signed it for this gateway, in response to
/// the question that was sent at `asked_at`.
pub(super) fn open(
    provider: &IdentityProvider,
    expected: &SignedResponse,
    content_type: Option<&[u8]>,
    body: &[u8],
    [asked_at, now]: [UnixTime; 2],
) -> Result<Document, Malformed> {
    let media_type = content_type.and_then(|value| value.split(|octet| *octet == b';').next());
    if !media_type.is_some_and(|found| found.trim_ascii().eq_ignore_ascii_case(MEDIA_TYPE.as_bytes())) {
        return Err(Malformed);
    }
    let jwt = std::str::from_utf8(body).map_err(|_| Malformed)?;
    let claims = expected.verifier.claims(jwt, TYPE).map_err(|NotVerified| Malformed)?;
    let claims = Document::from(claims);
    let audience = claims.get("aud").map(Document::texts).ok_or(Malformed)??;
    let is_for_us = audience.contains(&expected.audience.as_str());
    if claims.text("iss")? != Some(expected.issuer.as_str()) || !is_for_us {
        return Err(Malformed);
    }
    let issued_at = claims.millis("iat")?.and_then(|millis| u64::try_from(millis).ok()).ok_or(Malformed)?;
    // `iat` comes in whole seconds. One from before the question answers another.
    let earliest = UnixTime::from_seconds(asked_at.as_seconds());
    let issued_at = UnixTime::from_millis(issued_at);
    if issued_at.plus(provider.clock_skew) < earliest || issued_at > now.plus(provider.clock_skew) {
        return Err(Malformed);
    }
    match claims.get("token_introspection") {
        Some(Value::Object(members)) => Ok(Document::from(members.clone())),
        _ => Err(Malformed),
    }
}

#[cfg(test)]
mod tests;
