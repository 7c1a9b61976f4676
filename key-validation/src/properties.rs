//! Properties of whatever reads octets from outside: an answer for everything, and no panic.

mod strategies;

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::strategy::ValueTree as _;
use proptest::test_runner::TestRunner;
use serde_json::{Value, json};
use strategies::{body, scope, target};

use crate::backend_jwt::JwtMinter;
use crate::cache::tests::FakeSharedData;
use crate::exchange::{Forward, Outcome};
use crate::gateway::{Event, Ports, Telemetry};
use crate::handler::StandardHandler;
use crate::introspection::{ActiveAnswer, Answer, IntrospectionResponse};
use crate::jws::{SigningKey, jws_from_der};
use crate::target::{Ambiguities, Pattern, Target};
use crate::{Configuration, Decision, Exchange, Gateway, RequestHead, Secret, Step, UnixTime, Verdict};

struct Ignore;

impl Telemetry for Ignore {
    fn record(&self, _: Event<'_>) {}
}

fn gateway(forward_unmatched: bool) -> Gateway {
    let configuration = json!({
        "identityProviders": [{
            "name": "idp",
            "introspection": {
                "cluster": "idp", "authority": "idp", "path": "/introspect", "clientAuthentication": {"method": "none"},
            },
        }],
        "backendJwt": {
            "issuer": "https://gateway",
            "signingKey": {"value": include_str!("../tests/keys/ed25519.pem")},
            "forwardClaims": ["email"],
        },
        "unmatched": if forward_unmatched { "forward" } else { "reject" },
        "registry": {
            "apis": [{
                "name": "a", "version": "1", "context": "/a", "isDefaultVersion": true,
                "operations": [
                    {"verb": "GET", "target": "/public", "authType": "None"},
                    {"verb": "GET", "target": "/*", "scopes": ["read"]},
                ],
            }],
            "applications": [{"id": "app", "keys": [{"identityProvider": "idp", "clientId": "app"}]}],
            "subscriptions": [{"apiId": "a-1", "applicationId": "app"}],
        },
    });
    let configuration = Configuration::parse(configuration.to_string().as_bytes(), &|_| None).unwrap();
    Gateway::new(configuration, Box::new(StandardHandler), |settings| JwtMinter::new(settings, None, [0; 16]))
}

const NOW: UnixTime = UnixTime::from_seconds(10_000);

fn begin(gateway: &Gateway, shared: &FakeSharedData, headers: &[(Vec<u8>, Vec<u8>)]) -> Step {
    let headers = headers.iter().map(|(name, value)| (name.as_slice(), value.as_slice())).collect();
    gateway.begin(&RequestHead::new(headers), NOW, Ports { shared, telemetry: &Ignore }).step
}

/// The exchange of a request for an operation that needs the scope `read`, when nothing is remembered.
fn asked(gateway: &Gateway, shared: &FakeSharedData) -> Exchange {
    match begin(gateway, shared, &request(b"/a/1/x", Some(b"Bearer t"))) {
        Step::Introspect(exchange) => *exchange,
        Step::Decided(decision) => panic!("{}", summary(&decision)),
    }
}

fn answer(gateway: &Gateway, shared: &FakeSharedData, exchange: &Exchange, body: &[u8]) -> (Verdict, Decision) {
    let ports = Ports { shared, telemetry: &Ignore };
    gateway.begin_call(exchange, NOW).unwrap();
    let response = IntrospectionResponse { status: Some(200), retry_after: None, content_type: None, body: Some(body) };
    let verdict = gateway.end_call(exchange.question(), &response, NOW, NOW, ports);
    let decision = gateway.resume(exchange, &verdict, NOW, ports);
    (verdict, decision)
}

fn request(path: &[u8], authorization: Option<&[u8]>) -> Vec<(Vec<u8>, Vec<u8>)> {
    let mut headers = vec![
        (b":method".to_vec(), b"GET".to_vec()),
        (b":path".to_vec(), path.to_vec()),
        (b":authority".to_vec(), b"localhost".to_vec()),
    ];
    headers.extend(authorization.map(|value| (b"authorization".to_vec(), value.to_vec())));
    headers
}

/// The decision, without what makes each backend JWT unlike every other.
fn summary(decision: &Decision) -> String {
    match decision {
        Decision::Forward(forward) => format!("{:?} {}", forward.publication, forward.set.is_some()),
        Decision::Reply(reply) => format!("{reply:?}"),
    }
}

/// Whether an answer says what the operation needs, told without the code that decides.
fn says_what_is_needed(body: &[u8]) -> bool {
    let Ok(Value::Object(document)) = serde_json::from_slice(body) else { return false };
    let scopes: Vec<&str> = match document.get("scope").or_else(|| document.get("scp")) {
        Some(Value::String(text)) => vec![text],
        Some(Value::Array(texts)) => texts.iter().filter_map(Value::as_str).collect(),
        _ => Vec::new(),
    };
    let mut tokens = scopes.iter().flat_map(|text| text.split([' ', '\t', '\n', '\r', '\u{c}']));
    document.get("active") == Some(&json!(true))
        && ["client_id", "azp", "cid"].iter().any(|name| document.get(*name) == Some(&json!("app")))
        && tokens.any(|token| token.as_bytes() == b"read")
}

/// The segments at which operations are public.
fn is_public(path: &[u8]) -> bool {
    let target = Target::parse(path).unwrap();
    let octets: Vec<&[u8]> = target.segments().iter().map(crate::target::Segment::octets).collect();
    [vec![b"a".as_slice(), b"public"], vec![b"a", b"1", b"public"]].contains(&octets)
}

#[test]
fn the_strategies_reach_what_they_are_for() {
    const DRAWN: usize = 400;
    fn drawn<T>(strategy: impl Strategy<Value = T>) -> Vec<T> {
        let mut runner = TestRunner::deterministic();
        (0..DRAWN).map(|_| strategy.new_tree(&mut runner).unwrap().current()).collect()
    }
    let gateway = gateway(false);
    let [mut active, mut forwarded, mut public] = [0; 3];
    for body in drawn(body()) {
        let shared = FakeSharedData::default();
        let exchange = asked(&gateway, &shared);
        let (verdict, decision) = answer(&gateway, &shared, &exchange, &body);
        active += usize::from(matches!(verdict, Ok(Answer::Active(_))));
        forwarded += usize::from(matches!(decision, Decision::Forward(_)));
    }
    for path in drawn(target()) {
        let step = begin(&gateway, &FakeSharedData::default(), &request(&path, None));
        public += usize::from(matches!(step, Step::Decided(Decision::Forward(_))));
    }

    assert!(active > DRAWN / 4, "active: {active}");
    assert!(forwarded > DRAWN / 16 && forwarded < active, "forwarded: {forwarded}");
    assert!(public > DRAWN / 16, "public: {public}");
}

proptest! {
    #[test]
    fn any_octets_in_any_header_are_decided(
        headers in vec((vec(any::<u8>(), 0..20), vec(any::<u8>(), 0..40)), 0..8),
        path in target(),
        authorization in vec(any::<u8>(), 0..40),
    ) {
        let gateway = gateway(false);
        let mut all = request(&path, Some(&authorization));
        all.extend(headers);
        let _ = begin(&gateway, &FakeSharedData::default(), &all);
    }

    #[test]
    fn nothing_but_a_public_operation_is_forwarded_before_the_identity_provider_was_asked(
        path in target(),
        authorization in vec(any::<u8>(), 0..40),
    ) {
        let step = begin(&gateway(false), &FakeSharedData::default(), &request(&path, Some(&authorization)));
        if let Step::Decided(Decision::Forward(forward)) = step {
            prop_assert!(is_public(&path), "{}", path.escape_ascii());
            prop_assert_eq!((forward.publication.outcome, forward.set), (Outcome::Public, None));
        }
    }

    #[test]
    fn s1_16_nothing_is_forwarded_without_the_decision_that_it_is_forwarded_by(
        path in target(),
        body in body(),
        bearer in prop_oneof![3 => Just("Bearer t"), 1 => Just("Basic t"), 1 => Just("Bearer")],
    ) {
        let (gateway, shared) = (gateway(false), FakeSharedData::default());
        let decision = match begin(&gateway, &shared, &request(&path, Some(bearer.as_bytes()))) {
            Step::Decided(decision) => decision,
            Step::Introspect(exchange) => answer(&gateway, &shared, &exchange, &body).1,
        };
        if let Decision::Forward(Forward { publication, set, remove_authorization }) = decision {
            let expected = if is_public(&path) { Outcome::Public } else { Outcome::Allow };
            prop_assert_eq!(publication.outcome, expected);
            prop_assert_eq!(&publication.fields[0], &("decision", expected.as_str().to_owned()));
            prop_assert!(expected == Outcome::Public || bearer == "Bearer t" && says_what_is_needed(&body));
            prop_assert_eq!(set.is_some(), expected == Outcome::Allow, "a JWT for each caller, and for callers alone");
            prop_assert_eq!(remove_authorization, bearer.starts_with("Bearer"));
        }
    }

    #[test]
    fn no_ambiguous_target_is_ever_forwarded(path in target()) {
        let ambiguous =
            Target::parse(&path).is_ok_and(|target| !target.ambiguities().within(Ambiguities::none()));
        let step = begin(&gateway(true), &FakeSharedData::default(), &request(&path, None));
        prop_assert!(!ambiguous || !matches!(step, Step::Decided(Decision::Forward(_))), "{}", path.escape_ascii());
    }

    #[test]
    fn a_hit_is_decided_as_the_miss_before_it(body in body()) {
        let (gateway, shared) = (gateway(false), FakeSharedData::default());
        let (verdict, miss) = answer(&gateway, &shared, &asked(&gateway, &shared), &body);
        match (verdict, begin(&gateway, &shared, &request(b"/a/1/x", Some(b"Bearer t")))) {
            (Ok(_), Step::Decided(hit)) => {
                prop_assert_eq!(summary(&hit), summary(&miss), "{}", body.escape_ascii());
            }
            (Ok(_), Step::Introspect(_)) => prop_assert!(false, "not remembered: {}", body.escape_ascii()),
            (Err(_), Step::Introspect(_)) => {}
            (Err(_), Step::Decided(_)) => prop_assert!(false, "no answer, but remembered: {}", body.escape_ascii()),
        }
    }

    #[test]
    fn any_body_of_the_identity_provider_is_decided(body in body()) {
        let (gateway, shared) = (gateway(false), FakeSharedData::default());
        let (verdict, decision) = answer(&gateway, &shared, &asked(&gateway, &shared), &body);
        if let Decision::Forward(_) = decision {
            prop_assert!(matches!(verdict, Ok(Answer::Active(_))));
            prop_assert!(says_what_is_needed(&body), "{}", body.escape_ascii());
        }
    }

    #[test]
    fn s1_14_a_caller_is_let_through_by_a_scope_that_equals_a_needed_one_octet_by_octet_and_by_no_other(
        scope in scope(),
    ) {
        let (gateway, shared) = (gateway(false), FakeSharedData::default());
        let body = json!({"active": true, "client_id": "app", "scope": scope}).to_string();
        let (_, decision) = answer(&gateway, &shared, &asked(&gateway, &shared), body.as_bytes());
        prop_assert_eq!(matches!(decision, Decision::Forward(_)), says_what_is_needed(body.as_bytes()), "{}", body);
    }

    #[test]
    fn any_octets_are_read_as_a_record_or_refused(record in vec(any::<u8>(), 0..200)) {
        let _ = ActiveAnswer::decode(&record);
    }

    #[test]
    fn any_octets_are_read_as_a_configuration_or_refused(json in vec(any::<u8>(), 0..200)) {
        let _ = Configuration::parse(&json, &|_| None);
    }

    #[test]
    fn any_octets_are_read_as_a_key_or_signature_or_refused(octets in vec(any::<u8>(), 0..200)) {
        use base64::prelude::{BASE64_STANDARD, Engine as _};
        let pem = format!("-----BEGIN PRIVATE KEY-----{}-----END PRIVATE KEY-----", BASE64_STANDARD.encode(&octets));
        let _ = SigningKey::from_pem(&Secret::new(pem));
        let _ = jws_from_der(&octets);
    }

    #[test]
    fn a_pattern_of_literals_matches_its_own_text(segments in vec("[a-z]{1,4}", 0..5)) {
        let path = format!("/{}", segments.join("/"));
        let target = Target::parse(path.as_bytes()).unwrap();
        prop_assert!(Pattern::parse(&path, Ambiguities::none()).unwrap().matches(target.segments()));
    }
}
