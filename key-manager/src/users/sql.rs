//! Users in a database: one query with the user's name as its parameter, and never as its text.

use std::collections::BTreeSet;
use std::str::FromStr as _;
use std::time::Duration;

use async_trait::async_trait;
use key_validation::Secret;
use serde_json::Map;
use sqlx::postgres::{PgConnectOptions, PgPool, PgPoolOptions, PgRow};
use sqlx::sqlite::{SqliteConnectOptions, SqlitePool, SqlitePoolOptions, SqliteRow};
use sqlx::{Column as _, Row};

use super::{User, UserStore, UserStoreError, claim, in_time, is_no_name};

const CONNECTIONS: u32 = 4;

/// A database and how users are found in it.
#[derive(Clone, Debug)]
pub struct Database {
    /// `sqlite:` or `postgres://`, which may hold a password.
    pub url: Secret,
    /// The query; `$1` is the user's name. Each row is the user's: its columns are claims by their names.
    pub query: String,
    /// The column with a role; a user with several has several rows.
    pub role_column: Option<String>,
}

impl Database {
    /// Whether the URL is one of a database that is known here.
    pub(crate) fn is_known(url: &Secret) -> bool {
        options(url).is_ok()
    }
}

/// Users in a database.
pub struct SqlUserStore {
    database: Database,
    within: Duration,
    pool: Result<Pool, UserStoreError>,
}

enum Pool {
    Sqlite(SqlitePool),
    Postgres(PgPool),
}

impl SqlUserStore {
    /// Connects at the first look-up; each ends after `within`.
    pub fn new(database: Database, within: Duration) -> Self {
        let pool = connect(&database.url, within);
        Self { database, within, pool }
    }

    async fn query(&self, name: &str) -> Result<Option<User>, UserStoreError> {
        let (query, role_column) = (self.database.query.as_str(), self.database.role_column.as_deref());
        match self.pool.as_ref().map_err(Clone::clone)? {
            Pool::Sqlite(pool) => {
                let rows =
                    sqlx::query(query).bind(name).fetch_all(pool).await.map_err(|error| sqlite_failure(&error))?;
                // SQLite makes text of whatever there is.
                user(&rows, role_column, |row: &SqliteRow, column| row.try_get_unchecked(column).ok())
            }
            Pool::Postgres(pool) => {
                let rows = sqlx::query(query).bind(name).fetch_all(pool).await;
                let rows = rows.map_err(|error| postgres_failure(&error))?;
                user(&rows, role_column, |row: &PgRow, column| row.try_get(column).ok())
            }
        }
    }
}

#[async_trait]
impl UserStore for SqlUserStore {
    async fn find(&self, name: &str) -> Result<Option<User>, UserStoreError> {
        if is_no_name(name) {
            return Ok(None);
        }
        in_time(self.within, self.query(name)).await
    }
}

/// How a database is connected to.
enum Options {
    Sqlite(SqliteConnectOptions),
    Postgres(PgConnectOptions),
}

/// Whatever the query says, nothing is written.
fn options(url: &Secret) -> Result<Options, UserStoreError> {
    let wrong = |_: sqlx::Error| UserStoreError::Misconfigured("`url` is none of a database".to_owned());
    let url = url.expose();
    if url.starts_with("sqlite:") {
        return Ok(Options::Sqlite(SqliteConnectOptions::from_str(url).map_err(wrong)?.read_only(true)));
    }
    if url.starts_with("postgres:") || url.starts_with("postgresql:") {
        let options = PgConnectOptions::from_str(url).map_err(wrong)?;
        return Ok(Options::Postgres(options.options([("default_transaction_read_only", "on")])));
    }
    Err(UserStoreError::Misconfigured("`url` must begin with sqlite: or postgres://".to_owned()))
}

/// Nothing is sent yet.
fn connect(url: &Secret, within: Duration) -> Result<Pool, UserStoreError> {
    Ok(match options(url)? {
        Options::Sqlite(options) => {
            let pool = SqlitePoolOptions::new().max_connections(CONNECTIONS).acquire_timeout(within);
            Pool::Sqlite(pool.connect_lazy_with(options.busy_timeout(within)))
        }
        Options::Postgres(options) => {
            let pool = PgPoolOptions::new().max_connections(CONNECTIONS).acquire_timeout(within);
            Pool::Postgres(pool.connect_lazy_with(options))
        }
    })
}

/// A user out of all rows: `text` gives a column's value, `None` in it for NULL, `None` for what is no text.
fn user<R: Row>(
    rows: &[R],
    role_column: Option<&str>,
    text: impl Fn(&R, usize) -> Option<Option<String>>,
) -> Result<Option<User>, UserStoreError> {
    let Some(first) = rows.first() else { return Ok(None) };
    let (mut claims, mut roles) = (Map::new(), BTreeSet::new());
    for column in first.columns() {
        let mut values: Vec<String> = Vec::new();
        for row in rows {
            let no_text = || {
                let reason = format!("column `{}` of `query` is no text: cast it", column.name());
                UserStoreError::Misconfigured(reason)
            };
            let value = text(row, column.ordinal()).ok_or_else(no_text)?;
            values.extend(value.filter(|value| !values.contains(value)));
        }
        if role_column == Some(column.name()) {
            roles.extend(values);
        } else {
            claims.extend(claim(values).map(|value| (column.name().to_owned(), value)));
        }
    }
    if let Some(name) = role_column
        && !first.columns().iter().any(|column| column.name() == name)
    {
        return Err(UserStoreError::Misconfigured(format!("`query` has no column `{name}`: see `roleColumn`")));
    }
    Ok(Some(User { claims, roles }))
}

/// A file that is locked, away or broken, or a query that cannot be.
fn sqlite_failure(error: &sqlx::Error) -> UserStoreError {
    match error {
        // SQLITE_ERROR speaks of the query; its messages name tables and columns, never values.
        sqlx::Error::Database(error) if error.code().as_deref() == Some("1") => {
            UserStoreError::Misconfigured(format!("`query`: {}", error.message()))
        }
        sqlx::Error::Database(error) => UserStoreError::Unavailable(error.message().to_owned()),
        other => UserStoreError::Unavailable(other.to_string()),
    }
}

/// By the class of the code: 22 and 42 refuse the query, 28 the credentials, 3D knows no such database; 25006 is a query
/// that would write.
fn postgres_failure(error: &sqlx::Error) -> UserStoreError {
    match error {
        // Messages may hold values.
        sqlx::Error::Database(error) => {
            let code = error.code().unwrap_or_default();
            let reason = format!("it answers with code {code}");
            let is_our_fault = code == "25006" || matches!(code.get(..2), Some("22" | "28" | "3D" | "42"));
            if is_our_fault { UserStoreError::Misconfigured(reason) } else { UserStoreError::Unavailable(reason) }
        }
        other => UserStoreError::Unavailable(other.to_string()),
    }
}
