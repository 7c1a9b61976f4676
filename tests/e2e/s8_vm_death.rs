//! BEHAVIOUR.md section 8: what the death of a worker's VM does, with a filter that traps on demand.

use serde_json::json;

use super::configuration;
use super::fixtures::Site;
use super::harness::gateway::Setup;
use super::harness::place;
use super::harness::script::{Gate, active};
use super::harness::wait;
use super::registry::{ANY, SHOP};

const DEADLY_SUBJECT: &str = "trap-the-filter";

/// One worker, which gives up on streams that stand still for two seconds.
async fn mortal(name: &str) -> Site {
    let configuration = configuration::small_with_introspection([("timeout", json!("30s"))]);
    let setup = Setup::new(name, &configuration).module(place::module("trapping_filter.wasm"));
    Site::start_with(setup.stream_idle_timeout("2s")).await
}

#[tokio::test]
async fn s8_a_worker_whose_vm_dies_comes_back_and_nothing_passes_meanwhile() {
    let site = mortal("vm-death").await;
    let known = site.idp.issue(active(SHOP, &json!({})));
    assert_eq!(site.gateway.get(ANY).bearer(&known).send().await.status, 200);
    let gate = Gate::closed();
    let undecided = site.idp.issue(active(SHOP, &json!({})).behind(&gate));
    let waiting = tokio::spawn(site.gateway.get(ANY).bearer(&undecided).send());
    wait::until_true("the question", async || site.idp.calls_about(&undecided) == 1).await;

    let deadly = site.idp.issue(active(SHOP, &json!({"sub": DEADLY_SUBJECT})));
    let killer = tokio::spawn(site.gateway.get(ANY).bearer(&deadly).send());
    wait::until_true("the VM's death", async || site.gateway.log().contains("proxy_on_http_call_response failed"))
        .await;
    wait::until_true("the filter to decide again", async || {
        let status = site.gateway.get(ANY).send().await.status;
        assert!([401, 503].contains(&status), "{status} without a token");
        status == 401
    })
    .await;
    gate.open();
    let (killer, waiting) = (killer.await.unwrap(), waiting.await.unwrap());

    for (name, answer) in [("the one that killed it", killer), ("one that waited", waiting)] {
        assert!((400..=599).contains(&answer.status), "{name}: {}", answer.status);
    }
    assert_eq!(site.gateway.get(ANY).bearer(&known).send().await.status, 200);
    assert_eq!(site.idp.calls_about(&known), 1, "what was remembered outlives the VM");
}

#[test]
fn s8_the_filter_that_is_shipped_has_no_such_switch() {
    let has_switch = |module: &str| {
        let octets = std::fs::read(place::module(module)).expect("the module");
        octets.windows(DEADLY_SUBJECT.len()).any(|window| window == DEADLY_SUBJECT.as_bytes())
    };

    assert!(has_switch("trapping_filter.wasm"));
    assert!(!has_switch("gatehouse.wasm"));
}
