//! BEHAVIOUR.md section 5, DESIGN.md section 4: `selfTest` tries the introspection endpoint at start.

use serde_json::{Value, json};

use super::configuration::{self, IDP, SECRET, SECRET_VARIABLE};
use super::fixtures::Site;
use super::harness::gateway::{Gateway, Setup};
use super::harness::script::{Afterwards, Script, active};
use super::harness::scripted_idp::ScriptedIdp;
use super::harness::wait;
use super::registry::{ANY, SHOP};

/// A gateway that one outage would keep from asking.
fn configuration() -> Value {
    let mut configuration = configuration::small_with_introspection([("selfTest", json!(true))]);
    configuration["identityProviders"][0]["breaker"] = json!({"failures": 1});
    configuration
}

async fn calls(gateway: &Gateway, outcome: &str) -> usize {
    gateway.metrics().await.count("gatehouse_introspection_calls", &[("idp", IDP), ("outcome", outcome)])
}

#[tokio::test]
async fn s5_self_tests_tell_the_operator_what_is_wrong_and_hold_nothing_off() {
    let refused = Script::reply(401, &[], r#"{"error":"invalid_client"}"#);
    for (name, script, outcome, told) in [
        ("right", Script::inactive(), "inactive", "answers, and takes the gateway's credentials"),
        ("refused", refused, "client_auth_failed", "refuses the gateway's own credentials (status 401)"),
        ("reset", Script::raw(b"", Afterwards::Close), "outage", "is unreachable, too slow, overloaded or failing"),
        ("elsewhere", Script::reply(404, &[], ""), "misconfigured", "does not answer as an introspection endpoint"),
        ("page", Script::body("<html>"), "malformed", "its answer cannot be believed (status 200)"),
        ("all active", active(SHOP, &json!({})), "active", "calls a made-up token active"),
    ] {
        let idp = ScriptedIdp::answering_unknown_tokens(script);
        let setup = Setup::new(&format!("self-test-{name}"), &configuration()).workers(2);
        let gateway = setup.cluster(IDP, idp.address).environment(SECRET_VARIABLE, SECRET).start().await;
        let site = Site { gateway, idp };

        wait::until_true(told, async || site.gateway.log().contains(told)).await;

        let tests: Vec<_> =
            site.gateway.log().lines().filter(|line| line.contains("self-test")).map(str::to_owned).collect();
        assert!(tests.len() == 1 && tests[0].contains(IDP), "{name}: {tests:?}");
        wait::until_true("the call to be counted", async || calls(&site.gateway, outcome).await == 1).await;
        let known = site.idp.issue(active(SHOP, &json!({})));
        site.assert_allowed(name, &site.gateway.get(ANY).bearer(&known).send().await).await;
        let questions = site.idp.requests();
        assert_eq!(questions.len(), 2, "{name}: the test's and ours");
        let made_up = &questions[0].form()[0];
        assert!(made_up.0 == "token" && made_up.1.len() == 32, "{name}: {made_up:?}");
        assert_eq!(questions[0].header("authorization"), questions[1].header("authorization"), "{name}");
        assert!(!site.gateway.log().contains(&made_up.1), "{name}: the token is in the log");
    }
}

#[tokio::test]
async fn s5_self_tests_neither_block_the_start_nor_are_made_unless_wanted() {
    let unreachable = Setup::new("self-test-unreachable", &configuration()).cluster_of(IDP, &[]);
    let unreachable = unreachable.environment(SECRET_VARIABLE, SECRET).start().await;
    wait::until_true("the test", async || {
        unreachable.log().contains("self-test: identity provider `corporate`: it is")
    })
    .await;
    assert_eq!(unreachable.get(ANY).send().await.status, 401, "it serves");

    let unwanted = Site::start("self-test-unwanted", &configuration::small()).await;
    let known = unwanted.idp.issue(active(SHOP, &json!({})));
    assert_eq!(unwanted.gateway.get(ANY).bearer(&known).send().await.status, 200);
    assert_eq!(unwanted.idp.requests().len(), 1, "ours alone");
}
