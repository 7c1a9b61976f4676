//! `/subscriptions`: an application's own, in all states.

use axum::Json;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde::Deserialize;
use serde_json::{Map, Value, json};
use uuid::Uuid;

use super::{apis, applications, state_name};
use crate::domain::{LifeCycleStatus, Subscription, SubscriptionState};
use crate::rest::contract::Portal;
use crate::rest::error::{Fault, RestError};
use crate::rest::request::{Body, IfMatch, Page, Parameters, created, tagged, text};
use crate::rest::{Caller, Services};
use crate::store::{Listed, Owner, Transaction};

const PATH: &str = "/api/am/devportal/v3/subscriptions";

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Selection {
    api_id: Option<String>,
    application_id: Option<String>,
    limit: Option<u32>,
    offset: Option<u32>,
}

pub(super) async fn list(
    State(services): State<Services>,
    caller: Caller,
    Parameters(selection): Parameters<Selection>,
) -> Result<Response, RestError> {
    let page = Page::of(selection.limit, selection.offset);
    let mut transaction = services.read().await?;
    let (api_id, application_id) = (selection.api_id.as_deref(), selection.application_id.as_deref());
    let found = transaction.list_subscriptions(api_id, application_id, caller.owner(), page.window()).await?;
    let mut items = Vec::with_capacity(found.items.len());
    for subscription in &found.items {
        items.push(description(transaction.as_mut(), subscription).await?);
    }
    Ok(Json(page.list(PATH, Listed { items, total: found.total })).into_response())
}

pub(super) async fn create(
    State(services): State<Services>,
    caller: Caller,
    body: Body,
) -> Result<Response, RestError> {
    let mut members = body.of(Portal::Devportal, "Subscription")?;
    let api_id = text(&mut members, "apiId").ok_or_else(|| Fault::new("apiId", "is required"))?;
    let application_id = text(&mut members, "applicationId").unwrap_or_default();
    let mut transaction = services.write(&caller).await?;
    applications::find(transaction.as_mut(), &application_id, caller.owner()).await?;
    let api = apis::find(transaction.as_mut(), &api_id).await?;
    if api.life_cycle_status != LifeCycleStatus::Published {
        return Err(Fault::new("apiId", "names an API that takes no new subscriptions").into());
    }
    let now = (services.now)();
    let subscription = Subscription {
        id: Uuid::new_v4().to_string(),
        row_version: 0,
        api_id,
        application_id,
        tier: tier(&mut members)?,
        requested_tier: None,
        state: SubscriptionState::Unblocked,
        created_at: now,
        updated_at: now,
    };
    transaction.insert_subscription(&subscription).await?;
    let (row_version, told) = tell(transaction.as_mut(), &subscription.id, caller.owner()).await?;
    transaction.commit().await?;
    Ok(created(&format!("{PATH}/{}", subscription.id), row_version, told))
}

pub(super) async fn read(
    State(services): State<Services>,
    caller: Caller,
    Path(id): Path<String>,
) -> Result<Response, RestError> {
    let (row_version, told) = tell(services.read().await?.as_mut(), &id, caller.owner()).await?;
    Ok(tagged(StatusCode::OK, row_version, told))
}

/// Changes the tier; the state is the publisher's to change.
pub(super) async fn update(
    State(services): State<Services>,
    caller: Caller,
    Path(id): Path<String>,
    if_match: IfMatch,
    body: Body,
) -> Result<Response, RestError> {
    let mut members = body.of(Portal::Devportal, "Subscription")?;
    let mut transaction = services.write(&caller).await?;
    let mut subscription = find(transaction.as_mut(), &id, caller.owner()).await?;
    if_match.check(subscription.row_version)?;
    for (field, ours) in [("apiId", &subscription.api_id), ("applicationId", &subscription.application_id)] {
        if text(&mut members, field).is_some_and(|given| given != *ours) {
            return Err(Fault::new(field, "cannot be changed").into());
        }
    }
    subscription.tier = tier(&mut members)?;
    subscription.updated_at = (services.now)();
    transaction.update_subscription(&subscription).await?;
    let (row_version, told) = tell(transaction.as_mut(), &id, caller.owner()).await?;
    transaction.commit().await?;
    Ok(tagged(StatusCode::OK, row_version, told))
}

pub(super) async fn delete(
    State(services): State<Services>,
    caller: Caller,
    Path(id): Path<String>,
    if_match: IfMatch,
) -> Result<StatusCode, RestError> {
    remove(&services, &caller, caller.owner(), &id, &if_match).await?;
    Ok(StatusCode::OK)
}

/// Takes a subscription away.
pub(crate) async fn remove(
    services: &Services,
    caller: &Caller,
    owner: Owner<'_>,
    id: &str,
    if_match: &IfMatch,
) -> Result<(), RestError> {
    let mut transaction = services.write(caller).await?;
    let subscription = find(transaction.as_mut(), id, owner).await?;
    if_match.check(subscription.row_version)?;
    transaction.delete_subscription(id).await?;
    Ok(transaction.commit().await?)
}

fn tier(members: &mut Map<String, Value>) -> Result<String, Fault> {
    let asked = text(members, "requestedThrottlingPolicy").filter(|name| !name.is_empty());
    let given = asked.or_else(|| text(members, "throttlingPolicy")).unwrap_or_default();
    if given.is_empty() { Err(Fault::new("throttlingPolicy", "must not be empty")) } else { Ok(given) }
}

async fn find(transaction: &mut dyn Transaction, id: &str, owner: Owner<'_>) -> Result<Subscription, RestError> {
    transaction.find_subscription(id, owner).await?.ok_or(RestError::NotFound)
}

async fn tell(transaction: &mut dyn Transaction, id: &str, owner: Owner<'_>) -> Result<(u64, Value), RestError> {
    let subscription = find(transaction, id, owner).await?;
    Ok((subscription.row_version, description(transaction, &subscription).await?))
}

async fn description(transaction: &mut dyn Transaction, subscription: &Subscription) -> Result<Value, RestError> {
    let application = applications::find(transaction, &subscription.application_id, Owner::Anybody).await?;
    let application = applications::summary(transaction, &application).await?;
    let api = transaction.find_api(&subscription.api_id).await?;
    let mut told = json!({
        "subscriptionId": subscription.id,
        "applicationId": subscription.application_id,
        "apiId": subscription.api_id,
        "applicationInfo": application,
        "throttlingPolicy": subscription.tier,
        "requestedThrottlingPolicy": subscription.requested_tier.as_ref().unwrap_or(&subscription.tier),
        "status": state_name(subscription.state),
    });
    if let (Some(api), Some(members)) = (api, told.as_object_mut()) {
        members.insert("apiInfo".to_owned(), apis::summary(&api));
    }
    Ok(told)
}
