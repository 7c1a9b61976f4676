//! The plugin configuration as it is written: the JSON members, their types and defaults.
//!
//! Nothing here is checked beyond its type; [`super::Configuration`] is the checked twin. The JSON Schema in
//! `filter-config/schema.json` is generated from these types, and their doc comments are its descriptions.

mod identity_provider;
mod registry;

use super::duration::Duration;
use super::reader::{Node, Read};
use super::secret_source::SecretSource;
pub use identity_provider::*;
pub use registry::*;

/// Configuration of the Gatehouse gateway filter.
#[derive(Debug)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema), serde(rename_all = "camelCase", deny_unknown_fields))]
#[cfg_attr(
    feature = "schema",
    schemars(extend("anyOf" = [{"required": ["registry"]}, {"required": ["keyManager"]}]))
)]
pub struct Plugin {
    /// Who issues tokens and answers for them; at least one.
    pub identity_providers: Vec<IdentityProvider>,
    /// What is remembered, and for how long.
    #[cfg_attr(feature = "schema", serde(default))]
    pub cache: Cache,
    /// The signed statement about the caller that the backend receives; none when left out.
    pub backend_jwt: Option<BackendJwt>,
    /// Whether the backend also receives the caller's `Authorization` header.
    #[cfg_attr(feature = "schema", serde(default))]
    pub forward_authorization: bool,
    /// Identity fields put into filter state `wasm.gatehouse.<field>` for the access log and later filters.
    #[cfg_attr(feature = "schema", serde(default = "default_publish"))]
    pub publish: Vec<PublishedField>,
    /// The protection space named in challenges.
    #[cfg_attr(feature = "schema", serde(default = "default_realm"))]
    pub realm: String,
    /// URL of the protected resource's metadata (RFC 9728), named in challenges.
    pub resource_metadata: Option<String>,
    /// Longest access token accepted, in bytes.
    #[cfg_attr(feature = "schema", serde(default = "default_token_bytes"))]
    pub token_bytes: u32,
    /// What happens to requests that belong to no API.
    #[cfg_attr(feature = "schema", serde(default))]
    pub unmatched: Unmatched,
    /// The APIs, applications and subscriptions; with `keyManager` too, they serve until its registry has come.
    pub registry: Option<Registry>,
    /// Where the registry comes from while the gateway runs.
    pub key_manager: Option<KeyManager>,
}

impl Read for Plugin {
    fn read(node: Node<'_>) -> Self {
        node.object(|members| Self {
            identity_providers: members.required("identityProviders").items(IdentityProvider::read),
            cache: members.or_default("cache"),
            backend_jwt: members.optional("backendJwt").map(BackendJwt::read),
            forward_authorization: members.boolean_or("forwardAuthorization", false),
            publish: members.get("publish").map_or_else(default_publish, |node| node.items(PublishedField::read)),
            realm: members.get("realm").map_or_else(default_realm, Node::string),
            resource_metadata: members.optional_string("resourceMetadata"),
            token_bytes: members.whole_or("tokenBytes", default_token_bytes()),
            unmatched: members.or_default("unmatched"),
            key_manager: members.optional("keyManager").map(KeyManager::read),
            registry: members.optional("registry").map(Registry::read),
        })
    }
}

/// The key manager that the registry comes from.
#[derive(Debug)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema), serde(rename_all = "camelCase", deny_unknown_fields))]
pub struct KeyManager {
    /// Envoy cluster.
    pub cluster: String,
    /// Host name of the requests to it.
    pub authority: String,
    /// The gateway's bearer credential.
    pub credential: SecretSource,
    /// The gateway's name, `[A-Za-z0-9._-]{1,63}`; the credential is for this name.
    pub gateway: String,
    /// How often each worker looks whether something has changed: 10ms to 10s.
    #[cfg_attr(feature = "schema", serde(default = "default_tick"))]
    pub tick: Duration,
}

impl Read for KeyManager {
    fn read(node: Node<'_>) -> Self {
        node.object(|members| Self {
            cluster: members.required("cluster").string(),
            authority: members.required("authority").string(),
            credential: SecretSource::read(members.required("credential")),
            gateway: members.required("gateway").string(),
            tick: members.duration_or("tick", default_tick()),
        })
    }
}

/// What is remembered, and for how long.
#[derive(Debug, Default)]
#[cfg_attr(
    feature = "schema",
    derive(schemars::JsonSchema, serde::Serialize),
    serde(rename_all = "camelCase", deny_unknown_fields, default)
)]
pub struct Cache {
    /// Answers of identity providers, shared by all workers.
    pub introspection: IntrospectionCache,
    /// Minted backend JWTs, in each worker.
    pub backend_jwt: BackendJwtCache,
}

impl Read for Cache {
    fn read(node: Node<'_>) -> Self {
        node.object(|members| Self {
            introspection: members.or_default("introspection"),
            backend_jwt: members.or_default("backendJwt"),
        })
    }
}

/// Bounds of the answers that are remembered.
#[derive(Debug)]
#[cfg_attr(
    feature = "schema",
    derive(schemars::JsonSchema, serde::Serialize),
    serde(rename_all = "camelCase", deny_unknown_fields, default)
)]
pub struct IntrospectionCache {
    /// Longest use of an active answer, whatever its `exp`.
    pub maximum_lifetime: Duration,
    /// Use of an inactive answer.
    pub inactive_lifetime: Duration,
    /// Active answers held by the whole process: a power of two, 64 to 1048576.
    pub shared_entries: u32,
    /// Whether an active answer in use is asked for again before it ends, so that no request waits for the next one.
    pub refresh_ahead: bool,
}

impl Read for IntrospectionCache {
    fn read(node: Node<'_>) -> Self {
        let default = Self::default();
        node.object(|members| Self {
            maximum_lifetime: members.duration_or("maximumLifetime", default.maximum_lifetime),
            inactive_lifetime: members.duration_or("inactiveLifetime", default.inactive_lifetime),
            shared_entries: members.whole_or("sharedEntries", default.shared_entries),
            refresh_ahead: members.boolean_or("refreshAhead", default.refresh_ahead),
        })
    }
}

/// Bounds of the backend JWTs that are remembered.
#[derive(Debug)]
#[cfg_attr(
    feature = "schema",
    derive(schemars::JsonSchema, serde::Serialize),
    serde(rename_all = "camelCase", deny_unknown_fields, default)
)]
pub struct BackendJwtCache {
    /// Bytes of minted JWTs held by one worker.
    pub worker_bytes: u32,
}

impl Read for BackendJwtCache {
    fn read(node: Node<'_>) -> Self {
        node.object(|members| Self { worker_bytes: members.whole_or("workerBytes", Self::default().worker_bytes) })
    }
}

/// The backend JWT.
#[derive(Debug)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema), serde(rename_all = "camelCase", deny_unknown_fields))]
pub struct BackendJwt {
    /// Header that carries it; look-alikes from clients are removed.
    #[cfg_attr(feature = "schema", serde(default = "default_header"))]
    pub header: String,
    /// Its `iss`.
    pub issuer: String,
    /// Its lifetime, cut short by the token's own: 1s to 24h.
    #[cfg_attr(feature = "schema", serde(default = "default_lifetime"))]
    pub lifetime: Duration,
    /// Private key, PKCS#8 in PEM: EC P-256 (ES256), Ed25519 (EdDSA) or RSA (RS256).
    pub signing_key: SigningKeySource,
    /// Its `kid`; the key's RFC 7638 thumbprint when left out.
    pub key_id: Option<String>,
    /// Path at which the filter serves the public key, on every host; `null` = not served.
    #[cfg_attr(feature = "schema", serde(default = "default_jwks_path"))]
    pub jwks_path: Option<String>,
    /// Prefix of the claims about application and API; the bare names when empty.
    #[cfg_attr(feature = "schema", serde(default = "default_claim_dialect"))]
    pub claim_dialect: String,
    /// Members of the introspection answer that are copied.
    #[cfg_attr(feature = "schema", serde(default))]
    pub forward_claims: Vec<String>,
}

impl Read for BackendJwt {
    fn read(node: Node<'_>) -> Self {
        node.object(|members| Self {
            header: members.get("header").map_or_else(default_header, Node::string),
            issuer: members.required("issuer").string(),
            lifetime: members.duration_or("lifetime", default_lifetime()),
            signing_key: SigningKeySource::read(members.required("signingKey")),
            key_id: members.optional_string("keyId"),
            jwks_path: members.nullable_string_or("jwksPath", default_jwks_path),
            claim_dialect: members.get("claimDialect").map_or_else(default_claim_dialect, Node::string),
            forward_claims: members.strings("forwardClaims"),
        })
    }
}

/// Where the key of backend JWTs comes from: `value` or `env`, or `keyManager: true`.
#[derive(Debug)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[cfg_attr(feature = "schema", schemars(extend("minProperties" = 1, "maxProperties" = 1)))]
#[cfg_attr(feature = "schema", serde(rename_all = "camelCase", deny_unknown_fields))]
pub struct SigningKeySource {
    /// The key in the configuration, or in the environment.
    #[cfg_attr(feature = "schema", serde(flatten))]
    pub secret: SecretSource,
    /// `true`: every worker gets the keys of the key manager (section `keyManager`), which says when each signs.
    #[cfg_attr(feature = "schema", serde(default))]
    pub key_manager: bool,
}

impl Read for SigningKeySource {
    fn read(node: Node<'_>) -> Self {
        node.object(|members| Self {
            secret: SecretSource::read_members(members),
            key_manager: members.boolean_or("keyManager", false),
        })
    }
}

/// Identity fields that can be put into filter state.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema, serde::Serialize), serde(rename_all = "snake_case"))]
pub enum PublishedField {
    /// `allow`, `allow_stale`, `report`, `public` or `deny`.
    Decision,
    /// The API's id.
    Api,
    /// The application's id.
    Application,
    /// The client id that the token was issued to.
    ClientId,
    /// The identity provider's name.
    IdentityProvider,
    /// The token's subject.
    Subject,
    /// The subscription's tier.
    Tier,
    /// `PRODUCTION` or `SANDBOX`.
    KeyType,
}

impl Read for PublishedField {
    fn read(node: Node<'_>) -> Self {
        let choices = [
            ("decision", Self::Decision),
            ("api", Self::Api),
            ("application", Self::Application),
            ("client_id", Self::ClientId),
            ("identity_provider", Self::IdentityProvider),
            ("subject", Self::Subject),
            ("tier", Self::Tier),
            ("key_type", Self::KeyType),
        ];
        node.choice(&choices, Self::Decision)
    }
}

/// What happens to requests that belong to no API.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema, serde::Serialize), serde(rename_all = "lowercase"))]
pub enum Unmatched {
    /// They are answered 404.
    #[default]
    Reject,
    /// They pass untouched, unless their target is ambiguous.
    Forward,
}

impl Read for Unmatched {
    fn read(node: Node<'_>) -> Self {
        let choices = [("reject", Self::Reject), ("forward", Self::Forward)];
        node.choice(&choices, Self::Reject)
    }
}

impl Default for IntrospectionCache {
    fn default() -> Self {
        Self {
            maximum_lifetime: Duration::from_seconds(300),
            inactive_lifetime: Duration::from_seconds(10),
            shared_entries: 16384,
            refresh_ahead: true,
        }
    }
}

impl Default for BackendJwtCache {
    fn default() -> Self {
        Self { worker_bytes: 4 * 1024 * 1024 }
    }
}

fn default_tick() -> Duration {
    Duration::from_millis(250)
}

fn default_publish() -> Vec<PublishedField> {
    vec![PublishedField::Decision, PublishedField::Application, PublishedField::ClientId]
}

fn default_realm() -> String {
    "gatehouse".to_owned()
}

fn default_token_bytes() -> u32 {
    4096
}

fn default_header() -> String {
    "x-jwt-assertion".to_owned()
}

fn default_lifetime() -> Duration {
    Duration::from_seconds(15 * 60)
}

#[expect(clippy::unnecessary_wraps, reason = "the field is optional, and its default is of the field's type")]
fn default_jwks_path() -> Option<String> {
    Some("/.well-known/gatehouse/jwks.json".to_owned())
}

fn default_claim_dialect() -> String {
    "http://wso2.org/claims".to_owned()
}
