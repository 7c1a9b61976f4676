//! APIs with their operations, revisions and registrations at identity providers.

use key_validation::UnixTime;
use key_validation::config::raw::Ambiguity;
use serde::{Deserialize, Serialize};

use super::{AuthType, Document, IdentityProvider, LifeCycleStatus, RowVersion, Scope, ScopeMatching, Verb};

/// An API as its developer described it.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Api {
    /// Unique id, a UUID.
    pub id: String,
    /// See [`RowVersion`].
    #[serde(skip)]
    pub row_version: RowVersion,
    /// Name; with the version unique, whatever its case.
    pub name: String,
    /// Version, the last part of its base path.
    pub version: String,
    /// Where it is served: `/pizzashack`, without the version; with the version unique.
    pub context: String,
    /// User name of whoever owns it.
    pub provider: String,
    /// Whether requests without a version reach it.
    pub is_default_version: bool,
    /// Where it stands in its life cycle. Gateways hear of it from `PUBLISHED` on.
    pub life_cycle_status: LifeCycleStatus,
    /// Everything that gateways know and nothing searches by.
    pub policy: ApiPolicy,
    /// Scopes of its own (shared ones are named by the operations alone).
    pub scopes: Vec<Scope>,
    /// The `OpenAPI` document that it was imported from or last given, as it was written.
    pub definition: Option<String>,
    /// The members of WSO2's schema that nothing here uses.
    pub document: Document,
    /// When it was created.
    #[serde(with = "super::millis")]
    pub created_at: UnixTime,
    /// When it was last changed.
    #[serde(with = "super::millis")]
    pub updated_at: UnixTime,
}

impl Api {
    /// Whether an identity provider is to know of it: where it stands in its life cycle, one of its own.
    pub fn is_registered_at(&self, provider: &IdentityProvider) -> bool {
        let names = &self.policy.identity_providers;
        let is_its_own = names.is_empty() || names.contains(&provider.name);
        let is_there = !matches!(self.life_cycle_status, LifeCycleStatus::Created | LifeCycleStatus::Retired);
        is_there && provider.enabled && is_its_own
    }
}

/// How gateways treat calls of an API.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct ApiPolicy {
    /// Hosts on which it is served; any when empty.
    pub hosts: Vec<String>,
    /// Names of the identity providers whose tokens it takes; any when empty.
    pub identity_providers: Vec<String>,
    /// Whether callers may go without a subscription.
    pub without_subscription: bool,
    /// Whether a token needs any or all of an operation's scopes.
    pub scope_matching: ScopeMatching,
    /// `aud` of the backend JWT; the context when empty.
    pub audience: Vec<String>,
    /// Whether `%2F` may be part of a segment.
    pub encoded_slashes: Ambiguity,
    /// Whether `;` may be part of a segment.
    pub path_parameters: Ambiguity,
    /// What it serves.
    pub operations: Vec<Operation>,
}

/// An operation of an API.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Operation {
    /// Unique within the API; WSO2's `id`.
    pub id: String,
    /// Its verb.
    pub verb: Verb,
    /// Its target below the base path.
    pub target: String,
    /// Which tokens it takes.
    pub auth_type: AuthType,
    /// Names of the scopes it needs.
    pub scopes: Vec<String>,
    /// The members of WSO2's schema that nothing here uses.
    pub document: Document,
}

/// A recorded state of an API; gateways serve what is published, whatever its revision.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct ApiRevision {
    /// Unique id, a UUID.
    pub id: String,
    /// The API.
    pub api_id: String,
    /// 1, 2, 3 ... within the API, never used again.
    pub number: u32,
    /// What its author wrote about it.
    pub description: String,
    /// When it was made.
    #[serde(with = "super::millis")]
    pub created_at: UnixTime,
    /// The API then, as the REST API showed it.
    pub snapshot: Document,
    /// Where it is deployed: WSO2's `APIRevisionDeployment` objects.
    pub deployments: Vec<Document>,
}

/// How an API stands at one identity provider.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ApiRegistration {
    /// The API.
    pub api_id: String,
    /// The identity provider.
    pub identity_provider_id: String,
    /// Whether it has come about.
    pub state: RegistrationState,
    /// The resource's id there.
    pub resource_id: Option<String>,
    /// The scopes that were registered for it there.
    pub scopes: Vec<String>,
    /// What went wrong last, for a person.
    pub error: Option<String>,
    /// When that was told.
    #[serde(with = "super::millis")]
    pub updated_at: UnixTime,
}

/// Whether an API's registration has come about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum RegistrationState {
    /// It is being tried.
    Pending,
    /// It holds.
    Registered,
    /// The identity provider keeps neither resources nor scopes.
    Unsupported,
    /// It failed and is tried again.
    Failed,
}
