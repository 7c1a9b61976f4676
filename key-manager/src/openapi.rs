//! The `OpenAPI` document of everything that is served but for operators' listener: the REST API's contracts, and what
//! clients and gateways ask, in `openapi/`.

use std::sync::LazyLock;

use serde_json::{Map, Value, json};

use crate::rest;

static CLIENTS: LazyLock<Value> = LazyLock::new(|| read(include_str!("openapi/clients.json")));
static GATEWAYS: LazyLock<Value> = LazyLock::new(|| read(include_str!("openapi/gateways.json")));

fn read(text: &str) -> Value {
    serde_json::from_str(text).unwrap_or_default()
}

/// The document.
pub fn document() -> Value {
    let (mut paths, mut schemas) = rest::openapi();
    for part in [&*CLIENTS, &*GATEWAYS] {
        paths.extend(members(part, "/paths"));
        schemas.extend(members(part, "/components/schemas"));
    }
    json!({
        "openapi": "3.0.3",
        "info": { "title": "Gatehouse key manager", "version": env!("CARGO_PKG_VERSION") },
        "paths": paths,
        "components": {
            "schemas": schemas,
            "securitySchemes": {
                "OAuth2Security": { "type": "http", "scheme": "bearer" },
                "ClientCredentials": { "type": "http", "scheme": "basic" },
                "RegistrationAccessToken": { "type": "http", "scheme": "bearer" },
                "GatewayCredential": { "type": "http", "scheme": "bearer" },
                "ResourceServerCredential": { "type": "http", "scheme": "basic" },
            },
        },
    })
}

fn members(document: &Value, pointer: &str) -> Map<String, Value> {
    document.pointer(pointer).and_then(Value::as_object).cloned().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::operations::Operations;

    fn told(document: &Value) -> BTreeSet<(String, String)> {
        let paths = members(document, "/paths").into_iter();
        let of_path = |(path, item): (String, Value)| {
            let methods: Vec<String> =
                item.as_object().into_iter().flatten().map(|(method, _)| method.clone()).collect();
            methods.into_iter().map(move |method| (method, path.clone()))
        };
        paths.flat_map(of_path).collect()
    }

    #[test]
    fn tells_of_what_clients_and_gateways_are_served_and_of_nothing_else() {
        let served = |operations: Operations| operations.names().collect::<BTreeSet<_>>();
        assert_eq!(told(&CLIENTS), served(crate::oauth2::operations()));
        assert_eq!(told(&GATEWAYS), served(crate::feed::http::operations()));
    }

    #[test]
    fn every_security_scheme_is_one_of_the_document() {
        let document = document();
        let known = members(&document, "/components/securitySchemes");
        for (method, path) in told(&document) {
            let operation = &document["paths"][&path][&method];
            for scheme in operation["security"].as_array().into_iter().flatten().filter_map(Value::as_object).flatten()
            {
                assert!(known.contains_key(scheme.0), "{method} {path}: {}", scheme.0);
            }
        }
    }
}
