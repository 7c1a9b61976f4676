//! The manifests against the structural schemas of the CRDs that control planes publish.

use jsonschema::Validator;
use serde_json::{Value, json};

use super::edit::{with, without};
use super::manifests::{EXTENSION_POLICY, TRAFFIC_EXTENSION, WASM_PLUGIN, document};
use super::{place, plugin_schema};

const ISTIO_1_29: &str = "extensions.istio.io-1.29.6.yaml";
const ISTIO_1_30: &str = "extensions.istio.io-1.30.3.yaml";
const ENVOY_GATEWAY: &str = "envoyextensionpolicies.gateway.envoyproxy.io.yaml";

/// Each manifest with each CRD that it has to conform to.
pub(crate) const CONFORMS: [(&str, &str); 4] = [
    (WASM_PLUGIN, ISTIO_1_29),
    (WASM_PLUGIN, ISTIO_1_30),
    (TRAFFIC_EXTENSION, ISTIO_1_30),
    (EXTENSION_POLICY, ENVOY_GATEWAY),
];

/// The schema of a manifest's `spec`, as the CRD in a fixture has it.
pub(crate) fn spec_schema(manifest: &Value, fixture: &str) -> Value {
    let (group, version) = manifest["apiVersion"].as_str().and_then(|text| text.split_once('/')).expect("an API");
    let crds = place::documents(&place::fixture(fixture));
    let crd = crds.iter().find(|crd| crd["spec"]["names"]["kind"] == manifest["kind"]).expect("the kind's CRD");
    assert_eq!(crd["spec"]["group"], group);
    let versions = crd["spec"]["versions"].as_array().expect("versions");
    let version = versions.iter().find(|one| one["name"] == version).expect("the manifest's version");
    version["schema"]["openAPIV3Schema"]["properties"]["spec"].clone()
}

/// Refuses members that are not in the schema, which the API server would drop without a word.
fn close(schema: &mut Value) {
    let Some(members) = schema.as_object_mut() else { return };
    let open = members.get("x-kubernetes-preserve-unknown-fields").is_some_and(|open| *open == true);
    if members.contains_key("properties") && !members.contains_key("additionalProperties") && !open {
        members.insert("additionalProperties".to_owned(), false.into());
    }
    for inner in ["items", "additionalProperties"] {
        members.get_mut(inner).into_iter().for_each(close);
    }
    members
        .get_mut("properties")
        .and_then(Value::as_object_mut)
        .into_iter()
        .flat_map(|all| all.values_mut())
        .for_each(close);
}

fn validator(manifest: &Value, fixture: &str) -> Validator {
    let mut schema = spec_schema(manifest, fixture);
    close(&mut schema);
    jsonschema::validator_for(&schema).expect("a schema")
}

#[test]
fn the_manifests_conform_to_their_crds() {
    for (name, fixture) in CONFORMS {
        let manifest = document(name);

        let violations = plugin_schema::violations(&validator(&manifest, fixture), &manifest["spec"]);

        assert_eq!(violations, [""; 0], "{name}, {fixture}");
    }
}

#[test]
fn a_manifest_has_nothing_besides_its_spec() {
    for (name, _) in CONFORMS {
        let manifest = document(name);
        let members: Vec<_> = manifest.as_object().expect("an object").keys().collect();

        assert_eq!(members, ["apiVersion", "kind", "metadata", "spec"], "{name}");
    }
}

#[test]
fn wrong_manifests_do_not_conform() {
    for (name, fixture, pointer, value) in [
        (WASM_PLUGIN, ISTIO_1_29, "/spec/failOpen", json!(false)),
        (WASM_PLUGIN, ISTIO_1_30, "/spec/failStrategy", json!("FAIL_CLOSED")),
        (WASM_PLUGIN, ISTIO_1_30, "/spec/phase", json!("UNSPECIFIED")),
        (WASM_PLUGIN, ISTIO_1_30, "/spec/sha256", json!("not a digest")),
        (WASM_PLUGIN, ISTIO_1_30, "/spec/pluginConfig", json!("{}")),
        (WASM_PLUGIN, ISTIO_1_30, "/spec/match/0/mode", json!("GATEWAY")),
        (WASM_PLUGIN, ISTIO_1_30, "/spec/vmConfig/env/0/valueFrom", json!("SECRET")),
        (WASM_PLUGIN, ISTIO_1_30, "/spec/vmConfig/env/0/secretKeyRef", json!({"name": "a", "key": "b"})),
        (TRAFFIC_EXTENSION, ISTIO_1_30, "/spec/url", json!("oci://registry.example.com/gatehouse")),
        (TRAFFIC_EXTENSION, ISTIO_1_30, "/spec/phase", json!("UNSPECIFIED_PHASE")),
        (TRAFFIC_EXTENSION, ISTIO_1_30, "/spec/lua", json!({"inlineCode": "return"})),
        (EXTENSION_POLICY, ENVOY_GATEWAY, "/spec/wasm/0/failStrategy", json!("FAIL_RELOAD")),
        (EXTENSION_POLICY, ENVOY_GATEWAY, "/spec/wasm/0/failOpen", json!("no")),
        (EXTENSION_POLICY, ENVOY_GATEWAY, "/spec/wasm/0/code/type", json!("File")),
        (EXTENSION_POLICY, ENVOY_GATEWAY, "/spec/wasm/0/env/hostKeys", json!("GATEHOUSE_IDP_SECRET")),
        (EXTENSION_POLICY, ENVOY_GATEWAY, "/spec/targetRefs/0/namespace", json!("gateways")),
    ] {
        let manifest = with(&document(name), pointer, value.clone());

        assert!(!validator(&manifest, fixture).is_valid(&manifest["spec"]), "{name}, {fixture}: {pointer} = {value}");
    }
}

#[test]
fn incomplete_manifests_do_not_conform() {
    for (name, fixture, pointer) in [
        (WASM_PLUGIN, ISTIO_1_29, "/spec/url"),
        (TRAFFIC_EXTENSION, ISTIO_1_30, "/spec/wasm/url"),
        (WASM_PLUGIN, ISTIO_1_30, "/spec/vmConfig/env/0/name"),
        (EXTENSION_POLICY, ENVOY_GATEWAY, "/spec/wasm/0/code"),
        (EXTENSION_POLICY, ENVOY_GATEWAY, "/spec/wasm/0/code/image/url"),
        (EXTENSION_POLICY, ENVOY_GATEWAY, "/spec/targetRefs/0/name"),
    ] {
        let manifest = without(&document(name), pointer);

        assert!(!validator(&manifest, fixture).is_valid(&manifest["spec"]), "{name}, {fixture}: {pointer}");
    }
}
