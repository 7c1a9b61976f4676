//! A connection with a transaction under way, whatever the database.

use async_trait::async_trait;
use sqlx::{
    Column as _, Database, Decode, Encode, Executor, IntoArguments, Row as _, Type, TypeInfo as _, ValueRef as _,
};

use super::query::{Query, Row, Value};
use crate::store::StoreError;
use crate::store::newest::Teller;

/// A transaction under way.
#[async_trait]
pub(in crate::store) trait Connection: Send {
    /// Executes, and tells how many rows were concerned.
    async fn execute(&mut self, query: Query<'_>) -> Result<u64, StoreError>;

    /// Fetches the rows.
    async fn fetch_all(&mut self, query: Query<'_>) -> Result<Vec<Row>, StoreError>;

    /// Makes it last. Whoever waits for another revision is told its number, when this has made one.
    async fn commit(self: Box<Self>, newest: Option<u64>) -> Result<(), StoreError>;
}

/// What databases do differently within a transaction.
#[async_trait]
pub(in crate::store) trait Dialect: Database {
    /// What a failure means.
    fn failure(error: sqlx::Error) -> StoreError;

    /// What a failure to commit means.
    fn commit_failure(error: sqlx::Error) -> StoreError;

    /// How many rows a statement concerned.
    fn rows_affected(result: &Self::QueryResult) -> u64;

    /// Commits, and tells others of the revision that this has made.
    async fn commit(opened: Opened<Self>, newest: Option<u64>) -> Result<(), sqlx::Error>;
}

/// A transaction of sqlx.
pub(in crate::store) struct Opened<DB: Dialect> {
    /// The transaction.
    pub(in crate::store) inner: sqlx::Transaction<'static, DB>,
    /// Tells this process of another revision.
    pub(in crate::store) teller: Teller,
}

#[async_trait]
impl<DB: Dialect> Connection for Opened<DB>
where
    for<'c> &'c mut DB::Connection: Executor<'c, Database = DB>,
    for<'q> DB::Arguments<'q>: IntoArguments<'q, DB>,
    for<'q> i64: Encode<'q, DB> + Decode<'q, DB> + Type<DB>,
    for<'q> Option<String>: Encode<'q, DB> + Type<DB>,
    for<'q> Option<Vec<u8>>: Encode<'q, DB> + Type<DB>,
    for<'r> String: Decode<'r, DB> + Type<DB>,
    for<'r> Vec<u8>: Decode<'r, DB> + Type<DB>,
    usize: sqlx::ColumnIndex<DB::Row>,
{
    async fn execute(&mut self, query: Query<'_>) -> Result<u64, StoreError> {
        if query.has_nul() {
            return Err(StoreError::Text);
        }
        let result = bound(query).execute(&mut *self.inner).await.map_err(DB::failure)?;
        Ok(DB::rows_affected(&result))
    }

    async fn fetch_all(&mut self, query: Query<'_>) -> Result<Vec<Row>, StoreError> {
        if query.has_nul() {
            // Nothing that is kept has it.
            return Ok(Vec::new());
        }
        let rows = bound(query).fetch_all(&mut *self.inner).await.map_err(DB::failure)?;
        rows.iter().map(row).collect::<Result<_, _>>().map_err(DB::failure)
    }

    async fn commit(self: Box<Self>, newest: Option<u64>) -> Result<(), StoreError> {
        DB::commit(*self, newest).await.map_err(DB::commit_failure)
    }
}

fn bound<'q, DB: Database>(query: Query<'q>) -> sqlx::query::Query<'q, DB, DB::Arguments<'q>>
where
    i64: Encode<'q, DB> + Type<DB>,
    Option<String>: Encode<'q, DB> + Type<DB>,
    Option<Vec<u8>>: Encode<'q, DB> + Type<DB>,
{
    query.values.into_iter().fold(sqlx::query(query.sql), |bound, value| match value {
        Value::Number(number) => bound.bind(number),
        Value::Text(text) => bound.bind(text),
        Value::Octets(octets) => bound.bind(octets),
    })
}

fn row<DB: Database>(row: &DB::Row) -> Result<Row, sqlx::Error>
where
    for<'r> i64: Decode<'r, DB> + Type<DB>,
    for<'r> String: Decode<'r, DB> + Type<DB>,
    for<'r> Vec<u8>: Decode<'r, DB> + Type<DB>,
    usize: sqlx::ColumnIndex<DB::Row>,
{
    let value = |column: usize| {
        let raw = row.try_get_raw(column)?;
        if raw.is_null() {
            return Ok(Value::Text(None));
        }
        let name = raw.type_info().name().to_owned();
        match name.as_str() {
            "INTEGER" | "INT8" => row.try_get(column).map(Value::Number),
            "BLOB" | "BYTEA" => row.try_get(column).map(|octets| Value::Octets(Some(octets))),
            _ => row.try_get(column).map(|text| Value::Text(Some(text))),
        }
    };
    row.columns().iter().map(|column| value(column.ordinal())).collect::<Result<_, _>>().map(Row)
}
