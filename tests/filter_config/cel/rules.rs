//! The rules, each with the message by which its CRD knows it.

use serde_json::Value;

/// A rule about the `spec` of a kind.
pub(crate) struct Rule {
    pub(crate) kind: &'static str,
    pub(crate) message: &'static str,
    pub(crate) holds: fn(&Value) -> bool,
}

pub(crate) const ONE_TARGET: &str = "only one of targetRefs or selector can be set";
pub(crate) const SAME_NAMESPACE: &str = "cross namespace referencing is not currently supported";
pub(crate) const NO_WILDCARD_KEY: &str = "wildcard not allowed in label key match";
pub(crate) const NO_EMPTY_KEY: &str = "key must not be empty";
pub(crate) const NO_WILDCARD_VALUE: &str = "wildcard not allowed in label value match";
pub(crate) const URL_SCHEME: &str = "url must have schema one of [http, https, file, oci]";
pub(crate) const HOST_WITHOUT_VALUE: &str = "value may only be set when valueFrom is INLINE";
pub(crate) const WASM_OR_LUA: &str = "exactly one of wasm or lua must be set";
pub(crate) const ONE_KIND_OF_TARGET: &str = "either targetRef or targetRefs must be used";
pub(crate) const TARGET_GROUP: &str = "this policy can only have a targetRef.group of gateway.networking.k8s.io";
pub(crate) const TARGET_KIND: &str = concat!(
    "this policy can only have a targetRef.kind of ",
    "Gateway/ListenerSet/HTTPRoute/GRPCRoute/TCPRoute/UDPRoute/TLSRoute"
);
pub(crate) const TARGETS_GROUP: &str = "this policy can only have a targetRefs[*].group of gateway.networking.k8s.io";
pub(crate) const TARGETS_KIND: &str = concat!(
    "this policy can only have a targetRefs[*].kind of ",
    "Gateway/ListenerSet/HTTPRoute/GRPCRoute/TCPRoute/UDPRoute/TLSRoute"
);
pub(crate) const MERGE_ON_ROUTES: &str = "mergeType can only be used with xRoute targets";
pub(crate) const NO_REPLACE: &str = "Replace is not a valid MergeType for EnvoyExtensionPolicy";
pub(crate) const SELECTOR_GROUP: &str = "group must be gateway.networking.k8s.io";
pub(crate) const SELECTOR_NAMESPACES: &str = "selector must be specified when from is Selector";
pub(crate) const HTTP_CODE: &str = "If type is HTTP, http field needs to be set.";
pub(crate) const IMAGE_CODE: &str = "If type is Image, image field needs to be set.";
pub(crate) const PULL_SECRET: &str = "only support Secret kind.";

const WASM_PLUGIN: &str = "WasmPlugin";
const TRAFFIC_EXTENSION: &str = "TrafficExtension";
const EXTENSION_POLICY: &str = "EnvoyExtensionPolicy";

const GATEWAY_API: &str = "gateway.networking.k8s.io";
const ROUTES: [&str; 5] = ["HTTPRoute", "GRPCRoute", "UDPRoute", "TCPRoute", "TLSRoute"];

const fn rule(kind: &'static str, message: &'static str, holds: fn(&Value) -> bool) -> Rule {
    Rule { kind, message, holds }
}

pub(crate) const RULES: [Rule; 27] = [
    rule(WASM_PLUGIN, ONE_TARGET, one_target),
    rule(WASM_PLUGIN, SAME_NAMESPACE, same_namespace),
    rule(WASM_PLUGIN, NO_WILDCARD_KEY, |spec| labels(spec).all(|(key, _)| !key.contains('*'))),
    rule(WASM_PLUGIN, NO_EMPTY_KEY, |spec| labels(spec).all(|(key, _)| !key.is_empty())),
    rule(WASM_PLUGIN, NO_WILDCARD_VALUE, |spec| labels(spec).all(|(_, value)| !value.contains('*'))),
    rule(WASM_PLUGIN, URL_SCHEME, |spec| known_scheme(&spec["url"])),
    rule(WASM_PLUGIN, HOST_WITHOUT_VALUE, |spec| host_without_value(&spec["vmConfig"])),
    rule(TRAFFIC_EXTENSION, ONE_TARGET, one_target),
    rule(TRAFFIC_EXTENSION, SAME_NAMESPACE, same_namespace),
    rule(TRAFFIC_EXTENSION, NO_WILDCARD_KEY, |spec| labels(spec).all(|(key, _)| !key.contains('*'))),
    rule(TRAFFIC_EXTENSION, NO_EMPTY_KEY, |spec| labels(spec).all(|(key, _)| !key.is_empty())),
    rule(TRAFFIC_EXTENSION, NO_WILDCARD_VALUE, |spec| labels(spec).all(|(_, value)| !value.contains('*'))),
    rule(TRAFFIC_EXTENSION, URL_SCHEME, |spec| known_scheme(&spec["wasm"]["url"])),
    rule(TRAFFIC_EXTENSION, HOST_WITHOUT_VALUE, |spec| host_without_value(&spec["wasm"]["vmConfig"])),
    rule(TRAFFIC_EXTENSION, WASM_OR_LUA, |spec| has(spec, "wasm") != has(spec, "lua")),
    rule(EXTENSION_POLICY, ONE_KIND_OF_TARGET, |spec| {
        has(spec, "targetRef") != has(spec, "targetRefs") || each(&spec["targetSelectors"]).next().is_some()
    }),
    rule(EXTENSION_POLICY, TARGET_GROUP, |spec| !has(spec, "targetRef") || spec["targetRef"]["group"] == GATEWAY_API),
    rule(EXTENSION_POLICY, TARGET_KIND, |spec| !has(spec, "targetRef") || can_be_target(&spec["targetRef"])),
    rule(EXTENSION_POLICY, TARGETS_GROUP, |spec| each(&spec["targetRefs"]).all(|one| one["group"] == GATEWAY_API)),
    rule(EXTENSION_POLICY, TARGETS_KIND, |spec| each(&spec["targetRefs"]).all(can_be_target)),
    rule(EXTENSION_POLICY, MERGE_ON_ROUTES, |spec| {
        !has(spec, "mergeType") || targets(spec).all(|target| is_kind(target, &ROUTES))
    }),
    rule(EXTENSION_POLICY, NO_REPLACE, |spec| spec["mergeType"] != "Replace"),
    rule(EXTENSION_POLICY, SELECTOR_GROUP, |spec| {
        each(&spec["targetSelectors"]).all(|one| !has(one, "group") || one["group"] == GATEWAY_API)
    }),
    rule(EXTENSION_POLICY, SELECTOR_NAMESPACES, |spec| {
        let mut namespaces = each(&spec["targetSelectors"]).map(|one| &one["namespaces"]);
        namespaces.all(|namespaces| namespaces["from"] != "Selector" || has(namespaces, "selector"))
    }),
    rule(EXTENSION_POLICY, HTTP_CODE, |spec| codes(spec).all(|code| (code["type"] == "HTTP") == has(code, "http"))),
    rule(EXTENSION_POLICY, IMAGE_CODE, |spec| codes(spec).all(|code| (code["type"] == "Image") == has(code, "image"))),
    rule(EXTENSION_POLICY, PULL_SECRET, |spec| {
        let mut references = codes(spec).map(|code| &code["image"]["pullSecretRef"]);
        references.all(|reference| !has(reference, "kind") || reference["kind"] == "Secret")
    }),
];

fn has(node: &Value, member: &str) -> bool {
    node.get(member).is_some()
}

fn each(list: &Value) -> impl Iterator<Item = &Value> {
    list.as_array().into_iter().flatten()
}

fn one_target(spec: &Value) -> bool {
    ["selector", "targetRef", "targetRefs"].iter().filter(|member| has(spec, member)).count() <= 1
}

fn same_namespace(spec: &Value) -> bool {
    let namespace = |target: &Value| target["namespace"].as_str().unwrap_or_default().is_empty();
    targets(spec).all(namespace)
}

fn targets(spec: &Value) -> impl Iterator<Item = &Value> {
    spec.get("targetRef").into_iter().chain(each(&spec["targetRefs"]))
}

fn labels(spec: &Value) -> impl Iterator<Item = (&str, &str)> {
    let labels = spec["selector"]["matchLabels"].as_object().into_iter().flatten();
    labels.map(|(key, value)| (key.as_str(), value.as_str().unwrap_or_default()))
}

/// Without a scheme it is an OCI reference.
fn known_scheme(url: &Value) -> bool {
    let url = url.as_str().unwrap_or_default();
    url.split_once("://").is_none_or(|(scheme, _)| ["http", "https", "file", "oci"].contains(&scheme))
}

fn host_without_value(vm_config: &Value) -> bool {
    each(&vm_config["env"]).all(|variable| variable["valueFrom"] != "HOST" || !has(variable, "value"))
}

fn is_kind(target: &Value, kinds: &[&str]) -> bool {
    kinds.iter().any(|kind| target["kind"] == *kind)
}

fn can_be_target(target: &Value) -> bool {
    is_kind(target, &["Gateway", "ListenerSet"]) || is_kind(target, &ROUTES)
}

fn codes(spec: &Value) -> impl Iterator<Item = &Value> {
    each(&spec["wasm"]).map(|wasm| &wasm["code"])
}
