//! Tokens: how they are asked for, and what an identity provider says of one.

use std::time::Duration;

use key_validation::{ScopeToken, Secret};
use serde_json::{Map, Value};

use super::ClientCredentials;

/// A request for a token of a client's own.
#[derive(Clone, Debug)]
pub struct TokenRequest {
    /// Who asks.
    pub client: ClientCredentials,
    /// The grant.
    pub grant: Grant,
    /// The scopes asked for.
    pub scope: Vec<ScopeToken>,
    /// How long the token should last; only a wish, and few identity providers hear it.
    pub lifetime: Option<Duration>,
}

/// Grants that need no user.
#[derive(Clone, Debug)]
pub enum Grant {
    /// RFC 6749 section 4.4.
    ClientCredentials,
    /// RFC 8693, for a JWT that another identity provider issued.
    TokenExchange {
        /// `subject_token`.
        subject_token: Secret,
    },
}

/// A token that was issued.
#[derive(Clone, Debug)]
pub struct IssuedToken {
    /// The token.
    pub access_token: Secret,
    /// `token_type`, such as `Bearer`.
    pub token_type: String,
    /// How long it lasts; `None` when that was not told.
    pub expires_in: Option<Duration>,
    /// The scopes that were granted; those asked for when nothing was told.
    pub scope: Vec<String>,
}

/// `token_type_hint` (RFC 7009 section 2.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TokenTypeHint {
    /// `access_token`.
    AccessToken,
    /// `refresh_token`.
    RefreshToken,
}

impl TokenTypeHint {
    /// The registered name.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::AccessToken => "access_token",
            Self::RefreshToken => "refresh_token",
        }
    }
}

/// What an identity provider says of a token.
#[derive(Clone, Debug)]
pub enum Introspection {
    /// It is active.
    Active(Box<ActiveToken>),
    /// It is not, or no longer, or never was.
    Inactive,
}

/// An active token. Times are seconds since the epoch.
#[derive(Clone, Debug)]
pub struct ActiveToken {
    /// The client that it was issued to.
    pub client_id: Option<String>,
    /// The subject.
    pub subject: Option<String>,
    /// The user's name.
    pub username: Option<String>,
    /// The scopes.
    pub scope: Vec<String>,
    /// `iss`.
    pub issuer: Option<String>,
    /// `aud`.
    pub audience: Vec<String>,
    /// `iat`.
    pub issued_at: Option<u64>,
    /// `nbf`.
    pub not_before: Option<u64>,
    /// `exp`.
    pub expires_at: Option<u64>,
    /// Whether it is an access token and no refresh, identity or offline token.
    pub is_access_token: bool,
    /// Whether it is bound to a key (`cnf`).
    pub is_sender_constrained: bool,
    /// All members of the answer in RFC 7662's form, those above by their registered names included.
    pub members: Map<String, Value>,
}
