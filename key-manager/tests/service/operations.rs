//! The rules and the dashboard in `operations/`: they name nothing that is not there.

use std::collections::BTreeSet;

use key_manager::server;
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

use crate::harness::served::{GATEWAY, Served};
use crate::harness::{metrics as metrics_of, repository_root};

/// What the filter exposes (`docs/`, and the proxy's `stats_tags` of `filter-config/`), and whether it is a histogram.
const FILTER: [(&str, bool); 8] = [
    ("gatehouse_requests", false),
    ("gatehouse_introspection_calls", false),
    ("gatehouse_introspection_duration_ms", true),
    ("gatehouse_cache_lookups", false),
    ("gatehouse_flights_joined", false),
    ("gatehouse_backend_jwt_minted", false),
    ("gatehouse_registry_revision", false),
    ("gatehouse_registry_age_seconds", false),
];

fn file(path: &str) -> String {
    std::fs::read_to_string(repository_root().join("operations").join(path)).expect("a file of `operations/`")
}

/// Every expression with where it stands.
fn expressions(value: &Value, found: &mut Vec<String>) {
    match value {
        Value::Object(members) => {
            found.extend(members.get("expr").and_then(Value::as_str).map(str::to_owned));
            members.values().for_each(|value| expressions(value, found));
        }
        Value::Array(items) => items.iter().for_each(|item| expressions(item, found)),
        _ => {}
    }
}

/// The metrics that an expression names.
fn metrics(expression: &str) -> impl Iterator<Item = &str> {
    let words = expression.split(|letter: char| !(letter.is_ascii_alphanumeric() || letter == '_'));
    words.filter(|word| word.starts_with("gatehouse_"))
}

fn with_parts(name: &str, is_histogram: bool) -> Vec<String> {
    if is_histogram {
        ["_bucket", "_sum", "_count"].iter().map(|part| format!("{name}{part}")).collect()
    } else {
        vec![name.to_owned()]
    }
}

/// What the service exposes once a gateway has acknowledged.
async fn exposed() -> BTreeSet<String> {
    let served = Served::start().await;
    server::keep(&served.service).await.unwrap();
    let body = json!({"gateway": "edge", "revision": {"epoch": "e", "number": 1}});
    let request = served.request(Method::POST, "/internal/gateway/v1/registry/ack").json(&body);
    let acknowledged = request.bearer_auth(GATEWAY).header("x-gatehouse-gateway", "edge").send().await.unwrap();
    assert_eq!(acknowledged.status(), StatusCode::NO_CONTENT);
    let text = metrics_of(&served.service).await;
    let types = text.lines().filter_map(|line| line.strip_prefix("# TYPE ")?.split_once(' '));
    let own = types.flat_map(|(name, kind)| with_parts(name, kind == "histogram"));
    own.chain(FILTER.iter().flat_map(|(name, is_histogram)| with_parts(name, *is_histogram))).collect()
}

#[tokio::test]
async fn every_metric_of_the_rules_and_the_dashboard_is_exposed() {
    let exposed = exposed().await;
    let rules: Value = serde_norway::from_str(&file("prometheus/gatehouse.rules.yml")).expect("YAML");
    let dashboard: Value = serde_json::from_str(&file("grafana/gatehouse.json")).expect("JSON");

    for (name, document) in [("rules", rules), ("dashboard", dashboard)] {
        let mut all = Vec::new();
        expressions(&document, &mut all);
        assert!(all.len() > 10, "{name}: the test finds the expressions");
        for expression in &all {
            assert!(metrics(expression).next().is_some(), "{name}: {expression} names a metric");
            for metric in metrics(expression) {
                assert!(exposed.contains(metric), "{name}: `{metric}` of `{expression}` is exposed by nobody");
            }
        }
    }
}

#[test]
fn every_alert_has_a_name_of_its_own_and_says_what_is_wrong() {
    let rules: Value = serde_norway::from_str(&file("prometheus/gatehouse.rules.yml")).expect("YAML");
    let groups = rules["groups"].as_array().expect("groups");
    let mut names = BTreeSet::new();
    for rule in groups.iter().flat_map(|group| group["rules"].as_array().expect("rules")) {
        let name = rule["alert"].as_str().expect("an alert");
        assert!(names.insert(name.to_owned()), "{name} is there twice");
        for (member, field) in [("labels", "severity"), ("annotations", "summary")] {
            assert!(rule[member][field].as_str().is_some_and(|text| !text.is_empty()), "{name}: {member}.{field}");
        }
    }
}
