//! A backend JWT is used again only for what it was made from, whatever of that changes at run time.

use super::*;
#[cfg(all(target_arch = "wasm32", target_os = "unknown"))]
use wasm_bindgen_test::wasm_bindgen_test as test;

const ORDER: &str = "/pizza/1/order";

/// Changes a configuration.
type Edit = fn(&mut Value);

fn parsed(edit: Edit) -> Configuration {
    let mut configuration = configuration();
    edit(&mut configuration);
    Configuration::parse(configuration.to_string().as_bytes(), &|_| None).unwrap()
}

/// A gateway that has made a JWT for a caller of [`ORDER`].
fn fixture() -> Fixture {
    let fixture = Fixture::new();
    assert_eq!(fixture.reason("GET", ORDER), "allow");
    assert_eq!(fixture.count("minted"), 1);
    fixture
}

#[test]
fn s6_kept_jwts_are_not_used_once_what_they_say_has_changed() {
    let changes: [(&str, Edit, bool); 16] = [
        ("nothing", |_| {}, false),
        ("the API's name", |all| all["registry"]["apis"][0] = edited(&all["registry"]["apis"][0], "name", "p"), true),
        ("its audience", |all| all["registry"]["apis"][0]["audience"] = json!(["other"]), true),
        ("another API's audience", |all| all["registry"]["apis"][1]["audience"] = json!(["other"]), false),
        ("the API's place", |all| all["registry"]["apis"].as_array_mut().unwrap().rotate_left(1), false),
        ("the application's name", |all| all["registry"]["applications"][0]["name"] = json!("other"), true),
        ("its owner", |all| all["registry"]["applications"][0]["owner"] = json!("other"), true),
        ("its tier", |all| all["registry"]["applications"][0]["tier"] = json!("other"), true),
        ("its attributes", |all| all["registry"]["applications"][0]["attributes"]["team"] = json!("y"), true),
        ("another application", |all| all["registry"]["applications"][1]["owner"] = json!("other"), false),
        ("its key's type", |all| all["registry"]["applications"][0]["keys"][0]["keyType"] = json!("SANDBOX"), true),
        ("its subscription's tier", |all| all["registry"]["subscriptions"][0]["tier"] = json!("other"), true),
        ("its subscription to another API", |all| all["registry"]["subscriptions"][7]["tier"] = json!("x"), false),
        ("the client is another's", given_to_another, true),
        ("no subscription, and only a report", without_subscription, true),
        ("an operation", |all| all["registry"]["apis"][0]["operations"][0]["target"] = json!("/card"), false),
    ];
    for (name, edit, anew) in changes {
        let fixture = fixture();
        let before = claims(fixture.call("GET", ORDER));

        fixture.gateway.registry.replace(parsed(edit).registry.unwrap());
        let after = claims(fixture.call("GET", ORDER));

        assert_eq!(fixture.count("minted") == 2, anew, "{name}");
        assert_eq!(after["jti"] != before["jti"], anew, "{name}");
        assert_eq!(fixture.count("call idp active"), 1, "{name}: nobody is asked again");
    }
}

fn edited(api: &Value, member: &str, value: &str) -> Value {
    let mut api = api.clone();
    // It keeps its id, which subscriptions name.
    api["id"] = json!("pizza-1");
    api[member] = json!(value);
    api
}

fn given_to_another(all: &mut Value) {
    all["registry"]["applications"][0]["keys"][0]["clientId"] = json!("another");
    all["registry"]["applications"][1]["keys"][0]["clientId"] = json!("unblocked");
    all["registry"]["subscriptions"][1]["state"] = json!("UNBLOCKED");
}

fn without_subscription(all: &mut Value) {
    all["registry"]["apis"][0]["enforcement"] = json!("report");
    all["registry"]["subscriptions"][0]["state"] = json!("BLOCKED");
}

#[test]
fn s6_kept_jwts_are_not_used_once_they_would_be_signed_or_issued_otherwise() {
    let changes: [(&str, Edit, bool); 7] = [
        ("nothing", |_| {}, false),
        ("the key", |all| all["backendJwt"]["signingKey"]["value"] = json!(ED25519), true),
        ("its id", |all| all["backendJwt"]["keyId"] = json!("k2"), true),
        ("the issuer", |all| all["backendJwt"]["issuer"] = json!("https://other"), true),
        ("the dialect", |all| all["backendJwt"]["claimDialect"] = json!(""), true),
        ("the lifetime", |all| all["backendJwt"]["lifetime"] = json!("10m"), true),
        ("the path of its keys", |all| all["backendJwt"]["jwksPath"] = json!("/keys"), false),
    ];
    for (name, edit, anew) in changes {
        let mut fixture = fixture();

        let settings = parsed(edit).backend_jwt.unwrap();
        fixture.gateway.minter = Some(JwtMinter::new(settings, None, [1; 16]));
        fixture.call("GET", ORDER);

        assert_eq!(fixture.count("minted") == 2, anew, "{name}");
    }
}

#[test]
fn s6_kept_jwts_are_not_used_for_another_answer() {
    let mut fixture = fixture();
    let other = fixture.decide(&with_token(ORDER, "Bearer other"));
    assert_eq!((reason(&other), fixture.count("minted")), ("allow", 2), "another token");

    fixture.now += 301;
    assert_eq!((fixture.reason("GET", ORDER), fixture.count("minted")), ("allow", 3), "asked again");
}

const ED25519: &str = include_str!("../../../tests/keys/ed25519.pem");
