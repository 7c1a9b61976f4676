//! BEHAVIOUR.md section 5: revocation cut-offs outweigh what is remembered.

use serde_json::{Value, json};

use super::configuration;
use super::denials::INVALID_TOKEN;
use super::fixtures::Site;
use super::harness::gateway::Setup;
use super::harness::script::{Script, active};
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
