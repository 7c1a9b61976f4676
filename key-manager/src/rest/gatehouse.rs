//! Gatehouse's own API for operators: revocations, gateways, and what still has to reach identity providers.

use std::time::Duration;

use axum::Json;
use axum::extract::{Path, State};
use axum::http::{Method, StatusCode};
use axum::response::{IntoResponse, Response};
use key_validation::UnixTime;
use serde_json::{Map, Value, json};
use uuid::Uuid;

use super::contract::Portal;
use super::error::{Fault, RestError};
use super::publisher::time;
use super::request::{Body, Page, Parameters, text};
use super::routes::Routes;
use super::{Caller, Services};
use crate::connector::Check;
use crate::domain::{Gateway, Revocation, RevocationAction, RevocationKind};
use crate::outbox::{self, Intent, IntentId};
use crate::store::Listed;

/// How long a cut-off lasts that says nothing else: longer than tokens do.
const LIFETIME: Duration = Duration::from_secs(30 * 24 * 3600);

/// The operations.
pub(super) fn routes() -> Routes {
    Routes::new(Portal::Gatehouse)
        .on(Method::GET, "/revocations", list_revocations)
        .on(Method::POST, "/revocations", revoke)
        .on(Method::DELETE, "/revocations/{revocationId}", lift)
        .on(Method::GET, "/gateways", list_gateways)
        .on(Method::GET, "/reconciliation", list_intents)
        .on(Method::DELETE, "/reconciliation/{intentId}", forget_intent)
        .on(Method::POST, "/key-managers/{keyManagerId}/check", check_key_manager)
}

async fn list_revocations(
    State(services): State<Services>,
    Parameters(page): Parameters<Page>,
) -> Result<Response, RestError> {
    let found = services.read().await?.list_revocations(page.window()).await?;
    let items = found.items.iter().map(revocation).collect();
    Ok(Json(page.list("/api/gatehouse/v1/revocations", Listed { items, total: found.total })).into_response())
}

async fn revoke(State(services): State<Services>, caller: Caller, body: Body) -> Result<Response, RestError> {
    let members = body.of(Portal::Gatehouse, "Revocation")?;
    let cut_off = read(members, (services.now)())?;
    let mut transaction = services.write(&caller).await?;
    if let Some(name) = &cut_off.identity_provider {
        let known = transaction.find_identity_provider_by_name(name).await?;
        known.ok_or_else(|| Fault::new("identityProvider", format!("there is no key manager `{name}`")))?;
    }
    transaction.insert_revocation(&cut_off).await?;
    transaction.commit().await?;
    Ok((StatusCode::CREATED, Json(revocation(&cut_off))).into_response())
}

async fn lift(
    State(services): State<Services>,
    caller: Caller,
    Path(id): Path<String>,
) -> Result<StatusCode, RestError> {
    let mut transaction = services.write(&caller).await?;
    if !transaction.delete_revocation(&id).await? {
        return Err(RestError::NotFound);
    }
    transaction.commit().await?;
    Ok(StatusCode::OK)
}

async fn list_gateways(State(services): State<Services>) -> Result<Response, RestError> {
    let mut transaction = services.read().await?;
    let newest = transaction.feed_state().await?.revision;
    let items: Vec<Value> = transaction.list_gateways().await?.iter().map(gateway).collect();
    Ok(Json(json!({ "count": items.len(), "list": items, "revision": newest })).into_response())
}

async fn list_intents(
    State(services): State<Services>,
    Parameters(page): Parameters<Page>,
) -> Result<Response, RestError> {
    let found = services.read().await?.list_intents(page.window()).await?;
    let items = found.items.iter().map(intent).collect();
    Ok(Json(page.list("/api/gatehouse/v1/reconciliation", Listed { items, total: found.total })).into_response())
}

/// Somebody has looked at the identity provider: what the intent is for is settled.
async fn forget_intent(
    State(services): State<Services>,
    caller: Caller,
    Path(id): Path<String>,
) -> Result<StatusCode, RestError> {
    let id = IntentId::parse(&id).ok_or(RestError::NotFound)?;
    let mut transaction = services.write(&caller).await?;
    if !outbox::forget(transaction.as_mut(), &id).await? {
        return Err(RestError::NotFound);
    }
    transaction.commit().await?;
    Ok(StatusCode::OK)
}

/// Tries the connection to an identity provider, and says of each part what is wrong with it.
async fn check_key_manager(State(services): State<Services>, Path(id): Path<String>) -> Result<Response, RestError> {
    let provider = services.read().await?.find_identity_provider(&id).await?.ok_or(RestError::NotFound)?;
    let checks = services.connect(&provider)?.check().await;
    let is_good = checks.iter().all(|check| check.outcome.is_ok());
    let told = checks.iter().map(|Check { name, outcome }| match outcome {
        Ok(()) => json!({ "check": name, "good": true }),
        Err(error) => json!({ "check": name, "good": false, "problem": error.to_string() }),
    });
    Ok(Json(json!({ "good": is_good, "checks": told.collect::<Vec<_>>() })).into_response())
}

fn read(mut members: Map<String, Value>, now: UnixTime) -> Result<Revocation, Fault> {
    let kind: RevocationKind =
        parse("kind", members.remove("kind"))?.ok_or_else(|| Fault::new("kind", "is required"))?;
    let value = text(&mut members, "value").unwrap_or_default();
    if value.is_empty() != (kind == RevocationKind::All) {
        return Err(Fault::new("value", "names what is revoked; only `all` goes without"));
    }
    let seconds = |name: &str, members: &Map<String, Value>| {
        members
            .get(name)
            .map(|value| value.as_u64().ok_or_else(|| Fault::new(name, "must be seconds since the epoch")))
            .transpose()
    };
    let expires_at = seconds("expiresAt", &members)?.map_or_else(|| now.plus(LIFETIME), UnixTime::from_seconds);
    if expires_at <= now {
        return Err(Fault::new("expiresAt", "must be in the future"));
    }
    Ok(Revocation {
        id: Uuid::new_v4().to_string(),
        kind,
        value,
        identity_provider: text(&mut members, "identityProvider").filter(|name| !name.is_empty()),
        action: parse("action", members.remove("action"))?.unwrap_or(RevocationAction::Deny),
        not_before: seconds("notBefore", &members)?.map_or(now, UnixTime::from_seconds),
        expires_at,
        created_at: now,
    })
}

fn parse<T: serde::de::DeserializeOwned>(field: &str, value: Option<Value>) -> Result<Option<T>, Fault> {
    value.map(|value| serde_json::from_value(value).map_err(|error| Fault::new(field, error.to_string()))).transpose()
}

fn revocation(revocation: &Revocation) -> Value {
    let mut told = json!({
        "id": revocation.id,
        "kind": revocation.kind,
        "value": revocation.value,
        "action": revocation.action,
        "notBefore": revocation.not_before.as_seconds(),
        "expiresAt": revocation.expires_at.as_seconds(),
        "createdAt": revocation.created_at.as_seconds(),
    });
    if let (Some(name), Some(members)) = (&revocation.identity_provider, told.as_object_mut()) {
        members.insert("identityProvider".to_owned(), json!(name));
    }
    told
}

fn gateway(gateway: &Gateway) -> Value {
    json!({
        "name": gateway.name,
        "revision": gateway.revision,
        "refusedRecords": gateway.refused_records,
        "refusedPages": gateway.refused_pages,
        "createdAt": time(gateway.created_at),
        "acknowledgedAt": time(gateway.acknowledged_at),
    })
}

fn intent(intent: &Intent) -> Value {
    json!({
        "id": intent.id.text(),
        "state": intent.state,
        "attempts": intent.attempts,
        "nextAttemptAt": time(intent.next_attempt_at),
        "error": intent.error,
        "createdAt": time(intent.created_at),
    })
}
