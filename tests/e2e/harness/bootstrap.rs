//! Envoy's bootstrap: one listener with the filter, on the weakest set-up of the host that there is.

use std::net::SocketAddr;
use std::path::Path;

use serde_json::{Value, json};

use super::access_log;
use super::backend::BACKEND;

/// What is generated from.
pub(crate) struct Bootstrap<'s> {
    pub(crate) vm_id: &'s str,
    pub(crate) module: &'s Path,
    /// The plugin's configuration, as text: it need not be JSON.
    pub(crate) configuration: &'s str,
    pub(crate) environment: &'s [String],
    pub(crate) clusters: &'s [(String, Option<SocketAddr>)],
    pub(crate) access_log: &'s Path,
}

impl Bootstrap<'_> {
    pub(crate) fn to_json(&self) -> Value {
        let mut clusters = vec![cluster("backend", Some(BACKEND.address))];
        clusters.extend(self.clusters.iter().map(|(name, address)| cluster(name, *address)));
        json!({
            "admin": {"address": free_port()},
            "stats_config": {"stats_tags": stats_tags()},
            // Else histograms come seconds late.
            "stats_flush_on_admin": true,
            "static_resources": {"listeners": [self.listener()], "clusters": clusters},
        })
    }

    fn listener(&self) -> Value {
        // No path normalisation, and underscores in header names pass: what the filter must not rely on is off.
        let connection_manager = json!({
            "@type": "type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager",
            "stat_prefix": "gateway",
            "codec_type": "AUTO",
            "normalize_path": false,
            "merge_slashes": false,
            "path_with_escaped_slashes_action": "KEEP_UNCHANGED",
            "common_http_protocol_options": {"headers_with_underscores_action": "ALLOW"},
            "upgrade_configs": [{"upgrade_type": "websocket"}, {"upgrade_type": "CONNECT"}],
            "access_log": [access_log::configuration(self.access_log)],
            "http_filters": [self.filter(), {
                "name": "envoy.filters.http.router",
                "typed_config": {"@type": "type.googleapis.com/envoy.extensions.filters.http.router.v3.Router"},
            }],
            "route_config": {"virtual_hosts": [{"name": "all", "domains": ["*"], "routes": [
                {"match": {"connect_matcher": {}}, "route": {"cluster": "backend"}},
                {"match": {"prefix": "/"}, "route": {"cluster": "backend"}},
            ]}]},
        });
        json!({
            "name": "gateway",
            "address": free_port(),
            "filter_chains": [{"filters": [{
                "name": "envoy.filters.network.http_connection_manager",
                "typed_config": connection_manager,
            }]}],
        })
    }

    fn filter(&self) -> Value {
        json!({
            "name": "gatehouse",
            "typed_config": {
                "@type": "type.googleapis.com/envoy.extensions.filters.http.wasm.v3.Wasm",
                "config": {
                    "name": "gatehouse",
                    "root_id": "gatehouse",
                    "failure_policy": "FAIL_RELOAD",
                    "vm_config": {
                        "vm_id": self.vm_id,
                        "runtime": "envoy.wasm.runtime.v8",
                        "code": {"local": {"filename": self.module}},
                        "environment_variables": {"host_env_keys": self.environment},
                    },
                    "configuration": {
                        "@type": "type.googleapis.com/google.protobuf.StringValue",
                        "value": self.configuration,
                    },
                },
            },
        })
    }
}

fn free_port() -> Value {
    json!({"socket_address": {"address": "127.0.0.1", "port_value": 0}})
}

/// A cluster with one endpoint, or with none.
fn cluster(name: &str, address: Option<SocketAddr>) -> Value {
    let endpoints: Vec<_> = address
        .map(|address| {
            let address = json!({"address": address.ip(), "port_value": address.port()});
            json!({"endpoint": {"address": {"socket_address": address}}})
        })
        .into_iter()
        .collect();
    json!({
        "name": name,
        "type": "STATIC",
        "connect_timeout": "1s",
        "load_assignment": {"cluster_name": name, "endpoints": [{"lb_endpoints": endpoints}]},
    })
}

/// The labels of the filter's metrics, which the host knows only as parts of a name.
fn stats_tags() -> Value {
    let tag = |name: &str, regex: &str| json!({"tag_name": name, "regex": format!("^wasmcustom\\.{regex}")});
    json!([
        tag("decision", r"gatehouse_requests(\.decision\.(\w+))"),
        tag("reason", r"gatehouse_requests\.decision\.\w+(\.reason\.(\w+))"),
        tag("idp", r"gatehouse_introspection_calls(\.idp\.([a-z0-9-]+))"),
        tag("outcome", r"gatehouse_introspection_calls\.idp\.[a-z0-9-]+(\.outcome\.(\w+))"),
        tag("level", r"gatehouse_cache_lookups(\.level\.(\w+))"),
        tag("result", r"gatehouse_cache_lookups\.level\.\w+(\.result\.(\w+))"),
    ])
}
