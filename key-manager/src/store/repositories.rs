//! The repositories: what can be read and written. Their rules are those of [the store](super).

use async_trait::async_trait;
use key_validation::UnixTime;

use super::{FeedState, Listed, Owner, StoreError, Window};
use crate::domain::{
    Api, ApiRegistration, ApiRevision, Application, ApplicationKey, AuditEntry, BackendSigningKey, Gateway,
    IdentityProvider, KeyType, Revocation, Scope, Subscription,
};
use crate::feed::{RecordChange, RecordKind};
use crate::outbox::{Intent, IntentId};

type Result<T> = std::result::Result<T, StoreError>;

/// APIs. Gateways are told of each change to one that they may know.
#[async_trait]
pub trait Apis {
    /// One API.
    async fn find_api(&mut self, id: &str) -> Result<Option<Api>>;
    /// APIs by name and version.
    async fn list_apis(&mut self, window: Window) -> Result<Listed<Api>>;
    /// Adds one; [`super::Unique::ApiName`], [`super::Unique::ApiContext`].
    async fn insert_api(&mut self, api: &Api) -> Result<()>;
    /// Replaces one.
    async fn update_api(&mut self, api: &Api) -> Result<()>;
    /// Removes one with its revisions; subscriptions to it go before.
    async fn delete_api(&mut self, id: &str) -> Result<()>;
    /// Its revisions by number, and the highest number that was ever used.
    async fn list_api_revisions(&mut self, api_id: &str) -> Result<(Vec<ApiRevision>, u32)>;
    /// Adds a revision.
    async fn insert_api_revision(&mut self, revision: &ApiRevision) -> Result<()>;
    /// Replaces a revision's description and deployments.
    async fn update_api_revision(&mut self, revision: &ApiRevision) -> Result<()>;
    /// Removes a revision; its number stays used.
    async fn delete_api_revision(&mut self, id: &str) -> Result<()>;
    /// How an API stands at its identity providers.
    async fn list_api_registrations(&mut self, api_id: &str) -> Result<Vec<ApiRegistration>>;
    /// How APIs stand at one identity provider.
    async fn list_api_registrations_at(&mut self, identity_provider_id: &str) -> Result<Vec<ApiRegistration>>;
    /// Adds or replaces how it stands at one.
    async fn put_api_registration(&mut self, registration: &ApiRegistration) -> Result<()>;
    /// Removes how it stood at one.
    async fn delete_api_registration(&mut self, api_id: &str, identity_provider_id: &str) -> Result<()>;
}

/// Applications. Gateways are told of each change.
#[async_trait]
pub trait Applications {
    /// One application.
    async fn find_application(&mut self, id: &str, owner: Owner<'_>) -> Result<Option<Application>>;
    /// Applications by name.
    async fn list_applications(&mut self, owner: Owner<'_>, window: Window) -> Result<Listed<Application>>;
    /// Adds one; [`super::Unique::ApplicationName`].
    async fn insert_application(&mut self, application: &Application) -> Result<()>;
    /// Replaces one.
    async fn update_application(&mut self, application: &Application) -> Result<()>;
    /// Removes one; its subscriptions go before, and its keys are removed or [`crate::domain::KeyState::Deleting`].
    async fn delete_application(&mut self, id: &str) -> Result<()>;
}

/// Keys. Gateways are told of the [`crate::domain::KeyState::Created`] ones.
#[async_trait]
pub trait Keys {
    /// One key.
    async fn find_key(&mut self, id: &str) -> Result<Option<ApplicationKey>>;
    /// The key of an application at an identity provider, whatever its state.
    async fn find_key_of(
        &mut self,
        application_id: &str,
        identity_provider_id: &str,
        key_type: KeyType,
    ) -> Result<Option<ApplicationKey>>;
    /// The key that a client belongs to.
    async fn find_key_by_client(
        &mut self,
        identity_provider_id: &str,
        client_id: &str,
    ) -> Result<Option<ApplicationKey>>;
    /// The keys with a client id, at whichever identity providers.
    async fn list_keys_by_client_id(&mut self, client_id: &str) -> Result<Vec<ApplicationKey>>;
    /// An application's keys by creation, whatever their state.
    async fn list_keys(&mut self, application_id: &str) -> Result<Vec<ApplicationKey>>;
    /// How many keys an identity provider has, whatever their state.
    async fn count_keys(&mut self, identity_provider_id: &str) -> Result<u64>;
    /// Adds one, which may be a mere place; [`super::Unique::Key`], [`super::Unique::ClientId`].
    async fn insert_key(&mut self, key: &ApplicationKey) -> Result<()>;
    /// Replaces one.
    async fn update_key(&mut self, key: &ApplicationKey) -> Result<()>;
    /// Removes one.
    async fn delete_key(&mut self, id: &str) -> Result<()>;
}

/// Subscriptions. Gateways are told of each change.
#[async_trait]
pub trait Subscriptions {
    /// One subscription, by the owner of its application.
    async fn find_subscription(&mut self, id: &str, owner: Owner<'_>) -> Result<Option<Subscription>>;
    /// Subscriptions by creation; of one API, of one application, or of both.
    async fn list_subscriptions(
        &mut self,
        api_id: Option<&str>,
        application_id: Option<&str>,
        owner: Owner<'_>,
        window: Window,
    ) -> Result<Listed<Subscription>>;
    /// Adds one; [`super::Unique::Subscription`].
    async fn insert_subscription(&mut self, subscription: &Subscription) -> Result<()>;
    /// Replaces one.
    async fn update_subscription(&mut self, subscription: &Subscription) -> Result<()>;
    /// Removes one.
    async fn delete_subscription(&mut self, id: &str) -> Result<()>;
}

/// Identity providers: WSO2's key managers.
#[async_trait]
pub trait IdentityProviders {
    /// One identity provider.
    async fn find_identity_provider(&mut self, id: &str) -> Result<Option<IdentityProvider>>;
    /// One by its name.
    async fn find_identity_provider_by_name(&mut self, name: &str) -> Result<Option<IdentityProvider>>;
    /// All of them by name.
    async fn list_identity_providers(&mut self) -> Result<Vec<IdentityProvider>>;
    /// Adds one; [`super::Unique::IdentityProviderName`].
    async fn insert_identity_provider(&mut self, identity_provider: &IdentityProvider) -> Result<()>;
    /// Replaces one. Its name stays: keys in gateways go by it.
    async fn update_identity_provider(&mut self, identity_provider: &IdentityProvider) -> Result<()>;
    /// Removes one that has no keys.
    async fn delete_identity_provider(&mut self, id: &str) -> Result<()>;
}

/// Scopes that APIs share.
#[async_trait]
pub trait Scopes {
    /// One scope.
    async fn find_scope(&mut self, id: &str) -> Result<Option<Scope>>;
    /// Scopes by name.
    async fn list_scopes(&mut self, window: Window) -> Result<Listed<Scope>>;
    /// Adds one; [`super::Unique::ScopeName`].
    async fn insert_scope(&mut self, scope: &Scope) -> Result<()>;
    /// Replaces one.
    async fn update_scope(&mut self, scope: &Scope) -> Result<()>;
    /// Removes one that no API uses.
    async fn delete_scope(&mut self, id: &str) -> Result<()>;
}

/// Revocation cut-offs. Gateways are told of each.
#[async_trait]
pub trait Revocations {
    /// Cut-offs by creation.
    async fn list_revocations(&mut self, window: Window) -> Result<Listed<Revocation>>;
    /// Adds one.
    async fn insert_revocation(&mut self, revocation: &Revocation) -> Result<()>;
    /// Removes one; false when there was none.
    async fn delete_revocation(&mut self, id: &str) -> Result<bool>;
    /// Removes all that have expired by `now`; gateways know the expiry themselves.
    async fn delete_expired_revocations(&mut self, now: UnixTime) -> Result<u64>;
}

/// What gateways are told, and what they said they know.
#[async_trait]
pub trait Feed {
    /// The newest revision.
    async fn feed_state(&mut self) -> Result<FeedState>;
    /// Changes after (number, kind, id), in that order, at most `limit`; tombstones included.
    async fn list_changes(&mut self, after: (u64, &str, &str), limit: u32) -> Result<Vec<RecordChange>>;
    /// The records of a kind in buckets from `first` on, by bucket, at most `limit`; for applications each bucket with
    /// their subscriptions after them.
    async fn list_records(&mut self, kind: RecordKind, first: u16, limit: u32) -> Result<Vec<RecordChange>>;
    /// How many APIs and applications gateways know.
    async fn count_records(&mut self) -> Result<u64>;
    /// Begins another epoch: after the database was restored, since gateways may know of what it lost.
    async fn begin_epoch(&mut self, epoch: &str) -> Result<()>;
    /// Removes the oldest tombstones, as far as they are from before a point in time and a thousand or so at once; gateways
    /// that have not applied all of them get a snapshot. How many there were.
    async fn compact_feed(&mut self, before: UnixTime) -> Result<u64>;
    /// How many tombstones there are.
    async fn count_tombstones(&mut self) -> Result<u64>;
    /// Gateways by name.
    async fn list_gateways(&mut self) -> Result<Vec<Gateway>>;
    /// Adds or replaces what a gateway said.
    async fn put_gateway(&mut self, gateway: &Gateway) -> Result<()>;
}

/// What has to reach identity providers.
#[async_trait]
pub trait Outbox {
    /// Adds an intent, in place of one for the same thing.
    async fn put_intent(&mut self, intent: &Intent) -> Result<()>;
    /// One intent.
    async fn find_intent(&mut self, id: &IntentId) -> Result<Option<Intent>>;
    /// Intents by their next attempt.
    async fn list_intents(&mut self, window: Window) -> Result<Listed<Intent>>;
    /// The intents that are due at `now` and that nobody carries out.
    async fn list_due_intents(&mut self, now: UnixTime, limit: u32) -> Result<Vec<Intent>>;
    /// Removes one that was carried out, or given up.
    async fn delete_intent(&mut self, id: &IntentId) -> Result<()>;
}

/// The audit log. Writes add to it by themselves; nothing is ever changed or removed.
#[async_trait]
pub trait Audit {
    /// Entries, the newest first.
    async fn list_audit_entries(&mut self, window: Window) -> Result<Listed<AuditEntry>>;
}

/// Keys that sign backend JWTs.
#[async_trait]
pub trait SigningKeys {
    /// All of them by creation.
    async fn list_signing_keys(&mut self) -> Result<Vec<BackendSigningKey>>;
    /// Adds one.
    async fn insert_signing_key(&mut self, key: &BackendSigningKey) -> Result<()>;
    /// Changes from when and until when gateways sign with one.
    async fn update_signing_key(&mut self, key: &BackendSigningKey) -> Result<()>;
    /// Removes one whose last JWT has expired.
    async fn delete_signing_key(&mut self, key_id: &str) -> Result<()>;
}
