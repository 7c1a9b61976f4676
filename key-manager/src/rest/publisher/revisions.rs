//! `/apis/{apiId}/revisions` and deployments. Gateways serve what is published; revisions are recorded.

use axum::Json;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde::Deserialize;
use serde_json::{Map, Value, json};
use uuid::Uuid;

use super::apis;
use super::description::time;
use crate::domain::{ApiRevision, Document};
use crate::rest::contract::Portal;
use crate::rest::error::{Fault, RestError};
use crate::rest::request::{Body, Parameters, text};
use crate::rest::{Caller, Services};
use crate::store::Transaction;

pub(super) async fn list(State(services): State<Services>, Path(id): Path<String>) -> Result<Response, RestError> {
    let revisions = all(services.read().await?.as_mut(), &id).await?;
    Ok(Json(told(&revisions)).into_response())
}

pub(super) async fn create(
    State(services): State<Services>,
    caller: Caller,
    Path(id): Path<String>,
    body: Body,
) -> Result<Response, RestError> {
    let mut members = if body.is_absent() { Map::new() } else { body.of(Portal::Publisher, "APIRevision")? };
    let mut transaction = services.write(&caller).await?;
    let (_, snapshot) = apis::tell(transaction.as_mut(), &id).await?;
    let (_, highest) = transaction.list_api_revisions(&id).await?;
    let revision = ApiRevision {
        id: Uuid::new_v4().to_string(),
        api_id: id,
        number: highest.saturating_add(1),
        description: text(&mut members, "description").unwrap_or_default(),
        created_at: (services.now)(),
        snapshot: snapshot.as_object().cloned().unwrap_or_default(),
        deployments: Vec::new(),
    };
    transaction.insert_api_revision(&revision).await?;
    transaction.commit().await?;
    Ok((StatusCode::CREATED, Json(description(&revision))).into_response())
}

pub(super) async fn read(
    State(services): State<Services>,
    Path((id, revision_id)): Path<(String, String)>,
) -> Result<Response, RestError> {
    let revision = find(services.read().await?.as_mut(), &id, &revision_id).await?;
    Ok(Json(description(&revision)).into_response())
}

pub(super) async fn delete(
    State(services): State<Services>,
    caller: Caller,
    Path((id, revision_id)): Path<(String, String)>,
) -> Result<Response, RestError> {
    let mut transaction = services.write(&caller).await?;
    let revision = find(transaction.as_mut(), &id, &revision_id).await?;
    if !revision.deployments.is_empty() {
        return Err(RestError::BadRequest("the revision is deployed: undeploy it first".to_owned()));
    }
    transaction.delete_api_revision(&revision_id).await?;
    let left = all(transaction.as_mut(), &id).await?;
    transaction.commit().await?;
    Ok(Json(told(&left)).into_response())
}

pub(super) async fn deployments(
    State(services): State<Services>,
    Path(id): Path<String>,
) -> Result<Response, RestError> {
    let revisions = all(services.read().await?.as_mut(), &id).await?;
    let deployments: Vec<_> = revisions.iter().flat_map(|revision| &revision.deployments).collect();
    Ok(Json(json!({ "list": deployments })).into_response())
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Selection {
    revision_id: Option<String>,
    revision_number: Option<String>,
    #[serde(default)]
    all_environments: bool,
}

pub(super) async fn deploy(
    State(services): State<Services>,
    caller: Caller,
    Path(id): Path<String>,
    Parameters(selection): Parameters<Selection>,
    body: Body,
) -> Result<Response, RestError> {
    let environments = body.list_of(Portal::Publisher, "APIRevisionDeployment")?;
    let mut transaction = services.write(&caller).await?;
    let mut revision = selected(transaction.as_mut(), &id, &selection).await?;
    for (index, environment) in environments.into_iter().enumerate() {
        let deployment = deployment(environment, &revision.id, &time((services.now)()), index)?;
        take_away(transaction.as_mut(), &id, Some(&revision.id), deployment.get("name")).await?;
        revision.deployments.retain(|other| other.get("name") != deployment.get("name"));
        revision.deployments.push(deployment);
    }
    transaction.update_api_revision(&revision).await?;
    transaction.commit().await?;
    Ok(Json(revision.deployments).into_response())
}

pub(super) async fn undeploy(
    State(services): State<Services>,
    caller: Caller,
    Path(id): Path<String>,
    Parameters(selection): Parameters<Selection>,
    body: Body,
) -> Result<Response, RestError> {
    let environments = body.list_of(Portal::Publisher, "APIRevisionDeployment")?;
    let mut transaction = services.write(&caller).await?;
    let mut revision = selected(transaction.as_mut(), &id, &selection).await?;
    let is_named = |deployment: &Document| {
        environments.iter().any(|environment| environment.get("name") == deployment.get("name"))
    };
    revision.deployments.retain(|deployment| !selection.all_environments && !is_named(deployment));
    transaction.update_api_revision(&revision).await?;
    transaction.commit().await?;
    Ok((StatusCode::CREATED, Json(revision.deployments)).into_response())
}

/// An environment has one revision of an API.
async fn take_away(
    transaction: &mut dyn Transaction,
    api_id: &str,
    except: Option<&str>,
    environment: Option<&Value>,
) -> Result<(), RestError> {
    for mut other in all(transaction, api_id).await? {
        let count = other.deployments.len();
        other.deployments.retain(|deployment| deployment.get("name") != environment);
        if other.deployments.len() < count && Some(other.id.as_str()) != except {
            transaction.update_api_revision(&other).await?;
        }
    }
    Ok(())
}

fn deployment(mut given: Document, revision_id: &str, now: &str, index: usize) -> Result<Document, Fault> {
    if given.get("name").is_none() {
        return Err(Fault::new(format!("[{index}].name"), "is required"));
    }
    for name in ["liveGatewayCount", "deployedGatewayCount", "failedGatewayCount"] {
        given.remove(name);
    }
    for (name, value) in
        [("revisionUuid", revision_id), ("status", "APPROVED"), ("deployedTime", now), ("successDeployedTime", now)]
    {
        given.insert(name.to_owned(), json!(value));
    }
    given.entry("displayOnDevportal").or_insert(Value::Bool(true));
    Ok(given)
}

async fn selected(
    transaction: &mut dyn Transaction,
    api_id: &str,
    selection: &Selection,
) -> Result<ApiRevision, RestError> {
    if let Some(revision_id) = &selection.revision_id {
        return find(transaction, api_id, revision_id).await;
    }
    let number = selection.revision_number.as_deref().and_then(|text| text.parse::<u32>().ok());
    let number = number.ok_or_else(|| Fault::new("revisionId", "is required"))?;
    let found = all(transaction, api_id).await?.into_iter().find(|revision| revision.number == number);
    found.ok_or(RestError::NotFound)
}

async fn all(transaction: &mut dyn Transaction, api_id: &str) -> Result<Vec<ApiRevision>, RestError> {
    apis::find(transaction, api_id).await?;
    Ok(transaction.list_api_revisions(api_id).await?.0)
}

async fn find(transaction: &mut dyn Transaction, api_id: &str, id: &str) -> Result<ApiRevision, RestError> {
    all(transaction, api_id).await?.into_iter().find(|revision| revision.id == id).ok_or(RestError::NotFound)
}

fn told(revisions: &[ApiRevision]) -> Value {
    let list: Vec<_> = revisions.iter().map(description).collect();
    json!({ "count": list.len(), "list": list })
}

fn description(revision: &ApiRevision) -> Value {
    json!({
        "displayName": format!("Revision {}", revision.number),
        "id": revision.id,
        "description": revision.description,
        "createdTime": time(revision.created_at),
        "apiInfo": { "id": revision.api_id },
        "deploymentInfo": revision.deployments,
    })
}
