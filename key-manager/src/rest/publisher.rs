//! WSO2's publisher API: for those who publish APIs.

pub(crate) mod apis;
mod definition;
mod description;
mod key_managers;
pub(crate) mod lifecycle;
pub(super) mod openapi;
mod registration;
mod revisions;
mod scopes;
pub(crate) mod subscriptions;
mod throttling_policies;

use axum::http::Method;

use super::contract::Portal;
use super::routes::Routes;

pub(crate) use description::status_name;
pub(super) use description::{check_name, time};

/// The operations.
pub(super) fn routes() -> Routes {
    Routes::new(Portal::Publisher)
        .on(Method::GET, "/apis", apis::list)
        .on(Method::POST, "/apis", apis::create)
        .on(Method::GET, "/apis/{apiId}", apis::read)
        .on(Method::PUT, "/apis/{apiId}", apis::update)
        .on(Method::DELETE, "/apis/{apiId}", apis::delete)
        .on(Method::GET, "/apis/{apiId}/swagger", definition::read)
        .on(Method::PUT, "/apis/{apiId}/swagger", definition::update)
        .on(Method::POST, "/apis/import-openapi", definition::import)
        .on(Method::POST, "/apis/change-lifecycle", lifecycle::change)
        .on(Method::GET, "/apis/{apiId}/lifecycle-state", lifecycle::read)
        .on(Method::GET, "/apis/{apiId}/revisions", revisions::list)
        .on(Method::POST, "/apis/{apiId}/revisions", revisions::create)
        .on(Method::GET, "/apis/{apiId}/revisions/{revisionId}", revisions::read)
        .on(Method::DELETE, "/apis/{apiId}/revisions/{revisionId}", revisions::delete)
        .on(Method::GET, "/apis/{apiId}/deployments", revisions::deployments)
        .on(Method::POST, "/apis/{apiId}/deploy-revision", revisions::deploy)
        .on(Method::POST, "/apis/{apiId}/undeploy-revision", revisions::undeploy)
        .on(Method::GET, "/subscriptions", subscriptions::list)
        .on(Method::POST, "/subscriptions/block-subscription", subscriptions::block)
        .on(Method::POST, "/subscriptions/unblock-subscription", subscriptions::unblock)
        .on(Method::GET, "/throttling-policies/{policyLevel}", throttling_policies::list)
        .on(Method::GET, "/throttling-policies/{policyLevel}/{policyName}", throttling_policies::read)
        .on(Method::GET, "/scopes", scopes::list)
        .on(Method::POST, "/scopes", scopes::create)
        .on(Method::GET, "/scopes/{scopeId}", scopes::read)
        .on(Method::HEAD, "/scopes/{scopeId}", scopes::exists)
        .on(Method::PUT, "/scopes/{scopeId}", scopes::update)
        .on(Method::DELETE, "/scopes/{scopeId}", scopes::delete)
        .on(Method::GET, "/key-managers", key_managers::list)
}
