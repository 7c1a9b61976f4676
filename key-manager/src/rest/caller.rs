//! Who calls: whoever has the bootstrap credential, or a token of the identity provider that REST callers have theirs from.

use std::sync::Arc;

use async_trait::async_trait;
use axum::http::HeaderMap;
use key_validation::{Secret, UnixTime};

use super::error::RestError;
use crate::callers::{self, Caller, bearer_token};
use crate::clock::Clock;
use crate::config::{TrustedIdentityProvider, UserClaim};
use crate::connections::Connections;
use crate::connector::{ActiveToken, ConnectorError, Introspection, TokenTypeHint};
use crate::domain::IdentityProvider;
use crate::service::Service;
use crate::store::Store;

/// How far an identity provider's clock may be ahead, in seconds.
const CLOCK_SKEW: u64 = 5;

/// Finds out who calls.
#[async_trait]
pub trait Authenticate: Send + Sync {
    /// The caller; [`RestError::Unauthorized`] without good credentials, [`RestError::Unavailable`] or
    /// [`RestError::BadGateway`] when that cannot be found out.
    async fn authenticate(&self, headers: &HeaderMap) -> Result<Caller, RestError>;
}

/// Knows the bootstrap credential and introspects tokens.
pub(crate) struct Credentials {
    bootstrap: Option<Secret>,
    trusted: Option<TrustedIdentityProvider>,
    store: Arc<dyn Store>,
    connections: Arc<Connections>,
    clock: Arc<dyn Clock>,
}

impl Credentials {
    /// Those of a service.
    pub(crate) fn of(service: &Service) -> Self {
        Self {
            bootstrap: service.bootstrap_credential.clone(),
            trusted: service.trusted_identity_provider.clone(),
            store: Arc::clone(&service.store),
            connections: Arc::clone(&service.connections),
            clock: Arc::clone(&service.clock),
        }
    }

    /// The bearer of a token of the trusted identity provider.
    async fn bearer(&self, token: &str) -> Result<Caller, RestError> {
        let trusted = self.trusted.as_ref().ok_or(RestError::Unauthorized)?;
        let provider = self.store.read().await?.find_identity_provider_by_name(&trusted.name).await?;
        let provider = provider.filter(|provider| provider.enabled).ok_or_else(|| {
            let name = &trusted.name;
            RestError::BadGateway(format!(
                "there is no key manager `{name}` that is enabled: `callers.identityProvider`"
            ))
        })?;
        let connector = self.connections.to(&provider);
        let connector = connector.map_err(|error| RestError::BadGateway(error.to_string()))?;
        let hint = Some(TokenTypeHint::AccessToken);
        match connector.introspect(&Secret::new(token), hint).await {
            Ok(Introspection::Active(active)) => {
                caller(&active, trusted, &provider, self.clock.now()).ok_or(RestError::Unauthorized)
            }
            Ok(Introspection::Inactive) => Err(RestError::Unauthorized),
            Err(error @ ConnectorError::Unavailable { .. }) => Err(RestError::Unavailable(error.to_string())),
            Err(error) => Err(RestError::BadGateway(error.to_string())),
        }
    }
}

#[async_trait]
impl Authenticate for Credentials {
    async fn authenticate(&self, headers: &HeaderMap) -> Result<Caller, RestError> {
        let token = bearer_token(headers).ok_or(RestError::Unauthorized)?;
        let caller = match callers::with_bootstrap_credential(self.bootstrap.as_ref(), headers) {
            Some(administrator) => administrator,
            None => self.bearer(token).await?,
        };
        Ok(caller.within(headers))
    }
}

/// Whom an answer speaks of; nobody when the token is none that counts here.
fn caller(
    active: &ActiveToken,
    trusted: &TrustedIdentityProvider,
    provider: &IdentityProvider,
    now: UnixTime,
) -> Option<Caller> {
    let now = now.as_seconds();
    let is_in_time = active.expires_at.is_none_or(|end| now < end)
        && active.not_before.is_none_or(|begin| begin <= now.saturating_add(CLOCK_SKEW));
    let is_of_issuer = match (&active.issuer, &provider.issuer) {
        (Some(told), Some(expected)) => told == expected,
        _ => true,
    };
    let is_for_us = trusted.audience.is_empty() || trusted.audience.iter().any(|own| active.audience.contains(own));
    let is_plain = active.is_access_token && !active.is_sender_constrained;
    if !(is_in_time && is_of_issuer && is_for_us && is_plain) {
        return None;
    }
    Some(Caller::with_scopes(user(active, trusted.user_claim)?, active.scope.iter().cloned()))
}

/// A client that calls for itself never has the name of a user.
fn user(active: &ActiveToken, claim: UserClaim) -> Option<String> {
    let named = match claim {
        UserClaim::Sub => active.subject.as_ref(),
        UserClaim::Username => active.username.as_ref(),
    };
    let is_client = active.subject.is_none() && active.username.is_none() || active.subject == active.client_id;
    match (is_client, named) {
        (true, _) => active.client_id.as_ref().map(|id| format!("client:{id}")),
        // Such a name would be a client's.
        (false, Some(name)) => Some(name.clone()).filter(|name| !name.starts_with("client:") && !name.is_empty()),
        (false, None) => None,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::Map;

    use super::*;

    fn active() -> ActiveToken {
        ActiveToken {
            client_id: Some("portal".to_owned()),
            subject: Some("u-bob".to_owned()),
            username: Some("bob".to_owned()),
            scope: vec!["apim:subscribe".to_owned()],
            issuer: None,
            audience: Vec::new(),
            issued_at: None,
            not_before: None,
            expires_at: None,
            is_access_token: true,
            is_sender_constrained: false,
            members: Map::new(),
        }
    }

    fn named(active: &ActiveToken) -> Option<String> {
        user(active, UserClaim::Sub)
    }

    #[test]
    fn s7_a_client_never_has_the_name_of_a_user() {
        assert_eq!(named(&active()).as_deref(), Some("u-bob"));
        assert_eq!(user(&active(), UserClaim::Username).as_deref(), Some("bob"));
        let alone = ActiveToken { subject: None, username: None, ..active() };
        assert_eq!(named(&alone).as_deref(), Some("client:portal"));
        let itself = ActiveToken { subject: Some("portal".to_owned()), ..active() };
        assert_eq!(named(&itself).as_deref(), Some("client:portal"));
        let disguised = ActiveToken { subject: Some("client:portal".to_owned()), ..active() };
        assert_eq!(named(&disguised), None);
        let unnamed = ActiveToken { subject: None, ..active() };
        assert_eq!(named(&unnamed), None);
    }

    #[test]
    fn s7_a_token_that_does_not_count_at_a_gateway_does_not_count_here() {
        let now = UnixTime::from_seconds(1000);
        let trusted = TrustedIdentityProvider {
            name: "c".to_owned(),
            user_claim: UserClaim::Sub,
            audience: vec!["km".to_owned()],
        };
        let mut provider = crate::rest::tests::identity_provider();
        provider.issuer = Some("https://idp".to_owned());
        let good = ActiveToken { audience: vec!["x".to_owned(), "km".to_owned()], ..active() };
        let is_somebody = |active: &ActiveToken| caller(active, &trusted, &provider, now).is_some();

        assert!(is_somebody(&good));
        for bad in [
            ActiveToken { expires_at: Some(1000), ..good.clone() },
            ActiveToken { not_before: Some(1006), ..good.clone() },
            ActiveToken { issuer: Some("https://other".to_owned()), ..good.clone() },
            ActiveToken { audience: vec!["x".to_owned()], ..good.clone() },
            ActiveToken { is_access_token: false, ..good.clone() },
            ActiveToken { is_sender_constrained: true, ..good.clone() },
        ] {
            assert!(!is_somebody(&bad), "{bad:?}");
        }
    }
}
