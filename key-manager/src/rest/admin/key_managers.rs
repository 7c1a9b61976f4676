//! `/key-managers`: create, read, update, delete.

use std::collections::BTreeMap;

use axum::Json;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use key_validation::Secret;
use serde_json::{Map, Value, json};
use uuid::Uuid;

use crate::connections;
use crate::domain::{Endpoints, IdentityProvider};
use crate::rest::contract::Portal;
use crate::rest::error::{Fault, RestError};
use crate::rest::request::{Body, IfMatch, flag, tagged, text, texts};
use crate::rest::{Caller, Services};
use crate::store::{Transaction, Window};

/// What is shown of a secret; sent back, it stands for the secret that is there.
const MASK: &str = "*****";

/// WSO2's names of endpoints. Its other spelling, the list `endpoints`, has names of its own.
const ENDPOINTS: [&str; 10] = [
    "wellKnownEndpoint",
    "clientRegistrationEndpoint",
    "introspectionEndpoint",
    "tokenEndpoint",
    "displayTokenEndpoint",
    "revokeEndpoint",
    "displayRevokeEndpoint",
    "userInfoEndpoint",
    "authorizeEndpoint",
    "scopeManagementEndpoint",
];

pub(super) async fn list(State(services): State<Services>) -> Result<Response, RestError> {
    let providers = services.read().await?.list_identity_providers().await?;
    let items: Vec<Value> = providers.iter().map(summary).collect();
    Ok(Json(json!({ "count": items.len(), "list": items })).into_response())
}

pub(super) async fn create(
    State(services): State<Services>,
    caller: Caller,
    body: Body,
) -> Result<Response, RestError> {
    let members = body.of(Portal::Admin, "KeyManager")?;
    let mut provider = blank((services.now)());
    describe(&services, &mut provider, members)?;
    let mut transaction = services.write(&caller).await?;
    transaction.insert_identity_provider(&provider).await?;
    let stored = find(transaction.as_mut(), &provider.id).await?;
    transaction.commit().await?;
    Ok(tagged(StatusCode::CREATED, stored.row_version, description(&stored)))
}

pub(super) async fn read(State(services): State<Services>, Path(id): Path<String>) -> Result<Response, RestError> {
    let provider = find(services.read().await?.as_mut(), &id).await?;
    Ok(tagged(StatusCode::OK, provider.row_version, description(&provider)))
}

pub(super) async fn update(
    State(services): State<Services>,
    caller: Caller,
    Path(id): Path<String>,
    if_match: IfMatch,
    body: Body,
) -> Result<Response, RestError> {
    let members = body.of(Portal::Admin, "KeyManager")?;
    let mut transaction = services.write(&caller).await?;
    let before = find(transaction.as_mut(), &id).await?;
    if_match.check(before.row_version)?;
    let mut provider = before.clone();
    describe(&services, &mut provider, members)?;
    if provider.name != before.name {
        return Err(Fault::new("name", "cannot be changed: keys in gateways go by it").into());
    }
    provider.updated_at = (services.now)();
    transaction.update_identity_provider(&provider).await?;
    let stored = find(transaction.as_mut(), &id).await?;
    transaction.commit().await?;
    Ok(tagged(StatusCode::OK, stored.row_version, description(&stored)))
}

pub(super) async fn delete(
    State(services): State<Services>,
    caller: Caller,
    Path(id): Path<String>,
    if_match: IfMatch,
) -> Result<StatusCode, RestError> {
    let mut transaction = services.write(&caller).await?;
    let provider = find(transaction.as_mut(), &id).await?;
    if_match.check(provider.row_version)?;
    let keys = transaction.count_keys(&id).await?;
    if keys > 0 {
        return Err(RestError::Conflict(format!("{keys} keys of applications are at the key manager")));
    }
    let apis = transaction.list_apis(Window::ALL).await?.items;
    if let Some(api) = apis.iter().find(|api| api.policy.identity_providers.contains(&provider.name)) {
        return Err(RestError::Conflict(format!("the API `{}` {} names the key manager", api.name, api.version)));
    }
    transaction.delete_identity_provider(&id).await?;
    transaction.commit().await?;
    Ok(StatusCode::OK)
}

async fn find(transaction: &mut dyn Transaction, id: &str) -> Result<IdentityProvider, RestError> {
    transaction.find_identity_provider(id).await?.ok_or(RestError::NotFound)
}

fn describe(
    services: &Services,
    provider: &mut IdentityProvider,
    mut members: Map<String, Value>,
) -> Result<(), Fault> {
    for name in ["id", "global"] {
        members.remove(name);
    }
    provider.name = name(text(&mut members, "name").unwrap_or_default())?;
    provider.display_name = text(&mut members, "displayName").unwrap_or_else(|| provider.name.clone());
    provider.description = text(&mut members, "description").unwrap_or_default();
    provider.connector = text(&mut members, "type").unwrap_or_default();
    provider.issuer = text(&mut members, "issuer").filter(|issuer| !issuer.is_empty());
    provider.endpoints = endpoints(&mut members)?;
    provider.grant_types = texts(&mut members, "availableGrantTypes").unwrap_or_default();
    provider.enabled = flag(&mut members, "enabled").unwrap_or(true);
    provider.enable_token_generation = flag(&mut members, "enableTokenGeneration").unwrap_or(true);
    provider.enable_oauth_app_creation = flag(&mut members, "enableOAuthAppCreation").unwrap_or(true);
    provider.enable_map_oauth_consumer_apps = flag(&mut members, "enableMapOAuthConsumerApps").unwrap_or(true);
    settings(services, provider, members.remove("additionalProperties"));
    provider.document = members;
    let connected = services.connections.types().connect(&provider.connector, &connections::settings(provider));
    connected.map(|_| ()).map_err(|error| Fault::new(error.setting, error.reason))
}

/// Gateways refer to it by this name.
fn name(name: String) -> Result<String, Fault> {
    let is_plain = |one: char| one.is_ascii_lowercase() || one.is_ascii_digit() || one == '-';
    if name.len() <= 63 && !name.is_empty() && name.chars().all(is_plain) {
        return Ok(name);
    }
    Err(Fault::new("name", "must be 1 to 63 lower-case letters, digits and hyphens: gateways refer to it"))
}

fn endpoints(members: &mut Map<String, Value>) -> Result<Endpoints, Fault> {
    let mut given = Map::new();
    for name in ENDPOINTS {
        if let Some(endpoint) = text(members, name).filter(|endpoint| !endpoint.is_empty()) {
            let is_url = reqwest::Url::parse(&endpoint).is_ok_and(|url| matches!(url.scheme(), "http" | "https"));
            if !is_url {
                return Err(Fault::new(name, "must be an absolute URL of http or https"));
            }
            given.insert(name.to_owned(), json!(endpoint));
        }
    }
    serde_json::from_value(Value::Object(given)).map_err(|error| Fault::new("endpoints", error.to_string()))
}

/// The connector says which settings are secrets.
fn settings(services: &Services, provider: &mut IdentityProvider, given: Option<Value>) {
    let secret_names: Vec<&str> =
        services.connections.types().get(&provider.connector).map_or_else(Vec::new, |connector| {
            connector.settings().iter().filter(|setting| setting.secret).map(|setting| setting.name).collect()
        });
    let before = std::mem::take(&mut provider.secrets);
    provider.settings.clear();
    let Some(Value::Object(given)) = given else { return };
    for (name, value) in given {
        match value.as_str().filter(|_| secret_names.contains(&name.as_str())) {
            Some(MASK) => provider.secrets.extend(before.get(&name).map(|secret| (name.clone(), secret.clone()))),
            Some(secret) => {
                provider.secrets.insert(name, Secret::new(secret));
            }
            None => {
                provider.settings.insert(name, value);
            }
        }
    }
}

fn summary(provider: &IdentityProvider) -> Value {
    json!({
        "id": provider.id,
        "name": provider.name,
        "type": provider.connector,
        "description": provider.description,
        "enabled": provider.enabled,
        "isGlobal": false,
        "tokenType": "DIRECT",
    })
}

fn description(provider: &IdentityProvider) -> Value {
    let mut told = provider.document.clone();
    let masked = provider.secrets.keys().map(|name| (name.clone(), json!(MASK)));
    let plain = provider.settings.iter().map(|(name, value)| (name.clone(), value.clone()));
    let ours = json!({
        "id": provider.id,
        "name": provider.name,
        "displayName": provider.display_name,
        "type": provider.connector,
        "description": provider.description,
        "enabled": provider.enabled,
        "availableGrantTypes": provider.grant_types,
        "enableTokenGeneration": provider.enable_token_generation,
        "enableOAuthAppCreation": provider.enable_oauth_app_creation,
        "enableMapOAuthConsumerApps": provider.enable_map_oauth_consumer_apps,
        "additionalProperties": plain.chain(masked).collect::<Map<_, _>>(),
    });
    told.extend(ours.as_object().cloned().unwrap_or_default());
    if let Some(issuer) = &provider.issuer {
        told.insert("issuer".to_owned(), json!(issuer));
    }
    let endpoints = serde_json::to_value(&provider.endpoints).unwrap_or_default();
    let given = endpoints.as_object().cloned().unwrap_or_default().into_iter().filter(|(_, value)| !value.is_null());
    told.extend(given);
    Value::Object(told)
}

pub(in crate::rest) fn blank(now: key_validation::UnixTime) -> IdentityProvider {
    IdentityProvider {
        id: Uuid::new_v4().to_string(),
        row_version: 0,
        name: String::new(),
        display_name: String::new(),
        description: String::new(),
        connector: String::new(),
        enabled: true,
        issuer: None,
        endpoints: Endpoints::default(),
        grant_types: Vec::new(),
        enable_token_generation: true,
        enable_map_oauth_consumer_apps: true,
        enable_oauth_app_creation: true,
        settings: BTreeMap::new(),
        secrets: BTreeMap::new(),
        document: Map::new(),
        created_at: now,
        updated_at: now,
    }
}
