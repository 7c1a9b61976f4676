//! BEHAVIOUR.md section 5: an identity provider that is away is left alone, and asked again after a while.

use serde_json::json;

use super::configuration;
use super::denials::IDP_UNAVAILABLE;
use super::fixtures::Site;
use super::harness::script::{Script, active};
use super::harness::wait;
use super::registry::{ANY, SHOP};

/// What opens the breaker.
const FAILURES: usize = 5;

async fn site(name: &str) -> Site {
    let breaker = json!({"failures": FAILURES, "openFor": "1s"});
    Site::start(name, &configuration::small_with_idp([("breaker", breaker)])).await
}

fn away() -> Script {
    Script::reply(503, &[], "")
}

/// Brings about as many outages as open the breaker.
async fn open(site: &Site) {
    for failure in 0..FAILURES {
        let answer = site.get_with(ANY, away()).await;
        site.assert_denied(&format!("failure {failure}"), &answer, &IDP_UNAVAILABLE).await;
    }
}

#[tokio::test]
async fn s5_after_failures_in_a_row_the_identity_provider_is_left_alone() {
    let site = site("breaker-opens").await;
    let known = site.idp.issue(active(SHOP, &json!({})));
    site.assert_allowed("before", &site.gateway.get(ANY).bearer(&known).send().await).await;
    open(&site).await;

    let token = site.idp.issue(active(SHOP, &json!({})));
    let answer = site.gateway.get(ANY).bearer(&token).send().await;

    site.assert_denied("an unknown token", &answer, &IDP_UNAVAILABLE).await;
    assert_eq!(site.idp.calls_about(&token), 0);
    site.assert_allowed("a remembered token", &site.gateway.get(ANY).bearer(&known).send().await).await;
}

#[tokio::test]
async fn s5_an_answer_to_the_probe_lets_calls_through_again() {
    let site = site("breaker-closes").await;
    open(&site).await;

    let token = site.idp.issue(active(SHOP, &json!({})));
    wait::until_true("the probe", async || site.gateway.get(ANY).bearer(&token).send().await.status == 200).await;

    for name in ["the next", "and the next"] {
        site.assert_allowed(name, &site.get_with(ANY, active(SHOP, &json!({}))).await).await;
    }
    assert_eq!(site.idp.calls_about(&token), 1, "the probe alone");
}

#[tokio::test]
async fn s5_one_callers_token_does_not_close_the_door_for_others() {
    let site = site("breaker-one-token").await;
    let token = site.idp.issue(away());
    for failure in 0..3 * FAILURES {
        let answer = site.gateway.get(ANY).bearer(&token).send().await;
        site.assert_denied(&format!("failure {failure}"), &answer, &IDP_UNAVAILABLE).await;
    }

    site.assert_allowed("another's", &site.get_with(ANY, active(SHOP, &json!({}))).await).await;
}
