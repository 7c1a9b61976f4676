//! The manifests fit together: clusters, secrets, labels, the order of filters. What a control plane would accept and
//! what would then not work.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::manifests::{
    EXTENSION_POLICY, TRAFFIC_EXTENSION, WASM_PLUGIN, document, document_of_kind, envoy_http_filters, envoy_plugin,
    plugin_configurations,
};
use super::place;

const ISTIO_IDP: &str = "istio/identity-provider.yaml";
const GATEWAY_IDP: &str = "envoy-gateway/identity-provider.yaml";
const IDP_HOST: &str = "idp.example.com";

/// The cluster that the filter calls, by the manifest with its configuration.
fn called_cluster(manifest: &str) -> Value {
    let configurations = plugin_configurations();
    let (_, configuration) = configurations.iter().find(|one| one.0 == manifest).expect("a configuration");
    let introspection = &configuration["identityProviders"][0]["introspection"];
    assert_eq!(introspection["authority"], IDP_HOST, "{manifest}");
    introspection["cluster"].clone()
}

#[test]
fn the_plain_envoy_has_the_cluster_and_it_checks_the_certificate() {
    let envoy = document("envoy.yaml");
    let clusters = envoy["static_resources"]["clusters"].as_array().expect("clusters");
    let called = called_cluster("envoy.yaml");
    let cluster = clusters.iter().find(|cluster| cluster["name"] == called).expect("the cluster that is called");

    let tls = &cluster["transport_socket"]["typed_config"];
    let validation = &tls["common_tls_context"]["validation_context"];
    assert_eq!(tls["sni"], IDP_HOST);
    assert!(validation["trusted_ca"]["filename"].is_string());
    assert_eq!(
        validation["match_typed_subject_alt_names"],
        json!([{"san_type": "DNS", "matcher": {"exact": IDP_HOST}}])
    );
}

#[test]
fn istio_makes_the_cluster_and_it_checks_the_certificate() {
    let entry = document_of_kind(ISTIO_IDP, "ServiceEntry");
    let rule = document_of_kind(ISTIO_IDP, "DestinationRule");

    let cluster = format!("outbound|{}||{}", entry["spec"]["ports"][0]["number"], IDP_HOST);
    assert_eq!(entry["spec"]["hosts"], json!([IDP_HOST]));
    assert_eq!(rule["spec"]["host"], IDP_HOST);
    let tls = &rule["spec"]["trafficPolicy"]["tls"];
    assert_eq!(*tls, json!({"mode": "SIMPLE", "sni": IDP_HOST, "subjectAltNames": [IDP_HOST]}));
    for name in [WASM_PLUGIN, TRAFFIC_EXTENSION] {
        assert_eq!(called_cluster(name), cluster.as_str(), "{name}");
        let namespace = &document(name)["metadata"]["namespace"];
        for document in [&entry, &rule] {
            assert_eq!(document["metadata"]["namespace"], *namespace, "{name}");
            assert_eq!(document["spec"]["exportTo"], json!(["."]), "{name}");
        }
    }
}

#[test]
fn envoy_gateway_makes_the_cluster_and_it_checks_the_certificate() {
    let backend = document_of_kind(GATEWAY_IDP, "Backend");
    let policy = document_of_kind(GATEWAY_IDP, "BackendTLSPolicy");
    let route = document_of_kind(GATEWAY_IDP, "HTTPRoute");
    let reference = json!({
        "group": "gateway.envoyproxy.io", "kind": "Backend", "name": backend["metadata"]["name"],
    });

    let metadata = &route["metadata"];
    let text = |member: &str| metadata[member].as_str().expect("text").to_owned();
    let cluster = format!("httproute/{}/{}/rule/0", text("namespace"), text("name"));
    assert_eq!(called_cluster(EXTENSION_POLICY), cluster.as_str());
    assert_eq!(route["spec"]["rules"].as_array().map(Vec::len), Some(1));
    assert_eq!(route["spec"]["rules"][0]["backendRefs"], json!([reference]));
    assert_eq!(policy["spec"]["targetRefs"], json!([reference]));
    assert_eq!(policy["spec"]["validation"], json!({"hostname": IDP_HOST, "wellKnownCACertificates": "System"}));
    assert_eq!(backend["spec"]["endpoints"], json!([{"fqdn": {"hostname": IDP_HOST, "port": 443}}]));
}

#[test]
fn the_route_that_makes_the_cluster_is_closed_by_the_filter() {
    let policy = document(EXTENSION_POLICY);
    let route = document_of_kind(GATEWAY_IDP, "HTTPRoute");
    let configurations = plugin_configurations();
    let (_, configuration) = configurations.iter().find(|one| one.0 == EXTENSION_POLICY).expect("a configuration");

    assert_eq!(policy["spec"]["targetRefs"][0]["kind"], "Gateway");
    assert_eq!(route["spec"]["parentRefs"], json!([{"name": policy["spec"]["targetRefs"][0]["name"]}]));
    assert_eq!(configuration.get("unmatched"), None, "the default is to reject");
    let path = route["spec"]["rules"][0]["matches"][0]["path"]["value"].as_str().expect("a path");
    for api in configuration["registry"]["apis"].as_array().expect("APIs") {
        assert!(!path.starts_with(api["context"].as_str().expect("a context")), "{path}");
    }
}

/// Every `{"env": name}` in a configuration.
fn secrets(node: &Value, names: &mut BTreeSet<String>) {
    match node {
        Value::Object(members) => {
            names.extend(members.get("env").and_then(Value::as_str).map(str::to_owned));
            members.values().for_each(|member| secrets(member, names));
        }
        Value::Array(items) => items.iter().for_each(|item| secrets(item, names)),
        _ => {}
    }
}

#[test]
fn the_vm_gets_the_variables_that_the_configuration_asks_for_and_no_others() {
    let names = |list: &Value| -> BTreeSet<String> {
        list.as_array().into_iter().flatten().filter_map(Value::as_str).map(str::to_owned).collect()
    };
    let names_of_items = |list: &Value| -> BTreeSet<String> {
        list.as_array().into_iter().flatten().filter_map(|one| one["name"].as_str()).map(str::to_owned).collect()
    };
    let expected = BTreeSet::from(["GATEHOUSE_IDP_SECRET", "GATEHOUSE_SIGNING_KEY"].map(str::to_owned));

    for (name, configuration) in plugin_configurations() {
        let mut asked = BTreeSet::new();
        secrets(&configuration, &mut asked);
        assert_eq!(asked, expected, "{name}");
    }
    assert_eq!(names(&envoy_plugin()["vm_config"]["environment_variables"]["host_env_keys"]), expected);
    assert_eq!(names_of_items(&document(WASM_PLUGIN)["spec"]["vmConfig"]["env"]), expected);
    assert_eq!(names_of_items(&document(TRAFFIC_EXTENSION)["spec"]["wasm"]["vmConfig"]["env"]), expected);
    assert_eq!(names(&document(EXTENSION_POLICY)["spec"]["wasm"][0]["env"]["hostKeys"]), expected);
    let proxy = document("envoy-gateway/envoy-proxy.yaml");
    let container = &proxy["spec"]["provider"]["kubernetes"]["envoyDeployment"]["container"];
    assert_eq!(names_of_items(&container["env"]), expected);
}

#[test]
fn the_labels_of_the_metrics_are_the_same_everywhere() {
    let expected = document("envoy.yaml")["stats_config"]["stats_tags"].take();
    assert_eq!(expected.as_array().map(Vec::len), Some(6));

    let demo = place::document(&place::repository_root().join("envoy-demo/envoy.yaml"));
    let config_map = document("istio/stats-tags.yaml");
    let istio = config_map["data"]["custom_bootstrap.json"].as_str().expect("text");
    let proxy = document("envoy-gateway/envoy-proxy.yaml");
    let gateway = proxy["spec"]["bootstrap"]["value"].as_str().expect("text");
    for (name, bootstrap) in [
        ("envoy-demo", demo),
        ("istio", serde_json::from_str(istio).expect("JSON")),
        ("envoy-gateway", serde_norway::from_str(gateway).expect("YAML")),
    ] {
        assert_eq!(bootstrap["stats_config"]["stats_tags"], expected, "{name}");
    }
}

#[test]
fn cors_stands_first() {
    let filters = envoy_http_filters();
    let names: Vec<_> = filters.iter().map(|filter| filter["name"].as_str().expect("a name")).collect();
    assert_eq!(names, ["envoy.filters.http.cors", "gatehouse", "envoy.filters.http.router"]);

    let patch = document("istio/cors-first.yaml")["spec"]["configPatches"][0].take();
    assert_eq!(patch["match"]["context"], "GATEWAY");
    assert_eq!(patch["patch"], json!({"operation": "INSERT_FIRST", "value": filters[0]}));
}
