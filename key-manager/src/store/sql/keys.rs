//! Keys.

use async_trait::async_trait;
use key_validation::Secret;

use super::{Query, Row, SqlTransaction, from_json, to_json, word};
use crate::domain::{ApplicationKey, KeyType};
use crate::store::{Keys, StoreError};

type Result<T> = std::result::Result<T, StoreError>;

const SELECT: &str = "SELECT body, row_version, client_secret, handle FROM application_keys";

fn place(id: &str, column: &str) -> String {
    format!("application_keys/{id}/{column}")
}

impl SqlTransaction {
    fn key(&self, row: &Row) -> Result<ApplicationKey> {
        let key: ApplicationKey = from_json("a key", row.text(0)?)?;
        let open = |index, name| {
            let sealed = row.optional_octets(index)?;
            sealed.map(|sealed| self.open(&place(&key.id, name), sealed)).transpose()
        };
        let (client_secret, handle) = (open(2, "client_secret")?, open(3, "handle")?);
        Ok(ApplicationKey { row_version: row.number(1)?, client_secret, handle, ..key })
    }

    fn seal_optional(&self, key: &ApplicationKey, name: &str, secret: Option<&Secret>) -> Result<Option<Vec<u8>>> {
        secret.map(|secret| self.seal(&place(&key.id, name), secret)).transpose()
    }

    pub(super) fn seal(&self, place: &str, secret: &Secret) -> Result<Vec<u8>> {
        self.sealer.seal(place, secret).map_err(|error| StoreError::Unavailable(format!("{place} {error}")))
    }

    pub(super) fn open(&self, place: &str, sealed: &[u8]) -> Result<Secret> {
        self.sealer.open(place, sealed).map_err(|error| StoreError::Unreadable(format!("{place} {error}:")))
    }

    async fn find(&mut self, condition: &str, values: &[&str]) -> Result<Vec<ApplicationKey>> {
        let sql = format!("{SELECT} WHERE {condition} ORDER BY created_at, id");
        let query = values.iter().fold(Query::new(&sql), |query, value| query.bind(*value));
        let rows = self.fetch_all(query).await?;
        rows.iter().map(|row| self.key(row)).collect()
    }
}

#[async_trait]
impl Keys for SqlTransaction {
    async fn find_key(&mut self, id: &str) -> Result<Option<ApplicationKey>> {
        Ok(self.find("id = $1", &[id]).await?.pop())
    }

    async fn find_key_of(
        &mut self,
        application_id: &str,
        identity_provider_id: &str,
        key_type: KeyType,
    ) -> Result<Option<ApplicationKey>> {
        let condition = "application_id = $1 AND identity_provider_id = $2 AND key_type = $3";
        Ok(self.find(condition, &[application_id, identity_provider_id, &word(&key_type)?]).await?.pop())
    }

    async fn find_key_by_client(
        &mut self,
        identity_provider_id: &str,
        client_id: &str,
    ) -> Result<Option<ApplicationKey>> {
        Ok(self.find("identity_provider_id = $1 AND client_id = $2", &[identity_provider_id, client_id]).await?.pop())
    }

    async fn list_keys_by_client_id(&mut self, client_id: &str) -> Result<Vec<ApplicationKey>> {
        self.find("client_id = $1", &[client_id]).await
    }

    async fn list_keys(&mut self, application_id: &str) -> Result<Vec<ApplicationKey>> {
        self.find("application_id = $1", &[application_id]).await
    }

    async fn count_keys(&mut self, identity_provider_id: &str) -> Result<u64> {
        let sql = "SELECT count(*) FROM application_keys WHERE identity_provider_id = $1";
        self.count(Query::new(sql).bind(identity_provider_id)).await
    }

    async fn insert_key(&mut self, key: &ApplicationKey) -> Result<()> {
        let sql = "INSERT INTO application_keys (id, row_version, application_id, identity_provider_id, key_type, \
                   client_id, created_at, body, client_secret, handle) VALUES ($1, 1, $2, $3, $4, $5, $6, $7, $8, $9)";
        let query = Query::new(sql).bind(&key.id).bind(&key.application_id).bind(&key.identity_provider_id);
        let query = query.bind(word(&key.key_type)?).bind(key.client_id.as_deref()).bind(key.created_at.as_millis());
        let query = query.bind(to_json(key)?);
        let query = query.bind(self.seal_optional(key, "client_secret", key.client_secret.as_ref())?);
        self.execute(query.bind(self.seal_optional(key, "handle", key.handle.as_ref())?)).await?;
        self.publish_application(&key.application_id).await?;
        self.audit("create", "key", &key.id).await
    }

    async fn update_key(&mut self, key: &ApplicationKey) -> Result<()> {
        let sql = "UPDATE application_keys SET row_version = row_version + 1, client_id = $1, body = $2, \
                   client_secret = $3, handle = $4 WHERE id = $5 AND row_version = $6";
        let query = Query::new(sql).bind(key.client_id.as_deref()).bind(to_json(key)?);
        let query = query.bind(self.seal_optional(key, "client_secret", key.client_secret.as_ref())?);
        let query = query.bind(self.seal_optional(key, "handle", key.handle.as_ref())?);
        self.execute_on_one(query.bind(&key.id).bind(key.row_version)).await?;
        self.publish_application(&key.application_id).await?;
        self.audit("update", "key", &key.id).await
    }

    async fn delete_key(&mut self, id: &str) -> Result<()> {
        let Some(key) = self.find_key(id).await? else { return Err(StoreError::Changed) };
        self.execute_on_one(Query::new("DELETE FROM application_keys WHERE id = $1").bind(id)).await?;
        self.publish_application(&key.application_id).await?;
        self.audit("delete", "key", id).await
    }
}
