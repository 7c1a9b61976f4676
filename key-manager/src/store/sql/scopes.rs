//! Shared scopes.

use async_trait::async_trait;

use super::{Query, Row, SqlTransaction, from_json, to_json};
use crate::domain::Scope;
use crate::store::{Listed, Scopes, StoreError, Window};

type Result<T> = std::result::Result<T, StoreError>;

fn scope(row: &Row) -> Result<Scope> {
    let scope: Scope = from_json("a scope", row.text(0)?)?;
    Ok(Scope { row_version: row.number(1)?, ..scope })
}

#[async_trait]
impl Scopes for SqlTransaction {
    async fn find_scope(&mut self, id: &str) -> Result<Option<Scope>> {
        let query = Query::new("SELECT body, row_version FROM scopes WHERE id = $1").bind(id);
        self.fetch_optional(query).await?.as_ref().map(scope).transpose()
    }

    async fn list_scopes(&mut self, window: Window) -> Result<Listed<Scope>> {
        let sql = "SELECT body, row_version FROM scopes ORDER BY name LIMIT $1 OFFSET $2";
        let rows = self.fetch_all(Query::new(sql).bind(window.limit).bind(window.offset)).await?;
        let total = self.count(Query::new("SELECT count(*) FROM scopes")).await?;
        Ok(Listed { items: rows.iter().map(scope).collect::<Result<_>>()?, total })
    }

    async fn insert_scope(&mut self, scope: &Scope) -> Result<()> {
        let query = Query::new("INSERT INTO scopes (id, row_version, name, body) VALUES ($1, 1, $2, $3)");
        self.execute(query.bind(&scope.id).bind(&scope.name).bind(to_json(scope)?)).await?;
        self.audit("create", "scope", &scope.id).await
    }

    async fn update_scope(&mut self, scope: &Scope) -> Result<()> {
        let sql =
            "UPDATE scopes SET row_version = row_version + 1, name = $1, body = $2 WHERE id = $3 AND row_version = $4";
        let query = Query::new(sql).bind(&scope.name).bind(to_json(scope)?);
        self.execute_on_one(query.bind(&scope.id).bind(scope.row_version)).await?;
        self.audit("update", "scope", &scope.id).await
    }

    async fn delete_scope(&mut self, id: &str) -> Result<()> {
        self.execute_on_one(Query::new("DELETE FROM scopes WHERE id = $1").bind(id)).await?;
        self.audit("delete", "scope", id).await
    }
}
