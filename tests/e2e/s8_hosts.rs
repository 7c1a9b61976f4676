//! BEHAVIOUR.md section 8: whatever the host does to targets, no protected operation is reached without a decision.

use serde_json::{Value, json};

use super::configuration::{self, IDP};
use super::fixtures::Site;
use super::harness::answer::Answer;
use super::harness::gateway::Setup;
use super::harness::host::Host;
use super::readings::Reading;
use super::registry::SHOP;
use super::treacherous_targets;

const BACKEND_CLUSTER: [(&str, &str); 1] = [("envoy_cluster_name", "backend")];

/// A public prefix amid what is protected, so that whoever confuses the two lets somebody through.
fn maze(unmatched: &str) -> Value {
    configuration::small_with([
        ("unmatched", json!(unmatched)),
        (
            "registry",
            json!({
                "apis": [{"name": "Maze", "version": "1.0.0", "context": "/maze", "operations": [
                    {"verb": "GET", "target": "/public/*", "authType": "None"},
                    {"verb": "GET", "target": "/*"},
                ]}],
                "applications": [{"id": "shop", "keys": [{"identityProvider": IDP, "clientId": SHOP}]}],
                "subscriptions": [{"apiId": "Maze-1.0.0", "applicationId": "shop"}],
            }),
        ),
    ])
}

async fn start(test: &str, host: Host, unmatched: &str) -> Site {
    let name = format!("{test}-{host:?}-{unmatched}").to_lowercase();
    Site::start_with(Setup::new(&name, &maze(unmatched)).host(host)).await
}

/// Whether a backend that reads the target like this takes it for a protected operation.
fn is_protected(reading: Reading, target: &str) -> bool {
    let segments = reading.segments(target);
    let is = |number: usize, expected: &[u8]| segments.get(number).is_some_and(|segment| segment == expected);
    is(0, b"maze") && is(1, b"1.0.0") && !is(2, b"public")
}

/// Sends the target without a token; a redirect is followed as clients do.
async fn send(site: &Site, target: &str) -> Option<Answer> {
    let answer = site.gateway.get(target).try_send().await?;
    match answer.header("location") {
        Some(location) => site.gateway.get(location).try_send().await,
        None => Some(answer),
    }
}

#[tokio::test]
async fn s8_no_target_reaches_a_protected_operation_without_a_decision_on_any_host() {
    for host in Host::ALL {
        for unmatched in ["reject", "forward"] {
            let site = start("targets", host, unmatched).await;
            let mut reached = Vec::new();
            for target in treacherous_targets::all() {
                if let Some(answer) = send(&site, &target).await.filter(|answer| answer.status == 200) {
                    assert_is_public(&format!("{host:?}, unmatched: {unmatched}, {target}"), &answer.echo().path);
                    reached.push((target, answer));
                }
            }
            let forwarded = site.gateway.metrics().await.count("envoy_cluster_upstream_rq_total", &BACKEND_CLUSTER);
            assert_eq!(forwarded, reached.len(), "{host:?}, unmatched: {unmatched}: not all are accounted for");
            for (target, answer) in &reached {
                let decision = site.gateway.logged(answer).await.decision;
                assert_eq!(decision.as_deref(), Some("public"), "{host:?}, unmatched: {unmatched}, {target}");
            }
            assert!(reached.len() > 30, "{host:?}, unmatched: {unmatched}: {} came through", reached.len());
        }
    }
}

/// No backend takes what it received for a protected operation.
fn assert_is_public(name: &str, received: &str) {
    for reading in Reading::all() {
        assert!(!is_protected(reading, received), "{name} came through as {received}, protected to {reading:?}");
    }
}

/// So that the test above shows something: the hosts are as different as they are meant to be.
#[tokio::test]
async fn s8_hosts_differ_in_what_they_make_of_a_target() {
    for (host, expected) in [
        (Host::Plain, [200, 400, 400, 400]),
        (Host::Istio, [200, 200, 400, 400]),
        (Host::IstioDecoding, [200, 200, 200, 200]),
        (Host::EnvoyGateway, [200, 200, 200, 307]),
    ] {
        let site = start("hosts", host, "reject").await;
        let mut statuses = Vec::new();
        for target in ["a", "../public/a", "/a", "%2fa"] {
            statuses.push(site.gateway.get(format!("/maze/1.0.0/public/{target}")).send().await.status);
        }

        assert_eq!(statuses, expected, "{host:?}");
    }
}
