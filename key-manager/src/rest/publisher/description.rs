//! An API as WSO2's publisher describes it, and as it is kept; no store, no HTTP.

use key_validation::config::raw::Ambiguity;
use key_validation::{ScopeToken, UnixTime};
use serde_json::{Map, Value, json};
use uuid::Uuid;

use crate::domain::{Api, ApiRegistration, AuthType, LifeCycleStatus, Operation, Scope, ScopeMatching, Verb};
use crate::rest::error::Fault;
use crate::rest::request::{flag, text, texts};

/// What the caller may not say: it is told from what is kept, whatever a body holds.
const OURS: [&str; 10] = [
    "id",
    "provider",
    "lifeCycleStatus",
    "createdTime",
    "lastUpdatedTime",
    "lastUpdatedTimestamp",
    "registrations",
    "isRevision",
    "revisionedApiId",
    "workflowStatus",
];

/// Characters that WSO2 takes in no API name and in no version.
const NOT_IN_NAMES: &str = "~!@#;:%^*()+={}|\\<>\"',&$[]/";

/// Writes a description, already held against the schema, over an API. Members that are left out get their defaults:
/// a PUT replaces.
pub(super) fn describe(api: &mut Api, mut members: Map<String, Value>) -> Result<(), Fault> {
    for name in OURS {
        members.remove(name);
    }
    api.name = checked(text(&mut members, "name").unwrap_or_default(), "name")?;
    api.version = checked(text(&mut members, "version").unwrap_or_default(), "version")?;
    if api.version.contains(char::is_whitespace) {
        return Err(Fault::new("version", "must not contain white space"));
    }
    api.context = context(&text(&mut members, "context").unwrap_or_default(), &api.version)?;
    api.is_default_version = flag(&mut members, "isDefaultVersion").unwrap_or_default();
    let policy = &mut api.policy;
    policy.hosts = texts(&mut members, "hosts").unwrap_or_default();
    policy.audience = texts(&mut members, "backendAudience").unwrap_or_default();
    let key_managers = texts(&mut members, "keyManagers").unwrap_or_default();
    policy.identity_providers = if key_managers.iter().any(|name| name == "all") { Vec::new() } else { key_managers };
    policy.without_subscription = flag(&mut members, "subscriptionValidation") == Some(false);
    let needs_all = text(&mut members, "scopeMatching").is_some_and(|text| text == "all");
    policy.scope_matching = if needs_all { ScopeMatching::All } else { ScopeMatching::Any };
    policy.encoded_slashes = ambiguity(&mut members, "encodedSlashes");
    policy.path_parameters = ambiguity(&mut members, "pathParameters");
    policy.operations = operations(members.remove("operations"))?;
    api.scopes = own_scopes(members.remove("scopes"), &api.scopes)?;
    api.document = members;
    Ok(())
}

/// The API as the publisher sees it.
pub(super) fn description(api: &Api, registrations: &[(String, ApiRegistration)]) -> Map<String, Value> {
    let mut members = api.document.clone();
    let policy = &api.policy;
    let own_scopes = api.scopes.iter().map(|scope| json!({ "scope": scope_description(scope), "shared": false }));
    let told = json!({
        "id": api.id,
        "name": api.name,
        "version": api.version,
        "context": api.context,
        "provider": api.provider,
        "isDefaultVersion": api.is_default_version,
        "lifeCycleStatus": status_name(api.life_cycle_status),
        "createdTime": time(api.created_at),
        "lastUpdatedTime": time(api.updated_at),
        "lastUpdatedTimestamp": api.updated_at.as_millis().to_string(),
        "operations": policy.operations.iter().map(operation_description).collect::<Vec<_>>(),
        "scopes": own_scopes.collect::<Vec<_>>(),
        "subscriptionValidation": !policy.without_subscription,
        "scopeMatching": if policy.scope_matching == ScopeMatching::All { "all" } else { "any" },
    });
    members.extend(told.as_object().cloned().unwrap_or_default());
    tell_what_is_set(&mut members, api);
    if !registrations.is_empty() {
        let told = registrations.iter().map(|(name, one)| registration_description(name, one)).collect();
        members.insert("registrations".to_owned(), told);
    }
    members
}

/// What is left out where it says nothing: WSO2's schema and what WSO2 answers differ about `keyManagers`.
fn tell_what_is_set(members: &mut Map<String, Value>, api: &Api) {
    let policy = &api.policy;
    let lists =
        [("keyManagers", &policy.identity_providers), ("hosts", &policy.hosts), ("backendAudience", &policy.audience)];
    for (name, values) in lists.into_iter().filter(|(_, values)| !values.is_empty()) {
        members.insert(name.to_owned(), json!(values));
    }
    for (name, ambiguity) in [("encodedSlashes", policy.encoded_slashes), ("pathParameters", policy.path_parameters)] {
        if ambiguity == Ambiguity::Allow {
            members.insert(name.to_owned(), json!("allow"));
        }
    }
}

/// An API in a list.
pub(super) fn summary(api: &Api) -> Value {
    let mut members = json!({
        "id": api.id,
        "name": api.name,
        "context": api.context,
        "version": api.version,
        "provider": api.provider,
        "lifeCycleStatus": status_name(api.life_cycle_status),
        "createdTime": time(api.created_at),
        "updatedTime": time(api.updated_at),
    });
    for name in ["description", "displayName", "type", "additionalProperties", "securityScheme", "gatewayType"] {
        if let (Some(value), Some(members)) = (api.document.get(name), members.as_object_mut()) {
            members.insert(name.to_owned(), value.clone());
        }
    }
    members
}

/// A scope by WSO2's names.
pub(super) fn scope_description(scope: &Scope) -> Value {
    json!({
        "id": scope.id,
        "name": scope.name,
        "displayName": scope.display_name,
        "description": scope.description,
        "bindings": scope.bindings,
    })
}

/// A scope of a body that was held against the schema.
pub(super) fn scope(mut members: Map<String, Value>, id: String, field: &str) -> Result<Scope, Fault> {
    let name = text(&mut members, "name").unwrap_or_default();
    ScopeToken::try_from(name.as_str()).map_err(|error| Fault::new(field, error.to_string()))?;
    Ok(Scope {
        id,
        row_version: 0,
        display_name: text(&mut members, "displayName").unwrap_or_else(|| name.clone()),
        name,
        description: text(&mut members, "description").unwrap_or_default(),
        bindings: texts(&mut members, "bindings").unwrap_or_default(),
    })
}

fn own_scopes(value: Option<Value>, before: &[Scope]) -> Result<Vec<Scope>, Fault> {
    let Some(Value::Array(items)) = value else { return Ok(Vec::new()) };
    let mut scopes: Vec<Scope> = Vec::with_capacity(items.len());
    for (index, mut item) in items.into_iter().enumerate() {
        if item.get("shared") == Some(&Value::Bool(true)) {
            continue;
        }
        let Some(Value::Object(members)) = item.get_mut("scope").map(Value::take) else { continue };
        let field = format!("scopes[{index}].scope.name");
        let mut one = scope(members, String::new(), &field)?;
        if scopes.iter().any(|other| other.name == one.name) {
            return Err(Fault::new(field, format!("`{}` is there twice", one.name)));
        }
        let known = before.iter().find(|other| other.name == one.name);
        one.id = known.map_or_else(|| Uuid::new_v4().to_string(), |known| known.id.clone());
        scopes.push(one);
    }
    Ok(scopes)
}

fn operations(value: Option<Value>) -> Result<Vec<Operation>, Fault> {
    let Some(Value::Array(items)) = value else { return Ok(Vec::new()) };
    let mut all: Vec<Operation> = Vec::with_capacity(items.len());
    for (index, item) in items.into_iter().enumerate() {
        let Value::Object(members) = item else { continue };
        let path = format!("operations[{index}]");
        let one = operation(members, &path)?;
        if all.iter().any(|other| other.verb == one.verb && other.target == one.target) {
            return Err(Fault::new(path, "is there twice"));
        }
        all.push(one);
    }
    Ok(all)
}

fn operation(mut members: Map<String, Value>, path: &str) -> Result<Operation, Fault> {
    let field = |name: &str| format!("{path}.{name}");
    let verb_text = text(&mut members, "verb").ok_or_else(|| Fault::new(field("verb"), "is required"))?;
    let verb = verb(&verb_text)
        .ok_or_else(|| Fault::new(field("verb"), "must be GET, PUT, POST, DELETE, PATCH, HEAD or OPTIONS"))?;
    let target = text(&mut members, "target").ok_or_else(|| Fault::new(field("target"), "is required"))?;
    if !target.starts_with('/') {
        return Err(Fault::new(field("target"), "must start with `/`"));
    }
    let auth_type = auth_type(&text(&mut members, "authType").unwrap_or_default()).ok_or_else(|| {
        let names = "None, Any, Application, Application User, Application & Application User";
        Fault::new(field("authType"), format!("must be one of {names}"))
    })?;
    let scopes = texts(&mut members, "scopes").unwrap_or_default();
    for (index, scope) in scopes.iter().enumerate() {
        let field = || field(&format!("scopes[{index}]"));
        ScopeToken::try_from(scope.as_str()).map_err(|error| Fault::new(field(), error.to_string()))?;
    }
    let given = text(&mut members, "id").filter(|id| !id.is_empty());
    let id = given.unwrap_or_else(|| Uuid::new_v4().to_string());
    Ok(Operation { id, verb, target, auth_type, scopes, document: members })
}

fn operation_description(operation: &Operation) -> Value {
    let mut members = operation.document.clone();
    let told = json!({
        "id": operation.id,
        "verb": operation.verb.as_str(),
        "target": operation.target,
        "authType": auth_type_name(operation.auth_type),
        "scopes": operation.scopes,
    });
    members.extend(told.as_object().cloned().unwrap_or_default());
    Value::Object(members)
}

fn registration_description(key_manager: &str, registration: &ApiRegistration) -> Value {
    json!({
        "keyManager": key_manager,
        "state": registration.state,
        "scopes": registration.scopes,
        "resourceId": registration.resource_id,
        "error": registration.error,
        "updatedTime": time(registration.updated_at),
    })
}

/// The verb of a method's name.
pub(super) fn verb(text: &str) -> Option<Verb> {
    let all = [Verb::Get, Verb::Put, Verb::Post, Verb::Delete, Verb::Patch, Verb::Head, Verb::Options];
    all.into_iter().find(|verb| verb.as_str().eq_ignore_ascii_case(text))
}

/// All of WSO2's spellings.
pub(super) fn auth_type(text: &str) -> Option<AuthType> {
    match text.to_ascii_lowercase().replace('_', " ").as_str() {
        "" | "any" | "application & application user" => Some(AuthType::Any),
        "none" => Some(AuthType::None),
        "application" => Some(AuthType::Application),
        "application user" => Some(AuthType::ApplicationUser),
        _ => None,
    }
}

/// The registry's spelling.
pub(in crate::rest) fn auth_type_name(auth_type: AuthType) -> &'static str {
    match auth_type {
        AuthType::None => "None",
        AuthType::Any => "Any",
        AuthType::Application => "Application",
        AuthType::ApplicationUser => "Application_User",
    }
}

/// The registry's spelling.
pub(crate) fn status_name(status: LifeCycleStatus) -> &'static str {
    match status {
        LifeCycleStatus::Created => "CREATED",
        LifeCycleStatus::Published => "PUBLISHED",
        LifeCycleStatus::Deprecated => "DEPRECATED",
        LifeCycleStatus::Blocked => "BLOCKED",
        LifeCycleStatus::Retired => "RETIRED",
    }
}

/// RFC 3339.
pub(in crate::rest) fn time(time: UnixTime) -> String {
    let seconds = i64::try_from(time.as_seconds()).unwrap_or(i64::MAX);
    jiff::Timestamp::from_second(seconds).unwrap_or(jiff::Timestamp::MAX).to_string()
}

fn ambiguity(members: &mut Map<String, Value>, name: &str) -> Ambiguity {
    let is_allowed = text(members, name).is_some_and(|text| text == "allow");
    if is_allowed { Ambiguity::Allow } else { Ambiguity::Reject }
}

fn checked(text: String, field: &str) -> Result<String, Fault> {
    match text.chars().find(|one| NOT_IN_NAMES.contains(*one) || one.is_control()) {
        Some(one) => Err(Fault::new(field, format!("must not contain {one:?}"))),
        None => Ok(text),
    }
}

/// A context has one leading slash, no trailing one, and does not repeat the version, which clients append.
fn context(text: &str, version: &str) -> Result<String, Fault> {
    let bare = text.trim_start_matches('/').trim_end_matches('/');
    let repeated = [format!("/{version}"), "/{version}".to_owned()];
    let bare = repeated.iter().find_map(|end| bare.strip_suffix(end)).unwrap_or(bare);
    if bare.is_empty() {
        return Err(Fault::new("context", "must name at least one segment"));
    }
    if bare.contains(|one: char| "?{}*\\;%#".contains(one) || one.is_whitespace() || one.is_control()) {
        return Err(Fault::new("context", "must be a plain path"));
    }
    if bare.split('/').any(|segment| matches!(segment, "" | "." | "..")) {
        return Err(Fault::new("context", "has an ambiguous segment"));
    }
    Ok(format!("/{bare}"))
}

/// A name of anything that is neither an API nor a scope: any characters but controls.
pub(in crate::rest) fn check_name(name: &str) -> Result<(), Fault> {
    if name.trim().is_empty() {
        return Err(Fault::new("name", "must not be empty"));
    }
    if name.chars().any(char::is_control) {
        return Err(Fault::new("name", "must not contain control characters"));
    }
    Ok(())
}
