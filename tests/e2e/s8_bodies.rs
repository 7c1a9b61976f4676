//! DESIGN.md section 3: a body that the host hands over before the decision carries no request past it.

use serde_json::json;

use super::configuration;
use super::denials::{INSUFFICIENT_SCOPE, INVALID_TOKEN};
use super::fixtures::Site;
use super::harness::backend::BACKEND;
use super::harness::gateway::Setup;
use super::harness::script::{Gate, Script, active};
use super::harness::upload::Upload;
use super::harness::wait;
use super::registry::{MENU, SHOP};

const ORDER: &str = "/pizzashack/1.0.0/order";

/// What every body of [`BODIES`] says.
const TEXT: &str = "pizza and more pizza";

/// Name, the header that frames the body, the pieces in which it comes; the first comes along with the head.
const BODIES: [(&str, (&str, &str), &[&str]); 7] = [
    ("with the head", LENGTH, &[TEXT]),
    ("after the head", LENGTH, &["", TEXT]),
    ("in pieces", LENGTH, &["pizza", " and more ", "pizza"]),
    ("in a chunk with the head", CHUNKED, &["14\r\npizza and more pizza\r\n0\r\n\r\n"]),
    ("in chunks", CHUNKED, &["", "5\r\npizza\r\n", "a\r\n and more \r\n", "5\r\npizza\r\n", "0\r\n\r\n"]),
    ("with trailers and the head", CHUNKED, &["14\r\npizza and more pizza\r\n0\r\nx-trailer: any\r\n\r\n"]),
    ("with trailers that come late", CHUNKED, &["", "14\r\npizza and more pizza\r\n", "0\r\nx-trailer: any\r\n\r\n"]),
];
const LENGTH: (&str, &str) = ("Content-Length", "20");
const CHUNKED: (&str, &str) = ("Transfer-Encoding", "chunked");

/// A site whose host calls the filter with the body while the filter has yet to decide.
async fn start(name: &str) -> Site {
    let configuration = configuration::small_with_introspection([("timeout", json!("30s"))]);
    Site::start_with(Setup::new(name, &configuration).body_while_undecided()).await
}

/// Octets that Envoy's workers have read from clients, and requests that they have sent to the backend.
async fn traffic(site: &Site) -> (usize, usize) {
    let metrics = site.gateway.metrics().await;
    let received =
        metrics.count("envoy_http_downstream_cx_rx_bytes_total", &[("envoy_http_conn_manager_prefix", "gateway")]);
    (received, metrics.count("envoy_cluster_upstream_rq_total", &[("envoy_cluster_name", "backend")]))
}

/// Sends the request, each piece once Envoy has read the one before, and returns when it has read the last.
async fn upload(site: &Site, token: &str, (name, value): (&str, &str), pieces: &[&str]) -> Upload {
    let (first, others) = pieces.split_first().expect("a piece");
    let (before, _) = traffic(site).await;
    let mut upload = site.gateway.call("POST", ORDER).bearer(token).header(name, value).begin(first).await;
    wait::until_true("the question", async || site.idp.calls_about(token) == 1).await;
    until_read(site, before + upload.sent).await;
    for piece in others {
        upload.send(piece).await;
        until_read(site, before + upload.sent).await;
    }
    upload
}

async fn until_read(site: &Site, octets: usize) {
    wait::until_true("Envoy to read the piece", async || traffic(site).await.0 >= octets).await;
}

/// Nothing but a public request, which the one worker serves after all that it has read so far, goes to the backend.
async fn assert_held_back(site: &Site, name: &str, case: &str) {
    let (_, before) = traffic(site).await;
    site.gateway.get(MENU).send().await.echo();

    assert_eq!(traffic(site).await.1, before + 1, "{name}: more than the public request went to the backend");
    assert!(!BACKEND.was_reached_by(case), "{name}: the request reached the backend");
}

#[tokio::test]
async fn s8_a_body_waits_for_the_decision_and_arrives_whole() {
    let site = start("bodies-allowed").await;
    for (name, framing, pieces) in BODIES {
        let gate = Gate::closed();
        let token = site.idp.issue(active(SHOP, &json!({"scope": "order_pizza"})).behind(&gate));

        let mut upload = upload(&site, &token, framing, pieces).await;
        assert_held_back(&site, name, upload.case()).await;
        gate.open();
        let answer = upload.answer().await;

        assert_eq!(answer.echo().body, TEXT, "{name}");
        site.assert_allowed(name, &answer).await;
    }
}

#[tokio::test]
async fn s8_a_body_goes_nowhere_when_the_request_is_denied() {
    let site = start("bodies-denied").await;
    for (reason, script, denial) in [
        ("inactive", Script::inactive(), &INVALID_TOKEN),
        ("without the scope", active(SHOP, &json!({"scope": "other"})), &INSUFFICIENT_SCOPE),
    ] {
        for (name, framing, pieces) in BODIES {
            let name = format!("{reason}, {name}");
            let gate = Gate::closed();
            let token = site.idp.issue(script.clone().behind(&gate));

            let mut upload = upload(&site, &token, framing, pieces).await;
            assert_held_back(&site, &name, upload.case()).await;
            gate.open();
            let answer = upload.answer().await;

            site.assert_denied(&name, &answer, denial).await;
            assert_held_back(&site, &name, upload.case()).await;
        }
    }
}

#[tokio::test]
async fn s8_the_rest_of_a_body_goes_nowhere_after_a_denial() {
    let site = start("bodies-rest").await;
    for (name, framing, pieces) in BODIES.into_iter().filter(|(_, _, pieces)| pieces.len() > 1) {
        let gate = Gate::closed();
        let token = site.idp.issue(Script::inactive().behind(&gate));
        let (last, others) = pieces.split_last().expect("a piece");

        let mut upload = upload(&site, &token, framing, others).await;
        gate.open();
        let answer = upload.answer().await;
        upload.send(last).await;

        site.assert_denied(name, &answer, &INVALID_TOKEN).await;
        assert_held_back(&site, name, upload.case()).await;
    }
}

/// Envoy itself answers when it would have to hold back more than it buffers.
#[tokio::test]
async fn s8_a_body_larger_than_the_buffer_is_not_let_through() {
    const LARGE: usize = 3_000_000;
    let site = start("bodies-large").await;
    let gate = Gate::closed();
    let token = site.idp.issue(active(SHOP, &json!({"scope": "order_pizza"})).behind(&gate));

    let call = site.gateway.call("POST", ORDER).bearer(&token).body(&"x".repeat(LARGE));
    let answer = call.send().await;

    assert_eq!(answer.status, 413);
    assert_held_back(&site, "large", &answer.case).await;
    gate.open();
}
