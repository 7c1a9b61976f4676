//! The rules of the CRDs that are written in CEL, which a JSON Schema does not have: said again in Rust.

mod rules;

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::crd::{CONFORMS, spec_schema};
use super::edit::with;
use super::manifests::{EXTENSION_POLICY, TRAFFIC_EXTENSION, WASM_PLUGIN, document};
use rules::RULES;

/// Parts of an extension policy that are not about Wasm.
const OTHER_EXTENSIONS: [&str; 3] = ["extProc", "lua", "dynamicModule"];

/// The messages of the rules that a manifest's spec breaks.
fn broken(manifest: &Value) -> Vec<&'static str> {
    let spec = &manifest["spec"];
    let of_kind = RULES.iter().filter(|rule| manifest["kind"] == rule.kind);
    of_kind.filter(|rule| !(rule.holds)(spec)).map(|rule| rule.message).collect()
}

/// The messages of all rules in a schema, wherever they stand.
fn messages(schema: &Value, found: &mut BTreeSet<String>) {
    let rules = schema["x-kubernetes-validations"].as_array().into_iter().flatten();
    found.extend(rules.map(|rule| rule["message"].as_str().expect("a message").trim().to_owned()));
    let members = schema["properties"].as_object().into_iter().flatten();
    let members = members.filter(|(name, _)| !OTHER_EXTENSIONS.contains(&name.as_str())).map(|(_, member)| member);
    let inner = [&schema["items"], &schema["additionalProperties"]];
    members.chain(inner).filter(|inner| inner.is_object()).for_each(|inner| messages(inner, found));
}

#[test]
fn every_rule_of_the_crds_is_known() {
    for (name, fixture) in CONFORMS {
        let manifest = document(name);
        let mut published = BTreeSet::new();
        messages(&spec_schema(&manifest, fixture), &mut published);

        let of_kind = RULES.iter().filter(|rule| manifest["kind"] == rule.kind);
        let known: BTreeSet<String> = of_kind.map(|rule| rule.message.to_owned()).collect();
        assert_eq!(known, published, "{name}, {fixture}");
    }
}

#[test]
fn the_manifests_keep_every_rule() {
    for (name, _) in CONFORMS {
        assert_eq!(broken(&document(name)), [""; 0], "{name}");
    }
}

/// A manifest, what is changed in its spec, and the rule that this breaks.
type Case = (&'static str, &'static str, Value, &'static str);

fn cases_for_istio() -> Vec<Case> {
    let mut cases = vec![
        (WASM_PLUGIN, "url", json!("ftp://example.com/gatehouse.wasm"), rules::URL_SCHEME),
        (WASM_PLUGIN, "targetRef", json!({"kind": "Gateway", "name": "a"}), rules::ONE_TARGET),
        (WASM_PLUGIN, "targetRef", json!({"kind": "Gateway", "name": "a", "namespace": "b"}), rules::SAME_NAMESPACE),
        (TRAFFIC_EXTENSION, "wasm", json!({"url": "ftp://example.com/gatehouse.wasm"}), rules::URL_SCHEME),
        (TRAFFIC_EXTENSION, "lua", json!({"inlineCode": "return"}), rules::WASM_OR_LUA),
    ];
    for name in [WASM_PLUGIN, TRAFFIC_EXTENSION] {
        cases.extend([
            (name, "targetRefs", json!([{"kind": "Gateway", "name": "a"}]), rules::ONE_TARGET),
            (name, "targetRefs", json!([{"kind": "Gateway", "name": "a", "namespace": "b"}]), rules::SAME_NAMESPACE),
            (name, "selector", json!({"matchLabels": {"app*": "gateway"}}), rules::NO_WILDCARD_KEY),
            (name, "selector", json!({"matchLabels": {"": "gateway"}}), rules::NO_EMPTY_KEY),
            (name, "selector", json!({"matchLabels": {"app": "gate*"}}), rules::NO_WILDCARD_VALUE),
        ]);
    }
    let env = json!([{"name": "GATEHOUSE_IDP_SECRET", "valueFrom": "HOST", "value": "secret"}]);
    cases.push((WASM_PLUGIN, "vmConfig", json!({"env": env}), rules::HOST_WITHOUT_VALUE));
    let wasm = json!({"url": "oci://example.com/gatehouse", "vmConfig": {"env": env}});
    cases.push((TRAFFIC_EXTENSION, "wasm", wasm, rules::HOST_WITHOUT_VALUE));
    cases
}

fn cases_for_envoy_gateway() -> Vec<Case> {
    let target = |group, kind| json!({"group": group, "kind": kind, "name": "edge"});
    let gateway_api = "gateway.networking.k8s.io";
    let wasm = |code: Value| json!([{"code": code}]);
    let image = json!({"url": "oci://example.com/gatehouse"});
    let pull_secret =
        json!({"url": "oci://example.com/gatehouse", "pullSecretRef": {"kind": "ConfigMap", "name": "a"}});
    [
        ("targetRef", target(gateway_api, "Gateway"), rules::ONE_KIND_OF_TARGET),
        ("targetRef", target("apps", "Gateway"), rules::TARGET_GROUP),
        ("targetRef", target(gateway_api, "Service"), rules::TARGET_KIND),
        ("targetRefs", json!([target("apps", "Gateway")]), rules::TARGETS_GROUP),
        ("targetRefs", json!([target(gateway_api, "Service")]), rules::TARGETS_KIND),
        ("mergeType", json!("StrategicMerge"), rules::MERGE_ON_ROUTES),
        ("mergeType", json!("Replace"), rules::NO_REPLACE),
        ("targetSelectors", json!([{"group": "apps", "kind": "Gateway"}]), rules::SELECTOR_GROUP),
        (
            "targetSelectors",
            json!([{"kind": "Gateway", "namespaces": {"from": "Selector"}}]),
            rules::SELECTOR_NAMESPACES,
        ),
        ("wasm", wasm(json!({"type": "HTTP", "image": image})), rules::HTTP_CODE),
        ("wasm", wasm(json!({"type": "Image"})), rules::IMAGE_CODE),
        ("wasm", wasm(json!({"type": "Image", "image": pull_secret})), rules::PULL_SECRET),
    ]
    .map(|(member, value, message)| (EXTENSION_POLICY, member, value, message))
    .into()
}

#[test]
fn each_rule_can_be_broken() {
    let mut seen = BTreeSet::new();
    for (name, member, value, message) in cases_for_istio().into_iter().chain(cases_for_envoy_gateway()) {
        let manifest = with(&document(name), &format!("/spec/{member}"), value.clone());

        let broken = broken(&manifest);

        assert!(broken.contains(&message), "{name}: {member} = {value} breaks {broken:?}");
        seen.insert((manifest["kind"].as_str().expect("a kind").to_owned(), message));
    }
    let known: BTreeSet<_> = RULES.iter().map(|rule| (rule.kind.to_owned(), rule.message)).collect();
    assert_eq!(seen, known);
}
