//! Identity providers as they are written.

use serde_json::Value;

use crate::config::duration::Duration;
use crate::config::reader::{Node, Read};
use crate::config::secret_source::SecretSource;

/// An identity provider.
#[derive(Debug)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema), serde(rename_all = "camelCase", deny_unknown_fields))]
pub struct IdentityProvider {
    /// Unique name, `[a-z0-9-]{1,63}`; application keys refer to it.
    pub name: String,
    /// When set, an `iss` in the answer must equal it.
    pub issuer: Option<String>,
    /// Which tokens are its own.
    #[cfg_attr(feature = "schema", serde(default = "default_tokens"))]
    pub tokens: Vec<TokenShape>,
    /// How to ask it about a token.
    pub introspection: Introspection,
    /// Where it puts things in its answers.
    #[cfg_attr(feature = "schema", serde(default))]
    pub claims: Claims,
    /// Any of these must be in the answer's `aud`; not checked when empty.
    #[cfg_attr(feature = "schema", serde(default))]
    pub audience: Vec<String>,
    /// Leeway for `nbf` and `iat`; never for `exp`.
    #[cfg_attr(feature = "schema", serde(default = "default_clock_skew"))]
    pub clock_skew: Duration,
    /// What happens to known tokens while it is away.
    #[cfg_attr(feature = "schema", serde(default))]
    pub outage: Outage,
    /// When calls to it are suspended.
    #[cfg_attr(feature = "schema", serde(default))]
    pub breaker: Breaker,
    /// Calls under way at a time, per worker; more are answered 503.
    #[cfg_attr(feature = "schema", serde(default = "default_concurrent_calls"))]
    pub concurrent_calls: u32,
}

impl Read for IdentityProvider {
    fn read(node: Node<'_>) -> Self {
        node.object(|members| Self {
            name: members.required("name").string(),
            issuer: members.optional_string("issuer"),
            tokens: members.get("tokens").map_or_else(default_tokens, |node| node.items(TokenShape::read)),
            introspection: Introspection::read(members.required("introspection")),
            claims: members.or_default("claims"),
            audience: members.strings("audience"),
            clock_skew: members.duration_or("clockSkew", default_clock_skew()),
            outage: members.or_default("outage"),
            breaker: members.or_default("breaker"),
            concurrent_calls: members.whole_or("concurrentCalls", default_concurrent_calls()),
        })
    }
}

/// A way to tell whose a token is by its looks.
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema, serde::Serialize), serde(rename_all = "camelCase"))]
pub enum TokenShape {
    /// Tokens that begin with this text.
    Prefix(String),
    /// JWTs whose `iss` is this; nothing else in them is believed.
    Issuer(String),
    /// Every token that no other shape claims; the value is `true`.
    Any(bool),
}

impl Read for TokenShape {
    fn read(node: Node<'_>) -> Self {
        let shape = node.only_member(|name, value| match name {
            "prefix" => Self::Prefix(value.string()),
            "issuer" => Self::Issuer(value.string()),
            "any" => Self::Any(value.boolean()),
            _ => {
                node.unknown("variant", name, ["prefix", "issuer", "any"].into_iter());
                Self::Any(false)
            }
        });
        shape.unwrap_or(Self::Any(false))
    }
}

/// The introspection endpoint (RFC 7662).
#[derive(Debug)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema), serde(rename_all = "camelCase", deny_unknown_fields))]
#[cfg_attr(
    feature = "schema",
    schemars(extend(
        "if" = {"properties": {"keyManager": {"const": true}}, "required": ["keyManager"]},
        "then" = {"properties": {
            "cluster": false, "authority": false, "path": false, "clientAuthentication": false, "signedResponse": false,
        }},
        "else" = {"required": ["cluster", "authority", "path", "clientAuthentication"]},
    ))
)]
pub struct Introspection {
    /// `true`: ask the key manager of the section `keyManager`, which asks the identity provider in its own dialect. Then
    /// `cluster`, `authority`, `path`, `clientAuthentication` and `signedResponse` are left out.
    #[cfg_attr(feature = "schema", serde(default))]
    pub key_manager: bool,
    /// Envoy cluster; in Istio `outbound|443||idp.example.com`.
    pub cluster: Option<String>,
    /// Host name of the request to it.
    pub authority: Option<String>,
    /// Path of the request to it.
    pub path: Option<String>,
    /// Longest wait for an answer: above 0, at most 30s.
    #[cfg_attr(feature = "schema", serde(default = "default_timeout"))]
    pub timeout: Duration,
    /// How the gateway authenticates.
    pub client_authentication: Option<ClientAuthentication>,
    /// Further form fields of the request.
    #[cfg_attr(
        feature = "schema",
        serde(default),
        schemars(with = "std::collections::BTreeMap<String, String>", extend("default" = {"token_type_hint": "access_token"}))
    )]
    pub parameters: Vec<(String, String)>,
    /// Statuses that mean "inactive" at this identity provider, such as 404 or 410.
    #[cfg_attr(feature = "schema", serde(default))]
    pub inactive_statuses: Vec<u16>,
    /// `error` members of a 400 that speak of the token, not of us.
    #[cfg_attr(feature = "schema", serde(default = "default_inactive_errors"))]
    pub inactive_errors: Vec<String>,
    /// When set, answers must be signed JWTs (RFC 9701), and no other is believed.
    pub signed_response: Option<SignedResponse>,
    /// Whether the endpoint is tried at start, by one call about a made-up token. What comes of it is logged and counted;
    /// nothing depends on it.
    #[cfg_attr(feature = "schema", serde(default))]
    pub self_test: bool,
}

impl Read for Introspection {
    fn read(node: Node<'_>) -> Self {
        let key_manager = node.has_true("keyManager");
        node.object(|members| Self {
            key_manager: members.boolean_or("keyManager", false),
            cluster: (!key_manager).then(|| members.required("cluster").string()),
            authority: (!key_manager).then(|| members.required("authority").string()),
            path: (!key_manager).then(|| members.required("path").string()),
            timeout: members.duration_or("timeout", default_timeout()),
            client_authentication: (!key_manager)
                .then(|| ClientAuthentication::read(members.required("clientAuthentication"))),
            parameters: members.get("parameters").map_or_else(default_parameters, Node::strings_by_name),
            inactive_statuses: members.get("inactiveStatuses").map_or_else(Vec::new, |node| node.items(status)),
            inactive_errors: members.get("inactiveErrors").map_or_else(default_inactive_errors, Node::strings),
            signed_response: if key_manager {
                None
            } else {
                members.optional("signedResponse").map(SignedResponse::read)
            },
            self_test: members.boolean_or("selfTest", false),
        })
    }
}

fn status(node: Node<'_>) -> u16 {
    u16::try_from(node.whole(u16::MAX.into())).unwrap_or_default()
}

/// What the identity provider's answers must be signed by.
#[derive(Debug)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema), serde(rename_all = "camelCase", deny_unknown_fields))]
pub struct SignedResponse {
    /// Its public keys, a JWK set (RFC 7517): EC P-256 (ES256), Ed25519 (EdDSA) or RSA (RS256).
    #[cfg_attr(feature = "schema", schemars(with = "serde_json::Map<String, Value>"))]
    pub jwks: Value,
    /// What must be in `aud`; the gateway's client id when left out.
    pub audience: Option<String>,
}

impl Read for SignedResponse {
    fn read(node: Node<'_>) -> Self {
        node.object(|members| Self {
            jwks: members.required("jwks").any_object(),
            audience: members.optional_string("audience"),
        })
    }
}

/// How the gateway authenticates at the introspection endpoint.
#[derive(Debug)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema), serde(rename_all = "camelCase", deny_unknown_fields))]
pub struct ClientAuthentication {
    /// The method, by its registered name.
    pub method: ClientAuthenticationMethod,
    /// The gateway's own client id; required unless the method is `none`.
    pub client_id: Option<String>,
    /// The gateway's own client secret; required by the methods that are named after it.
    pub client_secret: Option<SecretSource>,
    /// With `private_key_jwt`: the private key, PKCS#8 in PEM: EC P-256 (ES256), Ed25519 (EdDSA) or RSA (RS256).
    pub signing_key: Option<SecretSource>,
    /// With `private_key_jwt`: the key's `kid` at the identity provider; left out of the JWT when left out here.
    pub key_id: Option<String>,
    /// With `private_key_jwt`: `aud` of the JWT; the identity provider's `issuer` when left out.
    pub audience: Option<String>,
    /// Encoding of id and secret inside Basic credentials.
    #[cfg_attr(feature = "schema", serde(default))]
    pub encoding: CredentialEncoding,
}

impl Read for ClientAuthentication {
    fn read(node: Node<'_>) -> Self {
        node.object(|members| Self {
            method: ClientAuthenticationMethod::read(members.required("method")),
            client_id: members.optional_string("clientId"),
            client_secret: members.optional("clientSecret").map(SecretSource::read),
            signing_key: members.optional("signingKey").map(SecretSource::read),
            key_id: members.optional_string("keyId"),
            audience: members.optional_string("audience"),
            encoding: members.or_default("encoding"),
        })
    }
}

/// `token_endpoint_auth_method` values (RFC 7591 section 2).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema), serde(rename_all = "snake_case"))]
pub enum ClientAuthenticationMethod {
    /// HTTP Basic credentials.
    ClientSecretBasic,
    /// Form fields `client_id` and `client_secret`.
    ClientSecretPost,
    /// A JWT that the gateway signs for each call (RFC 7523 section 2.2).
    PrivateKeyJwt,
    /// No credentials: the endpoint is protected by other means, such as mTLS on its cluster.
    None,
}

impl Read for ClientAuthenticationMethod {
    fn read(node: Node<'_>) -> Self {
        let choices = [
            ("client_secret_basic", Self::ClientSecretBasic),
            ("client_secret_post", Self::ClientSecretPost),
            ("private_key_jwt", Self::PrivateKeyJwt),
            ("none", Self::None),
        ];
        node.choice(&choices, Self::None)
    }
}

/// How id and secret are written into Basic credentials.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema, serde::Serialize), serde(rename_all = "lowercase"))]
pub enum CredentialEncoding {
    /// Form-encoded first (RFC 6749 section 2.3.1).
    #[default]
    Form,
    /// As they are, for identity providers that do not decode.
    Raw,
}

impl Read for CredentialEncoding {
    fn read(node: Node<'_>) -> Self {
        let choices = [("form", Self::Form), ("raw", Self::Raw)];
        node.choice(&choices, Self::Form)
    }
}

/// Names of members in the answer; of each list the first that is present wins.
#[derive(Clone, Debug)]
#[cfg_attr(
    feature = "schema",
    derive(schemars::JsonSchema, serde::Serialize),
    serde(rename_all = "camelCase", deny_unknown_fields, default)
)]
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

impl Read for Claims {
    fn read(node: Node<'_>) -> Self {
        let default = Self::default();
        node.object(|members| {
            let mut names = |name, default| members.get(name).map_or(default, Node::strings);
            Self {
                client_id: names("clientId", default.client_id),
                subject: names("subject", default.subject),
                username: names("username", default.username),
                scope: names("scope", default.scope),
                application_token: members
                    .get("applicationToken")
                    .map_or_else(Vec::new, |node| node.items(ApplicationMarker::read)),
            }
        })
    }
}

/// A member of the answer that marks an application's token: `equals` or `prefix`, one of the two.
#[derive(Clone, Debug)]
#[cfg_attr(
    feature = "schema",
    derive(schemars::JsonSchema, serde::Serialize),
    serde(rename_all = "camelCase", deny_unknown_fields)
)]
pub struct ApplicationMarker {
    /// The member's name.
    pub claim: String,
    /// The member's whole text; `{client_id}` stands for the token's client id.
    pub equals: Option<String>,
    /// What the member's text begins with.
    pub prefix: Option<String>,
}

impl Read for ApplicationMarker {
    fn read(node: Node<'_>) -> Self {
        node.object(|members| Self {
            claim: members.required("claim").string(),
            equals: members.optional_string("equals"),
            prefix: members.optional_string("prefix"),
        })
    }
}

/// What happens to known tokens while the identity provider is away.
#[derive(Debug, Default)]
#[cfg_attr(
    feature = "schema",
    derive(schemars::JsonSchema, serde::Serialize),
    serde(rename_all = "camelCase", deny_unknown_fields)
)]
pub struct Outage {
    /// The mode.
    #[cfg_attr(feature = "schema", serde(default))]
    pub mode: OutageMode,
    /// With `stale`: how long past its freshness an active answer is still served.
    #[cfg_attr(feature = "schema", serde(rename = "for"))]
    pub stale_for: Option<Duration>,
}

impl Read for Outage {
    fn read(node: Node<'_>) -> Self {
        node.object(|members| Self {
            mode: members.or_default("mode"),
            stale_for: members.optional("for").map(Duration::read),
        })
    }
}

/// Modes of [`Outage`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema, serde::Serialize), serde(rename_all = "lowercase"))]
pub enum OutageMode {
    /// Requests whose token must be asked about are answered 503.
    #[default]
    Deny,
    /// What it said of the token before still counts for a while, if the token has an `exp` that lies ahead.
    Stale,
}

impl Read for OutageMode {
    fn read(node: Node<'_>) -> Self {
        let choices = [("deny", Self::Deny), ("stale", Self::Stale)];
        node.choice(&choices, Self::Deny)
    }
}

/// When calls to an identity provider are suspended.
#[derive(Debug)]
#[cfg_attr(
    feature = "schema",
    derive(schemars::JsonSchema, serde::Serialize),
    serde(rename_all = "camelCase", deny_unknown_fields, default)
)]
pub struct Breaker {
    /// Outages in a row that open it, if they are about 3 different tokens at least.
    pub failures: u32,
    /// How long it stays open before one call goes out as a probe, give or take a quarter.
    pub open_for: Duration,
}

impl Read for Breaker {
    fn read(node: Node<'_>) -> Self {
        let default = Self::default();
        node.object(|members| Self {
            failures: members.whole_or("failures", default.failures),
            open_for: members.duration_or("openFor", default.open_for),
        })
    }
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

fn default_parameters() -> Vec<(String, String)> {
    vec![("token_type_hint".to_owned(), "access_token".to_owned())]
}

fn default_inactive_errors() -> Vec<String> {
    vec!["unsupported_token_type".to_owned()]
}
