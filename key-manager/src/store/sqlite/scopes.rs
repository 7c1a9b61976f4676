//! Shared scopes.

use async_trait::async_trait;
use sqlx::sqlite::SqliteRow;

use super::{SqliteTransaction, column, from_json, signed, to_json, unsigned};
use crate::domain::Scope;
use crate::store::{Listed, Scopes, StoreError, Window};

type Result<T> = std::result::Result<T, StoreError>;

fn scope(row: &SqliteRow) -> Result<Scope> {
    let scope: Scope = from_json("a scope", column(row, 0)?)?;
    Ok(Scope { row_version: unsigned(row, 1)?, ..scope })
}

#[async_trait]
impl Scopes for SqliteTransaction {
    async fn find_scope(&mut self, id: &str) -> Result<Option<Scope>> {
        let query = sqlx::query("SELECT body, row_version FROM scopes WHERE id = ?").bind(id);
        self.fetch_optional(query).await?.as_ref().map(scope).transpose()
    }

    async fn list_scopes(&mut self, window: Window) -> Result<Listed<Scope>> {
        let sql = "SELECT body, row_version FROM scopes ORDER BY name LIMIT ? OFFSET ?";
        let rows = self.fetch_all(sqlx::query(sql).bind(window.limit).bind(window.offset)).await?;
        let total = self.count(sqlx::query("SELECT count(*) FROM scopes")).await?;
        Ok(Listed { items: rows.iter().map(scope).collect::<Result<_>>()?, total })
    }

    async fn insert_scope(&mut self, scope: &Scope) -> Result<()> {
        let query = sqlx::query("INSERT INTO scopes (id, row_version, name, body) VALUES (?, 1, ?, ?)");
        self.execute(query.bind(&scope.id).bind(&scope.name).bind(to_json(scope)?)).await?;
        self.audit("create", "scope", &scope.id).await
    }

    async fn update_scope(&mut self, scope: &Scope) -> Result<()> {
        let sql =
            "UPDATE scopes SET row_version = row_version + 1, name = ?, body = ? WHERE id = ? AND row_version = ?";
        let query = sqlx::query(sql).bind(&scope.name).bind(to_json(scope)?);
        self.execute_on_one(query.bind(&scope.id).bind(signed(scope.row_version))).await?;
        self.audit("update", "scope", &scope.id).await
    }

    async fn delete_scope(&mut self, id: &str) -> Result<()> {
        self.execute_on_one(sqlx::query("DELETE FROM scopes WHERE id = ?").bind(id)).await?;
        self.audit("delete", "scope", id).await
    }
}
