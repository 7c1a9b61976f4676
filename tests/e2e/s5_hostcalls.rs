//! What a request that is decided by memory alone costs: the calls of the host that it makes, as Envoy logs them.
//!
//! Each costs up to a microsecond, so one more is a decision and not an accident.

use serde_json::{Value, json};

use super::configuration;
use super::fixtures::Site;
use super::harness::gateway::Setup;
use super::harness::script::{Script, active};
use super::harness::wait;
use super::registry::{ANY, SHOP};

/// The calls of one more request with a token that is known, in their order, from the beginning of its context to its end.
async fn calls_of_a_known_token(name: &str, configuration: &Value, script: Script) -> Vec<String> {
    let site = Site::start_with(Setup::new(name, configuration).tracing_calls()).await;
    let token = site.idp.issue(script);
    calls_of_the_third_request(&site, || token.clone()).await
}

async fn calls_of_the_third_request(site: &Site, token: impl Fn() -> String) -> Vec<String> {
    let requests_ended = || site.gateway.log().matches("[host<-vm] proxy_on_delete").count();
    // The first asks, and the second finds all metrics defined.
    for request in 1..=3 {
        let before = site.gateway.log().len();
        site.gateway.get(ANY).bearer(&token()).send().await;
        wait::until_true("the request to end", async || requests_ended() == request).await;
        if request == 3 {
            return calls(&site.gateway.log()[before..]);
        }
    }
    unreachable!("the third request returns")
}

/// The names of the calls that the filter made.
fn calls(log: &str) -> Vec<String> {
    let call = |line: &str| {
        let (_, call) = line.split_once("[vm->host] ")?;
        let (name, _) = call.split_once('(')?;
        Some(name.trim_start_matches("env.proxy_").to_owned())
    };
    log.lines().filter_map(call).collect()
}

const HEAD: [&str; 2] = ["get_header_map_pairs", "get_current_time_nanoseconds"];
const LOOK_UP: [&str; 2] = ["get_shared_data", "increment_metric"];

#[tokio::test]
async fn s5_hostcalls_of_a_request_that_is_served_from_memory() {
    let without_publication = configuration::small_with([("publish", json!([]))]);
    let published = |fields: usize| vec!["set_property"; fields];
    for (name, configuration, edits, fields) in [
        ("hostcalls-least", without_publication, vec!["remove_header_map_value"], 0),
        ("hostcalls-default", configuration::small(), vec!["remove_header_map_value"], 3),
        ("hostcalls-jwt", configuration::shop(), vec!["remove_header_map_value", "replace_header_map_value"], 8),
    ] {
        let calls = calls_of_a_known_token(name, &configuration, active(SHOP, &json!({"sub": "alice"}))).await;

        let expected = [HEAD.to_vec(), LOOK_UP.to_vec(), edits, published(fields), vec!["increment_metric"]];
        assert_eq!(calls, expected.concat(), "{name}");
    }
}

#[tokio::test]
async fn s5_hostcalls_of_a_request_that_is_denied_from_memory() {
    let calls = calls_of_a_known_token("hostcalls-denied", &configuration::small(), Script::inactive()).await;

    // The first look-up is among the active answers, and a denial publishes its decision.
    let expected = [
        HEAD.to_vec(),
        vec!["get_shared_data"],
        LOOK_UP.to_vec(),
        vec!["set_property", "increment_metric", "send_local_response"],
    ];
    assert_eq!(calls, expected.concat());
}

#[tokio::test]
async fn s5_hostcalls_of_a_request_whose_token_is_asked_about() {
    let name = "hostcalls-asked";
    let without_publication = configuration::small_with([("publish", json!([]))]);
    let site = Site::start_with(Setup::new(name, &without_publication).tracing_calls()).await;

    let calls = calls_of_the_third_request(&site, || site.idp.issue(active(SHOP, &json!({})))).await;

    let count = |name: &str| calls.iter().filter(|call| *call == name).count();
    // The bucket of each kind, the lease when it is taken and given back, and the buckets of each kind when the answer is
    // put in.
    assert_eq!((count("get_shared_data"), count("set_shared_data")), (8, 3), "{calls:?}");
    assert_eq!(count("get_current_time_nanoseconds"), 4, "{calls:?}");
    assert_eq!((count("http_call"), count("enqueue_shared_queue")), (1, 1), "{calls:?}");
    assert_eq!(calls.len(), 32, "{calls:?}");
}
