//! `/oauth2/jwks`: the public halves of the keys that sign backend JWTs (RFC 7517 section 5).

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::http::header::CACHE_CONTROL;
use axum::response::{IntoResponse, Response};
use serde_json::json;

use crate::failure::Failure;
use crate::service::Service;

/// Every key that signs, will sign, or has signed what may still count.
pub(super) async fn jwks(State(service): State<Arc<Service>>) -> Result<Response, Failure> {
    let keys = service.store.read().await?.list_signing_keys().await?;
    let public: Vec<_> = keys.iter().map(|key| &key.public_jwk).collect();
    // Shorter than a key is published before it signs. The first one signs at once: that there is none yet is not kept.
    let caching = if public.is_empty() {
        "no-store".to_owned()
    } else {
        format!("public, max-age={}", service.rotation.refresh_after().as_secs())
    };
    Ok(([(CACHE_CONTROL, caching)], Json(json!({ "keys": public }))).into_response())
}
