//! Which application a client belongs to.

use std::cell::RefCell;
use std::rc::Rc;

use super::catalogue::Catalogue;
use super::{Application, ApplicationKey, Client, Subscription, copied};
use crate::cache::SharedData;
use crate::config::{ConfigError, IdentityProvider, raw};
use crate::feed::RegistryCopy;
use crate::hash_table::HashTable;

/// The clients of all identity providers.
#[derive(Debug, Default)]
pub(super) struct Clients {
    /// By identity provider, then by client id.
    keys: RefCell<Vec<HashTable<String, Known>>>,
    /// What was read at another time is read again.
    reading: u64,
    /// Where those are looked for that are not known.
    source: Option<Source>,
}

/// What a client was found to be when it was read.
#[derive(Debug)]
struct Known {
    key: Option<ApplicationKey>,
    reading: u64,
}

#[derive(Debug)]
struct Source {
    copy: RegistryCopy,
    /// The names of the identity providers.
    providers: Vec<String>,
}

/// Clients of one identity provider that are held; those that do not fit are read again.
const CLIENTS_LIMIT: usize = 16_384;

impl Clients {
    /// Checks the applications and subscriptions of a configuration.
    pub(super) fn check(
        applications: &[raw::Application],
        subscriptions: &[raw::Subscription],
        apis: &Catalogue,
        providers: &[IdentityProvider],
    ) -> Result<Self, ConfigError> {
        let mut checked: Vec<Application> = Vec::with_capacity(applications.len());
        let mut positions = HashTable::default();
        for (index, raw) in applications.iter().enumerate() {
            let path = format_args!("registry.applications[{index}].id");
            if raw.id.is_empty() {
                return Err(ConfigError::new(path, "must not be empty"));
            }
            if positions.insert(raw.id.as_str(), index).is_some() {
                return Err(ConfigError::new(path, format_args!("`{}` is there twice", raw.id)));
            }
            checked.push(Application::from_raw(raw));
        }
        for (index, raw) in subscriptions.iter().enumerate() {
            let path = format_args!("registry.subscriptions[{index}]");
            let raw::Subscription { api_id, application_id, tier, state } = raw;
            if !apis.has(api_id) {
                let reason = format_args!("there is no API `{api_id}`");
                return Err(ConfigError::new(format_args!("{path}.apiId"), reason));
            }
            let position = positions.get(application_id.as_str());
            let Some(application) = position.and_then(|position| checked.get_mut(*position)) else {
                let reason = format_args!("there is no application `{application_id}`");
                return Err(ConfigError::new(format_args!("{path}.applicationId"), reason));
            };
            let subscription = Subscription { tier: tier.clone(), state: *state };
            if application.subscriptions.insert(api_id.clone(), subscription).is_some() {
                let reason = format_args!("`{application_id}` is subscribed to `{api_id}` twice");
                return Err(ConfigError::new(path, reason));
            }
        }
        let mut keys: Vec<_> = providers.iter().map(|_| HashTable::default()).collect();
        for (index, (application, raw)) in checked.into_iter().map(Rc::new).zip(applications).enumerate() {
            for (key, raw) in raw.keys.iter().enumerate() {
                let path = format_args!("registry.applications[{index}].keys[{key}]");
                let raw::ApplicationKey { identity_provider, client_id, key_type } = raw;
                let provider = providers.iter().position(|provider| provider.name == *identity_provider);
                let Some(of_provider) = provider.and_then(|provider| keys.get_mut(provider)) else {
                    let reason = format_args!("there is no identity provider `{identity_provider}`");
                    return Err(ConfigError::new(format_args!("{path}.identityProvider"), reason));
                };
                if client_id.is_empty() {
                    return Err(ConfigError::new(format_args!("{path}.clientId"), "must not be empty"));
                }
                let key = ApplicationKey { application: Rc::clone(&application), key_type: *key_type };
                if of_provider.insert(client_id.clone(), Known { key: Some(key), reading: 0 }).is_some() {
                    let reason = format_args!("`{client_id}` is there twice for `{identity_provider}`");
                    return Err(ConfigError::new(format_args!("{path}.clientId"), reason));
                }
            }
        }
        Ok(Self { keys: RefCell::new(keys), reading: 0, source: None })
    }

    /// The clients of the key manager's applications.
    pub(super) fn copied(copy: RegistryCopy, providers: &[IdentityProvider]) -> Self {
        let names = providers.iter().map(|provider| provider.name.clone()).collect();
        let keys = RefCell::new(providers.iter().map(|_| HashTable::default()).collect());
        Self { keys, reading: 0, source: Some(Source { copy, providers: names }) }
    }

    /// The key of a client.
    #[inline]
    pub(super) fn find(&self, client: &Client<'_>, shared: &dyn SharedData) -> Option<ApplicationKey> {
        let mut keys = self.keys.borrow_mut();
        let of_provider = keys.get_mut(client.provider.0)?;
        if let Some(known) = of_provider.get(client.id).filter(|known| known.reading == self.reading) {
            return known.key.clone();
        }
        let key = self.source.as_ref()?.read(client, shared);
        // One for one: to let all go at once would hold the request up.
        if of_provider.len() >= CLIENTS_LIMIT {
            of_provider.remove_any(&client.id);
        }
        of_provider.insert(client.id.to_owned(), Known { key: key.clone(), reading: self.reading });
        key
    }

    /// Has the clients read again that belong to applications in a bucket of the feed, and those that belonged to none.
    pub(super) fn forget(&mut self, bucket: u16) {
        for of_provider in self.keys.get_mut() {
            let stays = |key: &ApplicationKey| key.application.bucket != bucket;
            of_provider.retain(|known| known.key.as_ref().is_some_and(stays));
        }
    }

    /// Has all clients read again. They go one by one, as they are asked for or others need their room.
    pub(super) fn forget_all(&mut self) {
        self.reading = self.reading.wrapping_add(1);
    }
}

impl Source {
    #[cold]
    fn read(&self, client: &Client<'_>, shared: &dyn SharedData) -> Option<ApplicationKey> {
        let found = self.copy.application(self.providers.get(client.provider.0)?, client.id, shared)?;
        copied::key(found, client, &self.providers)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cache::tests::FakeSharedData;
    use crate::feed::tests::{application, apply, changes, copy, deleted, with};
    use crate::registry::IdentityProviderIndex;
    #[cfg(all(target_arch = "wasm32", target_os = "unknown"))]
    use wasm_bindgen_test::wasm_bindgen_test as test;

    fn clients() -> Clients {
        let source = Source { copy: copy(), providers: vec!["idp".to_owned()] };
        Clients { keys: RefCell::new(vec![HashTable::default()]), reading: 0, source: Some(source) }
    }

    fn application_of(clients: &Clients, id: &str, shared: &FakeSharedData) -> Option<String> {
        let key = clients.find(&Client { provider: IdentityProviderIndex(0), id }, shared)?;
        Some(key.application.id.clone())
    }

    #[test]
    fn what_is_known_of_a_client_holds_until_its_application_or_all_are_forgotten() {
        let shared = with(&[application("a", &["c"])]);
        let mut clients = clients();
        let forgets: [fn(&mut Clients); 2] =
            [|clients| clients.forget(crate::feed::bucket_of("a")), Clients::forget_all];
        for (number, forget) in (2..).zip(forgets) {
            apply(&shared, &[changes(number, &[application("a", &["c"])])]).unwrap();
            forget(&mut clients);
            assert_eq!(application_of(&clients, "c", &shared).as_deref(), Some("a"));

            apply(&shared, &[changes(number + 1, &[deleted(application("a", &["c"]))])]).unwrap();
            assert_eq!(application_of(&clients, "c", &shared).as_deref(), Some("a"), "nobody said that it has changed");
            forget(&mut clients);
            assert_eq!(application_of(&clients, "c", &shared), None);
        }
    }

    #[test]
    fn more_clients_than_are_held_are_found_all_the_same() {
        let shared = with(&[application("a", &["c"])]);
        let clients = clients();
        for round in 0..2 {
            assert_eq!(application_of(&clients, "c", &shared).as_deref(), Some("a"), "{round}");
            for number in 0..CLIENTS_LIMIT + 10 {
                assert_eq!(application_of(&clients, &number.to_string(), &shared), None);
            }
            assert_eq!(clients.keys.borrow()[0].len(), CLIENTS_LIMIT);
        }
    }
}
