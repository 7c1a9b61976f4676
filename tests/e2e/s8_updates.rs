//! BEHAVIOUR.md section 8: configuration updates, with calls under way and under load.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use serde_json::{Value, json};
use tokio::sync::mpsc::{UnboundedSender, unbounded_channel};
use tokio::task::JoinSet;

use super::configuration::{self, BACKEND_JWT_HEADER, IDP, KEY_ID};
use super::denials::{INSUFFICIENT_SCOPE, NO_SUBSCRIPTION};
use super::fixtures::Site;
use super::harness::answer::Answer;
use super::harness::backend_jwt::{P256, unverified_claims};
use super::harness::gateway::Setup;
use super::harness::http2::Connection;
use super::harness::script::{Gate, active};
use super::harness::wait;
use super::registry::{ANY, SHOP};

/// The identity provider may take as long as the test wants.
fn unhurried() -> Value {
    configuration::small_with_introspection([("timeout", json!("30s"))])
}

fn without_subscriptions() -> Value {
    let mut configuration = unhurried();
    configuration["registry"]["subscriptions"] = json!([]);
    configuration
}

/// A configuration that leaves its mark wherever a decision shows: another one's mark beside it is a mix.
fn marked(mark: &str) -> Value {
    let mut configuration = configuration::small_with([
        ("realm", json!(mark)),
        ("backendJwt", json!({"issuer": mark, "signingKey": {"value": *P256}, "keyId": KEY_ID})),
    ]);
    configuration["registry"] = json!({
        "apis": [{"name": mark, "version": "1.0.0", "context": "/pizzashack", "operations": [
            {"verb": "GET", "target": "/any", "scopes": [mark]},
        ]}],
        "applications": [{"id": mark, "name": mark, "keys": [{"identityProvider": IDP, "clientId": SHOP}]}],
        "subscriptions": [{"apiId": format!("{mark}-1.0.0"), "applicationId": mark, "tier": mark}],
    });
    configuration
}

/// The marks on the answer to a request whose token has this scope alone.
fn marks(answer: &Answer, scope: &str) -> BTreeSet<String> {
    if answer.status == 403 {
        let challenge = answer.header("www-authenticate").expect("a challenge");
        let parameters = challenge.trim_start_matches("Bearer ").split(", ").filter_map(|it| it.split_once('='));
        let marks = parameters.filter(|(name, _)| ["realm", "scope"].contains(name));
        return marks.map(|(_, value)| value.trim_matches('"').to_owned()).collect();
    }
    let claims = unverified_claims(answer.echo().header(BACKEND_JWT_HEADER).expect("a backend JWT"));
    let dialect =
        ["apiname", "applicationid", "applicationname", "tier"].map(|it| format!("http://wso2.org/claims/{it}"));
    let names = dialect.iter().map(String::as_str).chain(["iss"]);
    let marks = names.map(|name| claims[name].as_str().unwrap_or_else(|| panic!("no {name} in {claims}")).to_owned());
    // Allowed by the operation's scope, which is a mark too.
    marks.chain([scope.to_owned()]).collect()
}

/// The one configuration by which the request was decided.
fn decided_by(answer: &Answer, scope: &str) -> String {
    let mut marks = marks(answer, scope).into_iter();
    let mark = marks.next().expect("a mark");
    assert_eq!(marks.next(), None, "decided by {mark} and another one: {answer:?}");
    assert_eq!(answer.status == 200, mark == scope, "decided by {mark}: {answer:?}");
    mark
}

/// How often Envoy has taken a delivery, or has refused one.
async fn deliveries(site: &Site, outcome: &str) -> usize {
    site.gateway.metrics().await.count(&format!("envoy_listener_manager_lds_update_{outcome}"), &[])
}

/// Sends requests with tokens of their own until one gets this status, so until the new configuration decides.
async fn until_answered(site: &Site, status: u16) {
    wait::until_true("the new configuration", async || {
        site.get_with(ANY, active(SHOP, &json!({}))).await.status == status
    })
    .await;
}

async fn until_asked(site: &Site, token: &str) {
    wait::until_true("the question", async || site.idp.calls_about(token) >= 1).await;
}

/// Waits until a second request with the token waits for an answer, its own or the first one's.
async fn until_second_waits(site: &Site, token: &str) {
    wait::until_true("the second request", async || {
        site.idp.calls_about(token) >= 2 || site.gateway.metrics().await.count("gatehouse_flights_joined", &[]) >= 1
    })
    .await;
}

#[tokio::test]
async fn s8_a_call_under_way_is_decided_by_the_configuration_with_which_it_began() {
    let subscribed = (unhurried(), 200);
    let unsubscribed = (without_subscriptions(), 403);
    for (name, (old, old_status), (new, new_status)) in
        [("update-withdraws", &subscribed, &unsubscribed), ("update-grants", &unsubscribed, &subscribed)]
    {
        let site = Site::start_with(Setup::new(name, old).updatable()).await;
        let gate = Gate::closed();
        let token = site.idp.issue(active(SHOP, &json!({})).behind(&gate));

        let early = tokio::spawn(site.gateway.get(ANY).bearer(&token).send());
        until_asked(&site, &token).await;
        site.gateway.deliver(new);
        until_answered(&site, *new_status).await;
        let late = tokio::spawn(site.gateway.get(ANY).bearer(&token).send());
        until_second_waits(&site, &token).await;
        gate.open();
        let (early, late) = (early.await.unwrap(), late.await.unwrap());

        assert_eq!((early.status, late.status), (*old_status, *new_status), "{name}");
        for (name, answer) in [("early", &early), ("late", &late)] {
            match answer.status {
                200 => site.assert_allowed(name, answer).await,
                _ => site.assert_denied(name, answer, &NO_SUBSCRIPTION).await,
            }
        }
    }
}

/// Envoy closes the old configuration's connections when the drain time is over, and then its filter goes.
#[tokio::test]
async fn s8_an_old_configuration_goes_amid_its_calls_and_the_worker_lives() {
    let setup = Setup::new("update-drained", &without_subscriptions()).updatable().drain_time(1);
    let site = Site::start_with(setup).await;
    let gate = Gate::closed();
    let token = site.idp.issue(active(SHOP, &json!({})).behind(&gate));

    let early = tokio::spawn(site.gateway.get(ANY).bearer(&token).try_send());
    until_asked(&site, &token).await;
    site.gateway.deliver(&unhurried());
    let early = early.await.unwrap();
    wait::until_true("the old configuration to go", async || {
        let metrics = site.gateway.metrics().await;
        metrics.count("envoy_listener_manager_total_filter_chains_draining", &[]) == 0
    })
    .await;
    let late = tokio::spawn(site.gateway.get(ANY).bearer(&token).send());
    until_second_waits(&site, &token).await;
    gate.open();
    let late = late.await.unwrap();

    assert!(early.is_none(), "{early:?}");
    site.assert_allowed("late", &late).await;
    site.assert_alive().await;
}

#[tokio::test]
async fn s8_what_is_remembered_outlives_an_update_and_is_decided_anew() {
    let site = Site::start_with(Setup::new("update-remembers", &unhurried()).updatable()).await;
    let token = site.idp.issue(active(SHOP, &json!({})));

    let before = site.gateway.get(ANY).bearer(&token).send().await;
    site.gateway.deliver(&without_subscriptions());
    until_answered(&site, 403).await;
    let after = site.gateway.get(ANY).bearer(&token).send().await;

    site.assert_allowed("before", &before).await;
    site.assert_denied("after", &after, &NO_SUBSCRIPTION).await;
    assert_eq!(site.idp.calls_about(&token), 1);
}

#[tokio::test]
async fn s8_a_refused_configuration_leaves_the_one_before_it_serving() {
    let site = Site::start_with(Setup::new("update-refused", &unhurried()).updatable()).await;
    let gate = Gate::closed();
    let token = site.idp.issue(active(SHOP, &json!({})).behind(&gate));
    let mut wrong = without_subscriptions();
    wrong["registry"]["apis"][0]["operations"][1]["authType"] = json!("Nobody");

    let early = tokio::spawn(site.gateway.get(ANY).bearer(&token).send());
    until_asked(&site, &token).await;
    site.gateway.deliver(&wrong);
    wait::until_true("the refusal", async || deliveries(&site, "rejected").await == 1).await;
    let during = site.get_with(ANY, active(SHOP, &json!({}))).await;
    gate.open();
    let early = early.await.unwrap();
    let unscoped = site.gateway.call("POST", "/pizzashack/1.0.0/order").bearer(&token).send().await;

    site.assert_allowed("under way", &early).await;
    site.assert_allowed("during", &during).await;
    site.assert_denied("unscoped", &unscoped, &INSUFFICIENT_SCOPE).await;
    assert!(site.gateway.log().contains("registry.apis[0].operations[1].authType"), "{}", site.gateway.log());

    site.gateway.deliver(&without_subscriptions());
    until_answered(&site, 403).await;
}

/// Sends requests, one after the other and each on a connection of its own, until told to stop, with tokens that are
/// remembered and tokens that are not; tells by which configuration each was decided.
async fn send_until(site: &Site, stop: &AtomicBool, decisions: UnboundedSender<String>) -> usize {
    let scoped = |scope: &str| site.idp.issue(active(SHOP, &json!({"scope": scope})));
    let remembered = ["a", "b"].map(|scope| (scope, scoped(scope)));
    let mut sent = 0;
    while !stop.load(Ordering::Relaxed) {
        let fresh = ["a", "b"].map(|scope| (scope, scoped(scope)));
        for (scope, token) in remembered.iter().chain(&fresh) {
            let answer = site.gateway.get(ANY).bearer(token).send().await;
            // Nobody listens any more once the last update has shown.
            let _ = decisions.send(decided_by(&answer, scope));
            sent += 1;
        }
    }
    sent
}

/// [`send_until`] on one connection of HTTP/2, which Envoy drains with the configuration that it belongs to.
async fn send_on_one_connection_until(site: &Site, stop: &AtomicBool) -> usize {
    let connection = Connection::new(site.gateway.address);
    let token = site.idp.issue(active(SHOP, &json!({"scope": "a"})));
    let mut sent = 0;
    while !stop.load(Ordering::Relaxed) {
        let answer = connection.send("GET", ANY, &[("authorization", &format!("Bearer {token}"))]).await;
        decided_by(&answer, "a");
        sent += 1;
    }
    sent
}

#[tokio::test]
async fn s8_updates_under_load_lose_no_request_and_mix_no_configurations() {
    const UPDATES: usize = 10;
    const CLIENTS: usize = 4;
    let setup = Setup::new("update-load", &marked("a")).updatable().workers(2);
    let site = Arc::new(Site::start_with(setup).await);
    let stop = Arc::new(AtomicBool::new(false));
    let (decisions, mut decided) = unbounded_channel();
    let mut clients = JoinSet::new();
    for _ in 0..CLIENTS {
        let (site, stop, decisions) = (Arc::clone(&site), Arc::clone(&stop), decisions.clone());
        clients.spawn(async move { send_until(&site, &stop, decisions).await });
    }
    let (same_site, same_stop) = (Arc::clone(&site), Arc::clone(&stop));
    clients.spawn(async move { send_on_one_connection_until(&same_site, &same_stop).await });

    for update in 1..=UPDATES {
        let mark = if update % 2 == 0 { "a" } else { "b" };
        site.gateway.deliver(&marked(mark));
        wait::until_true("Envoy to take the update", async || deliveries(&site, "success").await == update + 1).await;
        wait::until_true("a decision by the new configuration", async || {
            assert!(clients.try_join_next().is_none(), "a client has failed");
            std::iter::from_fn(|| decided.try_recv().ok()).any(|decided| decided == mark)
        })
        .await;
    }
    stop.store(true, Ordering::Relaxed);
    let sent = clients.join_all().await;

    assert!(sent.iter().all(|sent| *sent > UPDATES), "{sent:?}");
    assert_eq!(deliveries(&site, "rejected").await, 0);
}
