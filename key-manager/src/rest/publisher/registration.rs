//! What identity providers are told of an API: written to the outbox in the transaction that changes it.

use key_validation::UnixTime;

use crate::domain::{Api, ApiRegistration, IdentityProvider, RegistrationState};
use crate::outbox::{Intent, IntentId};
use crate::rest::error::{Fault, RestError};
use crate::store::Transaction;

/// Has an API registered at each of its key managers, and taken away where it is registered and not meant any more.
pub(super) async fn follow(
    transaction: &mut dyn Transaction,
    api: &Api,
    request_id: &str,
    now: UnixTime,
) -> Result<(), RestError> {
    let known = transaction.list_api_registrations(&api.id).await?;
    for provider in &transaction.list_identity_providers().await? {
        let before = known.iter().find(|one| one.identity_provider_id == provider.id);
        let is_wanted = api.is_registered_at(provider);
        if is_wanted {
            transaction.put_api_registration(&pending(api, provider, before, now)).await?;
        }
        if is_wanted || before.is_some() {
            transaction.put_intent(&register(&api.id, &provider.id, request_id, now)).await?;
        }
    }
    Ok(())
}

/// Has an API taken away everywhere, because it is being deleted.
pub(super) async fn forget(
    transaction: &mut dyn Transaction,
    api_id: &str,
    request_id: &str,
    now: UnixTime,
) -> Result<(), RestError> {
    for registration in transaction.list_api_registrations(api_id).await? {
        transaction.put_intent(&register(api_id, &registration.identity_provider_id, request_id, now)).await?;
    }
    Ok(())
}

/// The names of an API's key managers must be those of some.
pub(super) async fn check_key_managers(transaction: &mut dyn Transaction, api: &Api) -> Result<(), RestError> {
    for (index, name) in api.policy.identity_providers.iter().enumerate() {
        if transaction.find_identity_provider_by_name(name).await?.is_none() {
            let field = format!("keyManagers[{index}]");
            return Err(Fault::new(field, format!("there is no key manager `{name}`")).into());
        }
    }
    Ok(())
}

/// How an API stands at its key managers, with their names.
pub(super) async fn standing(
    transaction: &mut dyn Transaction,
    api_id: &str,
) -> Result<Vec<(String, ApiRegistration)>, RestError> {
    let mut named = Vec::new();
    for registration in transaction.list_api_registrations(api_id).await? {
        let provider = transaction.find_identity_provider(&registration.identity_provider_id).await?;
        named.push((provider.map(|provider| provider.name).unwrap_or_default(), registration));
    }
    Ok(named)
}

fn pending(api: &Api, provider: &IdentityProvider, before: Option<&ApiRegistration>, now: UnixTime) -> ApiRegistration {
    ApiRegistration {
        api_id: api.id.clone(),
        identity_provider_id: provider.id.clone(),
        state: RegistrationState::Pending,
        resource_id: before.and_then(|before| before.resource_id.clone()),
        scopes: before.map(|before| before.scopes.clone()).unwrap_or_default(),
        error: None,
        updated_at: now,
    }
}

fn register(api_id: &str, identity_provider_id: &str, request_id: &str, now: UnixTime) -> Intent {
    let (api_id, identity_provider_id) = (api_id.to_owned(), identity_provider_id.to_owned());
    Intent::new(IntentId::RegisterApi { api_id, identity_provider_id }, request_id, now)
}
