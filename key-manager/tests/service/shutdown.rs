//! The end of the process after SIGTERM: nobody who asked is left without an answer.

use std::time::Duration;

use reqwest::{Method, StatusCode};
use serde_json::json;
use tokio::time::Instant;

use crate::harness::database::Database;
use crate::harness::oidc_provider::{OidcProvider, properties};
use crate::harness::program::Program;
use crate::harness::scratch;
use crate::harness::served::{ADMIN, BOOTSTRAP, DEVPORTAL, GATEWAY};
use crate::harness::shop::text;
use crate::harness::slow::way_to;

async fn start(name: &str, database: &Database, lame_duck: &str) -> Program {
    let directory = scratch(name);
    Program::start(&directory, "key-manager", database, &[("GATEHOUSE__SERVER__LAME_DUCK", lame_duck)]).await
}

/// Asks as the gateway `edge`.
fn poll(program: &Program, query: &str) -> reqwest::RequestBuilder {
    let request = reqwest::Client::new().get(format!("{}/internal/gateway/v1/registry?{query}", program.base));
    request.bearer_auth(GATEWAY).header("x-gatehouse-gateway", "edge")
}

async fn readiness(program: &Program) -> StatusCode {
    reqwest::get(format!("{}/readyz", program.operators)).await.expect("an answer").status()
}

#[tokio::test]
async fn s7_after_sigterm_it_is_not_ready_and_serves_on_until_others_have_noticed() {
    let database = Database::create().await;
    let program = start("shutdown-lame", &database, "2s").await;
    program.good(Method::GET, "/oauth2/jwks", None).await;
    let applications = format!("{DEVPORTAL}/applications");
    program.good(Method::POST, &applications, Some(json!({"name": "Shop", "throttlingPolicy": "Gold"}))).await;
    let page = poll(&program, "").send().await.expect("an answer").text().await.expect("a page");
    let page: serde_json::Value = serde_json::from_str(&page).expect("JSON");
    let revision = format!("{}.{}", text(&page["revision"], "epoch"), page["revision"]["number"]);
    let waiting = tokio::spawn(poll(&program, &format!("revision={revision}&wait=60s")).send());
    tokio::time::sleep(Duration::from_millis(300)).await;
    assert_eq!(readiness(&program).await, StatusCode::OK);

    program.terminate();
    let told = waiting.await.expect("a task").expect("an answer");

    assert_eq!(told.status(), StatusCode::NO_CONTENT, "at once");
    assert_eq!(told.headers()["connection"], "close");
    assert_eq!(readiness(&program).await, StatusCode::SERVICE_UNAVAILABLE);
    let begun = Instant::now();
    let client = reqwest::Client::new();
    let mut answers = 0;
    loop {
        let request = client.get(format!("{}{applications}", program.base)).bearer_auth(BOOTSTRAP);
        match request.send().await {
            Ok(answer) => {
                assert_eq!(answer.status(), StatusCode::OK);
                assert_eq!(answer.headers()["connection"], "close");
                answers += 1;
            }
            Err(_) => break,
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    assert!(begun.elapsed() > Duration::from_secs(1) && answers > 10, "{answers} in {:?}", begun.elapsed());
    assert!(program.ended().await.success());
}

#[tokio::test]
async fn s7_a_connection_of_http_2_is_told_to_go_and_no_request_on_it_is_lost() {
    let database = Database::create().await;
    let program = start("shutdown-http2", &database, "1s").await;
    let client = reqwest::Client::builder().http2_prior_knowledge().build().expect("a client");
    let ask = async || {
        let request = client.get(format!("{}{DEVPORTAL}/applications", program.base)).bearer_auth(BOOTSTRAP);
        request.send().await.map(|answer| answer.status())
    };
    assert_eq!(ask().await.expect("an answer"), StatusCode::OK);

    program.terminate();

    let refused = loop {
        match ask().await {
            Ok(status) => assert_eq!(status, StatusCode::OK),
            Err(error) => break error,
        }
    };
    assert!(refused.is_connect(), "what was sent is answered, and only then no connection comes about: {refused:?}");
    assert!(program.ended().await.success());
}

#[tokio::test]
async fn s7_what_has_begun_at_an_identity_provider_is_finished_though_nobody_waits_for_it() {
    let (database, idp) = (Database::create().await, OidcProvider::start("shutdown-idp").await);
    let program = start("shutdown-begun", &database, "0s").await;
    let slow = way_to(&idp.issuer, Duration::from_secs(3)).await;
    let settings = json!({
        "name": "corporate", "type": "oidc", "issuer": idp.issuer, "additionalProperties": properties(),
        "clientRegistrationEndpoint": format!("{slow}/reg"),
    });
    program.good(Method::POST, &format!("{ADMIN}/key-managers"), Some(settings)).await;
    let body = json!({"name": "Shop", "throttlingPolicy": "Gold"});
    let application = program.good(Method::POST, &format!("{DEVPORTAL}/applications"), Some(body)).await;
    let keys = format!("{DEVPORTAL}/applications/{}", text(&application, "applicationId"));
    let body = json!({"keyType": "PRODUCTION", "grantTypesToBeSupported": ["client_credentials"]});
    let path = format!("{keys}/generate-keys");
    let generating = program.send(Method::POST, &path, Some(body));
    let begun = program.until("/api/gatehouse/v1/reconciliation", |told| told["list"][0]["attempts"] == 1);
    tokio::select! {
        answer = generating => panic!("the identity provider is slow: {answer:?}"),
        _ = begun => {}
    }

    program.terminate();
    assert!(program.ended().await.success());

    let again = start("shutdown-again", &database, "0s").await;
    let listed = again.good(Method::GET, &format!("{keys}/oauth-keys"), None).await;
    assert_eq!(idp.clients(), [text(&listed["list"][0], "consumerKey")]);
    assert_eq!(again.good(Method::GET, "/api/gatehouse/v1/reconciliation", None).await["count"], 0);
}
