//! Applications, their keys, and their subscriptions.

use std::rc::Rc;

use super::IdentityProviderIndex;
use crate::config::raw::{self, KeyType, SubscriptionState};
use crate::digest::digest_of;
use crate::feed::bucket_of;
use crate::hash_table::HashTable;

/// An application.
#[derive(Debug)]
pub struct Application {
    /// Unique id.
    pub id: String,
    /// Name.
    pub name: String,
    /// Who registered it.
    pub owner: Option<String>,
    /// Tier.
    pub tier: String,
    /// Attributes for the backend JWT.
    pub attributes: Vec<(String, String)>,
    /// Of all of the above.
    pub(crate) digest: u64,
    /// In which it comes in the feed.
    pub(super) bucket: u16,
    /// By API id.
    pub(super) subscriptions: HashTable<String, Subscription>,
}

/// A client of an identity provider.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Client<'a> {
    pub(crate) provider: IdentityProviderIndex,
    pub(crate) id: &'a str,
}

/// What a client at an identity provider stands for.
#[derive(Clone, Debug)]
pub struct ApplicationKey {
    /// The application.
    pub application: Rc<Application>,
    /// What the key is for.
    pub key_type: KeyType,
}

/// An application's subscription to an API.
#[derive(Debug)]
pub struct Subscription {
    /// Tier.
    pub tier: String,
    /// State.
    pub state: SubscriptionState,
}

impl Application {
    /// The application, without subscriptions.
    pub(super) fn from_raw(raw: &raw::Application) -> Self {
        let raw::Application { id, owner, tier, attributes, .. } = raw.clone();
        let name = raw.name.clone().unwrap_or_else(|| id.clone());
        let digest = digest_of(&(&id, &name, &owner, &tier, &attributes));
        let (bucket, subscriptions) = (bucket_of(&id), HashTable::default());
        Self { id, name, owner, tier, attributes, digest, bucket, subscriptions }
    }

    /// Its subscription to an API.
    #[inline]
    pub fn subscription(&self, api_id: &str) -> Option<&Subscription> {
        self.subscriptions.get(api_id)
    }
}
