//! Revocation cut-offs.

use key_validation::UnixTime;
use serde::{Deserialize, Serialize};

/// A cut-off: tokens that gateways refuse, or ask about again.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Revocation {
    /// Unique id, a UUID.
    pub id: String,
    /// What `value` names.
    pub kind: RevocationKind,
    /// A base64url SHA-256 for `token`; a `jti`, client id or subject; empty for `all`.
    pub value: String,
    /// Name of the identity provider whose tokens are meant; all when none.
    pub identity_provider: Option<String>,
    /// What gateways do.
    pub action: RevocationAction,
    /// Tokens issued at or before this point are concerned.
    #[serde(with = "super::millis")]
    pub not_before: UnixTime,
    /// From when on no token can be concerned any more.
    #[serde(with = "super::millis")]
    pub expires_at: UnixTime,
    /// When it was written.
    #[serde(with = "super::millis")]
    pub created_at: UnixTime,
}

/// What a cut-off names.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum RevocationKind {
    /// One token, by its digest.
    Token,
    /// One token, by its `jti`.
    Jti,
    /// A client's tokens.
    Client,
    /// A subject's tokens.
    Subject,
    /// All tokens.
    All,
}

/// What gateways do about a token that a cut-off concerns.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum RevocationAction {
    /// They refuse it.
    Deny,
    /// They ask the identity provider again.
    Recheck,
}
