//! `generate-token`: a token for trying out, asked for as the client.

use std::time::Duration;

use axum::Json;
use axum::extract::{Path, State};
use axum::response::{IntoResponse, Response};
use key_validation::{ScopeToken, Secret};
use serde_json::{Map, Value, json};

use super::{find, provider_of};
use crate::connector::{ClientCredentials, Grant, TokenRequest};
use crate::domain::ApplicationKey;
use crate::rest::contract::Portal;
use crate::rest::error::{Fault, RestError};
use crate::rest::request::{Body, text, texts};
use crate::rest::{Caller, Services};

pub(crate) async fn generate_token(
    State(services): State<Services>,
    caller: Caller,
    Path((id, key_id)): Path<(String, String)>,
    body: Body,
) -> Result<Response, RestError> {
    let members = body.of(Portal::Devportal, "ApplicationTokenGenerateRequest")?;
    let mut transaction = services.read().await?;
    let key = find(transaction.as_mut(), &caller, &id, &key_id).await?;
    let provider = provider_of(transaction.as_mut(), &key).await?;
    drop(transaction);
    if !provider.enable_token_generation {
        return Err(RestError::BadRequest(format!("key manager `{}` generates no tokens here", provider.name)));
    }
    let token = services.connect(&provider)?.request_token(&request(&key, members)?).await?;
    Ok(Json(json!({
        "accessToken": token.access_token.expose(),
        "tokenScopes": token.scope,
        "validityTime": token.expires_in.map_or(0, |lifetime| lifetime.as_secs()),
    }))
    .into_response())
}

fn request(key: &ApplicationKey, mut members: Map<String, Value>) -> Result<TokenRequest, RestError> {
    let given = text(&mut members, "consumerSecret").filter(|secret| !secret.is_empty()).map(Secret::new);
    let client = ClientCredentials {
        client_id: key.client_id.clone().ok_or(RestError::NotFound)?,
        client_secret: given.or_else(|| key.client_secret.clone()),
    };
    let mut scope = Vec::new();
    for (index, name) in texts(&mut members, "scopes").unwrap_or_default().iter().enumerate() {
        let fault = |error: key_validation::ScopeError| Fault::new(format!("scopes[{index}]"), error.to_string());
        scope.push(ScopeToken::try_from(name.as_str()).map_err(fault)?);
    }
    let lifetime = match members.get("validityPeriod").and_then(Value::as_i64) {
        Some(seconds) => u64::try_from(seconds).ok().filter(|seconds| *seconds > 0).map(Duration::from_secs),
        None => None,
    };
    Ok(TokenRequest { client, grant: grant(members)?, scope, lifetime })
}

fn grant(mut members: Map<String, Value>) -> Result<Grant, Fault> {
    if text(&mut members, "grantType").is_none_or(|grant| grant == "CLIENT_CREDENTIALS") {
        return Ok(Grant::ClientCredentials);
    }
    let additional = members.get("additionalProperties");
    let subject_token = additional.and_then(|members| members.get("subject_token")?.as_str());
    let missing = || Fault::new("additionalProperties.subject_token", "is required for TOKEN_EXCHANGE");
    Ok(Grant::TokenExchange { subject_token: Secret::new(subject_token.ok_or_else(missing)?) })
}
