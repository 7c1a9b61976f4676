//! Scopes as Glewlwyd keeps them.

use key_validation::ScopeToken;
use serde_json::{Map, Value, json};

use crate::connector::Scope;

/// What the description of a scope begins with that was created from here. Others belong to the operator: some of
/// them, like `g_admin`, give power over the identity provider itself.
const MARK: &str = "Gatehouse: ";

/// Whether a scope was created from here.
pub(super) fn is_own(document: &Map<String, Value>) -> bool {
    text(document, "description").is_some_and(|description| description.starts_with(MARK))
}

pub(super) fn read(document: &Map<String, Value>) -> Option<Scope> {
    let description = text(document, "description").map(|text| text.strip_prefix(MARK).unwrap_or(text));
    Some(Scope {
        name: ScopeToken::try_from(text(document, "name")?).ok()?,
        display_name: text(document, "display_name").map(str::to_owned),
        description: description.filter(|text| !text.is_empty()).map(str::to_owned),
        roles: Vec::new(),
    })
}

/// The document of a scope; what else `before` says of it stays, such as whether users must give their password again.
pub(super) fn document(scope: &Scope, before: Map<String, Value>) -> Map<String, Value> {
    let mut document = before;
    document.entry("password_required").or_insert(json!(false));
    document.entry("scheme").or_insert(json!({}));
    document.insert("name".to_owned(), json!(scope.name.as_str()));
    let display_name = scope.display_name.as_deref().unwrap_or(scope.name.as_str());
    document.insert("display_name".to_owned(), json!(display_name));
    let description = scope.description.as_deref().unwrap_or_default();
    document.insert("description".to_owned(), json!(format!("{MARK}{description}")));
    document
}

fn text<'d>(document: &'d Map<String, Value>, name: &str) -> Option<&'d str> {
    document.get(name)?.as_str()
}
