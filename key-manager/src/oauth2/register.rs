//! `/oauth2/register` (RFC 7591, RFC 7592): a client for an application, in the standards' own words.
//!
//! The bearer of the registration is whoever may make keys of the application; `application_id`, and when needed
//! `key_type` and `key_manager`, say which key it is to be. From then on the client manages itself by its registration
//! access token.

use std::sync::Arc;

use axum::Json;
use axum::body::Bytes;
use axum::extract::{FromRequest, Path, Request, State};
use axum::http::header::{CACHE_CONTROL, HOST};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use base64::prelude::{BASE64_URL_SAFE_NO_PAD, Engine as _};
use key_validation::Secret;
use serde_json::{Map, Value, json};
use sha2::{Digest as _, Sha256};

use super::error::OauthError;
use crate::callers::bearer_token;
use crate::connector::ClientMetadata;
use crate::domain::{ApplicationKey, KeyState, KeyType};
use crate::rest::keys::{self, Change, Shown};
use crate::rest::{Caller, RestError, Services};
use crate::service::{Service, is_same};
use crate::store::StoreError;

/// Scopes of which whoever registers a client needs one: those of `generate-keys`.
const SCOPES: [&str; 2] = ["apim:subscribe", "apim:app_manage"];

/// A JSON object.
pub(super) struct Metadata(Map<String, Value>);

impl<S: Send + Sync> FromRequest<S> for Metadata {
    type Rejection = OauthError;

    async fn from_request(request: Request, state: &S) -> Result<Self, OauthError> {
        let octets = Bytes::from_request(request, state).await.map_err(|rejection| match rejection.status() {
            StatusCode::PAYLOAD_TOO_LARGE => OauthError::too_large(),
            _ => OauthError::invalid_request("the body cannot be read"),
        })?;
        match serde_json::from_slice(&octets) {
            Ok(Value::Object(members)) => Ok(Self(members)),
            _ => Err(OauthError::invalid_client_metadata("the body must be a JSON object")),
        }
    }
}

impl Metadata {
    fn text(&mut self, name: &str) -> Result<Option<String>, OauthError> {
        match self.0.remove(name) {
            None | Some(Value::Null) => Ok(None),
            Some(Value::String(text)) => Ok(Some(text)),
            Some(_) => Err(OauthError::invalid_client_metadata(format!("{name} must be a string"))),
        }
    }

    fn texts(&mut self, name: &str) -> Result<Option<Vec<String>>, OauthError> {
        match self.0.remove(name) {
            None | Some(Value::Null) => Ok(None),
            Some(value) => serde_json::from_value(value)
                .map(Some)
                .map_err(|_| OauthError::invalid_client_metadata(format!("{name} must be an array of strings"))),
        }
    }

    /// What the client is to be; its name is ours, by which it is found again.
    fn wanted(mut self) -> Result<ClientMetadata, OauthError> {
        self.0.remove("client_name");
        Ok(ClientMetadata {
            client_name: String::new(),
            // RFC 7591 section 2.
            grant_types: self.texts("grant_types")?.unwrap_or_else(|| vec!["authorization_code".to_owned()]),
            redirect_uris: self.texts("redirect_uris")?.unwrap_or_default(),
            token_endpoint_auth_method: self.text("token_endpoint_auth_method")?,
            scope: self.text("scope")?.map(|scope| scope.split_ascii_whitespace().map(str::to_owned).collect()),
            additional: self.0,
        })
    }
}

pub(super) async fn register(
    State(service): State<Arc<Service>>,
    headers: HeaderMap,
    mut metadata: Metadata,
) -> Result<Response, OauthError> {
    let services = Services::of(&service);
    let caller = services.authentication.authenticate(&headers).await?;
    if !caller.has_any(&SCOPES) {
        return Err(OauthError::insufficient_scope());
    }
    let application = metadata.text("application_id")?;
    let application = application.ok_or_else(|| OauthError::invalid_client_metadata("application_id is required"))?;
    let key_manager = metadata.text("key_manager")?;
    let key_type = match metadata.text("key_type")?.as_deref() {
        None | Some("PRODUCTION") => KeyType::Production,
        Some("SANDBOX") => KeyType::Sandbox,
        Some(_) => return Err(OauthError::invalid_client_metadata("key_type must be PRODUCTION or SANDBOX")),
    };
    let wanted = metadata.wanted()?;
    keys::check_callback(&wanted.grant_types, &wanted.redirect_uris).map_err(RestError::from)?;
    let token = new_token()?;
    let describe = |key: &mut ApplicationKey| {
        key.metadata = keys::document(&ClientMetadata { client_name: key.client_name.clone(), ..wanted });
        key.registration_token_digest = Some(digest(&token));
        Ok(())
    };
    let created = keys::create(&services, &caller, &application, key_manager, key_type, describe).await;
    let (key, _) = created.map_err(|error| match error {
        RestError::NotFound => OauthError::invalid_client_metadata("application_id names no application of yours"),
        other => other.into(),
    })?;
    let mut told = description(&key, &uri(&service, &headers, &key.id), Shown::Secret);
    told.insert("registration_access_token".to_owned(), json!(token.expose()));
    Ok((StatusCode::CREATED, [(CACHE_CONTROL, "no-store")], Json(told)).into_response())
}

pub(super) async fn read(
    State(service): State<Arc<Service>>,
    Path(id): Path<String>,
    headers: HeaderMap,
) -> Result<Response, OauthError> {
    let key = find(&service, &id, &headers).await?;
    Ok(answer(&key, &uri(&service, &headers, &id), keys::shown(service.secret_display)))
}

pub(super) async fn update(
    State(service): State<Arc<Service>>,
    Path(id): Path<String>,
    headers: HeaderMap,
    mut metadata: Metadata,
) -> Result<Response, OauthError> {
    let key = find(&service, &id, &headers).await?;
    // RFC 7592 section 2.2.
    if metadata.text("client_id")? != key.client_id {
        return Err(OauthError::invalid_client_metadata("client_id must be the client's"));
    }
    let secret = metadata.text("client_secret")?.map(Secret::new);
    if secret.is_some() && secret != key.client_secret {
        return Err(OauthError::invalid_client_metadata("client_secret must be the client's: it is not chosen"));
    }
    let wanted = ClientMetadata { client_name: key.client_name.clone(), ..metadata.wanted()? };
    keys::check_callback(&wanted.grant_types, &wanted.redirect_uris).map_err(RestError::from)?;
    let client = itself(&key, &headers);
    let before = key.client_secret;
    let (key, _) = keys::change(&Services::of(&service), &client, key.id, Change::Replace(wanted)).await?;
    let shown = keys::shown_after(before.as_ref(), &key, service.secret_display);
    Ok(answer(&key, &uri(&service, &headers, &id), shown))
}

pub(super) async fn delete(
    State(service): State<Arc<Service>>,
    Path(id): Path<String>,
    headers: HeaderMap,
) -> Result<StatusCode, OauthError> {
    let client = itself(&find(&service, &id, &headers).await?, &headers);
    let mut transaction = service.write(&client.user, &client.request_id).await?;
    let key = transaction.find_key(&id).await?.ok_or_else(OauthError::invalid_token)?;
    keys::remove(transaction.as_mut(), key, &client.request_id, service.now()).await?;
    transaction.commit().await?;
    service.outbox.wake();
    Ok(StatusCode::NO_CONTENT)
}

/// The key of a registration access token. One that is not there is told as a wrong token (RFC 7592 section 2.1).
async fn find(service: &Service, id: &str, headers: &HeaderMap) -> Result<ApplicationKey, OauthError> {
    let token = bearer_token(headers).map(Secret::new).ok_or_else(OauthError::invalid_token)?;
    let key = service.store.read().await?.find_key(id).await?.filter(|key| key.state == KeyState::Created);
    let is_its = |key: &ApplicationKey| {
        let expected = key.registration_token_digest.as_ref();
        expected.is_some_and(|expected| is_same(&Secret::new(expected), &digest(&token)))
    };
    key.filter(is_its).ok_or_else(OauthError::invalid_token)
}

/// The client as whoever changes its key.
fn itself(key: &ApplicationKey, headers: &HeaderMap) -> Caller {
    let name = format!("client:{}", key.client_id.as_deref().unwrap_or_default());
    Caller::with_scopes(name, []).within(headers)
}

fn answer(key: &ApplicationKey, uri: &str, shown: Shown) -> Response {
    ([(CACHE_CONTROL, "no-store")], Json(description(key, uri, shown))).into_response()
}

/// RFC 7591 section 3.2.1; the registration access token stays as it was told first.
fn description(key: &ApplicationKey, uri: &str, shown: Shown) -> Map<String, Value> {
    let mut told = key.metadata.clone();
    let additional = told.remove("additional");
    if let Some(Value::Object(additional)) = additional {
        for (name, value) in additional {
            told.entry(name).or_insert(value);
        }
    }
    if let Some(Value::Array(scope)) = told.remove("scope") {
        let scope: Vec<&str> = scope.iter().filter_map(Value::as_str).collect();
        told.insert("scope".to_owned(), json!(scope.join(" ")));
    }
    told.insert("client_id".to_owned(), json!(key.client_id));
    told.insert("client_id_issued_at".to_owned(), json!(key.created_at.as_seconds()));
    if let (Some(secret), Shown::Secret) = (&key.client_secret, shown) {
        told.insert("client_secret".to_owned(), json!(secret.expose()));
        told.insert("client_secret_expires_at".to_owned(), json!(0));
    }
    told.insert("registration_client_uri".to_owned(), json!(uri));
    told
}

/// Where the client is managed: as the operator says, else where the request came to.
fn uri(service: &Service, headers: &HeaderMap, key_id: &str) -> String {
    let host = || headers.get(HOST).and_then(|host| host.to_str().ok()).unwrap_or("localhost");
    let base = service.public_url.clone().unwrap_or_else(|| format!("http://{}", host()));
    format!("{}/oauth2/register/{key_id}", base.trim_end_matches('/'))
}

fn new_token() -> Result<Secret, OauthError> {
    let mut octets = [0; 32];
    let failed = |_| StoreError::Unavailable("this machine gives no random octets".to_owned());
    aws_lc_rs::rand::fill(&mut octets).map_err(failed)?;
    Ok(Secret::new(BASE64_URL_SAFE_NO_PAD.encode(octets)))
}

fn digest(token: &Secret) -> String {
    BASE64_URL_SAFE_NO_PAD.encode(Sha256::digest(token.expose()))
}
