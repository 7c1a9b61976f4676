//! Bodies and answers of dynamic client registration (RFC 7591, RFC 7592).

use key_validation::Secret;
use reqwest::Url;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use crate::connector::http::{Answer, bad_answer};
use crate::connector::{ClientMetadata, ClientReference, ConnectorError, ManagementHandle, RegisteredClient};

/// Members that an identity provider sets and that an update must not hold (RFC 7592 section 2.2).
const SERVERS_OWN: [&str; 4] =
    ["registration_access_token", "registration_client_uri", "client_secret_expires_at", "client_id_issued_at"];

/// What manages a registered client.
#[derive(Serialize, Deserialize)]
pub(super) struct Registration {
    /// `registration_client_uri`.
    pub(super) uri: String,
    /// `registration_access_token`, the newest.
    pub(super) token: String,
    /// When the client was created, in seconds since the epoch.
    pub(super) created_at: u64,
}

impl Registration {
    pub(super) fn of(client: &ClientReference) -> Result<Self, ConnectorError> {
        let handle = client.handle.as_ref().ok_or(ConnectorError::Unmanaged)?;
        serde_json::from_str(handle.expose()).map_err(|_| ConnectorError::Unmanaged)
    }

    fn handle(&self) -> ManagementHandle {
        ManagementHandle::new(json!(self).to_string())
    }
}

/// The body of a creation. Empty lists are sent: without them identity providers assume the code flow, which needs
/// redirect URIs.
pub(super) fn create_body(metadata: &ClientMetadata) -> Map<String, Value> {
    let mut body = metadata.additional.clone();
    body.retain(|name, _| !SERVERS_OWN.contains(&name.as_str()) && name != "client_id" && name != "client_secret");
    let is_granted = |grant: &str| metadata.grant_types.iter().any(|granted| granted == grant);
    let mut response_types = Vec::new();
    if is_granted("authorization_code") {
        response_types.push("code");
    }
    if is_granted("implicit") {
        response_types.push("token");
    }
    body.entry("response_types").or_insert_with(|| json!(response_types));
    body.insert("client_name".to_owned(), json!(metadata.client_name));
    body.insert("grant_types".to_owned(), json!(metadata.grant_types));
    body.insert("redirect_uris".to_owned(), json!(metadata.redirect_uris));
    if let Some(method) = &metadata.token_endpoint_auth_method {
        body.insert("token_endpoint_auth_method".to_owned(), json!(method));
    }
    if let Some(scope) = &metadata.scope {
        body.insert("scope".to_owned(), json!(scope.join(" ")));
    }
    body
}

/// The body of an update: a creation's, with id and, when it is known, secret (RFC 7592 section 2.2).
pub(super) fn update_body(client: &ClientReference, metadata: &ClientMetadata) -> Map<String, Value> {
    let mut body = create_body(metadata);
    body.insert("client_id".to_owned(), json!(client.client_id));
    if let Some(secret) = &client.client_secret {
        body.insert("client_secret".to_owned(), json!(secret.expose()));
    }
    body
}

/// Reads an answer of either standard. `before` is what managed the client until now; what the answer does not tell of
/// it stays.
pub(super) fn read(
    answer: &Answer,
    registration_endpoint: &Url,
    before: Option<Registration>,
    now: u64,
) -> Result<RegisteredClient, ConnectorError> {
    let Value::Object(members) = answer.json()? else {
        return Err(bad_answer("a registration that is no JSON object"));
    };
    let text = |name: &str| members.get(name).and_then(Value::as_str).filter(|text| !text.is_empty());
    let client_id = text("client_id").ok_or_else(|| bad_answer("a registration without client_id"))?.to_owned();
    let uri = text("registration_client_uri").map(str::to_owned);
    let token = text("registration_access_token").map(str::to_owned);
    let registration = match (before, uri, token) {
        (Some(before), _, token) => Some(Registration { token: token.unwrap_or(before.token), ..before }),
        (None, Some(uri), Some(token)) => {
            check_origin(&uri, registration_endpoint)?;
            Some(Registration { uri, token, created_at: now })
        }
        (None, _, _) => None,
    };
    Ok(RegisteredClient {
        client_id,
        client_secret: text("client_secret").map(Secret::new),
        client_secret_expires_at: seconds(members.get("client_secret_expires_at")).filter(|seconds| *seconds != 0),
        metadata: metadata(&members),
        handle: registration.as_ref().map(Registration::handle),
    })
}

/// The token goes where the answer says, so that must be where the registration was.
fn check_origin(uri: &str, registration_endpoint: &Url) -> Result<(), ConnectorError> {
    let same = Url::parse(uri).is_ok_and(|uri| uri.origin() == registration_endpoint.origin());
    if same {
        Ok(())
    } else {
        Err(bad_answer("registration_client_uri is at another place than the registration endpoint"))
    }
}

/// Metadata as they come: a method in an array, numbers in strings and `null` included.
fn metadata(members: &Map<String, Value>) -> ClientMetadata {
    let texts = |name: &str| match members.get(name) {
        Some(Value::String(text)) => text.split_ascii_whitespace().map(str::to_owned).collect(),
        Some(Value::Array(items)) => items.iter().filter_map(Value::as_str).map(str::to_owned).collect(),
        _ => Vec::new(),
    };
    ClientMetadata {
        client_name: members.get("client_name").and_then(Value::as_str).unwrap_or_default().to_owned(),
        grant_types: texts("grant_types"),
        redirect_uris: texts("redirect_uris"),
        token_endpoint_auth_method: texts("token_endpoint_auth_method").into_iter().next(),
        scope: members.get("scope").filter(|scope| !scope.is_null()).map(|_| texts("scope")),
        additional: Map::new(),
    }
}

fn seconds(value: Option<&Value>) -> Option<u64> {
    match value? {
        Value::Number(number) => number.as_u64(),
        Value::String(text) => text.parse().ok(),
        _ => None,
    }
}

/// What a refusal of a creation or an update means (RFC 7591 section 3.2.2).
pub(super) fn refusal(answer: &Answer) -> ConnectorError {
    let (error, reason) = answer.oauth_error();
    match answer.status {
        400 | 422 => {
            let field = (error.as_deref() == Some("invalid_redirect_uri")).then(|| "callbackUrl".to_owned());
            ConnectorError::Refused { field, reason }
        }
        409 => ConnectorError::Conflict { what: "a client of this name".to_owned() },
        _ => answer.failure(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer(body: &Value) -> Answer {
        Answer { status: 200, headers: reqwest::header::HeaderMap::new(), body: body.to_string().into_bytes() }
    }

    fn endpoint() -> Url {
        Url::parse("https://idp.example/reg").unwrap()
    }

    #[test]
    fn a_creation_tells_empty_lists_and_nothing_that_is_the_servers() {
        let additional = json!({"registration_access_token": "x", "client_id": "mine", "software_id": "s"});
        let Value::Object(additional) = additional else { unreachable!() };
        let metadata = ClientMetadata {
            client_name: "k".to_owned(),
            grant_types: vec!["client_credentials".to_owned()],
            additional,
            ..ClientMetadata::default()
        };
        let expected = json!({"client_name": "k", "grant_types": ["client_credentials"], "redirect_uris": [],
            "response_types": [], "software_id": "s"});
        assert_eq!(Value::Object(create_body(&metadata)), expected);
    }

    #[test]
    fn odd_shapes_are_understood() {
        let body = json!({"client_id": "c", "client_secret": null, "client_secret_expires_at": "1700000000",
            "token_endpoint_auth_method": ["client_secret_post"], "grant_types": null});
        let client = read(&answer(&body), &endpoint(), None, 1).unwrap();
        assert_eq!(client.client_secret_expires_at, Some(1_700_000_000));
        assert_eq!(client.metadata.token_endpoint_auth_method.as_deref(), Some("client_secret_post"));
        assert!(client.handle.is_none() && client.client_secret.is_none());
    }

    #[test]
    fn a_rotated_token_replaces_the_one_before_and_an_absent_one_keeps_it() {
        let before =
            || Registration { uri: "https://idp.example/reg/c".to_owned(), token: "old".to_owned(), created_at: 1 };
        let token = |body: &Value| {
            let client = read(&answer(body), &endpoint(), Some(before()), 9).unwrap();
            let handle: Registration = serde_json::from_str(client.handle.unwrap().expose()).unwrap();
            (handle.token, handle.created_at)
        };
        assert_eq!(token(&json!({"client_id": "c", "registration_access_token": "new"})), ("new".to_owned(), 1));
        assert_eq!(token(&json!({"client_id": "c"})), ("old".to_owned(), 1));
    }

    #[test]
    fn a_registration_that_is_managed_elsewhere_is_refused() {
        let body = json!({"client_id": "c", "registration_access_token": "t",
            "registration_client_uri": "http://169.254.169.254/latest"});
        assert!(matches!(read(&answer(&body), &endpoint(), None, 1), Err(ConnectorError::BadAnswer { .. })));
    }
}
