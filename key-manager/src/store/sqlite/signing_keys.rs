//! Keys that sign backend JWTs.

use async_trait::async_trait;

use super::{SqliteTransaction, column, from_json, signed, to_json};
use crate::domain::BackendSigningKey;
use crate::store::{SigningKeys, StoreError};

type Result<T> = std::result::Result<T, StoreError>;

fn place(key_id: &str) -> String {
    format!("signing_keys/{key_id}/private_key")
}

#[async_trait]
impl SigningKeys for SqliteTransaction {
    async fn list_signing_keys(&mut self) -> Result<Vec<BackendSigningKey>> {
        let query = sqlx::query("SELECT body, private_key FROM signing_keys ORDER BY created_at, key_id");
        let rows = self.fetch_all(query).await?;
        let key = |row| {
            let key: BackendSigningKey = from_json("a signing key", column(row, 0)?)?;
            let private_key = self.open(&place(&key.key_id), column(row, 1)?)?;
            Ok(BackendSigningKey { private_key, ..key })
        };
        rows.iter().map(key).collect()
    }

    async fn insert_signing_key(&mut self, key: &BackendSigningKey) -> Result<()> {
        let sealed = self.seal(&place(&key.key_id), &key.private_key)?;
        let query = sqlx::query("INSERT INTO signing_keys VALUES (?, ?, ?, ?)").bind(&key.key_id);
        let query = query.bind(signed(key.created_at.as_millis())).bind(to_json(key)?).bind(sealed);
        self.execute(query).await?;
        self.audit("create", "signing_key", &key.key_id).await
    }

    async fn update_signing_key(&mut self, key: &BackendSigningKey) -> Result<()> {
        let query = sqlx::query("UPDATE signing_keys SET body = ? WHERE key_id = ?");
        self.execute_on_one(query.bind(to_json(key)?).bind(&key.key_id)).await?;
        self.audit("update", "signing_key", &key.key_id).await
    }

    async fn delete_signing_key(&mut self, key_id: &str) -> Result<()> {
        self.execute_on_one(sqlx::query("DELETE FROM signing_keys WHERE key_id = ?").bind(key_id)).await?;
        self.audit("delete", "signing_key", key_id).await
    }
}
