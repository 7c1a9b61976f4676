//! What a response of the introspection endpoint means: a verdict about the token, or none at all.

use std::rc::Rc;
use std::time::Duration;

use serde_json::Value;

use super::answer::Draft;
use super::document::{Document, Malformed};
use super::signed;
use crate::UnixTime;
use crate::config::IdentityProvider;
use crate::config::raw::ApplicationMarker;
use crate::denial::Unavailable;

/// Longest body that is looked at, in bytes.
pub const BODY_LIMIT: usize = 64 * 1024;

/// Longest `Retry-After` that is passed on.
const RETRY_AFTER_LIMIT: Duration = Duration::from_secs(30);
const RETRY_AFTER_DEFAULT: Duration = Duration::from_secs(1);

/// A response as the proxy received it.
#[derive(Clone, Copy, Debug, Default)]
pub struct IntrospectionResponse<'a> {
    /// The status; `None` when the call failed before one came whole.
    pub status: Option<u16>,
    /// The value of `Retry-After`.
    pub retry_after: Option<&'a [u8]>,
    /// The value of `Content-Type`; it counts only where signed responses are asked for.
    pub content_type: Option<&'a [u8]>,
    /// The body; `None` when it is longer than [`BODY_LIMIT`].
    pub body: Option<&'a [u8]>,
}

/// By how much the host's timers and its clock may differ.
const TIMER_TOLERANCE: Duration = Duration::from_millis(10);

impl IntrospectionResponse<'_> {
    /// Whether the call came to nothing for taking too long: whoever gave up says 504, the host as well, unless the answer
    /// had begun.
    pub(crate) fn is_timeout(&self, duration: Duration, timeout: Duration) -> bool {
        match self.status {
            Some(status) => status == 504,
            None => duration.saturating_add(TIMER_TOLERANCE) >= timeout,
        }
    }
}

/// What an identity provider said of a token.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Answer {
    /// It is active; the record is for [`super::ActiveAnswer::decode`].
    Active(Rc<[u8]>),
    /// It is not, or no longer.
    Inactive,
}

/// Reads a response to the question that was sent at `asked_at`.
///
/// # Errors
/// [`Unavailable`] when the response says nothing about the token.
pub fn read_response(
    provider: &IdentityProvider,
    response: &IntrospectionResponse<'_>,
    asked_at: UnixTime,
    now: UnixTime,
) -> Result<Answer, Unavailable> {
    let retry_after = retry_after(response.retry_after);
    let Some(status) = response.status else { return Err(Unavailable::Outage { retry_after }) };
    let signed = provider.introspection.signed_response.as_ref();
    if provider.introspection.inactive_statuses.contains(&status) {
        return Ok(Answer::Inactive);
    }
    match status {
        200 => {
            let document = response.body.ok_or(Malformed).and_then(|body| match signed {
                Some(signed) => signed::open(provider, signed, response.content_type, body, [asked_at, now]),
                None => Document::parse(body),
            });
            document
                .and_then(|document| read_document(provider, &document, asked_at, now))
                .map_err(|Malformed| Unavailable::AnswerMalformed)
        }
        400 if names_inactive_error(provider, response.body) => match signed {
            // It speaks of the token, but nobody has signed it.
            Some(_) => Err(Unavailable::AnswerMalformed),
            None => Ok(Answer::Inactive),
        },
        400 | 401 | 403 => Err(Unavailable::ClientAuthFailed { retry_after: RETRY_AFTER_DEFAULT }),
        429 | 500..=599 => Err(Unavailable::Outage { retry_after }),
        _ => Err(Unavailable::Misconfigured),
    }
}

/// `Retry-After` in seconds (RFC 9110 section 10.2.3), capped; dates are not read.
fn retry_after(value: Option<&[u8]>) -> Duration {
    let digits = value.unwrap_or_default().trim_ascii();
    if digits.is_empty() || !digits.iter().all(u8::is_ascii_digit) {
        return RETRY_AFTER_DEFAULT;
    }
    let seconds = std::str::from_utf8(digits).ok().and_then(|digits| digits.parse().ok());
    // More seconds than fit are more than the limit.
    seconds.map_or(RETRY_AFTER_LIMIT, Duration::from_secs).min(RETRY_AFTER_LIMIT)
}

fn names_inactive_error(provider: &IdentityProvider, body: Option<&[u8]>) -> bool {
    let Some(Ok(document)) = body.map(Document::parse) else { return false };
    let error = document.text("error").ok().flatten();
    error.is_some_and(|error| provider.introspection.inactive_errors.iter().any(|inactive| inactive == error))
}

fn read_document(
    provider: &IdentityProvider,
    document: &Document,
    asked_at: UnixTime,
    now: UnixTime,
) -> Result<Answer, Malformed> {
    match document.get("active") {
        Some(Value::Bool(true)) => {}
        Some(Value::Bool(false)) => return Ok(Answer::Inactive),
        _ => return Err(Malformed),
    }
    let time = |name: &str| {
        let millis = document.millis(name)?;
        Ok(millis.map(|millis| UnixTime::from_millis(u64::try_from(millis).unwrap_or(0))))
    };
    let expires_at = time("exp")?.unwrap_or(UnixTime::MAX);
    let claims = &provider.claims;
    let client_id = document.first_text(&claims.client_id)?;
    let audience = document.get("aud").map(Document::texts).transpose()?;
    let draft = Draft {
        times: [
            asked_at,
            asked_at.plus(provider.maximum_lifetime).min(expires_at),
            expires_at,
            time("nbf")?.unwrap_or(UnixTime::from_millis(0)),
            time("iat")?.unwrap_or(UnixTime::from_millis(0)),
        ],
        is_access_token: is_access_token(document)?,
        is_sender_constrained: document.get("cnf").is_some(),
        is_marked_application: is_marked_application(document, &claims.application_token, client_id)?,
        client_id,
        subject: document.first_text(&claims.subject)?,
        username: document.first_text(&claims.username)?,
        jti: document.text("jti")?,
        issuer: document.text("iss")?,
        audience: audience.unwrap_or_default(),
        scope: scope(document, &claims.scope)?,
        forward_claims: forward_claims(document, &provider.forward_claims),
    };
    // Asked of the finished draft, so that a wrong type is told even of a token that has expired.
    if expires_at <= now {
        return Ok(Answer::Inactive);
    }
    Ok(Answer::Active(draft.encode().into()))
}

/// By `token_type` (RFC 7662), and by `token_use` and `typ` where an identity provider answers with the claims of
/// the token itself.
fn is_access_token(document: &Document) -> Result<bool, Malformed> {
    let token_type = document.text("token_type")?;
    let names_access = |name: &str| ["bearer", "access_token"].iter().any(|one| name.eq_ignore_ascii_case(one));
    if !token_type.is_none_or(names_access) {
        return Ok(false);
    }
    for member in ["token_use", "typ"] {
        let names_other = |name: &str| {
            let name = name.to_ascii_lowercase();
            ["refresh", "offline"].iter().any(|other| name.starts_with(other)) || ["id", "id_token"].contains(&&*name)
        };
        if document.text(member)?.is_some_and(names_other) {
            return Ok(false);
        }
    }
    Ok(true)
}

fn is_marked_application(
    document: &Document,
    markers: &[ApplicationMarker],
    client_id: Option<&str>,
) -> Result<bool, Malformed> {
    for marker in markers {
        let Some(text) = document.text(&marker.claim)? else { continue };
        let equals = marker.equals.as_ref().is_some_and(|pattern| equals_pattern(text, pattern, client_id));
        let begins = marker.prefix.as_ref().is_some_and(|prefix| text.starts_with(prefix));
        if equals || begins {
            return Ok(true);
        }
    }
    Ok(false)
}

/// Whether a text is a pattern in which `{client_id}` stands for the client. Found by character, since to find a text in a
/// text takes 2 KB of the module.
fn equals_pattern(text: &str, pattern: &str, client_id: Option<&str>) -> bool {
    let rest = || {
        let mut parts = pattern.split('{');
        let mut rest = text.strip_prefix(parts.next()?)?;
        for part in parts {
            rest = match part.strip_prefix("client_id}") {
                Some(after) => rest.strip_prefix(client_id?)?.strip_prefix(after)?,
                None => rest.strip_prefix('{')?.strip_prefix(part)?,
            };
        }
        Some(rest)
    };
    rest().is_some_and(str::is_empty)
}

/// The scopes: each text splits at runs of white space.
fn scope<'d>(document: &'d Document, names: &[String]) -> Result<Vec<&'d str>, Malformed> {
    let Some(value) = names.iter().find_map(|name| document.get(name)) else { return Ok(Vec::new()) };
    Ok(Document::texts(value)?.into_iter().flat_map(str::split_ascii_whitespace).collect())
}

fn forward_claims(document: &Document, names: &[String]) -> String {
    let mut claims = serde_json::Map::new();
    for name in names {
        if let Some(value) = document.get(name) {
            claims.insert(name.clone(), value.clone());
        }
    }
    Value::Object(claims).to_string()
}

#[cfg(test)]
mod tests;
