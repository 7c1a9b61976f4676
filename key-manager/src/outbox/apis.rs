//! APIs and their scopes at identity providers that keep such things.

use std::collections::BTreeSet;

use key_validation::ScopeToken;

use super::clients::not_ours_is_well;
use super::executor::{CarryOutError, is_current};
use super::{Executor, Intent, IntentState, Step};
use crate::connector::{self, ApiResource, ConnectorError, KeyManager, Operation, RegisteredResource};
use crate::domain::{Api, ApiRegistration, IdentityProvider, RegistrationState, Scope};
use crate::store::{StoreError, Window};

/// What is to be so at the identity provider.
struct Plan {
    provider: IdentityProvider,
    /// The API, when it is to be known there.
    resource: Option<ApiResource>,
    registration: ApiRegistration,
    /// Scopes that were registered for it, are not any more, and that no other API has there.
    abandoned: Vec<ScopeToken>,
}

impl Executor {
    /// Brings what an identity provider keeps of an API to what the API is, or is not any more.
    pub(super) async fn register(
        &self,
        intent: &Intent,
        api_id: &str,
        identity_provider_id: &str,
    ) -> Result<(), CarryOutError> {
        let Some(mut plan) = self.plan(intent, api_id, identity_provider_id).await? else {
            return Ok(self.write_outcome(intent, None).await?);
        };
        Step::RegisterClaimed.done();
        let outcome = match self.connect(&plan.provider) {
            Ok(connector) => bring_about(&*connector, &mut plan).await,
            Err(error) => Err(error),
        };
        Step::ApiRegistered.done();
        plan.registration.updated_at = self.clock.now();
        match outcome {
            Ok(state) => {
                plan.registration.state = state;
                plan.registration.error = None;
                let stays = plan.resource.is_some();
                self.write_outcome(intent, Some((&plan.registration, stays))).await?;
                Step::RegisterKept.done();
                Ok(())
            }
            Err(error) => {
                plan.registration.state = RegistrationState::Failed;
                plan.registration.error = Some(error.to_string());
                let mut transaction = self.write(&intent.request_id).await?;
                transaction.put_api_registration(&plan.registration).await?;
                transaction.commit().await?;
                self.put_off(intent, IntentState::Pending, error.to_string()).await?;
                Err(error.into())
            }
        }
    }

    /// Reads what is to be so, and writes down what may be made, so that it can be taken away again.
    async fn plan(
        &self,
        intent: &Intent,
        api_id: &str,
        identity_provider_id: &str,
    ) -> Result<Option<Plan>, StoreError> {
        let mut transaction = self.write(&intent.request_id).await?;
        let Some(provider) = transaction.find_identity_provider(identity_provider_id).await? else { return Ok(None) };
        let api = transaction.find_api(api_id).await?.filter(|api| api.is_registered_at(&provider));
        let shared = transaction.list_scopes(Window::ALL).await?.items;
        let all = transaction.list_api_registrations_at(identity_provider_id).await?;
        let (mine, others): (Vec<_>, Vec<_>) = all.into_iter().partition(|one| one.api_id == api_id);
        let resource = api.as_ref().map(|api| resource(api, &shared));
        let Some(mut registration) = mine.into_iter().next().or_else(|| api.map(|api| self.blank(api, &provider)))
        else {
            return Ok(None);
        };
        let wanted: BTreeSet<String> =
            resource.iter().flat_map(|resource| &resource.scopes).map(|scope| scope.name.to_string()).collect();
        let is_abandoned =
            |name: &&String| !wanted.contains(*name) && !others.iter().any(|other| other.scopes.contains(name));
        let abandoned = registration.scopes.iter().filter(is_abandoned);
        let abandoned = abandoned.filter_map(|name| ScopeToken::try_from(name.as_str()).ok()).collect();
        registration.scopes =
            registration.scopes.iter().cloned().chain(wanted).collect::<BTreeSet<_>>().into_iter().collect();
        transaction.put_api_registration(&registration).await?;
        transaction.commit().await?;
        Ok(Some(Plan { provider, resource, registration, abandoned }))
    }

    fn blank(&self, api: Api, provider: &IdentityProvider) -> ApiRegistration {
        ApiRegistration {
            api_id: api.id,
            identity_provider_id: provider.id.clone(),
            state: RegistrationState::Pending,
            resource_id: None,
            scopes: Vec::new(),
            error: None,
            updated_at: self.clock.now(),
        }
    }

    async fn write_outcome(
        &self,
        intent: &Intent,
        registration: Option<(&ApiRegistration, bool)>,
    ) -> Result<(), StoreError> {
        let mut transaction = self.write(&intent.request_id).await?;
        match registration {
            Some((registration, true)) => transaction.put_api_registration(registration).await?,
            Some((registration, false)) => {
                let (api_id, identity_provider_id) = (&registration.api_id, &registration.identity_provider_id);
                transaction.delete_api_registration(api_id, identity_provider_id).await?;
            }
            None => {}
        }
        if is_current(transaction.as_mut(), intent).await? {
            transaction.delete_intent(&intent.id).await?;
        }
        transaction.commit().await
    }
}

async fn bring_about(connector: &dyn KeyManager, plan: &mut Plan) -> Result<RegistrationState, ConnectorError> {
    let keeps_resources = connector.supports(Operation::ManageResources);
    let keeps_scopes = connector.supports(Operation::ManageScopes);
    // Scopes first: a resource may refer to them.
    if keeps_scopes {
        for scope in plan.resource.iter().flat_map(|resource| &resource.scopes) {
            match connector.find_scope(&scope.name).await? {
                None => connector.create_scope(scope).await?,
                Some(_) => connector.update_scope(scope).await?,
            }
        }
    }
    if keeps_resources {
        let found = connector.find_resource(&plan.registration.api_id).await?;
        plan.registration.resource_id = bring_resource_about(connector, found, plan.resource.as_ref()).await?;
    }
    if keeps_scopes {
        for name in &plan.abandoned {
            not_ours_is_well(connector.delete_scope(name).await)?;
        }
        plan.registration.scopes.retain(|name| !plan.abandoned.iter().any(|abandoned| abandoned.as_str() == name));
    }
    Ok(if keeps_resources || keeps_scopes { RegistrationState::Registered } else { RegistrationState::Unsupported })
}

async fn bring_resource_about(
    connector: &dyn KeyManager,
    found: Option<RegisteredResource>,
    wanted: Option<&ApiResource>,
) -> Result<Option<String>, ConnectorError> {
    Ok(match (found, wanted) {
        (Some(found), Some(wanted)) => Some(connector.update_resource(&found, wanted).await?.resource_id),
        (None, Some(wanted)) => Some(connector.register_resource(wanted).await?.resource_id),
        (Some(found), None) => {
            connector.delete_resource(&found).await?;
            None
        }
        (None, None) => None,
    })
}

/// The API with the scopes of its own and those that its operations name.
fn resource(api: &Api, shared: &[Scope]) -> ApiResource {
    let named = |name: &String| api.policy.operations.iter().any(|operation| operation.scopes.contains(name));
    let used = shared.iter().filter(|scope| named(&scope.name));
    let scope = |scope: &Scope| {
        Some(connector::Scope {
            name: ScopeToken::try_from(scope.name.as_str()).ok()?,
            display_name: Some(scope.display_name.clone()).filter(|text| !text.is_empty()),
            description: Some(scope.description.clone()).filter(|text| !text.is_empty()),
            roles: scope.bindings.clone(),
        })
    };
    ApiResource {
        api_id: api.id.clone(),
        name: api.name.clone(),
        version: api.version.clone(),
        context: api.context.clone(),
        scopes: api.scopes.iter().chain(used).filter_map(scope).collect(),
    }
}
