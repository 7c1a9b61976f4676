//! Records out of the key manager's feed, which may know more than this gateway does: a record that cannot be
//! understood denies.

use std::rc::Rc;

use serde_json::{Map, Value, json};

use super::{Api, Application, ApplicationKey, Client, Subscription};
use crate::config::raw;
use crate::config::{ConfigError, IdentityProvider, Read, check_revocation, read_lenient};
use crate::cut_offs::{Action, Concerned, CutOff};
use crate::feed::{Change, FoundApplication, Place};
use crate::time::UnixTime;

/// Why a change cannot be understood, by a gateway with these identity providers.
pub(crate) fn fault(change: &Change, providers: &[IdentityProvider]) -> Option<ConfigError> {
    let record = change.record.as_ref()?;
    match &change.place {
        Place::Api(id) => check_api(id, record, providers).err(),
        Place::Application(id) => check_application(id, record, |name| knows(providers, name)).err(),
        Place::Subscription { application_id, api_id } => check_subscription(application_id, api_id, record).err(),
        Place::Revocation(_) => check_cut_off(record, providers).err(),
    }
}

fn knows(providers: &[IdentityProvider], name: &str) -> bool {
    providers.iter().any(|provider| provider.name == name)
}

/// A record in which nothing is wrong but members that are not known.
fn understood<T: Read>(record: &Value) -> Result<T, ConfigError> {
    let (read, fault) = read_lenient(record);
    fault.map_or(Ok(read), Err)
}

fn of_another() -> ConfigError {
    ConfigError::new("id", "the record is another's")
}

fn check_api(id: &str, record: &Value, providers: &[IdentityProvider]) -> Result<Api, ConfigError> {
    let mut raw: raw::Api = understood(record)?;
    if raw.id.get_or_insert_with(|| id.to_owned()) != id {
        return Err(of_another());
    }
    Api::check("record", &raw, providers)
}

/// The API of a record; one that cannot be understood is blocked. `None` when not even its place can be told.
pub(super) fn api(id: &str, record: &Value, providers: &[IdentityProvider]) -> Option<Api> {
    if let Ok(api) = check_api(id, record, providers) {
        return Some(api);
    }
    let mut place = Map::new();
    for member in ["version", "context", "isDefaultVersion", "hosts"] {
        if let Some(value) = record.get(member) {
            place.insert(member.to_owned(), value.clone());
        }
    }
    place.insert("name".to_owned(), json!("-"));
    place.insert("operations".to_owned(), json!([]));
    place.insert("lifeCycleStatus".to_owned(), json!("BLOCKED"));
    check_api(id, &Value::Object(place), &[]).ok()
}

fn check_application(
    id: &str,
    record: &Value,
    knows_provider: impl Fn(&str) -> bool,
) -> Result<raw::Application, ConfigError> {
    let raw: raw::Application = understood(record)?;
    if raw.id != id {
        return Err(of_another());
    }
    match raw.keys.iter().find(|key| !knows_provider(&key.identity_provider)) {
        Some(key) => {
            let reason = format!("there is no identity provider `{}`", key.identity_provider);
            Err(ConfigError::new("keys.identityProvider", reason))
        }
        None => Ok(raw),
    }
}

fn check_subscription(application_id: &str, api_id: &str, record: &Value) -> Result<Subscription, ConfigError> {
    let raw: raw::Subscription = understood(record)?;
    if raw.api_id != api_id || raw.application_id != application_id {
        return Err(of_another());
    }
    Ok(Subscription { tier: raw.tier, state: raw.state })
}

/// The key of a client; none when the application's own record cannot be understood whole or has not this client.
pub(super) fn key(found: FoundApplication, client: &Client<'_>, providers: &[String]) -> Option<ApplicationKey> {
    let knows = |name: &str| providers.iter().any(|provider| provider == name);
    let raw = check_application(&found.id, &found.record, knows).ok()?;
    let mut application = Application::from_raw(&raw);
    let provider = providers.get(client.provider.0)?;
    let key = raw.keys.iter().find(|key| key.identity_provider == *provider && key.client_id == client.id)?;
    for (api_id, record) in found.subscriptions {
        if let Ok(subscription) = check_subscription(&found.id, &api_id, &record) {
            application.subscriptions.insert(api_id, subscription);
        }
    }
    Some(ApplicationKey { application: Rc::new(application), key_type: key.key_type })
}

fn check_cut_off(record: &Value, providers: &[IdentityProvider]) -> Result<CutOff, ConfigError> {
    check_revocation("", &understood(record)?, providers)
}

/// The cut-off of a record; one that cannot be understood has everything asked anew.
pub(crate) fn cut_off(record: &Value, providers: &[IdentityProvider]) -> CutOff {
    check_cut_off(record, providers).unwrap_or_else(|_| CutOff {
        concerns: Concerned::All,
        identity_provider: None,
        action: Action::Recheck,
        not_before: None,
        expires_at: record.get("expiresAt").and_then(Value::as_u64).map_or(UnixTime::MAX, UnixTime::from_seconds),
    })
}
