//! Fills a database past the program, in few large statements.

use key_manager::feed::bucket;
use serde_json::{Value, json};
use sqlx::Connection as _;

/// How much there is.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Size {
    apis: usize,
    applications: usize,
    subscriptions: usize,
}

impl Size {
    pub(crate) const FULL: Self = Self { apis: 10_000, applications: 200_000, subscriptions: 1_000_000 };
    pub(crate) const TENTH: Self = Self { apis: 1_000, applications: 20_000, subscriptions: 100_000 };
}

/// How many rows a statement has.
const ROWS: usize = 500;

pub(crate) async fn fill(url: &str, size: Size) {
    let mut database = Database::open(url).await;
    database.execute("BEGIN").await;
    let sql = "INSERT INTO identity_providers (id, row_version, name, body) VALUES ('idp', 1, 'corporate', '{}')";
    database.execute(sql).await;
    database.insert("apis (id, row_version, name, version, context, body)", size.apis, |n| api(n).row).await;
    let columns = "applications (id, row_version, name, owner, body)";
    database.insert(columns, size.applications, |n| application(n).row).await;
    let columns = "application_keys (id, row_version, application_id, identity_provider_id, key_type, client_id, \
                   created_at, body)";
    database.insert(columns, size.applications, key).await;
    let columns = "subscriptions (id, row_version, api_id, application_id, created_at, body)";
    database.insert(columns, size.subscriptions, |n| subscription(n, size).row).await;
    let columns = "feed_records (kind, id, number, bucket, api_id, application_id, record)";
    database.insert(columns, size.apis, |n| api(n).told).await;
    database.insert(columns, size.applications, |n| application(n).told).await;
    database.insert(columns, size.subscriptions, |n| subscription(n, size).told).await;
    database.execute("UPDATE feed_state SET number = 1").await;
    database.execute("COMMIT").await;
    database.execute("ANALYZE").await;
}

/// A row and what gateways are told of it, as the values of SQL.
struct Row {
    row: String,
    told: String,
}

fn api(n: usize) -> Row {
    let id = format!("a-{n:08}");
    let operation = |m: usize| json!({"verb": "GET", "target": format!("/thing/{m}"), "authType": "Any", "scopes": []});
    let record = json!({
        "id": id, "name": format!("Api{n}"), "version": "1.0.0", "context": format!("/api{n}"), "isDefaultVersion": false,
        "hosts": [], "lifeCycleStatus": "PUBLISHED", "identityProviders": [], "subscriptionValidation": true,
        "scopeMatching": "any", "audience": [], "operations": (0..8).map(operation).collect::<Vec<_>>(),
        "encodedSlashes": "reject", "pathParameters": "reject",
    });
    let row = format!("('{id}', 1, 'Api{n}', '1.0.0', '/api{n}', {})", quoted(&record));
    Row { row, told: format!("('api', '{id}', 1, {}, NULL, NULL, {})", bucket(&id), quoted(&record)) }
}

fn application_id(n: usize) -> String {
    format!("6f0c2a8e-0000-7000-8000-{n:012}")
}

fn application(n: usize) -> Row {
    let id = application_id(n);
    let key = json!({"identityProvider": "corporate", "clientId": format!("client-{n}"), "keyType": "PRODUCTION"});
    let record = json!({
        "id": id, "name": format!("Shop{n}"), "owner": format!("user{}", n % 5000), "tier": "Unlimited",
        "attributes": {}, "keys": [key],
    });
    let row = format!("('{id}', 1, 'Shop{n}', 'user{}', {})", n % 5000, quoted(&record));
    Row { row, told: format!("('application', '{id}', 1, {}, NULL, NULL, {})", bucket(&id), quoted(&record)) }
}

fn key(n: usize) -> String {
    format!("('k-{n}', 1, '{}', 'idp', 'PRODUCTION', 'client-{n}', 0, '{{}}')", application_id(n))
}

fn subscription(n: usize, size: Size) -> Row {
    let (application_id, id) = (application_id(n % size.applications), format!("5f0c2a8e-0000-7000-8000-{n:012}"));
    let api_id = format!("a-{:08}", (n / size.applications + n * 7) % size.apis);
    let record = json!({"apiId": api_id, "applicationId": application_id, "tier": "Gold", "state": "UNBLOCKED"});
    let row = format!("('{id}', 1, '{api_id}', '{application_id}', 0, {})", quoted(&record));
    let bucket = bucket(&application_id);
    let told = format!("('subscription', '{id}', 1, {bucket}, '{api_id}', '{application_id}', {})", quoted(&record));
    Row { row, told }
}

fn quoted(value: &Value) -> String {
    format!("'{}'", value.to_string().replace('\'', "''"))
}

enum Database {
    Sqlite(sqlx::SqliteConnection),
    Postgres(sqlx::PgConnection),
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
