//! Clients' endpoints: what OAuth 2.0 clients and resource servers ask, passed on to the identity provider whose client it
//! is. Nothing here decides about a token.

mod client;
mod error;
mod introspect;
mod jwks;
mod register;
mod relay;
mod revoke;

use std::sync::Arc;

use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::routing::{get, post};

use crate::service::Service;

/// Longest body in octets: forms, and a client's metadata.
const BODY_BYTES: usize = 64 * 1024;

/// The endpoints.
pub fn router() -> Router<Arc<Service>> {
    Router::new()
        .route("/oauth2/token", post(relay::token))
        .route("/oauth2/revoke", post(revoke::revoke))
        .route("/oauth2/introspect", post(introspect::introspect))
        .route("/oauth2/register", post(register::register))
        .route("/oauth2/register/{keyMappingId}", get(register::read).put(register::update).delete(register::delete))
        .route("/oauth2/jwks", get(jwks::jwks))
        .layer(DefaultBodyLimit::max(BODY_BYTES))
}
