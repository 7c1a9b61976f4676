//! BEHAVIOUR.md section 5: an answer in use is asked for again before it ends, and no request waits for that.

use serde_json::{Value, json};

use super::configuration;
use super::fixtures::Site;
use super::harness::answer::Answer;
use super::harness::gateway::Setup;
use super::harness::script::{Gate, Script, active};
use super::harness::wait;
use super::registry::{ANY, SHOP};

/// Answers are asked for again in the last of their eight seconds.
fn with_refresh_ahead(refresh_ahead: bool) -> Value {
    let cache = json!({"introspection": {"maximumLifetime": "8s", "refreshAhead": refresh_ahead}});
    configuration::small_with([("cache", cache)])
}

async fn site(name: &str) -> Site {
    Site::start_with(Setup::new(name, &with_refresh_ahead(true)).workers(2)).await
}

async fn misses(site: &Site) -> usize {
    site.gateway.metrics().await.count("gatehouse_cache_lookups", &[("result", "miss")])
}

async fn get(site: &Site, token: &str) -> Answer {
    site.gateway.get(ANY).bearer(token).send().await
}

/// Sends requests that are let through until the condition holds.
async fn served_until(site: &Site, token: &str, what: &str, condition: impl AsyncFn() -> bool) {
    wait::until_true(what, async || {
        assert_eq!(get(site, token).await.status, 200);
        condition().await
    })
    .await;
}

#[tokio::test]
async fn s5_refresh_ahead_spares_requests_the_wait_for_the_next_answer() {
    let site = site("refresh-ahead").await;
    let gate = Gate::closed();
    let good = || active(SHOP, &json!({}));
    let token = site.idp.issue_with([good(), good().behind(&gate), good()]);

    served_until(&site, &token, "the second question", async || site.idp.calls_about(&token) == 2).await;
    for _ in 0..3 {
        assert_eq!(get(&site, &token).await.status, 200, "while the question is under way");
    }
    gate.open();
    served_until(&site, &token, "the third question", async || site.idp.calls_about(&token) == 3).await;

    assert_eq!(misses(&site).await, 1, "of the first request alone");
}

#[tokio::test]
async fn s5_refresh_ahead_brings_bad_news_early() {
    let site = site("refresh-inactive").await;
    let token = site.idp.issue_with([active(SHOP, &json!({})), Script::inactive()]);

    wait::until_true("the revocation to show", async || get(&site, &token).await.status == 401).await;

    assert_eq!((misses(&site).await, site.idp.calls_about(&token)), (1, 2));
}

#[tokio::test]
async fn s5_refresh_ahead_that_fails_is_tried_once_and_costs_nobody_anything() {
    let site = site("refresh-fails").await;
    let token = site.idp.issue_with([active(SHOP, &json!({})), Script::reply(503, &[], "")]);

    wait::until_true("the answer to end", async || {
        let status = get(&site, &token).await.status;
        assert_eq!(
            status == 503,
            misses(&site).await > 1,
            "{status}: no request is denied before the answer has ended"
        );
        status == 503
    })
    .await;

    assert_eq!(site.idp.calls_about(&token), 3, "the first, the one ahead, and the one of the request that was denied");
}

#[tokio::test]
async fn s5_refresh_ahead_can_be_switched_off() {
    let site = Site::start("refresh-off", &with_refresh_ahead(false)).await;
    let token = site.idp.issue(active(SHOP, &json!({})));

    served_until(&site, &token, "the second question", async || site.idp.calls_about(&token) == 2).await;

    assert_eq!(misses(&site).await, 2);
}
