//! What `/v1/tokeninfo` says of a token, in the terms of RFC 7662.

use key_manager::connector::http::{Answer, bad_answer};
use key_manager::connector::{ActiveToken, ConnectorError, Introspection};
use serde_json::{Value, json};

/// 404 is a token that nobody has, or another resource server's; 410 one that has ended. An error says nothing about
/// the token.
pub(crate) fn read(answer: &Answer) -> Result<Introspection, ConnectorError> {
    match answer.status {
        200 => Ok(Introspection::Active(Box::new(active(&answer.json()?)?))),
        404 if answer.oauth_error().0.as_deref() == Some("not_found") => Ok(Introspection::Inactive),
        410 if answer.oauth_error().0.as_deref() == Some("token_expired") => Ok(Introspection::Inactive),
        401 => Err(ConnectorError::OwnCredentialsRefused { setting: "clientSecret" }),
        404 => Err(bad_answer("there is no SurfOAuth at `baseUrl`")),
        _ => Err(answer.failure()),
    }
}

/// `audience` is the client, which SurfOAuth calls by its name; the principal of a client's own token is the client.
fn active(told: &Value) -> Result<ActiveToken, ConnectorError> {
    let text = |pointer: &str| told.pointer(pointer).and_then(Value::as_str).map(str::to_owned);
    let client_id = text("/audience").ok_or_else(|| bad_answer("a token without audience"))?;
    let user = text("/principal/name").filter(|name| *name != client_id);
    let scopes = told.get("scopes").and_then(Value::as_array).into_iter().flatten();
    let scope: Vec<String> = scopes.filter_map(Value::as_str).map(str::to_owned).collect();
    // Milliseconds since the epoch, whatever the name says; 0 is a token that never ends.
    let expires_at = match told.get("expires_in").and_then(Value::as_u64) {
        None => return Err(bad_answer("a token without expires_in")),
        Some(0) => None,
        Some(end) => Some(end / 1000),
    };
    let mut members = json!({"active": true, "client_id": client_id, "scope": scope.join(" "), "token_type": "Bearer"});
    for (name, value) in [
        ("username", user.clone().map(Value::from)),
        ("sub", user.clone().map(Value::from)),
        ("exp", expires_at.map(Value::from)),
    ] {
        if let (Some(value), Some(members)) = (value, members.as_object_mut()) {
            members.insert(name.to_owned(), value);
        }
    }
    Ok(ActiveToken {
        client_id: Some(client_id),
        subject: user.clone(),
        username: user,
        scope,
        issuer: None,
        audience: Vec::new(),
        issued_at: None,
        not_before: None,
        expires_at,
        is_access_token: true,
        is_sender_constrained: false,
        members: members.as_object().cloned().unwrap_or_default(),
    })
}
