//! `/gateways`: what gateways that poll and acknowledge over HTTP are known to have applied.

use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

use crate::harness::served::{Answer, Served, answer, assert_failure};

const GATEWAYS: [(&str, &str); 1] = [(
    "GATEHOUSE__GATEWAYS",
    "[{name: edge-1, credential: credential-of-edge-1}, {name: edge-2, credential: credential-of-edge-2}]",
)];
const PATH: &str = "/api/gatehouse/v1/gateways";

/// The revision that a gateway is told.
async fn polled(served: &Served, name: &str) -> Value {
    let request = served.request(Method::GET, "/internal/gateway/v1/registry?wait=0s");
    let request = request.bearer_auth(format!("credential-of-{name}")).header("x-gatehouse-gateway", name);
    let page = answer(request).await;
    assert_eq!(page.status, StatusCode::OK, "{}", page.body);
    page.body["revision"].clone()
}

async fn acknowledge(served: &Served, name: &str, body: Value) -> Answer {
    let request = served.request(Method::POST, "/internal/gateway/v1/registry/ack");
    answer(request.bearer_auth(format!("credential-of-{name}")).header("x-gatehouse-gateway", name).json(&body)).await
}

#[tokio::test]
async fn s7_gateways_are_listed_with_what_they_have_applied_and_refused() {
    let served = Served::start_with(&GATEWAYS).await;
    assert_eq!(served.get(PATH).await.body["list"], json!([]), "none has acknowledged yet");
    served.published_api().await;
    let first = polled(&served, "edge-1").await;
    let body = json!({"gateway": "edge-1", "revision": first, "refusedRecords": 2, "refusedPages": 1});
    assert_eq!(acknowledge(&served, "edge-1", body).await.status, StatusCode::NO_CONTENT);

    let listed = served.get(PATH).await;

    assert_eq!((listed.status, &listed.body["count"]), (StatusCode::OK, &json!(1)), "{}", listed.body);
    let one = &listed.body["list"][0];
    assert_eq!((&one["name"], &one["revision"]), (&json!("edge-1"), &first));
    assert_eq!((&one["refusedRecords"], &one["refusedPages"]), (&json!(2), &json!(1)));
    let seen = one["acknowledgedAt"].as_str().unwrap().parse::<jiff::Timestamp>().unwrap();
    let now = i64::try_from(served.service.now().as_seconds()).unwrap();
    assert!((now - 60..=now).contains(&seen.as_second()), "{seen}");
    assert_eq!(listed.body["revision"], first, "it is up to date");

    // Another gateway, and the first one a revision later, which is well again.
    served.application().await;
    for name in ["edge-2", "edge-1"] {
        let revision = polled(&served, name).await;
        acknowledge(&served, name, json!({"gateway": name, "revision": revision})).await;
    }
    let listed = served.get(PATH).await.body;
    assert_eq!(listed["count"], json!(2), "{listed}");
    for (index, name) in ["edge-1", "edge-2"].into_iter().enumerate() {
        let one = &listed["list"][index];
        assert_eq!((&one["name"], &one["revision"]), (&json!(name), &listed["revision"]));
        assert_eq!((&one["refusedRecords"], &one["refusedPages"]), (&json!(0), &json!(0)));
    }
    assert!(listed["revision"]["number"].as_u64() > first["number"].as_u64());
}

#[tokio::test]
async fn s8_a_gateway_acknowledges_for_itself_alone() {
    let served = Served::start_with(&GATEWAYS).await;
    let revision = json!({"epoch": "e", "number": 1});

    let body = json!({"gateway": "edge-2", "revision": revision});
    assert_failure(&acknowledge(&served, "edge-1", body.clone()).await, StatusCode::FORBIDDEN);
    let request = served.request(Method::POST, "/internal/gateway/v1/registry/ack");
    let forged = request.bearer_auth("credential-of-edge-1").header("x-gatehouse-gateway", "edge-2").json(&body);
    assert_failure(&answer(forged).await, StatusCode::FORBIDDEN);

    assert_eq!(served.get(PATH).await.body["count"], json!(0));
}

/// What filters of format 1 say, and go on saying to key managers that are newer.
#[tokio::test]
async fn s7_an_acknowledgement_of_format_1_is_taken() {
    let served = Served::start_with(&GATEWAYS).await;
    let told = include_str!("../../../../key-validation/tests/feed-format-1/acknowledgement.json");
    let body: Value = serde_json::from_str(told).unwrap();

    assert_eq!(acknowledge(&served, "edge-1", body.clone()).await.status, StatusCode::NO_CONTENT);

    let listed = served.get(PATH).await.body["list"][0].clone();
    assert_eq!((&listed["name"], &listed["revision"]), (&body["gateway"], &body["revision"]));
}
