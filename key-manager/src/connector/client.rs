//! Clients at an identity provider, in the terms of RFC 7591.

use key_validation::Secret;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

/// What a client is registered with (RFC 7591 section 2). Empty lists are told as such: some identity providers fill
/// absent ones with defaults that need more.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ClientMetadata {
    /// Unique among the clients that were created from here.
    pub client_name: String,
    /// The grants it may use, such as `client_credentials`.
    #[serde(default)]
    pub grant_types: Vec<String>,
    /// Where users are sent back to; needed by `authorization_code` and `implicit`.
    #[serde(default)]
    pub redirect_uris: Vec<String>,
    /// The registered name of its way to authenticate; `client_secret_basic` when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub token_endpoint_auth_method: Option<String>,
    /// Scopes that it may ask for; the identity provider's choice when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub scope: Option<Vec<String>>,
    /// Further members for the identity provider, by its own names.
    #[serde(default, skip_serializing_if = "Map::is_empty")]
    pub additional: Map<String, Value>,
}

/// A client as the identity provider has just told of it.
#[derive(Clone, Debug)]
pub struct RegisteredClient {
    /// `client_id`.
    pub client_id: String,
    /// Its secret, when it was told: an identity provider may show it once only, or never for public clients.
    pub client_secret: Option<Secret>,
    /// When the secret expires, in seconds since the epoch; `None` when it does not.
    pub client_secret_expires_at: Option<u64>,
    /// Its metadata, as far as they were told.
    pub metadata: ClientMetadata,
    /// What manages it from now on, in place of the handle before; `None` when it cannot be managed from here.
    pub handle: Option<ManagementHandle>,
}

/// Which client is meant.
#[derive(Clone, Debug)]
pub struct ClientReference {
    /// `client_id`.
    pub client_id: String,
    /// The secret, as far as it is known: some identity providers want to see it in an update.
    pub client_secret: Option<Secret>,
    /// The newest handle; `None` for a client that was mapped.
    pub handle: Option<ManagementHandle>,
}

/// What a connector needs to manage a client later: a text that it alone can read and that may hold a registration
/// access token, so it is stored sealed. At many identity providers each use makes another one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ManagementHandle(Secret);

impl ManagementHandle {
    /// Takes it out of the store, or makes it in a connector.
    pub fn new(text: impl Into<String>) -> Self {
        Self(Secret::new(text))
    }

    /// For the store, and for the connector that made it.
    pub fn expose(&self) -> &str {
        self.0.expose()
    }
}

/// How a client authenticates.
#[derive(Clone, Debug)]
pub struct ClientCredentials {
    /// `client_id`.
    pub client_id: String,
    /// `client_secret`; a public client has none.
    pub client_secret: Option<Secret>,
}
