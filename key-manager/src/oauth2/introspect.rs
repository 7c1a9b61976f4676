//! `/oauth2/introspect`: RFC 7662's form and answer, whatever the identity provider's dialect. For gateways and
//! resource servers, never for anybody else's clients: an answer tells of other people's tokens.

use std::sync::Arc;

use axum::Json;
use axum::extract::{FromRequestParts, State};
use axum::http::header::CACHE_CONTROL;
use axum::http::request::Parts;
use axum::response::{IntoResponse, Response};
use key_validation::Secret;
use serde_json::{Map, Value, json};

use super::client::ClientForm;
use super::error::OauthError;
use crate::callers::bearer_token;
use crate::connector::{ActiveToken, Introspection, TokenTypeHint};
use crate::domain::IdentityProvider;
use crate::service::{Service, is_same};

/// The bearer token, before the body is read.
pub(super) struct Bearer(Option<String>);

impl<S: Send + Sync> FromRequestParts<S> for Bearer {
    type Rejection = OauthError;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, OauthError> {
        Ok(Self(bearer_token(&parts.headers).map(str::to_owned)))
    }
}

pub(super) async fn introspect(
    State(service): State<Arc<Service>>,
    Bearer(bearer): Bearer,
    form: ClientForm,
) -> Result<Response, OauthError> {
    authenticate(&service, bearer.as_deref(), &form)?;
    let token = form.required("token")?;
    let hint = match form.field("token_type_hint")?.map(Secret::expose) {
        Some("access_token") => Some(TokenTypeHint::AccessToken),
        Some("refresh_token") => Some(TokenTypeHint::RefreshToken),
        // RFC 7662 section 2.1: an unknown hint is no hint.
        _ => None,
    };
    let named = form.field("identity_provider")?.map(Secret::expose);
    let provider = identity_provider(&service, named).await?;
    let connector = service.connect(&provider).map_err(|error| OauthError::bad_gateway(&error))?;
    let body = match connector.introspect(token, hint).await {
        Ok(Introspection::Active(active)) => completed(&service, &provider, *active).await?.into(),
        Ok(Introspection::Inactive) => json!({ "active": false }),
        Err(error) => return Err(OauthError::bad_gateway(&error)),
    };
    Ok(([(CACHE_CONTROL, "no-store")], Json(body)).into_response())
}

/// The answer with what the user store says of the user.
async fn completed(
    service: &Service,
    provider: &IdentityProvider,
    active: ActiveToken,
) -> Result<Map<String, Value>, OauthError> {
    match &service.users {
        Some(users) => Ok(users.complete(&*service.store, provider, active).await?),
        None => Ok(active.members),
    }
}

/// A gateway or a resource server by its bearer credential; a resource server by Basic too.
fn authenticate(service: &Service, bearer: Option<&str>, form: &ClientForm) -> Result<(), OauthError> {
    let all = || service.gateways.iter().chain(&service.resource_servers);
    let by_bearer = bearer.is_some_and(|token| all().any(|known| is_same(&known.credential, token)));
    let by_basic = form.basic().is_some_and(|readings| {
        readings.iter().any(|(name, secret)| {
            let mut named = service.resource_servers.iter().filter(|known| known.name == *name);
            named.any(|known| is_same(&known.credential, secret.expose()))
        })
    });
    if by_bearer || by_basic { Ok(()) } else { Err(OauthError::invalid_client()) }
}

/// The one that is named, or else the only one that is enabled.
async fn identity_provider(service: &Service, named: Option<&str>) -> Result<IdentityProvider, OauthError> {
    let mut enabled = service.store.read().await?.list_identity_providers().await?;
    enabled.retain(|provider| provider.enabled && named.is_none_or(|name| provider.name == name));
    match (enabled.pop(), enabled.is_empty(), named) {
        (Some(only), true, _) => Ok(only),
        (_, _, Some(_)) => Err(OauthError::invalid_request("identity_provider names none that is enabled")),
        (_, _, None) => Err(OauthError::invalid_request("identity_provider is required: there is not just one")),
    }
}
