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
use axum::http::Method;

use crate::operations::Operations;
use crate::service::Service;

/// Longest body in octets: forms, and a client's metadata.
const BODY_BYTES: usize = 64 * 1024;

/// The endpoints.
pub fn router() -> Router<Arc<Service>> {
    operations().into_router().layer(DefaultBodyLimit::max(BODY_BYTES))
}

pub(crate) fn operations() -> Operations {
    const CLIENT: &str = "/oauth2/register/{keyMappingId}";
    Operations::default()
        .on(Method::POST, "/oauth2/token", relay::token)
        .on(Method::POST, "/oauth2/revoke", revoke::revoke)
        .on(Method::POST, "/oauth2/introspect", introspect::introspect)
        .on(Method::POST, "/oauth2/register", register::register)
        .on(Method::GET, CLIENT, register::read)
        .on(Method::PUT, CLIENT, register::update)
        .on(Method::DELETE, CLIENT, register::delete)
        .on(Method::GET, "/oauth2/jwks", jwks::jwks)
}
