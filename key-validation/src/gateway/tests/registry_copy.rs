//! Decisions by the key manager's registry.

use super::*;
use crate::backend_jwt::{EquippedKey, ToldKey};
use crate::feed::FeedClient;
use crate::feed::tests::{changes, deleted, snapshot};
#[cfg(all(target_arch = "wasm32", target_os = "unknown"))]
use wasm_bindgen_test::wasm_bindgen_test as test;

/// The fixture's registry as records of the feed.
fn records(registry: &Value) -> Vec<Value> {
    let mut records = Vec::new();
    for api in registry["apis"].as_array().unwrap() {
        let id = format!("{}-{}", api["name"].as_str().unwrap(), api["version"].as_str().unwrap());
        records.push(json!({"kind": "api", "id": id, "record": api}));
    }
    for application in registry["applications"].as_array().unwrap() {
        records.push(json!({"kind": "application", "id": application["id"], "record": application}));
    }
    for subscription in registry["subscriptions"].as_array().unwrap() {
        records.push(json!({
            "kind": "subscription", "id": "s", "record": subscription,
            "applicationId": subscription["applicationId"], "apiId": subscription["apiId"],
        }));
    }
    records
}

/// A gateway that has read nothing of its key manager's registry, and what reads it.
struct Synchronised {
    fixture: Fixture,
    client: FeedClient,
    arrivals: Arrivals,
    refused: Vec<String>,
}

impl Synchronised {
    fn with(edit: impl FnOnce(&mut Value)) -> Self {
        let mut all = configuration();
        all.as_object_mut().unwrap().remove("registry");
        all["keyManager"] = json!({
            "cluster": "key-manager", "authority": "km", "credential": {"value": "s3cret"}, "gateway": "edge-1",
        });
        edit(&mut all);
        let fixture = Fixture::with(&all);
        let client = fixture.gateway.feed_client().unwrap();
        Self { fixture, client, arrivals: Arrivals::default(), refused: Vec::new() }
    }

    /// A gateway that has read these records.
    fn having(records: &[Value]) -> Self {
        let mut synchronised = Self::with(|_| {});
        synchronised.receive_all(&snapshot(1, records, 1));
        synchronised
    }

    fn standard() -> Self {
        Self::having(&records(&configuration()["registry"]))
    }

    fn receive_all(&mut self, pages: &[Value]) {
        for page in pages {
            self.receive(page);
        }
    }

    /// Takes up a page, and everything that it changes.
    fn receive(&mut self, page: &Value) {
        let (now, shared) = (UnixTime::from_seconds(self.fixture.now), &self.fixture.shared);
        self.client.request(now, shared).unwrap();
        self.client.receive(Some(200), page.to_string().as_bytes(), (now, 0), shared).unwrap();
        let gateway = &self.fixture.gateway;
        self.client.apply(&mut || false, &|change| gateway.fault(change), (now, 0), shared).unwrap();
        self.refused.extend(self.client.take_refused_record());
        assert!(!self.read(&mut || false));
    }

    fn read(&mut self, enough: &mut dyn FnMut() -> bool) -> bool {
        let now = UnixTime::from_seconds(self.fixture.now);
        self.fixture.gateway.read_copy(enough, &mut self.arrivals, now, &self.fixture.shared)
    }

    fn order(&self) -> &'static str {
        self.fixture.reason("GET", "/pizza/1/order")
    }
}

fn subscription(state: &str) -> Value {
    let record = json!({"apiId": "pizza-1", "applicationId": "unblocked", "state": state});
    json!({"kind": "subscription", "id": "s", "applicationId": "unblocked", "apiId": "pizza-1", "record": record})
}

fn api_record(edit: impl FnOnce(&mut Value)) -> Value {
    let mut record = configuration()["registry"]["apis"][0].clone();
    edit(&mut record);
    json!({"kind": "api", "id": "pizza-1", "record": record})
}

#[test]
fn before_the_registry_has_come_nothing_is_decided_and_clients_are_told_to_come_back() {
    let mut gateway = Synchronised::with(|_| {});
    let Decision::Reply(reply) = gateway.fixture.call("GET", "/pizza/1/menu") else { panic!("it passed") };
    assert_eq!((reply.status, reply.reason), (503, "not_ready"));
    assert!(reply.body.contains("900922") && reply.headers.contains(&("retry-after", "1".to_owned())));

    let pages = snapshot(1, &records(&configuration()["registry"]), 1);
    for page in &pages[..2] {
        gateway.receive(page);
        assert_eq!(gateway.order(), "not_ready", "it is not there whole");
    }
    gateway.receive(&pages[2]);
    assert_eq!(gateway.order(), "allow");
}

#[test]
fn decisions_are_those_of_the_same_registry_inline() {
    let (copied, inline) = (Synchronised::standard(), Fixture::new());
    for client in
        ["unblocked", "blocked", "prod-only", "sandbox", "on-hold", "rejected", "tier-update", "stranger", "?"]
    {
        for path in ["/pizza/1/order", "/pizza/order", "/all/1/order", "/open/1/order", "/blocked/1/order", "/none"] {
            let decide = |fixture: &Fixture| {
                let mut answer = fixture.answer.clone();
                answer["client_id"] = json!(client);
                let token = format!("Bearer {client}{path}");
                let headers = [(":method", "GET"), (":path", path), (":authority", "h"), ("authorization", &*token)];
                let Step::Introspect(exchange) = fixture.begin(&headers) else { return fixture.reason("GET", path) };
                let now = UnixTime::from_seconds(fixture.now);
                let body = answer.to_string();
                fixture.gateway.begin_call(&exchange, now).unwrap();
                let response = IntrospectionResponse {
                    status: Some(200),
                    retry_after: None,
                    content_type: None,
                    body: Some(body.as_bytes()),
                };
                let verdict = fixture.gateway.end_call(exchange.question(), &response, now, now, fixture.ports());
                reason(&fixture.gateway.resume(&exchange, &verdict, now, fixture.ports()))
            };
            assert_eq!(decide(&copied.fixture), decide(&inline), "{client} {path}");
        }
    }
}

#[test]
fn what_changes_decides_at_once_for_tokens_that_are_remembered() {
    let mut gateway = Synchronised::standard();
    assert_eq!(gateway.order(), "allow");
    let steps: [(Value, &str); 9] = [
        (subscription("BLOCKED"), "subscription_blocked"),
        (subscription("UNBLOCKED"), "allow"),
        (deleted(subscription("")), "no_subscription"),
        (subscription("UNBLOCKED"), "allow"),
        (api_record(|api| api["lifeCycleStatus"] = json!("BLOCKED")), "api_blocked"),
        (api_record(|api| api["operations"][1]["scopes"] = json!(["other"])), "insufficient_scope"),
        (deleted(api_record(|_| {})), "no_api"),
        (api_record(|_| {}), "allow"),
        (json!({"kind": "application", "id": "unblocked", "deleted": true}), "no_subscription"),
    ];
    for (number, (change, expected)) in (2..).zip(steps) {
        gateway.receive(&changes(number, std::slice::from_ref(&change)));
        assert_eq!(gateway.order(), expected, "{change}");
    }
    assert_eq!(gateway.fixture.count("call idp active"), 1);
    assert_eq!(gateway.refused, Vec::<String>::new());
}

#[test]
fn a_client_that_belonged_to_nobody_is_known_once_it_does() {
    let mut gateway = Synchronised::standard();
    gateway.fixture.answer["client_id"] = json!("new");
    assert_eq!(gateway.order(), "no_subscription");

    let key = json!({"identityProvider": "idp", "clientId": "new"});
    let application = json!({"kind": "application", "id": "n", "record": {"id": "n", "keys": [key]}});
    let record = json!({"apiId": "pizza-1", "applicationId": "n"});
    let subscription =
        json!({"kind": "subscription", "id": "s", "applicationId": "n", "apiId": "pizza-1", "record": record});
    gateway.receive(&changes(2, &[application, subscription]));

    assert_eq!(gateway.order(), "allow");
}

#[test]
fn s7_an_api_that_cannot_be_understood_denies_at_its_place_alone() {
    type Edit = fn(&mut Value);
    let edits: [(&str, Edit); 5] = [
        ("an unknown life cycle status", |api| api["lifeCycleStatus"] = json!("PAUSED")),
        ("an unknown verb", |api| api["operations"][0]["verb"] = json!("QUERY")),
        ("an unknown identity provider", |api| api["identityProviders"] = json!(["new"])),
        ("another's id", |api| api["id"] = json!("another")),
        ("operations of a wrong type", |api| api["operations"] = json!("all")),
    ];
    for (name, edit) in edits {
        let mut gateway = Synchronised::with(|all| all["unmatched"] = json!("forward"));
        let mut all = records(&configuration()["registry"]);
        all[0] = api_record(edit);
        gateway.receive_all(&snapshot(1, &all, 1));

        assert_eq!(gateway.order(), "api_blocked", "{name}");
        assert_eq!(gateway.fixture.reason("GET", "/pizza/menu"), "api_blocked", "{name}: default version");
        assert_eq!(gateway.fixture.reason("GET", "/open/1/order"), "allow", "{name}: another API");
        assert_eq!(gateway.fixture.reason("GET", "/elsewhere"), "public", "{name}");
        assert!(gateway.refused[0].starts_with("API `pizza-1`: "), "{name}: {:?}", gateway.refused);

        gateway.receive(&changes(2, &[api_record(|_| {})]));
        assert_eq!(gateway.order(), "allow", "{name}: once it can be");
    }
}

#[test]
fn where_an_api_is_served_nobody_knows_nothing_unmatched_passes() {
    type Edit = fn(&mut Value);
    let edits: [(&str, Edit); 4] = [
        ("context", |api| api["context"] = json!({"path": "/pizza"})),
        ("version", |api| api["version"] = json!(["1"])),
        ("default version", |api| api["isDefaultVersion"] = json!("yes")),
        ("hosts", |api| api["hosts"] = json!(["*.example.com"])),
    ];
    for (name, edit) in edits {
        let mut gateway = Synchronised::with(|all| all["unmatched"] = json!("forward"));
        let mut all = records(&configuration()["registry"]);
        all[0] = api_record(edit);
        gateway.receive_all(&snapshot(1, &all, 1));

        for path in ["/pizza/1/order", "/elsewhere"] {
            assert_eq!(gateway.fixture.reason("GET", path), "no_api", "{name} {path}");
        }
        assert_eq!(gateway.fixture.reason("GET", "/open/1/order"), "allow", "{name}");

        gateway.receive(&changes(2, &[api_record(|_| {})]));
        assert_eq!(gateway.fixture.reason("GET", "/elsewhere"), "public", "{name}: once it is known");
    }
}

#[test]
fn s8_where_the_copy_is_damaged_nothing_unmatched_passes() {
    let mut gateway = Synchronised::with(|all| all["unmatched"] = json!("forward"));
    gateway.receive_all(&snapshot(1, &records(&configuration()["registry"]), 1));
    assert_eq!(gateway.fixture.reason("GET", "/elsewhere"), "public");
    let bucket = crate::feed::Place::Api("pizza-1".to_owned()).bucket();
    gateway.fixture.shared.damage(&format!("/a/{bucket}"));
    // Another worker, which has yet to read it.
    gateway.fixture.gateway = Synchronised::with(|all| all["unmatched"] = json!("forward")).fixture.gateway;
    assert!(!gateway.read(&mut || false));

    for path in ["/pizza/1/order", "/elsewhere"] {
        assert_eq!(gateway.fixture.reason("GET", path), "no_api", "{path}");
    }
    assert_eq!(gateway.fixture.reason("GET", "/open/1/order"), "allow");
}

#[test]
fn two_apis_at_one_place_deny_both_and_nothing_else() {
    let mut gateway = Synchronised::standard();
    let mut other = api_record(|api| api["id"] = json!("other"));
    other["id"] = json!("other");
    gateway.receive(&changes(2, &[other.clone()]));

    assert_eq!(gateway.order(), "api_blocked");
    assert_eq!(gateway.fixture.reason("GET", "/open/1/order"), "allow");

    gateway.receive(&changes(3, &[deleted(other)]));
    assert_eq!(gateway.order(), "allow");
}

#[test]
fn an_application_or_subscription_that_cannot_be_understood_is_none() {
    let keys = |edit: fn(&mut Value)| {
        let mut record = configuration()["registry"]["applications"][0].clone();
        edit(&mut record);
        json!({"kind": "application", "id": "unblocked", "record": record})
    };
    let state = |edit: fn(&mut Value)| {
        let mut change = subscription("UNBLOCKED");
        edit(&mut change["record"]);
        change
    };
    for (name, change) in [
        ("unknown key type", keys(|record| record["keys"][0]["keyType"] = json!("STAGING"))),
        (
            "unknown identity provider",
            keys(|record| {
                record["keys"].as_array_mut().unwrap().push(json!({"identityProvider": "new", "clientId": "d"}));
            }),
        ),
        ("other application's id", keys(|record| record["id"] = json!("bank"))),
        ("wrong type", keys(|record| record["owner"] = json!(1))),
        ("no object", keys(|record| *record = json!("shop"))),
        ("unknown state", state(|record| record["state"] = json!("TRIAL"))),
        ("of another application", state(|record| record["applicationId"] = json!("bank"))),
        ("to another API", state(|record| record["apiId"] = json!("open-1"))),
    ] {
        let mut gateway = Synchronised::standard();
        gateway.receive(&changes(2, &[change]));

        assert_eq!(gateway.order(), "no_subscription", "{name}");
        assert_eq!(gateway.refused.len(), 1, "{name}");
        gateway.fixture.answer["client_id"] = json!("blocked");
        gateway.fixture.now += 1000;
        assert_eq!(gateway.order(), "subscription_blocked", "{name}: another application");
    }
}

#[test]
fn members_that_are_not_known_are_ignored() {
    let mut all = records(&configuration()["registry"]);
    for record in &mut all {
        record["record"]["since"] = json!({"year": 2031});
    }
    let gateway = Synchronised::having(&all);

    assert_eq!(gateway.order(), "allow");
    assert_eq!(gateway.refused, Vec::<String>::new());
}

#[test]
fn revocations_come_and_go_and_one_that_is_not_understood_has_all_tokens_asked_anew() {
    let revocation = |record: Value| json!({"kind": "revocation", "id": "r", "record": record});
    let mut gateway = Synchronised::standard();
    assert_eq!(gateway.order(), "allow");

    let of_client = json!({"kind": "client", "value": "unblocked", "action": "deny", "expiresAt": NOW + 500});
    gateway.fixture.answer["iat"] = json!(NOW - 10);
    gateway.fixture.now += 1;
    gateway.receive(&changes(2, &[revocation(of_client.clone())]));
    assert_ne!(gateway.order(), "allow");
    gateway.receive(&changes(3, &[deleted(revocation(of_client))]));
    gateway.fixture.now += 1;
    assert_eq!(gateway.order(), "allow");

    let asked = gateway.fixture.count("call idp active");
    let odd = json!({"kind": "device", "value": "d", "action": "deny", "expiresAt": NOW + 500});
    gateway.fixture.now += 1;
    gateway.receive(&changes(4, &[revocation(odd)]));
    gateway.fixture.now += 1;
    assert_eq!((gateway.order(), gateway.order()), ("allow", "allow"));
    assert_eq!(gateway.fixture.count("call idp active"), asked + 1, "asked once more, and then no more");
    assert_eq!(gateway.refused.len(), 1);
}

#[test]
fn the_inline_registry_serves_until_the_key_managers_has_come() {
    let inline = configuration()["registry"].clone();
    let mut gateway = Synchronised::with(|all| all["registry"] = inline.clone());
    assert_eq!(gateway.order(), "allow");

    let pages = snapshot(1, &records(&inline)[1..], 1);
    for page in &pages[..2] {
        gateway.receive(page);
        assert_eq!(gateway.order(), "allow");
    }
    gateway.receive(&pages[2]);
    assert_eq!(gateway.order(), "no_api");
}

#[test]
fn a_large_registry_is_read_in_slices_and_decides_when_it_is_read_whole() {
    let mut gateway = Synchronised::standard();
    let other = Synchronised::with(|_| {});
    gateway.fixture.gateway = other.fixture.gateway;

    let mut slices = 1;
    while gateway.read(&mut || true) {
        assert_eq!(gateway.order(), "not_ready");
        slices += 1;
    }

    assert!(slices > 10, "{slices}");
    assert_eq!(gateway.order(), "allow");
}

/// The slices in which a gateway reads the copy that follows another one, whose configuration differs so.
fn slices_after(older: &mut Synchronised, edit: impl FnOnce(&mut Value)) -> usize {
    let newer = Synchronised::with(edit).fixture.gateway;
    let older_gateway = std::mem::replace(&mut older.fixture.gateway, newer);
    older.fixture.gateway.inherit(&older_gateway, &older.fixture.shared);
    (0..1000).take_while(|_| older.read(&mut || true)).count()
}

#[test]
fn a_later_configuration_has_what_an_older_one_has_read_and_goes_on_from_there() {
    let mut all = records(&configuration()["registry"]);
    let of_client = json!({"kind": "client", "value": "unblocked", "action": "deny", "expiresAt": NOW + 500});
    let revocation = json!({"kind": "revocation", "id": "r", "record": of_client});
    all.push(revocation.clone());
    let mut gateway = Synchronised::having(&all);
    gateway.fixture.answer["iat"] = json!(NOW - 10);
    gateway.fixture.now += 1;

    assert_eq!(slices_after(&mut gateway, |all| all["realm"] = json!("another")), 1, "the one revocation");

    assert_eq!(gateway.order(), "invalid_token", "revoked");
    gateway.receive(&changes(2, &[deleted(revocation)]));
    gateway.fixture.now += 1;
    assert_eq!(gateway.order(), "allow");
    gateway.receive(&changes(3, &[api_record(|api| api["lifeCycleStatus"] = json!("BLOCKED"))]));
    assert_eq!(gateway.order(), "api_blocked");
    gateway.receive(&changes(4, &[api_record(|_| {}), subscription("BLOCKED")]));
    assert_eq!(gateway.order(), "subscription_blocked");
}

#[test]
fn nothing_is_taken_over_that_would_mean_something_else_or_is_not_there_whole() {
    let mut renamed = Synchronised::standard();
    let slices = slices_after(&mut renamed, |all| all["identityProviders"][0]["name"] = json!("other"));
    assert!(slices > 10, "{slices}");
    assert_eq!(renamed.order(), "no_subscription", "no key is of that identity provider");

    let mut claimed = Synchronised::standard();
    let slices = slices_after(&mut claimed, |all| all["identityProviders"][0]["tokens"] = json!([{"prefix": "x"}]));
    assert!(slices > 10, "{slices}");

    let mut moved = Synchronised::standard();
    assert_eq!(slices_after(&mut moved, |all| all["keyManager"]["authority"] = json!("other")), 0);
    assert_eq!(moved.order(), "not_ready");
}

#[test]
fn a_request_that_waits_is_decided_by_its_api_as_it_was_and_by_its_subscription_as_it_is() {
    let mut gateway = Synchronised::standard();
    let headers = [(":method", "GET"), (":path", "/pizza/1/order"), (":authority", "h"), BEARER];
    let Step::Introspect(exchange) = gateway.fixture.begin(&headers) else { panic!("it is known already") };
    let verdict = gateway.fixture.verdict(&exchange);
    let now = UnixTime::from_seconds(NOW);
    let resume = |gateway: &Synchronised| {
        let ports = gateway.fixture.ports();
        reason(&gateway.fixture.gateway.resume(&exchange, &verdict, now, ports))
    };

    let laxer = json!([{"verb": "GET", "target": "/*", "authType": "None"}]);
    gateway.receive(&changes(2, &[api_record(|api| api["operations"] = laxer)]));
    assert_eq!(resume(&gateway), "allow");
    gateway.receive(&changes(3, &[subscription("BLOCKED")]));
    assert_eq!(resume(&gateway), "subscription_blocked");
}

/// A key of the key manager, which signs between these times.
fn key(key_id: &str, not_before: u64, expires_at: u64) -> EquippedKey {
    let pem = crate::Secret::new(include_str!("../../../tests/keys/p256.pem"));
    let key = ToldKey {
        key_id: key_id.to_owned(),
        key: crate::jws::SigningKey::from_pem(&pem).unwrap(),
        not_before: UnixTime::from_seconds(not_before),
        expires_at: UnixTime::from_seconds(expires_at),
    };
    (key, None, [7; 16])
}

/// The `kid` of the JWT that the backend gets.
fn signed_by(decision: Decision) -> String {
    use base64::prelude::{BASE64_URL_SAFE_NO_PAD, Engine as _};
    let (_, jwt) = forward(decision).set.unwrap();
    let header = BASE64_URL_SAFE_NO_PAD.decode(jwt.split('.').next().unwrap()).unwrap();
    serde_json::from_slice::<Value>(&header).unwrap()["kid"].as_str().unwrap().to_owned()
}

#[test]
fn backend_jwts_are_signed_by_the_key_whose_time_has_come_last_and_not_at_all_without_one() {
    let mut gateway = Synchronised::with(|all| {
        all["registry"] = configuration()["registry"].clone();
        all["backendJwt"]["signingKey"] = json!({"keyManager": true});
        all["backendJwt"].as_object_mut().unwrap().remove("keyId");
    });
    assert!(gateway.fixture.gateway.awaits_signing_keys());
    assert_eq!(gateway.order(), "not_ready");
    assert_eq!(gateway.fixture.reason("GET", "/pizza/1/menu"), "public", "it needs no JWT");

    let keys = vec![key("old", 0, NOW + 100), key("new", NOW + 50, NOW + 200), key("later", NOW + 300, NOW + 400)];
    gateway.fixture.gateway.replace_signing_keys(keys);
    for (now, expected) in [(NOW, Some("old")), (NOW + 50, Some("new")), (NOW + 150, Some("new")), (NOW + 200, None)] {
        gateway.fixture.now = now;
        let decision = gateway.fixture.call("GET", "/pizza/1/order");
        match expected {
            Some(key_id) => assert_eq!(signed_by(decision), key_id, "{now}"),
            None => assert_eq!(reason(&decision), "not_ready", "{now}"),
        }
    }
    let Decision::Reply(reply) = gateway.fixture.call("GET", "/.well-known/gatehouse/jwks.json") else { panic!() };
    let set: Value = serde_json::from_str(&reply.body).unwrap();
    let key_ids: Vec<_> = set["keys"].as_array().unwrap().iter().map(|key| key["kid"].clone()).collect();
    assert_eq!(key_ids, ["old", "new", "later"], "those to come are known before they sign");
}

/// A snapshot as key managers of format 1 have told it.
const SNAPSHOT: [&str; 3] = [
    include_str!("../../../tests/feed-format-1/snapshot-1.json"),
    include_str!("../../../tests/feed-format-1/snapshot-2.json"),
    include_str!("../../../tests/feed-format-1/snapshot-3.json"),
];

/// What key managers of format 1 have said, and go on saying to filters that are newer or older.
#[test]
fn pages_of_format_1_are_understood_as_they_were() {
    const CHANGES: &str = include_str!("../../../tests/feed-format-1/changes.json");
    const ACKNOWLEDGEMENT: &str = include_str!("../../../tests/feed-format-1/acknowledgement.json");
    let mut gateway = Synchronised::with(|_| {});
    for page in SNAPSHOT {
        gateway.receive(&serde_json::from_str(page).unwrap());
    }
    gateway.fixture.answer =
        json!({"active": true, "client_id": "abc123", "sub": "alice", "jti": "9a1", "scope": "order_pizza"});
    let order = |gateway: &Synchronised| gateway.fixture.reason("POST", "/pizzashack/1.0.0/order");

    assert_eq!(gateway.fixture.reason("GET", "/pizzashack/menu"), "public");
    assert_eq!(order(&gateway), "invalid_token", "revoked by its jti");
    gateway.fixture.answer["jti"] = json!("another");
    gateway.fixture.now += 400;
    assert_eq!(order(&gateway), "allow");
    gateway.receive(&serde_json::from_str(CHANGES).unwrap());
    assert_eq!(order(&gateway), "subscription_blocked");

    let told = gateway.client.acknowledgement(&crate::feed::Revision { epoch: "2f1c7d6e".to_owned(), number: 1044 });
    assert_eq!(told.body, ACKNOWLEDGEMENT.trim());
    assert_eq!(gateway.refused, Vec::<String>::new());
}

#[test]
fn what_a_newer_key_manager_adds_to_format_1_is_left_alone() {
    const CHANGES: &str = include_str!("../../../tests/feed-format-1/newer-changes.json");
    let mut gateway = Synchronised::with(|_| {});
    for page in SNAPSHOT.into_iter().chain([CHANGES]) {
        gateway.receive(&serde_json::from_str(page).unwrap());
    }

    gateway.fixture.answer =
        json!({"active": true, "client_id": "abc123", "sub": "alice", "jti": "another", "scope": "order_pizza"});
    assert_eq!(gateway.fixture.reason("DELETE", "/pizzashack/1.0.0/order/7"), "allow", "an operation that is new");
    assert_eq!(gateway.fixture.reason("GET", "/pizzashack/menu"), "public");
    gateway.fixture.answer["jti"] = json!("9a2");
    gateway.fixture.now += 400;
    assert_eq!(gateway.fixture.reason("POST", "/pizzashack/1.0.0/order"), "invalid_token", "a cut-off that is new");
    assert_eq!(gateway.refused, Vec::<String>::new());
    let told = gateway.client.acknowledgement(&crate::feed::Revision { epoch: "2f1c7d6e".to_owned(), number: 1046 });
    let told: Value = serde_json::from_str(&told.body).unwrap();
    assert_eq!((&told["refusedRecords"], &told["refusedPages"]), (&json!(2), &json!(0)), "of a kind nobody knows");
}
