//! The registry: APIs, applications and subscriptions, checked and indexed for the decision.

mod api;
mod application;
mod base_paths;
mod copied;
mod host;
mod operations;

use std::collections::{BTreeMap, HashMap};

pub use api::{Api, ApiMatch};
pub use application::{Application, ApplicationKey, Subscription};
pub use copied::CopiedApplication;
pub use host::Host;
pub use operations::{Operation, OperationMatch};

use crate::config::raw;
use crate::config::{ConfigError, IdentityProvider};
use crate::target::Target;
use base_paths::BasePaths;

/// Position of an API in its registry.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ApiIndex(pub(crate) usize);

/// Position of an application in its registry.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ApplicationIndex(pub(crate) usize);

/// Position of an identity provider in its configuration.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct IdentityProviderIndex(pub(crate) usize);

/// What the gateway knows of APIs, applications and subscriptions.
#[derive(Debug)]
pub struct Registry {
    apis: Vec<Api>,
    base_paths: BasePaths,
    applications: Vec<Application>,
    /// By identity provider, then by client id.
    keys: Vec<HashMap<String, ApplicationKey>>,
    subscriptions: BTreeMap<(ApiIndex, ApplicationIndex), Subscription>,
}

impl Registry {
    /// Checks the records; identity providers are referred to by name.
    ///
    /// # Errors
    /// [`ConfigError`] for the first record that is wrong, there twice, or refers to nothing.
    pub fn check(raw: raw::Registry, providers: &[IdentityProvider]) -> Result<Self, ConfigError> {
        let provider_names: Names = names(providers.iter().map(|provider| provider.name.as_str()));
        let mut apis = Vec::with_capacity(raw.apis.len());
        for (index, api) in raw.apis.into_iter().enumerate() {
            apis.push(Api::check(&format!("registry.apis[{index}]"), api, providers)?);
        }
        let base_paths = BasePaths::index(&apis)?;
        let applications: Vec<(Application, Vec<raw::ApplicationKey>)> =
            raw.applications.into_iter().map(Application::from_raw).collect();
        let api_ids = unique(apis.iter().map(|api| api.id.as_str()), "registry.apis")?;
        let application_ids = unique(applications.iter().map(|(one, _)| one.id.as_str()), "registry.applications")?;
        let subscriptions = application::check_subscriptions(raw.subscriptions, &api_ids, &application_ids)?;
        let (applications, keys): (Vec<_>, Vec<_>) = applications.into_iter().unzip();
        let keys = application::check_keys(keys, &provider_names)?;
        Ok(Self { apis, base_paths, applications, keys, subscriptions })
    }

    /// What is allowed but hardly meant, in words for the operator.
    pub fn warnings(&self) -> impl Iterator<Item = String> {
        self.apis.iter().flat_map(Api::warnings)
    }

    /// The API whose base path is the longest one to match.
    #[inline]
    pub fn find_api(&self, host: &Host<'_>, target: &Target<'_>) -> Option<ApiMatch> {
        self.base_paths.find(host, target.segments())
    }

    /// The API at an index that this registry gave out.
    #[inline]
    pub fn api(&self, index: ApiIndex) -> Option<&Api> {
        self.apis.get(index.0)
    }

    /// The application that a client of an identity provider belongs to, with its key.
    #[inline]
    pub fn application(
        &self,
        provider: IdentityProviderIndex,
        client_id: &str,
    ) -> Option<(&Application, ApplicationKey)> {
        let key = self.keys.get(provider.0)?.get(client_id)?;
        Some((self.applications.get(key.application.0)?, *key))
    }

    /// An application's subscription to an API.
    #[inline]
    pub fn subscription(&self, api: ApiIndex, application: ApplicationIndex) -> Option<&Subscription> {
        self.subscriptions.get(&(api, application))
    }
}

/// Positions by name.
type Names<'a> = HashMap<&'a str, usize>;

fn names<'a>(all: impl Iterator<Item = &'a str>) -> Names<'a> {
    all.enumerate().map(|(index, name)| (name, index)).collect()
}

/// Positions by id, none of which may be empty or there twice.
fn unique<'a>(ids: impl Iterator<Item = &'a str>, path: &str) -> Result<Names<'a>, ConfigError> {
    let mut positions = Names::new();
    for (index, id) in ids.enumerate() {
        let path = format!("{path}[{index}].id");
        if id.is_empty() {
            return Err(ConfigError::new(path, "must not be empty"));
        }
        if positions.insert(id, index).is_some() {
            return Err(ConfigError::new(path, format!("`{id}` is there twice")));
        }
    }
    Ok(positions)
}
