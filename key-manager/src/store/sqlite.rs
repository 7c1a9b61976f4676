//! The store in an `SQLite` file: one node, nothing to install.
//!
//! Readers see one state of the file each (write-ahead log); writers take turns (`BEGIN IMMEDIATE`).

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use sqlx::migrate::Migrator;
use sqlx::sqlite::{
    SqliteConnectOptions, SqliteJournalMode, SqlitePool, SqlitePoolOptions, SqliteQueryResult, SqliteSynchronous,
};
use sqlx::{Connection as _, Sqlite};
use tokio::sync::watch;

use super::sql::{self, Dialect, Opened, SqlTransaction};
use super::{Sealer, Store, StoreError, Transaction, Unique, Writer};

static MIGRATOR: Migrator = sqlx::migrate!("migrations/sqlite");

const READERS: u32 = 8;

/// The store in an `SQLite` file.
pub struct SqliteStore {
    readers: SqlitePool,
    writer: SqlitePool,
    sealer: Arc<Sealer>,
    commits: Arc<watch::Sender<u64>>,
}

/// A failure that makes `SQLite` roll back by itself, such as a full disk, leaves a connection on which the library thinks
/// that a transaction is still open, for ever: it goes, and another one is made.
fn pool(size: u32, wait: Duration) -> SqlitePoolOptions {
    let pool = SqlitePoolOptions::new().max_connections(size).acquire_timeout(wait);
    pool.before_acquire(|connection, _| Box::pin(async move { Ok(!connection.is_in_transaction()) }))
}

impl SqliteStore {
    /// Opens the file, which is made when there is none. A writer waits so long for its turn.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`] when it cannot be opened.
    pub async fn open(path: &Path, sealer: Sealer, wait: Duration) -> Result<Self, StoreError> {
        let options = SqliteConnectOptions::new()
            .filename(path)
            .create_if_missing(true)
            .foreign_keys(true)
            .journal_mode(SqliteJournalMode::Wal)
            .synchronous(SqliteSynchronous::Full)
            .busy_timeout(wait);
        // One writing connection: writers of this process queue here, fairly, and only those of others at the file.
        let writer = pool(1, wait);
        let writer = writer.connect_with(options.clone()).await.map_err(Sqlite::failure)?;
        let readers = pool(READERS, wait);
        let readers = readers.connect_with(options.read_only(true)).await.map_err(Sqlite::failure)?;
        let commits = Arc::new(watch::Sender::new(0));
        Ok(Self { readers, writer, sealer: Arc::new(sealer), commits })
    }

    fn transaction(&self, inner: sqlx::Transaction<'static, Sqlite>, writer: Option<Writer>) -> Box<dyn Transaction> {
        SqlTransaction::begun(Opened { inner, wake: Arc::clone(&self.commits) }, Arc::clone(&self.sealer), writer)
    }
}

#[async_trait]
impl Store for SqliteStore {
    async fn read(&self) -> Result<Box<dyn Transaction>, StoreError> {
        Ok(self.transaction(self.readers.begin().await.map_err(Sqlite::failure)?, None))
    }

    async fn write(&self, writer: Writer) -> Result<Box<dyn Transaction>, StoreError> {
        let inner = self.writer.begin_with("BEGIN IMMEDIATE").await.map_err(Sqlite::failure)?;
        Ok(self.transaction(inner, Some(writer)))
    }

    async fn migrate(&self) -> Result<(), StoreError> {
        MIGRATOR.run(&self.writer).await.map_err(|error| sql::migration_failure(error, Sqlite::failure))
    }

    async fn check_schema(&self) -> Result<(), StoreError> {
        let query = sqlx::query_scalar("SELECT max(version) FROM _sqlx_migrations WHERE success");
        let applied = query.fetch_one(&self.readers).await.map_err(|error| match error {
            // The table of migrations is made by the first of them.
            sqlx::Error::Database(error) if error.message().contains("no such table") => {
                StoreError::Schema("is missing; run `migrate`".to_owned())
            }
            other => Sqlite::failure(other),
        })?;
        sql::check_applied(applied, &MIGRATOR)
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
impl Dialect for Sqlite {
    type Wake = Arc<watch::Sender<u64>>;

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

    /// The file is here: what was not committed is known not to be.
    fn commit_failure(error: sqlx::Error) -> StoreError {
        Self::failure(error)
    }

    fn rows_affected(result: &SqliteQueryResult) -> u64 {
        result.rows_affected()
    }

    async fn commit(transaction: sqlx::Transaction<'static, Self>, wake: Option<Self::Wake>) -> sqlx::Result<()> {
        transaction.commit().await?;
        if let Some(commits) = wake {
            commits.send_modify(|commits| *commits = commits.wrapping_add(1));
        }
        Ok(())
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
