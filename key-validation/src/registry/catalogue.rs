//! All APIs: by where they are served, and by the bucket of the feed in which they come.

use std::rc::Rc;

use super::base_paths::BasePaths;
use super::{Api, ApiMatch, Host};
use crate::config::{ConfigError, IdentityProvider, raw};
use crate::feed::bucket_of;
use crate::hash_table::HashTable;
use crate::target::Target;

/// All APIs.
#[derive(Debug, Default)]
pub(super) struct Catalogue {
    buckets: HashTable<u16, Vec<Rc<Api>>>,
    /// Buckets with APIs of which it cannot be told where they are served.
    unplaced: Vec<u16>,
    base_paths: BasePaths,
}

impl Catalogue {
    /// Checks the APIs of a configuration.
    pub(super) fn check(raw: &[raw::Api], providers: &[IdentityProvider]) -> Result<Self, ConfigError> {
        let mut catalogue = Self::default();
        for (index, api) in raw.iter().enumerate() {
            let path = format!("registry.apis[{index}]");
            let api = Rc::new(Api::check(&path, api, providers)?);
            if let Some(other) = catalogue.base_paths.add(&api) {
                let reason = format!("`{}` and `{}` have the same base path on the same host", other.id, api.id);
                return Err(ConfigError::new(format_args!("{path}.context"), reason));
            }
            if api.id.is_empty() {
                return Err(ConfigError::new(format_args!("{path}.id"), "must not be empty"));
            }
            if catalogue.has(&api.id) {
                return Err(ConfigError::new(format_args!("{path}.id"), format!("`{}` is there twice", api.id)));
            }
            let bucket = bucket_of(&api.id);
            let mut apis = catalogue.buckets.remove(&bucket).unwrap_or_default();
            apis.push(api);
            catalogue.buckets.insert(bucket, apis);
        }
        Ok(catalogue)
    }

    /// Puts these APIs in the place of those in a bucket; one without a place is `None`.
    pub(super) fn replace(&mut self, bucket: u16, apis: Vec<Option<Api>>) {
        for api in &self.buckets.remove(&bucket).unwrap_or_default() {
            self.base_paths.remove(api);
        }
        self.unplaced.retain(|other| *other != bucket);
        let mut placed = Vec::with_capacity(apis.len());
        for api in apis {
            match api.map(Rc::new) {
                Some(api) => {
                    // Where it is in another's way, neither is served.
                    self.base_paths.add(&api);
                    placed.push(api);
                }
                None => self.unplaced.push(bucket),
            }
        }
        if !placed.is_empty() {
            self.buckets.insert(bucket, placed);
        }
    }

    /// Takes over the APIs of another one, where there are none yet.
    pub(super) fn share(&mut self, other: &Self) {
        self.buckets.clone_from(&other.buckets);
        self.unplaced.clone_from(&other.unplaced);
        for api in self.buckets.values().flatten() {
            self.base_paths.add(api);
        }
    }

    /// Whether a request that belongs to no API may belong to one all the same.
    pub(super) fn has_unplaced(&self) -> bool {
        !self.unplaced.is_empty()
    }

    pub(super) fn apis(&self) -> impl Iterator<Item = &Api> {
        self.buckets.values().flatten().map(|api| &**api)
    }

    /// Whether there is an API with this id.
    pub(super) fn has(&self, id: &str) -> bool {
        self.buckets.get(&bucket_of(id)).is_some_and(|apis| apis.iter().any(|api| api.id == id))
    }

    #[inline]
    pub(super) fn find(&self, host: &Host<'_>, target: &Target<'_>) -> Option<ApiMatch> {
        self.base_paths.find(host, target.segments())
    }
}
