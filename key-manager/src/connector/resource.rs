//! APIs and scopes as identity providers know them.

use key_validation::ScopeToken;

/// An API for an identity provider that keeps resources.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ApiResource {
    /// The API's id here.
    pub api_id: String,
    /// Its name.
    pub name: String,
    /// Its version.
    pub version: String,
    /// Its base path, without the version.
    pub context: String,
    /// The scopes of all its operations.
    pub scopes: Vec<Scope>,
}

/// An API as the identity provider knows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RegisteredResource {
    /// Its id there.
    pub resource_id: String,
    /// Its scopes there.
    pub scopes: Vec<ScopeToken>,
}

/// A scope.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Scope {
    /// What stands in tokens and requests.
    pub name: ScopeToken,
    /// Its name for people.
    pub display_name: Option<String>,
    /// What it permits.
    pub description: Option<String>,
    /// Roles that it is bound to, where the identity provider keeps bindings.
    pub roles: Vec<String>,
}
