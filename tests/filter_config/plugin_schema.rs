//! `filter-config/schema.json`: the validator, and the fields that it knows.

use std::collections::{BTreeMap, BTreeSet};

use jsonschema::Validator;
use serde_json::Value;

use super::place;

pub(crate) fn schema() -> Value {
    place::json(&place::filter_config("schema.json"))
}

pub(crate) fn validator() -> Validator {
    jsonschema::validator_for(&schema()).expect("a JSON Schema")
}

/// Everything that a schema says against a document.
pub(crate) fn violations(validator: &Validator, document: &Value) -> Vec<String> {
    validator.iter_errors(document).map(|error| format!("{}: {error}", error.instance_path())).collect()
}

/// What the schema says of a field besides its type.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Field {
    pub(crate) required: bool,
    pub(crate) default: Option<Value>,
}

/// Every field that holds a value of its own, by its path: `registry.apis[].name`.
pub(crate) fn fields() -> BTreeMap<String, Field> {
    let root = schema();
    let mut fields = BTreeMap::new();
    collect(&root, &root, "", &mut fields);
    fields
}

fn collect(root: &Value, node: &Value, path: &str, fields: &mut BTreeMap<String, Field>) {
    let required: BTreeSet<&str> =
        node["required"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
    // A choice between objects, such as a secret's `value` or `env`: none of their members has to be there.
    let choices = node["oneOf"].as_array().into_iter().flatten();
    let choices = choices.flat_map(|choice| members(choice).map(|(name, member)| (name, member, false)));
    let own = members(node).map(|(name, member)| (name, member, required.contains(name)));
    for (name, member, required) in own.chain(choices) {
        let path = if path.is_empty() { name.to_owned() } else { format!("{path}.{name}") };
        match inner(root, member) {
            Inner::Object(node) => collect(root, node, &path, fields),
            Inner::Objects(node) => collect(root, node, &format!("{path}[]"), fields),
            Inner::None => {
                let field = Field { required, default: member.get("default").cloned() };
                assert_eq!(fields.insert(path.clone(), field), None, "{path} is there twice");
            }
        }
    }
}

fn members(node: &Value) -> impl Iterator<Item = (&str, &Value)> {
    node["properties"].as_object().into_iter().flatten().map(|(name, member)| (name.as_str(), member))
}

/// What is inside a member.
enum Inner<'s> {
    Object(&'s Value),
    Objects(&'s Value),
    None,
}

fn inner<'s>(root: &'s Value, member: &'s Value) -> Inner<'s> {
    let has_members = |node: &Value| members(node).next().is_some() || members(&node["oneOf"][0]).next().is_some();
    let node = resolve(root, member);
    let items = resolve(root, &node["items"]);
    match (has_members(node), has_members(items)) {
        (true, _) => Inner::Object(node),
        (false, true) => Inner::Objects(items),
        (false, false) => Inner::None,
    }
}

/// The definition that a node refers to; of "a definition or null" the definition.
fn resolve<'s>(root: &'s Value, node: &'s Value) -> &'s Value {
    let reference = node["$ref"].as_str().or_else(|| node["anyOf"][0]["$ref"].as_str());
    match reference.and_then(|reference| reference.strip_prefix('#')) {
        Some(pointer) => root.pointer(pointer).expect("the definition that is referred to"),
        None => node,
    }
}

/// The paths of everything in a document, in the form of [`fields`].
pub(crate) fn paths(document: &Value) -> BTreeSet<String> {
    let mut paths = BTreeSet::new();
    collect_paths(document, "", &mut paths);
    paths
}

fn collect_paths(node: &Value, path: &str, paths: &mut BTreeSet<String>) {
    match node {
        Value::Object(members) => {
            for (name, member) in members {
                let path = if path.is_empty() { name.clone() } else { format!("{path}.{name}") };
                collect_paths(member, &path, paths);
                paths.insert(path);
            }
        }
        Value::Array(items) => items.iter().for_each(|item| collect_paths(item, &format!("{path}[]"), paths)),
        _ => {}
    }
}
