//! Identity providers as they are written.

use std::collections::BTreeMap;

use serde::Deserialize;

use crate::config::duration::Duration;
use crate::config::secret_source::SecretSource;

/// An identity provider.
#[derive(Debug, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct IdentityProvider {
    /// Unique name, `[a-z0-9-]{1,63}`; application keys refer to it.
    pub name: String,
    /// When set, an `iss` in the answer must equal it.
    pub issuer: Option<String>,
    /// Which tokens are its own.
    #[serde(default = "default_tokens")]
    pub tokens: Vec<TokenShape>,
    /// How to ask it about a token.
    pub introspection: Introspection,
    /// Where it puts things in its answers.
    #[serde(default)]
    pub claims: Claims,
    /// Any of these must be in the answer's `aud`; not checked when empty.
    #[serde(default)]
    pub audience: Vec<String>,
    /// Leeway for `nbf` and `iat`; never for `exp`.
    #[serde(default = "default_clock_skew")]
    pub clock_skew: Duration,
    /// What happens to known tokens while it is away.
    #[serde(default)]
    pub outage: Outage,
    /// When calls to it are suspended.
    #[serde(default)]
    pub breaker: Breaker,
    /// Calls under way at a time, per worker; more are answered 503.
    #[serde(default = "default_concurrent_calls")]
    pub concurrent_calls: u32,
}

/// A way to tell whose a token is by its looks.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema, serde::Serialize))]
#[serde(rename_all = "camelCase")]
pub enum TokenShape {
    /// Tokens that begin with this text.
    Prefix(String),
    /// JWTs whose `iss` is this; nothing else in them is believed.
    Issuer(String),
    /// Every token that no other shape claims; the value is `true`.
    Any(bool),
}

/// The introspection endpoint (RFC 7662).
#[derive(Debug, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Introspection {
    /// Envoy cluster; in Istio `outbound|443||idp.example.com`.
    pub cluster: String,
    /// Host name of the request to it.
    pub authority: String,
    /// Path of the request to it.
    pub path: String,
    /// Longest wait for an answer: above 0, at most 30s.
    #[serde(default = "default_timeout")]
    pub timeout: Duration,
    /// How the gateway authenticates.
    pub client_authentication: ClientAuthentication,
    /// Further form fields of the request.
    #[serde(default = "default_parameters")]
    pub parameters: BTreeMap<String, String>,
    /// Statuses that mean "inactive" at this identity provider, such as 404 or 410.
    #[serde(default)]
    pub inactive_statuses: Vec<u16>,
    /// `error` members of a 400 that speak of the token, not of us.
    #[serde(default = "default_inactive_errors")]
    pub inactive_errors: Vec<String>,
    /// Whether the endpoint is tried at start. Not built yet: `true` is refused.
    #[serde(default)]
    pub self_test: bool,
}

/// How the gateway authenticates at the introspection endpoint.
#[derive(Debug, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ClientAuthentication {
    /// The method, by its registered name.
    pub method: ClientAuthenticationMethod,
    /// The gateway's own client id; required unless the method is `none`.
    pub client_id: Option<String>,
    /// The gateway's own client secret; required unless the method is `none`.
    pub client_secret: Option<SecretSource>,
    /// Encoding of id and secret inside Basic credentials.
    #[serde(default)]
    pub encoding: CredentialEncoding,
}

/// `token_endpoint_auth_method` values (RFC 7591 section 2).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum ClientAuthenticationMethod {
    /// HTTP Basic credentials.
    ClientSecretBasic,
    /// Form fields `client_id` and `client_secret`.
    ClientSecretPost,
    /// No credentials: the endpoint is protected by other means, such as mTLS on its cluster.
    None,
}

/// How id and secret are written into Basic credentials.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema, serde::Serialize))]
#[serde(rename_all = "lowercase")]
pub enum CredentialEncoding {
    /// Form-encoded first (RFC 6749 section 2.3.1).
    #[default]
    Form,
    /// As they are, for identity providers that do not decode.
    Raw,
}

/// Names of members in the answer; of each list the first that is present wins.
#[derive(Debug, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema, serde::Serialize))]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct Claims {
    /// The client that the token was issued to.
    pub client_id: Vec<String>,
    /// The subject: `sub` of the backend JWT.
    pub subject: Vec<String>,
    /// The user's name: `enduser` of the backend JWT; maybe a display name, so never an identity.
    pub username: Vec<String>,
    /// The scopes: a space-delimited string or an array.
    pub scope: Vec<String>,
    /// Marks of a token that belongs to an application, not to a user; any of them suffices.
    pub application_token: Vec<ApplicationMarker>,
}

/// A member of the answer that marks an application's token: `equals` or `prefix`, one of the two.
#[derive(Clone, Debug, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema, serde::Serialize))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ApplicationMarker {
    /// The member's name.
    pub claim: String,
    /// The member's whole text; `{client_id}` stands for the token's client id.
    pub equals: Option<String>,
    /// What the member's text begins with.
    pub prefix: Option<String>,
}

/// What happens to known tokens while the identity provider is away.
#[derive(Debug, Default, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema, serde::Serialize))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Outage {
    /// The mode.
    #[serde(default)]
    pub mode: OutageMode,
    /// With `stale`: how long past its freshness an active answer is still served.
    #[serde(rename = "for")]
    pub stale_for: Option<Duration>,
}

/// Modes of [`Outage`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema, serde::Serialize))]
#[serde(rename_all = "lowercase")]
pub enum OutageMode {
    /// Requests whose token must be asked about are answered 503.
    #[default]
    Deny,
    /// What it said of the token before still counts for a while, if the token has an `exp` that lies ahead.
    Stale,
}

/// When calls to an identity provider are suspended.
#[derive(Debug, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema, serde::Serialize))]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct Breaker {
    /// Outages in a row that open it, if they are about 3 different tokens at least.
    pub failures: u32,
    /// How long it stays open before one call goes out as a probe, give or take a quarter.
    pub open_for: Duration,
}

impl Default for Claims {
    fn default() -> Self {
        let names = |names: &[&str]| names.iter().map(|&name| name.to_owned()).collect();
        Self {
            client_id: names(&["client_id", "azp", "cid"]),
            subject: names(&["sub", "username"]),
            username: names(&["username", "sub"]),
            scope: names(&["scope", "scp"]),
            application_token: Vec::new(),
        }
    }
}

impl Default for Breaker {
    fn default() -> Self {
        Self { failures: 5, open_for: Duration::from_seconds(5) }
    }
}

fn default_tokens() -> Vec<TokenShape> {
    vec![TokenShape::Any(true)]
}

fn default_clock_skew() -> Duration {
    Duration::from_seconds(5)
}

fn default_concurrent_calls() -> u32 {
    256
}

fn default_timeout() -> Duration {
    Duration::from_seconds(2)
}

fn default_parameters() -> BTreeMap<String, String> {
    let mut parameters = BTreeMap::new();
    parameters.insert("token_type_hint".to_owned(), "access_token".to_owned());
    parameters
}

fn default_inactive_errors() -> Vec<String> {
    vec!["unsupported_token_type".to_owned()]
}
