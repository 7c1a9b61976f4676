//! Keys that sign backend JWTs.

use async_trait::async_trait;

use super::{Query, Row, SqlTransaction, from_json, to_json};
use crate::domain::BackendSigningKey;
use crate::store::{SigningKeys, StoreError};

type Result<T> = std::result::Result<T, StoreError>;

fn place(key_id: &str) -> String {
    format!("signing_keys/{key_id}/private_key")
}

#[async_trait]
impl SigningKeys for SqlTransaction {
    async fn list_signing_keys(&mut self) -> Result<Vec<BackendSigningKey>> {
        let query = Query::new("SELECT body, private_key FROM signing_keys ORDER BY created_at, key_id");
        let rows = self.fetch_all(query).await?;
        let key = |row: &Row| {
            let key: BackendSigningKey = from_json("a signing key", row.text(0)?)?;
            let private_key = self.open(&place(&key.key_id), row.octets(1)?)?;
            Ok(BackendSigningKey { private_key, ..key })
        };
        rows.iter().map(key).collect()
    }

    async fn insert_signing_key(&mut self, key: &BackendSigningKey) -> Result<()> {
        let sealed = self.seal(&place(&key.key_id), &key.private_key)?;
        let query = Query::new("INSERT INTO signing_keys VALUES ($1, $2, $3, $4)").bind(&key.key_id);
        let query = query.bind(key.created_at.as_millis()).bind(to_json(key)?).bind(sealed);
        self.execute(query).await?;
        self.audit("create", "signing_key", &key.key_id).await
    }

    async fn update_signing_key(&mut self, key: &BackendSigningKey) -> Result<()> {
        let query = Query::new("UPDATE signing_keys SET body = $1 WHERE key_id = $2");
        self.execute_on_one(query.bind(to_json(key)?).bind(&key.key_id)).await?;
        self.audit("update", "signing_key", &key.key_id).await
    }

    async fn delete_signing_key(&mut self, key_id: &str) -> Result<()> {
        self.execute_on_one(Query::new("DELETE FROM signing_keys WHERE key_id = $1").bind(key_id)).await?;
        self.audit("delete", "signing_key", key_id).await
    }
}
