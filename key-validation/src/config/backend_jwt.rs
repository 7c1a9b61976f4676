//! Settings of the backend JWT.

use std::time::Duration;

use super::raw::{self, SigningKeySource};
use super::{ConfigError, at, check_visible};
use crate::backend_jwt::reserved_claims;
use crate::jws::SigningKey;
use crate::target::{Ambiguities, Pattern};

/// Settings of the backend JWT, checked.
#[derive(Debug)]
pub struct BackendJwtSettings {
    /// Header that carries it, lower-case.
    pub header: String,
    /// Its `iss`.
    pub issuer: String,
    /// Its lifetime, cut short by the token's own.
    pub lifetime: Duration,
    /// The key that signs it, with its `kid`; none when keys come from the key manager.
    pub signing_key: Option<(SigningKey, String)>,
    /// Where the public key is served.
    pub jwks_path: Option<Pattern>,
    /// Prefix of the claims about application and API, with its slash; empty for bare names.
    pub claim_prefix: String,
    /// Members of the introspection answer that are copied.
    pub forward_claims: Vec<String>,
}

impl BackendJwtSettings {
    pub(super) fn check(
        raw: &raw::BackendJwt,
        environment: &dyn Fn(&str) -> Option<String>,
    ) -> Result<Self, ConfigError> {
        if raw.issuer.is_empty() {
            return Err(ConfigError::new("backendJwt.issuer", "must not be empty"));
        }
        let lifetime = raw.lifetime.get();
        if !(Duration::from_secs(1)..=Duration::from_hours(24)).contains(&lifetime) {
            return Err(ConfigError::new("backendJwt.lifetime", "must be 1s to 24h"));
        }
        let SigningKeySource { secret, key_manager } = &raw.signing_key;
        let signing_key = if *key_manager {
            let wrong = |field: &str, reason: &str| ConfigError::new(format_args!("backendJwt.{field}"), reason);
            if secret.is_given() {
                return Err(wrong("signingKey", "needs `value`, `env` or `keyManager`, one of them"));
            }
            if raw.key_id.is_some() {
                return Err(wrong("keyId", "comes with the key manager's keys"));
            }
            None
        } else {
            let pem = secret.resolve(environment).map_err(at("backendJwt.signingKey"))?;
            let key = SigningKey::from_pem(&pem).map_err(at("backendJwt.signingKey"))?;
            let key_id = match &raw.key_id {
                Some(key_id) if key_id.is_empty() => {
                    return Err(ConfigError::new("backendJwt.keyId", "must not be empty"));
                }
                Some(key_id) => key_id.clone(),
                None => key.thumbprint(),
            };
            Some((key, key_id))
        };
        let claim_prefix = match raw.claim_dialect.trim_end_matches('/') {
            "" => String::new(),
            dialect => format!("{dialect}/"),
        };
        check_forward_claims(&raw.forward_claims, &claim_prefix)?;
        Ok(Self {
            header: check_header(&raw.header)?,
            issuer: raw.issuer.clone(),
            lifetime,
            signing_key,
            jwks_path: raw.jwks_path.as_deref().map(check_jwks_path).transpose()?,
            claim_prefix,
            forward_claims: raw.forward_claims.clone(),
        })
    }
}

/// Headers whose meaning HTTP or the proxy has settled.
const TAKEN_HEADERS: [&str; 17] = [
    "accept",
    "authorization",
    "connection",
    "content-encoding",
    "content-length",
    "content-type",
    "cookie",
    "expect",
    "host",
    "keep-alive",
    "proxy-authorization",
    "proxy-connection",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
    "x-request-id",
];

fn check_header(name: &str) -> Result<String, ConfigError> {
    let path = "backendJwt.header";
    let name = check_visible(path, name)?.to_ascii_lowercase();
    let token = |octet: u8| octet.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&octet);
    if !name.bytes().all(token) {
        return Err(ConfigError::new(path, "must be a header name (RFC 9110 section 5.1)"));
    }
    if TAKEN_HEADERS.contains(&name.as_str()) {
        return Err(ConfigError::new(path, format!("`{name}` means something else to every server")));
    }
    Ok(name)
}

fn check_jwks_path(path: &str) -> Result<Pattern, ConfigError> {
    let pattern = Pattern::parse(path, Ambiguities::none()).ok();
    let plain = pattern.filter(|pattern| !path.contains(['{', '*']) && !pattern.matches(&[]));
    plain.ok_or_else(|| ConfigError::new("backendJwt.jwksPath", "must be a plain path below `/`"))
}

/// A forwarded claim that could stand in for one of ours would let the identity provider's users choose it.
fn check_forward_claims(names: &[String], claim_prefix: &str) -> Result<(), ConfigError> {
    for (index, name) in names.iter().enumerate() {
        let path = format!("backendJwt.forwardClaims[{index}]");
        if reserved_claims(claim_prefix).any(|reserved| reserved == *name) {
            return Err(ConfigError::new(path, format!("`{name}` is a claim that the gateway itself makes")));
        }
        if name.starts_with("http://wso2.org/claims/identity/") {
            return Err(ConfigError::new(path, format!("`{name}` is never forwarded")));
        }
        if names.iter().take(index).any(|earlier| earlier == name) {
            return Err(ConfigError::new(path, format!("`{name}` is there twice")));
        }
    }
    Ok(())
}
