//! Connectors: one implementation of [`KeyManager`] for each dialect that identity providers speak.
//!
//! A connector talks to one identity provider and keeps nothing: whatever it needs later to manage a client is in the
//! [`ManagementHandle`] that it hands out, for the caller to store. It decides nothing about applications and
//! subscriptions, and writes no token and no secret to a log.
//!
//! What a dialect cannot do is said ([`KeyManager::supports`], [`ConnectorError::Unsupported`]), never faked.
//!
//! A connector of one's own implements [`KeyManager`] and [`ConnectorType`], and is registered by its type's name with
//! [`ConnectorTypes::register`].

mod client;
mod error;
pub mod glewlwyd;
pub mod http;
pub mod oidc;
mod relay;
mod resource;
mod settings;
mod token;
mod types;

use async_trait::async_trait;
use key_validation::{ScopeToken, Secret};
use serde_json::{Map, Value};

pub use client::{ClientCredentials, ClientMetadata, ClientReference, ManagementHandle, RegisteredClient};
pub use error::{Action, ConnectorError, Happened};
pub use relay::{RelayEndpoint, RelayRequest, RelayResponse};
pub use resource::{ApiResource, RegisteredResource, Scope};
pub use settings::{ConnectorSettings, Endpoints, Properties, SettingDescription, SettingKind, SettingsError};
pub use token::{ActiveToken, Grant, Introspection, IssuedToken, TokenRequest, TokenTypeHint};
pub use types::{ConnectorType, ConnectorTypes, Discovered};

/// What an identity provider is asked to do. The functions of WSO2's `KeyManager` interface, one for one.
///
/// Functions with a provided body are what not every dialect has; the body answers [`ConnectorError::Unsupported`],
/// or what is true of every identity provider that has no such thing. A connector that overrides one says so in
/// [`KeyManager::supports`].
///
/// Every call is one exchange with the identity provider as far as anything changes there, so that a caller who stores
/// what it returned before the next call never loses a registration access token that was rotated.
#[async_trait]
pub trait KeyManager: Send + Sync {
    /// Whether this dialect, with these settings, has an operation.
    fn supports(&self, operation: Operation) -> bool;

    /// Tries everything that can be tried without changing anything that stays, and says for each part what is wrong.
    async fn check(&self) -> Vec<Check>;

    // Clients.

    /// Registers a client (RFC 7591 section 3). A failure with [`Happened::Maybe`] may have made one all the same.
    async fn create_client(&self, metadata: &ClientMetadata) -> Result<RegisteredClient, ConnectorError>;

    /// What the identity provider has of a client; `None` when it does not know it.
    async fn read_client(&self, client: &ClientReference) -> Result<Option<RegisteredClient>, ConnectorError>;

    /// Replaces all metadata of a client. The secret in the answer, when there is one, replaces the one before.
    async fn update_client(
        &self,
        client: &ClientReference,
        metadata: &ClientMetadata,
    ) -> Result<RegisteredClient, ConnectorError>;

    /// Removes a client; well too when it is gone already. Its tokens may outlive it.
    async fn delete_client(&self, client: &ClientReference) -> Result<(), ConnectorError>;

    /// Looks for a client by its name, which is unique among those that were created here.
    async fn find_client_by_name(&self, _name: &str) -> Result<Option<RegisteredClient>, ConnectorError> {
        Err(ConnectorError::Unsupported(Operation::FindClientByName))
    }

    /// Takes over a client that exists: proves the credentials by authenticating with them, since most identity
    /// providers never show a secret. [`ConnectorError::WrongCredentials`] when they are refused. The metadata of the
    /// answer are what could be read; without a handle the client cannot be managed from here.
    async fn map_client(&self, credentials: &ClientCredentials) -> Result<RegisteredClient, ConnectorError>;

    /// Makes the identity provider issue another secret; the one before ends.
    async fn regenerate_secret(
        &self,
        _client: &ClientReference,
        _metadata: &ClientMetadata,
    ) -> Result<RegisteredClient, ConnectorError> {
        Err(ConnectorError::Unsupported(Operation::RegenerateSecret))
    }

    /// Tells the identity provider of another owner; nothing where it knows no owners.
    async fn change_owner(&self, _client: &ClientReference, _owner: &str) -> Result<(), ConnectorError> {
        Ok(())
    }

    // Tokens.

    /// A token for a client itself.
    async fn request_token(&self, request: &TokenRequest) -> Result<IssuedToken, ConnectorError>;

    /// What the identity provider says of a token, whatever its dialect. An error says nothing about the token.
    async fn introspect(&self, token: &Secret, hint: Option<TokenTypeHint>) -> Result<Introspection, ConnectorError>;

    /// Revokes a token as the client that it was issued to (RFC 7009); well too when it is not known.
    async fn revoke(
        &self,
        token: &Secret,
        hint: Option<TokenTypeHint>,
        client: &ClientCredentials,
    ) -> Result<(), ConnectorError>;

    /// Passes a client's request on to an endpoint of the identity provider, and its answer back, as they are.
    /// An error means that there is no answer.
    async fn relay(&self, endpoint: RelayEndpoint, request: &RelayRequest) -> Result<RelayResponse, ConnectorError>;

    // APIs and their scopes.

    /// How the identity provider knows an API; `None` when it does not.
    async fn find_resource(&self, _api_id: &str) -> Result<Option<RegisteredResource>, ConnectorError> {
        Err(ConnectorError::Unsupported(Operation::ManageResources))
    }

    /// Makes an API known.
    async fn register_resource(&self, _api: &ApiResource) -> Result<RegisteredResource, ConnectorError> {
        Err(ConnectorError::Unsupported(Operation::ManageResources))
    }

    /// Replaces what the identity provider knows of an API.
    async fn update_resource(
        &self,
        _resource: &RegisteredResource,
        _api: &ApiResource,
    ) -> Result<RegisteredResource, ConnectorError> {
        Err(ConnectorError::Unsupported(Operation::ManageResources))
    }

    /// Removes an API; well too when it is gone already.
    async fn delete_resource(&self, _resource: &RegisteredResource) -> Result<(), ConnectorError> {
        Err(ConnectorError::Unsupported(Operation::ManageResources))
    }

    /// All scopes of the identity provider.
    async fn list_scopes(&self) -> Result<Vec<Scope>, ConnectorError> {
        Err(ConnectorError::Unsupported(Operation::ManageScopes))
    }

    /// One scope; `None` when the identity provider does not know it.
    async fn find_scope(&self, _name: &ScopeToken) -> Result<Option<Scope>, ConnectorError> {
        Err(ConnectorError::Unsupported(Operation::ManageScopes))
    }

    /// Creates a scope; [`ConnectorError::Conflict`] when there is one of this name.
    async fn create_scope(&self, _scope: &Scope) -> Result<(), ConnectorError> {
        Err(ConnectorError::Unsupported(Operation::ManageScopes))
    }

    /// Replaces what the identity provider tells of a scope.
    async fn update_scope(&self, _scope: &Scope) -> Result<(), ConnectorError> {
        Err(ConnectorError::Unsupported(Operation::ManageScopes))
    }

    /// Removes a scope; well too when it is gone already.
    async fn delete_scope(&self, _name: &ScopeToken) -> Result<(), ConnectorError> {
        Err(ConnectorError::Unsupported(Operation::ManageScopes))
    }

    // Users.

    /// The claims of the user whom a token was issued for.
    async fn user_claims(&self, _access_token: &Secret) -> Result<Map<String, Value>, ConnectorError> {
        Err(ConnectorError::Unsupported(Operation::ReadUserClaims))
    }
}

/// What a dialect may lack; everything else of [`KeyManager`] every dialect has.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Operation {
    /// [`KeyManager::create_client`].
    CreateClient,
    /// [`KeyManager::read_client`], [`KeyManager::update_client`] and [`KeyManager::delete_client`].
    ManageClients,
    /// [`KeyManager::find_client_by_name`].
    FindClientByName,
    /// [`KeyManager::regenerate_secret`].
    RegenerateSecret,
    /// [`KeyManager::change_owner`] does something.
    ChangeOwner,
    /// [`KeyManager::introspect`].
    Introspect,
    /// [`KeyManager::revoke`].
    Revoke,
    /// The functions about resources.
    ManageResources,
    /// The functions about scopes.
    ManageScopes,
    /// [`KeyManager::user_claims`].
    ReadUserClaims,
}

impl Operation {
    /// Every operation.
    pub const ALL: [Self; 10] = [
        Self::CreateClient,
        Self::ManageClients,
        Self::FindClientByName,
        Self::RegenerateSecret,
        Self::ChangeOwner,
        Self::Introspect,
        Self::Revoke,
        Self::ManageResources,
        Self::ManageScopes,
        Self::ReadUserClaims,
    ];

    /// What cannot be done, for a person.
    pub fn description(self) -> &'static str {
        match self {
            Self::CreateClient => "register clients",
            Self::ManageClients => "read, update and delete clients",
            Self::FindClientByName => "look up clients by name",
            Self::RegenerateSecret => "issue a client another secret",
            Self::ChangeOwner => "keep the owner of a client",
            Self::Introspect => "introspect tokens",
            Self::Revoke => "revoke tokens",
            Self::ManageResources => "keep APIs as resources",
            Self::ManageScopes => "keep scopes",
            Self::ReadUserClaims => "tell the claims of a user",
        }
    }
}

/// The outcome of one part of [`KeyManager::check`].
#[derive(Debug)]
pub struct Check {
    /// What was tried, such as `metadata`, `introspection`, `registration`.
    pub name: &'static str,
    /// What is wrong with it.
    pub outcome: Result<(), ConnectorError>,
}
