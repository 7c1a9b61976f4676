//! The registry feed, page by page as a gateway takes it.

use key_manager::server;
use key_validation::feed::Page;
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use tokio::task::JoinSet;

use crate::harness::metrics;
use crate::harness::served::{Answer, DEVPORTAL, GATEWAY, Served, answer};

async fn ask(served: &Served, query: &str) -> Answer {
    let request = served.request(Method::GET, &format!("/internal/gateway/v1/registry?{query}"));
    answer(request.bearer_auth(GATEWAY).header("x-gatehouse-gateway", "edge")).await
}

async fn page(served: &Served, query: &str) -> Value {
    let told = ask(served, query).await;
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

/// What a gateway asks that has applied these pages.
fn by_revision(pages: &[Value]) -> String {
    let revision = &pages[pages.len() - 1]["revision"];
    format!("revision={}.{}", revision["epoch"].as_str().unwrap(), revision["number"])
}

async fn add_application(served: &Served, name: &str) -> String {
    add_application_with(served, name, &json!({})).await
}

async fn add_application_with(served: &Served, name: &str, attributes: &Value) -> String {
    let body = json!({"name": name, "throttlingPolicy": "Unlimited", "attributes": attributes});
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
    let changes = page(&served, &by_revision(&pages)).await;
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
        let told = ask(&served, &format!("cursor={cursor}")).await;
        assert_eq!(told.status, StatusCode::GONE, "{cursor}: {}", told.body);
    }
}

async fn delete_application(served: &Served, id: &str) {
    let deleted = served.send(Method::DELETE, &format!("{DEVPORTAL}/applications/{id}"), None).await;
    assert_eq!(deleted.status, StatusCode::OK);
}

/// Lets the tombstones of these ids become old, and the key manager do what time asks for.
async fn let_become_old(served: &Served, ids: &[&str]) {
    for id in ids {
        let sql = format!("UPDATE feed_records SET changed_at = 0 WHERE record IS NULL AND id = '{id}'");
        served.database.execute(&sql).await.unwrap();
    }
    server::keep(&served.service).await.unwrap();
}

fn ids_of<'p>(pages: &'p [Value], deleted: &Value) -> Vec<&'p str> {
    let changes = pages.iter().flat_map(|page| page["changes"].as_array().unwrap());
    changes.filter(|change| change["deleted"] == *deleted).map(|change| change["id"].as_str().unwrap()).collect()
}

#[tokio::test]
async fn s7_a_gateway_that_was_away_for_longer_than_deletions_are_kept_gets_a_snapshot() {
    let served = Served::start().await;
    let (shop, other) = (add_application(&served, "Shop").await, add_application(&served, "Other").await);
    let before = by_revision(&snapshot(&served, async || ()).await);
    delete_application(&served, &shop).await;
    let changes = [page(&served, &before).await];
    let after = by_revision(&changes);

    let_become_old(&served, &[]).await;
    let still = page(&served, &before).await;
    assert_eq!((ids_of(&[still], &json!(true)), ids_of(&changes, &json!(true))), (vec![&*shop], vec![&*shop]));
    assert!(metrics(&served.service).await.contains("gatehouse_key_manager_tombstones 1\n"));

    let_become_old(&served, &[&shop]).await;
    let first = page(&served, &before).await;
    assert_eq!(first["snapshot"]["first"], 0, "{first}");
    let pages = snapshot(&served, async || ()).await;
    assert_eq!(ids_of(&pages, &Value::Null), [&*other]);
    assert_eq!(ask(&served, &after).await.status, StatusCode::NO_CONTENT, "who knows of all deletions needs none");
    let third = add_application(&served, "Third").await;
    assert_eq!(ids_of(&[page(&served, &after).await], &Value::Null), [&*third]);
    let told = metrics(&served.service).await;
    assert!(told.contains("gatehouse_key_manager_tombstones 0\n"), "{told}");
    assert!(told.contains("gatehouse_key_manager_snapshots 3\n"), "{told}");
}

/// A gateway that is amid the pages of changes misses none: its next page is complete, or gone.
#[tokio::test]
async fn s7_deletions_that_are_forgotten_while_a_gateway_reads_changes_are_not_missed() {
    let served = Served::start().await;
    let mut known = Vec::new();
    for name in ["First", "Second", "Third"] {
        known.push(add_application(&served, name).await);
    }
    let before = by_revision(&snapshot(&served, async || ()).await);
    delete_application(&served, &known[0]).await;
    for number in 0..40 {
        add_application_with(&served, &format!("Large {number}"), &json!({"a": "x".repeat(30_000)})).await;
    }
    delete_application(&served, &known[1]).await;
    let first = page(&served, &before).await;
    let cursor = format!("cursor={}", first["next"].as_str().expect("more than a page"));
    assert_eq!(ids_of(std::slice::from_ref(&first), &json!(true)), [&*known[0]]);

    let_become_old(&served, &[&known[0]]).await;
    let mut pages = vec![first];
    while let Some(cursor) = pages[pages.len() - 1]["next"].as_str() {
        let next = page(&served, &format!("cursor={cursor}")).await;
        pages.push(next);
    }
    assert_eq!(
        ids_of(&pages, &json!(true)),
        [&*known[0], &*known[1]],
        "what it has read is forgotten, and nothing else"
    );

    let_become_old(&served, &[&known[1]]).await;
    assert_eq!(ask(&served, &cursor).await.status, StatusCode::GONE);
    assert_eq!(page(&served, &before).await["snapshot"]["first"], 0);
    let pages = snapshot(&served, async || ()).await;
    assert!(!ids_of(&pages, &Value::Null).contains(&&*known[1]));
    assert!(ids_of(&pages, &Value::Null).contains(&&*known[2]));
}

#[tokio::test]
async fn s7_deletions_that_are_forgotten_while_a_gateway_reads_a_snapshot_are_not_missed() {
    let served = Served::start().await;
    let (shop, other) = (add_application(&served, "Shop").await, add_application(&served, "Other").await);
    let first = page(&served, "").await;
    delete_application(&served, &shop).await;

    let_become_old(&served, &[&shop]).await;

    let cursor = format!("cursor={}", first["next"].as_str().unwrap());
    assert_eq!(ask(&served, &cursor).await.status, StatusCode::GONE, "after it, nobody would tell of the deletion");
    assert_eq!(ids_of(&snapshot(&served, async || ()).await, &Value::Null), [&*other]);
}

#[tokio::test]
async fn s6_a_registry_that_was_emptied_says_that_it_means_to() {
    let served = Served::start().await;
    let id = add_application(&served, "Shop").await;
    delete_application(&served, &id).await;

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
