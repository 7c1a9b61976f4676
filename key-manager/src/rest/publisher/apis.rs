//! `/apis`: create, read, update, delete.

use axum::Json;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde_json::{Map, Value, json};
use uuid::Uuid;

use super::{description, registration};
use crate::domain::{Api, ApiPolicy, LifeCycleStatus, Scope};
use crate::outbox::Step;
use crate::rest::contract::Portal;
use crate::rest::error::{Fault, RestError};
use crate::rest::request::{Body, IfMatch, Page, Parameters, created, tagged};
use crate::rest::{Caller, Services};
use crate::store::{Listed, Owner, Transaction, Window};

const PATH: &str = "/api/am/publisher/v4/apis";

pub(super) async fn list(
    State(services): State<Services>,
    Parameters(page): Parameters<Page>,
) -> Result<Response, RestError> {
    let apis = services.read().await?.list_apis(page.window()).await?;
    let items = apis.items.iter().map(description::summary).collect();
    Ok(Json(page.list(PATH, Listed { items, total: apis.total })).into_response())
}

pub(super) async fn create(
    State(services): State<Services>,
    caller: Caller,
    body: Body,
) -> Result<Response, RestError> {
    let members = body.of(Portal::Publisher, "API")?;
    add(&services, &caller, members, None).await
}

/// Adds an API, described and with the `OpenAPI` document that it came from.
pub(super) async fn add(
    services: &Services,
    caller: &Caller,
    members: Map<String, Value>,
    definition: Option<String>,
) -> Result<Response, RestError> {
    let mut api = blank(services, caller);
    description::describe(&mut api, members)?;
    api.definition = definition;
    let mut transaction = services.write(caller).await?;
    check(transaction.as_mut(), &api).await?;
    transaction.insert_api(&api).await?;
    let (row_version, told) = tell(transaction.as_mut(), &api.id).await?;
    transaction.commit().await?;
    Ok(created(&format!("{PATH}/{}", api.id), row_version, told))
}

pub(super) async fn read(State(services): State<Services>, Path(id): Path<String>) -> Result<Response, RestError> {
    let (row_version, told) = tell(services.read().await?.as_mut(), &id).await?;
    Ok(tagged(StatusCode::OK, row_version, told))
}

pub(super) async fn update(
    State(services): State<Services>,
    caller: Caller,
    Path(id): Path<String>,
    if_match: IfMatch,
    body: Body,
) -> Result<Response, RestError> {
    let members = body.of(Portal::Publisher, "API")?;
    let mut transaction = services.write(&caller).await?;
    let before = find(transaction.as_mut(), &id).await?;
    if_match.check(before.row_version)?;
    let mut api = before.clone();
    description::describe(&mut api, members)?;
    let identity = [
        ("name", &before.name, &api.name),
        ("version", &before.version, &api.version),
        ("context", &before.context, &api.context),
    ];
    if let Some((field, ..)) = identity.into_iter().find(|(_, before, after)| before != after) {
        return Err(Fault::new(field, "cannot be changed: callers and subscriptions go by it").into());
    }
    let (row_version, told) = save(&services, &caller, transaction, api).await?;
    Ok(tagged(StatusCode::OK, row_version, told))
}

/// Stores a changed API and lets its key managers follow.
pub(super) async fn save(
    services: &Services,
    caller: &Caller,
    mut transaction: Box<dyn Transaction>,
    mut api: Api,
) -> Result<(u64, Value), RestError> {
    api.updated_at = (services.now)();
    check(transaction.as_mut(), &api).await?;
    transaction.update_api(&api).await?;
    registration::follow(transaction.as_mut(), &api, &caller.request_id, api.updated_at).await?;
    let told = tell(transaction.as_mut(), &api.id).await?;
    transaction.commit().await?;
    Step::RegisterWritten.done();
    services.outbox.wake();
    Ok(told)
}

pub(super) async fn delete(
    State(services): State<Services>,
    caller: Caller,
    Path(id): Path<String>,
    if_match: IfMatch,
) -> Result<StatusCode, RestError> {
    remove(&services, &caller, &id, &if_match).await?;
    Ok(StatusCode::OK)
}

/// Takes an API away that nobody subscribes to.
pub(crate) async fn remove(
    services: &Services,
    caller: &Caller,
    id: &str,
    if_match: &IfMatch,
) -> Result<(), RestError> {
    let mut transaction = services.write(caller).await?;
    let api = find(transaction.as_mut(), id).await?;
    if_match.check(api.row_version)?;
    let subscriptions = transaction.list_subscriptions(Some(id), None, Owner::Anybody, Window::ALL).await?;
    if subscriptions.total > 0 {
        let reason = format!("the API has {} subscriptions: they have to go first", subscriptions.total);
        return Err(RestError::Conflict(reason));
    }
    registration::forget(transaction.as_mut(), id, &caller.request_id, (services.now)()).await?;
    transaction.delete_api(id).await?;
    transaction.commit().await?;
    services.outbox.wake();
    Ok(())
}

/// An API that is there.
pub(super) async fn find(transaction: &mut dyn Transaction, id: &str) -> Result<Api, RestError> {
    transaction.find_api(id).await?.ok_or(RestError::NotFound)
}

/// The API as the publisher sees it, with its row version.
pub(super) async fn tell(transaction: &mut dyn Transaction, id: &str) -> Result<(u64, Value), RestError> {
    let api = find(transaction, id).await?;
    let registrations = registration::standing(transaction, id).await?;
    let mut told = description::description(&api, &registrations);
    let shared = transaction.list_scopes(Window::ALL).await?;
    add_shared_scopes(&mut told, &api, &shared.items);
    Ok((api.row_version, Value::Object(told)))
}

/// What a description says of other things must be so.
async fn check(transaction: &mut dyn Transaction, api: &Api) -> Result<(), RestError> {
    registration::check_key_managers(transaction, api).await?;
    let shared = transaction.list_scopes(Window::ALL).await?;
    let is_known = |name: &String| api.scopes.iter().chain(&shared.items).any(|scope| scope.name == *name);
    for (index, operation) in api.policy.operations.iter().enumerate() {
        if let Some(position) = operation.scopes.iter().position(|name| !is_known(name)) {
            let field = format!("operations[{index}].scopes[{position}]");
            return Err(Fault::new(field, "is neither a scope of the API nor a shared one").into());
        }
    }
    Ok(())
}

/// WSO2 lists the shared scopes that an API's operations name among its own.
fn add_shared_scopes(told: &mut Map<String, Value>, api: &Api, shared: &[Scope]) {
    let Some(Value::Array(scopes)) = told.get_mut("scopes") else { return };
    let is_named = |scope: &&Scope| {
        let operations = &api.policy.operations;
        operations.iter().any(|operation| operation.scopes.contains(&scope.name))
            && !api.scopes.iter().any(|own| own.name == scope.name)
    };
    let named = shared.iter().filter(is_named);
    scopes.extend(named.map(|scope| json!({ "scope": description::scope_description(scope), "shared": true })));
}

fn blank(services: &Services, caller: &Caller) -> Api {
    let now = (services.now)();
    Api {
        id: Uuid::new_v4().to_string(),
        row_version: 0,
        name: String::new(),
        version: String::new(),
        context: String::new(),
        provider: caller.user.clone(),
        is_default_version: false,
        life_cycle_status: LifeCycleStatus::Created,
        policy: ApiPolicy::default(),
        scopes: Vec::new(),
        definition: None,
        document: Map::new(),
        created_at: now,
        updated_at: now,
    }
}
