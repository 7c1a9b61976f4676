//! The keys that sign backend JWTs, for gateways (docs/feed.md).

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::http::header::{CACHE_CONTROL, ETAG, IF_NONE_MATCH};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use base64::prelude::{BASE64_URL_SAFE_NO_PAD, Engine as _};
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

use super::http::AuthenticatedGateway;
use crate::domain::BackendSigningKey;
use crate::failure::Failure;
use crate::service::Service;

/// The keys whose time is not over, those included that are still to come.
pub(super) async fn signing_key(
    State(service): State<Arc<Service>>,
    _: AuthenticatedGateway,
    headers: HeaderMap,
) -> Result<Response, Failure> {
    let now = service.now();
    let mut keys = service.store.read().await?.list_signing_keys().await?;
    keys.retain(|key| now < key.active_until);
    if keys.is_empty() {
        return Err(Failure::not_found("signing key yet"));
    }
    let told = keys.iter().map(description).collect::<Value>();
    let tag = format!("\"{}\"", BASE64_URL_SAFE_NO_PAD.encode(Sha256::digest(told.to_string())));
    let caching = [(CACHE_CONTROL, "no-store".to_owned()), (ETAG, tag.clone())];
    if is_known(&headers, &tag) {
        return Ok((StatusCode::NOT_MODIFIED, caching).into_response());
    }
    let body = json!({ "format": 1, "keys": told, "refreshAfter": service.rotation.refresh_after().as_secs() });
    Ok((caching, Json(body)).into_response())
}

/// `If-None-Match` (RFC 9110 section 13.1.2).
fn is_known(headers: &HeaderMap, tag: &str) -> bool {
    let values = headers.get_all(IF_NONE_MATCH).iter().filter_map(|value| value.to_str().ok());
    let mut tags = values.flat_map(|value| value.split(','));
    tags.any(|known| matches!(known.trim(), "*") || known.trim().trim_start_matches("W/") == tag)
}

fn description(key: &BackendSigningKey) -> Value {
    json!({
        "kid": key.key_id,
        "privateKey": key.private_key.expose(),
        "notBefore": key.active_from.as_seconds(),
        "expiresAt": key.active_until.as_seconds(),
    })
}
