//! BEHAVIOUR.md section 5: the metrics tell an operator why there is no answer.

use serde_json::json;

use super::configuration::{self, IDP, SECRET, SECRET_VARIABLE};
use super::fixtures::Site;
use super::harness::gateway::Setup;
use super::harness::script::{Afterwards, Script, active};
use super::harness::scripted_idp::ScriptedIdp;
use super::harness::servers;
use super::registry::{ANY, SHOP};

const OUTCOMES: [&str; 7] =
    ["active", "inactive", "timeout", "outage", "malformed", "misconfigured", "client_auth_failed"];

/// How often each outcome has been counted.
async fn counted(site: &Site) -> [usize; OUTCOMES.len()] {
    let metrics = site.gateway.metrics().await;
    OUTCOMES.map(|outcome| metrics.count("gatehouse_introspection_calls", &[("idp", IDP), ("outcome", outcome)]))
}

#[tokio::test]
async fn s5_outcomes_of_calls_are_counted_apart() {
    let site = Site::start("outcomes", &configuration::small_with_introspection([("timeout", json!("500ms"))])).await;
    let head = "HTTP/1.1 200 OK\r\ncontent-length: 99\r\n\r\n{";
    for (name, script, expected) in [
        ("active", active(SHOP, &json!({})), "active"),
        ("inactive", Script::inactive(), "inactive"),
        ("silent", Script::hang(), "timeout"),
        ("silent after the head", Script::raw(head, Afterwards::Hang), "timeout"),
        ("slower than its own proxy likes", Script::reply(504, &[], ""), "timeout"),
        ("overloaded", Script::reply(503, &[], ""), "outage"),
        ("reset", Script::raw("", Afterwards::Close), "outage"),
        ("reset inside the answer", Script::raw(head, Afterwards::Close), "outage"),
        ("no JSON", Script::body("yes"), "malformed"),
        ("another address", Script::reply(404, &[], ""), "misconfigured"),
        // The last one, for calls are held off after it.
        ("our credentials", Script::reply(401, &[], ""), "client_auth_failed"),
    ] {
        let before = counted(&site).await;
        site.get_with(ANY, script).await;
        let after = counted(&site).await;

        let position = OUTCOMES.iter().position(|outcome| *outcome == expected).expect("an outcome");
        let mut one_more = before;
        one_more[position] += 1;
        assert_eq!(after, one_more, "{name}: {OUTCOMES:?}");
    }
}

#[tokio::test]
async fn s5_outcomes_tell_an_identity_provider_that_is_down_from_a_slow_one() {
    let (_deaf, refuses) = servers::deaf();
    let setup = Setup::new("outcome-down", &configuration::small()).cluster(IDP, refuses);
    let site = Site { gateway: setup.environment(SECRET_VARIABLE, SECRET).start().await, idp: ScriptedIdp::start() };

    assert_eq!(site.gateway.get(ANY).bearer("token").send().await.status, 503);

    assert_eq!(counted(&site).await, [0, 0, 0, 1, 0, 0, 0], "{OUTCOMES:?}");
}
