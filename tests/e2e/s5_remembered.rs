//! BEHAVIOUR.md section 5: what is remembered of the identity provider's answers, and for how long.

use serde_json::{Value, json};

use super::configuration::{self, IDP};
use super::denials::{INSUFFICIENT_SCOPE, INVALID_TOKEN};
use super::fixtures::{Site, shop};
use super::harness::answer::Answer;
use super::harness::clock::now;
use super::harness::gateway::Setup;
use super::harness::script::{Script, active};
use super::harness::wait;
use super::registry::{ANY, SHOP, STRANGER};

const ORDER: &str = "/pizzashack/1.0.0/order";

fn with_cache(members: &Value) -> Value {
    configuration::small_with([("cache", json!({"introspection": members}))])
}

#[tokio::test]
async fn s5_an_active_answer_is_remembered() {
    let shop = shop().await;
    for (name, members) in [
        ("small", json!({})),
        ("without exp", json!({"exp": null})),
        ("large", json!({"scope": "scope ".repeat(5_000)})),
        ("as large as it may be", json!({"unused": "x".repeat(65_000)})),
    ] {
        let token = shop.idp.issue(active(SHOP, &members));
        for _ in 0..3 {
            let answer = shop.gateway.get(ANY).bearer(&token).send().await;

            assert_eq!(answer.status, 200, "{name}");
        }
        assert_eq!(shop.idp.calls_about(&token), 1, "{name}");
    }
}

#[tokio::test]
async fn s5_an_inactive_answer_is_remembered() {
    let shop = shop().await;
    let token = shop.idp.issue_with([Script::inactive(), active(SHOP, &json!({}))]);
    for _ in 0..3 {
        let answer = shop.gateway.get(ANY).bearer(&token).send().await;

        shop.assert_denied("inactive", &answer, &INVALID_TOKEN).await;
    }
    assert_eq!(shop.idp.calls_about(&token), 1);
}

#[tokio::test]
async fn s5_what_is_remembered_is_the_answer_not_the_decision() {
    let shop = shop().await;
    let token = shop.idp.issue(active(SHOP, &json!({"scope": "read"})));
    let call = |method: &str, target: &str| shop.gateway.call(method, target).bearer(&token);

    let allowed = call("GET", "/pizzashack/1.0.0/either").send().await;
    let refused = call("POST", ORDER).send().await;
    let refused_elsewhere = call("GET", "/all-scopes/1.0.0/both").send().await;
    let still_allowed = call("GET", "/pizzashack/1.0.0/either").send().await;

    assert_eq!((allowed.status, still_allowed.status), (200, 200));
    shop.assert_denied("another operation", &refused, &INSUFFICIENT_SCOPE).await;
    shop.assert_denied("another API", &refused_elsewhere, &INSUFFICIENT_SCOPE).await;
    assert_eq!(shop.idp.calls_about(&token), 1);
}

#[tokio::test]
async fn s5_a_hit_is_answered_as_a_miss() {
    let shop = shop().await;
    for (name, script) in [
        ("allowed", active(SHOP, &json!({"scope": "order_pizza", "sub": "alice"}))),
        ("scope", active(SHOP, &json!({"scope": "other"}))),
        ("no subscription", active(STRANGER, &json!({"scope": "order_pizza"}))),
        ("blocked", active("blocked-client", &json!({"scope": "order_pizza"}))),
        ("inactive", Script::inactive()),
        ("expired", active(SHOP, &json!({"exp": now() - 5}))),
        ("not yet valid", active(SHOP, &json!({"nbf": now() + 300}))),
        ("bound to a key", active(SHOP, &json!({"cnf": {"jkt": "0"}}))),
        ("a refresh token", active(SHOP, &json!({"token_use": "refresh"}))),
    ] {
        let token = shop.idp.issue(script);

        let miss = shop.gateway.call("POST", ORDER).bearer(&token).send().await;
        let hit = shop.gateway.call("POST", ORDER).bearer(&token).send().await;

        assert_eq!(essence(&hit), essence(&miss), "{name}");
        let (hit, miss) = (shop.gateway.logged(&hit).await, shop.gateway.logged(&miss).await);
        assert_eq!(hit.details, miss.details, "{name}");
        assert_eq!(shop.idp.calls_about(&token), 1, "{name}");
    }
}

/// What must not depend on the cache.
fn essence(answer: &Answer) -> (u16, Option<String>, Option<Value>) {
    let refusal = (answer.status != 200).then(|| answer.json());
    (answer.status, answer.header("www-authenticate").map(ToOwned::to_owned), refusal)
}

#[tokio::test]
async fn s5_an_active_answer_is_asked_for_again_after_its_maximum_lifetime() {
    let cache = json!({"maximumLifetime": "1s", "refreshAhead": false});
    let site = Site::start("maximum-lifetime", &with_cache(&cache)).await;
    let token = site.idp.issue_with([active(SHOP, &json!({})), Script::inactive()]);

    let first = site.gateway.get(ANY).bearer(&token).send().await;
    let revoked = wait::until("the revocation to show", async || {
        let answer = site.gateway.get(ANY).bearer(&token).send().await;
        (answer.status != 200).then_some(answer)
    })
    .await;

    assert_eq!(first.status, 200);
    site.assert_denied("revoked", &revoked, &INVALID_TOKEN).await;
    assert_eq!(site.idp.calls_about(&token), 2);
}

#[tokio::test]
async fn s5_an_inactive_answer_is_asked_for_again_after_its_own_lifetime() {
    let site = Site::start("inactive-lifetime", &with_cache(&json!({"inactiveLifetime": "1s"}))).await;
    let token = site.idp.issue_with([Script::inactive(), active(SHOP, &json!({}))]);

    let first = site.gateway.get(ANY).bearer(&token).send().await;
    wait::until_true("the token to be known", async || site.gateway.get(ANY).bearer(&token).send().await.status == 200)
        .await;

    site.assert_denied("not yet known", &first, &INVALID_TOKEN).await;
    assert_eq!(site.idp.calls_about(&token), 2);
}

#[tokio::test]
async fn s5_no_answer_outlives_the_token() {
    let shop = shop().await;
    let token = shop.idp.issue(active(SHOP, &json!({"exp": now() + 3})));

    let first = shop.gateway.get(ANY).bearer(&token).send().await;
    let expired = wait::until("the token to expire", async || {
        let answer = shop.gateway.get(ANY).bearer(&token).send().await;
        (answer.status != 200).then_some(answer)
    })
    .await;

    assert_eq!(first.status, 200);
    shop.assert_denied("expired", &expired, &INVALID_TOKEN).await;
}

#[tokio::test]
async fn s5_made_up_tokens_do_not_push_out_good_ones() {
    let site = Site::start("small-cache", &with_cache(&json!({"sharedEntries": 64}))).await;
    let good = site.idp.issue(active(SHOP, &json!({})));
    assert_eq!(site.gateway.get(ANY).bearer(&good).send().await.status, 200);

    for number in 0..500 {
        let answer = site.gateway.get(ANY).bearer(&format!("made-up-{number}")).send().await;
        assert_eq!(answer.status, 401);
    }

    assert_eq!(site.gateway.get(ANY).bearer(&good).send().await.status, 200);
    assert_eq!(site.idp.calls_about(&good), 1);
}

#[tokio::test]
async fn s5_more_tokens_than_the_cache_holds_are_served_all_the_same() {
    let site = Site::start("tiny-cache", &with_cache(&json!({"sharedEntries": 64}))).await;
    let tokens: Vec<_> = (0..100).map(|_| site.idp.issue(active(SHOP, &json!({})))).collect();
    for token in tokens.iter().chain(&tokens) {
        let answer = site.gateway.get(ANY).bearer(token).send().await;

        assert_eq!(answer.status, 200);
    }
}

#[tokio::test]
async fn s5_all_workers_share_what_is_remembered() {
    let site = Site::start_with(Setup::new("shared-cache", &configuration::small()).workers(2)).await;
    let token = site.idp.issue(active(SHOP, &json!({})));
    for _ in 0..30 {
        let answer = site.gateway.get(ANY).bearer(&token).send().await;

        assert_eq!(answer.status, 200);
    }
    assert_eq!(site.idp.calls_about(&token), 1);
}

#[tokio::test]
async fn s5_a_remembered_answer_costs_no_call() {
    let site = Site::start("cache-metrics", &configuration::small()).await;
    let token = site.idp.issue(active(SHOP, &json!({})));
    let calls = async || site.gateway.metrics().await.count("gatehouse_introspection_calls", &[("idp", IDP)]);

    let before = calls().await;
    site.gateway.get(ANY).bearer(&token).send().await.echo();
    let after_miss = calls().await;
    site.gateway.get(ANY).bearer(&token).send().await.echo();
    let after_hit = calls().await;

    assert_eq!([before, after_miss, after_hit], [0, 1, 1]);
    assert_eq!(site.idp.calls_about(&token), 1);
}
