//! `/key-managers/discover`: what an identity provider publishes about itself, as settings of a key manager.

use axum::Json;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use serde_json::{Value, json};

use crate::connector::{ConnectorError, Discovered};
use crate::rest::Services;
use crate::rest::error::{Fault, RestError};
use crate::rest::request::Form;

/// WSO2 answers `valid: false` where nothing is found; `problem`, a member of our own, says why.
pub(super) async fn discover(State(services): State<Services>, form: Form) -> Result<Response, RestError> {
    form.allow(&["url", "type"])?;
    let url = form.text("url").filter(|url| !url.is_empty()).ok_or_else(|| Fault::new("url", "is required"))?;
    let name = form.text("type").filter(|name| !name.is_empty()).unwrap_or("oidc");
    let connector_type = services.connections.types().get(name);
    let connector_type = connector_type.ok_or_else(|| Fault::new("type", format!("there is no type `{name}`")))?;
    let body = match connector_type.discover(url).await {
        Ok(discovered) => json!({ "valid": true, "value": settings(name, &discovered) }),
        Err(ConnectorError::Refused { field: Some(field), reason }) => return Err(Fault::new(field, reason).into()),
        Err(error) => json!({ "valid": false, "problem": error.to_string() }),
    };
    Ok(Json(body).into_response())
}

fn settings(connector_type: &str, discovered: &Discovered) -> Value {
    let endpoints = &discovered.endpoints;
    let mut told = json!({
        "name": "discovered",
        "type": connector_type,
        "issuer": discovered.issuer,
        "availableGrantTypes": discovered.grant_types,
    });
    let Value::Object(members) = &mut told else { return told };
    for (name, endpoint) in [
        ("wellKnownEndpoint", &discovered.well_known_endpoint),
        ("clientRegistrationEndpoint", &endpoints.registration),
        ("introspectionEndpoint", &endpoints.introspection),
        ("tokenEndpoint", &endpoints.token),
        ("revokeEndpoint", &endpoints.revocation),
        ("userInfoEndpoint", &endpoints.userinfo),
        ("authorizeEndpoint", &discovered.authorization_endpoint),
    ] {
        members.extend(endpoint.as_ref().map(|endpoint| (name.to_owned(), json!(endpoint))));
    }
    members.extend(
        discovered.jwks_uri.as_ref().map(|uri| ("certificates".to_owned(), json!({ "type": "JWKS", "value": uri }))),
    );
    told
}
