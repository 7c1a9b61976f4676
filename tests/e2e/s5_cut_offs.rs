//! BEHAVIOUR.md section 5: revocation cut-offs outweigh what is remembered.

use serde_json::{Value, json};

use super::configuration;
use super::denials::{IDP_UNAVAILABLE, INVALID_TOKEN};
use super::fixtures::Site;
use super::harness::clock;
use super::harness::gateway::Setup;
use super::harness::script::{Gate, Script, active};
use super::harness::wait;
use super::registry::{ANY, SHOP};

const FAR: u64 = 4_000_000_000;

fn with(revocation: &Value) -> Value {
    let mut configuration = configuration::small();
    configuration["registry"]["revocations"] = json!([revocation]);
    configuration
}

/// Waits until the configuration that cuts tokens off is the one that decides.
async fn until_cut_off(site: &Site, token: &str) {
    wait::until_true("the cut-off", async || site.gateway.get(ANY).bearer(token).send().await.status == 401).await;
}

#[tokio::test]
async fn s5_a_token_that_a_new_configuration_cuts_off_is_denied_though_its_answer_is_remembered() {
    let site = Site::start_with(Setup::new("cut-off-deny", &configuration::small()).updatable()).await;
    let (revoked, other) =
        (site.idp.issue(active(SHOP, &json!({"jti": "revoked"}))), site.idp.issue(active(SHOP, &json!({}))));
    for token in [&revoked, &other] {
        assert_eq!(site.gateway.get(ANY).bearer(token).send().await.status, 200);
    }

    site.gateway.deliver(&with(&json!({"kind": "jti", "value": "revoked", "action": "deny", "expiresAt": FAR})));
    until_cut_off(&site, &revoked).await;

    let denied = site.gateway.get(ANY).bearer(&revoked).send().await;
    site.assert_denied("cut off", &denied, &INVALID_TOKEN).await;
    assert_eq!(site.gateway.get(ANY).bearer(&other).send().await.status, 200);
    assert_eq!(site.idp.calls_about(&other), 1);
}

#[tokio::test]
async fn s5_a_recheck_asks_the_identity_provider_once_more() {
    let site = Site::start_with(Setup::new("cut-off-recheck", &configuration::small()).updatable()).await;
    let revoked = site.idp.issue_with([active(SHOP, &json!({})), Script::inactive()]);
    let still_active = site.idp.issue(active(SHOP, &json!({})));
    for token in [&revoked, &still_active] {
        assert_eq!(site.gateway.get(ANY).bearer(token).send().await.status, 200);
    }

    site.gateway.deliver(&with(&json!({"kind": "client", "value": SHOP, "action": "recheck", "expiresAt": FAR})));
    until_cut_off(&site, &revoked).await;

    for _ in 0..2 {
        let denied = site.gateway.get(ANY).bearer(&revoked).send().await;
        site.assert_denied("revoked", &denied, &INVALID_TOKEN).await;
        assert_eq!(site.gateway.get(ANY).bearer(&still_active).send().await.status, 200);
    }
    assert_eq!((site.idp.calls_about(&revoked), site.idp.calls_about(&still_active)), (2, 2));
}

#[tokio::test]
async fn s5_a_cut_off_concerns_what_is_served_during_an_outage() {
    let known = |revocations: Value| {
        let mut configuration = configuration::small_with_idp([("outage", json!({"mode": "stale", "for": "10m"}))]);
        configuration["cache"] = json!({"introspection": {"maximumLifetime": "1s", "refreshAhead": false}});
        configuration["registry"]["revocations"] = revocations;
        configuration
    };
    let site = Site::start_with(Setup::new("cut-off-stale", &known(json!([]))).updatable()).await;
    let good = |jti: &str| active(SHOP, &json!({"jti": jti, "exp": clock::now() + 600}));
    let away = Script::reply(503, &[], "");
    let [revoked, other] = ["revoked", "other"].map(|jti| site.idp.issue_with([good(jti), away.clone()]));
    for token in [&revoked, &other] {
        site.assert_allowed("while it is fresh", &site.gateway.get(ANY).bearer(token).send().await).await;
        wait::until_true("a stale answer to be served", async || {
            let answer = site.gateway.get(ANY).bearer(token).send().await;
            assert_eq!(answer.status, 200);
            site.gateway.logged(&answer).await.decision.as_deref() == Some("allow_stale")
        })
        .await;
    }

    site.gateway.deliver(&known(json!([{"kind": "jti", "value": "revoked", "action": "recheck", "expiresAt": FAR}])));
    let refused = wait::until("the cut-off", async || {
        let answer = site.gateway.get(ANY).bearer(&revoked).send().await;
        (answer.status != 200).then_some(answer)
    })
    .await;

    site.assert_denied("not to be used, and nobody to ask", &refused, &IDP_UNAVAILABLE).await;
    assert_eq!(site.gateway.get(ANY).bearer(&other).send().await.status, 200);
}

#[tokio::test]
async fn s5_a_cut_off_overtakes_the_question_that_is_under_way() {
    let unhurried = |revocations: Value| {
        let mut configuration = configuration::small_with_introspection([("timeout", json!("30s"))]);
        configuration["registry"]["revocations"] = revocations;
        configuration
    };
    let site = Site::start_with(Setup::new("cut-off-overtakes", &unhurried(json!([]))).updatable()).await;
    let gate = Gate::closed();
    let revoked = site.idp.issue_with([active(SHOP, &json!({})).behind(&gate), Script::inactive()]);
    let marker = site.idp.issue(active(SHOP, &json!({"jti": "marker"})));
    assert_eq!(site.gateway.get(ANY).bearer(&marker).send().await.status, 200);

    let before = tokio::spawn(site.gateway.get(ANY).bearer(&revoked).send());
    wait::until_true("the question", async || site.idp.calls_about(&revoked) == 1).await;
    site.gateway.deliver(&unhurried(json!([
        {"kind": "client", "value": SHOP, "action": "recheck", "expiresAt": FAR},
        {"kind": "jti", "value": "marker", "action": "deny", "expiresAt": FAR},
    ])));
    until_cut_off(&site, &marker).await;
    let joined = tokio::spawn(site.gateway.get(ANY).bearer(&revoked).send());
    wait::until_true("the second request to wait", async || {
        site.gateway.metrics().await.count("gatehouse_flights_joined", &[]) >= 1
    })
    .await;
    gate.open();
    let (before, joined) = (before.await.unwrap(), joined.await.unwrap());

    assert_eq!(before.status, 200, "a request keeps the configuration that it began with");
    site.assert_denied("the answer was asked for before the cut-off", &joined, &INVALID_TOKEN).await;
    assert_eq!(site.idp.calls_about(&revoked), 2);
}
