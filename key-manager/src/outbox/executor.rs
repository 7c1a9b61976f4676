//! Carries out intents at identity providers: at once for a caller who waits, and again until they hold.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{Notify, RwLock};
use tokio::task::JoinSet;

use super::{Intent, IntentId, IntentState};
use crate::clock::Clock;
use crate::connections::Connections;
use crate::connector::{ConnectorError, Happened, KeyManager};
use crate::domain::IdentityProvider;
use crate::store::{Store, StoreError, Transaction, Writer};

/// How often it is looked for due intents, which other processes may have written.
const LOOK_AGAIN: Duration = Duration::from_secs(2);
const DUE_AT_ONCE: u32 = 32;

/// Carries out intents.
#[derive(Clone)]
pub struct Executor {
    pub(super) store: Arc<dyn Store>,
    connections: Arc<Connections>,
    pub(super) clock: Arc<dyn Clock>,
    written: Arc<Notify>,
    /// Read by whoever carries out an intent, written by whoever waits for their end.
    under_way: Arc<RwLock<()>>,
    /// How long whoever carries out an intent is thought to be at it.
    within: Duration,
}

/// Why an intent was not carried out.
#[derive(Debug, thiserror::Error)]
pub enum CarryOutError {
    /// The identity provider.
    #[error(transparent)]
    Connector(#[from] ConnectorError),
    /// The store.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl Executor {
    /// Over a store. `within` is longer than all exchanges of an intent can take.
    pub fn new(store: Arc<dyn Store>, connections: Arc<Connections>, clock: Arc<dyn Clock>, within: Duration) -> Self {
        Self { store, connections, clock, written: Arc::default(), under_way: Arc::default(), within }
    }

    /// An intent whose writer carries it out itself, as long as it lives.
    pub fn own_intent(&self, id: IntentId, request_id: &str) -> Intent {
        Intent::carried_out_by_its_writer(id, request_id, self.clock.now(), self.within)
    }

    /// Says that intents were written, for [`Executor::run`] to carry out.
    pub fn wake(&self) {
        self.written.notify_one();
    }

    /// Carries out an intent that its writer waits for. A creation that surely did not happen is forgotten with the
    /// place that it held; one that may have happened is [resolved](Executor::run) later. A deletion stays until it is done.
    ///
    /// # Errors
    /// [`CarryOutError`] for the writer.
    pub async fn carry_out(&self, id: IntentId) -> Result<(), CarryOutError> {
        let executor = self.clone();
        // Its own task: a caller who goes away must not end it between two steps.
        let task = tokio::spawn(async move {
            let _under_way = executor.under_way.read().await;
            let Some(intent) = executor.begin(&id).await? else { return Ok(()) };
            match &id {
                IntentId::CreateClient { key_id } => executor.create(&intent, key_id).await,
                IntentId::DeleteClient { key_id } => executor.delete(&intent, key_id).await,
                IntentId::ChangeOwner { key_id } => executor.change_owner(&intent, key_id).await,
                IntentId::RegisterApi { api_id, identity_provider_id } => {
                    executor.register(&intent, api_id, identity_provider_id).await
                }
            }
        });
        task.await.unwrap_or_else(|_| Err(StoreError::Unavailable("the task has ended".to_owned()).into()))
    }

    /// Waits until nobody carries out an intent; nobody in this process begins to after that, since it is to end.
    pub async fn end(&self) {
        let ended = Arc::clone(&self.under_way).write_owned().await;
        // Held for ever.
        std::mem::forget(ended);
    }

    /// Carries out what is due, for as long as the process runs.
    pub async fn run(self) {
        loop {
            self.carry_out_due().await;
            tokio::select! {
                () = self.written.notified() => {}
                () = tokio::time::sleep(LOOK_AGAIN) => {}
            }
        }
    }

    /// Carries out what is due; what fails stays for later.
    pub async fn carry_out_due(&self) {
        let due = async { self.store.read().await?.list_due_intents(self.clock.now(), DUE_AT_ONCE).await };
        let intents = match due.await {
            Ok(intents) => intents,
            Err(error) => return tracing::warn!(%error, "the outbox cannot be read"),
        };
        let mut tasks = JoinSet::new();
        for intent in intents {
            let executor = self.clone();
            tasks.spawn(async move {
                if let Err(error) = executor.reconcile(&intent).await {
                    tracing::warn!(%error, intent = intent.id.text(), "an intent was not carried out");
                }
            });
        }
        while tasks.join_next().await.is_some() {}
    }

    /// An intent whose writer does not wait, or has died.
    async fn reconcile(&self, found: &Intent) -> Result<(), CarryOutError> {
        let _under_way = self.under_way.read().await;
        let Some(intent) = self.begin(&found.id).await? else { return Ok(()) };
        match &found.id {
            IntentId::CreateClient { key_id } => self.resolve(&intent, found.attempts > 0, key_id).await,
            IntentId::DeleteClient { key_id } => self.delete(&intent, key_id).await,
            IntentId::ChangeOwner { key_id } => self.change_owner(&intent, key_id).await,
            IntentId::RegisterApi { api_id, identity_provider_id } => {
                self.register(&intent, api_id, identity_provider_id).await
            }
        }
    }

    /// Takes an intent, so that nobody else does; `None` when somebody has, or when it is gone.
    async fn begin(&self, id: &IntentId) -> Result<Option<Intent>, StoreError> {
        let now = self.clock.now();
        let mut transaction = self.write("").await?;
        let found = transaction.find_intent(id).await?;
        let is_free = |intent: &Intent| {
            intent.state == IntentState::Pending && (intent.attempts == 0 || intent.next_attempt_at <= now)
        };
        let Some(intent) = found.filter(is_free).map(|intent| intent.begun(now, self.within)) else { return Ok(None) };
        transaction.put_intent(&intent).await?;
        transaction.commit().await?;
        Ok(Some(intent))
    }

    /// It failed and is tried again, or waits for a person.
    pub(super) async fn put_off(&self, intent: &Intent, state: IntentState, error: String) -> Result<(), StoreError> {
        let mut transaction = self.write(&intent.request_id).await?;
        if is_current(transaction.as_mut(), intent).await? {
            transaction.put_intent(&intent.failed(self.clock.now(), state, error)).await?;
        }
        transaction.commit().await
    }

    pub(super) fn connect(&self, provider: &IdentityProvider) -> Result<Arc<dyn KeyManager>, ConnectorError> {
        let wrong = |error: crate::connector::SettingsError| ConnectorError::BadAnswer {
            reason: error.to_string(),
            happened: Happened::No,
        };
        self.connections.to(provider).map_err(wrong)
    }

    /// Writes for the request that wrote the intent.
    pub(super) async fn write(&self, request_id: &str) -> Result<Box<dyn Transaction>, StoreError> {
        let (actor, now) = ("outbox".to_owned(), self.clock.now());
        self.store.write(Writer { actor, request_id: request_id.to_owned(), now }).await
    }
}

/// Whether an intent is still the one that was begun: the thing may have changed meanwhile, and be meant anew.
pub(super) async fn is_current(transaction: &mut dyn Transaction, intent: &Intent) -> Result<bool, StoreError> {
    Ok(transaction.find_intent(&intent.id).await?.as_ref() == Some(intent))
}
