//! The registry feed, page by page as a gateway takes it.

use key_validation::feed::Page;
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use tokio::task::JoinSet;

use crate::harness::served::{DEVPORTAL, GATEWAY, Served, answer};

async fn page(served: &Served, query: &str) -> Value {
    let request = served.request(Method::GET, &format!("/internal/gateway/v1/registry?{query}"));
    let told = answer(request.bearer_auth(GATEWAY).header("x-gatehouse-gateway", "edge")).await;
    assert_eq!(told.status, StatusCode::OK, "{}", told.body);
    Page::parse(told.body.to_string().as_bytes()).expect("a page that the filter understands");
    told.body
}

/// The pages of a snapshot; `between` happens after the first.
async fn snapshot(served: &Served, between: impl AsyncFnOnce()) -> Vec<Value> {
    let mut pages = vec![page(served, "").await];
    between().await;
    while let Some(cursor) = pages[pages.len() - 1]["next"].as_str() {
        let next = page(served, &format!("cursor={cursor}")).await;
        pages.push(next);
    }
    pages
}

fn told(pages: &[Value]) -> usize {
    let changes = pages.iter().flat_map(|page| page["changes"].as_array().unwrap());
    changes.filter(|change| change["kind"] == "api" || change["kind"] == "application").count()
}

async fn add_application(served: &Served, name: &str) -> String {
    let body = json!({"name": name, "throttlingPolicy": "Unlimited"});
    let created = served.post(&format!("{DEVPORTAL}/applications"), body).await;
    created.body["applicationId"].as_str().unwrap().to_owned()
}

/// An API, two applications and a subscription.
async fn fill(served: &Served) {
    let (api, application) = (served.published_api().await, served.application().await);
    add_application(served, "Other").await;
    let body = json!({"apiId": api, "applicationId": application, "throttlingPolicy": "Unlimited"});
    assert_eq!(served.post(&format!("{DEVPORTAL}/subscriptions"), body).await.status, StatusCode::CREATED);
    let body = json!({"kind": "jti", "value": "9a1"});
    assert_eq!(served.post("/api/gatehouse/v1/revocations", body).await.status, StatusCode::CREATED);
}

#[tokio::test]
async fn s6_a_snapshot_says_how_many_apis_and_applications_it_has() {
    let served = Served::start().await;
    fill(&served).await;

    let pages = snapshot(&served, async || ()).await;

    assert_eq!(told(&pages), 3);
    assert!(pages.iter().all(|page| page["snapshot"]["records"] == 3), "{pages:?}");
    let kinds = pages.iter().flat_map(|page| page["changes"].as_array().unwrap()).map(|change| &change["kind"]);
    let kinds: Vec<_> = kinds.collect();
    assert_eq!(kinds.iter().filter(|kind| **kind == "subscription").count(), 1);
    assert_eq!(kinds[0], "revocation");
}

#[tokio::test]
async fn s6_what_is_written_while_a_snapshot_is_read_is_told_again_as_a_change() {
    let served = Served::start().await;
    fill(&served).await;

    let pages = snapshot(&served, async || drop(add_application(&served, "Meanwhile").await)).await;

    let last = &pages[pages.len() - 1];
    assert_eq!((told(&pages), &last["snapshot"]["records"]), (4, &json!(3)));
    assert!(pages.iter().all(|page| page["revision"] == last["revision"]), "{pages:?}");
    let revision = format!("{}.{}", last["revision"]["epoch"].as_str().unwrap(), last["revision"]["number"]);
    let changes = page(&served, &format!("revision={revision}")).await;
    assert_eq!(changes["changes"][0]["record"]["name"], "Meanwhile");
}

#[tokio::test]
async fn s6_a_cursor_that_is_not_honoured_is_gone() {
    let served = Served::start().await;
    fill(&served).await;
    let first = page(&served, "").await;
    let good = first["next"].as_str().unwrap();
    let parts: Vec<&str> = good.split('~').collect();
    let of_another_epoch = good.replace(parts[1], "other");
    // As a program before this one wrote them.
    let without_a_count = parts[..5].join("~");

    for cursor in [of_another_epoch.as_str(), &without_a_count, "x"] {
        let request = served.request(Method::GET, &format!("/internal/gateway/v1/registry?cursor={cursor}"));
        let told = answer(request.bearer_auth(GATEWAY).header("x-gatehouse-gateway", "edge")).await;
        assert_eq!(told.status, StatusCode::GONE, "{cursor}: {}", told.body);
    }
}

#[tokio::test]
async fn s6_a_registry_that_was_emptied_says_that_it_means_to() {
    let served = Served::start().await;
    let id = add_application(&served, "Shop").await;
    let deleted = served.send(Method::DELETE, &format!("{DEVPORTAL}/applications/{id}"), None).await;
    assert_eq!(deleted.status, StatusCode::OK);

    let pages = snapshot(&served, async || ()).await;

    let is_meant = |page: &Value| page["snapshot"]["records"] == 0 && page["snapshot"]["empty"] == true;
    assert!(pages.iter().all(is_meant), "{pages:?}");
}

#[tokio::test]
async fn s6_gateways_that_say_at_once_what_they_have_applied_are_all_written_down() {
    let names: Vec<String> = (0..30).map(|number| format!("edge-{number}")).collect();
    let configured = names.iter().map(|name| format!("{{name: {name}, credential: credential-of-{name}}}"));
    let gateways = format!("[{}]", configured.collect::<Vec<_>>().join(", "));
    let served = Served::start_with(&[("GATEHOUSE__GATEWAYS", &gateways)]).await;

    let mut all = JoinSet::new();
    for name in &names {
        let body = json!({"gateway": name, "revision": {"epoch": "e", "number": 1}});
        let request = served.request(Method::POST, "/internal/gateway/v1/registry/ack").json(&body);
        let request = request.bearer_auth(format!("credential-of-{name}")).header("x-gatehouse-gateway", name);
        all.spawn(request.send());
    }

    for answer in all.join_all().await {
        assert_eq!(answer.unwrap().status(), StatusCode::NO_CONTENT);
    }
    assert_eq!(served.get("/api/gatehouse/v1/gateways").await.body["count"], 30);
}
