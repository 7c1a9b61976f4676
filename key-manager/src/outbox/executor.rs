//! Carries out intents at identity providers.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use key_validation::Secret;
use serde_json::Value;

use super::{Intent, IntentId, IntentState};
use crate::clock::Clock;
use crate::connector::{
    ClientMetadata, ClientReference, ConnectorError, ConnectorTypes, Happened, KeyManager, ManagementHandle,
    RegisteredClient,
};
use crate::domain::{ApplicationKey, KeyState};
use crate::rest::{CarryOut, CarryOutError, connector_settings};
use crate::service::Service;
use crate::store::{Store, StoreError, Transaction, Writer};

const RETRY_AFTER: Duration = Duration::from_secs(30);
const DUE_AT_ONCE: u32 = 100;

/// Carries out intents, one try for each call.
#[derive(Clone)]
pub struct Executor {
    store: Arc<dyn Store>,
    connectors: Arc<ConnectorTypes>,
    clock: Arc<dyn Clock>,
}

impl Executor {
    /// For a service.
    pub fn of(service: &Service) -> Self {
        Self {
            store: Arc::clone(&service.store),
            connectors: Arc::clone(&service.connectors),
            clock: Arc::clone(&service.clock),
        }
    }

    async fn write(&self) -> Result<Box<dyn Transaction>, StoreError> {
        let now = self.clock.now();
        self.store.write(Writer { actor: "outbox".to_owned(), request_id: String::new(), now }).await
    }

    /// A key and the connector of its identity provider; `None` when either is gone.
    async fn find(&self, key_id: &str) -> Result<Option<(ApplicationKey, Arc<dyn KeyManager>)>, CarryOutError> {
        let mut read = self.store.read().await?;
        let Some(key) = read.find_key(key_id).await? else { return Ok(None) };
        let Some(provider) = read.find_identity_provider(&key.identity_provider_id).await? else { return Ok(None) };
        let connected = self.connectors.connect(&provider.connector, &connector_settings(&provider));
        let connector = connected
            .map_err(|error| ConnectorError::BadAnswer { reason: error.to_string(), happened: Happened::No })?;
        Ok(Some((key, connector)))
    }

    async fn create(&self, id: &IntentId, key_id: &str) -> Result<(), CarryOutError> {
        let Some((key, connector)) = self.find(key_id).await? else { return Ok(()) };
        let metadata: ClientMetadata = serde_json::from_value(Value::Object(key.metadata.clone()))
            .map_err(|error| StoreError::Unreadable(error.to_string()))?;
        match connector.create_client(&metadata).await {
            Ok(client) => self.keep_client(id, key, client).await,
            Err(error) => {
                self.keep_failure(id, key, &error).await?;
                Err(error.into())
            }
        }
    }

    async fn keep_client(
        &self,
        id: &IntentId,
        mut key: ApplicationKey,
        client: RegisteredClient,
    ) -> Result<(), CarryOutError> {
        if let Ok(Value::Object(metadata)) = serde_json::to_value(&client.metadata) {
            key.metadata = metadata;
        }
        key.state = KeyState::Created;
        key.client_id = Some(client.client_id);
        key.client_secret = client.client_secret;
        key.handle = client.handle.map(|handle| Secret::new(handle.expose()));
        key.updated_at = self.clock.now();
        let mut transaction = self.write().await?;
        transaction.update_key(&key).await?;
        transaction.delete_intent(id).await?;
        Ok(transaction.commit().await?)
    }

    /// Nothing can have happened: the place is given back. Otherwise trying again could make two clients.
    async fn keep_failure(&self, id: &IntentId, key: ApplicationKey, error: &ConnectorError) -> Result<(), StoreError> {
        let mut transaction = self.write().await?;
        if error.happened() == Happened::No {
            transaction.delete_intent(id).await?;
            transaction.delete_key(&key.id).await?;
        } else if let Some(intent) = transaction.find_intent(id).await? {
            transaction.put_intent(&self.failed(intent, IntentState::PossiblyOrphaned, error)).await?;
        }
        transaction.commit().await
    }

    fn failed(&self, intent: Intent, state: IntentState, error: &ConnectorError) -> Intent {
        Intent {
            attempts: intent.attempts.saturating_add(1),
            next_attempt_at: self.clock.now().plus(RETRY_AFTER),
            state,
            error: Some(error.to_string()),
            ..intent
        }
    }

    /// Carries out the deletions that are due; those that fail stay for a later call.
    pub async fn delete_due(&self) {
        let due = async { self.store.read().await?.list_due_intents(self.clock.now(), DUE_AT_ONCE).await };
        let intents = match due.await {
            Ok(intents) => intents,
            Err(error) => return tracing::warn!(%error, "the outbox cannot be read"),
        };
        for Intent { id, .. } in intents {
            let IntentId::DeleteClient { key_id } = &id else { continue };
            if let Err(error) = self.delete(&id, key_id).await {
                tracing::warn!(%error, intent = id.text(), "an intent was not carried out");
            }
        }
    }

    /// Deleting twice does no harm, so that a failed one is always tried again.
    async fn delete(&self, id: &IntentId, key_id: &str) -> Result<(), CarryOutError> {
        let Some((key, connector)) = self.find(key_id).await? else { return Ok(()) };
        let deleted = match key.client_id.clone() {
            Some(client_id) => connector.delete_client(&reference(&key, client_id)).await,
            None => Ok(()),
        };
        let mut transaction = self.write().await?;
        match &deleted {
            Ok(()) => {
                transaction.delete_intent(id).await?;
                transaction.delete_key(&key.id).await?;
            }
            Err(error) => {
                if let Some(intent) = transaction.find_intent(id).await? {
                    transaction.put_intent(&self.failed(intent, IntentState::Pending, error)).await?;
                }
            }
        }
        transaction.commit().await?;
        Ok(deleted?)
    }
}

fn reference(key: &ApplicationKey, client_id: String) -> ClientReference {
    ClientReference {
        client_id,
        client_secret: key.client_secret.clone(),
        handle: key.handle.as_ref().map(|handle| ManagementHandle::new(handle.expose())),
    }
}

#[async_trait]
impl CarryOut for Executor {
    async fn carry_out(&self, id: &IntentId) -> Result<(), CarryOutError> {
        match id {
            IntentId::CreateClient { key_id } => self.create(id, key_id).await,
            IntentId::DeleteClient { key_id } => self.delete(id, key_id).await,
            // It stays in the outbox: nothing registers APIs yet.
            IntentId::RegisterApi { .. } => Ok(()),
        }
    }

    fn wake(&self) {
        let executor = self.clone();
        tokio::spawn(async move { executor.delete_due().await });
    }
}
