//! `/applications`: create, read, update, delete. Another owner's ids look like absent ones.

use axum::Json;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde_json::{Map, Value, json};
use uuid::Uuid;

use super::keys;
use crate::domain::Application;
use crate::rest::contract::Portal;
use crate::rest::error::{Fault, RestError};
use crate::rest::publisher::{check_name, time};
use crate::rest::request::{Body, IfMatch, Page, Parameters, attributes, created, tagged, text};
use crate::rest::{Caller, Services};
use crate::store::{Listed, Owner, Transaction, Window};

const PATH: &str = "/api/am/devportal/v3/applications";

/// What the caller may not say.
const OURS: [&str; 9] = [
    "applicationId",
    "status",
    "owner",
    "keys",
    "subscriptionCount",
    "subscriptionScopes",
    "hashEnabled",
    "createdTime",
    "updatedTime",
];

pub(super) async fn list(
    State(services): State<Services>,
    caller: Caller,
    Parameters(page): Parameters<Page>,
) -> Result<Response, RestError> {
    let mut transaction = services.read().await?;
    let found = transaction.list_applications(caller.owner(), page.window()).await?;
    let mut items = Vec::with_capacity(found.items.len());
    for application in &found.items {
        items.push(summary(transaction.as_mut(), application).await?);
    }
    Ok(Json(page.list(PATH, Listed { items, total: found.total })).into_response())
}

pub(super) async fn create(
    State(services): State<Services>,
    caller: Caller,
    body: Body,
) -> Result<Response, RestError> {
    let members = body.of(Portal::Devportal, "Application")?;
    let now = (services.now)();
    let mut application = Application {
        id: Uuid::new_v4().to_string(),
        row_version: 0,
        name: String::new(),
        owner: caller.user.clone(),
        tier: String::new(),
        attributes: std::collections::BTreeMap::new(),
        document: Map::new(),
        created_at: now,
        updated_at: now,
    };
    describe(&mut application, members)?;
    let mut transaction = services.write(&caller).await?;
    transaction.insert_application(&application).await?;
    let (row_version, told) = tell(transaction.as_mut(), &application.id, caller.owner()).await?;
    transaction.commit().await?;
    Ok(created(&format!("{PATH}/{}", application.id), row_version, told))
}

pub(super) async fn read(
    State(services): State<Services>,
    caller: Caller,
    Path(id): Path<String>,
) -> Result<Response, RestError> {
    let (row_version, told) = tell(services.read().await?.as_mut(), &id, caller.owner()).await?;
    Ok(tagged(StatusCode::OK, row_version, told))
}

pub(super) async fn update(
    State(services): State<Services>,
    caller: Caller,
    Path(id): Path<String>,
    if_match: IfMatch,
    body: Body,
) -> Result<Response, RestError> {
    let members = body.of(Portal::Devportal, "Application")?;
    let mut transaction = services.write(&caller).await?;
    let mut application = find(transaction.as_mut(), &id, caller.owner()).await?;
    if_match.check(application.row_version)?;
    describe(&mut application, members)?;
    application.updated_at = (services.now)();
    transaction.update_application(&application).await?;
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

/// Takes an application away. The clients at the identity providers go by the outbox, which tries until they are gone.
pub(crate) async fn remove(
    services: &Services,
    caller: &Caller,
    owner: Owner<'_>,
    id: &str,
    if_match: &IfMatch,
) -> Result<(), RestError> {
    let mut transaction = services.write(caller).await?;
    let application = find(transaction.as_mut(), id, owner).await?;
    if_match.check(application.row_version)?;
    for subscription in transaction.list_subscriptions(None, Some(id), owner, Window::ALL).await?.items {
        transaction.delete_subscription(&subscription.id).await?;
    }
    for key in transaction.list_keys(id).await? {
        keys::remove(transaction.as_mut(), key, &caller.request_id, (services.now)()).await?;
    }
    transaction.delete_application(id).await?;
    transaction.commit().await?;
    services.outbox.wake();
    Ok(())
}

/// An application that the caller may see.
pub(in crate::rest) async fn find(
    transaction: &mut dyn Transaction,
    id: &str,
    owner: Owner<'_>,
) -> Result<Application, RestError> {
    transaction.find_application(id, owner).await?.ok_or(RestError::NotFound)
}

fn describe(application: &mut Application, mut members: Map<String, Value>) -> Result<(), Fault> {
    for name in OURS {
        members.remove(name);
    }
    application.name = text(&mut members, "name").unwrap_or_default();
    check_name(&application.name)?;
    application.tier = text(&mut members, "throttlingPolicy").unwrap_or_default();
    application.attributes = attributes(&mut members, "attributes");
    application.document = members;
    Ok(())
}

/// An application that the caller may see, with its row version.
pub(in crate::rest) async fn tell(
    transaction: &mut dyn Transaction,
    id: &str,
    owner: Owner<'_>,
) -> Result<(u64, Value), RestError> {
    let application = find(transaction, id, owner).await?;
    let mut told = application.document.clone();
    let summary = summary(transaction, &application).await?;
    told.extend(summary.as_object().cloned().unwrap_or_default());
    Ok((application.row_version, Value::Object(told)))
}

/// An application in a list, and in a subscription.
pub(super) async fn summary(transaction: &mut dyn Transaction, application: &Application) -> Result<Value, RestError> {
    let owner = Owner::Only(&application.owner);
    let none = Window { offset: 0, limit: 0 };
    let subscriptions = transaction.list_subscriptions(None, Some(&application.id), owner, none).await?;
    let mut told = json!({
        "applicationId": application.id,
        "name": application.name,
        "throttlingPolicy": application.tier,
        "description": "",
        "status": "APPROVED",
        "subscriptionCount": subscriptions.total,
        "attributes": application.attributes,
        "owner": application.owner,
        "createdTime": time(application.created_at),
        "updatedTime": time(application.updated_at),
    });
    for name in ["description", "groups", "tokenType"] {
        if let (Some(value), Some(members)) = (application.document.get(name), told.as_object_mut()) {
            members.insert(name.to_owned(), value.clone());
        }
    }
    Ok(told)
}
