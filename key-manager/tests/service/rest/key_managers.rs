//! Key managers: create, read, update, delete, discover, and what is wrong with their connections.

use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

use crate::harness::oidc_provider::{OidcProvider, properties};
use crate::harness::served::{ADMIN, DEVPORTAL, PUBLISHER, Served, assert_failure, pizza};

fn corporate(issuer: &str) -> Value {
    json!({"name": "corporate", "type": "oidc", "issuer": issuer, "additionalProperties": properties()})
}

#[tokio::test]
async fn s7_secrets_of_a_key_manager_are_never_shown_and_kept_when_their_mask_is_sent_back() {
    let (served, idp) = (Served::start().await, OidcProvider::start("km-crud").await);
    let id = served.key_manager(corporate(&idp.issuer)).await;
    let path = format!("{ADMIN}/key-managers/{id}");

    let mut read = served.get(&path).await.body;
    assert_eq!(read["additionalProperties"]["clientSecret"], json!("*****"));
    assert!(!read.to_string().contains("gateway-secret"), "{read}");
    read["description"] = json!("Ours");
    let updated = served.send(Method::PUT, &path, Some(read)).await;
    assert_eq!((updated.status, &updated.body["description"]), (StatusCode::OK, &json!("Ours")), "{}", updated.body);
    let check = served.post(&format!("/api/gatehouse/v1/key-managers/{id}/check"), json!(null)).await;
    assert_eq!(check.body["good"], json!(true), "the secret is still there: {}", check.body);

    let listed = served.get(&format!("{ADMIN}/key-managers")).await;
    assert_eq!((&listed.body["count"], &listed.body["list"][0]["name"]), (&json!(1), &json!("corporate")));
    for portal in [PUBLISHER, DEVPORTAL] {
        let listed = served.get(&format!("{portal}/key-managers")).await;
        assert_eq!((listed.status, &listed.body["list"][0]["id"]), (StatusCode::OK, &json!(id)), "{}", listed.body);
    }
    assert_eq!(served.send(Method::DELETE, &path, None).await.status, StatusCode::OK);
    assert_failure(&served.get(&path).await, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn s7_a_setting_that_is_missing_is_named() {
    let served = Served::start().await;
    for (body, field) in [
        (json!({"name": "c", "type": "oidc", "additionalProperties": properties()}), "issuer"),
        (json!({"name": "c", "type": "oidc", "issuer": "http://127.0.0.1:1"}), "additionalProperties.clientId"),
        (json!({"name": "c", "type": "hydra", "issuer": "http://127.0.0.1:1"}), "type"),
        (json!({"name": "C d", "type": "oidc", "issuer": "http://127.0.0.1:1"}), "name"),
        (json!({"name": "c", "type": "oidc", "tokenEndpoint": "/token"}), "tokenEndpoint"),
        (json!({"name": "c", "type": "oidc", "issuer": "http://169.254.169.254"}), "issuer"),
    ] {
        let refused = served.post(&format!("{ADMIN}/key-managers"), body).await;
        assert_failure(&refused, StatusCode::BAD_REQUEST);
        assert_eq!(refused.body["error"][0]["message"], json!(field), "{}", refused.body);
    }
}

#[tokio::test]
async fn s7_the_connection_test_says_what_is_wrong() {
    let (served, idp) = (Served::start().await, OidcProvider::start("km-check").await);
    for (name, setting, value, check, problem) in [
        ("a", "clientSecret", "wrong", "introspection", "`clientSecret`"),
        ("b", "initialAccessToken", "wrong", "registration", "`initialAccessToken`"),
    ] {
        let mut body = corporate(&idp.issuer);
        body["name"] = json!(name);
        body["additionalProperties"][setting] = json!(value);
        let id = served.key_manager(body).await;

        let told = served.post(&format!("/api/gatehouse/v1/key-managers/{id}/check"), json!(null)).await.body;

        let bad: Vec<&Value> = told["checks"].as_array().unwrap().iter().filter(|one| one["good"] == false).collect();
        assert_eq!((told["good"].clone(), bad.len()), (json!(false), 1), "{told}");
        assert_eq!(bad[0]["check"], json!(check));
        assert!(bad[0]["problem"].as_str().unwrap().contains(problem), "{told}");
    }
    assert_eq!(idp.clients(), [""; 0], "the test of the registration leaves no client");
}

#[tokio::test]
async fn s7_discovery_says_why_nothing_is_found() {
    let served = Served::start().await;
    let discover = async |url: &str| {
        served.post_form(&format!("{ADMIN}/key-managers/discover"), &[("url", url), ("type", "oidc")]).await
    };

    let away = discover("http://127.0.0.1:1").await;
    assert_eq!((away.status, &away.body["valid"]), (StatusCode::OK, &json!(false)));
    assert_eq!(away.body["problem"], json!("the identity provider is unavailable: no connection can be made"));
    assert_failure(&discover("http://169.254.169.254/latest").await, StatusCode::BAD_REQUEST);
    assert_failure(&discover("corporate").await, StatusCode::BAD_REQUEST);
}

#[tokio::test]
async fn s7_a_key_manager_that_an_api_names_stays() {
    let served = Served::start().await;
    let id = served.key_manager(corporate("http://127.0.0.1:1")).await;
    let mut api = pizza();
    api["keyManagers"] = json!(["corporate"]);
    assert_eq!(served.post(&format!("{PUBLISHER}/apis"), api).await.status, StatusCode::CREATED);

    let refused = served.send(Method::DELETE, &format!("{ADMIN}/key-managers/{id}"), None).await;

    assert_failure(&refused, StatusCode::CONFLICT);
}
