//! What the key manager keeps, as plain data: no SQL, no HTTP, no identity provider.
//!
//! `Serialize` and `Deserialize` are the form of rows in the store, without what the store seals and counts; the REST API
//! has shapes of its own. The enums that gateways know too are those of [`key_validation`]'s registry records.

mod api;
mod application;
mod audit;
mod gateway;
mod identity_provider;
mod key;
pub(crate) mod millis;
mod revocation;
mod scope;
mod signing_key;
mod subscription;

pub use api::{Api, ApiPolicy, ApiRegistration, ApiRevision, Operation, RegistrationState};
pub use application::Application;
pub use audit::AuditEntry;
pub use gateway::{Gateway, Revision};
pub use identity_provider::{Endpoints, IdentityProvider};
pub use key::{ApplicationKey, KeyMode, KeyState};
pub use key_validation::config::raw::{AuthType, KeyType, LifeCycleStatus, ScopeMatching, SubscriptionState, Verb};
pub use revocation::{Revocation, RevocationAction, RevocationKind};
pub use scope::Scope;
pub use signing_key::{BackendKeyAlgorithm, BackendSigningKey};
pub use subscription::Subscription;

/// How often a stored thing was changed: its `ETag`. 0 before it is stored; the store counts.
pub type RowVersion = u64;

/// A JSON object: members of WSO2's schema that nothing here uses, kept to be returned.
pub type Document = serde_json::Map<String, serde_json::Value>;
