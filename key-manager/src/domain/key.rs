//! Keys: an application's clients at identity providers.

use key_validation::{Secret, UnixTime};

use serde::{Deserialize, Serialize};

use super::{Document, KeyType, RowVersion};

/// An application's client at an identity provider; one for each application, identity provider and key type.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct ApplicationKey {
    /// Unique id, a UUID: WSO2's `keyMappingId`.
    pub id: String,
    /// See [`RowVersion`].
    #[serde(skip)]
    pub row_version: RowVersion,
    /// The application.
    pub application_id: String,
    /// The identity provider.
    pub identity_provider_id: String,
    /// What it is for.
    pub key_type: KeyType,
    /// Whether the client was made by us, and goes with the key.
    pub mode: KeyMode,
    /// Where it stands. Only a [`KeyState::Created`] one is a key; the others hold its place.
    pub state: KeyState,
    /// The client's name there: by it a lost one is found again.
    pub client_name: String,
    /// The client's id there, unique at the identity provider; none while it is being created.
    pub client_id: Option<String>,
    /// The client's secret, sealed at rest; none for a public client.
    #[serde(skip)]
    pub client_secret: Option<Secret>,
    /// What manages the client ([`crate::connector::ManagementHandle`]), sealed at rest; none when it was mapped.
    /// It may be another after each use.
    #[serde(skip)]
    pub handle: Option<Secret>,
    /// SHA-256 of the token by which the client manages itself (RFC 7592), when it was registered so.
    #[serde(default)]
    pub registration_token_digest: Option<String>,
    /// The client's metadata as it was last told: [`crate::connector::ClientMetadata`] as JSON.
    pub metadata: Document,
    /// The members of WSO2's schema that nothing here uses.
    pub document: Document,
    /// When it was created.
    #[serde(with = "super::millis")]
    pub created_at: UnixTime,
    /// When it was last changed.
    #[serde(with = "super::millis")]
    pub updated_at: UnixTime,
}

/// How a key came to its client; WSO2's `mode`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum KeyMode {
    /// We created the client, and delete it with the key.
    Created,
    /// It was there, and stays.
    Mapped,
}

/// Where a key stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum KeyState {
    /// The client is being created; whether it exists is not known yet.
    Creating,
    /// The client exists.
    Created,
    /// The client is being deleted; for everybody but the outbox the key is gone.
    Deleting,
}
