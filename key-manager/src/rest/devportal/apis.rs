//! `/apis`: what can be subscribed to. Anybody may look.

use axum::Json;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde_json::{Value, json};

use crate::domain::{Api, LifeCycleStatus};
use crate::rest::publisher::{openapi, status_name, time};
use crate::rest::request::{Page, Parameters, tagged};
use crate::rest::{RestError, Services};
use crate::store::{Transaction, Window};

pub(super) async fn list(
    State(services): State<Services>,
    Parameters(page): Parameters<Page>,
) -> Result<Response, RestError> {
    let apis = services.read().await?.list_apis(Window::ALL).await?;
    let visible = apis.items.iter().filter(|api| is_visible(api)).map(summary).collect();
    Ok(Json(page.list("/api/am/devportal/v3/apis", page.cut(visible))).into_response())
}

pub(super) async fn read(State(services): State<Services>, Path(id): Path<String>) -> Result<Response, RestError> {
    let api = find(services.read().await?.as_mut(), &id).await?;
    Ok(tagged(StatusCode::OK, api.row_version, description(&api)))
}

pub(super) async fn definition(
    State(services): State<Services>,
    Path(id): Path<String>,
) -> Result<Response, RestError> {
    let api = find(services.read().await?.as_mut(), &id).await?;
    Ok(tagged(StatusCode::OK, api.row_version, openapi::render(&api)))
}

/// An API that application developers see.
pub(super) async fn find(transaction: &mut dyn Transaction, id: &str) -> Result<Api, RestError> {
    transaction.find_api(id).await?.filter(is_visible).ok_or(RestError::NotFound)
}

fn is_visible(api: &Api) -> bool {
    match api.life_cycle_status {
        LifeCycleStatus::Published | LifeCycleStatus::Deprecated | LifeCycleStatus::Blocked => true,
        LifeCycleStatus::Created | LifeCycleStatus::Retired => false,
    }
}

/// An API in a list, and in a subscription.
pub(super) fn summary(api: &Api) -> Value {
    let mut told = json!({
        "id": api.id,
        "name": api.name,
        "context": api.context,
        "version": api.version,
        "provider": api.provider,
        "lifeCycleStatus": status_name(api.life_cycle_status),
        "createdTime": time(api.created_at),
        "throttlingPolicies": tiers(api),
    });
    carry(&mut told, api, &["description", "displayName", "type"]);
    told
}

fn description(api: &Api) -> Value {
    let operations = api.policy.operations.iter();
    let operations: Vec<_> =
        operations.map(|one| json!({ "id": one.id, "target": one.target, "verb": one.verb.as_str() })).collect();
    let scopes: Vec<_> = api
        .scopes
        .iter()
        .map(|one| json!({ "key": one.name, "name": one.display_name, "description": one.description, "roles": one.bindings }))
        .collect();
    let tiers: Vec<_> = tiers(api).iter().map(|name| json!({ "tierName": name, "tierPlan": "FREE" })).collect();
    let mut told = json!({
        "id": api.id,
        "name": api.name,
        "context": api.context,
        "version": api.version,
        "provider": api.provider,
        "lifeCycleStatus": status_name(api.life_cycle_status),
        "isDefaultVersion": api.is_default_version,
        "operations": operations,
        "scopes": scopes,
        "tiers": tiers,
        "isSubscriptionAvailable": true,
        "createdTime": time(api.created_at),
        "lastUpdatedTime": time(api.updated_at),
    });
    carry(&mut told, api, &["description", "displayName", "type", "tags", "transport", "securityScheme"]);
    told
}

/// Tiers that subscriptions may name: the API's `policies`.
fn tiers(api: &Api) -> Vec<String> {
    let policies = api.document.get("policies").and_then(Value::as_array).into_iter().flatten();
    let named: Vec<String> = policies.filter_map(Value::as_str).map(str::to_owned).collect();
    if named.is_empty() { vec!["Unlimited".to_owned()] } else { named }
}

fn carry(told: &mut Value, api: &Api, names: &[&str]) {
    let Some(members) = told.as_object_mut() else { return };
    for name in names {
        if let Some(value) = api.document.get(*name) {
            members.insert((*name).to_owned(), value.clone());
        }
    }
}
