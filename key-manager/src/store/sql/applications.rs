//! Applications.

use async_trait::async_trait;

use super::{Query, Row, SqlTransaction, from_json, to_json};
use crate::domain::Application;
use crate::feed::{RecordKind, record};
use crate::store::{Applications, IdentityProviders as _, Keys as _, Listed, Owner, StoreError, Window};

type Result<T> = std::result::Result<T, StoreError>;

fn application(row: &Row) -> Result<Application> {
    let application: Application = from_json("an application", row.text(0)?)?;
    Ok(Application { row_version: row.number(1)?, ..application })
}

#[async_trait]
impl Applications for SqlTransaction {
    async fn find_application(&mut self, id: &str, owner: Owner<'_>) -> Result<Option<Application>> {
        let sql = "SELECT body, row_version FROM applications WHERE id = $1 AND ($2 IS NULL OR owner = $2)";
        let row = self.fetch_optional(Query::new(sql).bind(id).bind(owner.name())).await?;
        row.as_ref().map(application).transpose()
    }

    async fn list_applications(&mut self, owner: Owner<'_>, window: Window) -> Result<Listed<Application>> {
        let sql = "SELECT body, row_version FROM applications WHERE $1 IS NULL OR owner = $1 \
                   ORDER BY name, id LIMIT $2 OFFSET $3";
        let query = Query::new(sql).bind(owner.name()).bind(window.limit).bind(window.offset);
        let rows = self.fetch_all(query).await?;
        let sql = "SELECT count(*) FROM applications WHERE $1 IS NULL OR owner = $1";
        let total = self.count(Query::new(sql).bind(owner.name())).await?;
        Ok(Listed { items: rows.iter().map(application).collect::<Result<_>>()?, total })
    }

    async fn insert_application(&mut self, application: &Application) -> Result<()> {
        let sql = "INSERT INTO applications (id, row_version, name, owner, body) VALUES ($1, 1, $2, $3, $4)";
        let query = Query::new(sql).bind(&application.id).bind(&application.name).bind(&application.owner);
        self.execute(query.bind(to_json(application)?)).await?;
        self.publish_application(&application.id).await?;
        self.audit("create", "application", &application.id).await
    }

    async fn update_application(&mut self, application: &Application) -> Result<()> {
        let sql = "UPDATE applications SET row_version = row_version + 1, name = $1, owner = $2, body = $3 \
                   WHERE id = $4 AND row_version = $5";
        let query = Query::new(sql).bind(&application.name).bind(&application.owner).bind(to_json(application)?);
        self.execute_on_one(query.bind(&application.id).bind(application.row_version)).await?;
        self.publish_application(&application.id).await?;
        self.audit("update", "application", &application.id).await
    }

    async fn delete_application(&mut self, id: &str) -> Result<()> {
        self.execute_on_one(Query::new("DELETE FROM applications WHERE id = $1").bind(id)).await?;
        self.publish(RecordKind::Application, id, None).await?;
        self.audit("delete", "application", id).await
    }
}

impl SqlTransaction {
    /// Tells gateways of an application with its keys; of one that is gone they know.
    pub(super) async fn publish_application(&mut self, id: &str) -> Result<()> {
        let Some(application) = self.find_application(id, Owner::Anybody).await? else { return Ok(()) };
        let mut keys = Vec::new();
        for key in self.list_keys(id).await? {
            let identity_provider = self.find_identity_provider(&key.identity_provider_id).await?;
            keys.extend(identity_provider.map(|identity_provider| (key, identity_provider.name)));
        }
        self.publish(RecordKind::Application, id, Some(record::application(&application, &keys))).await
    }
}
