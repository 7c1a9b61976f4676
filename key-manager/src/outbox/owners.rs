//! Owners: a client bears the name of its application's owner, and some identity providers keep owners themselves.

use std::sync::Arc;

use serde_json::Value;

use super::executor::{CarryOutError, is_current};
use super::{Executor, Intent, IntentState, Step};
use crate::connector::{Action, ClientMetadata, ConnectorError, KeyManager, Operation};
use crate::domain::{ApplicationKey, KeyState};
use crate::outbox::reference;
use crate::store::{Owner, StoreError, Writer};

impl Executor {
    /// Tells an identity provider whose a client is by now. What it does not let be changed is as it stays.
    pub(super) async fn change_owner(&self, intent: &Intent, key_id: &str) -> Result<(), CarryOutError> {
        Step::OwnerClaimed.done();
        let _alone = self.store.lock(key_id).await?;
        let found = self.find(key_id).await?.filter(|(key, _)| key.state == KeyState::Created);
        let told = match found {
            Some((key, connector)) => self.tell_owner(intent, &key, &connector).await,
            None => Ok(()),
        };
        match told {
            Err(CarryOutError::Connector(error)) if error.action() != Action::ChangeRequest => {
                self.put_off(intent, IntentState::Pending, error.to_string()).await?;
                return Err(error.into());
            }
            Err(CarryOutError::Connector(error)) => {
                tracing::warn!(%error, key = key_id, "a client keeps the name of the owner before");
            }
            Err(error @ CarryOutError::Store(_)) => return Err(error),
            Ok(()) => {}
        }
        let mut transaction = self.write(&intent.request_id).await?;
        if is_current(transaction.as_mut(), intent).await? {
            transaction.delete_intent(&intent.id).await?;
        }
        transaction.commit().await?;
        Step::OwnerKept.done();
        Ok(())
    }

    async fn tell_owner(
        &self,
        intent: &Intent,
        key: &ApplicationKey,
        connector: &Arc<dyn KeyManager>,
    ) -> Result<(), CarryOutError> {
        let application = self.store.read().await?.find_application(&key.application_id, Owner::Anybody).await?;
        let (Some(application), Some(client_id)) = (application, key.client_id.clone()) else { return Ok(()) };
        let client = reference(key, client_id);
        if connector.supports(Operation::ChangeOwner) {
            connector.change_owner(&client, &application.owner).await?;
        }
        if !connector.supports(Operation::ManageClients) {
            return Err(ConnectorError::Unsupported(Operation::ManageClients).into());
        }
        let metadata: ClientMetadata = serde_json::from_value(Value::Object(key.metadata.clone()))
            .map_err(|error| StoreError::Unreadable(error.to_string()))?;
        let renamed = ClientMetadata { client_name: key.client_name.clone(), ..metadata };
        let told = connector.update_client(&client, &renamed).await?;
        Step::OwnerTold.done();
        let (actor, request_id) = ("outbox".to_owned(), intent.request_id.clone());
        let writer = Writer { actor, request_id, now: self.clock.now() };
        self.keep_told(&key.id, &told, &writer).await?;
        Ok(())
    }
}
