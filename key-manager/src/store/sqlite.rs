//! The store in an `SQLite` file: one node, nothing to install.
//!
//! Readers see one state of the file each (write-ahead log); writers take turns (`BEGIN IMMEDIATE`).

mod apis;
mod applications;
mod audit;
mod feed;
mod identity_providers;
mod keys;
mod outbox;
mod revocations;
mod scopes;
mod signing_keys;
mod subscriptions;

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use serde::Serialize;
use serde::de::DeserializeOwned;
use sqlx::migrate::{MigrateError, Migrator};
use sqlx::sqlite::{
    SqliteArguments, SqliteConnectOptions, SqliteJournalMode, SqlitePool, SqlitePoolOptions, SqliteRow,
    SqliteSynchronous,
};
use sqlx::{Row as _, Sqlite};
use tokio::sync::watch;

use super::{Sealer, Store, StoreError, Transaction, Unique, Writer};

static MIGRATOR: Migrator = sqlx::migrate!("migrations/sqlite");

/// How long a writer waits for its turn.
const BUSY_TIMEOUT: Duration = Duration::from_secs(5);
const READERS: u32 = 8;

/// The store in an `SQLite` file.
pub struct SqliteStore {
    readers: SqlitePool,
    writer: SqlitePool,
    sealer: Arc<Sealer>,
    commits: Arc<watch::Sender<u64>>,
}

type Query<'q> = sqlx::query::Query<'q, Sqlite, SqliteArguments<'q>>;

/// A transaction on it.
pub(super) struct SqliteTransaction {
    inner: sqlx::Transaction<'static, Sqlite>,
    sealer: Arc<Sealer>,
    writer: Option<Writer>,
    /// The revision's number, once something that gateways know has changed.
    number: Option<u64>,
    commits: Arc<watch::Sender<u64>>,
}

impl SqliteStore {
    /// Opens the file, which is made when there is none.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`] when it cannot be opened.
    pub async fn open(path: &Path, sealer: Sealer) -> Result<Self, StoreError> {
        let options = SqliteConnectOptions::new()
            .filename(path)
            .create_if_missing(true)
            .foreign_keys(true)
            .journal_mode(SqliteJournalMode::Wal)
            .synchronous(SqliteSynchronous::Full)
            .busy_timeout(BUSY_TIMEOUT);
        // One writing connection: writers of this process queue here, fairly, and only those of others at the file.
        let writer = SqlitePoolOptions::new().max_connections(1).acquire_timeout(BUSY_TIMEOUT);
        let writer = writer.connect_with(options.clone()).await.map_err(failure)?;
        let readers = SqlitePoolOptions::new().max_connections(READERS).acquire_timeout(BUSY_TIMEOUT);
        let readers = readers.connect_with(options.read_only(true)).await.map_err(failure)?;
        let commits = Arc::new(watch::Sender::new(0));
        Ok(Self { readers, writer, sealer: Arc::new(sealer), commits })
    }

    fn transaction(&self, inner: sqlx::Transaction<'static, Sqlite>, writer: Option<Writer>) -> Box<dyn Transaction> {
        let (sealer, commits) = (Arc::clone(&self.sealer), Arc::clone(&self.commits));
        Box::new(SqliteTransaction { inner, sealer, writer, number: None, commits })
    }
}

#[async_trait]
impl Store for SqliteStore {
    async fn read(&self) -> Result<Box<dyn Transaction>, StoreError> {
        Ok(self.transaction(self.readers.begin().await.map_err(failure)?, None))
    }

    async fn write(&self, writer: Writer) -> Result<Box<dyn Transaction>, StoreError> {
        let inner = self.writer.begin_with("BEGIN IMMEDIATE").await.map_err(failure)?;
        Ok(self.transaction(inner, Some(writer)))
    }

    async fn migrate(&self) -> Result<(), StoreError> {
        MIGRATOR.run(&self.writer).await.map_err(|error| match error {
            MigrateError::Execute(error) => failure(error),
            MigrateError::VersionMissing(version) => {
                StoreError::Schema(format!("{version} is newer than this program"))
            }
            other => StoreError::Schema(other.to_string()),
        })
    }

    async fn check_schema(&self) -> Result<(), StoreError> {
        let known = MIGRATOR.iter().map(|migration| migration.version).max();
        let query = sqlx::query_scalar("SELECT max(version) FROM _sqlx_migrations WHERE success");
        let applied: Option<i64> = query.fetch_one(&self.readers).await.map_err(|error| match error {
            // The table of migrations is made by the first of them.
            sqlx::Error::Database(error) if error.message().contains("no such table") => {
                StoreError::Schema("is missing; run `migrate`".to_owned())
            }
            other => failure(other),
        })?;
        if applied == known {
            return Ok(());
        }
        let version = |version: Option<i64>| version.map_or_else(|| "none".to_owned(), |version| version.to_string());
        let reason = format!("is {}, expected {}; run `migrate`", version(applied), version(known));
        Err(StoreError::Schema(reason))
    }

    async fn committed_after(&self, seen: u64) {
        let mut commits = self.commits.subscribe();
        // The sender lives as long as the store.
        let _ = commits.wait_for(|commits| *commits > seen).await;
    }

    fn commits(&self) -> u64 {
        *self.commits.borrow()
    }

    async fn close(&self) {
        self.readers.close().await;
        self.writer.close().await;
    }
}

#[async_trait]
impl Transaction for SqliteTransaction {
    async fn commit(self: Box<Self>) -> Result<(), StoreError> {
        self.inner.commit().await.map_err(failure)?;
        if self.number.is_some() {
            self.commits.send_modify(|commits| *commits = commits.wrapping_add(1));
        }
        Ok(())
    }
}

impl SqliteTransaction {
    /// Executes, and tells how many rows were concerned.
    async fn execute(&mut self, query: Query<'_>) -> Result<u64, StoreError> {
        Ok(query.execute(&mut *self.inner).await.map_err(failure)?.rows_affected())
    }

    /// Executes what has to concern a row.
    async fn execute_on_one(&mut self, query: Query<'_>) -> Result<(), StoreError> {
        if self.execute(query).await? == 0 { Err(StoreError::Changed) } else { Ok(()) }
    }

    async fn fetch_optional(&mut self, query: Query<'_>) -> Result<Option<SqliteRow>, StoreError> {
        query.fetch_optional(&mut *self.inner).await.map_err(failure)
    }

    async fn fetch_all(&mut self, query: Query<'_>) -> Result<Vec<SqliteRow>, StoreError> {
        query.fetch_all(&mut *self.inner).await.map_err(failure)
    }

    async fn count(&mut self, query: Query<'_>) -> Result<u64, StoreError> {
        unsigned(&query.fetch_one(&mut *self.inner).await.map_err(failure)?, 0)
    }

    /// Adds to the audit log what was done to a row.
    async fn audit(&mut self, action: &str, kind: &str, id: &str) -> Result<(), StoreError> {
        let Some(writer) = &self.writer else { return Err(StoreError::Unavailable("this only reads".to_owned())) };
        let sql = "INSERT INTO audit_log (at, actor, request_id, action, kind, id) VALUES (?, ?, ?, ?, ?, ?)";
        let (actor, request_id) = (writer.actor.clone(), writer.request_id.clone());
        let query = sqlx::query(sql).bind(signed(writer.now.as_millis())).bind(actor).bind(request_id);
        self.execute(query.bind(action).bind(kind).bind(id)).await.map(drop)
    }
}

/// `SQLite` keeps 64 bits with a sign; nothing here comes near the end of them.
fn signed(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

fn unsigned(row: &SqliteRow, column: usize) -> Result<u64, StoreError> {
    let number: i64 = row.try_get(column).map_err(failure)?;
    Ok(u64::try_from(number).unwrap_or(0))
}

fn column<'r, T>(row: &'r SqliteRow, column: usize) -> Result<T, StoreError>
where
    T: sqlx::Decode<'r, Sqlite> + sqlx::Type<Sqlite>,
{
    row.try_get(column).map_err(failure)
}

fn to_json<T: Serialize>(thing: &T) -> Result<String, StoreError> {
    serde_json::to_string(thing).map_err(|error| StoreError::Unreadable(error.to_string()))
}

fn from_json<T: DeserializeOwned>(what: &str, json: &str) -> Result<T, StoreError> {
    serde_json::from_str(json).map_err(|_| StoreError::Unreadable(what.to_owned()))
}

/// A word as serde writes it: an enum's variant without its quotes.
fn word<T: Serialize>(value: &T) -> Result<String, StoreError> {
    Ok(to_json(value)?.trim_matches('"').to_owned())
}

fn failure(error: sqlx::Error) -> StoreError {
    match error {
        sqlx::Error::Database(error) if error.is_unique_violation() => StoreError::Taken(unique(error.message())),
        sqlx::Error::Database(error) if error.is_foreign_key_violation() => StoreError::Changed,
        // Messages of SQLite name tables and columns, never values.
        sqlx::Error::Database(error) => StoreError::Unavailable(error.message().to_owned()),
        sqlx::Error::ColumnDecode { index, .. } => StoreError::Unreadable(format!("column {index}")),
        other => StoreError::Unavailable(other.to_string()),
    }
}

/// Which rule was broken: `SQLite` names the columns.
fn unique(message: &str) -> Unique {
    let columns = message.rsplit("failed: ").next().unwrap_or_default();
    match columns {
        "apis.name, apis.version" => Unique::ApiName,
        "apis.context, apis.version" => Unique::ApiContext,
        "applications.owner, applications.name" => Unique::ApplicationName,
        "application_keys.identity_provider_id, application_keys.client_id" => Unique::ClientId,
        columns if columns.starts_with("application_keys.application_id") => Unique::Key,
        columns if columns.starts_with("subscriptions.api_id") => Unique::Subscription,
        "identity_providers.name" => Unique::IdentityProviderName,
        "scopes.name" => Unique::ScopeName,
        _ => Unique::Id,
    }
}
