//! Envoy's listener with the filter.

use std::path::PathBuf;

use serde_json::{Value, json};

use super::access_log;
use super::host::Host;

/// What is generated from.
#[derive(Clone)]
pub(crate) struct Listener {
    pub(crate) vm_id: String,
    pub(crate) module: PathBuf,
    /// The plugin's configuration, as text: it need not be JSON.
    pub(crate) configuration: String,
    /// The variables of Envoy's environment that the filter may read.
    pub(crate) environment: Vec<String>,
    pub(crate) access_log: PathBuf,
    pub(crate) host: Host,
    /// Whether Envoy hands the filter a request's body while the filter has yet to decide by its headers.
    pub(crate) body_while_undecided: bool,
    /// When Envoy gives up on a stream that stands still.
    pub(crate) stream_idle_timeout: String,
}

impl Listener {
    pub(crate) fn to_json(&self) -> Value {
        let mut connection_manager = json!({
            "@type": "type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager",
            "stat_prefix": "gateway",
            "codec_type": "AUTO",
            "stream_idle_timeout": self.stream_idle_timeout,
            // So that the filter sees trailers in HTTP/1.1 as it does in HTTP/2.
            "http_protocol_options": {"enable_trailers": true},
            "upgrade_configs": [{"upgrade_type": "websocket"}, {"upgrade_type": "CONNECT"}],
            "access_log": [access_log::configuration(&self.access_log)],
            "http_filters": [self.filter(), {
                "name": "envoy.filters.http.router",
                "typed_config": {"@type": "type.googleapis.com/envoy.extensions.filters.http.router.v3.Router"},
            }],
            "route_config": {"virtual_hosts": [{"name": "all", "domains": ["*"], "routes": [
                {"match": {"connect_matcher": {}}, "route": {"cluster": "backend"}},
                {"match": {"prefix": "/"}, "route": {"cluster": "backend"}},
            ]}]},
        });
        for (name, value) in self.host.options().as_object().expect("the host's options") {
            connection_manager[name] = value.clone();
        }
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
                    "allow_on_headers_stop_iteration": self.body_while_undecided,
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

/// An address on which to listen; Envoy tells which port it got.
pub(crate) fn free_port() -> Value {
    json!({"socket_address": {"address": "127.0.0.1", "port_value": 0}})
}
