//! The HTTP filters that are compared.

use std::path::Path;

use anyhow::{Context, Result};
use serde_json::{Value, json};

use crate::token::ISSUER;

/// The configuration of Gatehouse, before variants change it.
const GATEHOUSE: &str = include_str!("../gatehouse.json");

/// The configuration of Gatehouse with this signing key, PKCS#8 in PEM.
pub fn gatehouse_configuration(signing_key: &str) -> Result<Value> {
    let mut configuration: Value = serde_json::from_str(GATEHOUSE).context("gatehouse.json")?;
    configuration["backendJwt"]["signingKey"] = json!({"value": signing_key});
    Ok(configuration)
}

/// A WebAssembly filter in a VM of its own.
pub fn wasm(name: &str, module: &str, configuration: &Value) -> Value {
    let path = Path::new("target/wasm32-wasip1/release").join(module);
    json!({
        "name": name,
        "typed_config": {
            "@type": "type.googleapis.com/envoy.extensions.filters.http.wasm.v3.Wasm",
            "config": {
                "name": name,
                "root_id": name,
                "failure_policy": "FAIL_RELOAD",
                "vm_config": {
                    "vm_id": name,
                    "runtime": "envoy.wasm.runtime.v8",
                    "code": {"local": {"filename": path}},
                },
                "configuration": {
                    "@type": "type.googleapis.com/google.protobuf.StringValue",
                    "value": configuration.to_string(),
                },
            },
        },
    })
}

/// Gatehouse.
pub fn gatehouse(name: &str, configuration: &Value) -> Value {
    wasm(name, "gatehouse.wasm", configuration)
}

/// Envoy's own JWT filter.
pub fn jwt_authn(key_set: &Value, cached: bool) -> Value {
    let mut provider = json!({"issuer": ISSUER, "local_jwks": {"inline_string": key_set.to_string()}});
    if cached {
        provider["jwt_cache_config"] = json!({"jwt_cache_size": 100});
    }
    json!({
        "name": "envoy.filters.http.jwt_authn",
        "typed_config": {
            "@type": "type.googleapis.com/envoy.extensions.filters.http.jwt_authn.v3.JwtAuthentication",
            "providers": {"idp": provider},
            "rules": [{"match": {"prefix": "/"}, "requires": {"provider_name": "idp"}}],
        },
    })
}

/// Envoy's own filter that asks a service, here the cluster `authorizer`.
pub fn ext_authz() -> Value {
    json!({
        "name": "envoy.filters.http.ext_authz",
        "typed_config": {
            "@type": "type.googleapis.com/envoy.extensions.filters.http.ext_authz.v3.ExtAuthz",
            "http_service": {
                "server_uri": {"uri": "http://authorizer", "cluster": "authorizer", "timeout": "2s"},
                "authorization_request": {"allowed_headers": {"patterns": [{"exact": "authorization"}]}},
            },
        },
    })
}

/// The same WebAssembly filter, on a host that offers it everything but foreign functions, so that it has to sign by
/// itself.
pub fn without_foreign_functions(mut filter: Value) -> Value {
    const CALLBACKS: &str = "memory_allocate vm_start configure context_create request_headers request_body \
        request_trailers http_call_response queue_ready tick delete";
    const HOST_CALLS: &str = "get_current_time_nanoseconds get_header_map_pairs get_header_map_value \
        replace_header_map_value remove_header_map_value add_header_map_value get_buffer_bytes get_shared_data \
        set_shared_data register_shared_queue resolve_shared_queue enqueue_shared_queue dequeue_shared_queue \
        set_effective_context continue_stream send_local_response set_property get_property define_metric \
        increment_metric record_metric get_metric http_call log get_log_level set_tick_period_milliseconds \
        get_status done";
    const WASI: &str = "clock_time_get random_get environ_get environ_sizes_get fd_write proc_exit args_get \
        args_sizes_get clock_res_get fd_read fd_seek fd_close fd_fdstat_get sched_yield";
    let callbacks = CALLBACKS.split_whitespace().map(|name| format!("proxy_on_{name}"));
    let host_calls = HOST_CALLS.split_whitespace().map(|name| format!("proxy_{name}"));
    let names = callbacks.chain(host_calls).chain(WASI.split_whitespace().map(ToOwned::to_owned));
    let allowed: serde_json::Map<String, Value> = names.map(|name| (name, json!({}))).collect();
    filter["typed_config"]["config"]["capability_restriction_config"] = json!({"allowed_capabilities": allowed});
    filter
}
