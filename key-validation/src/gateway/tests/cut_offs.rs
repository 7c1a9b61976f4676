//! Revocation cut-offs, in the order in which they and the answers come.

use super::*;
#[cfg(all(target_arch = "wasm32", target_os = "unknown"))]
use wasm_bindgen_test::wasm_bindgen_test as test;

const ORDER: &str = "/pizza/1/order";
const FAR: u64 = 4_000_000_000;

/// A gateway that has yet to take the cut-off into force.
fn with(revocation: &Value, mut configuration: Value) -> Fixture {
    configuration["registry"]["revocations"] = json!([revocation]);
    let mut fixture = Fixture::with(&configuration);
    fixture.answer["jti"] = json!("j");
    fixture
}

fn of_client(action: &str) -> Value {
    json!({"kind": "client", "value": "unblocked", "action": action, "expiresAt": FAR})
}

impl Fixture {
    fn take_cut_offs(&mut self) {
        self.gateway.take_cut_offs(&mut Arrivals::default(), UnixTime::from_seconds(self.now));
    }

    /// The exchange of a request whose answer is not, or no longer, remembered.
    fn asked(&self) -> Exchange {
        match self.begin(&with_token(ORDER, "Bearer t")) {
            Step::Introspect(exchange) => *exchange,
            Step::Decided(decision) => panic!("{}", reason(&decision)),
        }
    }
}

#[test]
fn s5_cut_off_tokens_are_denied_though_their_answers_are_remembered() {
    for identity_provider in [Some("idp"), None] {
        let mut revocation = json!({"kind": "jti", "value": "j", "action": "deny", "expiresAt": FAR});
        if let Some(name) = identity_provider {
            revocation["identityProvider"] = json!(name);
        }
        let mut fixture = with(&revocation, configuration());
        assert_eq!(fixture.reason("GET", ORDER), "allow", "before it is in force");

        fixture.take_cut_offs();

        assert_eq!(fixture.reason("GET", ORDER), "invalid_token");
        assert_eq!(fixture.count("lookup hit"), 1, "the answer is still there");
        assert_eq!(reason(&fixture.decide(&with_token(ORDER, "Bearer new"))), "invalid_token", "of a fresh answer");
        fixture.answer["jti"] = json!("another");
        assert_eq!(reason(&fixture.decide(&with_token(ORDER, "Bearer other"))), "allow");
    }
}

#[test]
fn s5_a_recheck_lets_no_answer_count_that_was_asked_for_before_it() {
    let mut fixture = with(&of_client("recheck"), configuration());
    assert_eq!(fixture.reason("GET", ORDER), "allow");
    fixture.now += 1;
    fixture.take_cut_offs();

    let exchange = fixture.asked();
    let now = UnixTime::from_seconds(fixture.now);
    let verdict = fixture.verdict(&exchange);
    assert!(fixture.gateway.is_overtaken(exchange.question(), &verdict, now), "asked in the same millisecond");
    let overtaken = fixture.gateway.resume(&exchange, &verdict, now, fixture.ports());
    assert_eq!(reason(&overtaken), "idp_unavailable");

    fixture.now += 1;
    let (exchange, now) = (fixture.asked(), UnixTime::from_seconds(fixture.now));
    let verdict = fixture.verdict(&exchange);
    assert!(!fixture.gateway.is_overtaken(exchange.question(), &verdict, now));
    assert_eq!(reason(&fixture.gateway.resume(&exchange, &verdict, now, fixture.ports())), "allow");
    assert_eq!(fixture.reason("GET", ORDER), "allow");
    assert_eq!(fixture.count("lookup hit"), 1, "what was asked for after it is remembered");
}

#[test]
fn s5_a_recheck_overtakes_nothing_but_active_answers() {
    let mut fixture = with(&of_client("recheck"), configuration());
    fixture.take_cut_offs();
    let (question, now) = (fixture.asked().question(), UnixTime::from_seconds(fixture.now));

    assert!(!fixture.gateway.is_overtaken(question, &Ok(Answer::Inactive), now));
    assert!(!fixture.gateway.is_overtaken(question, &Err(Unavailable::Misconfigured), now));
}

#[test]
fn s5_stale_answers_do_not_count_once_a_cut_off_concerns_them() {
    for action in ["recheck", "deny"] {
        for (client, expected) in [("unblocked", "idp_unavailable"), ("another", "allow_stale")] {
            let mut configuration = configuration();
            configuration["identityProviders"][0]["outage"] = json!({"mode": "stale", "for": "60s"});
            let mut revocation = of_client(action);
            revocation["value"] = json!(client);
            let mut fixture = with(&revocation, configuration);
            fixture.answer["exp"] = json!(NOW + 340);
            fixture.answer["iat"] = json!(NOW - 10);
            assert_eq!(fixture.reason("GET", ORDER), "allow");

            fixture.now = NOW + 301;
            fixture.take_cut_offs();

            assert_eq!(decide_after(&fixture, ORDER, 503), expected, "{action} {client}");
        }
    }
}
