//! What every endpoint and task works with.

use std::sync::Arc;
use std::time::Duration;

use aws_lc_rs::constant_time::verify_slices_are_equal;
use key_validation::{Secret, UnixTime};
use tokio::sync::watch;

use crate::clock::Clock;
use crate::config::{NamedCredential, SecretDisplay, TrustedIdentityProvider};
use crate::connections::Connections;
use crate::connector::{ConnectorError, Happened, KeyManager};
use crate::domain::IdentityProvider;
use crate::feed::{Acknowledgements, SharedPage};
use crate::metrics::Metrics;
use crate::outbox::Executor;
use crate::signing_keys::Rotation;
use crate::store::{Store, StoreError, Transaction, Writer};
use crate::users::Users;

/// What every endpoint and task works with.
pub struct Service {
    /// Where everything lasting is.
    pub store: Arc<dyn Store>,
    /// Tells the time.
    pub clock: Arc<dyn Clock>,
    /// To identity providers.
    pub connections: Arc<Connections>,
    /// Carries out what has to reach identity providers.
    pub outbox: Executor,
    /// Acts as user `admin` with every scope.
    pub bootstrap_credential: Option<Secret>,
    /// Whose tokens callers of the REST API may present.
    pub trusted_identity_provider: Option<TrustedIdentityProvider>,
    /// Who may read the feed, and introspect.
    pub gateways: Vec<NamedCredential>,
    /// Who may introspect.
    pub resource_servers: Vec<NamedCredential>,
    /// Where clients reach the service, when that is not where their requests say.
    pub public_url: Option<String>,
    /// What is known of users, where there is a user store.
    pub users: Option<Users>,
    /// When the secret of a client is shown.
    pub secret_display: SecretDisplay,
    /// When keys that sign backend JWTs follow each other.
    pub rotation: Rotation,
    /// For how long gateways are told of what is gone.
    pub compact_after: Duration,
    /// The numbers of this process.
    pub metrics: Arc<Metrics>,
    /// What gateways are told that know the same.
    pub page: SharedPage,
    /// What gateways say.
    pub acknowledgements: Acknowledgements,
    /// Whether the process is on its way out.
    pub shutting_down: watch::Sender<bool>,
}

impl Service {
    /// The time.
    pub fn now(&self) -> UnixTime {
        self.clock.now()
    }

    /// An id for something new: a UUID, later ones sort after earlier ones.
    pub fn new_id(&self) -> String {
        uuid::Uuid::now_v7().to_string()
    }

    /// The connector of an identity provider.
    ///
    /// # Errors
    /// [`ConnectorError`] with the setting that is wrong.
    pub fn connect(&self, provider: &IdentityProvider) -> Result<Arc<dyn KeyManager>, ConnectorError> {
        let wrong = |error: crate::connector::SettingsError| ConnectorError::BadAnswer {
            reason: error.to_string(),
            happened: Happened::No,
        };
        self.connections.to(provider).map_err(wrong)
    }

    /// A transaction that writes as somebody, at this moment.
    ///
    /// # Errors
    /// See [`Store::write`].
    pub async fn write(&self, actor: &str, request_id: &str) -> Result<Box<dyn Transaction>, StoreError> {
        let writer = Writer { actor: actor.to_owned(), request_id: request_id.to_owned(), now: self.now() };
        self.store.write(writer).await
    }
}

/// Whether two secrets are the same, in a time that tells nothing but their lengths.
pub(crate) fn is_same(expected: &Secret, given: &str) -> bool {
    verify_slices_are_equal(expected.expose().as_bytes(), given.as_bytes()).is_ok()
}

/// The id of the request with these headers, which every request has.
pub(crate) fn request_id(headers: &axum::http::HeaderMap) -> String {
    headers.get("x-request-id").and_then(|id| id.to_str().ok()).unwrap_or_default().to_owned()
}
