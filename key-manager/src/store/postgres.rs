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
use sqlx::postgres::{PgConnectOptions, PgListener, PgPool, PgPoolOptions, PgQueryResult};

use super::locks::Locks;
use super::newest::{Newest, Teller};
use super::sql::{self, Dialect, Opened, SqlTransaction};
use super::{Lock, Sealer, Store, StoreError, Transaction, Unique, Writer};

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

/// How many clients at identity providers a process may work on at a time.
const EXCLUSIVE: u32 = 16;
/// Whoever works on a client may take as long as its identity provider does; others do not wait longer.
const EXCLUSIVE_LIMITS: [(&str, &str); 4] = [
    ("lock_timeout", "60s"),
    ("tcp_keepalives_idle", "10"),
    ("tcp_keepalives_interval", "5"),
    ("tcp_keepalives_count", "3"),
];
/// Where processes hear of each other's commits.
const CHANNEL: &str = "gatehouse_registry";
/// How long a commit goes unnoticed whose notification is lost.
const LOOK_AGAIN: Duration = Duration::from_secs(1);

/// The store in a `PostgreSQL` database.
pub struct PostgresStore {
    options: PgConnectOptions,
    wait: Duration,
    readers: PgPool,
    writer: PgPool,
    sealer: Arc<Sealer>,
    newest: Newest,
    exclusive: PgPool,
    locks: Locks,
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
        let exclusive = pool(EXCLUSIVE, wait).connect_lazy_with(options.clone().options(EXCLUSIVE_LIMITS));
        let (sealer, newest, locks) = (Arc::new(sealer), Newest::default(), Locks::default());
        Ok(Self { options, wait, readers, writer, sealer, newest, exclusive, locks })
    }

    fn transaction(&self, inner: sqlx::Transaction<'static, Postgres>, writer: Option<Writer>) -> Box<dyn Transaction> {
        SqlTransaction::begun(Opened { inner, teller: self.newest.teller() }, Arc::clone(&self.sealer), writer)
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

    fn newest(&self) -> u64 {
        self.newest.get()
    }

    async fn changed_since(&self, seen: u64) {
        let listener = || pool(1, self.wait).connect_lazy_with(self.options.clone());
        self.newest.other_than(seen, |teller| listen(listener(), teller)).await;
    }

    /// An advisory lock on a connection of its own, so that it ends with the process.
    async fn lock(&self, name: &str) -> Result<Lock, StoreError> {
        let lock = self.locks.lock(name).await;
        let mut transaction = self.exclusive.begin().await.map_err(Postgres::failure)?;
        let query = sqlx::query("SELECT pg_advisory_xact_lock(hashtextextended($1, 0))").bind(name);
        query.execute(&mut *transaction).await.map_err(Postgres::failure)?;
        Ok(lock.with(transaction))
    }

    async fn close(&self) {
        self.readers.close().await;
        self.writer.close().await;
        self.exclusive.close().await;
    }
}

// Codes of PostgreSQL's manual, appendix A.
const UNDEFINED_TABLE: &str = "42P01";
/// Classes whose messages tell of the database and never show a value: connections, authorization, resources, states of
/// objects, operators' interventions.
const PLAIN_CLASSES: [&str; 6] = ["08", "28", "3D", "53", "55", "57"];

/// Hears of commits, whichever process makes them. What was not heard while the connection was lost is looked for.
async fn listen(pool: PgPool, teller: Teller) {
    loop {
        if let Err(error) = hear(&pool, &teller).await {
            tracing::warn!(%error, "commits are not heard");
        }
        tokio::time::sleep(LOOK_AGAIN).await;
    }
}

async fn hear(pool: &PgPool, teller: &Teller) -> sqlx::Result<()> {
    let mut listener = PgListener::connect_with(pool).await?;
    listener.listen(CHANNEL).await?;
    loop {
        let number: i64 = sqlx::query_scalar(sql::NEWEST).fetch_one(&mut listener).await?;
        teller.tell(u64::try_from(number).unwrap_or(0));
        // A notification may be lost where nobody says so, in a pooler or on the way.
        while let Ok(notification) = tokio::time::timeout(LOOK_AGAIN, listener.recv()).await {
            teller.tell(notification?.payload().parse().unwrap_or(0));
        }
    }
}

#[async_trait]
impl Dialect for Postgres {
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

    /// All processes are told by the database, this one too, in the order of their commits.
    async fn commit(opened: Opened<Self>, newest: Option<u64>) -> sqlx::Result<()> {
        let mut transaction = opened.inner;
        if let Some(number) = newest {
            let query = sqlx::query("SELECT pg_notify($1, $2)").bind(CHANNEL).bind(number.to_string());
            query.execute(&mut *transaction).await?;
        }
        transaction.commit().await
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
