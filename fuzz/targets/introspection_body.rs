//! The body of an introspection response: nobody passes whom it does not permit, and the same request again is decided
//! the same from what is remembered, by this worker and by another.
#![no_main]

use gatehouse_fuzz::{NOW, SharedValues, Unmatched, begin, exchange, gateway, ports, request};
use key_validation::introspection::IntrospectionResponse;
use key_validation::{Decision, Forward, Gateway, Step};
use libfuzzer_sys::fuzz_target;
use serde_json::Value;

fuzz_target!(|body: &[u8]| {
    let shared = SharedValues::default();
    let asking = gateway(Unmatched::Reject);
    let miss = answered(&asking, &shared, 200, body);
    assert!(matches!(miss, Decision::Reply(_)) || permits(body), "forwarded against the answer");
    if let Some(hit) = remembered(&asking, &shared) {
        assert_same(&hit, &miss);
        let hit = remembered(&gateway(Unmatched::Reject), &shared);
        assert_same(&hit.expect("one worker finds what another does not"), &miss);
    } else {
        let refused = answered(&asking, &shared, 400, body);
        assert!(matches!(refused, Decision::Reply(_)), "forwarded by an error");
    }
});

fn answered(gateway: &Gateway, shared: &SharedValues, status: u16, body: &[u8]) -> Decision {
    let exchange = exchange(gateway, shared);
    assert!(gateway.begin_call(&exchange, NOW).is_ok(), "no call though none is under way");
    let response =
        IntrospectionResponse { status: Some(status), retry_after: None, content_type: None, body: Some(body) };
    let verdict = gateway.end_call(exchange.question(), &response, NOW, NOW, ports(shared));
    gateway.resume(&exchange, &verdict, NOW, ports(shared))
}

/// What the request that was answered before is told without asking.
fn remembered(gateway: &Gateway, shared: &SharedValues) -> Option<Decision> {
    match begin(gateway, shared, &request(b"/a/1/x", Some(b"Bearer t"))).step {
        Step::Decided(decision) => Some(decision),
        Step::Introspect(_) => None,
    }
}

fn assert_same(hit: &Decision, miss: &Decision) {
    assert_eq!(told(hit), told(miss), "a hit is decided unlike the miss before it");
}

/// All of a decision but the backend JWT's signature, which EdDSA makes with random noise.
fn told(decision: &Decision) -> String {
    match decision {
        Decision::Forward(Forward { remove_authorization, set, publication }) => {
            let claims = set.as_ref().map(|(name, jwt)| (name, jwt.rsplit_once('.').map(|(claims, _)| claims)));
            format!("{remove_authorization} {claims:?} {publication:?}")
        }
        Decision::Reply(reply) => format!("{reply:?}"),
    }
}

/// A second opinion, simpler than the gateway's own: what an answer must say at the least.
fn permits(body: &[u8]) -> bool {
    let Ok(answer) = serde_json::from_slice::<Value>(body) else { return false };
    let is_live = |exp: &Value| exp.as_f64().is_some_and(|seconds| seconds > 10_000.0);
    let names_client = |name| answer[name] == "app";
    answer["active"] == true
        && (answer["exp"].is_null() || is_live(&answer["exp"]))
        && ["client_id", "azp", "cid"].into_iter().any(names_client)
        && answer["cnf"].is_null()
}
