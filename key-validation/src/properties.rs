//! Properties of whatever reads octets from outside: an answer for everything, and no panic.

use proptest::collection::vec;
use proptest::prelude::*;
use serde_json::{Value, json};

use crate::backend_jwt::JwtMinter;
use crate::cache::tests::FakeSharedData;
use crate::gateway::{Event, Ports, Telemetry};
use crate::handler::StandardHandler;
use crate::introspection::{ActiveAnswer, IntrospectionResponse};
use crate::jws::{SigningKey, jws_from_der};
use crate::target::{Ambiguities, Pattern, Target};
use crate::{Configuration, Decision, Gateway, RequestHead, Secret, Step, UnixTime};

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

fn answer(gateway: &Gateway, shared: &FakeSharedData, exchange: &crate::Exchange, body: &[u8]) -> Decision {
    let ports = Ports { shared, telemetry: &Ignore };
    gateway.begin_call(exchange, NOW).unwrap();
    let response = IntrospectionResponse { status: Some(200), retry_after: None, content_type: None, body: Some(body) };
    let verdict = gateway.end_call(exchange.question(), &response, NOW, NOW, ports);
    gateway.resume(exchange, &verdict, NOW, ports)
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

/// Octets that are likely to come near the interesting cases.
fn target() -> impl Strategy<Value = Vec<u8>> {
    let piece = prop_oneof![
        Just(b"/".to_vec()),
        Just(b"a".to_vec()),
        Just(b"1".to_vec()),
        Just(b"public".to_vec()),
        Just(b"..".to_vec()),
        Just(b"%2e".to_vec()),
        Just(b"%2F".to_vec()),
        Just(b"%5c".to_vec()),
        Just(b";x".to_vec()),
        Just(b"?".to_vec()),
        vec(any::<u8>(), 0..3),
    ];
    vec(piece, 0..12).prop_map(|pieces| [b"/".to_vec(), pieces.concat()].concat())
}

fn body() -> impl Strategy<Value = String> {
    let member = prop_oneof![
        Just(("client_id", json!("app"))),
        Just(("client_id", json!("other"))),
        Just(("sub", json!("u-alice"))),
        Just(("scope", json!("read"))),
        Just(("scope", json!(["write"]))),
        Just(("aud", json!("x"))),
        Just(("cnf", json!({}))),
        Just(("email", json!("a@b"))),
        (9_990_i64..10_010).prop_map(|time| ("exp", json!(time))),
        (9_990_i64..10_010).prop_map(|time| ("nbf", json!(time))),
        any::<f64>().prop_map(|time| ("iat", json!(time))),
        "\\PC*".prop_map(|text| ("token_type", Value::from(text))),
    ];
    vec(member, 0..6).prop_map(|members| {
        let mut document = json!({"active": true});
        for (name, value) in members {
            document[name] = value;
        }
        document.to_string()
    })
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
        if let Step::Decided(Decision::Forward(_)) = step {
            let target = Target::parse(&path).unwrap();
            let octets: Vec<&[u8]> = target.segments().iter().map(crate::target::Segment::octets).collect();
            let public = [vec![b"a".as_slice(), b"public"], vec![b"a", b"1", b"public"]];
            prop_assert!(public.contains(&octets), "{}", path.escape_ascii());
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
        let headers = request(b"/a/1/x", Some(b"Bearer t"));
        let Step::Introspect(exchange) = begin(&gateway, &shared, &headers) else { panic!("decided") };
        let miss = answer(&gateway, &shared, &exchange, body.as_bytes());
        if let Step::Decided(hit) = begin(&gateway, &shared, &headers) {
            prop_assert_eq!(summary(&hit), summary(&miss), "{}", body);
        }
    }

    #[test]
    fn any_body_of_the_identity_provider_is_decided(body in vec(any::<u8>(), 0..200)) {
        let (gateway, shared) = (gateway(false), FakeSharedData::default());
        let step = begin(&gateway, &shared, &request(b"/a/1/x", Some(b"Bearer t")));
        let Step::Introspect(exchange) = step else { panic!("decided") };
        prop_assert!(!matches!(answer(&gateway, &shared, &exchange, &body), Decision::Forward(_)));
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
