//! The REST API: WSO2's publisher, developer portal and admin APIs as far as they are served, and Gatehouse's own
//! operators' API.
//!
//! Handlers read a request, change what the [store](crate::store) keeps in one transaction, and answer. What has to
//! reach identity providers goes through the [outbox](crate::outbox). Who may is decided in one place, before any
//! handler: by the scopes that the [`contract`] says.

pub(crate) mod admin;
pub mod caller;
pub mod contract;
pub(crate) mod devportal;
pub mod error;
mod gatehouse;
pub(crate) mod publisher;
mod request;
mod routes;
mod services;

use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::http::Method;
use serde_json::{Value, json};

pub use crate::callers::Caller;
pub use caller::Authenticate;
pub use contract::Portal;
pub(crate) use devportal::keys;
pub use error::{Fault, RestError};
pub(crate) use request::IfMatch;
pub use services::Services;

use routes::Routes;

/// All of it, under its prefixes. Paths below them that are not served answer 404 in WSO2's shape.
pub fn router(services: &Services) -> Router {
    let mut router = Router::new();
    for portal in Portal::ALL {
        router = router.nest(portal.prefix(), routes(portal).into_router(services));
    }
    router.layer(DefaultBodyLimit::max(request::BODY_BYTES))
}

/// The operations that are served: method and whole path.
pub fn operations() -> Vec<(Method, String)> {
    let of = |portal: Portal| {
        let prefix = portal.prefix();
        routes(portal).operations().into_iter().map(move |(method, path)| (method, format!("{prefix}{path}")))
    };
    Portal::ALL.into_iter().flat_map(of).collect()
}

/// Paths and schemas of all of it, as `OpenAPI` tells of them.
pub(crate) fn openapi() -> (serde_json::Map<String, Value>, serde_json::Map<String, Value>) {
    let (mut paths, mut schemas) = (serde_json::Map::new(), serde_json::Map::new());
    for portal in Portal::ALL {
        let (their_paths, their_schemas) = openapi_of(portal);
        paths.extend(their_paths);
        schemas.extend(their_schemas);
    }
    (paths, schemas)
}

/// One portal's paths and schemas; the names of schemas get the portal's in front, since each has its own `API`.
fn openapi_of(portal: Portal) -> (serde_json::Map<String, Value>, serde_json::Map<String, Value>) {
    let document = portal.contract().document();
    let name = format!("{portal:?}");
    let inlined = inline(document, &Value::Object(serde_json::Map::new()), document.get("paths"), &name);
    let schemas = document.pointer("/components/schemas").and_then(Value::as_object).cloned().unwrap_or_default();
    let paths = inlined.as_object().cloned().unwrap_or_default();
    (
        paths.into_iter().map(|(path, item)| (format!("{}{path}", portal.prefix()), item)).collect(),
        schemas
            .into_iter()
            .map(|(schema, value)| (format!("{name}{schema}"), inline(document, &Value::Null, Some(&value), &name)))
            .collect(),
    )
}

/// Copies a node: references to schemas are renamed, references to parameters and answers replaced by what they name.
fn inline(document: &Value, nothing: &Value, node: Option<&Value>, name: &str) -> Value {
    match node.unwrap_or(nothing) {
        Value::Object(members) => {
            if let Some(reference) = members.get("$ref").and_then(Value::as_str) {
                return match reference.strip_prefix("#/components/schemas/") {
                    Some(schema) => json!({ "$ref": format!("#/components/schemas/{name}{schema}") }),
                    None => inline(document, nothing, document.pointer(reference.trim_start_matches('#')), name),
                };
            }
            let copy = members.iter().map(|(key, value)| (key.clone(), inline(document, nothing, Some(value), name)));
            Value::Object(copy.collect())
        }
        Value::Array(items) => {
            Value::Array(items.iter().map(|item| inline(document, nothing, Some(item), name)).collect())
        }
        other => other.clone(),
    }
}

fn routes(portal: Portal) -> Routes {
    match portal {
        Portal::Publisher => publisher::routes(),
        Portal::Devportal => devportal::routes(),
        Portal::Admin => admin::routes(),
        Portal::Gatehouse => gatehouse::routes(),
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use std::collections::BTreeSet;

    use super::*;

    pub(crate) fn identity_provider() -> crate::domain::IdentityProvider {
        admin::blank(key_validation::UnixTime::from_seconds(0))
    }

    #[test]
    fn serves_what_the_contracts_say_and_nothing_else() {
        for portal in Portal::ALL {
            let promised: BTreeSet<_> = portal
                .contract()
                .operations()
                .map(|(method, path)| (method.to_ascii_uppercase(), path.to_owned()))
                .collect();
            let served = routes(portal).operations().into_iter();
            let served: BTreeSet<_> = served.map(|(method, path)| (method.to_string(), path)).collect();
            assert_eq!(served, promised, "{portal:?}");
        }
    }
}
