//! The connector at a server that answers as SurfOAuth's source does.

use std::sync::Arc;

use axum::extract::Query;
use axum::http::{HeaderMap, StatusCode};
use axum::routing::get;
use axum::{Json, Router};
use base64::prelude::{BASE64_STANDARD, Engine as _};
use key_manager::connector::http::HttpClient;
use key_manager::connector::{
    ConnectorError, ConnectorSettings, ConnectorType as _, Introspection, KeyManager, Properties,
};
use key_validation::Secret;
use serde_json::{Value, json};
use surfoauth_connector::SurfOauthType;

#[derive(serde::Deserialize)]
struct Asked {
    access_token: String,
}

async fn token_info(headers: HeaderMap, Query(asked): Query<Asked>) -> (StatusCode, Json<Value>) {
    let expected = format!("Basic {}", BASE64_STANDARD.encode("orders:orders-secret"));
    if headers.get("authorization").is_none_or(|given| given.as_bytes() != expected.as_bytes()) {
        return (StatusCode::UNAUTHORIZED, Json(Value::Null));
    }
    let principal = |name: &str| json!({"name": name, "roles": [], "groups": [], "adminPrincipal": false});
    match asked.access_token.as_str() {
        "of a user & more" => {
            let told = json!({"audience": "shop", "scopes": ["read", "write"], "principal": principal("alice"),
                "expires_in": 1_900_000_000_123_u64});
            (StatusCode::OK, Json(told))
        }
        "of-a-client" => {
            let told = json!({"audience": "shop", "scopes": [], "principal": principal("shop"), "expires_in": 0});
            (StatusCode::OK, Json(told))
        }
        "ended" => (StatusCode::GONE, Json(json!({"error": "token_expired"}))),
        "odd" => (StatusCode::OK, Json(json!({"principal": principal("alice"), "expires_in": 0}))),
        _ => (StatusCode::NOT_FOUND, Json(json!({"error": "not_found"}))),
    }
}

async fn start(routes: Router) -> String {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let base = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(async move { axum::serve(listener, routes).await });
    base
}

async fn surfoauth() -> String {
    start(Router::new().route("/v1/tokeninfo", get(token_info))).await
}

fn connect(base: &str, secret: &str) -> Arc<dyn KeyManager> {
    let properties = json!({"baseUrl": base, "clientId": "orders", "clientSecret": secret});
    let properties = Properties::new(properties.as_object().cloned().unwrap());
    let settings = ConnectorSettings { name: "surf".to_owned(), properties, ..ConnectorSettings::default() };
    SurfOauthType::new(HttpClient::new().unwrap()).connect(&settings).unwrap()
}

#[tokio::test]
async fn what_it_says_of_a_token_is_told_in_the_terms_of_the_standard() {
    let connector = connect(&surfoauth().await, "orders-secret");
    let introspect = async |token: &str| connector.introspect(&Secret::new(token), None).await;

    let Ok(Introspection::Active(of_user)) = introspect("of a user & more").await else { panic!("it is active") };
    let expected = json!({"active": true, "client_id": "shop", "scope": "read write", "token_type": "Bearer",
        "username": "alice", "sub": "alice", "exp": 1_900_000_000});
    assert_eq!(Value::Object(of_user.members), expected);
    assert_eq!((of_user.expires_at, of_user.scope), (Some(1_900_000_000), vec!["read".to_owned(), "write".to_owned()]));
    let Ok(Introspection::Active(of_client)) = introspect("of-a-client").await else { panic!("it is active") };
    assert_eq!((of_client.username, of_client.subject, of_client.expires_at), (None, None, None));
    for inactive in ["ended", "made-up"] {
        assert!(matches!(introspect(inactive).await, Ok(Introspection::Inactive)), "{inactive}");
    }
}

#[tokio::test]
async fn a_failure_is_no_verdict() {
    let base = surfoauth().await;
    let introspect = async |connector: Arc<dyn KeyManager>, token: &str| {
        connector.introspect(&Secret::new(token), None).await.expect_err("no verdict")
    };

    let refused = introspect(connect(&base, "wrong"), "made-up").await;
    assert_eq!(refused, ConnectorError::OwnCredentialsRefused { setting: "clientSecret" });
    assert_eq!(introspect(connect(&base, "orders-secret"), "odd").await.status(), 502);
    // Somebody else is there, who knows no such path.
    let stranger = start(Router::new()).await;
    assert_eq!(introspect(connect(&stranger, "orders-secret"), "made-up").await.status(), 502);
    let checks = connect(&base, "orders-secret").check().await;
    assert!(checks.iter().all(|check| check.outcome.is_ok()), "{checks:?}");
}

#[tokio::test]
async fn a_base_url_that_is_none_is_told_by_its_name() {
    let properties = json!({"baseUrl": "oauth.example.com", "clientId": "orders", "clientSecret": "x"});
    let properties = Properties::new(properties.as_object().cloned().unwrap());
    let settings = ConnectorSettings { properties, ..ConnectorSettings::default() };
    let Err(error) = SurfOauthType::new(HttpClient::new().unwrap()).connect(&settings) else { panic!("no base URL") };
    assert_eq!(error.to_string(), "additionalProperties.baseUrl is not an absolute URL");
}
