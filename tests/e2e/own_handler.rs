//! A filter built with a key validation handler of one's own: `examples/scope-alias-handler`.

use serde_json::{Value, json};

use super::configuration::{self, IDP};
use super::denials::{INSUFFICIENT_SCOPE, INVALID_TOKEN, NO_SUBSCRIPTION};
use super::fixtures::Site;
use super::harness::gateway::Setup;
use super::harness::place;
use super::harness::script::{Script, active};
use super::registry::{SHOP, STRANGER};

fn orders() -> Value {
    let operation = |target: &str, scope: &str| json!({"verb": "GET", "target": target, "scopes": [scope]});
    configuration::small_with([(
        "registry",
        json!({
            "apis": [{"name": "Orders", "version": "1", "context": "/orders", "operations": [
                operation("/read", "orders:read"),
                operation("/write", "orders:write"),
                operation("/bill", "invoices:read"),
                operation("/plain", "orders"),
            ]}],
            "applications": [{"id": "shop", "keys": [{"identityProvider": IDP, "clientId": SHOP}]}],
            "subscriptions": [{"apiId": "Orders-1", "applicationId": "shop"}],
        }),
    )])
}

#[tokio::test]
async fn a_handler_of_ones_own_replaces_one_step_and_keeps_the_others() {
    let setup = Setup::new("own-handler", &orders()).module(place::module("scope_alias_handler.wasm"));
    let site = Site::start_with(setup).await;
    let scoped = |scope: &str| active(SHOP, &json!({"scope": scope}));
    for (name, target, script, denial) in [
        ("the scope itself", "/orders/1/read", scoped("orders:read"), None),
        ("the alias", "/orders/1/read", scoped("orders:all"), None),
        ("the alias for another scope of the area", "/orders/1/write", scoped("other orders:all"), None),
        ("the alias of another area", "/orders/1/bill", scoped("orders:all"), Some(&INSUFFICIENT_SCOPE)),
        ("a scope that only ends alike", "/orders/1/read", scoped("xorders:all"), Some(&INSUFFICIENT_SCOPE)),
        ("a scope that only begins alike", "/orders/1/read", scoped("orders:all2"), Some(&INSUFFICIENT_SCOPE)),
        ("the alias where no area is wanted", "/orders/1/plain", scoped("orders:all"), Some(&INSUFFICIENT_SCOPE)),
        (
            "no subscription",
            "/orders/1/read",
            active(STRANGER, &json!({"scope": "orders:all"})),
            Some(&NO_SUBSCRIPTION),
        ),
        ("inactive", "/orders/1/read", Script::inactive(), Some(&INVALID_TOKEN)),
    ] {
        let answer = site.get_with(target, script).await;

        match denial {
            None => assert_eq!(answer.status, 200, "{name}"),
            Some(denial) => site.assert_denied(name, &answer, denial).await,
        }
    }
}

#[tokio::test]
async fn the_standard_handler_knows_no_aliases() {
    let site = Site::start("standard-handler", &orders()).await;

    let answer = site.get_with("/orders/1/read", active(SHOP, &json!({"scope": "orders:all"}))).await;

    site.assert_denied("alias", &answer, &INSUFFICIENT_SCOPE).await;
}
