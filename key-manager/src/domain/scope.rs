//! Scopes.

use serde::{Deserialize, Serialize};

use super::RowVersion;

/// A scope: an API's own, or one that several APIs share.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Scope {
    /// Unique id, a UUID.
    pub id: String,
    /// See [`RowVersion`]; 0 for an API's own.
    #[serde(default)]
    pub row_version: RowVersion,
    /// The scope token (RFC 6749 section 3.3), unique among shared scopes.
    pub name: String,
    /// Its name for people.
    pub display_name: String,
    /// What it allows.
    pub description: String,
    /// Roles whose users may have it; any user when empty.
    pub bindings: Vec<String>,
}
