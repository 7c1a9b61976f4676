//! The registry's records as they are written.

use crate::config::reader::{Node, Read};
/// The APIs, applications and subscriptions.
#[derive(Debug, Default)]
#[cfg_attr(
    feature = "schema",
    derive(schemars::JsonSchema),
    serde(rename_all = "camelCase", deny_unknown_fields, default)
)]
pub struct Registry {
    /// The published APIs.
    pub apis: Vec<Api>,
    /// The applications with their keys.
    pub applications: Vec<Application>,
    /// Which application may call which API.
    pub subscriptions: Vec<Subscription>,
    /// Revocation cut-offs.
    pub revocations: Vec<Revocation>,
}

impl Read for Registry {
    fn read(node: Node<'_>) -> Self {
        node.object(|members| Self {
            apis: members.list("apis"),
            applications: members.list("applications"),
            subscriptions: members.list("subscriptions"),
            revocations: members.list("revocations"),
        })
    }
}

/// A revocation cut-off.
#[derive(Debug)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema), serde(rename_all = "camelCase", deny_unknown_fields))]
pub struct Revocation {
    /// Whose tokens it concerns.
    pub kind: RevocationKind,
    /// The base64url SHA-256 of the token, its `jti`, the client's id or the subject; none for `all`.
    pub value: Option<String>,
    /// The identity provider's name; any when left out.
    pub identity_provider: Option<String>,
    /// What it does.
    pub action: RevocationAction,
    /// Seconds since the epoch: `deny` by client, subject or all concerns tokens issued at or before this; any when
    /// left out.
    pub not_before: Option<u64>,
    /// Seconds since the epoch: from when on it does nothing.
    pub expires_at: u64,
}

impl Read for Revocation {
    fn read(node: Node<'_>) -> Self {
        node.object(|members| Self {
            kind: RevocationKind::read(members.required("kind")),
            value: members.optional("value").map(Node::string),
            identity_provider: members.optional("identityProvider").map(Node::string),
            action: RevocationAction::read(members.required("action")),
            not_before: members.optional("notBefore").map(Node::seconds),
            expires_at: members.required("expiresAt").seconds(),
        })
    }
}

/// Whose tokens a cut-off concerns.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema), serde(rename_all = "lowercase"))]
pub enum RevocationKind {
    /// One token.
    Token,
    /// The token with a `jti`.
    Jti,
    /// Those issued to a client.
    Client,
    /// Those of a subject.
    Subject,
    /// All.
    All,
}

impl Read for RevocationKind {
    fn read(node: Node<'_>) -> Self {
        let choices = [
            ("token", Self::Token),
            ("jti", Self::Jti),
            ("client", Self::Client),
            ("subject", Self::Subject),
            ("all", Self::All),
        ];
        node.choice(&choices, Self::All)
    }
}

/// What a cut-off does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema), serde(rename_all = "lowercase"))]
pub enum RevocationAction {
    /// Tokens are refused.
    Deny,
    /// The identity provider is asked again.
    Recheck,
}

impl Read for RevocationAction {
    fn read(node: Node<'_>) -> Self {
        node.choice(&[("deny", Self::Deny), ("recheck", Self::Recheck)], Self::Deny)
    }
}

/// An API.
#[derive(Debug)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema), serde(rename_all = "camelCase", deny_unknown_fields))]
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
    #[cfg_attr(feature = "schema", serde(default))]
    pub is_default_version: bool,
    /// Hosts on which it is served; any when empty.
    #[cfg_attr(feature = "schema", serde(default))]
    pub hosts: Vec<String>,
    /// Where it stands in its life cycle.
    #[cfg_attr(feature = "schema", serde(default))]
    pub life_cycle_status: LifeCycleStatus,
    /// Names of the identity providers whose tokens it takes; any when empty.
    #[cfg_attr(feature = "schema", serde(default))]
    pub identity_providers: Vec<String>,
    /// Whether callers need a subscription.
    #[cfg_attr(feature = "schema", serde(default = "default_true"))]
    pub subscription_validation: bool,
    /// Whether a token needs any or all of an operation's scopes.
    #[cfg_attr(feature = "schema", serde(default))]
    pub scope_matching: ScopeMatching,
    /// `aud` of the backend JWT; the context when empty.
    #[cfg_attr(feature = "schema", serde(default))]
    pub audience: Vec<String>,
    /// What it serves.
    pub operations: Vec<Operation>,
    /// Whether `%2F` may be part of a segment.
    #[cfg_attr(feature = "schema", serde(default))]
    pub encoded_slashes: Ambiguity,
    /// Whether `;` may be part of a segment.
    #[cfg_attr(feature = "schema", serde(default))]
    pub path_parameters: Ambiguity,
    /// Whether denials are enforced.
    #[cfg_attr(feature = "schema", serde(default))]
    pub enforcement: Enforcement,
    /// With `report`: whether requests go on even when nobody could be authenticated, the identity provider's outages
    /// included.
    #[cfg_attr(feature = "schema", serde(default))]
    pub report_authentication: bool,
}

impl Read for Api {
    fn read(node: Node<'_>) -> Self {
        node.object(|members| Self {
            id: members.optional_string("id"),
            name: members.required("name").string(),
            version: members.required("version").string(),
            context: members.required("context").string(),
            is_default_version: members.boolean_or("isDefaultVersion", false),
            hosts: members.strings("hosts"),
            life_cycle_status: members.or_default("lifeCycleStatus"),
            identity_providers: members.strings("identityProviders"),
            subscription_validation: members.boolean_or("subscriptionValidation", default_true()),
            scope_matching: members.or_default("scopeMatching"),
            audience: members.strings("audience"),
            operations: members.required("operations").items(Operation::read),
            encoded_slashes: members.or_default("encodedSlashes"),
            path_parameters: members.or_default("pathParameters"),
            enforcement: members.or_default("enforcement"),
            report_authentication: members.boolean_or("reportAuthentication", false),
        })
    }
}

/// Whether denials are enforced.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[cfg_attr(feature = "serialize", derive(serde::Serialize, serde::Deserialize), serde(rename_all = "lowercase"))]
pub enum Enforcement {
    /// They are.
    #[default]
    Enforce,
    /// For want of a subscription or scope nobody is turned away; what would have been is only reported.
    Report,
}

impl Read for Enforcement {
    fn read(node: Node<'_>) -> Self {
        let choices = [("enforce", Self::Enforce), ("report", Self::Report)];
        node.choice(&choices, Self::Enforce)
    }
}

/// What happens to a kind of ambiguity in request targets.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[cfg_attr(feature = "serialize", derive(serde::Serialize, serde::Deserialize), serde(rename_all = "lowercase"))]
pub enum Ambiguity {
    /// Such requests are answered 400.
    #[default]
    Reject,
    /// It counts as plain text.
    Allow,
}

impl Read for Ambiguity {
    fn read(node: Node<'_>) -> Self {
        let choices = [("reject", Self::Reject), ("allow", Self::Allow)];
        node.choice(&choices, Self::Reject)
    }
}

/// WSO2's life cycle.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[cfg_attr(feature = "serialize", derive(serde::Serialize, serde::Deserialize), serde(rename_all = "UPPERCASE"))]
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

impl Read for LifeCycleStatus {
    fn read(node: Node<'_>) -> Self {
        let choices = [
            ("CREATED", Self::Created),
            ("PUBLISHED", Self::Published),
            ("DEPRECATED", Self::Deprecated),
            ("BLOCKED", Self::Blocked),
            ("RETIRED", Self::Retired),
        ];
        node.choice(&choices, Self::Blocked)
    }
}

/// How many of an operation's scopes a token needs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[cfg_attr(feature = "serialize", derive(serde::Serialize, serde::Deserialize), serde(rename_all = "lowercase"))]
pub enum ScopeMatching {
    /// One of them.
    #[default]
    Any,
    /// Each of them.
    All,
}

impl Read for ScopeMatching {
    fn read(node: Node<'_>) -> Self {
        let choices = [("any", Self::Any), ("all", Self::All)];
        node.choice(&choices, Self::All)
    }
}

/// An operation of an API.
#[derive(Debug)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema), serde(rename_all = "camelCase", deny_unknown_fields))]
pub struct Operation {
    /// Its verb.
    pub verb: Verb,
    /// Its target below the base path: `/menu`, `/order/{orderId}`, `/static/*`.
    pub target: String,
    /// Which tokens it takes.
    #[cfg_attr(feature = "schema", serde(default))]
    pub auth_type: AuthType,
    /// The scopes it needs.
    #[cfg_attr(feature = "schema", serde(default))]
    pub scopes: Vec<String>,
}

impl Read for Operation {
    fn read(node: Node<'_>) -> Self {
        node.object(|members| Self {
            verb: Verb::read(members.required("verb")),
            target: members.required("target").string(),
            auth_type: members.or_default("authType"),
            scopes: members.strings("scopes"),
        })
    }
}

/// HTTP methods that operations can have.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[cfg_attr(feature = "serialize", derive(serde::Serialize, serde::Deserialize), serde(rename_all = "UPPERCASE"))]
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

impl Read for Verb {
    fn read(node: Node<'_>) -> Self {
        node.choice(&Self::ALL.map(|verb| (verb.as_str(), verb)), Self::Options)
    }
}

/// Which tokens an operation takes, by WSO2's names.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[cfg_attr(feature = "serialize", derive(serde::Serialize, serde::Deserialize))]
pub enum AuthType {
    /// No token: the operation is public.
    None,
    /// Any access token.
    #[default]
    Any,
    /// An application's own token.
    Application,
    /// A user's token.
    #[cfg_attr(feature = "serialize", serde(rename = "Application_User"))]
    ApplicationUser,
}

impl Read for AuthType {
    fn read(node: Node<'_>) -> Self {
        let choices = [
            ("None", Self::None),
            ("Any", Self::Any),
            ("Application", Self::Application),
            ("Application_User", Self::ApplicationUser),
        ];
        node.choice(&choices, Self::Any)
    }
}

/// An application.
#[derive(Clone, Debug)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema), serde(rename_all = "camelCase", deny_unknown_fields))]
pub struct Application {
    /// Unique id.
    pub id: String,
    /// Its name; the id when left out.
    pub name: Option<String>,
    /// Who registered it.
    pub owner: Option<String>,
    /// Its tier.
    #[cfg_attr(feature = "schema", serde(default = "default_tier"))]
    pub tier: String,
    /// Attributes for the backend JWT.
    #[cfg_attr(
        feature = "schema",
        serde(default),
        schemars(with = "std::collections::BTreeMap<String, String>", extend("default" = {}))
    )]
    pub attributes: Vec<(String, String)>,
    /// Its clients at identity providers.
    pub keys: Vec<ApplicationKey>,
}

impl Read for Application {
    fn read(node: Node<'_>) -> Self {
        node.object(|members| Self {
            id: members.required("id").string(),
            name: members.optional_string("name"),
            owner: members.optional_string("owner"),
            tier: members.get("tier").map_or_else(default_tier, Node::string),
            attributes: members.get("attributes").map_or_else(Vec::new, Node::strings_by_name),
            keys: members.required("keys").items(ApplicationKey::read),
        })
    }
}

/// A client of an application at an identity provider.
#[derive(Clone, Debug)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema), serde(rename_all = "camelCase", deny_unknown_fields))]
pub struct ApplicationKey {
    /// The identity provider's name.
    pub identity_provider: String,
    /// The client's id there.
    pub client_id: String,
    /// What it is for.
    #[cfg_attr(feature = "schema", serde(default))]
    pub key_type: KeyType,
}

impl Read for ApplicationKey {
    fn read(node: Node<'_>) -> Self {
        node.object(|members| Self {
            identity_provider: members.required("identityProvider").string(),
            client_id: members.required("clientId").string(),
            key_type: members.or_default("keyType"),
        })
    }
}

/// What a key is for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[cfg_attr(feature = "serialize", derive(serde::Serialize, serde::Deserialize), serde(rename_all = "UPPERCASE"))]
pub enum KeyType {
    /// Real use.
    #[default]
    Production,
    /// Trying things out.
    Sandbox,
}

impl Read for KeyType {
    fn read(node: Node<'_>) -> Self {
        node.choice(&[Self::Production, Self::Sandbox].map(|key_type| (key_type.as_str(), key_type)), Self::Production)
    }
}

/// An application's subscription to an API.
#[derive(Clone, Debug)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema), serde(rename_all = "camelCase", deny_unknown_fields))]
pub struct Subscription {
    /// The API's id.
    pub api_id: String,
    /// The application's id.
    pub application_id: String,
    /// Its tier.
    #[cfg_attr(feature = "schema", serde(default = "default_tier"))]
    pub tier: String,
    /// Its state.
    #[cfg_attr(feature = "schema", serde(default))]
    pub state: SubscriptionState,
}

impl Read for Subscription {
    fn read(node: Node<'_>) -> Self {
        node.object(|members| Self {
            api_id: members.required("apiId").string(),
            application_id: members.required("applicationId").string(),
            tier: members.get("tier").map_or_else(default_tier, Node::string),
            state: members.or_default("state"),
        })
    }
}

/// WSO2's subscription states.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[cfg_attr(
    feature = "serialize",
    derive(serde::Serialize, serde::Deserialize),
    serde(rename_all = "SCREAMING_SNAKE_CASE")
)]
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

impl Read for SubscriptionState {
    fn read(node: Node<'_>) -> Self {
        let choices = [
            ("UNBLOCKED", Self::Unblocked),
            ("BLOCKED", Self::Blocked),
            ("PROD_ONLY_BLOCKED", Self::ProdOnlyBlocked),
            ("ON_HOLD", Self::OnHold),
            ("REJECTED", Self::Rejected),
            ("TIER_UPDATE_PENDING", Self::TierUpdatePending),
        ];
        node.choice(&choices, Self::Rejected)
    }
}

fn default_true() -> bool {
    true
}

fn default_tier() -> String {
    "Unlimited".to_owned()
}
