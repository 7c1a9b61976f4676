//! What the handlers work with.

use std::sync::Arc;

use key_validation::UnixTime;

use super::caller::{Authenticate, Credentials};
use super::error::RestError;
use crate::callers::Caller;
use crate::config::SecretDisplay;
use crate::connections::Connections;
use crate::connector::{ConnectorError, KeyManager};
use crate::domain::IdentityProvider;
use crate::outbox::{CarryOutError, Executor};
use crate::service::Service;
use crate::store::{Store, Transaction, Writer};

/// What the handlers work with.
#[derive(Clone)]
pub struct Services {
    /// What is kept.
    pub store: Arc<dyn Store>,
    /// Who calls.
    pub authentication: Arc<dyn Authenticate>,
    /// To identity providers.
    pub connections: Arc<Connections>,
    /// Carries out what has to reach identity providers.
    pub outbox: Executor,
    /// The clock.
    pub now: Arc<dyn Fn() -> UnixTime + Send + Sync>,
    /// Whether `oauth-keys` shows secrets again.
    pub secret_display: SecretDisplay,
}

impl Services {
    /// Those of a service.
    pub fn of(service: &Service) -> Self {
        let clock = Arc::clone(&service.clock);
        Self {
            store: Arc::clone(&service.store),
            authentication: Arc::new(Credentials::of(service)),
            connections: Arc::clone(&service.connections),
            outbox: service.outbox.clone(),
            now: Arc::new(move || clock.now()),
            secret_display: service.secret_display,
        }
    }

    /// A transaction that only reads.
    pub(super) async fn read(&self) -> Result<Box<dyn Transaction>, RestError> {
        Ok(self.store.read().await?)
    }

    /// A transaction that writes in the caller's name.
    pub(super) async fn write(&self, caller: &Caller) -> Result<Box<dyn Transaction>, RestError> {
        Ok(self.store.write(self.writer(caller)).await?)
    }

    /// The caller, as whoever writes.
    pub(super) fn writer(&self, caller: &Caller) -> Writer {
        Writer { actor: caller.user.clone(), request_id: caller.request_id.clone(), now: (self.now)() }
    }

    /// The connector of an identity provider.
    pub(super) fn connect(&self, provider: &IdentityProvider) -> Result<Arc<dyn KeyManager>, RestError> {
        self.connections.to(provider).map_err(|error| {
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
