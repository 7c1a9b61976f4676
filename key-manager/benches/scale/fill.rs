//! Fills a database past the program, in few large statements.

use std::cell::Cell;

use key_manager::domain::{Application, Subscription, SubscriptionState};
use key_manager::feed::bucket;
use key_validation::UnixTime;
use serde_json::{Value, json};
use sqlx::Connection as _;

use crate::figures::Held;
use crate::registry::{self, IDENTITY_PROVIDER, Size, api_id, application_id, client_id, subscription_id};

/// How many rows a statement has.
const ROWS: usize = 500;
/// When everything was made.
const MADE_AT: UnixTime = UnixTime::from_seconds(1_795_600_000);

/// Puts a registry of this size into an empty database.
pub(crate) async fn fill(url: &str, size: Size) -> Held {
    let mut database = Database::open(url).await;
    database.execute("BEGIN").await;
    let columns = "identity_providers (id, row_version, name, body)";
    database.execute(&format!("INSERT INTO {columns} VALUES ('idp', 1, '{IDENTITY_PROVIDER}', '{{}}')")).await;
    database.insert("apis (id, row_version, name, version, context, body)", size.apis, |n| api(n).stored).await;
    let columns = "applications (id, row_version, name, owner, body)";
    database.insert(columns, size.applications, |n| application(n).stored).await;
    let columns = "application_keys (id, row_version, application_id, identity_provider_id, key_type, client_id, \
                   created_at, body)";
    database.insert(columns, size.applications, key).await;
    let columns = "subscriptions (id, row_version, api_id, application_id, created_at, body)";
    database.insert(columns, size.subscriptions, |n| subscription(n, size).stored).await;
    let columns = "feed_records (kind, id, number, bucket, api_id, application_id, record)";
    let told = |row: Row, held: &Cell<usize>| {
        held.set(held.get() + row.held);
        row.told
    };
    let [apis, applications, subscriptions] = [const { Cell::new(0) }; 3];
    database.insert(columns, size.apis, |n| told(api(n), &apis)).await;
    database.insert(columns, size.applications, |n| told(application(n), &applications)).await;
    database.insert(columns, size.subscriptions, |n| told(subscription(n, size), &subscriptions)).await;
    database.execute("UPDATE feed_state SET number = 1").await;
    database.execute("COMMIT").await;
    database.execute("ANALYZE").await;
    let client = |n| IDENTITY_PROVIDER.len() + 1 + client_id(n).len() + application_id(n).len();
    Held {
        apis: apis.get() as u64,
        applications: applications.get() as u64,
        clients: (0..size.applications).map(client).sum::<usize>() as u64,
        subscriptions: subscriptions.get() as u64,
    }
}

/// A row and what gateways are told of it, as the values of SQL.
struct Row {
    stored: String,
    told: String,
    /// Octets of name and record in a gateway's copy.
    held: usize,
}

fn api(n: usize) -> Row {
    let (id, context) = (api_id(n), registry::context(n));
    let operation = |m| json!({"verb": "GET", "target": registry::target(m), "authType": "Any", "scopes": []});
    let record = json!({
        "id": id, "name": format!("Api{n}"), "version": "1.0.0", "context": context, "isDefaultVersion": false,
        "hosts": [], "lifeCycleStatus": "PUBLISHED", "identityProviders": [], "subscriptionValidation": true,
        "scopeMatching": "any", "audience": [], "operations": (0..8).map(operation).collect::<Vec<_>>(),
        "encodedSlashes": "reject", "pathParameters": "reject",
    })
    .to_string();
    Row {
        stored: format!("('{id}', 1, 'Api{n}', '1.0.0', '{context}', {})", quoted(&record)),
        told: format!("('api', '{id}', 1, {}, NULL, NULL, {})", bucket(&id), quoted(&record)),
        held: id.len() + record.len(),
    }
}

fn application(n: usize) -> Row {
    let application = Application {
        id: application_id(n),
        row_version: 1,
        name: format!("Shop{n}"),
        owner: format!("user{}", n % 5000),
        tier: "Unlimited".to_owned(),
        attributes: [].into(),
        document: serde_json::Map::new(),
        created_at: MADE_AT,
        updated_at: MADE_AT,
    };
    let key = json!({"identityProvider": IDENTITY_PROVIDER, "clientId": client_id(n), "keyType": "PRODUCTION"});
    let Application { id, name, owner, tier, .. } = &application;
    let record =
        json!({"id": id, "name": name, "owner": owner, "tier": tier, "attributes": {}, "keys": [key]}).to_string();
    Row {
        stored: format!("('{id}', 1, '{name}', '{owner}', {})", body(&json!(application))),
        told: format!("('application', '{id}', 1, {}, NULL, NULL, {})", bucket(id), quoted(&record)),
        held: id.len() + record.len(),
    }
}

fn key(n: usize) -> String {
    format!("('k-{n}', 1, '{}', 'idp', 'PRODUCTION', '{}', 0, '{{}}')", application_id(n), client_id(n))
}

fn subscription(n: usize, size: Size) -> Row {
    let subscription = Subscription {
        id: subscription_id(n),
        row_version: 1,
        api_id: api_id(size.api_of(n)),
        application_id: application_id(size.application_of(n)),
        tier: "Gold".to_owned(),
        requested_tier: None,
        state: SubscriptionState::Unblocked,
        created_at: MADE_AT,
        updated_at: MADE_AT,
    };
    let Subscription { id, api_id, application_id, tier, state, .. } = &subscription;
    let record = json!({"apiId": api_id, "applicationId": application_id, "tier": tier, "state": state}).to_string();
    let (bucket, record_value) = (bucket(application_id), quoted(&record));
    Row {
        stored: format!("('{id}', 1, '{api_id}', '{application_id}', 0, {})", body(&json!(subscription))),
        told: format!("('subscription', '{id}', 1, {bucket}, '{api_id}', '{application_id}', {record_value})"),
        held: application_id.len() + 1 + api_id.len() + record.len(),
    }
}

fn body(value: &Value) -> String {
    quoted(&value.to_string())
}

fn quoted(text: &str) -> String {
    format!("'{}'", text.replace('\'', "''"))
}

enum Database {
    Sqlite(sqlx::SqliteConnection),
    Postgres(sqlx::PgConnection),
}

/// The database with its version.
pub(crate) async fn version(url: &str) -> String {
    match Database::open(url).await {
        Database::Sqlite(mut connection) => {
            let version = sqlx::query_scalar("SELECT sqlite_version()").fetch_one(&mut connection).await;
            version.map(|version: String| format!("SQLite {version}"))
        }
        Database::Postgres(mut connection) => {
            let version = sqlx::query_scalar("SHOW server_version").fetch_one(&mut connection).await;
            version
                .map(|version: String| format!("PostgreSQL {}", version.split_whitespace().next().unwrap_or_default()))
        }
    }
    .expect("a version")
}

impl Database {
    async fn open(url: &str) -> Self {
        if url.starts_with("postgres:") {
            return Self::Postgres(sqlx::PgConnection::connect(url).await.expect("a connection"));
        }
        let options = sqlx::sqlite::SqliteConnectOptions::new().filename(url);
        Self::Sqlite(sqlx::SqliteConnection::connect_with(&options).await.expect("a connection"))
    }

    async fn execute(&mut self, sql: &str) {
        match self {
            Self::Sqlite(connection) => sqlx::raw_sql(sql).execute(connection).await.map(drop),
            Self::Postgres(connection) => sqlx::raw_sql(sql).execute(connection).await.map(drop),
        }
        .unwrap_or_else(|error| panic!("{error}: {}", sql.chars().take(300).collect::<String>()));
    }

    async fn insert(&mut self, columns: &str, count: usize, row: impl Fn(usize) -> String) {
        for first in (0..count).step_by(ROWS) {
            let rows: Vec<_> = (first..count.min(first + ROWS)).map(&row).collect();
            self.execute(&format!("INSERT INTO {columns} VALUES {}", rows.join(", "))).await;
        }
    }
}
