//! Clients: creating them once, finding out about those that may have been created, deleting them for good.

use std::sync::Arc;
use std::time::Duration;

use key_validation::Secret;
use serde_json::Value;

use super::executor::CarryOutError;
use super::{Executor, Intent, IntentId, IntentState, Step};
use crate::connector::{
    ClientMetadata, ClientReference, ConnectorError, Happened, KeyManager, ManagementHandle, Operation,
    RegisteredClient,
};
use crate::domain::{ApplicationKey, KeyState};
use crate::store::{StoreError, Transaction, Writer};

/// When what the identity provider told is written once more, after the store was away.
const PAUSES: [Duration; 3] = [Duration::from_millis(100), Duration::from_millis(500), Duration::from_secs(2)];

/// Why nobody knows whether there is a client.
const UNKNOWN: &str = "the key manager ended while the client was being created, and the identity provider cannot be \
                       asked for it by name";

impl Executor {
    /// A key and the connector of its identity provider; `None` when either is gone.
    pub(super) async fn find(
        &self,
        key_id: &str,
    ) -> Result<Option<(ApplicationKey, Arc<dyn KeyManager>)>, CarryOutError> {
        let mut read = self.store.read().await?;
        let Some(key) = read.find_key(key_id).await? else { return Ok(None) };
        let Some(provider) = read.find_identity_provider(&key.identity_provider_id).await? else { return Ok(None) };
        Ok(Some((key, self.connect(&provider)?)))
    }

    /// Creates the client of a key.
    pub(super) async fn create(&self, intent: &Intent, key_id: &str) -> Result<(), CarryOutError> {
        Step::CreateClaimed.done();
        let Some((key, connector)) = self.find(key_id).await? else { return Ok(()) };
        if key.state != KeyState::Creating {
            return Ok(self.give_up(intent, key_id).await?);
        }
        let metadata: ClientMetadata = serde_json::from_value(Value::Object(key.metadata.clone()))
            .map_err(|error| StoreError::Unreadable(error.to_string()))?;
        match connector.create_client(&metadata).await {
            Ok(client) => {
                Step::ClientCreated.done();
                self.keep(intent, key_id, client, &*connector).await
            }
            Err(error) => {
                if error.happened() == Happened::No {
                    self.give_up(intent, key_id).await?;
                } else if connector.supports(Operation::FindClientByName) {
                    self.put_off(intent, IntentState::Pending, error.to_string()).await?;
                } else {
                    self.put_off(intent, IntentState::PossiblyOrphaned, error.to_string()).await?;
                }
                Err(error.into())
            }
        }
    }

    /// A creation that nobody waits for any more: one that was begun may have made a client, which is looked for by its
    /// name. It is never begun again: whoever wanted it has had no answer, and asks again.
    pub(super) async fn resolve(&self, intent: &Intent, was_begun: bool, key_id: &str) -> Result<(), CarryOutError> {
        let Some((key, connector)) = self.find(key_id).await? else { return Ok(()) };
        if !was_begun {
            return Ok(self.give_up(intent, key_id).await?);
        }
        if !connector.supports(Operation::FindClientByName) {
            return Ok(self.put_off(intent, IntentState::PossiblyOrphaned, UNKNOWN.to_owned()).await?);
        }
        match connector.find_client_by_name(&key.client_name).await {
            Ok(Some(client)) => Ok(self.write_client(intent, key_id, &client).await?),
            Ok(None) => Ok(self.give_up(intent, key_id).await?),
            Err(error) => {
                self.put_off(intent, IntentState::Pending, error.to_string()).await?;
                Err(error.into())
            }
        }
    }

    /// Writes down a client that has just been made. When that cannot be, it is of no use to anybody and goes again.
    async fn keep(
        &self,
        intent: &Intent,
        key_id: &str,
        client: RegisteredClient,
        connector: &dyn KeyManager,
    ) -> Result<(), CarryOutError> {
        let mut pauses = PAUSES.into_iter();
        let error = loop {
            match (self.write_client(intent, key_id, &client).await, pauses.next()) {
                (Ok(()), _) => {
                    Step::CreateKept.done();
                    return Ok(());
                }
                // Another key has a client of this id: this one was not made for us alone.
                (Err(error @ StoreError::Taken(_)), _) => {
                    self.put_off(intent, IntentState::PossiblyOrphaned, error.to_string()).await?;
                    return Err(error.into());
                }
                (Err(error), None) => break error,
                (Err(_), Some(pause)) => tokio::time::sleep(pause).await,
            }
        };
        tracing::error!(%error, key = key_id, "a client cannot be written down, and is deleted again");
        let reference =
            ClientReference { client_id: client.client_id, client_secret: client.client_secret, handle: client.handle };
        match connector.delete_client(&reference).await {
            Ok(()) => {
                // With the database away the place stays, and is resolved when it is back.
                let _ = self.give_up(intent, key_id).await;
            }
            Err(error) => tracing::error!(%error, key = key_id, "a client may be orphaned"),
        }
        Err(error.into())
    }

    /// The key was perhaps removed meanwhile: then its client is written down to be deleted.
    async fn write_client(&self, intent: &Intent, key_id: &str, client: &RegisteredClient) -> Result<(), StoreError> {
        let mut transaction = self.write(&intent.request_id).await?;
        let mut key = transaction.find_key(key_id).await?.ok_or(StoreError::Changed)?;
        if key.client_id.as_ref() == Some(&client.client_id) {
            // A try before this one was committed and its answer lost, or somebody has taken the client over.
            return Ok(());
        }
        if key.state == KeyState::Creating {
            key.state = KeyState::Created;
        }
        key.client_id = Some(client.client_id.clone());
        adopt(&mut key, client);
        key.updated_at = self.clock.now();
        transaction.update_key(&key).await?;
        transaction.delete_intent(&intent.id).await?;
        transaction.commit().await
    }

    /// There is no client: the place is given back, unless the key is being deleted, which does so itself.
    async fn give_up(&self, intent: &Intent, key_id: &str) -> Result<(), StoreError> {
        let mut transaction = self.write(&intent.request_id).await?;
        transaction.delete_intent(&intent.id).await?;
        if transaction.find_key(key_id).await?.is_some_and(|key| key.state == KeyState::Creating) {
            transaction.delete_key(key_id).await?;
        }
        transaction.commit().await
    }

    /// Deletes the client of a key. Deleting twice does no harm, so that a failed one is always tried again.
    pub(super) async fn delete(&self, intent: &Intent, key_id: &str) -> Result<(), CarryOutError> {
        Step::DeleteClaimed.done();
        let _alone = self.store.lock(key_id).await?;
        if self.is_being_created(key_id).await? {
            let reason = "it is not known yet whether there is a client";
            return Ok(self.put_off(intent, IntentState::Pending, reason.to_owned()).await?);
        }
        let Some((key, connector)) = self.find(key_id).await? else { return Ok(()) };
        if let Some(client_id) = key.client_id.clone()
            && let Err(error) = connector.delete_client(&reference(&key, client_id)).await
        {
            self.put_off(intent, IntentState::Pending, error.to_string()).await?;
            return Err(error.into());
        }
        Step::ClientDeleted.done();
        let mut transaction = self.write(&intent.request_id).await?;
        transaction.delete_intent(&intent.id).await?;
        transaction.delete_key(key_id).await?;
        transaction.commit().await?;
        Step::DeleteKept.done();
        Ok(())
    }

    async fn is_being_created(&self, key_id: &str) -> Result<bool, StoreError> {
        let id = IntentId::CreateClient { key_id: key_id.to_owned() };
        Ok(self.store.read().await?.find_intent(&id).await?.is_some())
    }

    /// Writes down what an identity provider has just told of a client: its handle may be another after each use, so a
    /// database that is away is tried again. `None` when there is no such key any more.
    ///
    /// # Errors
    /// [`StoreError`] when it could not be written at all.
    pub async fn keep_told(
        &self,
        key_id: &str,
        client: &RegisteredClient,
        writer: &Writer,
    ) -> Result<Option<ApplicationKey>, StoreError> {
        let mut pauses = PAUSES.into_iter();
        loop {
            match (self.write_told(key_id, client, writer).await, pauses.next()) {
                (Err(_), Some(pause)) => tokio::time::sleep(pause).await,
                (outcome, _) => return outcome,
            }
        }
    }

    async fn write_told(
        &self,
        key_id: &str,
        client: &RegisteredClient,
        writer: &Writer,
    ) -> Result<Option<ApplicationKey>, StoreError> {
        let mut transaction = self.store.write(writer.clone()).await?;
        let Some(mut key) = transaction.find_key(key_id).await? else { return Ok(None) };
        adopt(&mut key, client);
        key.updated_at = writer.now;
        transaction.update_key(&key).await?;
        transaction.commit().await?;
        Ok(Some(key))
    }
}

/// Forgets an intent, and the key that it keeps from others, on a person's word: somebody has looked at the identity
/// provider. `false` when there is none.
///
/// # Errors
/// [`StoreError`].
pub async fn forget(transaction: &mut dyn Transaction, id: &IntentId) -> Result<bool, StoreError> {
    if transaction.find_intent(id).await?.is_none() {
        return Ok(false);
    }
    transaction.delete_intent(id).await?;
    let (key_id, state) = match id {
        IntentId::CreateClient { key_id } => (key_id, KeyState::Creating),
        IntentId::DeleteClient { key_id } => (key_id, KeyState::Deleting),
        IntentId::ChangeOwner { .. } | IntentId::RegisterApi { .. } => return Ok(true),
    };
    if transaction.find_key(key_id).await?.is_some_and(|key| key.state == state) {
        transaction.delete_key(key_id).await?;
    }
    Ok(true)
}

/// What is told replaces what was known; what is not told stays.
fn adopt(key: &mut ApplicationKey, client: &RegisteredClient) {
    if let Ok(Value::Object(metadata)) = serde_json::to_value(&client.metadata) {
        key.metadata = metadata;
    }
    if let Some(secret) = &client.client_secret {
        key.client_secret = Some(secret.clone());
    }
    if let Some(handle) = &client.handle {
        key.handle = Some(Secret::new(handle.expose()));
    }
}

/// The client of a key.
pub(crate) fn reference(key: &ApplicationKey, client_id: String) -> ClientReference {
    ClientReference {
        client_id,
        client_secret: key.client_secret.clone(),
        handle: key.handle.as_ref().map(|handle| ManagementHandle::new(handle.expose())),
    }
}

/// Nothing more is wrong with a scope or a client that is not ours than that it is not.
pub(super) fn not_ours_is_well(outcome: Result<(), ConnectorError>) -> Result<(), ConnectorError> {
    match outcome {
        Err(ConnectorError::Conflict { .. }) => Ok(()),
        outcome => outcome,
    }
}
