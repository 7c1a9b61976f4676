//! BEHAVIOUR.md section 7 at the gateway: what the key manager knows decides, soon, and whatever becomes of it.

use serde_json::json;

use super::federation::{
    Federation, ORDER, WORKERS, furnish, pizza, plugin, plugin_of_key_manager, publish, setup, start_idp, subscribe,
};
use super::harness::backend_jwt::BackendJwt;
use super::harness::call::Call;
use super::harness::gateway::{Gateway, Setup};
use super::harness::key_manager::{GATEWAY_CREDENTIAL, GATEWAY_NAME, KeyManager};
use super::harness::wait;
use super::load::Load;

/// Calls with one token.
fn load(gateway: &Gateway, token: &str) -> Load {
    let (address, token) = (gateway.address, token.to_owned());
    Load::of(move || Call::new(address, "GET", ORDER).bearer(&token).send())
}

#[tokio::test]
async fn s7_every_change_reaches_the_gateway_within_two_seconds() {
    let (at, published, token) = Federation::start("s7-changes").await;
    let key_manager = &at.key_manager;

    published.block(key_manager, "BLOCKED").await;
    at.assert_arrives("the block", 403, ORDER, &token).await;
    published.unblock(key_manager).await;
    at.assert_arrives("its end", 200, ORDER, &token).await;

    key_manager.store("DELETE", &format!("/subscriptions/{}", published.subscription), None).await;
    at.assert_arrives("the end of the subscription", 403, ORDER, &token).await;
    subscribe(key_manager, &published.api, &published.application).await;
    at.assert_arrives("the subscription, for a token issued before it", 200, ORDER, &token).await;

    let other = publish(key_manager, pizza("2.0.0")).await;
    at.assert_arrives("a new API", 200, "/pizzashack/2.0.0/menu", &token).await;
    at.assert_arrives("no subscription to it", 403, "/pizzashack/2.0.0/order", &token).await;
    key_manager.publisher("POST", &format!("/apis/change-lifecycle?action=Block&apiId={other}"), None).await;
    at.assert_arrives("the API's block", 503, "/pizzashack/2.0.0/menu", &token).await;
    key_manager.publisher("DELETE", &format!("/apis/{other}"), None).await;
    at.assert_arrives("its removal", 404, "/pizzashack/2.0.0/menu", &token).await;
    assert_eq!(at.get(ORDER, &token).await.status, 200, "the other version is as it was");

    let body = json!({"kind": "client", "value": published.client_id, "action": "deny", "expiresAt": u32::MAX});
    key_manager.call("POST", "/api/gatehouse/v1/revocations", Some(body)).await;
    at.assert_arrives("the revocation", 401, ORDER, &token).await;
}

#[tokio::test]
async fn s7_a_token_that_is_revoked_at_the_key_manager_is_denied_within_two_seconds() {
    let (at, published, token) = Federation::start("s7-revoked").await;

    published.revoke(&at.key_manager, &token).await;

    at.assert_arrives("the revocation", 401, ORDER, &token).await;
    let another = published.token(&at.idp).await;
    at.assert_arrives("another token of the client", 200, ORDER, &another).await;
}

#[tokio::test]
async fn s8_a_gateway_without_a_registry_is_not_ready_until_the_key_manager_comes() {
    let name = "s8-not-ready";
    let idp = start_idp(name).await;
    let mut key_manager = KeyManager::not_started(&format!("{name}-key-manager"));
    let gateway = setup(name, &plugin(&idp), &idp, &key_manager).start().await;

    let answer = gateway.get(ORDER).bearer("token").send().await;
    assert_eq!((answer.status, answer.header("retry-after")), (503, Some("1")));
    assert_eq!(answer.json()["code"], "900922");
    assert_eq!(answer.header("www-authenticate"), None, "it says nothing about the token");
    assert_eq!(gateway.logged(&answer).await.details.as_deref(), Some("gatehouse_not_ready"));

    key_manager.restart().await;
    let published = furnish(&key_manager, &idp).await;
    let token = published.token(&idp).await;
    let at = Federation { idp, key_manager, gateway };
    at.until_everywhere("the registry", 200, ORDER, &token).await;
}

#[tokio::test]
async fn s7_a_key_manager_that_is_killed_and_comes_back_under_load_denies_nobody() {
    let (mut at, published, token) = Federation::start("s7-killed").await;
    let load = load(&at.gateway, &token);

    for _ in 0..3 {
        load.until_more(100).await;
        at.key_manager.kill();
        load.until_more(100).await;
        at.key_manager.restart().await;
    }
    load.until_more(100).await;
    load.end().await;

    published.block(&at.key_manager, "BLOCKED").await;
    // Until it asks again it may pause for ten seconds.
    at.until_everywhere("the block, after all that", 403, ORDER, &token).await;
}

#[tokio::test]
async fn s7_a_configuration_that_comes_while_the_key_manager_is_down_serves_at_once() {
    let (mut at, _, token) = Federation::start("s7-updated").await;
    at.key_manager.kill();
    let mut other = plugin(&at.idp);
    other["realm"] = json!("other");
    let load = load(&at.gateway, &token);

    at.gateway.deliver(&other);
    wait::until_true("the new configuration", async || {
        let denied = at.gateway.get(ORDER).send().await;
        denied.header("www-authenticate").is_some_and(|challenge| challenge.contains("other"))
    })
    .await;
    load.until_more(100).await;
    load.end().await;
}

#[tokio::test]
async fn s7_an_older_state_of_the_key_manager_is_refused_and_the_gateway_serves_on() {
    let (mut at, published, token) = Federation::start("s7-older").await;
    at.key_manager.kill();
    at.key_manager.back_up();
    at.key_manager.restart().await;
    published.block(&at.key_manager, "BLOCKED").await;
    at.until_everywhere("the block", 403, ORDER, &token).await;

    at.key_manager.kill();
    at.key_manager.put_back();
    at.key_manager.restart().await;
    wait::until_true("the refusal", async || at.gateway.log().contains("older than the one that is applied")).await;

    assert_eq!(at.get(ORDER, &token).await.status, 403, "by what it knew");
}

#[tokio::test]
async fn s7_an_outage_of_the_key_manager_and_its_end_are_a_line_each_in_the_log() {
    let (mut at, _, _) = Federation::start("s7-outage").await;
    at.key_manager.kill();
    wait::until_true("the outage in the log", async || at.gateway.log().contains("is unreachable")).await;
    at.key_manager.restart().await;
    wait::until_true("its end in the log", async || at.gateway.log().contains("all is well again")).await;

    let log = at.gateway.log();
    assert_eq!(log.matches("key manager: the key manager is unreachable").count(), 1, "{log}");
    assert!(!log.contains(GATEWAY_CREDENTIAL), "the credential is in the log");
}

#[tokio::test]
async fn s7_operators_see_how_far_a_gateway_is() {
    let (at, published, token) = Federation::start("s7-operators").await;
    published.block(&at.key_manager, "BLOCKED").await;
    at.until_everywhere("the block", 403, ORDER, &token).await;

    let gateways = wait::until("the acknowledgement", async || {
        let gateways = at.key_manager.call("GET", "/api/gatehouse/v1/gateways", None).await;
        let gateway = gateways["list"].as_array()?.first()?.clone();
        let revision = gateway["revision"]["number"].as_u64()?;
        let metrics = at.gateway.metrics().await;
        (metrics.count("gatehouse_registry_revision", &[]) as u64 == revision).then_some(gateway)
    })
    .await;

    assert_eq!(gateways["name"], GATEWAY_NAME);
    let metrics = at.gateway.metrics().await;
    assert!(metrics.count("gatehouse_registry_age_seconds", &[]) < 40);
    assert_eq!(metrics.labels("gatehouse_registry_age_seconds").len(), 1);
}

#[tokio::test]
async fn s7_a_wrong_credential_is_one_line_in_the_log_and_the_gateway_is_not_ready() {
    let name = "s7-credential";
    let idp = start_idp(name).await;
    let key_manager = KeyManager::start(&format!("{name}-key-manager")).await;
    let mut plugin = plugin(&idp);
    plugin["keyManager"]["credential"] = json!({"value": "not-the-credential"});
    let gateway = setup(name, &plugin, &idp, &key_manager).start().await;

    wait::until_true("the refusal", async || gateway.log().contains("refuses the gateway's credential")).await;
    assert_eq!(gateway.get(ORDER).send().await.status, 503);
    assert!(!gateway.log().contains("not-the-credential"));
}

/// All that a gateway can leave to the key manager: its registry, introspection, the keys of backend JWTs.
#[tokio::test]
async fn s7_a_gateway_can_leave_registry_introspection_and_signing_keys_to_the_key_manager() {
    let name = "s7-all";
    let idp = start_idp(name).await;
    let key_manager = KeyManager::start(&format!("{name}-key-manager")).await;
    let published = furnish(&key_manager, &idp).await;
    // No cluster of the identity provider.
    let gateway = Setup::new(name, &plugin_of_key_manager(&idp))
        .workers(WORKERS)
        .cluster("key-manager", key_manager.address)
        .environment("GATEWAY_CREDENTIAL", GATEWAY_CREDENTIAL)
        .start()
        .await;
    let token = published.token(&idp).await;
    let mut at = Federation { idp, key_manager, gateway };
    at.until_everywhere("registry and keys", 200, ORDER, &token).await;

    let answer = at.get(ORDER, &token).await;
    let key_set = format!("http://{}/oauth2/jwks", at.key_manager.address);
    let key_set = reqwest::get(key_set).await.expect("an answer").text().await.expect("a key set");
    let echo = answer.echo();
    let jwt = echo.header("x-jwt-assertion").expect("a backend JWT");
    let jwt = BackendJwt::verify(jwt, &serde_json::from_str(&key_set).expect("JSON"));
    assert_eq!(jwt.claims["http://wso2.org/claims/applicationname"], "Shop");
    let made_up = at.get(ORDER, "made-up").await;
    assert_eq!((made_up.status, &*made_up.json()["code"].to_string()), (401, "\"900901\""));

    let other = published.token(&at.idp).await;
    at.key_manager.kill();
    assert_eq!(at.get(ORDER, &token).await.status, 200, "what is known is decided and signed without it");
    let unknown = at.get(ORDER, &other).await;
    assert_eq!((unknown.status, &*unknown.json()["code"].to_string()), (503, "\"900921\""));
    let log = at.gateway.log();
    assert!(!log.contains("PRIVATE KEY") && !log.contains(&token), "a secret is in the log");
}

#[tokio::test]
async fn s7_without_a_signing_key_only_what_needs_no_jwt_passes() {
    let name = "s7-no-key";
    let idp = start_idp(name).await;
    let mut key_manager = KeyManager::start(&format!("{name}-key-manager")).await;
    let published = furnish(&key_manager, &idp).await;
    let token = published.token(&idp).await;
    key_manager.kill();
    let mut plugin = plugin(&idp);
    plugin["backendJwt"]["signingKey"] = json!({"keyManager": true});
    plugin["registry"] = json!({
        "apis": [{"name": "PizzaShack", "version": "1.0.0", "context": "/pizzashack", "operations": [
            {"verb": "GET", "target": "/menu", "authType": "None"}, {"verb": "GET", "target": "/order"},
        ]}],
        "applications": [{"id": "a", "keys": [{"identityProvider": "corporate", "clientId": published.client_id}]}],
        "subscriptions": [{"apiId": "PizzaShack-1.0.0", "applicationId": "a"}],
    });
    let gateway = setup(name, &plugin, &idp, &key_manager).start().await;

    let answer = gateway.get(ORDER).bearer(&token).send().await;
    assert_eq!((answer.status, &*answer.json()["code"].to_string()), (503, "\"900922\""));
    assert_eq!(gateway.get("/pizzashack/1.0.0/menu").send().await.status, 200);

    key_manager.restart().await;
    let at = Federation { idp, key_manager, gateway };
    at.until_everywhere("the keys", 200, ORDER, &token).await;
}

/// How long changes take, from the answer to the write to the first decision by it, 20 times each, for
/// `docs/key-manager.md`: `cargo test --test e2e propagation -- --ignored --nocapture`.
#[tokio::test]
#[ignore = "measures, and asserts nothing"]
async fn propagation() {
    const CHANGES: [&str; 7] = [
        "block",
        "end of the block",
        "end of the subscription",
        "subscription",
        "revoked token",
        "new API",
        "removed API",
    ];
    let (at, mut published, mut token) = Federation::start("propagation").await;
    let mut times = CHANGES.map(|_| Vec::new());
    for round in 0..20 {
        let key_manager = &at.key_manager;
        published.block(key_manager, "BLOCKED").await;
        times[0].push(at.until_everywhere(CHANGES[0], 403, ORDER, &token).await);
        published.unblock(key_manager).await;
        times[1].push(at.until_everywhere(CHANGES[1], 200, ORDER, &token).await);
        key_manager.store("DELETE", &format!("/subscriptions/{}", published.subscription), None).await;
        times[2].push(at.until_everywhere(CHANGES[2], 403, ORDER, &token).await);
        published.subscription = subscribe(key_manager, &published.api, &published.application).await;
        times[3].push(at.until_everywhere(CHANGES[3], 200, ORDER, &token).await);
        published.revoke(key_manager, &token).await;
        times[4].push(at.until_everywhere(CHANGES[4], 401, ORDER, &token).await);
        token = published.token(&at.idp).await;
        let (version, menu) = (format!("2.{round}"), format!("/pizzashack/2.{round}/menu"));
        let api = publish(key_manager, pizza(&version)).await;
        times[5].push(at.until_everywhere(CHANGES[5], 200, &menu, &token).await);
        key_manager.publisher("DELETE", &format!("/apis/{api}"), None).await;
        times[6].push(at.until_everywhere(CHANGES[6], 404, &menu, &token).await);
    }
    for (change, mut times) in CHANGES.into_iter().zip(times) {
        times.sort();
        let [median, maximum] = [times[times.len() / 2], times[times.len() - 1]].map(|time| time.as_millis());
        println!("| {change} | {median} | {maximum} |");
    }
}
