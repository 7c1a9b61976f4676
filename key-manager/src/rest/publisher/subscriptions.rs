//! `/subscriptions`: who subscribes, block and unblock.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::domain::{RowVersion, Subscription, SubscriptionState};
use crate::rest::devportal::state_name;
use crate::rest::error::{Fault, RestError};
use crate::rest::request::{IfMatch, Page, Parameters, tagged};
use crate::rest::{Caller, Services};
use crate::store::{Listed, Owner, Transaction};

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Selection {
    api_id: Option<String>,
    limit: Option<u32>,
    offset: Option<u32>,
}

pub(super) async fn list(
    State(services): State<Services>,
    Parameters(selection): Parameters<Selection>,
) -> Result<Response, RestError> {
    let page = Page::of(selection.limit, selection.offset);
    let mut transaction = services.read().await?;
    let api_id = selection.api_id.as_deref();
    let found = transaction.list_subscriptions(api_id, None, Owner::Anybody, page.window()).await?;
    let mut items = Vec::with_capacity(found.items.len());
    for subscription in &found.items {
        items.push(description(transaction.as_mut(), subscription).await?);
    }
    let listed = Listed { items, total: found.total };
    Ok(Json(page.list("/api/am/publisher/v4/subscriptions", listed)).into_response())
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Block {
    subscription_id: Option<String>,
    block_state: Option<String>,
}

pub(super) async fn block(
    State(services): State<Services>,
    caller: Caller,
    Parameters(parameters): Parameters<Block>,
    if_match: IfMatch,
) -> Result<Response, RestError> {
    let state = match parameters.block_state.as_deref() {
        Some("BLOCKED") => SubscriptionState::Blocked,
        Some("PROD_ONLY_BLOCKED") => SubscriptionState::ProdOnlyBlocked,
        _ => return Err(Fault::new("blockState", "must be one of BLOCKED, PROD_ONLY_BLOCKED").into()),
    };
    change(&services, &caller, parameters.subscription_id, &if_match, state).await
}

pub(super) async fn unblock(
    State(services): State<Services>,
    caller: Caller,
    Parameters(parameters): Parameters<Block>,
    if_match: IfMatch,
) -> Result<Response, RestError> {
    change(&services, &caller, parameters.subscription_id, &if_match, SubscriptionState::Unblocked).await
}

async fn change(
    services: &Services,
    caller: &Caller,
    id: Option<String>,
    if_match: &IfMatch,
    state: SubscriptionState,
) -> Result<Response, RestError> {
    let id = id.ok_or_else(|| Fault::new("subscriptionId", "is required"))?;
    let (row_version, told) = set_state(services, caller, &id, if_match, state).await?;
    Ok(tagged(StatusCode::OK, row_version, told))
}

/// Blocks a subscription, or lets it through again.
pub(crate) async fn set_state(
    services: &Services,
    caller: &Caller,
    id: &str,
    if_match: &IfMatch,
    state: SubscriptionState,
) -> Result<(RowVersion, Value), RestError> {
    let mut transaction = services.write(caller).await?;
    let found = transaction.find_subscription(id, Owner::Anybody).await?;
    let mut subscription = found.ok_or(RestError::NotFound)?;
    if_match.check(subscription.row_version)?;
    subscription.state = state;
    subscription.updated_at = (services.now)();
    transaction.update_subscription(&subscription).await?;
    let stored = transaction.find_subscription(id, Owner::Anybody).await?.ok_or(RestError::NotFound)?;
    let told = description(transaction.as_mut(), &stored).await?;
    transaction.commit().await?;
    Ok((stored.row_version, told))
}

async fn description(transaction: &mut dyn Transaction, subscription: &Subscription) -> Result<Value, RestError> {
    let application = transaction.find_application(&subscription.application_id, Owner::Anybody).await?;
    let application = application.ok_or(RestError::NotFound)?;
    Ok(json!({
        "subscriptionId": subscription.id,
        "applicationInfo": {
            "applicationId": application.id,
            "name": application.name,
            "subscriber": application.owner,
        },
        "throttlingPolicy": subscription.tier,
        "subscriptionStatus": state_name(subscription.state),
    }))
}
