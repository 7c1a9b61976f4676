//! `OpenAPI` 3.0 and 3.1 documents: what they say of an API, and an API as one. No store, no HTTP.
//!
//! Auth types come from WSO2's `x-auth-type` (operation, path or document), else from the security requirements: an
//! explicit empty list is public, anything else needs a token. An alternative without credentials beside others does
//! not make an operation public.

use serde_json::{Map, Value, json};

use super::description::{auth_type, auth_type_name, verb};
use crate::domain::Api;
use crate::rest::error::Fault;

/// What a document says, as members of WSO2's `API`.
pub(super) struct Filled {
    /// `operations` and `scopes`.
    pub(super) members: Map<String, Value>,
    /// `name`, `version`, `description` and `context`, for an API that says nothing else.
    pub(super) defaults: Map<String, Value>,
}

/// Reads a document, as JSON or YAML; `field` is where it came from.
pub(super) fn read(text: &str, field: &str) -> Result<Filled, Fault> {
    let document: Value = serde_norway::from_str(text)
        .map_err(|error| Fault::new(field, format!("is neither JSON nor YAML: {error}")))?;
    let version = document.get("openapi").and_then(Value::as_str).unwrap_or_default();
    if !version.starts_with("3.0") && !version.starts_with("3.1") {
        return Err(Fault::new(field, "is no OpenAPI document of version 3.0 or 3.1"));
    }
    let operations = operations(&document, field)?;
    let scopes = scopes(&document, &operations);
    let mut members = Map::new();
    members.insert("operations".to_owned(), Value::Array(operations));
    members.insert("scopes".to_owned(), Value::Array(scopes));
    Ok(Filled { members, defaults: defaults(&document) })
}

fn defaults(document: &Value) -> Map<String, Value> {
    let of = |name: &str| document.get("info").and_then(|info| info.get(name)).and_then(Value::as_str);
    let mut defaults = Map::new();
    let title: String = of("title").unwrap_or_default().chars().filter(|one| !one.is_whitespace()).collect();
    defaults.insert("context".to_owned(), json!(format!("/{}", title.to_lowercase())));
    defaults.insert("name".to_owned(), json!(title));
    defaults.insert("version".to_owned(), json!(of("version").unwrap_or_default()));
    if let Some(description) = of("description") {
        defaults.insert("description".to_owned(), json!(description));
    }
    if let Some(context) = document.get("x-wso2-basePath").and_then(Value::as_str) {
        defaults.insert("context".to_owned(), json!(context));
    }
    defaults
}

fn operations(document: &Value, field: &str) -> Result<Vec<Value>, Fault> {
    let mut all = Vec::new();
    for (target, item) in document.get("paths").and_then(Value::as_object).into_iter().flatten() {
        for (method, operation) in item.as_object().into_iter().flatten() {
            if let Some(verb) = verb(method) {
                let path = format!("{field}: paths.{target}.{method}");
                let auth_type = auth_type_of(document, item, operation, &path)?;
                all.push(json!({
                    "verb": verb.as_str(),
                    "target": target,
                    "authType": auth_type,
                    "scopes": scopes_of(document, operation),
                }));
            }
        }
    }
    Ok(all)
}

fn auth_type_of(document: &Value, item: &Value, operation: &Value, path: &str) -> Result<&'static str, Fault> {
    let written = [operation, item, document].into_iter().find_map(|node| node.get("x-auth-type"));
    if let Some(written) = written {
        let known = written.as_str().and_then(auth_type);
        return known.map(auth_type_name).ok_or_else(|| Fault::new(path, "has an unknown x-auth-type"));
    }
    if operation.get("x-wso2-disable-security") == Some(&Value::Bool(true)) {
        return Ok("None");
    }
    let is_public = security(document, operation).and_then(Value::as_array).is_some_and(Vec::is_empty);
    Ok(if is_public { "None" } else { "Any" })
}

fn security<'a>(document: &'a Value, operation: &'a Value) -> Option<&'a Value> {
    operation.get("security").or_else(|| document.get("security"))
}

/// The scopes of all requirements, as WSO2 takes them: any of them, unless the API's `scopeMatching` says all.
fn scopes_of(document: &Value, operation: &Value) -> Vec<String> {
    let mut names: Vec<String> = Vec::new();
    let requirements = security(document, operation).and_then(Value::as_array).into_iter().flatten();
    let listed = requirements.filter_map(Value::as_object).flatten().filter(|(scheme, _)| has_scopes(document, scheme));
    let listed = listed.flat_map(|(_, scopes)| scopes.as_array().into_iter().flatten().filter_map(Value::as_str));
    let old = operation.get("x-scope").and_then(Value::as_str).unwrap_or_default().split(',').map(str::trim);
    for name in listed.chain(old).filter(|name| !name.is_empty()) {
        if !names.iter().any(|known| known == name) {
            names.push(name.to_owned());
        }
    }
    names
}

/// From 3.1 on, requirements of other schemes list roles, not scopes.
fn has_scopes(document: &Value, scheme: &str) -> bool {
    let kind = document.pointer("/components/securitySchemes").and_then(|schemes| schemes.get(scheme)?.get("type"));
    kind.is_none_or(|kind| kind == "oauth2" || kind == "openIdConnect")
}

/// The scopes that the document tells of, and those that an operation needs all the same.
fn scopes(document: &Value, operations: &[Value]) -> Vec<Value> {
    let mut all: Vec<(String, String, Vec<String>)> = Vec::new();
    let schemes = document.pointer("/components/securitySchemes").and_then(Value::as_object).into_iter().flatten();
    let flows = schemes.filter_map(|(_, scheme)| scheme.get("flows")?.as_object()).flatten();
    for (_, flow) in flows {
        let bindings = |name: &str| {
            let text = flow.get("x-scopes-bindings").and_then(|all| all.get(name)?.as_str()).unwrap_or_default();
            text.split(',').map(str::trim).filter(|role| !role.is_empty()).map(str::to_owned).collect()
        };
        for (name, told) in flow.get("scopes").and_then(Value::as_object).into_iter().flatten() {
            if !all.iter().any(|(known, ..)| known == name) {
                all.push((name.clone(), told.as_str().unwrap_or_default().to_owned(), bindings(name)));
            }
        }
    }
    let needed = operations.iter().filter_map(|operation| operation.get("scopes").and_then(Value::as_array)).flatten();
    for name in needed.filter_map(Value::as_str) {
        if !all.iter().any(|(known, ..)| known == name) {
            all.push((name.to_owned(), String::new(), Vec::new()));
        }
    }
    let described = all.into_iter().map(|(name, description, bindings)| {
        json!({ "scope": { "name": name, "description": description, "bindings": bindings }, "shared": false })
    });
    described.collect()
}

/// An API as an `OpenAPI` document: the one that it was given, with the operations that it has.
pub(in crate::rest) fn render(api: &Api) -> Value {
    let given = api.definition.as_deref().and_then(|text| serde_norway::from_str::<Value>(text).ok());
    let mut document = given.filter(Value::is_object).unwrap_or_else(|| json!({ "openapi": "3.0.1" }));
    let before = document.get("paths").cloned().unwrap_or_default();
    let mut paths = Map::new();
    for operation in &api.policy.operations {
        let method = operation.verb.as_str().to_lowercase();
        let item = before.get(&operation.target);
        let mut one = item
            .and_then(|item| item.get(&method))
            .cloned()
            .unwrap_or_else(|| json!({ "responses": { "default": { "description": "" } } }));
        if let Some(members) = one.as_object_mut() {
            members.insert("x-auth-type".to_owned(), json!(auth_type_name(operation.auth_type)));
            members.insert("security".to_owned(), json!([{ "default": operation.scopes }]));
        }
        let kept = item.and_then(Value::as_object).into_iter().flatten().filter(|(name, _)| verb(name).is_none());
        let fresh = || Value::Object(kept.map(|(name, value)| (name.clone(), value.clone())).collect());
        let item = paths.entry(operation.target.clone()).or_insert_with(fresh);
        if let Some(members) = item.as_object_mut() {
            members.insert(method, one);
        }
    }
    let info = document.get("info").cloned().unwrap_or_else(|| json!({}));
    if let Some(members) = document.as_object_mut() {
        members.insert("paths".to_owned(), Value::Object(paths));
        members.insert("info".to_owned(), titled(info, api));
        add_scheme(members, api);
    }
    document
}

fn titled(mut info: Value, api: &Api) -> Value {
    if let Some(members) = info.as_object_mut() {
        members.insert("title".to_owned(), json!(api.name));
        members.insert("version".to_owned(), json!(api.version));
    }
    info
}

/// The scheme `default`, under which WSO2 tells the scopes.
fn add_scheme(document: &mut Map<String, Value>, api: &Api) {
    let scopes: Map<_, _> = api.scopes.iter().map(|one| (one.name.clone(), json!(one.description))).collect();
    let bindings: Map<_, _> = api.scopes.iter().map(|one| (one.name.clone(), json!(one.bindings.join(",")))).collect();
    let flow = json!({ "authorizationUrl": "https://test.com", "scopes": scopes, "x-scopes-bindings": bindings });
    let components = document.entry("components").or_insert_with(|| json!({}));
    let Some(components) = components.as_object_mut() else { return };
    let schemes = components.entry("securitySchemes").or_insert_with(|| json!({}));
    if let Some(schemes) = schemes.as_object_mut() {
        schemes.insert("default".to_owned(), json!({ "type": "oauth2", "flows": { "implicit": flow } }));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PIZZA: &str = "
openapi: 3.1.0
info: {title: Pizza Shack, version: 1.0.0}
security: [{oauth: [order]}]
paths:
  /menu:
    get: {security: []}
  /order:
    post: {}
    get: {x-auth-type: Application User, security: [{oauth: [order, read]}, {}]}
  /key:
    get: {security: [{key: [role]}]}
components:
  securitySchemes:
    key: {type: apiKey, in: header, name: k}
    oauth:
      type: oauth2
      flows: {implicit: {scopes: {order: Order pizza}, x-scopes-bindings: {order: 'admin, cook'}}}
";

    #[test]
    fn fills_operations_scopes_and_auth_types() {
        let filled = read(PIZZA, "file").unwrap_or_else(|fault| panic!("{fault:?}"));
        let operations = filled.members["operations"].as_array().expect("operations");
        let line = |one: &Value| format!("{} {} {} {}", one["verb"], one["target"], one["authType"], one["scopes"]);
        let mut told: Vec<String> = operations.iter().map(|one| line(one).replace('"', "")).collect();
        told.sort();
        let expected = [
            "GET /key Any []",
            "GET /menu None []",
            "GET /order Application_User [order,read]",
            "POST /order Any [order]",
        ];
        assert_eq!(told, expected);
        assert_eq!(
            filled.members["scopes"][0]["scope"],
            json!({ "name": "order", "description": "Order pizza", "bindings": ["admin", "cook"] })
        );
        assert_eq!(filled.members["scopes"][1]["scope"]["name"], "read");
        assert_eq!(filled.defaults["name"], "PizzaShack");
    }

    #[test]
    fn refuses_what_is_no_openapi_3() {
        for text in [
            "swagger: '2.0'",
            "{",
            "[]",
            "openapi: 3.2.0",
            "openapi: 3.0.0\npaths: {/a: {get: {x-auth-type: Everybody}}}",
        ] {
            assert!(read(text, "file").is_err(), "{text}");
        }
    }
}
