//! What stands in the manifests: which documents, what each platform is told, which plugin configuration.

use serde_json::Value;

use super::reading::{read_text, refusal};
use super::{place, plugin_schema};

pub(crate) const WASM_PLUGIN: &str = "istio/wasm-plugin.yaml";
pub(crate) const TRAFFIC_EXTENSION: &str = "istio/traffic-extension.yaml";
pub(crate) const EXTENSION_POLICY: &str = "envoy-gateway/envoy-extension-policy.yaml";

/// Every manifest for Kubernetes, with the kinds of its documents. The first three are held against their CRDs by
/// `crd` and `cel`; what matters in the others is checked by `fitting`.
const MANIFESTS: [(&str, &[&str]); 8] = [
    (EXTENSION_POLICY, &["EnvoyExtensionPolicy"]),
    (TRAFFIC_EXTENSION, &["TrafficExtension"]),
    (WASM_PLUGIN, &["WasmPlugin"]),
    ("envoy-gateway/envoy-proxy.yaml", &["EnvoyProxy"]),
    ("envoy-gateway/identity-provider.yaml", &["Backend", "BackendTLSPolicy", "HTTPRoute"]),
    ("istio/cors-first.yaml", &["EnvoyFilter"]),
    ("istio/identity-provider.yaml", &["ServiceEntry", "DestinationRule"]),
    ("istio/stats-tags.yaml", &["ConfigMap"]),
];

/// The only document of a manifest.
pub(crate) fn document(name: &str) -> Value {
    place::document(&place::filter_config(name))
}

/// The document of a kind in a manifest that has several.
pub(crate) fn document_of_kind(name: &str, kind: &str) -> Value {
    let documents = place::documents(&place::filter_config(name));
    documents.into_iter().find(|document| document["kind"] == kind).expect("a document of the kind")
}

/// The Wasm filter of `envoy.yaml`.
pub(crate) fn envoy_plugin() -> Value {
    let filters = envoy_http_filters();
    filters.into_iter().find(|filter| filter["name"] == "gatehouse").expect("the filter")["typed_config"]["config"]
        .take()
}

pub(crate) fn envoy_http_filters() -> Vec<Value> {
    let envoy = document("envoy.yaml");
    let manager = &envoy["static_resources"]["listeners"][0]["filter_chains"][0]["filters"][0]["typed_config"];
    manager["http_filters"].as_array().expect("HTTP filters").clone()
}

/// The plugin configuration of each manifest that has one.
pub(crate) fn plugin_configurations() -> [(&'static str, Value); 4] {
    let text = envoy_plugin()["configuration"]["value"].take();
    let text = text.as_str().expect("text");
    assert!(read_text(text).is_ok());
    [
        ("envoy.yaml", serde_json::from_str(text).expect("JSON")),
        (WASM_PLUGIN, document(WASM_PLUGIN)["spec"]["pluginConfig"].take()),
        (TRAFFIC_EXTENSION, document(TRAFFIC_EXTENSION)["spec"]["wasm"]["pluginConfig"].take()),
        (EXTENSION_POLICY, document(EXTENSION_POLICY)["spec"]["wasm"][0]["config"].take()),
    ]
}

#[test]
fn no_manifest_and_no_document_is_left_out_of_the_checks() {
    let mut found = Vec::new();
    for folder in ["envoy-gateway", "istio"] {
        for entry in std::fs::read_dir(place::filter_config(folder)).expect("the folder") {
            let file = entry.expect("an entry").file_name();
            let name = format!("{folder}/{}", file.to_str().expect("UTF-8"));
            let documents = place::documents(&place::filter_config(&name));
            found.push((name, documents.iter().map(|one| one["kind"].clone()).collect::<Vec<_>>()));
        }
    }
    found.sort_by(|one, other| one.0.cmp(&other.0));

    let mut expected =
        MANIFESTS.map(|(name, kinds)| (name.to_owned(), kinds.iter().map(|&kind| kind.into()).collect()));
    expected.sort_by(|one, other| one.0.cmp(&other.0));
    assert_eq!(found, expected);
}

#[test]
fn the_filter_and_the_schema_accept_the_configuration_in_each_manifest() {
    let schema = plugin_schema::validator();
    for (name, configuration) in plugin_configurations() {
        assert_eq!(refusal(&configuration), None, "{name}");
        assert_eq!(plugin_schema::violations(&schema, &configuration), [""; 0], "{name}");
    }
}

#[test]
fn every_platform_is_told_to_fail_closed() {
    let at = |name: &str, pointer: &str| document(name).pointer(pointer).cloned();

    assert_eq!(envoy_plugin()["failure_policy"], "FAIL_RELOAD");
    assert_eq!(at(WASM_PLUGIN, "/spec/failStrategy"), Some("FAIL_RELOAD".into()));
    assert_eq!(at(TRAFFIC_EXTENSION, "/spec/wasm/failStrategy"), Some("FAIL_RELOAD".into()));
    assert_eq!(at(EXTENSION_POLICY, "/spec/wasm/0/failOpen"), Some(false.into()));
}

#[test]
fn the_filter_stands_before_authentication_and_on_every_port_of_a_gateway() {
    for name in [WASM_PLUGIN, TRAFFIC_EXTENSION] {
        let spec = document(name)["spec"].take();

        assert_eq!(spec["phase"], "AUTHN", "{name}");
        assert_eq!(spec["match"], serde_json::json!([{"mode": "CLIENT"}]), "{name}");
    }
}

#[test]
fn the_two_manifests_for_istio_say_the_same() {
    let mut plugin = document(WASM_PLUGIN)["spec"].take();
    let mut extension = document(TRAFFIC_EXTENSION)["spec"].take();
    let wasm = extension.as_object_mut().expect("an object").remove("wasm").expect("`wasm`");
    let members = extension.as_object_mut().expect("an object");
    members.extend(wasm.as_object().expect("an object").clone());

    assert_eq!(plugin.take(), extension);
}
