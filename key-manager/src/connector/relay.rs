//! A client's own request to the identity provider, and the answer, passed on as they are.

use key_validation::Secret;

/// Endpoints that clients reach through the key manager.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RelayEndpoint {
    /// RFC 6749 section 3.2.
    Token,
    /// RFC 7009.
    Revocation,
}

/// A client's request. Both parts hold credentials.
#[derive(Clone, Debug)]
pub struct RelayRequest {
    /// The value of `Authorization`.
    pub authorization: Option<Secret>,
    /// The form-encoded body.
    pub body: Secret,
}

/// The identity provider's answer.
#[derive(Clone, Debug)]
pub struct RelayResponse {
    /// The status.
    pub status: u16,
    /// What is passed on of its headers: `content-type`, `cache-control`, `pragma`, `www-authenticate`, `retry-after`.
    pub headers: Vec<(&'static str, String)>,
    /// The body, which may hold tokens.
    pub body: Secret,
}
