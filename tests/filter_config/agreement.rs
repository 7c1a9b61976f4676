//! The schema and the parser say the same of wrong configurations, as far as a schema can.

use serde_json::{Value, json};

use super::edit::{with, without};
use super::reading::{TEST_ONLY_SIGNING_KEY, read_text, refusal};
use super::{place, plugin_schema};

/// Whether a schema can see what is wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Seen {
    BySchema,
    /// It takes a look at other fields, at the environment, or at a text's meaning.
    ByParserAlone,
}
use Seen::{ByParserAlone, BySchema};

fn full() -> Value {
    place::json(&place::filter_config("full.json"))
}

const IDP: &str = "/identityProviders/0";
const API: &str = "/registry/apis/0";

/// Asserts that `full.json` with each change is refused for the field named, by the schema too where it can.
fn assert_refused(cases: &[(&str, &str, Value, &str, Seen)]) {
    let (full, schema) = (full(), plugin_schema::validator());
    for (place, member, value, path, seen) in cases {
        let name = format!("{place}/{member}: {value}");
        let wrong = with(&full, &format!("{place}/{member}"), value.clone());

        let refusal = refusal(&wrong).unwrap_or_else(|| panic!("{name} is accepted"));
        let (found, _) = refusal.split_once(": ").expect("a path and a reason");
        assert_eq!(found, *path, "{name} is refused with: {refusal}");
        assert_eq!(schema.is_valid(&wrong), *seen == ByParserAlone, "{name}: the schema");
    }
}

#[test]
fn wrong_types_and_unknown_names_are_refused_by_both() {
    let case = |place, member, value, path| (place, member, value, path, BySchema);
    assert_refused(&[
        case("", "extra", json!(1), "extra"),
        case("", "keyManager", json!({}), "keyManager"),
        case("", "identityProviders", json!({}), "identityProviders"),
        case("", "realm", json!(7), "realm"),
        case("", "tokenBytes", json!(-1), "tokenBytes"),
        case("", "tokenBytes", json!("4096"), "tokenBytes"),
        case("", "unmatched", json!("pass"), "unmatched"),
        case("", "publish", json!(["decision", "secret"]), "publish[1]"),
        case("", "publish", Value::Null, "publish"),
        case("", "forwardAuthorization", json!("yes"), "forwardAuthorization"),
        case(IDP, "tokens", json!([{"prefix": "a", "any": true}]), "identityProviders[0].tokens[0]"),
        case(IDP, "tokens", json!([{"suffix": "a"}]), "identityProviders[0].tokens[0]"),
        case(IDP, "clockSkew", json!(5), "identityProviders[0].clockSkew"),
        case(IDP, "clockSkew", json!("five"), "identityProviders[0].clockSkew"),
        case(IDP, "outage", json!({"mode": "open"}), "identityProviders[0].outage.mode"),
        case(IDP, "breaker", json!({"failures": "5"}), "identityProviders[0].breaker.failures"),
        case("/cache/introspection", "refreshAhead", json!(1), "cache.introspection.refreshAhead"),
        case("/backendJwt", "lifetime", json!("900"), "backendJwt.lifetime"),
        case("/backendJwt", "signingKey", json!({"keyManager": "yes"}), "backendJwt.signingKey.keyManager"),
        case("/backendJwt", "signingKey", json!({"env": "A", "value": "b"}), "backendJwt.signingKey"),
        case(API, "enforcement", json!("off"), "registry.apis[0].enforcement"),
        case(API, "lifeCycleStatus", json!("Published"), "registry.apis[0].lifeCycleStatus"),
        case(API, "version", json!(1.0), "registry.apis[0].version"),
        case("/registry/apis/0/operations/0", "verb", json!("get"), "registry.apis[0].operations[0].verb"),
        case("/registry/apis/0/operations/0", "authType", json!("User"), "registry.apis[0].operations[0].authType"),
        case("/registry/applications/0", "attributes", json!({"a": 1}), "registry.applications[0].attributes.a"),
        case("/registry/applications/0/keys/0", "keyType", json!("TEST"), "registry.applications[0].keys[0].keyType"),
        case("/registry/subscriptions/0", "state", json!("ACTIVE"), "registry.subscriptions[0].state"),
        case("/registry", "revocations", json!([{"kind": "all", "action": "deny"}]), "registry.revocations[0]"),
    ]);
}

#[test]
fn tokens_of_one_shape_belong_to_one_identity_provider_of_an_api() {
    let mut of_one_shape = full()["identityProviders"][0].clone();
    of_one_shape["name"] = json!("other");
    let two = with(&full(), "/identityProviders/-", of_one_shape);
    assert_eq!(refusal(&two), None, "each API names its own");

    let of_any = with(&two, "/registry/apis/0/identityProviders", json!([]));
    let refusal = refusal(&of_any).expect("a refusal");
    assert!(refusal.starts_with("registry.apis[0].identityProviders: "), "{refusal}");
}

#[test]
fn wrong_values_and_references_are_refused_by_the_parser() {
    let mut twice = full()["identityProviders"][0].clone();
    twice["tokens"] = json!([{"prefix": "other_"}]);
    let case = |place, member, value, path| (place, member, value, path, ByParserAlone);
    let introspection = "/identityProviders/0/introspection";
    let authentication = "/identityProviders/0/introspection/clientAuthentication";
    let secret = "identityProviders[0].introspection.clientAuthentication.clientSecret";
    assert_refused(&[
        case("/identityProviders", "-", twice, "identityProviders[3].name"),
        case(IDP, "outage", json!({"mode": "stale"}), "identityProviders[0].outage.for"),
        case(IDP, "outage", json!({"mode": "deny", "for": "60s"}), "identityProviders[0].outage.for"),
        case("", "identityProviders", json!([]), "identityProviders"),
        case("", "tokenBytes", json!(0), "tokenBytes"),
        case("", "realm", json!("a\"b"), "realm"),
        case(IDP, "name", json!("Corporate"), "identityProviders[0].name"),
        case(IDP, "tokens", json!([]), "identityProviders[0].tokens"),
        case(IDP, "concurrentCalls", json!(0), "identityProviders[0].concurrentCalls"),
        case(IDP, "breaker", json!({"failures": 0}), "identityProviders[0].breaker"),
        case(introspection, "timeout", json!("31s"), "identityProviders[0].introspection.timeout"),
        case(introspection, "path", json!("introspect"), "identityProviders[0].introspection.path"),
        case(introspection, "inactiveStatuses", json!([200]), "identityProviders[0].introspection.inactiveStatuses"),
        case(introspection, "parameters", json!({"token": "a"}), "identityProviders[0].introspection.parameters.token"),
        case(authentication, "clientSecret", json!({"env": "NOT_SET"}), secret),
        case(authentication, "clientSecret", json!({"value": ""}), secret),
        case("/cache/introspection", "sharedEntries", json!(1000), "cache.introspection.sharedEntries"),
        case("/backendJwt", "lifetime", json!("25h"), "backendJwt.lifetime"),
        case("/backendJwt", "header", json!("Authorization"), "backendJwt.header"),
        case("/backendJwt", "jwksPath", json!("/"), "backendJwt.jwksPath"),
        case("/backendJwt", "signingKey", json!({"value": "no key"}), "backendJwt.signingKey"),
        case("/backendJwt", "forwardClaims", json!(["sub"]), "backendJwt.forwardClaims[0]"),
        case(API, "context", json!("/"), "registry.apis[0].context"),
        case(API, "reportAuthentication", json!(true), "registry.apis[0].reportAuthentication"),
        case(API, "hosts", json!(["a b"]), "registry.apis[0].hosts[0]"),
        case(API, "identityProviders", json!(["other"]), "registry.apis[0].identityProviders[0]"),
        case("/registry/apis", "-", full()["registry"]["apis"][0].clone(), "registry.apis[1].context"),
        case("/registry/apis/0/operations/0", "target", json!("menu"), "registry.apis[0].operations[0].target"),
        case("/registry/apis/0/operations/1", "scopes", json!(["a b"]), "registry.apis[0].operations[1].scopes[0]"),
        case("/registry/subscriptions/0", "apiId", json!("Other-1.0.0"), "registry.subscriptions[0].apiId"),
        case(
            "/registry/applications/0/keys/0",
            "identityProvider",
            json!("other"),
            "registry.applications[0].keys[0].identityProvider",
        ),
    ]);
}

#[test]
fn fields_that_must_be_there_are_missed_by_both() {
    let (full, schema) = (full(), plugin_schema::validator());
    for (pointer, path) in [
        ("/identityProviders", "$"),
        ("/keyManager/cluster", "keyManager"),
        ("/identityProviders/0/introspection", "identityProviders[0]"),
        ("/backendJwt/issuer", "backendJwt"),
        ("/registry/apis/0/operations", "registry.apis[0]"),
        ("/registry/apis/0/operations/0/verb", "registry.apis[0].operations[0]"),
        ("/registry/applications/0/keys", "registry.applications[0]"),
        ("/registry/subscriptions/0/apiId", "registry.subscriptions[0]"),
    ] {
        let wrong = without(&full, pointer);

        let refusal = refusal(&wrong).unwrap_or_else(|| panic!("without {pointer} it is accepted"));
        assert!(refusal.starts_with(&format!("{path}: missing field")), "{pointer}: {refusal}");
        assert!(!schema.is_valid(&wrong), "{pointer}: the schema");
    }
    let wrong = without(&place::json(&place::filter_config("minimal.json")), "/registry");
    assert_eq!(refusal(&wrong).as_deref(), Some("$: missing field `registry`, or `keyManager`"));
    assert!(!schema.is_valid(&wrong), "neither registry nor key manager: the schema");
}

#[test]
fn fields_that_may_be_null_may_be_null_in_both() {
    let (full, schema) = (full(), plugin_schema::validator());
    for pointer in
        ["/backendJwt", "/backendJwt/jwksPath", "/backendJwt/keyId", "/resourceMetadata", "/identityProviders/0/issuer"]
    {
        let document = with(&full, pointer, Value::Null);

        assert_eq!(refusal(&document), None, "{pointer}");
        assert!(schema.is_valid(&document), "{pointer}: the schema");
    }
}

#[test]
fn a_member_that_is_there_twice_is_refused() {
    let twice = r#"{"identityProviders": [], "identityProviders": [], "registry": {}}"#;

    let refusal = read_text(twice).expect_err("refused").to_string();

    assert!(refusal.contains("the member `identityProviders` is there twice"), "{refusal}");
}

#[test]
fn a_refusal_does_not_repeat_a_secret() {
    let full = full();
    for (pointer, value) in [
        ("/backendJwt/signingKey", json!(TEST_ONLY_SIGNING_KEY)),
        ("/backendJwt/signingKey", json!({"value": [TEST_ONLY_SIGNING_KEY]})),
        ("/backendJwt/signingKey", json!({"value": TEST_ONLY_SIGNING_KEY.replace("BEGIN", "START")})),
    ] {
        let refusal = refusal(&with(&full, pointer, value)).expect("refused");

        let lines = TEST_ONLY_SIGNING_KEY.lines().filter(|line| !line.starts_with('-'));
        assert!(lines.clone().count() > 0);
        for line in lines {
            assert!(!refusal.contains(line), "{refusal}");
        }
    }
}
