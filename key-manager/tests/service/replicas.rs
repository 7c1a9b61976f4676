//! Two key managers in processes of their own, on one database.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use key_manager::server;
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use tokio::task::JoinSet;

use crate::harness::database::{Database, KEY};
use crate::harness::oidc_provider::{OidcProvider, properties};
use crate::harness::program::Program;
use crate::harness::scratch;
use crate::harness::served::{ADMIN, DEVPORTAL, GATEWAY, Served};
use crate::harness::shop::text;

const APPLICATIONS: &str = "/api/am/devportal/v3/applications";

struct Replicas {
    one: Program,
    other: Program,
}

impl Replicas {
    /// Both at the same time.
    async fn start(name: &str, database: &Database) -> Self {
        let directory = scratch(name);
        let (one, other) = tokio::join!(
            Program::start(&directory, "one", database, &[]),
            Program::start(&directory, "other", database, &[]),
        );
        Self { one, other }
    }

    fn both(&self) -> [&Program; 2] {
        [&self.one, &self.other]
    }
}

async fn application(program: &Program, name: &str) -> String {
    let body = json!({"name": name, "throttlingPolicy": "Unlimited"});
    let created = program.good(Method::POST, APPLICATIONS, Some(body)).await;
    text(&created, "applicationId").to_owned()
}

/// Asks for the registry as the gateway `edge`.
async fn poll(base: &str, query: &str) -> (StatusCode, Value) {
    let request = reqwest::Client::new().get(format!("{base}/internal/gateway/v1/registry?{query}"));
    let response = request.bearer_auth(GATEWAY).header("x-gatehouse-gateway", "edge").send().await.expect("an answer");
    let status = response.status();
    (status, serde_json::from_str(&response.text().await.expect("a body")).unwrap_or_default())
}

fn revision(page: &Value) -> String {
    format!("{}.{}", text(&page["revision"], "epoch"), page["revision"]["number"])
}

/// Creates applications one after the other, each until it is there, and whatever the program says meanwhile.
async fn write(base: String, prefix: String, is_over: Arc<AtomicBool>) -> (BTreeSet<String>, BTreeSet<StatusCode>) {
    let (client, mut written, mut told) = (reqwest::Client::new(), BTreeSet::new(), BTreeSet::new());
    for number in 0.. {
        let name = format!("{prefix}-{number}");
        let body = json!({"name": name, "throttlingPolicy": "Unlimited"});
        loop {
            let request = client.post(format!("{base}{APPLICATIONS}")).json(&body);
            let answer = request.bearer_auth(crate::harness::served::BOOTSTRAP).send().await;
            // A process that is gone says nothing any more.
            let Ok(answer) = answer else { return (written, told) };
            told.insert(answer.status());
            // After a 503 in the middle of a commit it may be there already.
            if matches!(answer.status(), StatusCode::CREATED | StatusCode::CONFLICT) {
                written.insert(name);
                break;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        if is_over.load(Ordering::Relaxed) {
            break;
        }
    }
    (written, told)
}

async fn names(program: &Program) -> BTreeSet<String> {
    let mut names = BTreeSet::new();
    loop {
        let path = format!("{APPLICATIONS}?limit=100&offset={}", names.len());
        let page = program.good(Method::GET, &path, None).await;
        let list = page["list"].as_array().expect("a list");
        if list.is_empty() {
            return names;
        }
        names.extend(list.iter().map(|application| text(application, "name").to_owned()));
    }
}

#[tokio::test]
async fn s7_replicas_that_start_together_on_an_empty_database_share_one_schema_and_one_signing_key() {
    let replicas = Replicas::start("replicas-empty", &Database::empty().await).await;

    let mut keys = BTreeSet::new();
    for replica in replicas.both() {
        let jwks = replica.good(Method::GET, "/oauth2/jwks", None).await;
        assert_eq!(jwks["keys"].as_array().map(Vec::len), Some(1), "{jwks}");
        keys.insert(text(&jwks["keys"][0], "kid").to_owned());
    }
    assert_eq!(keys.len(), 1, "{keys:?}");
}

/// Two in this process, on one database.
async fn two_served() -> [Served; 2] {
    let database = Database::create().await;
    let (name, url) = database.variable();
    let sealed = [("GATEHOUSE__SEALING__ALLOW_EPHEMERAL_KEY", "false"), ("GATEHOUSE__SEALING__KEY", KEY)];
    let one = Served::start_on(database, &sealed).await;
    let same = [sealed[0], sealed[1], (name, url.as_str())];
    [one, Served::start_on(Database::create().await, &same).await]
}

/// Both do what time asks for, at the same time.
async fn keep_both([one, other]: &[Served; 2]) {
    let (first, second) = tokio::join!(server::keep(&one.service), server::keep(&other.service));
    first.and(second).expect("both are well");
}

#[tokio::test]
async fn s7_tombstones_that_one_replica_has_compacted_are_gone_for_gateways_of_the_other() {
    let both = two_served().await;
    let [one, other] = &both;
    let path = format!("{APPLICATIONS}/{}", one.application().await);
    let (_, page) = poll(&one.base, "").await;
    let before = format!("revision={}", revision(&page));
    one.send(Method::DELETE, &path, None).await;
    let (_, page) = poll(&other.base, &before).await;
    assert_eq!(page["changes"][0]["deleted"], true, "{page}");
    let after = format!("revision={}", revision(&page));

    one.database.execute("UPDATE feed_records SET changed_at = 0").await.expect("old tombstones");
    keep_both(&both).await;

    for replica in &both {
        let (_, page) = poll(&replica.base, &before).await;
        assert!(page["snapshot"].is_object(), "{page}");
        assert_eq!(poll(&replica.base, &after).await.0, StatusCode::NO_CONTENT);
    }
}

#[tokio::test]
async fn s6_a_signing_key_that_is_due_is_made_by_one_replica_alone() {
    let both = two_served().await;
    let [one, other] = &both;

    keep_both(&both).await;

    let keys = one.service.store.read().await.unwrap().list_signing_keys().await.unwrap();
    let same = other.service.store.read().await.unwrap().list_signing_keys().await.unwrap();
    assert_eq!((keys.len(), same.len()), (1, 1));
}

#[tokio::test]
async fn s7_a_change_by_one_replica_arrives_at_a_long_poll_of_the_other_at_once() {
    let replicas = Replicas::start("replicas-poll", &Database::create().await).await;
    application(&replicas.one, "First").await;
    let (_, page) = poll(&replicas.other.base, "").await;
    let mut known = revision(&page);

    for name in ["Second", "Third", "Fourth"] {
        let query = format!("revision={known}&wait=30s");
        let waiting = tokio::spawn({
            let base = replicas.other.base.clone();
            async move { (poll(&base, &query).await, tokio::time::Instant::now()) }
        });
        tokio::time::sleep(Duration::from_millis(300)).await;
        let id = application(&replicas.one, name).await;
        let written = tokio::time::Instant::now();

        let ((status, page), arrived) = waiting.await.expect("an answer");

        assert_eq!((status, &page["changes"][0]["id"]), (StatusCode::OK, &json!(id)), "{page}");
        // Well below the second after which it is looked for commits that were not heard of.
        let late = arrived.saturating_duration_since(written);
        assert!(late < Duration::from_millis(400), "{late:?}");
        known = revision(&page);
    }
}

#[tokio::test]
async fn s7_a_replica_that_is_killed_under_load_loses_nothing_that_it_has_answered() {
    let replicas = Replicas::start("replicas-killed", &Database::create().await).await;
    let is_over = Arc::new(AtomicBool::new(false));
    let mut writers = JoinSet::new();
    for number in 0..4 {
        let (which, name) = if number % 2 == 0 { (&replicas.one, "one") } else { (&replicas.other, "other") };
        writers.spawn(write(which.base.clone(), format!("{name}-{number}"), Arc::clone(&is_over)));
    }
    tokio::time::sleep(Duration::from_secs(2)).await;

    drop(replicas.one);
    tokio::time::sleep(Duration::from_secs(1)).await;
    is_over.store(true, Ordering::Relaxed);

    let mut written = BTreeSet::new();
    for (names, told) in writers.join_all().await {
        assert_eq!(told, BTreeSet::from([StatusCode::CREATED]), "the other one goes on, and nobody waits for the dead");
        written.extend(names);
    }
    let there = names(&replicas.other).await;
    assert!(written.len() > 20, "{}", written.len());
    assert!(written.is_subset(&there), "{:?}", written.difference(&there).collect::<Vec<_>>());
}

#[tokio::test]
async fn s7_a_database_that_restarts_under_load_makes_503_and_nothing_else_and_all_goes_on() {
    let (database, cluster) = Database::on_own_server().await;
    let replicas = Replicas::start("replicas-restart", &database).await;
    let is_over = Arc::new(AtomicBool::new(false));
    let mut writers = JoinSet::new();
    for (number, replica) in replicas.both().into_iter().cycle().take(6).enumerate() {
        writers.spawn(write(replica.base.clone(), format!("w{number}"), Arc::clone(&is_over)));
    }
    for mode in ["fast", "immediate"] {
        tokio::time::sleep(Duration::from_secs(1)).await;
        cluster.stop(mode);
        tokio::time::sleep(Duration::from_millis(500)).await;
        cluster.begin_again();
    }
    tokio::time::sleep(Duration::from_secs(1)).await;
    is_over.store(true, Ordering::Relaxed);

    let (mut written, mut all_told) = (BTreeSet::new(), BTreeSet::new());
    for (names, told) in writers.join_all().await {
        written.extend(names);
        all_told.extend(told);
    }
    let allowed = BTreeSet::from([StatusCode::CREATED, StatusCode::CONFLICT, StatusCode::SERVICE_UNAVAILABLE]);
    assert!(all_told.is_subset(&allowed), "{all_told:?}");
    assert_eq!(names(&replicas.one).await, written);
    let (_, page) = poll(&replicas.other.base, "").await;
    let query = format!("revision={}&wait=30s", revision(&page));
    let (waiting, id) = tokio::join!(poll(&replicas.other.base, &query), application(&replicas.one, "Afterwards"));
    assert_eq!(waiting.1["changes"][0]["id"], json!(id), "{waiting:?}");
}

/// An application with a way to keys at an identity provider, and the path of its keys.
async fn shop(replicas: &Replicas, idp: &OidcProvider) -> String {
    let settings =
        json!({"name": "corporate", "type": "oidc", "issuer": idp.issuer, "additionalProperties": properties()});
    replicas.one.good(Method::POST, &format!("{ADMIN}/key-managers"), Some(settings)).await;
    format!("{DEVPORTAL}/applications/{}", application(&replicas.one, "Shop").await)
}

#[tokio::test]
async fn s8_concurrent_requests_for_one_key_at_both_replicas_make_one_client() {
    let idp = OidcProvider::start("replicas-keys").await;
    let replicas = Replicas::start("replicas-keys-one", &Database::create().await).await;
    let application = shop(&replicas, &idp).await;
    let body = json!({"keyType": "PRODUCTION", "grantTypesToBeSupported": ["client_credentials"]});

    let path = format!("{application}/generate-keys");
    let ask = |replica| Program::send(replica, Method::POST, &path, Some(body.clone()));
    let (one, other) = (&replicas.one, &replicas.other);
    let answers = tokio::join!(ask(one), ask(other), ask(one), ask(other), ask(one), ask(other));

    let answers =
        [answers.0, answers.1, answers.2, answers.3, answers.4, answers.5].map(|answer| answer.expect("one").0);
    let made = answers.iter().filter(|status| **status == StatusCode::OK).count();
    let refused = answers.iter().filter(|status| **status == StatusCode::CONFLICT).count();
    assert_eq!((made, refused), (1, 5), "{answers:?}");
    let keys = replicas.other.good(Method::GET, &format!("{application}/oauth-keys"), None).await;
    assert_eq!(idp.clients(), [text(&keys["list"][0], "consumerKey")]);
}

#[tokio::test]
async fn s7_exchanges_about_one_client_take_turns_across_replicas() {
    let idp = OidcProvider::start("replicas-turns").await;
    let replicas = Replicas::start("replicas-turns-of", &Database::create().await).await;
    let application = shop(&replicas, &idp).await;
    let body = json!({"keyType": "PRODUCTION", "grantTypesToBeSupported": ["client_credentials"]});
    let key = replicas.one.good(Method::POST, &format!("{application}/generate-keys"), Some(body)).await;
    let path = format!("{application}/oauth-keys/{}", text(&key, "keyMappingId"));

    // Each update makes the registration access token another one; whoever came with an old one would be refused.
    let mut updates = JoinSet::new();
    for replica in replicas.both().into_iter().cycle().take(8) {
        let body = json!({"keyType": "PRODUCTION", "supportedGrantTypes": ["client_credentials"]});
        let request = reqwest::Client::new().put(format!("{}{path}", replica.base)).json(&body);
        updates.spawn(request.bearer_auth(crate::harness::served::BOOTSTRAP).send());
    }

    for answer in updates.join_all().await {
        let answer = answer.expect("an answer");
        assert_eq!(answer.status(), StatusCode::OK, "{}", answer.text().await.unwrap_or_default());
    }
}

#[cfg(feature = "failpoints")]
#[tokio::test]
async fn s7_what_a_replica_that_died_has_begun_is_carried_out_by_the_other_once_its_time_is_over() {
    let idp = OidcProvider::start("replicas-lease").await;
    let (database, directory) = (Database::create().await, scratch("replicas-lease-of"));
    let within = ("GATEHOUSE__OUTBOX__ABANDONED_AFTER", "3s");
    let dies = ("GATEHOUSE_END_AFTER", "DeleteClaimed");
    let one = Program::start(&directory, "one", &database, &[within, dies]).await;
    let other = Program::start(&directory, "other", &database, &[within]).await;
    let replicas = Replicas { one, other };
    let application = shop(&replicas, &idp).await;
    let body = json!({"keyType": "PRODUCTION", "grantTypesToBeSupported": ["client_credentials"]});
    let key = replicas.one.good(Method::POST, &format!("{application}/generate-keys"), Some(body)).await;

    let path = format!("{application}/oauth-keys/{}", text(&key, "keyMappingId"));
    let Replicas { one, other } = replicas;
    one.send(Method::DELETE, &path, None).await;
    one.ended().await;

    tokio::time::sleep(Duration::from_secs(1)).await;
    assert_eq!(idp.clients().len(), 1, "the other one leaves it to whoever has begun it");
    other.until("/api/gatehouse/v1/reconciliation", |told| told["count"] == 0).await;
    assert_eq!(idp.clients().len(), 0);
}
