//! `/oauth2/revoke` (RFC 7009): revokes at the identity provider, and tells every gateway.

use std::sync::Arc;

use axum::extract::State;
use axum::response::Response;
use key_validation::{Secret, UnixTime};

use super::client::ClientForm;
use super::error::OauthError;
use super::relay;
use crate::connector::{Introspection, KeyManager, RelayEndpoint, TokenTypeHint};
use crate::cut_offs;
use crate::domain::{Revocation, RevocationKind};
use crate::service::Service;

/// What is known of a token before it is revoked; afterwards nobody knows anything of it.
enum Known {
    /// It is an access token, which ends then.
    AccessToken(Option<UnixTime>),
    /// It is something else, or nobody knows; perhaps whose.
    Other(Option<String>),
}

pub(super) async fn revoke(State(service): State<Arc<Service>>, form: ClientForm) -> Result<Response, OauthError> {
    let token = form.required("token")?.clone();
    let hint = form.field("token_type_hint")?.map(|hint| hint.expose().to_owned());
    let (key, provider) = form.owner(&service).await?;
    let connector = service.connect(&provider).map_err(|error| OauthError::bad_gateway(&error))?;
    let known = known(&*connector, &token, hint.as_deref()).await;
    let answer = connector.relay(RelayEndpoint::Revocation, &form.relayed()).await;
    let answer = answer.map_err(|error| OauthError::bad_gateway(&error))?;
    // Whoever is refused has revoked nothing, and must not trouble gateways.
    if (200..300).contains(&answer.status) {
        let client_id = key.client_id.unwrap_or_default();
        let now = service.now();
        let cut_offs = cut_offs_of(&known, &token, &client_id, &provider.name, now);
        let mut transaction = service.write(&format!("client:{client_id}"), &form.request_id).await?;
        for cut_off in &cut_offs {
            cut_offs::put(transaction.as_mut(), cut_off).await?;
        }
        transaction.commit().await?;
    }
    Ok(relay::response(answer))
}

/// An identity provider that cannot be asked leaves the hint.
async fn known(connector: &dyn KeyManager, token: &Secret, hint: Option<&str>) -> Known {
    let asked = match hint {
        Some("refresh_token") => Some(TokenTypeHint::RefreshToken),
        Some("access_token") => Some(TokenTypeHint::AccessToken),
        _ => None,
    };
    match connector.introspect(token, asked).await {
        Ok(Introspection::Active(active)) if active.is_access_token && is_typed(&active.members) => {
            Known::AccessToken(active.expires_at.map(UnixTime::from_seconds))
        }
        Ok(Introspection::Active(active)) => Known::Other(active.subject),
        Err(_) if hint == Some("access_token") => Known::AccessToken(None),
        Ok(Introspection::Inactive) | Err(_) => Known::Other(None),
    }
}

/// Refresh tokens that are introspected have no `token_type` at some identity providers.
fn is_typed(members: &serde_json::Map<String, serde_json::Value>) -> bool {
    ["token_type", "token_use", "typ"].iter().any(|name| members.contains_key(*name))
}

/// Revoking a refresh token kills its siblings at some identity providers: gateways ask again about all that may be some.
fn cut_offs_of(
    known: &Known,
    token: &Secret,
    client_id: &str,
    identity_provider: &str,
    now: UnixTime,
) -> Vec<Revocation> {
    match known {
        Known::AccessToken(expires_at) => vec![cut_offs::token(identity_provider, token, *expires_at, now)],
        Known::Other(subject) => {
            let client = cut_offs::recheck(RevocationKind::Client, client_id, identity_provider, now);
            let subject = subject.as_ref();
            let subject =
                subject.map(|subject| cut_offs::recheck(RevocationKind::Subject, subject, identity_provider, now));
            std::iter::once(client).chain(subject).collect()
        }
    }
}
