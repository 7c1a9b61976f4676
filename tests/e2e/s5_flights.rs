//! BEHAVIOUR.md section 5: one call for any number of concurrent requests with one token.

use serde_json::{Value, json};
use tokio::task::JoinSet;

use super::configuration;
use super::denials::{IDP_UNAVAILABLE, INSUFFICIENT_SCOPE};
use super::fixtures::Site;
use super::harness::answer::Answer;
use super::harness::gateway::Setup;
use super::harness::script::{Afterwards, Gate, Script, active};
use super::harness::wait;
use super::registry::{ANY, SHOP};

const REQUESTS: usize = 50;
/// Far more than the stack of a worker's VM takes when their ends run inside one another.
const CROWD: usize = 600;

/// The identity provider may take as long as the test wants.
fn unhurried() -> Value {
    configuration::small_with_introspection([("timeout", json!("30s"))])
}

/// Sends this many requests at once.
fn send_at_once(site: &Site, token: &str, requests: usize) -> JoinSet<Answer> {
    (0..requests).map(|_| site.gateway.get(ANY).bearer(token).send()).collect()
}

/// Waits until so many requests have joined a flight since Envoy started.
async fn until_joined(site: &Site, requests: usize) {
    wait::until_true("requests to join the flight", async || {
        site.gateway.metrics().await.count("gatehouse_flights_joined", &[]) >= requests
    })
    .await;
}

/// Waits until Envoy has noticed that a client left while its request was under way.
async fn until_left(site: &Site) {
    wait::until_true("the client's leaving", async || {
        site.gateway.metrics().await.count("envoy_http_downstream_cx_destroy_remote_active_rq", &[]) >= 1
    })
    .await;
}

async fn until_asked(site: &Site, token: &str, calls: usize) {
    wait::until_true("the question", async || site.idp.calls_about(token) >= calls).await;
}

fn statuses(answers: &[Answer]) -> Vec<u16> {
    let mut statuses: Vec<_> = answers.iter().map(|answer| answer.status).collect();
    statuses.sort_unstable();
    statuses
}

#[tokio::test]
async fn s5_concurrent_requests_with_one_token_cost_one_call_in_a_worker() {
    let site = Site::start("one-call", &unhurried()).await;
    let gate = Gate::closed();
    let token = site.idp.issue(active(SHOP, &json!({})).behind(&gate));

    let requests = send_at_once(&site, &token, REQUESTS);
    until_joined(&site, REQUESTS - 1).await;
    gate.open();
    let answers = requests.join_all().await;

    assert_eq!(statuses(&answers), [200; REQUESTS]);
    assert_eq!(site.idp.calls_about(&token), 1);
}

#[tokio::test]
async fn s5_concurrent_requests_with_one_token_cost_one_call_in_a_process() {
    let good = || active(SHOP, &json!({}));
    for (name, workers, script, status) in
        [("active", 2, good(), 200), ("active-8", 8, good(), 200), ("inactive", 2, Script::inactive(), 401)]
    {
        let setup = Setup::new(&format!("call-per-process-{name}"), &unhurried()).workers(workers);
        let site = Site::start_with(setup).await;
        let gate = Gate::closed();
        let token = site.idp.issue(script.behind(&gate));

        let requests = send_at_once(&site, &token, REQUESTS);
        until_joined(&site, REQUESTS - 1).await;
        gate.open();
        let answers = requests.join_all().await;

        assert_eq!(statuses(&answers), [status; REQUESTS], "{name}");
        assert_eq!(site.idp.calls_about(&token), 1, "{name}");
    }
}

#[tokio::test]
async fn s5_when_a_call_fails_those_who_wait_in_any_worker_share_one_further_call() {
    let site = Site::start_with(Setup::new("retry-per-process", &unhurried()).workers(2)).await;
    let gate = Gate::closed();
    let failure = Script::raw("", Afterwards::Close).behind(&gate);
    let token = site.idp.issue_with([failure, active(SHOP, &json!({}))]);

    let requests = send_at_once(&site, &token, REQUESTS);
    until_joined(&site, REQUESTS - 1).await;
    gate.open();
    let answers = requests.join_all().await;

    let denied = answers.iter().filter(|answer| answer.status == 503).count();
    assert_eq!(denied, 1, "the one that asked");
    assert_eq!(site.idp.calls_about(&token), 2);
}

#[tokio::test]
async fn s5_requests_of_one_flight_get_each_their_own_decision() {
    let site = Site::start("own-decision", &unhurried()).await;
    let gate = Gate::closed();
    let token = site.idp.issue(active(SHOP, &json!({"scope": "other"})).behind(&gate));

    let first = tokio::spawn(site.gateway.get(ANY).bearer(&token).send());
    until_asked(&site, &token, 1).await;
    let second = tokio::spawn(site.gateway.call("POST", "/pizzashack/1.0.0/order").bearer(&token).send());
    let third = tokio::spawn(site.gateway.get(ANY).bearer(&token).header("X-Jwt-Assertion", "forged").send());
    until_joined(&site, 2).await;
    gate.open();
    let (first, second, third) = (first.await.unwrap(), second.await.unwrap(), third.await.unwrap());

    assert_eq!(first.echo().path, ANY);
    site.assert_denied("joined, without the scope", &second, &INSUFFICIENT_SCOPE).await;
    assert_eq!(third.echo().header("authorization"), None);
    assert_eq!(site.idp.calls_about(&token), 1);
}

#[tokio::test]
async fn s5_when_a_call_fails_its_waiters_form_one_new_flight() {
    let site = Site::start("second-flight", &unhurried()).await;
    let gate = Gate::closed();
    let failure = Script::raw("", Afterwards::Close).behind(&gate);
    let token = site.idp.issue_with([failure, active(SHOP, &json!({}))]);

    let first = tokio::spawn(site.gateway.get(ANY).bearer(&token).send());
    until_asked(&site, &token, 1).await;
    let waiters = send_at_once(&site, &token, 10);
    until_joined(&site, 10).await;
    gate.open();
    let first = first.await.unwrap();
    let waiters = waiters.join_all().await;

    site.assert_denied("the one that asked", &first, &IDP_UNAVAILABLE).await;
    assert_eq!(statuses(&waiters), [200; 10]);
    assert_eq!(site.idp.calls_about(&token), 2);
}

#[tokio::test]
async fn s5_when_the_second_flight_fails_too_its_waiters_get_503() {
    let site = Site::start("second-failure", &unhurried()).await;
    let gate = Gate::closed();
    let failure = Script::raw("", Afterwards::Close).behind(&gate);
    let token = site.idp.issue_with([failure.clone(), failure, active(SHOP, &json!({}))]);

    let first = tokio::spawn(site.gateway.get(ANY).bearer(&token).send());
    until_asked(&site, &token, 1).await;
    let waiters = send_at_once(&site, &token, 10);
    until_joined(&site, 10).await;
    gate.open();
    let first = first.await.unwrap();
    let waiters = waiters.join_all().await;

    for answer in waiters.iter().chain([&first]) {
        site.assert_denied("failed", answer, &IDP_UNAVAILABLE).await;
    }
    assert_eq!(site.idp.calls_about(&token), 2);
}

#[tokio::test]
async fn s5_a_waiting_client_that_goes_away_takes_no_one_with_it() {
    let site = Site::start("waiter-leaves", &unhurried()).await;
    let gate = Gate::closed();
    let token = site.idp.issue(active(SHOP, &json!({})).behind(&gate));

    let first = tokio::spawn(site.gateway.get(ANY).bearer(&token).send());
    until_asked(&site, &token, 1).await;
    site.gateway.get(ANY).bearer(&token).send_and_leave(until_joined(&site, 1)).await;
    until_left(&site).await;
    let stays = tokio::spawn(site.gateway.get(ANY).bearer(&token).send());
    until_joined(&site, 2).await;
    gate.open();
    let (first, stays) = (first.await.unwrap(), stays.await.unwrap());

    assert_eq!((first.status, stays.status), (200, 200));
    assert_eq!(site.idp.calls_about(&token), 1);
}

#[tokio::test]
async fn s5_a_client_that_began_the_call_and_goes_away_takes_no_one_with_it() {
    let site = Site::start("asker-leaves", &unhurried()).await;
    let gate = Gate::closed();
    let token = site.idp.issue(active(SHOP, &json!({})).behind(&gate));

    let mut waiters = JoinSet::new();
    site.gateway
        .get(ANY)
        .bearer(&token)
        .send_and_leave(async {
            until_asked(&site, &token, 1).await;
            waiters = send_at_once(&site, &token, 5);
            until_joined(&site, 5).await;
        })
        .await;
    until_left(&site).await;
    gate.open();
    let waiters = waiters.join_all().await;

    assert_eq!(statuses(&waiters), [200; 5]);
    assert!(site.idp.calls_about(&token) <= 2, "{} calls", site.idp.calls_about(&token));
}

#[tokio::test]
async fn s5_a_crowd_that_waits_for_one_answer_is_denied_and_the_worker_lives() {
    let site = Site::start("crowd", &unhurried()).await;
    let gate = Gate::closed();
    let token = site.idp.issue(Script::inactive().behind(&gate));

    let requests = send_at_once(&site, &token, CROWD);
    until_joined(&site, CROWD - 1).await;
    gate.open();
    let answers = requests.join_all().await;

    assert_eq!(statuses(&answers), [401; CROWD]);
    let good = site.idp.issue(active(SHOP, &json!({})));
    assert_eq!(site.gateway.get(ANY).bearer(&good).send().await.status, 200);
}

#[tokio::test]
async fn s5_tokens_do_not_wait_for_each_other() {
    let site = Site::start("tokens-apart", &unhurried()).await;
    let gate = Gate::closed();
    let slow = site.idp.issue(active(SHOP, &json!({})).behind(&gate));
    let fast = site.idp.issue(active(SHOP, &json!({})));

    let waiting = tokio::spawn(site.gateway.get(ANY).bearer(&slow).send());
    until_asked(&site, &slow, 1).await;
    let served = site.gateway.get(ANY).bearer(&fast).send().await;
    gate.open();
    let waiting = waiting.await.unwrap();

    assert_eq!((served.status, waiting.status), (200, 200));
}
