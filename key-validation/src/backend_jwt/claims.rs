//! What the backend JWT says (BEHAVIOUR.md section 6).

use serde_json::{Map, Value};

use crate::Denial;
use crate::config::BackendJwtSettings;
use crate::config::raw::KeyType;
use crate::handler::{Call, Permitted, TokenKind};
use crate::json;

/// Claims of RFC 7519 that the gateway makes itself.
const REGISTERED: [&str; 7] = ["iss", "sub", "aud", "exp", "nbf", "iat", "jti"];

/// Claims under the dialect.
const DIALECT: [&str; 13] = [
    "keymanager",
    "subscriber",
    "applicationid",
    "applicationname",
    "applicationtier",
    "applicationattributes",
    "apiname",
    "apicontext",
    "version",
    "tier",
    "keytype",
    "usertype",
    "enduser",
];

/// The names that no forwarded claim may have, whether or not a certain JWT has them.
pub(crate) fn reserved_claims(prefix: &str) -> impl Iterator<Item = String> {
    let dialect = DIALECT.iter().map(move |name| format!("{prefix}{name}"));
    REGISTERED.iter().map(|&name| name.to_owned()).chain(dialect)
}

/// The claims about a caller, without those that [`super::JwtMinter::mint`] adds.
///
/// # Errors
/// [`Denial::BackendJwtFailed`] when the token names neither a subject nor a client.
pub fn claims(
    call: &Call<'_>,
    caller: &Permitted<'_>,
    settings: &BackendJwtSettings,
) -> Result<Map<String, Value>, Denial> {
    let answer = caller.answer();
    let subject = answer.subject.or(answer.client_id).ok_or(Denial::BackendJwtFailed)?;
    let forwarded = json::parse(answer.forward_claims);
    let mut claims = if let Ok(Value::Object(claims)) = forwarded { claims } else { Map::new() };
    claims.insert("sub".to_owned(), subject.into());
    claims.insert("aud".to_owned(), call.api.audience.clone().into());
    let mut claim = |name: &str, value: Value| {
        if !value.is_null() {
            claims.insert(format!("{}{name}", settings.claim_prefix), value);
        }
    };
    claim("keymanager", call.identity_provider.name.as_str().into());
    claim("apiname", call.api.name.as_str().into());
    claim("apicontext", [call.api.context.as_str(), "/", &call.api.version].concat().into());
    claim("version", call.api.version.as_str().into());
    let owner = caller.subscriber().and_then(|subscriber| subscriber.application.owner.as_deref());
    match caller.token_kind() {
        TokenKind::Application => {
            claim("usertype", "APPLICATION".into());
            claim("enduser", owner.into());
        }
        TokenKind::ApplicationUser => {
            claim("usertype", "APPLICATION_USER".into());
            claim("enduser", answer.username.or(answer.subject).into());
        }
    }
    if let Some(subscriber) = caller.subscriber() {
        let application = subscriber.application;
        claim("subscriber", owner.into());
        claim("applicationid", application.id.as_str().into());
        claim("applicationname", application.name.as_str().into());
        claim("applicationtier", application.tier.as_str().into());
        claim("tier", subscriber.tier.into());
        claim("keytype", subscriber.key_type.as_str().into());
        if !application.attributes.is_empty() {
            let mut attributes = Map::new();
            attributes.extend(application.attributes.iter().map(|(name, value)| (name.clone(), value.as_str().into())));
            claim("applicationattributes", Value::Object(attributes));
        }
    }
    Ok(claims)
}

impl KeyType {
    /// WSO2's name.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Production => "PRODUCTION",
            Self::Sandbox => "SANDBOX",
        }
    }
}
