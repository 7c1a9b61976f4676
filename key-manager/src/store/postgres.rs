//! The store in a `PostgreSQL` database, for any number of key managers.
//!
//! Readers see one state each (`REPEATABLE READ`); writers take turns at the row of the feed's counter, whichever process
//! they belong to.

use std::str::FromStr as _;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use key_validation::Secret;
use sqlx::Postgres;
use sqlx::migrate::Migrator;
use sqlx::postgres::{PgConnectOptions, PgPool, PgPoolOptions, PgQueryResult};
use tokio::sync::watch;

use super::sql::{self, Dialect, Opened, SqlTransaction};
use super::{Sealer, Store, StoreError, Transaction, Unique, Writer};

static MIGRATOR: Migrator = sqlx::migrate!("migrations/postgres");

const READERS: u32 = 8;
/// Read transactions that see one state.
const BEGIN_READ: &str = "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY";
/// What every statement may take, and a transaction between two of them: a process that hangs must not stop the others.
/// Its keep-alives end one whose machine is gone.
const LIMITS: [(&str, &str); 5] = [
    ("statement_timeout", "30s"),
    ("idle_in_transaction_session_timeout", "30s"),
    ("tcp_keepalives_idle", "10"),
    ("tcp_keepalives_interval", "5"),
    ("tcp_keepalives_count", "3"),
];

/// The store in a `PostgreSQL` database.
pub struct PostgresStore {
    options: PgConnectOptions,
    wait: Duration,
    readers: PgPool,
    writer: PgPool,
    sealer: Arc<Sealer>,
    commits: Arc<watch::Sender<u64>>,
}

/// Whether a URL is one of `PostgreSQL`; what it says of the database is not tried.
///
/// # Errors
/// What is expected. It does not show the URL, which may have a password in it.
pub fn check_url(url: &Secret) -> Result<(), &'static str> {
    options(url).map(drop)
}

fn options(url: &Secret) -> Result<PgConnectOptions, &'static str> {
    let is_ours = ["postgres://", "postgresql://"].iter().any(|scheme| url.expose().starts_with(scheme));
    let options = PgConnectOptions::from_str(url.expose()).ok().filter(|_| is_ours);
    options.ok_or("must be a URL like `postgres://user:password@host:5432/database`")
}

fn pool(size: u32, wait: Duration) -> PgPoolOptions {
    PgPoolOptions::new().max_connections(size).acquire_timeout(wait)
}

impl PostgresStore {
    /// Over a database; nothing is sent yet. It is waited so long for a connection, and for a writer's turn.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`] when the URL is none.
    pub fn open(url: &Secret, sealer: Sealer, wait: Duration) -> Result<Self, StoreError> {
        let options = options(url).map_err(|reason| StoreError::Unavailable(format!("its URL {reason}")))?;
        let options = options.application_name("gatehouse-key-manager");
        // One writing connection: writers of this process queue here, fairly, and only those of others at the row.
        let limited = options.clone().options(LIMITS).options([("lock_timeout", wait.as_millis().to_string())]);
        let writer = pool(1, wait).connect_lazy_with(limited.clone());
        let readers = pool(READERS, wait).connect_lazy_with(limited);
        Ok(Self { options, wait, readers, writer, sealer: Arc::new(sealer), commits: Arc::new(watch::Sender::new(0)) })
    }

    fn transaction(&self, inner: sqlx::Transaction<'static, Postgres>, writer: Option<Writer>) -> Box<dyn Transaction> {
        SqlTransaction::begun(Opened { inner, wake: Arc::clone(&self.commits) }, Arc::clone(&self.sealer), writer)
    }
}

#[async_trait]
impl Store for PostgresStore {
    async fn read(&self) -> Result<Box<dyn Transaction>, StoreError> {
        Ok(self.transaction(self.readers.begin_with(BEGIN_READ).await.map_err(Postgres::failure)?, None))
    }

    async fn write(&self, writer: Writer) -> Result<Box<dyn Transaction>, StoreError> {
        let mut inner = self.writer.begin().await.map_err(Postgres::failure)?;
        let turn = sqlx::query("SELECT number FROM feed_state FOR UPDATE");
        turn.fetch_one(&mut *inner).await.map_err(Postgres::failure)?;
        Ok(self.transaction(inner, Some(writer)))
    }

    /// One process at a time, under an advisory lock of the database; the others wait.
    async fn migrate(&self) -> Result<(), StoreError> {
        // Without limits: a migration takes as long as it takes.
        let pool = pool(1, self.wait).connect_lazy_with(self.options.clone());
        let outcome = MIGRATOR.run(&pool).await;
        pool.close().await;
        outcome.map_err(|error| sql::migration_failure(error, Postgres::failure))
    }

    async fn check_schema(&self) -> Result<(), StoreError> {
        let query = sqlx::query_scalar("SELECT max(version) FROM _sqlx_migrations WHERE success");
        let applied = query.fetch_one(&self.readers).await.map_err(|error| match error {
            sqlx::Error::Database(error) if error.code().as_deref() == Some(UNDEFINED_TABLE) => {
                StoreError::Schema("is missing; run `migrate`".to_owned())
            }
            other => Postgres::failure(other),
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

// Codes of PostgreSQL's manual, appendix A.
const UNDEFINED_TABLE: &str = "42P01";
/// Classes whose messages tell of the database and never show a value: connections, authorization, resources, states of
/// objects, operators' interventions.
const PLAIN_CLASSES: [&str; 6] = ["08", "28", "3D", "53", "55", "57"];

#[async_trait]
impl Dialect for Postgres {
    type Wake = Arc<watch::Sender<u64>>;

    fn failure(error: sqlx::Error) -> StoreError {
        match error {
            sqlx::Error::Database(error) if error.is_unique_violation() => {
                StoreError::Taken(unique(error.constraint()))
            }
            sqlx::Error::Database(error) if error.is_foreign_key_violation() => StoreError::Changed,
            sqlx::Error::Database(error) => {
                let code = error.code().unwrap_or_default();
                let is_plain = PLAIN_CLASSES.iter().any(|class| code.starts_with(class));
                let message = if is_plain { error.message() } else { "see the log of PostgreSQL" };
                StoreError::Unavailable(format!("{code} {message}"))
            }
            sqlx::Error::ColumnDecode { index, .. } => StoreError::Unreadable(format!("column {index}")),
            other => StoreError::Unavailable(other.to_string()),
        }
    }

    /// The answer may be what was lost.
    fn commit_failure(error: sqlx::Error) -> StoreError {
        match Self::failure(error) {
            StoreError::Unavailable(reason) => StoreError::Uncertain(reason),
            other => other,
        }
    }

    fn rows_affected(result: &PgQueryResult) -> u64 {
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

/// Which rule was broken, by its name in the schema.
fn unique(constraint: Option<&str>) -> Unique {
    match constraint {
        Some("api_name") => Unique::ApiName,
        Some("api_context") => Unique::ApiContext,
        Some("application_name") => Unique::ApplicationName,
        Some("application_key") => Unique::Key,
        Some("client_id") => Unique::ClientId,
        Some("subscription") => Unique::Subscription,
        Some("identity_provider_name") => Unique::IdentityProviderName,
        Some("scope_name") => Unique::ScopeName,
        _ => Unique::Id,
    }
}
