use std::collections::BTreeSet;

use serde_json::{Map, Value, json};

use super::*;
use crate::config::raw::{Api, Application, LifeCycleStatus, Plugin};
#[cfg(all(target_arch = "wasm32", target_os = "unknown"))]
use wasm_bindgen_test::wasm_bindgen_test as test;

fn api(member: &str, value: Value) -> Value {
    let mut api = json!({"name": "A", "version": "1", "context": "/a", "operations": []});
    api[member] = value;
    api
}

#[test]
fn a_lenient_reading_ignores_members_that_are_not_known() {
    let api = api("operations", json!([{"verb": "GET", "target": "/a", "later": 1}]));
    assert!(read::<Api>(&api).is_err());

    let (read, fault) = read_lenient::<Api>(&api);

    assert_eq!((read.operations.len(), fault), (1, None));
}

#[test]
fn a_lenient_reading_tells_of_a_record_what_it_could_read() {
    for (member, value, expected) in [
        ("lifeCycleStatus", json!("PAUSED"), "lifeCycleStatus: unknown variant `PAUSED`, expected one of `CREATED`, "),
        ("operations", json!([{"verb": "QUERY", "target": "/"}]), "operations[0].verb: unknown variant `QUERY`"),
        ("operations", json!([{"verb": "GET"}]), "operations[0]: missing field `target`"),
        ("scopeMatching", json!(1), "scopeMatching: found number, expected a string"),
        ("id", json!([]), "id: found array, expected a string"),
    ] {
        let (read, fault) = read_lenient::<Api>(&api(member, value));

        assert_eq!((read.name.as_str(), read.context.as_str()), ("A", "/a"));
        let fault = fault.expect(expected).to_string();
        assert!(fault.starts_with(expected), "expected {expected}\n   found {fault}");
    }
}

#[test]
fn nothing_that_stands_in_for_what_is_wrong_lets_a_request_through() {
    let read = read_lenient::<Api>(&api("lifeCycleStatus", json!("PAUSED"))).0;
    assert_eq!(read.life_cycle_status, LifeCycleStatus::Blocked);

    for value in [json!(null), json!([]), json!("x"), json!({"id": 1, "keys": {}})] {
        let (read, fault) = read_lenient::<Application>(&value);

        assert!(fault.is_some() && read.id.is_empty() && read.keys.is_empty(), "{value}");
    }
}

#[test]
fn of_all_faults_the_first_is_told() {
    let api = json!({"name": 1, "version": 2, "context": "/a", "operations": [], "extra": 3});

    let fault = read::<Api>(&api).unwrap_err().to_string();

    assert_eq!(fault, "name: found number, expected a string");
}

#[test]
fn numbers_have_their_bounds() {
    let statuses = |status: Value| {
        json!({"identityProviders": [{"name": "a", "introspection": {
            "cluster": "a", "authority": "a", "path": "/", "clientAuthentication": {"method": "none"},
            "inactiveStatuses": [status],
        }}], "registry": {}})
    };
    assert!(read::<Plugin>(&statuses(json!(65535))).is_ok());
    for (status, expected) in [
        (json!(65536), "found 65536, expected at most 65535"),
        (json!(-1), "found number, expected a whole number, not negative"),
        (json!(1.5), "found number, expected a whole number, not negative"),
    ] {
        let fault = read::<Plugin>(&statuses(status)).unwrap_err().to_string();
        assert_eq!(fault, format!("identityProviders[0].introspection.inactiveStatuses[0]: {expected}"));
    }
}

/// The schema is generated from the same types, but by attributes of their own.
mod schema {
    use super::*;
    #[cfg(all(target_arch = "wasm32", target_os = "unknown"))]
    use wasm_bindgen_test::wasm_bindgen_test as test;

    const SCHEMA: &str = include_str!("../../../../filter-config/schema.json");

    /// Has each object of a configuration once, and nothing that has a default.
    fn smallest() -> Value {
        json!({
            "identityProviders": [{
                "name": "a",
                "introspection": {
                    "cluster": "a", "authority": "a", "path": "/",
                    "clientAuthentication": {"method": "none", "clientSecret": {"value": "a"}},
                    "signedResponse": {"jwks": {}},
                },
                "claims": {"applicationToken": [{"claim": "a", "equals": "b"}]},
                "outage": {}, "breaker": {},
            }],
            "cache": {"introspection": {}, "backendJwt": {}},
            "backendJwt": {"issuer": "a", "signingKey": {"env": "A"}},
            "keyManager": {"cluster": "a", "authority": "a", "credential": {"env": "A"}, "gateway": "a"},
            "registry": {
                "apis": [{"name": "A", "version": "1", "context": "/a", "operations": [{"verb": "GET", "target": "/"}]}],
                "applications": [{"id": "a", "keys": [{"identityProvider": "a", "clientId": "a"}]}],
                "subscriptions": [{"apiId": "a", "applicationId": "a"}],
                "revocations": [{"kind": "all", "action": "deny", "notBefore": 1, "expiresAt": 2}],
            },
        })
    }

    /// Calls `visit` for each object that the schema describes, with its properties, and counts them.
    fn visit(
        schema: &Value,
        node: &Value,
        value: &mut Value,
        visit_object: &mut dyn FnMut(&Map<String, Value>, &mut Value),
    ) {
        let reference = node["$ref"].as_str().or_else(|| node["anyOf"][0]["$ref"].as_str());
        let node = reference.map_or(node, |reference| schema.pointer(&reference[1..]).unwrap());
        if let Value::Array(items) = value {
            for item in items {
                visit(schema, &node["items"], item, visit_object);
            }
        }
        let Some(properties) = node["properties"].as_object() else { return };
        for (name, property) in properties {
            if let Some(member) = value.get_mut(name) {
                visit(schema, property, member, visit_object);
            }
        }
        visit_object(properties, value);
    }

    fn shown(configuration: &Value) -> String {
        format!("{:?}", read::<Plugin>(configuration).unwrap())
    }

    #[test]
    fn names_the_defaults_that_the_reader_takes() {
        let schema: Value = serde_json::from_str(SCHEMA).unwrap();
        let mut filled = smallest();
        let mut defaults = 0;
        visit(&schema, &schema, &mut filled, &mut |properties, object| {
            for (name, property) in properties {
                let Some(default) = property.get("default").filter(|_| object.get(name).is_none()) else { continue };
                object[name] = default.clone();
                defaults += 1;
            }
        });

        assert!(defaults > 40, "only {defaults}");
        assert_eq!(shown(&filled), shown(&smallest()));
    }

    #[test]
    fn names_the_members_that_the_reader_knows() {
        let schema: Value = serde_json::from_str(SCHEMA).unwrap();
        let (mut objects, mut seen) = (0, BTreeSet::new());
        visit(&schema, &schema, &mut smallest(), &mut |properties, _| {
            objects += 1;
            seen.insert(Value::from(properties.clone()).to_string());
        });
        let definitions = schema["$defs"].as_object().unwrap().values();
        let described = definitions.filter(|definition| definition["properties"].is_object()).count();
        assert_eq!(seen.len(), described + 1, "an object that is not in the sample");
        for position in 0..objects {
            let (mut index, mut wrong, mut expected) = (0, smallest(), Vec::new());
            visit(&schema, &schema, &mut wrong, &mut |properties, object| {
                if index == position {
                    object["unknown"] = json!(1);
                    expected = properties.keys().map(|name| format!("`{name}`")).collect();
                }
                index += 1;
            });

            let fault = read::<Plugin>(&wrong).unwrap_err().to_string();

            let (_, known) = fault.split_once(": unknown field `unknown`, expected ").expect(&fault);
            let mut known: Vec<&str> = known.strip_prefix("one of ").unwrap_or(known).split(", ").collect();
            known.sort_unstable();
            assert_eq!(known, expected, "{fault}");
        }
    }
}
