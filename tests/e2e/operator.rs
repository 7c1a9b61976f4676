//! DESIGN.md section 5: what an operator sees of the requests.

use serde_json::json;

use super::configuration::{self, IDP};
use super::fixtures::{Site, shop};
use super::harness::access_log::LogEntry;
use super::harness::metrics::Metrics;
use super::harness::script::{Script, active};
use super::harness::wait;
use super::registry::{ANY, MENU, SHOP};

/// The identity fields in the order of the configuration.
fn published(entry: &LogEntry) -> [Option<&str>; 8] {
    [
        &entry.decision,
        &entry.api,
        &entry.application,
        &entry.client_id,
        &entry.identity_provider,
        &entry.subject,
        &entry.tier,
        &entry.key_type,
    ]
    .map(Option::as_deref)
}

#[tokio::test]
async fn the_access_log_tells_every_published_field_of_an_allowed_request() {
    let shop = shop().await;

    let answer = shop.get_with(ANY, active(SHOP, &json!({"sub": "alice"}))).await;

    let entry = shop.gateway.logged(&answer).await;
    let expected = ["allow", "PizzaShack-1.0.0", "shop", SHOP, IDP, "alice", "Gold", "PRODUCTION"].map(Some);
    assert_eq!(published(&entry), expected);
    assert_eq!((entry.code, entry.details.as_deref()), (200, Some("via_upstream")));
}

#[tokio::test]
async fn the_access_log_tells_by_default_decision_application_and_client() {
    let site = Site::start("default-publish", &configuration::small()).await;

    let allowed = site.get_with(ANY, active(SHOP, &json!({"sub": "alice"}))).await;
    let public = site.gateway.get(MENU).send().await;

    let allowed = site.gateway.logged(&allowed).await;
    let public = site.gateway.logged(&public).await;
    let expected = [Some("allow"), None, Some("shop"), Some(SHOP), None, None, None, None];
    assert_eq!(published(&allowed), expected);
    assert_eq!(published(&public), [Some("public"), None, None, None, None, None, None, None]);
}

#[tokio::test]
async fn the_access_log_tells_only_the_fields_that_publish_lists() {
    let site = Site::start("publish-subject", &configuration::small_with([("publish", json!(["subject"]))])).await;

    let allowed = site.get_with(ANY, active(SHOP, &json!({"sub": "alice"}))).await;
    let denied = site.gateway.get(ANY).send().await;

    let allowed = site.gateway.logged(&allowed).await;
    let denied = site.gateway.logged(&denied).await;
    assert_eq!(published(&allowed), [None, None, None, None, None, Some("alice"), None, None]);
    assert_eq!(denied.decision.as_deref(), Some("deny"), "a denial is always told");
}

#[tokio::test]
async fn metrics_count_requests_calls_and_look_ups() {
    let site = Site::start("metrics", &configuration::shop()).await;
    let good = site.idp.issue(active(SHOP, &json!({})));
    let bad = site.idp.issue(Script::inactive());
    for token in [&good, &good, &good, &bad, &bad] {
        site.gateway.get(ANY).bearer(token).send().await;
    }
    site.gateway.get(MENU).send().await.echo();
    site.gateway.get(ANY).send().await;
    site.gateway.get("/nobody").send().await;

    let metrics = site.gateway.metrics().await;

    for (name, labels, expected) in [
        ("gatehouse_requests", &[("decision", "allow")][..], 3),
        ("gatehouse_requests", &[("decision", "public")], 1),
        ("gatehouse_requests", &[("decision", "deny")], 4),
        ("gatehouse_requests", &[("decision", "deny"), ("reason", "invalid_token")], 2),
        ("gatehouse_requests", &[("decision", "deny"), ("reason", "missing_credentials")], 1),
        ("gatehouse_requests", &[("decision", "deny"), ("reason", "no_api")], 1),
        ("gatehouse_introspection_calls", &[("idp", IDP)], 2),
        ("gatehouse_introspection_calls", &[("idp", IDP), ("outcome", "active")], 1),
        ("gatehouse_introspection_calls", &[("idp", IDP), ("outcome", "inactive")], 1),
        ("gatehouse_cache_lookups", &[("result", "hit")], 2),
        ("gatehouse_cache_lookups", &[("result", "inactive")], 1),
        ("gatehouse_cache_lookups", &[("result", "miss")], 2),
        ("gatehouse_backend_jwt_minted", &[], 1),
        ("gatehouse_flights_joined", &[], 0),
    ] {
        assert_eq!(metrics.count(name, labels), expected, "{name} {labels:?}");
    }
    wait::until_true("the histogram, which Envoy tells late", async || {
        site.gateway.metrics().await.count("gatehouse_introspection_duration_ms_count", &[]) == 2
    })
    .await;
    assert_labels(&metrics, "gatehouse_requests", &["decision", "reason"]);
    assert_labels(&metrics, "gatehouse_introspection_calls", &["idp", "outcome"]);
    assert_labels(&metrics, "gatehouse_cache_lookups", &["level", "result"]);
}

fn assert_labels(metrics: &Metrics, name: &str, expected: &[&str]) {
    let samples = metrics.labels(name);
    assert!(!samples.is_empty(), "no {name}");
    for labels in samples {
        assert_eq!(labels, expected, "{name}");
    }
}
