use serde_json::json;

use super::super::tests::{Fixture, configuration, with_token};
use super::*;
use crate::cache::Fingerprint;
use crate::exchange::{Begun, Exchange, Step};
use crate::gateway::Turn;
use crate::introspection::IntrospectionResponse;
#[cfg(all(target_arch = "wasm32", target_os = "unknown"))]
use wasm_bindgen_test::wasm_bindgen_test as test;

const ONE: LeaseHolder = LeaseHolder([1; 16]);
const OTHER: LeaseHolder = LeaseHolder([2; 16]);
const PATH: &str = "/pizza/1/order";
/// For how long answers are fresh; of these the last ten count, as an eighth would be more.
const FRESH: u64 = 300;

/// A gateway that has just learned that a token is active.
fn fixture() -> Fixture {
    let fixture = Fixture::new();
    fixture.reason("GET", PATH);
    fixture
}

fn begun(fixture: &Fixture, token: &str) -> Begun {
    fixture.begun(&with_token(PATH, token))
}

/// What is to be asked though the request is decided.
fn refresh(fixture: &Fixture) -> Option<Exchange> {
    let begun = begun(fixture, "Bearer t");
    assert!(matches!(begun.step, Step::Decided(_)), "the request waits");
    begun.refresh.map(|exchange| *exchange)
}

fn now(fixture: &Fixture) -> UnixTime {
    UnixTime::from_seconds(fixture.now)
}

fn may_refresh(fixture: &Fixture, exchange: &Exchange, holder: LeaseHolder) -> bool {
    fixture.gateway.may_refresh(exchange.question(), holder, now(fixture), fixture.ports())
}

/// Asks, and takes the answer of this status up.
fn ask(fixture: &Fixture, exchange: &Exchange, holder: LeaseHolder, status: u16) {
    let (question, now) = (exchange.question(), now(fixture));
    fixture.gateway.begin_call(exchange, now).unwrap();
    let body = fixture.answer.to_string();
    let response = IntrospectionResponse { status: Some(status), body: Some(body.as_bytes()), ..Default::default() };
    let verdict = fixture.gateway.end_call(question, &response, now, now, fixture.ports());
    fixture.gateway.end_turn(question, holder, &verdict, now, fixture.ports());
}

#[test]
fn an_answer_in_use_is_asked_for_again_shortly_before_it_ends() {
    let mut fixture = fixture();
    let start = fixture.now;
    fixture.now = start + FRESH - 11;
    assert!(refresh(&fixture).is_none(), "too early");

    fixture.now = start + FRESH - 10;
    let exchange = refresh(&fixture).unwrap();
    assert!(may_refresh(&fixture, &exchange, ONE));
    ask(&fixture, &exchange, ONE, 200);

    fixture.now = start + 2 * FRESH - 21;
    assert!(refresh(&fixture).is_none(), "the next answer is fresh for as long");
    fixture.now = start + 2 * FRESH - 20;
    assert!(refresh(&fixture).is_some());
    assert_eq!(fixture.count("lookup miss"), 1, "no request has had to wait but the first");
}

#[test]
fn a_short_freshness_ends_soon_in_its_last_eighth() {
    let mut configuration = configuration();
    configuration["cache"] = json!({"introspection": {"maximumLifetime": "56s"}});
    let mut fixture = Fixture::with(&configuration);
    fixture.reason("GET", PATH);
    let start = fixture.now;

    fixture.now = start + 48;
    assert!(refresh(&fixture).is_none());
    fixture.now = start + 49;
    assert!(refresh(&fixture).is_some());
}

#[test]
fn nothing_is_asked_ahead_where_that_is_not_wanted_or_of_no_use() {
    let off = || {
        let mut configuration = configuration();
        configuration["cache"] = json!({"introspection": {"refreshAhead": false}});
        Fixture::with(&configuration)
    };
    let answering = |member: &str, value: serde_json::Value| {
        let mut fixture = Fixture::new();
        fixture.answer[member] = value;
        fixture
    };
    for (name, mut fixture, expected) in [
        ("on", Fixture::new(), true),
        ("switched off", off(), false),
        ("the token ends with its answer", answering("exp", json!(Fixture::new().now + FRESH)), false),
        ("the token ends before", answering("exp", json!(Fixture::new().now + FRESH - 5)), false),
        ("the token ends after", answering("exp", json!(Fixture::new().now + FRESH + 1)), true),
        ("the request is denied", answering("scope", json!("other")), false),
    ] {
        fixture.reason("GET", PATH);
        fixture.now += FRESH - 6;

        assert_eq!(refresh(&fixture).is_some(), expected, "{name}");
    }
}

#[test]
fn inactive_answers_are_not_asked_for_ahead() {
    let mut fixture = Fixture::new();
    fixture.answer["active"] = json!(false);
    fixture.reason("GET", PATH);
    fixture.now += 9;

    assert!(refresh(&fixture).is_none());
}

#[test]
fn a_worker_tries_once_for_an_answer() {
    let mut fixture = fixture();
    fixture.now += FRESH - 10;
    let exchange = refresh(&fixture).unwrap();
    assert!(refresh(&fixture).is_none(), "while it is under way");
    assert!(may_refresh(&fixture, &exchange, ONE));
    ask(&fixture, &exchange, ONE, 503);

    fixture.now += 9;
    assert!(refresh(&fixture).is_none(), "when it has failed");
    fixture.now += 1;
    assert!(matches!(begun(&fixture, "Bearer t").step, Step::Introspect(_)), "the answer has ended");
}

#[test]
fn a_process_tries_once_for_an_answer() {
    for status in [200, 503] {
        let mut fixture = fixture();
        fixture.now += FRESH - 10;
        let exchange = refresh(&fixture).unwrap();
        assert!(may_refresh(&fixture, &exchange, ONE));
        assert!(!may_refresh(&fixture, &exchange, OTHER), "another worker does");
        ask(&fixture, &exchange, ONE, status);

        fixture.now += 9;
        assert!(!may_refresh(&fixture, &exchange, OTHER), "another worker has, {status}");
    }
}

#[test]
fn a_refresh_that_failed_is_no_reason_not_to_ask_when_the_answer_has_ended() {
    let mut fixture = fixture();
    fixture.now += FRESH - 10;
    let exchange = refresh(&fixture).unwrap();
    assert!(may_refresh(&fixture, &exchange, ONE));
    ask(&fixture, &exchange, ONE, 503);

    fixture.now += 10;
    let turn = fixture.gateway.turn(
        (exchange.question(), exchange.looked_at()),
        OTHER,
        (false, None),
        now(&fixture),
        fixture.ports(),
    );
    assert_eq!(turn, Turn::Ask { is_second_attempt: false });
}

#[test]
fn bad_news_that_comes_ahead_counts_at_once() {
    let mut fixture = fixture();
    fixture.now += FRESH - 10;
    let exchange = refresh(&fixture).unwrap();
    fixture.answer["active"] = json!(false);
    assert!(may_refresh(&fixture, &exchange, ONE));
    ask(&fixture, &exchange, ONE, 200);

    assert_eq!(fixture.reason("GET", PATH), "invalid_token");
}

#[test]
fn half_of_the_calls_are_kept_for_requests_that_wait() {
    for (concurrent_calls, under_way, expected) in [(1, 0, false), (4, 1, true), (4, 2, false)] {
        let mut configuration = configuration();
        configuration["identityProviders"][0]["concurrentCalls"] = json!(concurrent_calls);
        let mut fixture = Fixture::with(&configuration);
        fixture.reason("GET", PATH);
        fixture.now += FRESH - 10;
        let exchange = refresh(&fixture).unwrap();
        for _ in 0..under_way {
            fixture.gateway.begin_call(&exchange, now(&fixture)).unwrap();
        }

        assert_eq!(may_refresh(&fixture, &exchange, ONE), expected, "{under_way} of {concurrent_calls}");
    }
}

#[test]
fn what_this_worker_has_tried_is_bounded_and_makes_room() {
    let refreshes = Refreshes::default();
    let at = |seconds: u64| UnixTime::from_seconds(seconds);
    let keys: Vec<_> =
        (0..10_000).map(|token: u32| AnswerKey::new(&Fingerprint::new([0; 32]), &token.to_string())).collect();

    let begun: Vec<_> = keys.iter().filter(|key| refreshes.begin(**key, at(20), at(10))).collect();
    assert_eq!(begun.len(), usize::from(SLOTS), "of 10,000 tokens each slot takes one");
    assert!(!refreshes.begin(*begun[0], at(20), at(19)));
    assert!(refreshes.begin(*begun[0], at(30), at(20)), "the attempt's time is over");
    refreshes.end(begun[1]);
    assert!(refreshes.begin(*begun[1], at(20), at(10)), "the next answer is there");
    let sharing = keys.iter().find(|key| *key != begun[2] && key.slot(SLOTS) == begun[2].slot(SLOTS)).unwrap();
    refreshes.end(sharing);
    assert!(!refreshes.begin(*begun[2], at(20), at(10)), "another token's answer");
}

#[test]
fn a_lease_is_given_back_when_there_is_nothing_to_ask() {
    let mut fixture = fixture();
    fixture.now += FRESH - 10;
    let exchange = refresh(&fixture).unwrap();
    ask(&fixture, &exchange, OTHER, 200);

    assert!(!may_refresh(&fixture, &exchange, ONE), "there is a new answer");
    let taken = lease(exchange.question()).take(OTHER, now(&fixture), now(&fixture), &fixture.shared);
    assert!(matches!(taken, Taken::Granted { .. }), "{taken:?}");
}
