//! `/scopes`: those that several APIs share.

use axum::Json;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use uuid::Uuid;

use super::description::{scope, scope_description};
use crate::domain::{Api, Scope};
use crate::rest::contract::Portal;
use crate::rest::error::{Fault, RestError};
use crate::rest::request::{Body, Page, Parameters, created, tagged};
use crate::rest::{Caller, Services};
use crate::store::{Listed, Transaction, Window};

const PATH: &str = "/api/am/publisher/v4/scopes";

pub(super) async fn list(
    State(services): State<Services>,
    Parameters(page): Parameters<Page>,
) -> Result<Response, RestError> {
    let scopes = services.read().await?.list_scopes(page.window()).await?;
    let items = scopes.items.iter().map(scope_description).collect();
    Ok(Json(page.list(PATH, Listed { items, total: scopes.total })).into_response())
}

pub(super) async fn create(
    State(services): State<Services>,
    caller: Caller,
    body: Body,
) -> Result<Response, RestError> {
    let members = body.of(Portal::Publisher, "Scope")?;
    let id = Uuid::new_v4().to_string();
    let mut transaction = services.write(&caller).await?;
    transaction.insert_scope(&scope(members, id.clone(), "name")?).await?;
    let stored = find(transaction.as_mut(), &id).await?;
    transaction.commit().await?;
    Ok(created(&format!("{PATH}/{id}"), stored.row_version, scope_description(&stored)))
}

pub(super) async fn read(State(services): State<Services>, Path(id): Path<String>) -> Result<Response, RestError> {
    let scope = find(services.read().await?.as_mut(), &id).await?;
    Ok(tagged(StatusCode::OK, scope.row_version, scope_description(&scope)))
}

/// Whether there is one; WSO2's clients ask by the base64 of its name.
pub(super) async fn exists(State(services): State<Services>, Path(id): Path<String>) -> Result<StatusCode, RestError> {
    let all = services.read().await?.list_scopes(Window::ALL).await?;
    let decoded = STANDARD.decode(&id).or_else(|_| URL_SAFE_NO_PAD.decode(&id)).ok();
    let name = decoded.and_then(|octets| String::from_utf8(octets).ok());
    let is_meant = |scope: &Scope| scope.id == id || scope.name == id || Some(&scope.name) == name.as_ref();
    if all.items.iter().any(is_meant) { Ok(StatusCode::OK) } else { Err(RestError::NotFound) }
}

pub(super) async fn update(
    State(services): State<Services>,
    caller: Caller,
    Path(id): Path<String>,
    body: Body,
) -> Result<Response, RestError> {
    let members = body.of(Portal::Publisher, "Scope")?;
    let mut transaction = services.write(&caller).await?;
    let before = find(transaction.as_mut(), &id).await?;
    let mut scope = scope(members, id.clone(), "name")?;
    if scope.name != before.name {
        return Err(Fault::new("name", "cannot be changed: tokens carry it").into());
    }
    scope.row_version = before.row_version;
    transaction.update_scope(&scope).await?;
    let stored = find(transaction.as_mut(), &id).await?;
    transaction.commit().await?;
    Ok(tagged(StatusCode::OK, stored.row_version, scope_description(&stored)))
}

pub(super) async fn delete(
    State(services): State<Services>,
    caller: Caller,
    Path(id): Path<String>,
) -> Result<StatusCode, RestError> {
    let mut transaction = services.write(&caller).await?;
    let scope = find(transaction.as_mut(), &id).await?;
    let apis = transaction.list_apis(Window::ALL).await?;
    let uses = |api: &&Api| api.policy.operations.iter().any(|operation| operation.scopes.contains(&scope.name));
    if let Some(api) = apis.items.iter().find(uses) {
        return Err(RestError::Conflict(format!("the API `{}` {} uses the scope", api.name, api.version)));
    }
    transaction.delete_scope(&id).await?;
    transaction.commit().await?;
    Ok(StatusCode::OK)
}

async fn find(transaction: &mut dyn Transaction, id: &str) -> Result<Scope, RestError> {
    transaction.find_scope(id).await?.ok_or(RestError::NotFound)
}
