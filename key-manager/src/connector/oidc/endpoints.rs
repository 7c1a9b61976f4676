//! Where an identity provider's endpoints are: what is set by hand, else what its metadata say.

use std::sync::Arc;
use std::time::Duration;

use reqwest::Url;
use tokio::time::Instant;

use super::{Oidc, ProviderMetadata};
use crate::connector::ConnectorError;
use crate::connector::http;

/// How long metadata are remembered, and how long that there were none.
const METADATA_LIFETIME: Duration = Duration::from_secs(600);
const METADATA_FAILURE_LIFETIME: Duration = Duration::from_secs(1);

/// The metadata, or that there were none, and until when that counts.
pub(super) type Remembered = (Instant, Result<Arc<ProviderMetadata>, ConnectorError>);

impl Oidc {
    /// The metadata, remembered for a while; requests that come meanwhile wait for the one that asks.
    pub(super) async fn metadata(&self) -> Result<Arc<ProviderMetadata>, ConnectorError> {
        let mut remembered = self.metadata.lock().await;
        if let Some((until, metadata)) = &*remembered
            && *until > Instant::now()
        {
            return metadata.clone();
        }
        let metadata = self.fetch_metadata().await.map(Arc::new);
        let lifetime = if metadata.is_ok() { METADATA_LIFETIME } else { METADATA_FAILURE_LIFETIME };
        *remembered = Some((Instant::now() + lifetime, metadata.clone()));
        metadata
    }

    pub(super) async fn fetch_metadata(&self) -> Result<ProviderMetadata, ConnectorError> {
        match (&self.well_known, &self.issuer) {
            (Some(url), issuer) => ProviderMetadata::read(&self.http, url, issuer.as_ref()).await,
            (None, Some(issuer)) => ProviderMetadata::discover(&self.http, issuer).await,
            (None, None) => Ok(ProviderMetadata::default()),
        }
    }

    /// An endpoint: what is set by hand, else what the metadata say.
    pub(super) async fn endpoint(&self, by_hand: Option<&String>, name: &'static str) -> Result<Url, ConnectorError> {
        match by_hand.map(|text| http::endpoint(text)) {
            Some(Ok(url)) => Ok(url),
            Some(Err(_)) => Err(ConnectorError::NoEndpoint { endpoint: name }),
            None => self.metadata().await?.endpoint(name),
        }
    }

    pub(super) async fn token_endpoint(&self) -> Result<Url, ConnectorError> {
        self.endpoint(self.endpoints.token.as_ref(), "token_endpoint").await
    }

    pub(super) async fn introspection_endpoint(&self) -> Result<Url, ConnectorError> {
        self.endpoint(self.endpoints.introspection.as_ref(), "introspection_endpoint").await
    }

    pub(super) async fn revocation_endpoint(&self) -> Result<Url, ConnectorError> {
        self.endpoint(self.endpoints.revocation.as_ref(), "revocation_endpoint").await
    }

    pub(super) async fn registration_endpoint(&self) -> Result<Url, ConnectorError> {
        self.endpoint(self.endpoints.registration.as_ref(), "registration_endpoint").await
    }
}
