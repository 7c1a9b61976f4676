//! A database for each test: an `SQLite` file, or a database of one `PostgreSQL` for all.

use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use key_manager::store::postgres::PostgresStore;
use key_manager::store::sqlite::SqliteStore;
use key_manager::store::{Sealer, Store};
use key_validation::Secret;
use sqlx::Connection as _;
use tokio::sync::OnceCell;

use super::postgres::{Cluster, binaries};

/// What seals secrets in the databases of tests.
pub(crate) const KEY: &str = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=";
/// How long a writer waits for its turn in what tests open themselves.
const WAIT: Duration = Duration::from_secs(5);
/// Has the schema, and is copied for each test.
const TEMPLATE: &str = "gatehouse_template";

/// On what the tests of this binary run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Sqlite,
    Postgres,
}

/// A database of its own.
pub(crate) enum Database {
    Sqlite(tempfile::TempDir),
    Postgres { cluster: Arc<Cluster>, name: String },
}

impl Database {
    /// One with the schema.
    pub(crate) async fn create() -> Self {
        match crate::DATABASE {
            Kind::Sqlite => {
                let database = Self::empty().await;
                database.open(KEY).await.migrate().await.expect("a schema");
                database
            }
            Kind::Postgres => {
                static IS_READY: OnceCell<()> = OnceCell::const_new();
                IS_READY.get_or_init(async || prepare_template(&cluster()).await).await;
                Self::in_cluster(cluster(), TEMPLATE).await
            }
        }
    }

    /// One without anything.
    pub(crate) async fn empty() -> Self {
        match crate::DATABASE {
            Kind::Sqlite => Self::Sqlite(tempfile::tempdir().expect("a temporary folder")),
            Kind::Postgres => Self::in_cluster(cluster(), "template0").await,
        }
    }

    /// One with the schema on a `PostgreSQL` of its own, which may be stopped.
    pub(crate) async fn on_own_server() -> (Self, Arc<Cluster>) {
        let cluster = Arc::new(Cluster::start());
        prepare_template(&cluster).await;
        (Self::in_cluster(Arc::clone(&cluster), TEMPLATE).await, cluster)
    }

    async fn in_cluster(cluster: Arc<Cluster>, template: &str) -> Self {
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        let name = format!("test_{}", NUMBER.fetch_add(1, Ordering::Relaxed));
        let sql = format!("CREATE DATABASE {name} TEMPLATE {template}");
        execute(&cluster, "postgres", &sql).await.expect("a database");
        Self::Postgres { cluster, name }
    }

    /// What tells the service of it.
    pub(crate) fn variable(&self) -> (&'static str, String) {
        match self {
            Self::Sqlite(folder) => ("GATEHOUSE__DATABASE__PATH", file(folder).display().to_string()),
            Self::Postgres { cluster, name } => ("DATABASE_URL", cluster.url(name)),
        }
    }

    pub(crate) async fn open(&self, key: &str) -> Arc<dyn Store> {
        let sealer = Sealer::new(&Secret::new(key)).expect("a sealing key");
        match self {
            Self::Sqlite(folder) => Arc::new(SqliteStore::open(&file(folder), sealer, WAIT).await.expect("a store")),
            Self::Postgres { cluster, name } => {
                Arc::new(PostgresStore::open(&Secret::new(cluster.url(name)), sealer, WAIT).expect("a store"))
            }
        }
    }

    /// Executes past the store.
    pub(crate) async fn execute(&self, sql: &str) -> sqlx::Result<()> {
        match self {
            Self::Sqlite(folder) => {
                let options = sqlx::sqlite::SqliteConnectOptions::new().filename(file(folder));
                let mut connection = sqlx::SqliteConnection::connect_with(&options).await?;
                let outcome = sqlx::raw_sql(sql).execute(&mut connection).await;
                connection.close().await?;
                outcome.map(drop)
            }
            Self::Postgres { cluster, name } => execute(cluster, name, sql).await,
        }
    }

    /// Another one, restored from a backup of this one that was made while it was in use.
    pub(crate) async fn restored(&self) -> Self {
        match self {
            Self::Sqlite(folder) => {
                let other = tempfile::tempdir().expect("a temporary folder");
                let backup = format!(".backup '{}'", file(&other).display());
                run(std::process::Command::new("sqlite3").arg(file(folder)).arg(backup));
                Self::Sqlite(other)
            }
            Self::Postgres { cluster, name } => {
                let dump = tempfile::NamedTempFile::new().expect("a temporary file");
                let program = |name: &str| std::process::Command::new(binaries().join(name));
                run(program("pg_dump").args(["--format=custom", "--file"]).arg(dump.path()).arg(cluster.url(name)));
                let other = Self::in_cluster(Arc::clone(cluster), "template0").await;
                let (_, url) = other.variable();
                run(program("pg_restore").args(["--exit-on-error", "--dbname", &url]).arg(dump.path()));
                other
            }
        }
    }

    /// Keeps everybody from writing, until it is released.
    pub(crate) async fn lock(&self) -> Lock {
        match self {
            Self::Sqlite(folder) => {
                let options = sqlx::sqlite::SqliteConnectOptions::new().filename(file(folder));
                let mut other = sqlx::SqliteConnection::connect_with(&options).await.expect("another connection");
                sqlx::query("BEGIN IMMEDIATE").execute(&mut other).await.expect("the lock");
                Lock::Sqlite(other)
            }
            Self::Postgres { cluster, name } => {
                let mut other = sqlx::PgConnection::connect(&cluster.url(name)).await.expect("another connection");
                let sql = "BEGIN; SELECT number FROM feed_state FOR UPDATE";
                sqlx::raw_sql(sql).execute(&mut other).await.expect("the lock");
                Lock::Postgres(other)
            }
        }
    }

    /// All that its files hold.
    pub(crate) async fn octets(&self) -> Vec<u8> {
        let folder = match self {
            Self::Sqlite(folder) => folder.path().to_owned(),
            Self::Postgres { cluster, name } => {
                // What is written is in the files by now.
                execute(cluster, "postgres", "CHECKPOINT").await.expect("a checkpoint");
                let options = cluster.url(name).parse().expect("a URL");
                let mut connection = sqlx::PgConnection::connect_with(&options).await.expect("a connection");
                let sql = "SELECT oid::bigint FROM pg_database WHERE datname = current_database()";
                let oid: i64 = sqlx::query_scalar(sql).fetch_one(&mut connection).await.expect("its number");
                cluster.data().join(format!("base/{oid}"))
            }
        };
        let entries = std::fs::read_dir(folder).expect("its folder");
        let files = entries.map(|entry| entry.expect("a file").path());
        files.flat_map(|file| std::fs::read(file).expect("its octets")).collect()
    }
}

fn run(command: &mut std::process::Command) {
    let output = command.output().expect("start the program");
    assert!(output.status.success(), "{command:?}: {}", String::from_utf8_lossy(&output.stderr));
}

/// Keeps everybody from writing.
pub(crate) enum Lock {
    Sqlite(sqlx::SqliteConnection),
    Postgres(sqlx::PgConnection),
}

impl Lock {
    pub(crate) async fn release(self) {
        match self {
            Self::Sqlite(other) => other.close().await.expect("the end of the lock"),
            Self::Postgres(other) => other.close().await.expect("the end of the lock"),
        }
    }
}

fn file(folder: &tempfile::TempDir) -> std::path::PathBuf {
    folder.path().join("gatehouse.db")
}

/// The server of all tests of this binary.
fn cluster() -> Arc<Cluster> {
    static CLUSTER: OnceLock<Arc<Cluster>> = OnceLock::new();
    Arc::clone(CLUSTER.get_or_init(|| Arc::new(Cluster::start())))
}

/// Executes at a database of a cluster.
pub(crate) async fn execute(cluster: &Cluster, database: &str, sql: &str) -> sqlx::Result<()> {
    let mut connection = sqlx::PgConnection::connect(&cluster.url(database)).await?;
    let outcome = sqlx::raw_sql(sql).execute(&mut connection).await;
    connection.close().await?;
    outcome.map(drop)
}

async fn prepare_template(cluster: &Cluster) {
    execute(cluster, "postgres", &format!("CREATE DATABASE {TEMPLATE}")).await.expect("a database");
    let sealer = Sealer::new(&Secret::new(KEY)).expect("a sealing key");
    let store = PostgresStore::open(&Secret::new(cluster.url(TEMPLATE)), sealer, WAIT).expect("a store");
    store.migrate().await.expect("a schema");
    // A database that somebody is connected to cannot be copied.
    store.close().await;
}
