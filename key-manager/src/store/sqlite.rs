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

use super::locks::Locks;
use super::newest::{Newest, Teller};
use super::sql::{self, Dialect, Opened, SqlTransaction};
use super::{Lock, Sealer, Store, StoreError, Transaction, Unique, Writer};

static MIGRATOR: Migrator = sqlx::migrate!("migrations/sqlite");

const READERS: u32 = 8;
/// How often other processes' commits are looked for.
const LOOK_AGAIN: Duration = Duration::from_millis(500);

/// The store in an `SQLite` file.
pub struct SqliteStore {
    readers: SqlitePool,
    writer: SqlitePool,
    sealer: Arc<Sealer>,
    newest: Newest,
    locks: Locks,
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
        let sealer = Arc::new(sealer);
        Ok(Self { readers, writer, sealer, newest: Newest::default(), locks: Locks::default() })
    }

    fn transaction(&self, inner: sqlx::Transaction<'static, Sqlite>, writer: Option<Writer>) -> Box<dyn Transaction> {
        SqlTransaction::begun(Opened { inner, teller: self.newest.teller() }, Arc::clone(&self.sealer), writer)
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

    fn newest(&self) -> u64 {
        self.newest.get()
    }

    async fn changed_since(&self, seen: u64) {
        self.newest.other_than(seen, |teller| look(self.readers.clone(), teller)).await;
    }

    /// There is one key manager at a file.
    async fn lock(&self, name: &str) -> Result<Lock, StoreError> {
        Ok(self.locks.lock(name).await)
    }

    async fn close(&self) {
        self.readers.close().await;
        self.writer.close().await;
    }
}

/// Looks for commits of other processes: of commands.
async fn look(readers: SqlitePool, teller: Teller) {
    loop {
        tokio::time::sleep(LOOK_AGAIN).await;
        // A file that cannot be read is told by whatever else reads it.
        if let Ok(number) = sqlx::query_scalar::<_, i64>(sql::NEWEST).fetch_one(&readers).await {
            teller.tell(u64::try_from(number).unwrap_or(0));
        }
    }
}

#[async_trait]
impl Dialect for Sqlite {
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

    async fn commit(opened: Opened<Self>, newest: Option<u64>) -> sqlx::Result<()> {
        opened.inner.commit().await?;
        if let Some(number) = newest {
            opened.teller.tell(number);
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
