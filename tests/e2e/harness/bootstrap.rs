//! Envoy's bootstrap: one listener with the filter, the clusters, the names of the metrics.

use std::net::SocketAddr;

use serde_json::{Value, json};

use super::backend::BACKEND;
use super::listener::{Listener, free_port};
use super::watched::Watched;

/// What is generated from.
pub(super) struct Bootstrap<'s> {
    pub(super) listener: &'s Listener,
    /// Where the listener comes from, unless the bootstrap has it.
    pub(super) watched: Option<&'s Watched>,
    pub(super) clusters: &'s [Value],
}

impl Bootstrap<'_> {
    pub(super) fn to_json(&self) -> Value {
        let mut clusters = vec![cluster("backend", &[BACKEND.address])];
        clusters.extend_from_slice(self.clusters);
        let mut bootstrap = json!({
            // Nothing depends on it, but who has resources delivered must have a name.
            "node": {"id": "gateway", "cluster": "gateway"},
            "admin": {"address": free_port()},
            "stats_config": {"stats_tags": stats_tags()},
            // Else histograms come seconds late.
            "stats_flush_on_admin": true,
            "static_resources": {"clusters": clusters},
        });
        match self.watched {
            None => bootstrap["static_resources"]["listeners"] = json!([self.listener.to_json()]),
            Some(watched) => bootstrap["dynamic_resources"] = json!({"lds_config": watched.source()}),
        }
        bootstrap
    }
}

/// A cluster with these endpoints, which Envoy takes in turns.
pub(super) fn cluster(name: &str, addresses: &[SocketAddr]) -> Value {
    let endpoints: Vec<_> = addresses
        .iter()
        .map(|address| {
            let address = json!({"address": address.ip(), "port_value": address.port()});
            json!({"endpoint": {"address": {"socket_address": address}}})
        })
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
