//! Which roles scopes are bound to, as the scopes of APIs and those that they share say.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::Mutex;
use tokio::time::Instant;

use crate::domain::Scope;
use crate::store::{Store, StoreError, Window};

/// How long bindings are remembered: a change counts within the time that gateways may take to hear of one.
const LIFETIME: Duration = Duration::from_secs(1);

/// The bindings of each scope that has some: one set for each time that it is defined with roles.
type Bindings = BTreeMap<String, Vec<BTreeSet<String>>>;

/// Reads bindings out of the store, and remembers them for a moment.
#[derive(Default)]
pub(super) struct RoleBindings(Mutex<Option<(Instant, Arc<Bindings>)>>);

impl RoleBindings {
    /// The scopes of these that somebody with these roles may have, in their order.
    pub(super) async fn permitted(
        &self,
        store: &dyn Store,
        scope: &[String],
        roles: &BTreeSet<String>,
    ) -> Result<Vec<String>, StoreError> {
        let bindings = self.bindings(store).await?;
        Ok(scope.iter().filter(|name| is_permitted(&bindings, name, roles)).cloned().collect())
    }

    async fn bindings(&self, store: &dyn Store) -> Result<Arc<Bindings>, StoreError> {
        let mut known = self.0.lock().await;
        if let Some((until, bindings)) = &*known
            && Instant::now() < *until
        {
            return Ok(Arc::clone(bindings));
        }
        let mut read = store.read().await?;
        let shared = read.list_scopes(Window::ALL).await?.items;
        let apis = read.list_apis(Window::ALL).await?.items;
        let bindings = Arc::new(of(shared.iter().chain(apis.iter().flat_map(|api| &api.scopes))));
        *known = Some((Instant::now() + LIFETIME, Arc::clone(&bindings)));
        Ok(bindings)
    }
}

fn of<'a>(scopes: impl Iterator<Item = &'a Scope>) -> Bindings {
    let mut bindings = Bindings::new();
    for scope in scopes.filter(|scope| !scope.bindings.is_empty()) {
        bindings.entry(scope.name.clone()).or_default().push(scope.bindings.iter().cloned().collect());
    }
    bindings
}

/// A scope of one name may be defined by several APIs: a token with it opens all of them, so a role is needed for each
/// definition that has some.
fn is_permitted(bindings: &Bindings, scope: &str, roles: &BTreeSet<String>) -> bool {
    bindings.get(scope).is_none_or(|definitions| definitions.iter().all(|bound| !bound.is_disjoint(roles)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn scope(name: &str, roles: &[&str]) -> Scope {
        Scope {
            id: String::new(),
            row_version: 0,
            name: name.to_owned(),
            display_name: String::new(),
            description: String::new(),
            bindings: roles.iter().map(|role| (*role).to_owned()).collect(),
        }
    }

    #[test]
    fn a_scope_needs_one_of_its_roles_wherever_it_is_defined() {
        let scopes = [
            scope("open", &[]),
            scope("order", &["clerk", "boss"]),
            scope("twice", &["clerk"]),
            scope("twice", &["boss"]),
        ];
        let bindings = of(scopes.iter());
        let permitted = |roles: &[&str]| {
            let roles = roles.iter().map(|role| (*role).to_owned()).collect();
            let names = ["open", "order", "twice", "unknown"];
            names.into_iter().filter(|name| is_permitted(&bindings, name, &roles)).collect::<Vec<_>>()
        };
        assert_eq!(permitted(&[]), ["open", "unknown"]);
        assert_eq!(permitted(&["clerk"]), ["open", "order", "unknown"]);
        assert_eq!(permitted(&["boss", "clerk"]), ["open", "order", "twice", "unknown"]);
        assert_eq!(permitted(&["Clerk", "cler"]), ["open", "unknown"], "roles are compared whole");
    }
}
