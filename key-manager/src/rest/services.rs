//! What the handlers work with.

use std::sync::Arc;

use async_trait::async_trait;
use key_validation::UnixTime;

use super::caller::{Authenticate, BootstrapCredential};
use super::error::RestError;
use crate::callers::Caller;
use crate::connector::{ConnectorError, ConnectorTypes, KeyManager};
use crate::domain::IdentityProvider;
use crate::outbox::{Executor, IntentId};
use crate::service::Service;
use crate::store::{Store, Transaction, Writer};

/// What the handlers work with.
#[derive(Clone)]
pub struct Services {
    /// What is kept.
    pub store: Arc<dyn Store>,
    /// Who calls.
    pub authentication: Arc<dyn Authenticate>,
    /// The dialects of identity providers.
    pub connectors: Arc<ConnectorTypes>,
    /// Carries out what has to reach identity providers.
    pub outbox: Arc<dyn CarryOut>,
    /// The clock.
    pub now: Arc<dyn Fn() -> UnixTime + Send + Sync>,
    /// Whether `oauth-keys` shows secrets again.
    pub secret_display: SecretDisplay,
}

/// Carries out an intent at once, for a caller who waits for it.
#[async_trait]
pub trait CarryOut: Send + Sync {
    /// Tries an intent of the outbox. A creation that surely did not happen is forgotten with the place that it
    /// held; one that may have happened stays, for a person. A deletion stays until it is done.
    async fn carry_out(&self, id: &IntentId) -> Result<(), CarryOutError>;

    /// Says that there are intents to try.
    fn wake(&self);
}

/// Why an intent was not carried out.
#[derive(Debug, thiserror::Error)]
pub enum CarryOutError {
    /// The identity provider.
    #[error(transparent)]
    Connector(#[from] ConnectorError),
    /// The store.
    #[error(transparent)]
    Store(#[from] crate::store::StoreError),
}

/// When the secret of a client is shown.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum SecretDisplay {
    /// Whenever the owner reads the key, as WSO2 does.
    #[default]
    Always,
    /// In the answer that made it, and never again.
    Once,
}

impl Services {
    /// Those of a service.
    pub fn of(service: &Service) -> Self {
        let clock = Arc::clone(&service.clock);
        Self {
            store: Arc::clone(&service.store),
            authentication: Arc::new(BootstrapCredential(service.bootstrap_credential.clone())),
            connectors: Arc::clone(&service.connectors),
            outbox: Arc::new(Executor::of(service)),
            now: Arc::new(move || clock.now()),
            secret_display: SecretDisplay::default(),
        }
    }

    /// A transaction that only reads.
    pub(super) async fn read(&self) -> Result<Box<dyn Transaction>, RestError> {
        Ok(self.store.read().await?)
    }

    /// A transaction that writes in the caller's name.
    pub(super) async fn write(&self, caller: &Caller) -> Result<Box<dyn Transaction>, RestError> {
        let writer = Writer { actor: caller.user.clone(), request_id: String::new(), now: (self.now)() };
        Ok(self.store.write(writer).await?)
    }

    /// The connector of an identity provider.
    pub(super) fn connect(&self, provider: &IdentityProvider) -> Result<Arc<dyn KeyManager>, RestError> {
        let settings = super::admin::connector_settings(provider);
        self.connectors.connect(&provider.connector, &settings).map_err(|error| {
            RestError::BadGateway(format!("key manager `{}`: {error}; an administrator can change it", provider.name))
        })
    }
}

impl From<ConnectorError> for RestError {
    fn from(error: ConnectorError) -> Self {
        let reason = error.to_string();
        match error.status() {
            400 => Self::BadRequest(reason),
            409 => Self::Conflict(reason),
            503 => Self::Unavailable(format!("{reason}; try again later")),
            _ => Self::BadGateway(format!("{reason}; an administrator has to look at the key manager's settings")),
        }
    }
}

impl From<CarryOutError> for RestError {
    fn from(error: CarryOutError) -> Self {
        match error {
            CarryOutError::Connector(error) => error.into(),
            CarryOutError::Store(error) => error.into(),
        }
    }
}
