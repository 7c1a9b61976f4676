//! BEHAVIOUR.md section 8: what the death of a worker's VM does, with a filter that traps on demand.

use serde_json::json;

use super::configuration;
use super::fixtures::Site;
use super::harness::answer::Answer;
use super::harness::backend::BACKEND;
use super::harness::gateway::Setup;
use super::harness::place;
use super::harness::script::{Gate, active};
use super::harness::wait;
use super::registry::{ANY, MENU, SHOP};

const DEADLY_SUBJECT: &str = "trap-the-filter";

/// One worker, which gives up on streams that stand still for six seconds.
async fn mortal(name: &str) -> Site {
    let configuration = configuration::small_with_introspection([("timeout", json!("30s"))]);
    let setup = Setup::new(name, &configuration).module(place::module("trapping_filter.wasm"));
    Site::start_with(setup.stream_idle_timeout("6s")).await
}

/// Envoy's answer to a request whose VM is dead, and in whose place there is none yet.
async fn assert_refused_without_a_vm(site: &Site, name: &str, answer: &Answer) {
    let logged = site.gateway.logged(answer).await;
    assert_eq!((answer.status, logged.details.as_deref()), (503, Some("wasm_fail_stream")), "{name}");
    assert!(!BACKEND.was_reached_by(&answer.case), "{name}");
}

#[tokio::test]
async fn s8_a_worker_whose_vm_dies_comes_back_and_nothing_passes_meanwhile() {
    let site = mortal("vm-death").await;
    let known = site.idp.issue(active(SHOP, &json!({})));
    assert_eq!(site.gateway.get(ANY).bearer(&known).send().await.status, 200);
    let gate = Gate::closed();
    let undecided = site.idp.issue(active(SHOP, &json!({})).behind(&gate));
    let waiting = tokio::spawn(site.gateway.get(ANY).bearer(&undecided).send());
    // The question is asked once its request is paused.
    wait::until_true("the question", async || site.idp.calls_about(&undecided) == 1).await;

    let deadly = site.idp.issue(active(SHOP, &json!({"sub": DEADLY_SUBJECT})));
    let killer = tokio::spawn(site.gateway.get(ANY).bearer(&deadly).send());
    wait::until_true("the VM's death", async || site.gateway.log().contains("proxy_on_http_call_response failed"))
        .await;
    assert!(!waiting.is_finished() && !killer.is_finished(), "both are paused");
    gate.open();

    // The first death is mended at once. What is remembered of the token kills again, and then Envoy takes its time.
    let requests = || {
        let get = |target| site.gateway.get(target);
        [("public", get(MENU), 200), ("known", get(ANY).bearer(&known), 200), ("nobody's", get(ANY), 401)]
    };
    let mut still_to_be_refused: Vec<&str> = requests().iter().map(|(name, ..)| *name).collect();
    wait::until_true("requests of each kind while there is no VM", async || {
        let again = site.gateway.get(ANY).bearer(&deadly).send().await;
        assert_refused_without_a_vm(&site, "deadly", &again).await;
        for (name, request, decided) in requests() {
            let answer = request.send().await;
            if answer.status != decided {
                assert_refused_without_a_vm(&site, name, &answer).await;
                still_to_be_refused.retain(|other| *other != name);
            }
        }
        still_to_be_refused.is_empty()
    })
    .await;

    wait::until_true("the filter to decide again", async || site.gateway.get(ANY).send().await.status == 401).await;
    for (name, answer) in
        [("the one that killed it", killer.await.unwrap()), ("the one that waited", waiting.await.unwrap())]
    {
        let logged = site.gateway.logged(&answer).await;
        let ended_by = (answer.status, logged.flags.as_deref(), logged.details.as_deref());
        // Envoy's time limit ends them, and its 504 meets the dead filter on its way out.
        assert_eq!(ended_by, (503, Some("SI"), Some("wasm_fail_stream")), "{name}");
        assert!(!BACKEND.was_reached_by(&answer.case), "{name}");
    }
    for (name, request, decided) in requests() {
        assert_eq!(request.send().await.status, decided, "{name}");
    }
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
