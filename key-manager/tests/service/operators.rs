//! The operators' listener, and what every answer bears.

use reqwest::{Method, StatusCode};
use serde_json::json;

use crate::harness::served::{BOOTSTRAP, DEVPORTAL, PUBLISHER, Served, answer, assert_failure};
use crate::harness::{ask_operators, metrics};

#[tokio::test]
async fn s7_metrics_count_requests_by_what_is_served_and_not_by_what_is_asked() {
    let served = Served::start().await;
    for path in ["/api/am/devportal/v3/applications/one", "/api/am/devportal/v3/applications/two", "/nothing/one"] {
        served.get(path).await;
    }

    let text = metrics(&served.service).await;

    let path = "/api/am/devportal/v3/applications/{applicationId}";
    let line = format!(r#"gatehouse_key_manager_requests{{method="GET",path="{path}",status="404"}} 2"#);
    assert!(text.contains(&line), "{text}");
    assert!(text.contains(r#"gatehouse_key_manager_intents{state="possibly_orphaned"} 0"#), "{text}");
    assert!(!text.contains("/one"), "no series for what somebody asks: {text}");
}

#[tokio::test]
async fn s7_a_key_manager_serves_on_when_one_of_the_next_version_has_changed_the_schema() {
    let served = Served::start().await;
    let newer = "INSERT INTO _sqlx_migrations (version, description, success, checksum, execution_time) \
                 VALUES (9999, 'newer', TRUE, 'x', 0)";
    served.database.execute(newer).await.unwrap();

    assert_eq!(ask_operators(&served.service, "/readyz").await.0, StatusCode::OK);
    served.application().await;

    served.database.execute("DROP TABLE _sqlx_migrations").await.unwrap();
    assert_eq!(ask_operators(&served.service, "/readyz").await.0, StatusCode::SERVICE_UNAVAILABLE, "it is missing");
}

#[tokio::test]
async fn s7_a_request_has_one_id_in_its_answer_and_in_the_audit_log() {
    let served = Served::start().await;
    let create = |id: &str, name: &str| {
        let request = served.request(Method::POST, &format!("{DEVPORTAL}/applications")).bearer_auth(BOOTSTRAP);
        answer(request.header("x-request-id", id).json(&json!({"name": name, "throttlingPolicy": "Gold"})))
    };

    assert_eq!(create("shop-1", "One").await.headers["x-request-id"], "shop-1");
    let forged = create("shop 2 level=error", "Two").await.headers["x-request-id"].to_str().unwrap().to_owned();
    assert!(!forged.contains(' '), "what could forge a line of a log is replaced: {forged}");

    let mut read = served.service.store.read().await.unwrap();
    let entries = read.list_audit_entries(key_manager::store::Window::ALL).await.unwrap().items;
    let ids: Vec<&str> = entries.iter().map(|entry| entry.request_id.as_str()).collect();
    assert_eq!(ids, [forged.as_str(), "shop-1"]);
    assert!(entries.iter().all(|entry| entry.actor == "admin"), "{entries:?}");
}

#[tokio::test]
async fn s8_a_body_that_is_too_large_is_refused_in_the_shape_of_errors() {
    let served = Served::start().await;
    let body = json!({"name": "x".repeat(5 << 20)});

    let refused = served.post(&format!("{PUBLISHER}/apis"), body).await;

    assert_failure(&refused, StatusCode::PAYLOAD_TOO_LARGE);
    let form = format!("token={}", "x".repeat(65 << 10));
    let request = served.request(Method::POST, "/oauth2/introspect");
    let request = request.header("content-type", "application/x-www-form-urlencoded").body(form);
    let refused = answer(request).await;
    assert_eq!((refused.status, &refused.body["error"]), (StatusCode::PAYLOAD_TOO_LARGE, &json!("invalid_request")));
}

#[tokio::test]
async fn s7_a_path_with_another_method_is_refused_in_the_shape_of_errors() {
    let served = Served::start().await;
    for (method, path) in [
        (Method::GET, "/oauth2/token"),
        (Method::POST, "/oauth2/jwks"),
        (Method::PUT, "/internal/gateway/v1/registry"),
        (Method::DELETE, "/api/am/publisher/v4/apis"),
    ] {
        let refused = answer(served.request(method, path)).await;
        assert_failure(&refused, StatusCode::METHOD_NOT_ALLOWED);
        assert!(refused.headers.contains_key("allow"), "{path}");
    }
}
