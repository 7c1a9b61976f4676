//! Clients' metadata, in WSO2's terms and RFC 7591's, and changes of it at the identity provider.

use axum::Json;
use axum::extract::{Path, State};
use axum::response::{IntoResponse, Response};
use serde_json::{Map, Value, json};

use super::{Shown, description, find, provider_of, shown};
use crate::connector::ClientMetadata;
use crate::domain::{ApplicationKey, Document, IdentityProvider};
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
    let (key, provider) = change(&services, caller, id, key_id, Change::Replace(wanted)).await?;
    Ok(Json(description(&key, &provider, shown(&services))).into_response())
}

pub(crate) async fn regenerate_secret(
    State(services): State<Services>,
    caller: Caller,
    Path((id, key_id)): Path<(String, String)>,
) -> Result<Response, RestError> {
    let (key, provider) = change(&services, caller, id, key_id, Change::RegenerateSecret).await?;
    let told = description(&key, &provider, Shown::Secret);
    Ok(Json(json!({ "consumerKey": told.get("consumerKey"), "consumerSecret": told.get("consumerSecret") }))
        .into_response())
}

/// What becomes of a client.
enum Change {
    Replace(ClientMetadata),
    RegenerateSecret,
}

/// Changes a client at its identity provider and stores what that told. In a task of its own, one at a time for a
/// client: a caller who goes away must not lose a registration access token that was rotated.
async fn change(
    services: &Services,
    caller: Caller,
    application_id: String,
    key_id: String,
    change: Change,
) -> Result<(ApplicationKey, IdentityProvider), RestError> {
    let services = services.clone();
    let task = tokio::spawn(async move {
        let _alone = services.outbox.locks().lock(&key_id).await;
        let mut transaction = services.read().await?;
        let key = find(transaction.as_mut(), &caller, &application_id, &key_id).await?;
        let provider = provider_of(transaction.as_mut(), &key).await?;
        drop(transaction);
        let connector = services.connect(&provider)?;
        let client_id = key.client_id.clone().ok_or(RestError::NotFound)?;
        let reference = outbox::reference(&key, client_id);
        let client = match change {
            Change::Replace(metadata) => connector.update_client(&reference, &metadata).await?,
            Change::RegenerateSecret => connector.regenerate_secret(&reference, &read(&key.metadata)?).await?,
        };
        let key = services.outbox.keep_told(&key_id, &client).await?.ok_or(RestError::NotFound)?;
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
    let needs_callback = grant_types.iter().find(|name| matches!(name.as_str(), "authorization_code" | "implicit"));
    if let Some(grant) = needs_callback.filter(|_| redirect_uris.is_empty()) {
        return Err(Fault::new("callbackUrl", format!("is required for the grant `{grant}`")).into());
    }
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

fn check_lifetime(field: &str, value: Option<&Value>) -> Result<(), Fault> {
    let number = match value {
        Some(Value::String(text)) => text.parse::<f64>().ok(),
        Some(other) => other.as_f64(),
        None => None,
    };
    if number.is_some_and(|number| number < 0.0) { Err(Fault::new(field, "must not be negative")) } else { Ok(()) }
}

/// As it is stored.
pub(super) fn document(metadata: &ClientMetadata) -> Document {
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
