//! Who calls.

use async_trait::async_trait;
use axum::http::HeaderMap;
use key_validation::Secret;

use super::error::RestError;
use crate::callers::{self, Caller};

/// Finds out who calls.
#[async_trait]
pub trait Authenticate: Send + Sync {
    /// The caller; [`RestError::Unauthorized`] without good credentials, [`RestError::Unavailable`] or
    /// [`RestError::BadGateway`] when that cannot be found out.
    async fn authenticate(&self, headers: &HeaderMap) -> Result<Caller, RestError>;
}

/// Knows the bootstrap credential and nobody else.
pub(crate) struct BootstrapCredential(pub(crate) Option<Secret>);

#[async_trait]
impl Authenticate for BootstrapCredential {
    async fn authenticate(&self, headers: &HeaderMap) -> Result<Caller, RestError> {
        callers::with_bootstrap_credential(self.0.as_ref(), headers).ok_or(RestError::Unauthorized)
    }
}
