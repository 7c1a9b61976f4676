//! WSO2's admin API: key managers, which are identity providers here, and owners of applications.

pub(crate) mod applications;
mod discovery;
mod key_managers;

use axum::http::Method;

use super::contract::Portal;
use super::routes::Routes;
#[cfg(test)]
pub(super) use key_managers::blank;

/// The operations.
pub(super) fn routes() -> Routes {
    Routes::new(Portal::Admin)
        .on(Method::POST, "/applications/{applicationId}/change-owner", applications::change_owner)
        .on(Method::POST, "/applications/{applicationId}/change-settings", applications::change_settings)
        .on(Method::GET, "/key-managers", key_managers::list)
        .on(Method::POST, "/key-managers", key_managers::create)
        .on(Method::GET, "/key-managers/{keyManagerId}", key_managers::read)
        .on(Method::PUT, "/key-managers/{keyManagerId}", key_managers::update)
        .on(Method::DELETE, "/key-managers/{keyManagerId}", key_managers::delete)
        .on(Method::POST, "/key-managers/discover", discovery::discover)
}
