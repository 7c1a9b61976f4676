//! The registry: APIs, applications and subscriptions, checked and indexed for the decision.

mod api;
mod application;
mod base_paths;
mod catalogue;
mod clients;
pub(crate) mod copied;
mod host;
mod operations;

pub use api::{Api, ApiMatch};
pub(crate) use application::Client;
pub use application::{Application, ApplicationKey, Subscription};
pub use host::Host;
pub use operations::{Operation, OperationMatch};

use serde_json::Value;

use crate::cache::SharedData;
use crate::config::raw;
use crate::config::{ConfigError, IdentityProvider};
use crate::feed::RegistryCopy;
use crate::target::Target;
use catalogue::Catalogue;
use clients::Clients;

/// Position of an identity provider in its configuration.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct IdentityProviderIndex(pub(crate) usize);

/// What the gateway knows of APIs, applications and subscriptions.
#[derive(Debug, Default)]
pub struct Registry {
    catalogue: Catalogue,
    clients: Clients,
}

impl Registry {
    /// Checks the records; identity providers are referred to by name.
    ///
    /// # Errors
    /// [`ConfigError`] for the first record that is wrong, there twice, or refers to nothing.
    pub fn check(raw: &raw::Registry, providers: &[IdentityProvider]) -> Result<Self, ConfigError> {
        let catalogue = Catalogue::check(&raw.apis, providers)?;
        let clients = Clients::check(&raw.applications, &raw.subscriptions, &catalogue, providers)?;
        Ok(Self { catalogue, clients })
    }

    /// The key manager's registry, before anything of it is read.
    pub(crate) fn copied(copy: RegistryCopy, providers: &[IdentityProvider]) -> Self {
        Self { catalogue: Catalogue::default(), clients: Clients::copied(copy, providers) }
    }

    /// Puts the APIs of a bucket of the feed in the place of those that were in it.
    pub(crate) fn replace_apis(&mut self, bucket: u16, records: &[(String, Value)], providers: &[IdentityProvider]) {
        let apis = records.iter().map(|(id, record)| copied::api(id, record, providers)).collect();
        self.catalogue.replace(bucket, apis);
    }

    /// Takes over the APIs of another one whose records mean the same, where there are none yet.
    pub(crate) fn share_apis(&mut self, other: &Self) {
        self.catalogue.share(&other.catalogue);
    }

    /// Has the applications in a bucket of the feed read again; in all of them when none.
    pub(crate) fn forget_applications(&mut self, bucket: Option<u16>) {
        match bucket {
            Some(bucket) => self.clients.forget(bucket),
            None => self.clients.forget_all(),
        }
    }

    /// Whether a request that belongs to no API may belong to one all the same.
    pub(crate) fn has_unplaced_apis(&self) -> bool {
        self.catalogue.has_unplaced()
    }

    /// All APIs.
    pub fn apis(&self) -> impl Iterator<Item = &Api> {
        self.catalogue.apis()
    }

    /// What is allowed but hardly meant, in words for the operator.
    pub fn warnings(&self) -> Vec<String> {
        let mut warnings = Vec::new();
        for api in self.apis() {
            api.warn(&mut |warning| warnings.push(warning));
        }
        warnings
    }

    /// The API whose base path is the longest one to match.
    #[inline]
    pub fn find_api(&self, host: &Host<'_>, target: &Target<'_>) -> Option<ApiMatch> {
        self.catalogue.find(host, target)
    }

    /// The key that a client of an identity provider calls by.
    #[inline]
    pub(crate) fn key(&self, client: &Client<'_>, shared: &dyn SharedData) -> Option<ApplicationKey> {
        self.clients.find(client, shared)
    }
}
