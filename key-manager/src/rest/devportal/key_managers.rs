//! `/key-managers`: where keys can be made.

use axum::Json;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use serde_json::{Value, json};

use crate::domain::IdentityProvider;
use crate::rest::{RestError, Services};

pub(super) async fn list(State(services): State<Services>) -> Result<Response, RestError> {
    let providers = services.read().await?.list_identity_providers().await?;
    let items: Vec<Value> = providers.iter().filter(|provider| provider.enabled).map(description).collect();
    Ok(Json(json!({ "count": items.len(), "list": items })).into_response())
}

/// No settings: some are none of an application developer's business.
fn description(provider: &IdentityProvider) -> Value {
    let endpoints = &provider.endpoints;
    let token = endpoints.display_token_endpoint.as_ref().or(endpoints.token_endpoint.as_ref());
    let revoke = endpoints.display_revoke_endpoint.as_ref().or(endpoints.revoke_endpoint.as_ref());
    let mut told = json!({
        "id": provider.id,
        "name": provider.name,
        "displayName": provider.display_name,
        "type": provider.connector,
        "description": provider.description,
        "enabled": provider.enabled,
        "availableGrantTypes": provider.grant_types,
        "enableTokenGeneration": provider.enable_token_generation,
        "enableOAuthAppCreation": provider.enable_oauth_app_creation,
        "enableMapOAuthConsumerApps": provider.enable_map_oauth_consumer_apps,
        "tokenType": "DIRECT",
    });
    for (name, endpoint) in [
        ("tokenEndpoint", token),
        ("revokeEndpoint", revoke),
        ("userInfoEndpoint", endpoints.user_info_endpoint.as_ref()),
    ] {
        if let (Some(endpoint), Some(members)) = (endpoint, told.as_object_mut()) {
            members.insert(name.to_owned(), json!(endpoint));
        }
    }
    told
}
