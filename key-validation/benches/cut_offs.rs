//! What a remembered answer costs beside very many cut-offs: `cargo bench --package key-validation --bench cut_offs`.
#![expect(clippy::unwrap_used, reason = "a benchmark that cannot start may panic")]

use std::cell::RefCell;
use std::collections::HashMap;
use std::hint::black_box;

use divan::Bencher;
use key_validation::backend_jwt::JwtMinter;
use key_validation::cache::{NotSet, SharedData, SharedValue};
use key_validation::cut_offs::{Action, Arrivals, Concerned, CutOff};
use key_validation::handler::StandardHandler;
use key_validation::introspection::IntrospectionResponse;
use key_validation::{Configuration, Decision, Event, Gateway, Ports, RequestHead, Step, Telemetry, UnixTime};
use serde_json::json;

const NOW: UnixTime = UnixTime::from_seconds(1000);

fn main() {
    divan::main();
}

#[derive(Default)]
struct Memory(RefCell<HashMap<String, Vec<u8>>>);

impl SharedData for Memory {
    fn get(&self, key: &str) -> Option<SharedValue> {
        self.0.borrow().get(key).map(|bytes| SharedValue { bytes: bytes.clone(), version: 1 })
    }

    fn set(&self, key: &str, value: &[u8], _: Option<u32>) -> Result<(), NotSet> {
        self.0.borrow_mut().insert(key.to_owned(), value.to_vec());
        Ok(())
    }
}

impl Telemetry for Memory {
    fn record(&self, _: Event<'_>) {}
}

fn gateway() -> Gateway {
    let introspection =
        json!({"cluster": "idp", "authority": "idp", "path": "/i", "clientAuthentication": {"method": "none"}});
    let api = json!({
        "name": "api", "version": "1", "context": "/api", "subscriptionValidation": false,
        "operations": [{"verb": "GET", "target": "/*"}],
    });
    let configuration = json!({
        "identityProviders": [{"name": "idp", "introspection": introspection}],
        "registry": {"apis": [api]},
    });
    let configuration = Configuration::parse(configuration.to_string().as_bytes(), &|_| None).unwrap();
    Gateway::new(configuration, Box::new(StandardHandler), |settings| JwtMinter::new(settings, None, [0; 16]))
}

/// So many of each kind that there is more than one of, none of which concerns the token.
fn cut_offs(of_each_kind: u16) -> Vec<CutOff> {
    let concerned = |number: u16| {
        let mut digest = [0; 32];
        digest[..2].copy_from_slice(&number.to_le_bytes());
        let name = format!("other-{number}");
        [
            Concerned::Token(digest),
            Concerned::Jti(name.clone()),
            Concerned::Client(name.clone()),
            Concerned::Subject(name),
        ]
    };
    let cut_off = |concerns| CutOff {
        concerns,
        identity_provider: None,
        action: Action::Deny,
        not_before: None,
        expires_at: UnixTime::MAX,
    };
    (0..of_each_kind).flat_map(concerned).map(cut_off).collect()
}

/// From the request's head to its decision, by an answer that is remembered.
#[divan::bench(args = [0, 3, 250, 2_500])]
fn remembered_answer(bencher: Bencher<'_, '_>, of_each_kind: u16) {
    let (gateway, memory) = (gateway(), Memory::default());
    let ports = Ports { shared: &memory, telemetry: &memory };
    let head = || {
        let head: [(&[u8], &[u8]); 4] = [
            (b":method", b"GET"),
            (b":authority", b"gateway"),
            (b":path", b"/api/1/x"),
            (b"authorization", b"Bearer token"),
        ];
        RequestHead::new(head.to_vec())
    };
    let Step::Introspect(exchange) = gateway.begin(&head(), NOW, ports).step else { panic!("decided") };
    let body = json!({"active": true, "client_id": "c", "sub": "s", "jti": "j", "iat": 900}).to_string();
    let response = IntrospectionResponse { status: Some(200), body: Some(body.as_bytes()), ..Default::default() };
    gateway.end_call(exchange.question(), &response, NOW, NOW, ports).unwrap();
    gateway.add_cut_offs(cut_offs(of_each_kind), &mut Arrivals::default(), NOW);

    bencher.bench_local(|| {
        let step = black_box(&gateway).begin(black_box(&head()), NOW, ports).step;
        assert!(matches!(step, Step::Decided(Decision::Forward(_))));
    });
}
