//! The registry's records as they are written.

use std::collections::BTreeMap;

use serde::Deserialize;

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

fn default_true() -> bool {
    true
}

fn default_tier() -> String {
    "Unlimited".to_owned()
}
