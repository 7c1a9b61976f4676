//! Users: their claims and roles out of a user store that the organisation has, for introspection answers.
//!
//! A user store says nothing about tokens: it adds to what an identity provider has said, and takes scopes away.

pub mod ldap;
mod role_bindings;
pub mod sql;

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use serde_json::{Map, Value, json};

use crate::config::{UserClaim, UserStoreConfiguration, UserStoreKind};
use crate::connector::ActiveToken;
use crate::domain::IdentityProvider;
use crate::store::{Store, StoreError};
use ldap::LdapUserStore;
use role_bindings::RoleBindings;
use sql::SqlUserStore;

/// Where users are: a directory or a database.
#[async_trait]
pub trait UserStore: Send + Sync {
    /// A user by name; `None` when there is none. An error says nothing about the user.
    async fn find(&self, name: &str) -> Result<Option<User>, UserStoreError>;
}

/// What a user store knows of a user.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct User {
    /// Claims by name.
    pub claims: Map<String, Value>,
    /// The roles that scopes are bound to.
    pub roles: BTreeSet<String>,
}

/// Why nothing is known of a user.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum UserStoreError {
    /// It is unreachable, too slow or failing.
    #[error("the user store is unavailable: {0}")]
    Unavailable(String),
    /// It refuses our credentials or the question, or what it says cannot be used.
    #[error("the user store cannot be used, check `userStore`: {0}")]
    Misconfigured(String),
}

/// Why an answer was not completed.
#[derive(Debug, thiserror::Error)]
pub enum CompletionError {
    /// The user store.
    #[error(transparent)]
    UserStore(#[from] UserStoreError),
    /// The key manager's own store.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Members of an introspection answer that are about the token, or whose it is: never a user store's to say.
pub(crate) const REGISTERED: [&str; 23] = [
    "active",
    "scope",
    "scp",
    "client_id",
    "azp",
    "username",
    "token_type",
    "token_use",
    "typ",
    "exp",
    "iat",
    "nbf",
    "sub",
    "aud",
    "iss",
    "jti",
    "cnf",
    "act",
    "may_act",
    "acr",
    "amr",
    "auth_time",
    "authorization_details",
];

/// Completes introspection answers.
pub struct Users {
    store: Arc<dyn UserStore>,
    look_up_by: UserClaim,
    role_bindings: RoleBindings,
}

impl Users {
    /// Over a user store; `look_up_by` says which member of an answer names the user there.
    pub fn new(store: Arc<dyn UserStore>, look_up_by: UserClaim) -> Self {
        Self { store, look_up_by, role_bindings: RoleBindings::default() }
    }

    /// Of a configuration. Nothing is sent yet: a user store that is away stops no start.
    pub fn of(configuration: &UserStoreConfiguration) -> Self {
        let within = configuration.timeout;
        let store: Arc<dyn UserStore> = match &configuration.kind {
            UserStoreKind::Ldap(directory) => Arc::new(LdapUserStore::new(directory.clone(), within)),
            UserStoreKind::Sql(database) => Arc::new(SqlUserStore::new(database.clone(), within)),
        };
        Self::new(store, configuration.look_up_by)
    }

    /// Whether the user store answers.
    ///
    /// # Errors
    /// [`UserStoreError`] with what is wrong.
    pub async fn check(&self) -> Result<(), UserStoreError> {
        self.store.find("no-user-of-anyone").await.map(drop)
    }

    /// An answer with the user's claims, and without the scopes that are bound to roles which the user has not. A user
    /// whom the user store does not know has none. A client's own token is of no user, and stays as it is.
    ///
    /// # Errors
    /// [`CompletionError`], which says nothing about the token.
    pub async fn complete(
        &self,
        own_store: &dyn Store,
        provider: &IdentityProvider,
        active: ActiveToken,
    ) -> Result<Map<String, Value>, CompletionError> {
        if is_of_a_client(&active) {
            return Ok(active.members);
        }
        let name = match self.look_up_by {
            UserClaim::Sub => active.subject.as_deref(),
            UserClaim::Username => active.username.as_deref(),
        };
        let user = match name {
            Some(name) => self.store.find(name).await?.unwrap_or_default(),
            None => User::default(),
        };
        let permitted = self.role_bindings.permitted(own_store, &active.scope, &user.roles).await?;
        Ok(completed(active.members, user.claims, &permitted, provider))
    }
}

fn is_of_a_client(active: &ActiveToken) -> bool {
    let has_subject = active.subject.is_some() && active.subject != active.client_id;
    active.username.is_none() && !has_subject
}

/// The members of an answer with a user's claims, as far as the identity provider says nothing of their names.
fn completed(
    mut members: Map<String, Value>,
    claims: Map<String, Value>,
    scope: &[String],
    provider: &IdentityProvider,
) -> Map<String, Value> {
    let of_dialect = |name: &str| provider.document.get(name).and_then(Value::as_str).unwrap_or_default().to_owned();
    let (scopes_claim, client_claim) = (of_dialect("scopesClaim"), of_dialect("consumerKeyClaim"));
    for (name, value) in claims {
        if !REGISTERED.contains(&name.as_str()) && name != scopes_claim && name != client_claim {
            members.entry(name).or_insert(value);
        }
    }
    // Whoever reads the answer finds the scopes in one place, and none that was taken away in another.
    members.remove("scp");
    members.remove(&scopes_claim);
    members.insert("scope".to_owned(), json!(scope.join(" ")));
    members
}

/// Ends a look-up that takes too long.
async fn in_time<T>(
    within: Duration,
    look_up: impl Future<Output = Result<T, UserStoreError>>,
) -> Result<T, UserStoreError> {
    let late = |_| UserStoreError::Unavailable("it does not answer in time".to_owned());
    tokio::time::timeout(within, look_up).await.map_err(late)?
}

/// Several values are a list, one is itself.
fn claim(mut values: Vec<String>) -> Option<Value> {
    match values.len() {
        0 => None,
        1 => values.pop().map(Value::from),
        _ => Some(json!(values)),
    }
}

/// A name that no user store can know: none, or one that it would cut.
fn is_no_name(name: &str) -> bool {
    name.is_empty() || name.contains('\0')
}

#[cfg(test)]
mod tests;
