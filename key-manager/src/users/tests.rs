use serde_json::json;

use super::*;

fn active(members: &Value) -> ActiveToken {
    let text = |name: &str| members[name].as_str().map(str::to_owned);
    ActiveToken {
        client_id: text("client_id"),
        subject: text("sub"),
        username: text("username"),
        scope: text("scope").unwrap_or_default().split(' ').map(str::to_owned).collect(),
        issuer: None,
        audience: Vec::new(),
        issued_at: None,
        not_before: None,
        expires_at: None,
        is_access_token: true,
        is_sender_constrained: false,
        members: members.as_object().cloned().unwrap_or_default(),
    }
}

#[test]
fn a_clients_own_token_is_of_no_user() {
    for (members, expected) in [
        (json!({"client_id": "shop"}), true),
        (json!({"client_id": "shop", "sub": "shop"}), true),
        (json!({"client_id": "shop", "sub": "u-alice"}), false),
        (json!({"client_id": "shop", "username": "alice"}), false),
        (json!({"client_id": "shop", "sub": "shop", "username": "alice"}), false),
        (json!({"sub": "u-alice"}), false),
    ] {
        assert_eq!(is_of_a_client(&active(&members)), expected, "{members}");
    }
}

#[test]
fn a_user_store_says_nothing_of_the_token_and_no_scope_hides_in_another_member() {
    let mut provider = crate::rest::tests::identity_provider();
    provider.document.insert("scopesClaim".to_owned(), json!("permissions"));
    let members = json!({"active": true, "scope": "read write", "scp": ["read", "write"], "permissions": "read write",
        "email": "alice@idp", "client_id": "shop"});
    let claims = json!({"email": "alice@users", "department": "sales", "client_id": "other", "exp": "never",
        "scope": "all", "scp": "all", "permissions": "all", "azp": "other"});
    let claims = claims.as_object().cloned().unwrap();

    let told = completed(active(&members).members, claims, &["read".to_owned()], &provider);

    let expected = json!({"active": true, "scope": "read", "email": "alice@idp", "department": "sales",
        "client_id": "shop"});
    assert_eq!(Value::Object(told), expected);
}
