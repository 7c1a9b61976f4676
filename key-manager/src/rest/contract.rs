//! What clients of WSO2 API Manager rely on: paths, required scopes, and the members of bodies. Knows no HTTP.

use std::sync::LazyLock;

use serde_json::{Map, Value, json};

use super::error::Fault;

/// The documents in `wso2/`, and our own.
static PUBLISHER: LazyLock<Contract> = LazyLock::new(|| Contract::read(include_str!("wso2/publisher.json")));
static DEVPORTAL: LazyLock<Contract> = LazyLock::new(|| Contract::read(include_str!("wso2/devportal.json")));
static ADMIN: LazyLock<Contract> = LazyLock::new(|| Contract::read(include_str!("wso2/admin.json")));
static GATEHOUSE: LazyLock<Contract> = LazyLock::new(|| Contract::read(include_str!("gatehouse/contract.json")));

/// One of the APIs that are served.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Portal {
    /// For API developers.
    Publisher,
    /// For application developers; WSO2's developer portal, the "store".
    Devportal,
    /// For operators.
    Admin,
    /// For operators; Gatehouse's own.
    Gatehouse,
}

impl Portal {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Publisher, Self::Devportal, Self::Admin, Self::Gatehouse];

    /// Where it is served.
    pub fn prefix(self) -> &'static str {
        match self {
            Self::Publisher => "/api/am/publisher/v4",
            Self::Devportal => "/api/am/devportal/v3",
            Self::Admin => "/api/am/admin/v4",
            Self::Gatehouse => "/api/gatehouse/v1",
        }
    }

    /// What it promises.
    pub fn contract(self) -> &'static Contract {
        match self {
            Self::Publisher => &PUBLISHER,
            Self::Devportal => &DEVPORTAL,
            Self::Admin => &ADMIN,
            Self::Gatehouse => &GATEHOUSE,
        }
    }
}

/// An `OpenAPI` document, as far as it is used.
#[derive(Debug)]
pub struct Contract {
    document: Value,
}

impl Contract {
    fn read(text: &str) -> Self {
        let mut document = serde_json::from_str(text).unwrap_or_default();
        correct(&mut document);
        Self { document }
    }

    /// The document, with the corrections that `docs/rest.md` tells.
    pub fn document(&self) -> &Value {
        &self.document
    }

    /// The operations: method in lower case and path.
    pub fn operations(&self) -> impl Iterator<Item = (&str, &str)> {
        let paths = self.document.get("paths").and_then(Value::as_object).into_iter().flatten();
        paths.flat_map(|(path, methods)| {
            methods.as_object().into_iter().flatten().map(move |(method, _)| (method.as_str(), path.as_str()))
        })
    }

    /// Scopes of which a caller needs one; empty where anybody may call.
    /// `None` for an operation that there is not.
    pub fn scopes(&self, method: &str, path: &str) -> Option<Vec<&str>> {
        let operation = self.document.get("paths")?.get(path)?.get(method)?;
        let requirements = operation.get("security").and_then(Value::as_array).into_iter().flatten();
        let schemes = requirements.filter_map(Value::as_object).flatten();
        Some(
            schemes.flat_map(|(_, scopes)| scopes.as_array().into_iter().flatten().filter_map(Value::as_str)).collect(),
        )
    }

    /// Holds a body against a schema: members of no schema, wrong types and values out of bounds are faults.
    ///
    /// # Errors
    /// The first [`Fault`].
    pub fn check(&self, schema: &str, body: &Value) -> Result<(), Fault> {
        self.check_at("", &json!({ "$ref": schema }), body)
    }

    fn check_at(&self, path: &str, schema: &Value, value: &Value) -> Result<(), Fault> {
        let schema = self.resolve(schema);
        check_type(path, schema, value)?;
        check_bounds(path, schema, value)?;
        match value {
            Value::Object(members) => self.check_members(path, schema, members),
            Value::Array(items) => {
                let Some(item_schema) = schema.get("items") else { return Ok(()) };
                let mut numbered = items.iter().enumerate();
                numbered.try_for_each(|(index, item)| self.check_at(&format!("{path}[{index}]"), item_schema, item))
            }
            _ => Ok(()),
        }
    }

    fn check_members(&self, path: &str, schema: &Value, members: &Map<String, Value>) -> Result<(), Fault> {
        let known = schema.get("properties").and_then(Value::as_object).filter(|known| !known.is_empty());
        let additional = schema.get("additionalProperties");
        let below = |name: &str| if path.is_empty() { name.to_owned() } else { format!("{path}.{name}") };
        for (name, value) in members {
            match (known.and_then(|known| known.get(name)), known, additional) {
                (Some(schema), _, _) | (None, _, Some(schema)) => self.check_at(&below(name), schema, value)?,
                (None, Some(_), None) => return Err(Fault::new(below(name), "is not a member of the schema")),
                (None, None, None) => {}
            }
        }
        let required = schema.get("required").and_then(Value::as_array).into_iter().flatten();
        let missing = required.filter_map(Value::as_str).find(|name| members.get(*name).is_none_or(Value::is_null));
        missing.map_or(Ok(()), |name| Err(Fault::new(below(name), "is required")))
    }

    fn resolve<'a>(&'a self, schema: &'a Value) -> &'a Value {
        let first_of_all = schema.get("allOf").and_then(|all| all.get(0));
        let reference = first_of_all.unwrap_or(schema).get("$ref").and_then(Value::as_str);
        let name = reference.and_then(|text| text.rsplit('/').next());
        let named = name.and_then(|name| self.document.get("components")?.get("schemas")?.get(name));
        named.unwrap_or(schema)
    }
}

/// A `null` counts as absent, as it does for WSO2.
fn check_type(path: &str, schema: &Value, value: &Value) -> Result<(), Fault> {
    let expected = schema.get("type").and_then(Value::as_str);
    let fits = match expected {
        Some("string") => value.is_string(),
        Some("integer") => value.is_i64() || value.is_u64(),
        Some("number") => value.is_number(),
        Some("boolean") => value.is_boolean(),
        Some("array") => value.is_array(),
        Some("object") => value.is_object(),
        _ => true,
    };
    if fits || (value.is_null() && !path.is_empty()) {
        return Ok(());
    }
    Err(Fault::new(path, format!("must be of type {}", expected.unwrap_or_default())))
}

fn check_bounds(path: &str, schema: &Value, value: &Value) -> Result<(), Fault> {
    let Value::String(text) = value else { return Ok(()) };
    let allowed = schema.get("enum").and_then(Value::as_array);
    if let Some(allowed) = allowed.filter(|allowed| !allowed.contains(value)) {
        let names: Vec<_> = allowed.iter().filter_map(Value::as_str).collect();
        return Err(Fault::new(path, format!("must be one of {}", names.join(", "))));
    }
    let length = u64::try_from(text.chars().count()).unwrap_or(u64::MAX);
    let bound = |name: &str| schema.get(name).and_then(Value::as_u64);
    if bound("minLength").is_some_and(|least| length < least) {
        return Err(Fault::new(path, "must not be empty"));
    }
    match bound("maxLength").filter(|most| length > *most) {
        Some(most) => Err(Fault::new(path, format!("must have at most {most} characters"))),
        None => Ok(()),
    }
}

/// Where WSO2's documents contradict what WSO2 answers, and where Gatehouse has members of its own.
fn correct(document: &mut Value) {
    for method in ["get", "put"] {
        // A definition is said to be a string, and is a document.
        let schema =
            format!("/paths/~1apis~1{{apiId}}~1swagger/{method}/responses/200/content/application~1json/schema");
        if let Some(schema) = document.pointer_mut(&schema) {
            *schema = json!({ "type": "object" });
        }
    }
    let Some(schemas) = document.pointer_mut("/components/schemas").and_then(Value::as_object_mut) else { return };
    let Some(api) = schemas.get_mut("API").and_then(|api| api.get_mut("properties")).and_then(Value::as_object_mut)
    else {
        return;
    };
    let names = json!({ "type": "array", "items": { "type": "string" } });
    api.insert("keyManagers".to_owned(), names.clone());
    api.insert("hosts".to_owned(), names.clone());
    api.insert("backendAudience".to_owned(), names);
    api.insert("subscriptionValidation".to_owned(), json!({ "type": "boolean" }));
    api.insert("scopeMatching".to_owned(), json!({ "type": "string", "enum": ["any", "all"] }));
    for ambiguity in ["encodedSlashes", "pathParameters"] {
        api.insert(ambiguity.to_owned(), json!({ "type": "string", "enum": ["reject", "allow"] }));
    }
    let registration = json!({ "type": "object", "additionalProperties": {} });
    api.insert("registrations".to_owned(), json!({ "type": "array", "readOnly": true, "items": registration }));
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fault(schema: &str, body: &Value) -> String {
        let fault = Portal::Publisher.contract().check(schema, body).expect_err("a fault");
        format!("{}: {}", fault.field, fault.reason)
    }

    #[test]
    fn names_the_field_that_is_wrong() {
        let pizza = |more: Value| {
            let mut body = json!({ "name": "P", "version": "1", "context": "/p" });
            body.as_object_mut().unwrap().append(more.clone().as_object_mut().unwrap());
            body
        };
        let cases = [
            (json!({ "nonsense": 1 }), "nonsense: is not a member of the schema"),
            (json!({ "operations": [{ "tarjet": "/" }] }), "operations[0].tarjet: is not a member of the schema"),
            (json!({ "tags": "a" }), "tags: must be of type array"),
            (json!({ "visibility": "SECRET" }), "visibility: must be one of PUBLIC, PRIVATE, RESTRICTED"),
            (json!({ "version": "1".repeat(31) }), "version: must have at most 30 characters"),
            (json!({ "name": "" }), "name: must not be empty"),
            (json!({ "context": null }), "context: is required"),
            (json!({ "scopes": [{ "scope": {} }] }), "scopes[0].scope.name: is required"),
        ];
        for (more, expected) in cases {
            assert_eq!(fault("API", &pizza(more)), expected);
        }
    }

    #[test]
    fn takes_members_that_mean_nothing_here() {
        let body = json!({ "name": "P", "version": "1", "context": "/p", "policies": ["Gold"], "registrations": [{}],
            "endpointConfig": { "anything": { "at": "all" } }, "additionalProperties": [{ "name": "a", "value": "b" }] });
        Portal::Publisher.contract().check("API", &body).expect("no fault");
    }

    #[test]
    fn every_operation_says_its_scopes() {
        for portal in Portal::ALL {
            let contract = portal.contract();
            assert!(contract.operations().count() > 0, "{portal:?}");
            for (method, path) in contract.operations() {
                let scopes = contract.scopes(method, path).expect("an operation");
                let public = portal == Portal::Devportal && path.starts_with("/apis");
                assert_eq!(scopes.is_empty(), public, "{method} {path}: {scopes:?}");
            }
        }
    }
}
