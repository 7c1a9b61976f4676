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
    keys: RefCell<Vec<HashTable<String, Option<ApplicationKey>>>>,
    /// Where those are looked for that are not known.
    source: Option<Source>,
}

#[derive(Debug)]
struct Source {
    copy: RegistryCopy,
    /// The names of the identity providers.
    providers: Vec<String>,
}

/// Clients of one identity provider that are held; when there are more, all are read again.
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
                if of_provider.insert(client_id.clone(), Some(key)).is_some() {
                    let reason = format_args!("`{client_id}` is there twice for `{identity_provider}`");
                    return Err(ConfigError::new(format_args!("{path}.clientId"), reason));
                }
            }
        }
        Ok(Self { keys: RefCell::new(keys), source: None })
    }

    /// The clients of the key manager's applications.
    pub(super) fn copied(copy: RegistryCopy, providers: &[IdentityProvider]) -> Self {
        let names = providers.iter().map(|provider| provider.name.clone()).collect();
        let keys = RefCell::new(providers.iter().map(|_| HashTable::default()).collect());
        Self { keys, source: Some(Source { copy, providers: names }) }
    }

    /// The key of a client.
    #[inline]
    pub(super) fn find(&self, client: &Client<'_>, shared: &dyn SharedData) -> Option<ApplicationKey> {
        let mut keys = self.keys.borrow_mut();
        let of_provider = keys.get_mut(client.provider.0)?;
        match (of_provider.get(client.id), &self.source) {
            (Some(known), _) => known.clone(),
            (None, None) => None,
            (None, Some(source)) => {
                let read = source.read(client, shared);
                if of_provider.len() >= CLIENTS_LIMIT {
                    of_provider.clear();
                }
                of_provider.insert(client.id.to_owned(), read.clone());
                read
            }
        }
    }

    /// Has the clients read again that belong to applications in a bucket of the feed, and those that belonged to none.
    pub(super) fn forget(&mut self, bucket: u16) {
        for of_provider in self.keys.get_mut() {
            let stays = |key: &ApplicationKey| key.application.bucket != bucket;
            of_provider.retain(|key| key.as_ref().is_some_and(stays));
        }
    }

    /// Has all clients read again.
    pub(super) fn forget_all(&mut self) {
        self.keys.get_mut().iter_mut().for_each(HashTable::clear);
    }
}

impl Source {
    #[cold]
    fn read(&self, client: &Client<'_>, shared: &dyn SharedData) -> Option<ApplicationKey> {
        let found = self.copy.application(self.providers.get(client.provider.0)?, client.id, shared)?;
        copied::key(found, client, &self.providers)
    }
}
