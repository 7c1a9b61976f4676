//! An application's keys: generate, map, read, change, delete. What reaches the identity provider is written down
//! before it is tried.

mod client;
mod token;

use axum::Json;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use key_validation::{Secret, UnixTime};
use serde_json::{Map, Value, json};
use uuid::Uuid;

use super::applications;
use crate::config::SecretDisplay;
use crate::connector::ClientCredentials;
use crate::cut_offs;
use crate::domain::{Application, ApplicationKey, IdentityProvider, KeyMode, KeyState, KeyType};
use crate::outbox::{Intent, IntentId, Step};
use crate::rest::contract::Portal;
use crate::rest::error::{Fault, RestError};
use crate::rest::request::{Body, text, texts};
use crate::rest::{Caller, Services};
use crate::store::Transaction;

pub(crate) use client::{Change, change, check_callback, document};
pub(super) use client::{regenerate_secret, update};
pub(super) use token::generate_token;

pub(super) async fn generate(
    State(services): State<Services>,
    caller: Caller,
    Path(id): Path<String>,
    body: Body,
) -> Result<Response, RestError> {
    let mut members = body.of(Portal::Devportal, "ApplicationKeyGenerateRequest")?;
    let (named, key_type) = (text(&mut members, "keyManager"), key_type(&mut members));
    let describe = |key: &mut ApplicationKey| {
        key.metadata = client::metadata(&key.client_name, &mut members)?;
        key.document = members;
        Ok(())
    };
    let (key, provider) = create(&services, &caller, &id, named, key_type, describe).await?;
    Ok(Json(description(&key, &provider, Shown::Secret)).into_response())
}

/// A key with its client: the place first, then the client. `describe` says what the client is to be.
pub(crate) async fn create(
    services: &Services,
    caller: &Caller,
    application_id: &str,
    key_manager_named: Option<String>,
    key_type: KeyType,
    describe: impl FnOnce(&mut ApplicationKey) -> Result<(), RestError>,
) -> Result<(ApplicationKey, IdentityProvider), RestError> {
    let now = (services.now)();
    let mut transaction = services.write(caller).await?;
    let application = applications::find(transaction.as_mut(), application_id, caller.owner()).await?;
    let provider = key_manager(transaction.as_mut(), key_manager_named).await?;
    if !provider.enable_oauth_app_creation {
        return Err(Fault::new("keyManager", "takes no new clients; map an existing one").into());
    }
    services.connect(&provider)?;
    let mut key = blank(&application, &provider, key_type, now);
    describe(&mut key)?;
    transaction.insert_key(&key).await?;
    let id = IntentId::CreateClient { key_id: key.id.clone() };
    let intent = services.outbox.own_intent(id, &caller.request_id);
    transaction.put_intent(&intent).await?;
    transaction.commit().await?;
    Step::CreateWritten.done();
    services.outbox.carry_out(intent.id).await?;
    let key = find(services.read().await?.as_mut(), caller, application_id, &key.id).await?;
    Ok((key, provider))
}

pub(super) async fn map(
    State(services): State<Services>,
    caller: Caller,
    Path(id): Path<String>,
    body: Body,
) -> Result<Response, RestError> {
    let mut members = body.of(Portal::Devportal, "ApplicationKeyMappingRequest")?;
    let client_id = text(&mut members, "consumerKey").filter(|text| !text.is_empty());
    let client_id = client_id.ok_or_else(|| Fault::new("consumerKey", "must not be empty"))?;
    let client_secret = text(&mut members, "consumerSecret").map(Secret::new);
    let mut transaction = services.read().await?;
    let application = applications::find(transaction.as_mut(), &id, caller.owner()).await?;
    let provider = key_manager(transaction.as_mut(), text(&mut members, "keyManager")).await?;
    drop(transaction);
    if !provider.enable_map_oauth_consumer_apps {
        return Err(Fault::new("keyManager", "does not let existing clients be mapped").into());
    }
    let credentials = ClientCredentials { client_id: client_id.clone(), client_secret: client_secret.clone() };
    let client = services.connect(&provider)?.map_client(&credentials).await?;
    let mut key = blank(&application, &provider, key_type(&mut members), (services.now)());
    key.mode = KeyMode::Mapped;
    key.state = KeyState::Created;
    key.client_id = Some(client_id);
    key.client_secret = client_secret;
    key.handle = client.handle.map(|handle| Secret::new(handle.expose()));
    key.metadata = client::document(&client.metadata);
    let mut transaction = services.write(&caller).await?;
    applications::find(transaction.as_mut(), &id, caller.owner()).await?;
    transaction.insert_key(&key).await?;
    transaction.commit().await?;
    Ok(Json(description(&key, &provider, shown(services.secret_display))).into_response())
}

pub(super) async fn list(
    State(services): State<Services>,
    caller: Caller,
    Path(id): Path<String>,
) -> Result<Response, RestError> {
    let mut transaction = services.read().await?;
    applications::find(transaction.as_mut(), &id, caller.owner()).await?;
    let mut items = Vec::new();
    for key in transaction.list_keys(&id).await?.iter().filter(|key| key.state == KeyState::Created) {
        let provider = provider_of(transaction.as_mut(), key).await?;
        items.push(description(key, &provider, shown(services.secret_display)));
    }
    Ok(Json(json!({ "count": items.len(), "list": items })).into_response())
}

pub(super) async fn read(
    State(services): State<Services>,
    caller: Caller,
    Path((id, key_id)): Path<(String, String)>,
) -> Result<Response, RestError> {
    let mut transaction = services.read().await?;
    let key = find(transaction.as_mut(), &caller, &id, &key_id).await?;
    let provider = provider_of(transaction.as_mut(), &key).await?;
    Ok(Json(description(&key, &provider, shown(services.secret_display))).into_response())
}

/// The key is gone at once; its client goes by the outbox, which tries until it is gone.
pub(super) async fn delete(
    State(services): State<Services>,
    caller: Caller,
    Path((id, key_id)): Path<(String, String)>,
) -> Result<StatusCode, RestError> {
    let mut transaction = services.write(&caller).await?;
    let key = find(transaction.as_mut(), &caller, &id, &key_id).await?;
    remove(transaction.as_mut(), key, &caller.request_id, (services.now)()).await?;
    transaction.commit().await?;
    Step::DeleteWritten.done();
    services.outbox.wake();
    Ok(StatusCode::OK)
}

/// WSO2's way out of a key whose client is lost: the same here, where a key without its client does not exist.
pub(super) async fn clean_up(
    services: State<Services>,
    caller: Caller,
    path: Path<(String, String)>,
) -> Result<StatusCode, RestError> {
    delete(services, caller, path).await
}

/// Takes a key away; the client too, when it was made here.
pub(crate) async fn remove(
    transaction: &mut dyn Transaction,
    mut key: ApplicationKey,
    request_id: &str,
    now: UnixTime,
) -> Result<(), RestError> {
    match (key.mode, key.state) {
        (_, KeyState::Deleting) => Ok(()),
        (KeyMode::Mapped, _) => Ok(transaction.delete_key(&key.id).await?),
        (KeyMode::Created, _) => {
            key.state = KeyState::Deleting;
            key.updated_at = now;
            transaction.update_key(&key).await?;
            let provider = transaction.find_identity_provider(&key.identity_provider_id).await?;
            if let (Some(client_id), Some(provider)) = (&key.client_id, provider) {
                cut_offs::put(transaction, &cut_offs::deleted_client(client_id, &provider.name, now)).await?;
            }
            let id = IntentId::DeleteClient { key_id: key.id };
            Ok(transaction.put_intent(&Intent::new(id, request_id, now)).await?)
        }
    }
}

/// A key of an application of the caller's.
async fn find(
    transaction: &mut dyn Transaction,
    caller: &Caller,
    application_id: &str,
    key_id: &str,
) -> Result<ApplicationKey, RestError> {
    applications::find(transaction, application_id, caller.owner()).await?;
    let found = transaction.find_key(key_id).await?;
    let is_there = |key: &ApplicationKey| key.application_id == application_id && key.state == KeyState::Created;
    found.filter(is_there).ok_or(RestError::NotFound)
}

/// The key manager that is named by name or id, or else the only one that is enabled.
async fn key_manager(transaction: &mut dyn Transaction, named: Option<String>) -> Result<IdentityProvider, RestError> {
    let mut enabled = transaction.list_identity_providers().await?;
    enabled.retain(|provider| provider.enabled);
    if let Some(name) = named {
        let found = enabled.into_iter().find(|provider| provider.name == name || provider.id == name);
        return found.ok_or_else(|| Fault::new("keyManager", "names no key manager that is enabled").into());
    }
    match (enabled.pop(), enabled.is_empty()) {
        (Some(only), true) => Ok(only),
        (Some(_), false) => Err(Fault::new("keyManager", "is required: there are several").into()),
        (None, _) => Err(Fault::new("keyManager", "is required, and no key manager is enabled").into()),
    }
}

async fn provider_of(transaction: &mut dyn Transaction, key: &ApplicationKey) -> Result<IdentityProvider, RestError> {
    transaction.find_identity_provider(&key.identity_provider_id).await?.ok_or(RestError::NotFound)
}

fn key_type(members: &mut Map<String, Value>) -> KeyType {
    match text(members, "keyType").as_deref() {
        Some("SANDBOX") => KeyType::Sandbox,
        _ => KeyType::Production,
    }
}

pub(crate) fn key_type_name(key_type: KeyType) -> &'static str {
    match key_type {
        KeyType::Production => "PRODUCTION",
        KeyType::Sandbox => "SANDBOX",
    }
}

/// WSO2's name for a client.
pub(crate) fn client_name(owner: &str, application_id: &str, key_type: KeyType) -> String {
    format!("{}_{application_id}_{}", owner.replace(['@', '/'], "_"), key_type_name(key_type))
}

/// A key whose client is still to come.
fn blank(application: &Application, provider: &IdentityProvider, key_type: KeyType, now: UnixTime) -> ApplicationKey {
    ApplicationKey {
        id: Uuid::new_v4().to_string(),
        row_version: 0,
        application_id: application.id.clone(),
        identity_provider_id: provider.id.clone(),
        key_type,
        mode: KeyMode::Created,
        state: KeyState::Creating,
        client_name: client_name(&application.owner, &application.id, key_type),
        client_id: None,
        client_secret: None,
        handle: None,
        registration_token_digest: None,
        metadata: Map::new(),
        document: Map::new(),
        created_at: now,
        updated_at: now,
    }
}

/// Whether an answer shows the client's secret.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Shown {
    Secret,
    NoSecret,
}

/// Of a secret that was shown before.
pub(crate) fn shown(display: SecretDisplay) -> Shown {
    match display {
        SecretDisplay::Always => Shown::Secret,
        SecretDisplay::Once => Shown::NoSecret,
    }
}

/// Of a secret that is perhaps another one than before.
pub(crate) fn shown_after(before: Option<&Secret>, key: &ApplicationKey, display: SecretDisplay) -> Shown {
    if key.client_secret.as_ref() == before { shown(display) } else { Shown::Secret }
}

fn description(key: &ApplicationKey, provider: &IdentityProvider, shown: Shown) -> Value {
    let mut metadata = key.metadata.clone();
    let callbacks = texts(&mut metadata, "redirect_uris").unwrap_or_default();
    let mut told = json!({
        "keyMappingId": key.id,
        "keyManager": provider.name,
        "consumerKey": key.client_id,
        "supportedGrantTypes": texts(&mut metadata, "grant_types").unwrap_or_default(),
        "callbackUrl": callbacks.join(","),
        "keyState": "COMPLETED",
        "keyType": key_type_name(key.key_type),
        "mode": if key.mode == KeyMode::Mapped { "MAPPED" } else { "CREATED" },
        "additionalProperties": metadata.remove("additional").unwrap_or_else(|| json!({})),
    });
    if let (Some(secret), Shown::Secret, Some(members)) = (&key.client_secret, shown, told.as_object_mut()) {
        members.insert("consumerSecret".to_owned(), json!(secret.expose()));
    }
    told
}
