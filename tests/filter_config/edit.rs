//! Changes to a document, to show that a check can fail.

use serde_json::Value;

/// The document with the value at a JSON pointer set or added; at an array's end, `-` adds an item.
pub(crate) fn with(document: &Value, pointer: &str, value: Value) -> Value {
    let mut document = document.clone();
    let (parent, member) = pointer.rsplit_once('/').expect("a JSON pointer");
    match document.pointer_mut(parent).unwrap_or_else(|| panic!("nothing at {parent}")) {
        Value::Object(members) => drop(members.insert(member.to_owned(), value)),
        Value::Array(items) if member == "-" => items.push(value),
        Value::Array(items) => items[member.parse::<usize>().expect("a position")] = value,
        other => panic!("nothing can be set in {other}"),
    }
    document
}

/// The document without the member at a JSON pointer.
pub(crate) fn without(document: &Value, pointer: &str) -> Value {
    let mut document = document.clone();
    let (parent, member) = pointer.rsplit_once('/').expect("a JSON pointer");
    let members = document.pointer_mut(parent).and_then(Value::as_object_mut).expect("an object");
    assert!(members.remove(member).is_some(), "nothing at {pointer}");
    document
}
