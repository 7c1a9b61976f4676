//! `/key-managers`: which there are, for APIs to choose from.

use axum::Json;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use serde_json::{Value, json};

use crate::domain::IdentityProvider;
use crate::rest::{RestError, Services};

pub(super) async fn list(State(services): State<Services>) -> Result<Response, RestError> {
    let providers = services.read().await?.list_identity_providers().await?;
    let items: Vec<Value> = providers.iter().map(summary).collect();
    Ok(Json(json!({ "count": items.len(), "list": items })).into_response())
}

fn summary(provider: &IdentityProvider) -> Value {
    json!({
        "id": provider.id,
        "name": provider.name,
        "displayName": provider.display_name,
        "type": provider.connector,
        "description": provider.description,
        "enabled": provider.enabled,
    })
}
