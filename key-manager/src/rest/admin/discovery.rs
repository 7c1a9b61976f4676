//! `/key-managers/discover`: what an issuer's metadata say, and what is wrong with the connection.

use axum::Json;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use serde_json::json;

use crate::connector::ConnectorSettings;
use crate::rest::Services;
use crate::rest::error::{Fault, RestError};
use crate::rest::request::Form;

/// What metadata documents are called, below an issuer.
const WELL_KNOWN: [&str; 2] = ["/.well-known/openid-configuration", "/.well-known/oauth-authorization-server"];

/// Tries the identity provider as a connector of the type would. Each part that fails is told in `problems`, a member
/// of our own; `valid` says whether there are none.
pub(super) async fn discover(State(services): State<Services>, form: Form) -> Result<Response, RestError> {
    form.allow(&["url", "type"])?;
    let url = form.text("url").filter(|url| !url.is_empty()).ok_or_else(|| Fault::new("url", "is required"))?;
    let is_url = reqwest::Url::parse(url).is_ok_and(|url| matches!(url.scheme(), "http" | "https"));
    if !is_url {
        return Err(Fault::new("url", "must be an absolute URL of http or https").into());
    }
    let connector = form.text("type").filter(|name| !name.is_empty()).unwrap_or("oidc");
    let issuer = WELL_KNOWN.iter().find_map(|end| url.strip_suffix(end)).unwrap_or(url);
    let settings = ConnectorSettings {
        name: "discovered".to_owned(),
        issuer: Some(issuer.to_owned()),
        well_known_endpoint: (issuer != url).then(|| url.to_owned()),
        ..ConnectorSettings::default()
    };
    let connected = services.connectors.connect(connector, &settings);
    let connector_instance = connected.map_err(|error| Fault::new(error.setting, error.reason))?;
    let checks = connector_instance.check().await;
    let problems: Vec<_> = checks
        .iter()
        .filter_map(|check| {
            check.outcome.as_ref().err().map(|error| json!({ "check": check.name, "problem": error.to_string() }))
        })
        .collect();
    let value = json!({ "name": "discovered", "type": connector, "issuer": issuer, "wellKnownEndpoint": url });
    Ok(Json(json!({ "valid": problems.is_empty(), "value": value, "problems": problems })).into_response())
}
