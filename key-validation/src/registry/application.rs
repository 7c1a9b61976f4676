//! Applications, their keys, and their subscriptions.

use std::collections::{BTreeMap, HashMap};

use super::{ApiIndex, ApplicationIndex, Names};
use crate::config::ConfigError;
use crate::config::raw::{self, KeyType, SubscriptionState};
use crate::digest::digest_of;

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
    pub attributes: BTreeMap<String, String>,
    /// Of all of the above.
    pub(crate) digest: u64,
}

/// What a client at an identity provider stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ApplicationKey {
    /// The application.
    pub application: ApplicationIndex,
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
    /// The application, and the keys that are still to be checked.
    pub(super) fn from_raw(raw: raw::Application) -> (Self, Vec<raw::ApplicationKey>) {
        let raw::Application { id, owner, tier, attributes, keys, .. } = raw;
        let name = raw.name.unwrap_or_else(|| id.clone());
        let digest = digest_of(&(&id, &name, &owner, &tier, &attributes));
        (Self { id, name, owner, tier, attributes, digest }, keys)
    }
}

/// Checks the keys of all applications, listed in their order.
pub(super) fn check_keys(
    raw: Vec<Vec<raw::ApplicationKey>>,
    providers: &Names<'_>,
) -> Result<Vec<HashMap<String, ApplicationKey>>, ConfigError> {
    let mut keys = vec![HashMap::new(); providers.len()];
    for (application, raw) in raw.into_iter().enumerate() {
        for (index, raw) in raw.into_iter().enumerate() {
            let path = format!("registry.applications[{application}].keys[{index}]");
            let Some(provider) = providers.get(raw.identity_provider.as_str()) else {
                let reason = format!("there is no identity provider `{}`", raw.identity_provider);
                return Err(ConfigError::new(format!("{path}.identityProvider"), reason));
            };
            if raw.client_id.is_empty() {
                return Err(ConfigError::new(format!("{path}.clientId"), "must not be empty"));
            }
            let key = ApplicationKey { application: ApplicationIndex(application), key_type: raw.key_type };
            let of_provider = keys.get_mut(*provider);
            if of_provider.and_then(|keys| keys.insert(raw.client_id.clone(), key)).is_some() {
                let reason = format!("`{}` is there twice for `{}`", raw.client_id, raw.identity_provider);
                return Err(ConfigError::new(format!("{path}.clientId"), reason));
            }
        }
    }
    Ok(keys)
}

/// Checks the subscriptions; they refer to APIs and applications by id.
pub(super) fn check_subscriptions(
    raw: Vec<raw::Subscription>,
    apis: &Names<'_>,
    applications: &Names<'_>,
) -> Result<BTreeMap<(ApiIndex, ApplicationIndex), Subscription>, ConfigError> {
    let mut subscriptions = BTreeMap::new();
    for (index, raw) in raw.into_iter().enumerate() {
        let path = format!("registry.subscriptions[{index}]");
        let dangling = |field: &str, kind: &str, id: &str| {
            ConfigError::new(format!("{path}.{field}"), format!("there is no {kind} `{id}`"))
        };
        let api = apis.get(raw.api_id.as_str()).ok_or_else(|| dangling("apiId", "API", &raw.api_id))?;
        let application = applications
            .get(raw.application_id.as_str())
            .ok_or_else(|| dangling("applicationId", "application", &raw.application_id))?;
        let subscription = Subscription { tier: raw.tier, state: raw.state };
        if subscriptions.insert((ApiIndex(*api), ApplicationIndex(*application)), subscription).is_some() {
            let reason = format!("`{}` is subscribed to `{}` twice", raw.application_id, raw.api_id);
            return Err(ConfigError::new(path, reason));
        }
    }
    Ok(subscriptions)
}
