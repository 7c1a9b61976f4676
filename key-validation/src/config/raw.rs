//! The plugin configuration as it is written: the JSON members, their types and defaults.
//!
//! Nothing here is checked beyond its type; [`super::Configuration`] is the checked twin. The JSON Schema in
//! `filter-config/schema.json` is generated from these types, and their doc comments are its descriptions.

use std::collections::BTreeMap;

use serde::Deserialize;

use super::duration::Duration;
use super::secret_source::SecretSource;

/// Configuration of the Gatehouse gateway filter.
#[derive(Debug, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Plugin {
    /// Who issues tokens and answers for them; at least one.
    pub identity_providers: Vec<IdentityProvider>,
    /// What is remembered, and for how long.
    #[serde(default)]
    pub cache: Cache,
    /// The signed statement about the caller that the backend receives; none when left out.
    pub backend_jwt: Option<BackendJwt>,
    /// Whether the backend also receives the caller's `Authorization` header.
    #[serde(default)]
    pub forward_authorization: bool,
    /// Identity fields put into filter state `wasm.gatehouse.<field>` for the access log and later filters.
    #[serde(default = "default_publish")]
    pub publish: Vec<PublishedField>,
    /// The protection space named in challenges.
    #[serde(default = "default_realm")]
    pub realm: String,
    /// URL of the protected resource's metadata (RFC 9728), named in challenges.
    pub resource_metadata: Option<String>,
    /// Longest access token accepted, in bytes.
    #[serde(default = "default_token_bytes")]
    pub token_bytes: usize,
    /// What happens to requests that belong to no API.
    #[serde(default)]
    pub unmatched: Unmatched,
    /// The APIs, applications and subscriptions.
    pub registry: Registry,
}

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
}

/// Modes of [`Outage`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema, serde::Serialize))]
#[serde(rename_all = "lowercase")]
pub enum OutageMode {
    /// Requests whose token must be asked about are answered 503.
    #[default]
    Deny,
}

/// When calls to an identity provider are suspended.
#[derive(Debug, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema, serde::Serialize))]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct Breaker {
    /// Failures in a row that open it. Read and checked; the breaker itself is not built yet.
    pub failures: u32,
    /// How long it stays open. Read and checked; the breaker itself is not built yet.
    pub open_for: Duration,
}

/// What is remembered, and for how long.
#[derive(Debug, Default, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema, serde::Serialize))]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct Cache {
    /// Answers of identity providers, shared by all workers.
    pub introspection: IntrospectionCache,
    /// Minted backend JWTs, in each worker.
    pub backend_jwt: BackendJwtCache,
}

/// Bounds of the answers that are remembered.
#[derive(Debug, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema, serde::Serialize))]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct IntrospectionCache {
    /// Longest use of an active answer, whatever its `exp`.
    pub maximum_lifetime: Duration,
    /// Use of an inactive answer.
    pub inactive_lifetime: Duration,
    /// Active answers held by the whole process: a power of two, 64 to 1048576.
    pub shared_entries: u32,
    /// Whether an answer in frequent use is asked for again before it ends. Read; refreshing is not built yet.
    pub refresh_ahead: bool,
}

/// Bounds of the backend JWTs that are remembered.
#[derive(Debug, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema, serde::Serialize))]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct BackendJwtCache {
    /// Bytes of minted JWTs held by one worker.
    pub worker_bytes: usize,
}

/// The backend JWT.
#[derive(Debug, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct BackendJwt {
    /// Header that carries it; look-alikes from clients are removed.
    #[serde(default = "default_header")]
    pub header: String,
    /// Its `iss`.
    pub issuer: String,
    /// Its lifetime, cut short by the token's own: 1s to 24h.
    #[serde(default = "default_lifetime")]
    pub lifetime: Duration,
    /// Private key, PKCS#8 in PEM: EC P-256 (ES256), Ed25519 (EdDSA) or RSA (RS256).
    pub signing_key: SecretSource,
    /// Its `kid`; the key's RFC 7638 thumbprint when left out.
    pub key_id: Option<String>,
    /// Path at which the filter serves the public key, on every host; `null` = not served.
    #[serde(default = "default_jwks_path")]
    pub jwks_path: Option<String>,
    /// Prefix of the claims about application and API; the bare names when empty.
    #[serde(default = "default_claim_dialect")]
    pub claim_dialect: String,
    /// Members of the introspection answer that are copied.
    #[serde(default)]
    pub forward_claims: Vec<String>,
}

/// Identity fields that can be put into filter state.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema, serde::Serialize))]
#[serde(rename_all = "snake_case")]
pub enum PublishedField {
    /// `allow`, `public` or `deny`.
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

/// What happens to requests that belong to no API.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema, serde::Serialize))]
#[serde(rename_all = "lowercase")]
pub enum Unmatched {
    /// They are answered 404.
    #[default]
    Reject,
    /// They pass untouched, unless their target is ambiguous.
    Forward,
}

/// The APIs, applications and subscriptions.
#[derive(Debug, Default, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct Registry {
    /// The published APIs.
    pub apis: Vec<Api>,
    /// The applications with their keys.
    pub applications: Vec<Application>,
    /// Which application may call which API.
    pub subscriptions: Vec<Subscription>,
    /// Revocation cut-offs. Not built yet: anything but an empty list is refused.
    pub revocations: Vec<Revocation>,
}

/// A revocation cut-off; there are none yet.
#[derive(Debug)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub enum Revocation {}

impl<'de> Deserialize<'de> for Revocation {
    fn deserialize<D: serde::Deserializer<'de>>(_: D) -> Result<Self, D::Error> {
        Err(serde::de::Error::custom("revocation cut-offs are not built yet"))
    }
}

/// An API.
#[derive(Debug, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Api {
    /// Unique id; `<name>-<version>` when left out.
    pub id: Option<String>,
    /// Its name.
    pub name: String,
    /// Its version, the last part of its base path.
    pub version: String,
    /// Where it is served: `<context>/<version>/..`, and `<context>/..` for the default version.
    pub context: String,
    /// Whether requests without a version reach it.
    #[serde(default)]
    pub is_default_version: bool,
    /// Hosts on which it is served; any when empty.
    #[serde(default)]
    pub hosts: Vec<String>,
    /// Where it stands in its life cycle.
    #[serde(default)]
    pub life_cycle_status: LifeCycleStatus,
    /// Names of the identity providers whose tokens it takes; any when empty.
    #[serde(default)]
    pub identity_providers: Vec<String>,
    /// Whether callers need a subscription.
    #[serde(default = "default_true")]
    pub subscription_validation: bool,
    /// Whether a token needs any or all of an operation's scopes.
    #[serde(default)]
    pub scope_matching: ScopeMatching,
    /// `aud` of the backend JWT; the context when empty.
    #[serde(default)]
    pub audience: Vec<String>,
    /// What it serves.
    pub operations: Vec<Operation>,
    /// Whether `%2F` may be part of a segment.
    #[serde(default)]
    pub encoded_slashes: Ambiguity,
    /// Whether `;` may be part of a segment.
    #[serde(default)]
    pub path_parameters: Ambiguity,
    /// Whether denials are enforced.
    #[serde(default)]
    pub enforcement: Enforcement,
}

/// Whether denials are enforced.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema, serde::Serialize))]
#[serde(rename_all = "lowercase")]
pub enum Enforcement {
    /// They are.
    #[default]
    Enforce,
}

/// What happens to a kind of ambiguity in request targets.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema, serde::Serialize))]
#[serde(rename_all = "lowercase")]
pub enum Ambiguity {
    /// Such requests are answered 400.
    #[default]
    Reject,
    /// It counts as plain text.
    Allow,
}

/// WSO2's life cycle.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema, serde::Serialize))]
#[serde(rename_all = "UPPERCASE")]
pub enum LifeCycleStatus {
    /// Does not exist yet for callers.
    Created,
    /// Serves.
    #[default]
    Published,
    /// Serves.
    Deprecated,
    /// Is refused.
    Blocked,
    /// Does not exist any more for callers.
    Retired,
}

/// How many of an operation's scopes a token needs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema, serde::Serialize))]
#[serde(rename_all = "lowercase")]
pub enum ScopeMatching {
    /// One of them.
    #[default]
    Any,
    /// Each of them.
    All,
}

/// An operation of an API.
#[derive(Debug, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Operation {
    /// Its verb.
    pub verb: Verb,
    /// Its target below the base path: `/menu`, `/order/{orderId}`, `/static/*`.
    pub target: String,
    /// Which tokens it takes.
    #[serde(default)]
    pub auth_type: AuthType,
    /// The scopes it needs.
    #[serde(default)]
    pub scopes: Vec<String>,
}

/// HTTP methods that operations can have.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "UPPERCASE")]
#[expect(missing_docs, reason = "the names are RFC 9110's")]
pub enum Verb {
    Delete,
    Get,
    Head,
    Options,
    Patch,
    Post,
    Put,
}

/// Which tokens an operation takes, by WSO2's names.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema, serde::Serialize))]
pub enum AuthType {
    /// No token: the operation is public.
    None,
    /// Any access token.
    #[default]
    Any,
    /// An application's own token.
    Application,
    /// A user's token.
    #[serde(rename = "Application_User")]
    ApplicationUser,
}

/// An application.
#[derive(Debug, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Application {
    /// Unique id.
    pub id: String,
    /// Its name; the id when left out.
    pub name: Option<String>,
    /// Who registered it.
    pub owner: Option<String>,
    /// Its tier.
    #[serde(default = "default_tier")]
    pub tier: String,
    /// Attributes for the backend JWT.
    #[serde(default)]
    pub attributes: BTreeMap<String, String>,
    /// Its clients at identity providers.
    pub keys: Vec<ApplicationKey>,
}

/// A client of an application at an identity provider.
#[derive(Debug, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ApplicationKey {
    /// The identity provider's name.
    pub identity_provider: String,
    /// The client's id there.
    pub client_id: String,
    /// What it is for.
    #[serde(default)]
    pub key_type: KeyType,
}

/// What a key is for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema, serde::Serialize))]
#[serde(rename_all = "UPPERCASE")]
pub enum KeyType {
    /// Real use.
    #[default]
    Production,
    /// Trying things out.
    Sandbox,
}

/// An application's subscription to an API.
#[derive(Debug, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Subscription {
    /// The API's id.
    pub api_id: String,
    /// The application's id.
    pub application_id: String,
    /// Its tier.
    #[serde(default = "default_tier")]
    pub tier: String,
    /// Its state.
    #[serde(default)]
    pub state: SubscriptionState,
}

/// WSO2's subscription states.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema, serde::Serialize))]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum SubscriptionState {
    /// Passes.
    #[default]
    Unblocked,
    /// Is refused.
    Blocked,
    /// Is refused for production keys, passes for sandbox keys.
    ProdOnlyBlocked,
    /// Waits for approval.
    OnHold,
    /// Was not approved.
    Rejected,
    /// Passes while a change of tier waits for approval.
    TierUpdatePending,
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

fn default_true() -> bool {
    true
}

fn default_publish() -> Vec<PublishedField> {
    vec![PublishedField::Decision, PublishedField::Application, PublishedField::ClientId]
}

fn default_realm() -> String {
    "gatehouse".to_owned()
}

fn default_token_bytes() -> usize {
    4096
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

fn default_header() -> String {
    "x-jwt-assertion".to_owned()
}

fn default_lifetime() -> Duration {
    Duration::from_seconds(15 * 60)
}

#[expect(clippy::unnecessary_wraps, reason = "the field is optional, and serde wants the field's type")]
fn default_jwks_path() -> Option<String> {
    Some("/.well-known/gatehouse/jwks.json".to_owned())
}

fn default_claim_dialect() -> String {
    "http://wso2.org/claims".to_owned()
}

fn default_tier() -> String {
    "Unlimited".to_owned()
}
