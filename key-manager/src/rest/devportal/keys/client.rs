//! Clients' metadata, in WSO2's terms and RFC 7591's, and changes of it at the identity provider.

use axum::Json;
use axum::extract::{Path, State};
use axum::response::{IntoResponse, Response};
use serde_json::{Map, Value, json};

use super::{Shown, description, find, provider_of, shown_after};
use crate::connector::ClientMetadata;
use crate::domain::{ApplicationKey, Document, IdentityProvider, KeyState};
use crate::outbox;
use crate::rest::contract::Portal;
use crate::rest::error::{Fault, RestError};
use crate::rest::request::{Body, text, texts};
use crate::rest::{Caller, Services};

/// Lifetimes in WSO2's additional properties; negative ones are refused.
const LIFETIMES: [&str; 4] = [
    "application_access_token_expiry_time",
    "user_access_token_expiry_time",
    "refresh_token_expiry_time",
    "id_token_expiry_time",
];

pub(crate) async fn update(
    State(services): State<Services>,
    caller: Caller,
    Path((id, key_id)): Path<(String, String)>,
    body: Body,
) -> Result<Response, RestError> {
    let mut members = body.of(Portal::Devportal, "ApplicationKey")?;
    let mut transaction = services.read().await?;
    let key = find(transaction.as_mut(), &caller, &id, &key_id).await?;
    drop(transaction);
    let wanted = read(&metadata(&key.client_name, &mut members)?)?;
    let before = key.client_secret;
    let (key, provider) = change(&services, &caller, key_id, Change::Replace(wanted)).await?;
    let shown = shown_after(before.as_ref(), &key, services.secret_display);
    Ok(Json(description(&key, &provider, shown)).into_response())
}

pub(crate) async fn regenerate_secret(
    State(services): State<Services>,
    caller: Caller,
    Path((id, key_id)): Path<(String, String)>,
) -> Result<Response, RestError> {
    find(services.read().await?.as_mut(), &caller, &id, &key_id).await?;
    let (key, provider) = change(&services, &caller, key_id, Change::RegenerateSecret).await?;
    let told = description(&key, &provider, Shown::Secret);
    Ok(Json(json!({ "consumerKey": told.get("consumerKey"), "consumerSecret": told.get("consumerSecret") }))
        .into_response())
}

/// What becomes of a client.
pub(crate) enum Change {
    /// It is to be so.
    Replace(ClientMetadata),
    /// It gets another secret.
    RegenerateSecret,
}

/// Changes a client at its identity provider and stores what that told. In a task of its own, one at a time for a
/// client: a caller who goes away must not lose a registration access token that was rotated.
pub(crate) async fn change(
    services: &Services,
    caller: &Caller,
    key_id: String,
    change: Change,
) -> Result<(ApplicationKey, IdentityProvider), RestError> {
    let (services, writer) = (services.clone(), services.writer(caller));
    let task = tokio::spawn(async move {
        let _alone = services.store.lock(&key_id).await?;
        let mut transaction = services.read().await?;
        let key = transaction.find_key(&key_id).await?.filter(|key| key.state == KeyState::Created);
        let key = key.ok_or(RestError::NotFound)?;
        let provider = provider_of(transaction.as_mut(), &key).await?;
        drop(transaction);
        let connector = services.connect(&provider)?;
        let client_id = key.client_id.clone().ok_or(RestError::NotFound)?;
        let reference = outbox::reference(&key, client_id);
        let client = match change {
            Change::Replace(metadata) => connector.update_client(&reference, &metadata).await?,
            Change::RegenerateSecret => connector.regenerate_secret(&reference, &read(&key.metadata)?).await?,
        };
        let key = services.outbox.keep_told(&key_id, &client, &writer).await?.ok_or(RestError::NotFound)?;
        Ok((key, provider))
    });
    task.await.unwrap_or(Err(RestError::Internal))
}

/// What a client is to be, out of WSO2's members.
pub(super) fn metadata(client_name: &str, members: &mut Map<String, Value>) -> Result<Document, RestError> {
    let asked = texts(members, "grantTypesToBeSupported").or_else(|| texts(members, "supportedGrantTypes"));
    let callbacks = text(members, "callbackUrl").unwrap_or_default();
    let redirect_uris: Vec<String> =
        callbacks.split(',').map(str::trim).filter(|uri| !uri.is_empty()).map(str::to_owned).collect();
    let grant_types: Vec<String> = asked.unwrap_or_default().into_iter().filter(|name| !name.is_empty()).collect();
    check_callback(&grant_types, &redirect_uris)?;
    check_lifetime("validityTime", members.get("validityTime"))?;
    let additional = match members.remove("additionalProperties") {
        Some(Value::Object(additional)) => additional,
        _ => Map::new(),
    };
    for name in LIFETIMES {
        check_lifetime(&format!("additionalProperties.{name}"), additional.get(name))?;
    }
    let scope = texts(members, "scopes").filter(|scopes| !scopes.is_empty());
    let client_name = client_name.to_owned();
    Ok(document(&ClientMetadata {
        client_name,
        grant_types,
        redirect_uris,
        scope,
        additional,
        ..ClientMetadata::default()
    }))
}

/// Grants that send users back need to know where to.
pub(crate) fn check_callback(grant_types: &[String], redirect_uris: &[String]) -> Result<(), Fault> {
    let needs = grant_types.iter().find(|name| matches!(name.as_str(), "authorization_code" | "implicit"));
    match needs.filter(|_| redirect_uris.is_empty()) {
        Some(grant) => Err(Fault::new("callbackUrl", format!("is required for the grant `{grant}`"))),
        None => Ok(()),
    }
}

fn check_lifetime(field: &str, value: Option<&Value>) -> Result<(), Fault> {
    let number = match value {
        Some(Value::String(text)) => text.parse::<f64>().ok(),
        Some(other) => other.as_f64(),
        None => None,
    };
    if number.is_some_and(|number| number < 0.0) { Err(Fault::new(field, "must not be negative")) } else { Ok(()) }
}

/// As it is stored.
pub(crate) fn document(metadata: &ClientMetadata) -> Document {
    match serde_json::to_value(metadata) {
        Ok(Value::Object(members)) => members,
        _ => Document::new(),
    }
}

fn read(document: &Document) -> Result<ClientMetadata, RestError> {
    serde_json::from_value(Value::Object(document.clone())).map_err(|error| {
        tracing::error!(%error, "the metadata of a stored client cannot be read");
        RestError::Internal
    })
}
