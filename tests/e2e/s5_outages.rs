//! BEHAVIOUR.md section 5: what happens when the identity provider does not tell about a token.
//!
//! Every failure is 503: a caller is never let through, and never told that their token is bad.

use std::time::Duration;

use serde_json::{Value, json};

use super::configuration::{self, IDP, SECRET, SECRET_VARIABLE};
use super::denials::{Denial, IDP_CLIENT_AUTH_FAILED, IDP_MISCONFIGURED, IDP_SHED, IDP_UNAVAILABLE};
use super::fixtures::Site;
use super::harness::gateway::Setup;
use super::harness::script::{Afterwards, Gate, Script, active};
use super::harness::scripted_idp::ScriptedIdp;
use super::harness::{servers, wait};
use super::registry::{ANY, SHOP};

/// No number of failures is enough to stop asking.
fn patient() -> Value {
    configuration::small_with_idp([("breaker", json!({"failures": 1_000_000, "openFor": "1s"}))])
}

/// [`patient`], but not for long.
fn hasty() -> Value {
    let mut configuration = patient();
    configuration["identityProviders"][0]["introspection"]["timeout"] = json!("1s");
    configuration
}

/// The failure is answered as it should be, and the next question gets its answer.
async fn assert_fails_once(site: &Site, name: &str, script: Script, denial: &Denial) {
    let token = site.idp.issue_with([script, active(SHOP, &json!({}))]);

    let first = site.gateway.get(ANY).bearer(&token).send().await;
    let second = site.gateway.get(ANY).bearer(&token).send().await;

    site.assert_denied(name, &first, denial).await;
    assert_eq!(second.status, 200, "{name}: the next answer counts");
    assert_eq!(site.idp.calls_about(&token), 2, "{name}");
}

#[tokio::test]
async fn s5_errors_of_the_identity_provider_are_503_and_not_remembered() {
    let site = Site::start("outage-statuses", &patient()).await;
    for status in [429, 500, 501, 502, 503, 504, 507, 599] {
        let script = Script::reply(status, &[], active_looking());

        assert_fails_once(&site, &status.to_string(), script, &IDP_UNAVAILABLE).await;
    }
}

#[tokio::test]
async fn s5_answers_that_no_introspection_endpoint_gives_are_503_and_not_remembered() {
    let site = Site::start("misconfigured", &patient()).await;
    for status in [201, 202, 204, 206, 301, 302, 303, 307, 308, 404, 405, 406, 410, 415, 418, 451] {
        let location = [("location", "/oauth2/elsewhere")];
        let body = if status == 204 { String::new() } else { active_looking() };
        let script = Script::reply(status, &location, body);

        assert_fails_once(&site, &status.to_string(), script, &IDP_MISCONFIGURED).await;
    }
}

/// What would let the caller through, if only the status were 200.
fn active_looking() -> String {
    json!({"active": true, "client_id": SHOP}).to_string()
}

#[tokio::test]
async fn s5_broken_connections_are_503_and_not_remembered() {
    let site = Site::start("broken-connections", &patient()).await;
    let body = active_looking();
    let head = |length: usize| format!("HTTP/1.1 200 OK\r\ncontent-length: {length}\r\n\r\n");
    for (name, bytes) in [
        ("closed before the answer", String::new()),
        ("closed inside the head", "HTTP/1.1 200 O".to_owned()),
        ("closed after the head", head(body.len())),
        ("closed inside the body", format!("{}{}", head(body.len() + 10), body)),
        ("closed inside a chunk", "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n40\r\n{\"active\":".to_owned()),
        ("not HTTP", "SSH-2.0-OpenSSH_9.2p1\r\n".to_owned()),
    ] {
        assert_fails_once(&site, name, Script::raw(bytes, Afterwards::Close), &IDP_UNAVAILABLE).await;
    }
}

#[tokio::test]
async fn s5_an_identity_provider_that_is_too_slow_is_503_and_not_remembered() {
    let site = Site::start("too-slow", &hasty()).await;
    let drip = |seconds: f64| Script::body(active_looking()).drip(Duration::from_secs_f64(seconds));
    for (name, script) in [
        ("silent", Script::hang()),
        ("silent after the head", Script::raw("HTTP/1.1 200 OK\r\ncontent-length: 99\r\n\r\n{", Afterwards::Hang)),
        ("one octet a second", drip(1.0)),
        ("one octet at a time, and a head in time", drip(0.01)),
        ("a body without an end", Script::endless(&active_looking())),
    ] {
        assert_fails_once(&site, name, script, &IDP_UNAVAILABLE).await;
    }
    site.assert_alive().await;
}

#[tokio::test]
async fn s5_retry_after_is_the_identity_providers_up_to_30_s() {
    let site = Site::start("retry-after", &patient()).await;
    for (name, status, headers, expected) in [
        ("none", 503, vec![], "1"),
        ("seconds", 429, vec![("retry-after", "7")], "7"),
        ("the most", 503, vec![("retry-after", "30")], "30"),
        ("too many seconds", 503, vec![("retry-after", "31")], "30"),
        ("absurdly many seconds", 503, vec![("retry-after", "99999999999999999999999")], "30"),
        ("zero", 503, vec![("retry-after", "0")], "1"),
        ("negative", 503, vec![("retry-after", "-5")], "1"),
        ("no number", 503, vec![("retry-after", "soon")], "1"),
    ] {
        let answer = site.get_with(ANY, Script::reply(status, &headers, "")).await;

        assert_eq!((answer.status, answer.header("retry-after")), (503, Some(expected)), "{name}");
    }
}

#[tokio::test]
async fn s5_our_own_credentials_refused_are_503_never_the_callers_401() {
    let site = Site::start("client-auth-failed", &patient()).await;
    let challenge = [("www-authenticate", r#"Basic realm="idp""#)];
    for (name, script) in [
        ("401", Script::reply(401, &challenge, r#"{"error":"invalid_client"}"#)),
        ("403 without a body", Script::reply(403, &[], "")),
        ("400 invalid_client", Script::reply(400, &[], r#"{"error":"invalid_client"}"#)),
        ("400 invalid_request", Script::reply(400, &[], r#"{"error":"invalid_request"}"#)),
        ("400 without a body", Script::reply(400, &[], "")),
        ("400 HTML", Script::reply(400, &[], "<h1>unsupported_token_type</h1>")),
    ] {
        // Calls are held off after each of these failures, so that it may take a while until one is made.
        wait::until_true("a question", async || {
            let token = site.idp.issue(script.clone());
            let answer = site.gateway.get(ANY).bearer(&token).send().await;
            site.assert_denied(name, &answer, &IDP_CLIENT_AUTH_FAILED).await;
            site.idp.calls_about(&token) == 1
        })
        .await;
        wait::until_true("a success", async || site.get_with(ANY, active(SHOP, &json!({}))).await.status == 200).await;
    }

    let failures = [("idp", IDP), ("outcome", "client_auth_failed")];
    let counted = site.gateway.metrics().await.count("gatehouse_introspection_calls", &failures);
    assert!(counted >= 6, "{counted} calls counted");
    let log = site.gateway.log();
    let told = log.lines().any(|line| line.contains(IDP) && (line.contains("[warning]") || line.contains("[error]")));
    assert!(told, "the log says nothing of {IDP}:\n{log}");
}

#[tokio::test]
async fn s5_calls_are_held_off_while_our_own_credentials_are_refused() {
    const REQUESTS: usize = 20;
    let site = Site::start("hold-off", &patient()).await;
    let mut asked = 0;
    for _ in 0..REQUESTS {
        let token = site.idp.issue(Script::reply(401, &[], ""));

        let answer = site.gateway.get(ANY).bearer(&token).send().await;

        site.assert_denied("held off", &answer, &IDP_CLIENT_AUTH_FAILED).await;
        asked += site.idp.calls_about(&token);
    }
    // One call at once; another few if this machine takes seconds for it.
    assert!((1..=REQUESTS / 4).contains(&asked), "{asked} calls for {REQUESTS} requests");
}

#[tokio::test]
async fn s5_calls_beyond_the_limit_are_shed_with_503() {
    let configuration = configuration::small_with_idp([("concurrentCalls", json!(1))]);
    let site = Site::start("shed", &configuration).await;
    let gate = Gate::closed();
    let first = site.idp.issue(active(SHOP, &json!({})).behind(&gate));
    let second = site.idp.issue(active(SHOP, &json!({})));
    let under_way = tokio::spawn(site.gateway.get(ANY).bearer(&first).send());
    wait::until_true("the first question", async || site.idp.calls_about(&first) == 1).await;

    let shed = site.gateway.get(ANY).bearer(&second).send().await;
    gate.open();
    let served = under_way.await.expect("the first request");
    let later = site.gateway.get(ANY).bearer(&second).send().await;

    site.assert_denied("shed", &shed, &IDP_SHED).await;
    assert_eq!((served.status, later.status), (200, 200));
    assert_eq!(site.idp.calls_about(&second), 1);
}

#[tokio::test]
async fn s5_an_identity_provider_that_cannot_be_reached_is_503() {
    let (_deaf, address) = servers::deaf();
    let setup = |name: &str| Setup::new(name, &patient()).environment(SECRET_VARIABLE, SECRET);
    for (name, setup) in [
        ("connection refused", setup("idp-refuses").cluster(IDP, address)),
        ("cluster without endpoints", setup("idp-without-endpoints").cluster_of(IDP, &[])),
        ("unknown cluster", setup("idp-unknown").cluster("other", address)),
    ] {
        let site = Site { gateway: setup.start().await, idp: ScriptedIdp::start() };
        // More than one, because the first failure must not leave anything behind.
        for _ in 0..3 {
            let answer = site.gateway.get(ANY).bearer("token").send().await;

            site.assert_denied(name, &answer, &IDP_UNAVAILABLE).await;
        }
        assert_eq!(site.gateway.get("/pizzashack/1.0.0/menu").send().await.status, 200, "{name}");
    }
}

#[tokio::test]
async fn s5_a_failure_leaves_neither_token_nor_secret_in_the_log() {
    let site = Site::start("discreet-log", &patient()).await;
    let secrets = ["canary-token", SECRET, "canary@example.com", "canary-body"];
    let email = json!({"email": "canary@example.com", "sub": ["canary-body"]});
    site.idp.script(
        "canary-token",
        [
            Script::reply(500, &[], "canary-body"),
            Script::body("canary-body"),
            active(SHOP, &email),
            Script::reply(302, &[("location", "https://canary-body")], "canary-body"),
            Script::reply(401, &[], "canary-body"),
        ],
    );
    for _ in 0..5 {
        let answer = site.gateway.get(ANY).bearer("canary-token").send().await;

        assert_eq!(answer.status, 503);
    }
    let log = site.gateway.log();
    for secret in secrets {
        assert!(!log.contains(secret), "{secret} is in the log:\n{log}");
    }
}
