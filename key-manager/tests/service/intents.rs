//! Two key managers on one `PostgreSQL`, and intents that both find: each is carried out by one of them, once.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use key_manager::connector::http::HttpClient;
use key_manager::connector::oidc::{Oidc, OidcType};
use key_manager::connector::{
    Check, ClientCredentials, ClientMetadata, ClientReference, ConnectorError, ConnectorSettings, ConnectorType,
    ConnectorTypes, Discovered, Introspection, IssuedToken, KeyManager, Operation, RegisteredClient, RelayEndpoint,
    RelayRequest, RelayResponse, SettingDescription, SettingsError, TokenRequest, TokenTypeHint,
};
use key_manager::domain::{ApplicationKey, KeyState};
use key_manager::outbox::{Intent, IntentId};
use key_manager::store::{Owner, Window};
use key_validation::Secret;
use serde_json::json;

use crate::harness::database::{Database, KEY};
use crate::harness::oidc_provider::{OidcProvider, properties};
use crate::harness::served::{DEVPORTAL, Served};
use crate::harness::shop::{generate, text};

/// What was asked of the identity provider about which client, and by which key managers.
type Calls = Arc<Mutex<BTreeMap<(&'static str, String), Vec<&'static str>>>>;

/// The connector of a key manager, which notes what is asked of it.
struct NotingType {
    whose: &'static str,
    calls: Calls,
    http: HttpClient,
    standard: OidcType,
}

#[async_trait]
impl ConnectorType for NotingType {
    fn name(&self) -> &'static str {
        self.standard.name()
    }

    fn display_name(&self) -> &'static str {
        self.standard.display_name()
    }

    fn settings(&self) -> &[SettingDescription] {
        self.standard.settings()
    }

    fn connect(&self, settings: &ConnectorSettings) -> Result<Arc<dyn KeyManager>, SettingsError> {
        let standard = Oidc::new(self.http.clone(), settings)?;
        Ok(Arc::new(Noting { whose: self.whose, calls: Arc::clone(&self.calls), standard }))
    }

    async fn discover(&self, url: &str) -> Result<Discovered, ConnectorError> {
        self.standard.discover(url).await
    }
}

struct Noting {
    whose: &'static str,
    calls: Calls,
    standard: Oidc,
}

impl Noting {
    /// Takes long enough for the other key manager to come by.
    async fn note(&self, what: &'static str, client: &ClientReference) {
        self.calls.lock().unwrap().entry((what, client.client_id.clone())).or_default().push(self.whose);
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

#[async_trait]
impl KeyManager for Noting {
    fn supports(&self, operation: Operation) -> bool {
        self.standard.supports(operation)
    }

    async fn check(&self) -> Vec<Check> {
        self.standard.check().await
    }

    async fn create_client(&self, metadata: &ClientMetadata) -> Result<RegisteredClient, ConnectorError> {
        self.standard.create_client(metadata).await
    }

    async fn read_client(&self, client: &ClientReference) -> Result<Option<RegisteredClient>, ConnectorError> {
        self.standard.read_client(client).await
    }

    async fn update_client(
        &self,
        client: &ClientReference,
        metadata: &ClientMetadata,
    ) -> Result<RegisteredClient, ConnectorError> {
        self.note("update", client).await;
        self.standard.update_client(client, metadata).await
    }

    async fn delete_client(&self, client: &ClientReference) -> Result<(), ConnectorError> {
        self.note("delete", client).await;
        self.standard.delete_client(client).await
    }

    async fn map_client(&self, credentials: &ClientCredentials) -> Result<RegisteredClient, ConnectorError> {
        self.standard.map_client(credentials).await
    }

    async fn request_token(&self, request: &TokenRequest) -> Result<IssuedToken, ConnectorError> {
        self.standard.request_token(request).await
    }

    async fn introspect(&self, token: &Secret, hint: Option<TokenTypeHint>) -> Result<Introspection, ConnectorError> {
        self.standard.introspect(token, hint).await
    }

    async fn revoke(
        &self,
        token: &Secret,
        hint: Option<TokenTypeHint>,
        client: &ClientCredentials,
    ) -> Result<(), ConnectorError> {
        self.standard.revoke(token, hint, client).await
    }

    async fn relay(&self, endpoint: RelayEndpoint, request: &RelayRequest) -> Result<RelayResponse, ConnectorError> {
        self.standard.relay(endpoint, request).await
    }
}

/// A key manager on the database with this URL.
async fn start(whose: &'static str, (name, url): (&str, &str), calls: &Calls) -> Served {
    let http = HttpClient::new().unwrap();
    let mut connectors = ConnectorTypes::default();
    let standard = OidcType::new(http.clone());
    connectors.register(Box::new(NotingType { whose, calls: Arc::clone(calls), http, standard }));
    let sealed = [("GATEHOUSE__SEALING__ALLOW_EPHEMERAL_KEY", "false"), ("GATEHOUSE__SEALING__KEY", KEY), (name, url)];
    Served::start_with_connectors(Database::create().await, &sealed, connectors).await
}

/// Applications with a key each.
async fn keys(served: &Served, count: usize) -> Vec<ApplicationKey> {
    let mut keys = Vec::new();
    for number in 0..count {
        let body = json!({"name": format!("Shop {number}"), "throttlingPolicy": "Unlimited"});
        let created = served.post(&format!("{DEVPORTAL}/applications"), body).await.body;
        let application = text(&created, "applicationId");
        generate(served, &format!("{DEVPORTAL}/applications/{application}"), "PRODUCTION").await;
        keys.extend(served.service.store.read().await.unwrap().list_keys(application).await.unwrap());
    }
    keys
}

/// Writes, in one transaction, that the clients of one half of the keys are to be deleted, and those of the other to bear
/// another owner's name.
async fn write_intents(served: &Served, keys: &[ApplicationKey]) {
    let now = served.service.now();
    let mut write = served.service.write("test", "r-1").await.unwrap();
    for (number, key) in keys.iter().cloned().enumerate() {
        let key_id = key.id.clone();
        let id = if number % 2 == 0 {
            write.update_key(&ApplicationKey { state: KeyState::Deleting, ..key }).await.unwrap();
            IntentId::DeleteClient { key_id }
        } else {
            let owner = Owner::Anybody;
            let mut application = write.find_application(&key.application_id, owner).await.unwrap().unwrap();
            "bob".clone_into(&mut application.owner);
            write.update_application(&application).await.unwrap();
            IntentId::ChangeOwner { key_id }
        };
        write.put_intent(&Intent::new(id, "r-1", now)).await.unwrap();
    }
    write.commit().await.unwrap();
}

/// Has both carry out what is due until nothing is, beside their own loops.
async fn carry_out(first: &Served, second: &Served) {
    while first.service.store.read().await.unwrap().list_intents(Window::ALL).await.unwrap().total > 0 {
        tokio::join!(first.service.outbox.carry_out_due(), second.service.outbox.carry_out_due());
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

#[tokio::test]
async fn s7_an_intent_is_carried_out_by_one_of_two_replicas_and_once() {
    const KEYS: usize = 60;
    const ROUNDS: usize = 6;
    let idp = OidcProvider::start("intents").await;
    let (database, calls) = (Database::create().await, Calls::default());
    let (name, url) = database.variable();
    let one = start("one", (name, &url), &calls).await;
    let other = start("other", (name, &url), &calls).await;
    let settings =
        json!({"name": "corporate", "type": "oidc", "issuer": idp.issuer, "additionalProperties": properties()});
    one.key_manager(settings).await;
    let keys = keys(&one, KEYS).await;
    let ids: Vec<_> = keys.iter().map(|key| key.client_id.clone().expect("a client")).collect();

    for (round, keys) in keys.chunks(KEYS / ROUNDS).enumerate() {
        write_intents(&one, keys).await;
        let (first, second) = if round % 2 == 0 { (&one, &other) } else { (&other, &one) };
        // Both have found the intents and wait for their turn, before either gets it.
        let lock = one.database.lock().await;
        let release = async {
            tokio::time::sleep(Duration::from_millis(100)).await;
            lock.release().await;
        };
        let carried_out = async { tokio::join!(carry_out(first, second), release) };
        tokio::time::timeout(Duration::from_secs(60), carried_out).await.expect("the end of all intents");
    }

    let calls = calls.lock().unwrap();
    let mut expected: Vec<_> =
        ids.iter().zip(["delete", "update"].into_iter().cycle()).map(|(id, what)| (what, id)).collect();
    expected.sort();
    let asked: Vec<_> = calls.keys().map(|(what, id)| (*what, id)).collect();
    assert_eq!(asked, expected);
    for (what, by) in &*calls {
        assert_eq!(by.len(), 1, "{what:?} by {by:?}");
    }
    for replica in ["one", "other"] {
        let share = calls.values().filter(|by| by[0] == replica).count();
        assert!(share > 0, "`{replica}` took no part");
    }
    assert_eq!(idp.clients().len(), KEYS / 2);
}
