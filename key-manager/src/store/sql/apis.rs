//! APIs.

use async_trait::async_trait;

use super::{Query, Row, SqlTransaction, from_json, to_json};
use crate::domain::{Api, ApiRegistration, ApiRevision};
use crate::feed::{RecordKind, record};
use crate::store::{Apis, Listed, StoreError, Window};

type Result<T> = std::result::Result<T, StoreError>;

fn api(row: &Row) -> Result<Api> {
    let api: Api = from_json("an API", row.text(0)?)?;
    Ok(Api { row_version: row.number(1)?, ..api })
}

#[async_trait]
impl Apis for SqlTransaction {
    async fn find_api(&mut self, id: &str) -> Result<Option<Api>> {
        let query = Query::new("SELECT body, row_version FROM apis WHERE id = $1").bind(id);
        self.fetch_optional(query).await?.as_ref().map(api).transpose()
    }

    async fn list_apis(&mut self, window: Window) -> Result<Listed<Api>> {
        let sql = "SELECT body, row_version FROM apis ORDER BY lower(name), version LIMIT $1 OFFSET $2";
        let rows = self.fetch_all(Query::new(sql).bind(window.limit).bind(window.offset)).await?;
        let total = self.count(Query::new("SELECT count(*) FROM apis")).await?;
        Ok(Listed { items: rows.iter().map(api).collect::<Result<_>>()?, total })
    }

    async fn insert_api(&mut self, api: &Api) -> Result<()> {
        let sql = "INSERT INTO apis (id, row_version, name, version, context, body) VALUES ($1, 1, $2, $3, $4, $5)";
        let query = Query::new(sql).bind(&api.id).bind(&api.name).bind(&api.version).bind(&api.context);
        self.execute(query.bind(to_json(api)?)).await?;
        self.publish(RecordKind::Api, &api.id, record::api(api)).await?;
        self.audit("create", "api", &api.id).await
    }

    async fn update_api(&mut self, api: &Api) -> Result<()> {
        let sql = "UPDATE apis SET row_version = row_version + 1, name = $1, version = $2, context = $3, body = $4 \
                   WHERE id = $5 AND row_version = $6";
        let query = Query::new(sql).bind(&api.name).bind(&api.version).bind(&api.context).bind(to_json(api)?);
        self.execute_on_one(query.bind(&api.id).bind(api.row_version)).await?;
        self.publish(RecordKind::Api, &api.id, record::api(api)).await?;
        self.audit("update", "api", &api.id).await
    }

    async fn delete_api(&mut self, id: &str) -> Result<()> {
        self.execute_on_one(Query::new("DELETE FROM apis WHERE id = $1").bind(id)).await?;
        self.publish(RecordKind::Api, id, None).await?;
        self.audit("delete", "api", id).await
    }

    async fn list_api_revisions(&mut self, api_id: &str) -> Result<(Vec<ApiRevision>, u32)> {
        let query = Query::new("SELECT body FROM api_revisions WHERE api_id = $1 ORDER BY number").bind(api_id);
        let rows = self.fetch_all(query).await?;
        let revisions = rows.iter().map(|row| from_json("a revision", row.text(0)?)).collect::<Result<_>>()?;
        let query = Query::new("SELECT coalesce(max(last_revision), 0) FROM apis WHERE id = $1").bind(api_id);
        let last = self.count(query).await?;
        Ok((revisions, u32::try_from(last).unwrap_or(u32::MAX)))
    }

    async fn insert_api_revision(&mut self, revision: &ApiRevision) -> Result<()> {
        let sql = "INSERT INTO api_revisions (id, api_id, number, body) VALUES ($1, $2, $3, $4)";
        let query = Query::new(sql).bind(&revision.id).bind(&revision.api_id).bind(revision.number);
        self.execute(query.bind(to_json(revision)?)).await?;
        let sql = "UPDATE apis SET last_revision = $1 WHERE id = $2";
        self.execute_on_one(Query::new(sql).bind(revision.number).bind(&revision.api_id)).await?;
        self.audit("create", "api_revision", &revision.id).await
    }

    async fn update_api_revision(&mut self, revision: &ApiRevision) -> Result<()> {
        let query = Query::new("UPDATE api_revisions SET body = $1 WHERE id = $2");
        self.execute_on_one(query.bind(to_json(revision)?).bind(&revision.id)).await?;
        self.audit("update", "api_revision", &revision.id).await
    }

    async fn delete_api_revision(&mut self, id: &str) -> Result<()> {
        self.execute_on_one(Query::new("DELETE FROM api_revisions WHERE id = $1").bind(id)).await?;
        self.audit("delete", "api_revision", id).await
    }

    async fn list_api_registrations(&mut self, api_id: &str) -> Result<Vec<ApiRegistration>> {
        let sql = "SELECT body FROM api_registrations WHERE api_id = $1 ORDER BY identity_provider_id";
        let rows = self.fetch_all(Query::new(sql).bind(api_id)).await?;
        rows.iter().map(|row| from_json("a registration", row.text(0)?)).collect()
    }

    async fn list_api_registrations_at(&mut self, identity_provider_id: &str) -> Result<Vec<ApiRegistration>> {
        let sql = "SELECT body FROM api_registrations WHERE identity_provider_id = $1 ORDER BY api_id";
        let rows = self.fetch_all(Query::new(sql).bind(identity_provider_id)).await?;
        rows.iter().map(|row| from_json("a registration", row.text(0)?)).collect()
    }

    async fn put_api_registration(&mut self, registration: &ApiRegistration) -> Result<()> {
        let sql = "INSERT INTO api_registrations VALUES ($1, $2, $3) ON CONFLICT (api_id, identity_provider_id) DO UPDATE SET body = excluded.body";
        let query = Query::new(sql).bind(&registration.api_id).bind(&registration.identity_provider_id);
        self.execute(query.bind(to_json(registration)?)).await?;
        self.audit("update", "api_registration", &registration.api_id).await
    }

    async fn delete_api_registration(&mut self, api_id: &str, identity_provider_id: &str) -> Result<()> {
        let sql = "DELETE FROM api_registrations WHERE api_id = $1 AND identity_provider_id = $2";
        self.execute_on_one(Query::new(sql).bind(api_id).bind(identity_provider_id)).await?;
        self.audit("delete", "api_registration", api_id).await
    }
}
