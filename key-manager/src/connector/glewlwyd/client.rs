//! Clients as Glewlwyd keeps them: the names of grants are its own.

use key_validation::Secret;
use serde_json::{Map, Value, json};

use crate::connector::http::bad_answer;
use crate::connector::{ClientMetadata, ConnectorError, ManagementHandle, RegisteredClient};

/// Grants by their registered names and by Glewlwyd's.
const GRANTS: [(&str, &str); 5] = [
    ("authorization_code", "code"),
    ("client_credentials", "client_credentials"),
    ("implicit", "token"),
    ("password", "password"),
    ("refresh_token", "refresh_token"),
];

const DEFAULT_METHOD: &str = "client_secret_basic";

/// The document of a client. It is whole: what an update leaves out, Glewlwyd forgets.
pub(super) fn document(
    client_id: &str,
    secret: &Secret,
    metadata: &ClientMetadata,
    scopes: &[String],
) -> Result<Map<String, Value>, ConnectorError> {
    let grants = metadata.grant_types.iter().map(|grant| theirs(grant)).collect::<Result<Vec<_>, _>>()?;
    let method = metadata.token_endpoint_auth_method.as_deref().unwrap_or(DEFAULT_METHOD);
    let mut document = metadata.additional.clone();
    document.extend([
        ("client_id".to_owned(), json!(client_id)),
        ("client_secret".to_owned(), json!(secret.expose())),
        ("name".to_owned(), json!(metadata.client_name)),
        ("confidential".to_owned(), json!(true)),
        ("enabled".to_owned(), json!(true)),
        ("scope".to_owned(), json!(scopes)),
        ("authorization_type".to_owned(), json!(grants)),
        ("redirect_uri".to_owned(), json!(metadata.redirect_uris)),
        ("token_endpoint_auth_method".to_owned(), json!([method])),
    ]);
    Ok(document)
}

fn theirs(grant: &str) -> Result<&'static str, ConnectorError> {
    let found = GRANTS.iter().find(|(registered, _)| *registered == grant);
    found.map(|(_, theirs)| *theirs).ok_or_else(|| ConnectorError::Refused {
        field: Some("grantTypesToBeSupported".to_owned()),
        reason: format!("it has no grant `{grant}`"),
    })
}

pub(super) fn read(document: &Map<String, Value>) -> Result<RegisteredClient, ConnectorError> {
    let text = |name: &str| document.get(name).and_then(Value::as_str).unwrap_or_default().to_owned();
    let texts = |name: &str| -> Vec<String> {
        let items = document.get(name).and_then(Value::as_array).into_iter().flatten();
        items.filter_map(Value::as_str).map(str::to_owned).collect()
    };
    let ours = |theirs: String| {
        let found = GRANTS.iter().find(|(_, name)| *name == theirs);
        found.map_or(theirs, |(registered, _)| (*registered).to_owned())
    };
    let client_id = text("client_id");
    if client_id.is_empty() {
        return Err(bad_answer("a client without client_id"));
    }
    Ok(RegisteredClient {
        handle: Some(ManagementHandle::new(client_id.as_str())),
        client_id,
        client_secret: secret(document),
        client_secret_expires_at: None,
        metadata: ClientMetadata {
            client_name: text("name"),
            grant_types: texts("authorization_type").into_iter().map(ours).collect(),
            redirect_uris: texts("redirect_uri"),
            token_endpoint_auth_method: texts("token_endpoint_auth_method").into_iter().next(),
            scope: Some(texts("scope")),
            additional: Map::new(),
        },
    })
}

pub(super) fn secret(document: &Map<String, Value>) -> Option<Secret> {
    let secret = document.get("client_secret").and_then(Value::as_str);
    secret.filter(|secret| !secret.is_empty()).map(Secret::new)
}
