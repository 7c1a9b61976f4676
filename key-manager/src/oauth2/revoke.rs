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
    /// It is an access token of the client's own, which ends then.
    AccessToken(Option<UnixTime>),
    /// It is something else of the client's own, of this subject.
    Other(Option<String>),
    /// Nobody knows: it may be the client's own.
    Nothing,
    /// It is another client's, and ends then. Some identity providers revoke it all the same, others answer 200 without
    /// any effect (RFC 7009 section 2.1): whoever holds a token must not be able to have it denied.
    Foreign(Option<UnixTime>),
}

pub(super) async fn revoke(State(service): State<Arc<Service>>, form: ClientForm) -> Result<Response, OauthError> {
    let token = form.required("token")?.clone();
    let hint = form.field("token_type_hint")?.map(|hint| hint.expose().to_owned());
    let (key, provider) = form.owner(&service).await?;
    let client_id = key.client_id.unwrap_or_default();
    let connector = service.connect(&provider).map_err(|error| OauthError::bad_gateway(&error))?;
    let known = known(&*connector, &token, hint.as_deref(), &client_id).await;
    let answer = connector.relay(RelayEndpoint::Revocation, &form.relayed()).await;
    let answer = answer.map_err(|error| OauthError::bad_gateway(&error))?;
    // Whoever is refused has revoked nothing, and must not trouble gateways.
    if (200..300).contains(&answer.status) {
        let known = match known {
            // What the identity provider has done, gateways do too.
            Known::Foreign(end) if is_inactive(&*connector, &token).await => Known::AccessToken(end),
            known => known,
        };
        let cut_offs = cut_offs_of(&known, &token, &client_id, &provider.name, service.now());
        write(&service, &cut_offs, &client_id, &form.request_id).await?;
    }
    Ok(relay::response(answer))
}

/// What an identity provider says that can be asked.
async fn known(connector: &dyn KeyManager, token: &Secret, hint: Option<&str>, client_id: &str) -> Known {
    let asked = match hint {
        Some("refresh_token") => Some(TokenTypeHint::RefreshToken),
        Some("access_token") => Some(TokenTypeHint::AccessToken),
        _ => None,
    };
    let active = match connector.introspect(token, asked).await {
        Ok(Introspection::Active(active)) => active,
        Ok(Introspection::Inactive) | Err(_) => return Known::Nothing,
    };
    let end = active.expires_at.map(UnixTime::from_seconds);
    match active.client_id.as_deref() {
        None => Known::Nothing,
        Some(owner) if owner != client_id => Known::Foreign(end),
        Some(_) if active.is_access_token && is_typed(&active.members) => Known::AccessToken(end),
        Some(_) => Known::Other(active.subject),
    }
}

async fn is_inactive(connector: &dyn KeyManager, token: &Secret) -> bool {
    matches!(connector.introspect(token, None).await, Ok(Introspection::Inactive))
}

/// Refresh tokens that are introspected have no `token_type` at some identity providers.
fn is_typed(members: &serde_json::Map<String, serde_json::Value>) -> bool {
    ["token_type", "token_use", "typ"].iter().any(|name| members.contains_key(*name))
}

/// Revoking a refresh token kills its siblings at some identity providers: gateways ask again about all that may be
/// some, which denies nobody wrongly.
fn cut_offs_of(
    known: &Known,
    token: &Secret,
    client_id: &str,
    identity_provider: &str,
    now: UnixTime,
) -> Vec<Revocation> {
    let recheck = |kind, value: &str| cut_offs::recheck(kind, value, identity_provider, now);
    match known {
        Known::AccessToken(expires_at) => vec![cut_offs::token(identity_provider, token, *expires_at, now)],
        Known::Other(subject) => {
            let subject = subject.as_ref().map(|subject| recheck(RevocationKind::Subject, subject));
            std::iter::once(recheck(RevocationKind::Client, client_id)).chain(subject).collect()
        }
        Known::Nothing => vec![recheck(RevocationKind::Client, client_id)],
        Known::Foreign(_) => Vec::new(),
    }
}

async fn write(
    service: &Service,
    cut_offs: &[Revocation],
    client_id: &str,
    request_id: &str,
) -> Result<(), OauthError> {
    if cut_offs.is_empty() {
        return Ok(());
    }
    let mut transaction = service.write(&format!("client:{client_id}"), request_id).await?;
    for cut_off in cut_offs {
        cut_offs::put(transaction.as_mut(), cut_off).await?;
    }
    Ok(transaction.commit().await?)
}
