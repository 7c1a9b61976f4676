//! The repositories in SQL that every database understands, with parameters `$1`, `$2`, and so on.
//!
//! What databases do differently is not here: how they are opened, how writers take turns, and how they tell failures.

mod apis;
mod applications;
mod audit;
mod connection;
mod feed;
mod identity_providers;
mod keys;
mod outbox;
mod query;
mod revocations;
mod scopes;
mod signing_keys;
mod subscriptions;

use std::sync::Arc;

use async_trait::async_trait;
use serde::Serialize;
use serde::de::DeserializeOwned;
use sqlx::migrate::{MigrateError, Migrator};

use super::{Sealer, StoreError, Transaction, Writer};
use connection::Connection;
pub(super) use connection::{Dialect, Opened};
use query::{Query, Row};

/// Asks for the number of the newest revision.
pub(super) const NEWEST: &str = "SELECT number FROM feed_state";

/// A transaction on any database.
pub(super) struct SqlTransaction {
    connection: Box<dyn Connection>,
    sealer: Arc<Sealer>,
    writer: Option<Writer>,
    /// The revision's number, once something that gateways know has changed.
    number: Option<u64>,
}

impl SqlTransaction {
    /// One that has begun. It writes when there is a writer.
    pub(super) fn begun(
        connection: impl Connection + 'static,
        sealer: Arc<Sealer>,
        writer: Option<Writer>,
    ) -> Box<dyn Transaction> {
        Box::new(Self { connection: Box::new(connection), sealer, writer, number: None })
    }
}

#[async_trait]
impl Transaction for SqlTransaction {
    async fn commit(self: Box<Self>) -> Result<(), StoreError> {
        self.connection.commit(self.number).await
    }
}

impl SqlTransaction {
    /// Executes, and tells how many rows were concerned.
    async fn execute(&mut self, query: Query<'_>) -> Result<u64, StoreError> {
        self.connection.execute(query).await
    }

    /// Executes what has to concern a row.
    async fn execute_on_one(&mut self, query: Query<'_>) -> Result<(), StoreError> {
        if self.execute(query).await? == 0 { Err(StoreError::Changed) } else { Ok(()) }
    }

    async fn fetch_all(&mut self, query: Query<'_>) -> Result<Vec<Row>, StoreError> {
        self.connection.fetch_all(query).await
    }

    async fn fetch_optional(&mut self, query: Query<'_>) -> Result<Option<Row>, StoreError> {
        Ok(self.fetch_all(query).await?.pop())
    }

    /// Fetches the row of something that always has one.
    async fn fetch_one(&mut self, query: Query<'_>) -> Result<Row, StoreError> {
        self.fetch_optional(query).await?.ok_or_else(|| StoreError::Unreadable("a row that is always there".to_owned()))
    }

    async fn count(&mut self, query: Query<'_>) -> Result<u64, StoreError> {
        self.fetch_optional(query).await?.map_or(Ok(0), |row| row.number(0))
    }

    /// Adds to the audit log what was done to a row.
    async fn audit(&mut self, action: &str, kind: &str, id: &str) -> Result<(), StoreError> {
        let Some(writer) = &self.writer else { return Err(StoreError::Unavailable("this only reads".to_owned())) };
        let sql = "INSERT INTO audit_log (at, actor, request_id, action, kind, id) VALUES ($1, $2, $3, $4, $5, $6)";
        let query = Query::new(sql).bind(writer.now.as_millis()).bind(&writer.actor).bind(&writer.request_id);
        let query = query.bind(action).bind(kind).bind(id);
        self.execute(query).await.map(drop)
    }
}

/// What is wrong when migrations fail.
pub(super) fn migration_failure(error: MigrateError, failure: fn(sqlx::Error) -> StoreError) -> StoreError {
    match error {
        MigrateError::Execute(error) | MigrateError::ExecuteMigration(error, _) => failure(error),
        MigrateError::VersionMissing(version) => {
            StoreError::NewerSchema(format!("{version} is newer than this program"))
        }
        other => StoreError::Schema(other.to_string()),
    }
}

/// Whether the newest migration that was applied is the newest one that is known.
pub(super) fn check_applied(applied: Option<i64>, migrator: &Migrator) -> Result<(), StoreError> {
    let known = migrator.iter().map(|migration| migration.version).max();
    if applied == known {
        return Ok(());
    }
    let version = |version: Option<i64>| version.map_or_else(|| "none".to_owned(), |version| version.to_string());
    let difference = format!("is {}, expected {}", version(applied), version(known));
    if applied > known {
        return Err(StoreError::NewerSchema(format!("{difference}; run a newer program")));
    }
    Err(StoreError::Schema(format!("{difference}; run `migrate`")))
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
