//! The store's rules, whatever the database: each test asks [`database`] for an empty one.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use key_manager::domain::*;
use key_manager::feed::RecordKind;
use key_manager::store::*;
use key_validation::{Secret, UnixTime};

use crate::harness::database::{Database, KEY};

const NOW: UnixTime = UnixTime::from_seconds(1_800_000_000);

struct Opened {
    store: Arc<dyn Store>,
    database: Database,
}

async fn database() -> Opened {
    let database = Database::create().await;
    Opened { store: database.open(KEY).await, database }
}

impl Opened {
    async fn write(&self) -> Box<dyn Transaction> {
        let writer = Writer { actor: "alice".to_owned(), request_id: "r-1".to_owned(), now: NOW };
        self.store.write(writer).await.unwrap()
    }

    async fn read(&self) -> Box<dyn Transaction> {
        self.store.read().await.unwrap()
    }

    async fn number(&self) -> u64 {
        self.read().await.feed_state().await.unwrap().revision.number
    }

    /// An API, an application with a key, and a subscription, in one transaction.
    async fn fill(&self) {
        let mut transaction = self.write().await;
        transaction.insert_identity_provider(&identity_provider()).await.unwrap();
        transaction.insert_api(&api("a-1", "PizzaShack")).await.unwrap();
        transaction.insert_application(&application("app-1", "Shop", "bob")).await.unwrap();
        transaction.insert_key(&key("k-1", "app-1", Some("client-1"))).await.unwrap();
        transaction.insert_subscription(&subscription()).await.unwrap();
        transaction.commit().await.unwrap();
    }
}

fn api(id: &str, name: &str) -> Api {
    Api {
        id: id.to_owned(),
        row_version: 0,
        name: name.to_owned(),
        version: "1.0.0".to_owned(),
        context: format!("/{}", name.to_lowercase()),
        provider: "alice".to_owned(),
        is_default_version: false,
        life_cycle_status: LifeCycleStatus::Published,
        policy: ApiPolicy::default(),
        scopes: Vec::new(),
        definition: None,
        document: Document::new(),
        created_at: NOW,
        updated_at: NOW,
    }
}

fn application(id: &str, name: &str, owner: &str) -> Application {
    Application {
        id: id.to_owned(),
        row_version: 0,
        name: name.to_owned(),
        owner: owner.to_owned(),
        tier: "Unlimited".to_owned(),
        attributes: BTreeMap::new(),
        document: Document::new(),
        created_at: NOW,
        updated_at: NOW,
    }
}

fn key(id: &str, application_id: &str, client_id: Option<&str>) -> ApplicationKey {
    ApplicationKey {
        id: id.to_owned(),
        row_version: 0,
        application_id: application_id.to_owned(),
        identity_provider_id: "idp-1".to_owned(),
        key_type: KeyType::Production,
        mode: KeyMode::Created,
        state: KeyState::Created,
        client_name: format!("bob_{application_id}_PRODUCTION"),
        client_id: client_id.map(str::to_owned),
        client_secret: Some(Secret::new("s3cret-of-the-client")),
        handle: Some(Secret::new("registration-token")),
        registration_token_digest: None,
        metadata: Document::new(),
        document: Document::new(),
        created_at: NOW,
        updated_at: NOW,
    }
}

fn identity_provider() -> IdentityProvider {
    IdentityProvider {
        id: "idp-1".to_owned(),
        row_version: 0,
        name: "corporate".to_owned(),
        display_name: String::new(),
        description: String::new(),
        connector: "oidc".to_owned(),
        enabled: true,
        issuer: None,
        endpoints: Endpoints::default(),
        grant_types: Vec::new(),
        enable_token_generation: true,
        enable_map_oauth_consumer_apps: true,
        enable_oauth_app_creation: true,
        settings: BTreeMap::new(),
        secrets: BTreeMap::from([("initialAccessToken".to_owned(), Secret::new("initial-access-token"))]),
        document: Document::new(),
        created_at: NOW,
        updated_at: NOW,
    }
}

fn subscription() -> Subscription {
    Subscription {
        id: "s-1".to_owned(),
        row_version: 0,
        api_id: "a-1".to_owned(),
        application_id: "app-1".to_owned(),
        tier: "Gold".to_owned(),
        requested_tier: None,
        state: SubscriptionState::Unblocked,
        created_at: NOW,
        updated_at: NOW,
    }
}

#[tokio::test]
async fn what_is_not_committed_is_nowhere() {
    let database = database().await;
    let mut transaction = database.write().await;
    transaction.insert_api(&api("a-1", "PizzaShack")).await.unwrap();
    drop(transaction);

    let mut read = database.read().await;
    assert!(read.find_api("a-1").await.unwrap().is_none());
    assert_eq!(read.list_audit_entries(Window::ALL).await.unwrap().total, 0);
    assert_eq!(database.number().await, 0);
    assert_eq!(database.store.newest(), 0);
}

#[tokio::test]
async fn one_transaction_is_one_revision_with_its_rows_and_audit_entries() {
    let database = database().await;

    database.fill().await;

    assert_eq!(database.number().await, 1);
    let mut read = database.read().await;
    let changes = read.list_changes((0, "", ""), 10).await.unwrap();
    let told: Vec<_> = changes.iter().map(|change| (change.kind, change.id.as_str(), change.number)).collect();
    assert_eq!(
        told,
        [(RecordKind::Api, "a-1", 1), (RecordKind::Application, "app-1", 1), (RecordKind::Subscription, "s-1", 1)]
    );
    let record: serde_json::Value = serde_json::from_str(changes[1].record.as_ref().unwrap().get()).unwrap();
    assert_eq!(record["keys"][0]["identityProvider"], "corporate");
    assert_eq!(record["keys"][0]["clientId"], "client-1");
    let audit = read.list_audit_entries(Window::ALL).await.unwrap();
    assert_eq!(audit.total, 5);
    assert!(audit.items.iter().all(|entry| entry.actor == "alice" && entry.request_id == "r-1" && entry.at == NOW));
}

#[tokio::test]
async fn secrets_come_back_and_are_sealed_in_the_file() {
    let database = database().await;
    database.fill().await;

    let mut read = database.read().await;
    let key = read.find_key("k-1").await.unwrap().unwrap();
    let secret = key.client_secret.unwrap();
    assert_eq!((secret.expose(), key.handle.unwrap().expose()), ("s3cret-of-the-client", "registration-token"));
    let found = read.find_identity_provider_by_name("corporate").await.unwrap().unwrap();
    assert_eq!(found.secrets["initialAccessToken"].expose(), "initial-access-token");
    let octets = database.database.octets().await;
    let holds = |text: &str| octets.windows(text.len()).any(|part| part == text.as_bytes());
    assert!(holds("client-1"), "the test looks at the right files");
    for secret in ["s3cret-of-the-client", "registration-token", "initial-access-token"] {
        assert!(!holds(secret), "{secret}");
    }
}

#[tokio::test]
async fn another_sealing_key_cannot_read_secrets_and_says_so() {
    let database = database().await;
    database.fill().await;

    let other = database.database.open("AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=").await;
    let error = other.read().await.unwrap().find_key("k-1").await.unwrap_err().to_string();

    assert!(error.contains("application_keys/k-1/client_secret was sealed with another key"), "{error}");
}

#[tokio::test]
async fn another_owners_things_are_a_miss() {
    let database = database().await;
    database.fill().await;

    let mut read = database.read().await;
    for (owner, is_found) in [(Owner::Only("bob"), true), (Owner::Only("eve"), false), (Owner::Anybody, true)] {
        assert_eq!(read.find_application("app-1", owner).await.unwrap().is_some(), is_found, "{owner:?}");
        assert_eq!(read.find_subscription("s-1", owner).await.unwrap().is_some(), is_found, "{owner:?}");
        let listed = read.list_applications(owner, Window::ALL).await.unwrap();
        assert_eq!((listed.total, listed.items.len()), (u64::from(is_found), usize::from(is_found)), "{owner:?}");
        let listed = read.list_subscriptions(None, None, owner, Window::ALL).await.unwrap();
        assert_eq!(listed.total, u64::from(is_found), "{owner:?}");
    }
}

/// A transaction of its own: after an error it is of no more use.
macro_rules! assert_taken {
    ($database:ident, $insert:ident($what:expr), $expected:expr) => {
        let result = $database.write().await.$insert($what).await;
        assert!(matches!(&result, Err(StoreError::Taken(unique)) if *unique == $expected), "{result:?}");
    };
}

#[tokio::test]
async fn what_may_be_there_once_is_refused_by_its_name() {
    let database = database().await;
    database.fill().await;

    let mut write = database.write().await;
    write.insert_application(&application("app-2", "Shop", "eve")).await.unwrap();
    write.commit().await.unwrap();
    let name = Api { context: "/other".to_owned(), ..api("a-2", "pizzashack") };
    let context = Api { context: "/pizzashack".to_owned(), ..api("a-2", "Other") };
    let subscription = Subscription { id: "s-2".to_owned(), ..subscription() };
    let identity_provider = IdentityProvider { id: "idp-2".to_owned(), ..identity_provider() };
    let (no_client, client) = (key("k-2", "app-1", None), key("k-2", "app-2", Some("client-1")));

    assert_taken!(database, insert_api(&name), Unique::ApiName);
    assert_taken!(database, insert_api(&context), Unique::ApiContext);
    assert_taken!(database, insert_api(&api("a-1", "Other")), Unique::Id);
    assert_taken!(database, insert_application(&application("app-3", "Shop", "bob")), Unique::ApplicationName);
    assert_taken!(database, insert_key(&no_client), Unique::Key);
    assert_taken!(database, insert_key(&client), Unique::ClientId);
    assert_taken!(database, insert_subscription(&subscription), Unique::Subscription);
    assert_taken!(database, insert_identity_provider(&identity_provider), Unique::IdentityProviderName);
}

#[tokio::test]
async fn an_update_of_a_row_that_was_changed_since_is_refused() {
    let database = database().await;
    database.fill().await;
    let read = database.read().await.find_api("a-1").await.unwrap().unwrap();
    assert_eq!(read.row_version, 1);

    let mut write = database.write().await;
    write.update_api(&read).await.unwrap();
    assert_eq!(write.find_api("a-1").await.unwrap().unwrap().row_version, 2);
    assert!(matches!(write.update_api(&read).await, Err(StoreError::Changed)));
}

#[tokio::test]
async fn deletions_leave_tombstones_until_they_are_compacted() {
    let database = database().await;
    database.fill().await;
    let mut write = database.write().await;
    write.delete_subscription("s-1").await.unwrap();
    write.delete_api("a-1").await.unwrap();
    write.commit().await.unwrap();

    let changes = database.read().await.list_changes((1, "\u{7f}", ""), 10).await.unwrap();
    let told: Vec<_> = changes.iter().map(|change| (change.id.as_str(), change.record.is_none())).collect();
    assert_eq!(told, [("a-1", true), ("s-1", true)]);
    assert_eq!(changes[1].application_id.as_deref(), Some("app-1"));

    let mut write = database.write().await;
    assert_eq!(write.compact_feed(NOW).await.unwrap(), 0, "they are not from before");
    assert_eq!(write.feed_state().await.unwrap().complete_since, 0);
    assert_eq!(write.compact_feed(NOW.plus(Duration::from_millis(1))).await.unwrap(), 2);
    write.commit().await.unwrap();
    let mut read = database.read().await;
    assert_eq!(read.feed_state().await.unwrap().complete_since, 2);
    assert!(read.list_changes((1, "\u{7f}", ""), 10).await.unwrap().is_empty());
    assert_eq!(read.list_changes((0, "", ""), 10).await.unwrap().len(), 1, "what is there stays");
}

#[tokio::test]
async fn what_gateways_may_not_know_is_told_to_none() {
    let database = database().await;
    let mut write = database.write().await;
    let created = Api { life_cycle_status: LifeCycleStatus::Created, ..api("a-1", "PizzaShack") };
    write.insert_api(&created).await.unwrap();
    write.commit().await.unwrap();

    assert_eq!(database.number().await, 0);
    assert!(database.read().await.list_changes((0, "", ""), 10).await.unwrap().is_empty());
}

#[tokio::test]
async fn a_key_that_is_being_made_or_unmade_is_no_key_to_gateways() {
    let database = database().await;
    database.fill().await;
    for state in [KeyState::Creating, KeyState::Deleting] {
        let mut write = database.write().await;
        let key = write.find_key("k-1").await.unwrap().unwrap();
        write.update_key(&ApplicationKey { state, ..key }).await.unwrap();
        let records = write.list_records(RecordKind::Application, 0, 10).await.unwrap();
        let application = records.iter().find(|change| change.kind == RecordKind::Application).unwrap();
        let record: serde_json::Value = serde_json::from_str(application.record.as_ref().unwrap().get()).unwrap();
        assert_eq!(record["keys"], serde_json::json!([]), "{state:?}");
    }
}

#[tokio::test]
async fn concurrent_writers_take_turns_and_each_gets_a_revision_of_its_own() {
    let database = Arc::new(database().await);
    let writers = (0..8).map(|number| {
        let database = Arc::clone(&database);
        tokio::spawn(async move {
            let mut write = database.write().await;
            let id = format!("app-{number}");
            write.insert_application(&application(&id, &id, "bob")).await.unwrap();
            write.commit().await.unwrap();
        })
    });
    for writer in writers.collect::<Vec<_>>() {
        writer.await.unwrap();
    }

    let changes = database.read().await.list_changes((0, "", ""), 20).await.unwrap();
    let numbers: Vec<_> = changes.iter().map(|change| change.number).collect();
    assert_eq!(numbers, (1..=8).collect::<Vec<_>>());
}

#[tokio::test]
async fn a_commit_wakes_whoever_waits_for_one() {
    let database = database().await;
    let seen = database.store.newest();
    let store = Arc::clone(&database.store);
    let waiting = tokio::spawn(async move { store.changed_since(seen).await });

    database.fill().await;

    waiting.await.unwrap();
}

#[tokio::test]
async fn another_epoch_begins_with_another_name_alone() {
    let database = database().await;
    let mut write = database.write().await;
    write.begin_epoch("restored").await.unwrap();
    assert!(matches!(write.begin_epoch("restored").await, Err(StoreError::Changed)));
    write.commit().await.unwrap();

    assert_eq!(database.read().await.feed_state().await.unwrap().revision.epoch, "restored");
}

#[tokio::test]
async fn a_database_without_schema_is_told_from_a_good_one() {
    let database = Database::empty().await;
    let store = database.open(KEY).await;

    assert!(matches!(store.check_schema().await, Err(StoreError::Schema(_))));
    store.migrate().await.unwrap();
    store.check_schema().await.unwrap();
}

#[tokio::test]
async fn a_schema_that_is_newer_than_the_program_is_refused_and_left_alone() {
    let database = database().await;
    let newer = "INSERT INTO _sqlx_migrations (version, description, success, checksum, execution_time) \
                 VALUES (9999, 'newer', TRUE, 'x', 0)";
    database.database.execute(newer).await.unwrap();

    for outcome in [database.store.check_schema().await, database.store.migrate().await] {
        assert!(outcome.unwrap_err().to_string().contains("9999"));
    }
}

#[tokio::test]
async fn a_text_that_not_every_database_keeps_is_refused_and_never_found() {
    let database = database().await;
    let name = database.write().await.insert_application(&application("app-1", "a\0b", "bob")).await;
    assert!(matches!(name, Err(StoreError::Text)), "{name:?}");
    let mut read = database.read().await;
    assert!(read.find_api("\0").await.unwrap().is_none());
    assert_eq!(read.list_applications(Owner::Only("\0"), Window::ALL).await.unwrap().total, 0);
}

#[tokio::test]
async fn texts_are_in_the_order_of_their_octets_whatever_the_databases_language() {
    let database = database().await;
    let mut write = database.write().await;
    for name in ["b", "B", "a", "é", "_"] {
        write.insert_application(&application(name, name, "bob")).await.unwrap();
    }
    write.commit().await.unwrap();

    let listed = database.read().await.list_applications(Owner::Anybody, Window::ALL).await.unwrap().items;
    let names: Vec<_> = listed.iter().map(|application| application.name.as_str()).collect();
    assert_eq!(names, ["B", "_", "a", "b", "é"]);
    let changes = database.read().await.list_changes((0, "", ""), 10).await.unwrap();
    let ids: Vec<_> = changes.iter().map(|change| change.id.as_str()).collect();
    assert_eq!(ids, ["B", "_", "a", "b", "é"]);
}

#[tokio::test]
async fn a_reader_cannot_write() {
    let database = database().await;
    let result = database.read().await.insert_application(&application("app-1", "Shop", "bob")).await;

    assert!(matches!(result, Err(StoreError::Unavailable(_))), "{result:?}");
}

#[tokio::test]
async fn numbers_of_revisions_are_never_used_again() {
    let database = database().await;
    database.fill().await;
    let mut write = database.write().await;
    let revision = ApiRevision {
        id: "rev-1".to_owned(),
        api_id: "a-1".to_owned(),
        number: 1,
        description: String::new(),
        created_at: NOW,
        snapshot: Document::new(),
        deployments: Vec::new(),
    };
    write.insert_api_revision(&revision).await.unwrap();
    assert_eq!(write.list_api_revisions("a-1").await.unwrap().0.len(), 1);
    write.delete_api_revision("rev-1").await.unwrap();

    let (revisions, last) = write.list_api_revisions("a-1").await.unwrap();
    assert_eq!((revisions.len(), last), (0, 1));
}

#[tokio::test]
async fn intents_are_due_by_time_unless_they_wait_for_a_person() {
    use key_manager::outbox::{Intent, IntentId, IntentState};
    let database = database().await;
    let mut write = database.write().await;
    let intent = |key_id: &str, seconds: u64, state| Intent {
        id: IntentId::CreateClient { key_id: key_id.to_owned() },
        attempts: 1,
        next_attempt_at: UnixTime::from_seconds(seconds),
        state,
        error: None,
        created_at: NOW,
        request_id: "r-1".to_owned(),
    };
    for one in [
        intent("late", 30, IntentState::Pending),
        intent("due", 10, IntentState::Pending),
        intent("orphan", 10, IntentState::PossiblyOrphaned),
    ] {
        write.put_intent(&one).await.unwrap();
    }

    let due = write.list_due_intents(UnixTime::from_seconds(20), 10).await.unwrap();
    assert_eq!(due, [intent("due", 10, IntentState::Pending)]);
    write.delete_intent(&due[0].id).await.unwrap();
    assert_eq!(write.list_intents(Window::ALL).await.unwrap().total, 2);
}

#[tokio::test]
async fn the_audit_log_cannot_be_changed_even_past_the_store() {
    let database = database().await;
    database.fill().await;

    for sql in ["UPDATE audit_log SET actor = 'eve'", "DELETE FROM audit_log"] {
        let error = database.database.execute(sql).await.unwrap_err();
        assert!(error.to_string().contains("audit log"), "{error}");
    }
}
