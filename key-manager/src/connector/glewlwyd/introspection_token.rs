//! The token by which tokens are introspected: one of the key manager's own client with a scope that the plugin asks
//! for. By the client's id and secret Glewlwyd calls every other client's token inactive.

use std::time::Duration;

use key_validation::{ScopeToken, Secret};
use tokio::sync::Mutex;
use tokio::time::Instant;

use crate::connector::SettingsError;
use crate::connector::oidc::Oidc;
use crate::connector::{
    ConnectorError, Grant, Introspection, KeyManager as _, Properties, TokenRequest, TokenTypeHint,
};

/// The setting that names the scope.
pub(super) const SETTING: &str = "introspectionScope";

/// A token is asked for anew so long before it ends, or once half of a shorter life is over.
const BEFORE_ITS_END: Duration = Duration::from_secs(60);
/// How long a token lasts that does not say so.
const UNTOLD_LIFETIME: Duration = Duration::from_secs(120);

/// Introspects with a token that it keeps in memory.
pub(super) struct Introspector {
    scope: ScopeToken,
    known: Mutex<Option<Known>>,
}

struct Known {
    token: Secret,
    renewed_at: Instant,
}

impl Introspector {
    /// `None` when the settings name no scope.
    pub(super) fn new(properties: &Properties) -> Result<Option<Self>, SettingsError> {
        let Some(text) = properties.text(SETTING)? else { return Ok(None) };
        let scope = ScopeToken::try_from(text).map_err(|error| SettingsError::new(SETTING, error.to_string()))?;
        Ok(Some(Self { scope, known: Mutex::new(None) }))
    }

    /// A token that is refused may have been revoked or forgotten: another one is tried, once.
    pub(super) async fn introspect(
        &self,
        oidc: &Oidc,
        token: &Secret,
        hint: Option<TokenTypeHint>,
    ) -> Result<Introspection, ConnectorError> {
        let own = self.own_token(oidc, None).await?;
        match oidc.introspect_with(&own, token, hint).await {
            Err(ConnectorError::OwnCredentialsRefused { .. }) => {}
            outcome => return outcome,
        }
        let own = self.own_token(oidc, Some(&own)).await?;
        oidc.introspect_with(&own, token, hint).await.map_err(|error| match error {
            ConnectorError::OwnCredentialsRefused { .. } => refused(SETTING),
            error => error,
        })
    }

    /// The token that is known, unless it is about to end or is the refused one. Whoever comes while one is asked for
    /// waits for it.
    async fn own_token(&self, oidc: &Oidc, refused: Option<&Secret>) -> Result<Secret, ConnectorError> {
        let mut known = self.known.lock().await;
        if let Some(known) = &*known
            && Instant::now() < known.renewed_at
            && refused != Some(&known.token)
        {
            return Ok(known.token.clone());
        }
        let issued = self.request(oidc).await?;
        *known = Some(Known { token: issued.0.clone(), renewed_at: Instant::now() + until_renewal(issued.1) });
        Ok(issued.0)
    }

    async fn request(&self, oidc: &Oidc) -> Result<(Secret, Option<Duration>), ConnectorError> {
        let request = TokenRequest {
            client: oidc.own().clone(),
            grant: Grant::ClientCredentials,
            scope: vec![self.scope.clone()],
            lifetime: None,
        };
        let issued = oidc.request_token(&request).await.map_err(|error| match error {
            ConnectorError::WrongCredentials => refused("clientSecret"),
            ConnectorError::Refused { .. } => refused(SETTING),
            error => error,
        })?;
        Ok((issued.access_token, issued.expires_in))
    }
}

fn refused(setting: &'static str) -> ConnectorError {
    ConnectorError::OwnCredentialsRefused { setting }
}

fn until_renewal(lifetime: Option<Duration>) -> Duration {
    let lifetime = lifetime.unwrap_or(UNTOLD_LIFETIME);
    lifetime.saturating_sub(BEFORE_ITS_END).max(lifetime / 2)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_is_renewed_before_it_ends() {
        for (lifetime, expected) in [(Some(600), 540), (Some(100), 50), (Some(0), 0), (None, 60)] {
            let until = until_renewal(lifetime.map(Duration::from_secs));
            assert_eq!(until, Duration::from_secs(expected), "{lifetime:?}");
        }
    }
}
