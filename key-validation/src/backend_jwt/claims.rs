//! What the backend JWT says (BEHAVIOUR.md section 6).

use serde_json::{Map, Value, json};

use crate::Denial;
use crate::config::BackendJwtSettings;
use crate::config::raw::KeyType;
use crate::handler::{Call, Permitted, TokenKind};

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
    let mut claims: Map<String, Value> = serde_json::from_str(answer.forward_claims).unwrap_or_default();
    claims.insert("sub".to_owned(), json!(subject));
    claims.insert("aud".to_owned(), json!(call.api.audience));
    let mut claim = |name: &str, value: Value| {
        if !value.is_null() {
            claims.insert(format!("{}{name}", settings.claim_prefix), value);
        }
    };
    claim("keymanager", json!(call.identity_provider.name));
    claim("apiname", json!(call.api.name));
    claim("apicontext", json!(format!("{}/{}", call.api.context, call.api.version)));
    claim("version", json!(call.api.version));
    let owner = caller.subscriber().and_then(|subscriber| subscriber.application.owner.as_deref());
    match caller.token_kind() {
        TokenKind::Application => {
            claim("usertype", json!("APPLICATION"));
            claim("enduser", json!(owner));
        }
        TokenKind::ApplicationUser => {
            claim("usertype", json!("APPLICATION_USER"));
            claim("enduser", json!(answer.username.or(answer.subject)));
        }
    }
    if let Some(subscriber) = caller.subscriber() {
        let application = subscriber.application;
        claim("subscriber", json!(owner));
        claim("applicationid", json!(application.id));
        claim("applicationname", json!(application.name));
        claim("applicationtier", json!(application.tier));
        claim("tier", json!(subscriber.tier));
        claim("keytype", json!(subscriber.key_type.as_str()));
        if !application.attributes.is_empty() {
            claim("applicationattributes", json!(application.attributes));
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
