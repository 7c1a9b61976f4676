//! WSO2's developer portal API, the "store": for those who call APIs. Everybody sees what is one's own.

mod apis;
pub(crate) mod applications;
mod key_managers;
pub(crate) mod keys;
pub(crate) mod subscriptions;

use axum::http::Method;

use super::contract::Portal;
use super::routes::Routes;
use crate::domain::SubscriptionState;

/// The operations.
pub(super) fn routes() -> Routes {
    const KEY: &str = "/applications/{applicationId}/oauth-keys/{keyMappingId}";
    Routes::new(Portal::Devportal)
        .on(Method::GET, "/apis", apis::list)
        .on(Method::GET, "/apis/{apiId}", apis::read)
        .on(Method::GET, "/apis/{apiId}/swagger", apis::definition)
        .on(Method::GET, "/applications", applications::list)
        .on(Method::POST, "/applications", applications::create)
        .on(Method::GET, "/applications/{applicationId}", applications::read)
        .on(Method::PUT, "/applications/{applicationId}", applications::update)
        .on(Method::DELETE, "/applications/{applicationId}", applications::delete)
        .on(Method::POST, "/applications/{applicationId}/generate-keys", keys::generate)
        .on(Method::POST, "/applications/{applicationId}/map-keys", keys::map)
        .on(Method::GET, "/applications/{applicationId}/oauth-keys", keys::list)
        .on(Method::GET, KEY, keys::read)
        .on(Method::PUT, KEY, keys::update)
        .on(Method::DELETE, KEY, keys::delete)
        .on(Method::POST, "/applications/{applicationId}/oauth-keys/{keyMappingId}/clean-up", keys::clean_up)
        .on(
            Method::POST,
            "/applications/{applicationId}/oauth-keys/{keyMappingId}/regenerate-secret",
            keys::regenerate_secret,
        )
        .on(
            Method::POST,
            "/applications/{applicationId}/oauth-keys/{keyMappingId}/generate-token",
            keys::generate_token,
        )
        .on(Method::GET, "/subscriptions", subscriptions::list)
        .on(Method::POST, "/subscriptions", subscriptions::create)
        .on(Method::GET, "/subscriptions/{subscriptionId}", subscriptions::read)
        .on(Method::PUT, "/subscriptions/{subscriptionId}", subscriptions::update)
        .on(Method::DELETE, "/subscriptions/{subscriptionId}", subscriptions::delete)
        .on(Method::GET, "/key-managers", key_managers::list)
}

/// The registry's spelling, which is WSO2's.
pub(crate) fn state_name(state: SubscriptionState) -> &'static str {
    match state {
        SubscriptionState::Unblocked => "UNBLOCKED",
        SubscriptionState::Blocked => "BLOCKED",
        SubscriptionState::ProdOnlyBlocked => "PROD_ONLY_BLOCKED",
        SubscriptionState::OnHold => "ON_HOLD",
        SubscriptionState::Rejected => "REJECTED",
        SubscriptionState::TierUpdatePending => "TIER_UPDATE_PENDING",
    }
}
