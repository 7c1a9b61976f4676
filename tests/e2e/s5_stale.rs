//! BEHAVIOUR.md section 5: `outage: stale`, what is known of a token still counts while the identity provider is away.

use serde_json::{Value, json};

use super::configuration;
use super::denials::IDP_UNAVAILABLE;
use super::fixtures::Site;
use super::harness::answer::Answer;
use super::harness::clock;
use super::harness::script::{Script, active};
use super::harness::wait;
use super::registry::{ANY, SHOP};

async fn site(name: &str, outage: Value) -> Site {
    let mut configuration = configuration::small_with_idp([("outage", outage)]);
    configuration["cache"] = json!({"introspection": {"maximumLifetime": "1s", "refreshAhead": false}});
    Site::start(name, &configuration).await
}

fn away() -> Script {
    Script::reply(503, &[], "")
}

/// A request whose token was known and is asked about again, without success.
async fn after_freshness(site: &Site, members: &Value) -> Answer {
    let token = site.idp.issue_with([active(SHOP, members), away()]);
    site.assert_allowed("while it is fresh", &site.gateway.get(ANY).bearer(&token).send().await).await;
    wait::until("the second question", async || {
        let answer = site.gateway.get(ANY).bearer(&token).send().await;
        (site.idp.calls_about(&token) > 1).then_some(answer)
    })
    .await
}

#[tokio::test]
async fn s5_stale_an_active_answer_counts_during_an_outage() {
    let site = site("stale", json!({"mode": "stale", "for": "60s"})).await;

    let answer = after_freshness(&site, &json!({"exp": clock::now() + 600})).await;

    assert_eq!(answer.status, 200);
    assert_eq!(site.gateway.logged(&answer).await.decision.as_deref(), Some("allow_stale"));
    let metrics = site.gateway.metrics().await;
    assert!(metrics.count("gatehouse_requests", &[("decision", "allow_stale"), ("reason", "none")]) >= 1);
}

#[tokio::test]
async fn s5_stale_an_answer_without_expiry_does_not_count() {
    let site = site("stale-no-expiry", json!({"mode": "stale", "for": "60s"})).await;

    let answer = after_freshness(&site, &json!({"exp": null})).await;

    site.assert_denied("no exp", &answer, &IDP_UNAVAILABLE).await;
}

#[tokio::test]
async fn s5_stale_a_token_that_is_not_known_is_503() {
    let site = site("stale-unknown", json!({"mode": "stale", "for": "60s"})).await;

    site.assert_denied("unknown", &site.get_with(ANY, away()).await, &IDP_UNAVAILABLE).await;
}

#[tokio::test]
async fn s5_deny_what_is_known_does_not_count_past_its_freshness() {
    let site = site("outage-deny", json!({"mode": "deny"})).await;

    let answer = after_freshness(&site, &json!({"exp": clock::now() + 600})).await;

    site.assert_denied("deny", &answer, &IDP_UNAVAILABLE).await;
}
