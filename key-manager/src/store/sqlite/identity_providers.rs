//! Identity providers.

use std::collections::BTreeMap;

use async_trait::async_trait;
use key_validation::Secret;
use sqlx::sqlite::SqliteRow;

use super::{SqliteTransaction, column, from_json, signed, to_json, unsigned};
use crate::domain::IdentityProvider;
use crate::store::{IdentityProviders, StoreError};

type Result<T> = std::result::Result<T, StoreError>;

const SELECT: &str = "SELECT body, row_version, secrets FROM identity_providers";

fn place(id: &str) -> String {
    format!("identity_providers/{id}/secrets")
}

impl SqliteTransaction {
    fn identity_provider(&self, row: &SqliteRow) -> Result<IdentityProvider> {
        let found: IdentityProvider = from_json("an identity provider", column(row, 0)?)?;
        let sealed: Option<&[u8]> = column(row, 2)?;
        let secrets = match sealed {
            Some(sealed) => {
                let opened = self.open(&place(&found.id), sealed)?;
                from_json::<BTreeMap<String, String>>("an identity provider's secrets", opened.expose())?
            }
            None => BTreeMap::new(),
        };
        let secrets = secrets.into_iter().map(|(name, secret)| (name, Secret::new(secret))).collect();
        Ok(IdentityProvider { row_version: unsigned(row, 1)?, secrets, ..found })
    }

    fn seal_settings(&self, identity_provider: &IdentityProvider) -> Result<Vec<u8>> {
        let exposed = identity_provider.secrets.iter().map(|(name, secret)| (name.as_str(), secret.expose()));
        let json = to_json(&exposed.collect::<BTreeMap<_, _>>())?;
        self.seal(&place(&identity_provider.id), &Secret::new(json))
    }
}

#[async_trait]
impl IdentityProviders for SqliteTransaction {
    async fn find_identity_provider(&mut self, id: &str) -> Result<Option<IdentityProvider>> {
        let sql = format!("{SELECT} WHERE id = ?");
        let row = self.fetch_optional(sqlx::query(&sql).bind(id)).await?;
        row.map(|row| self.identity_provider(&row)).transpose()
    }

    async fn find_identity_provider_by_name(&mut self, name: &str) -> Result<Option<IdentityProvider>> {
        let sql = format!("{SELECT} WHERE name = ?");
        let row = self.fetch_optional(sqlx::query(&sql).bind(name)).await?;
        row.map(|row| self.identity_provider(&row)).transpose()
    }

    async fn list_identity_providers(&mut self) -> Result<Vec<IdentityProvider>> {
        let sql = format!("{SELECT} ORDER BY name");
        let rows = self.fetch_all(sqlx::query(&sql)).await?;
        rows.iter().map(|row| self.identity_provider(row)).collect()
    }

    async fn insert_identity_provider(&mut self, identity_provider: &IdentityProvider) -> Result<()> {
        let sql = "INSERT INTO identity_providers (id, row_version, name, body, secrets) VALUES (?, 1, ?, ?, ?)";
        let query = sqlx::query(sql).bind(&identity_provider.id).bind(&identity_provider.name);
        let query = query.bind(to_json(identity_provider)?).bind(self.seal_settings(identity_provider)?);
        self.execute(query).await?;
        self.audit("create", "identity_provider", &identity_provider.id).await
    }

    async fn update_identity_provider(&mut self, identity_provider: &IdentityProvider) -> Result<()> {
        let sql = "UPDATE identity_providers SET row_version = row_version + 1, body = ?, secrets = ? \
                   WHERE id = ? AND row_version = ? AND name = ?";
        let query = sqlx::query(sql).bind(to_json(identity_provider)?).bind(self.seal_settings(identity_provider)?);
        let query = query.bind(&identity_provider.id).bind(signed(identity_provider.row_version));
        self.execute_on_one(query.bind(&identity_provider.name)).await?;
        self.audit("update", "identity_provider", &identity_provider.id).await
    }

    async fn delete_identity_provider(&mut self, id: &str) -> Result<()> {
        self.execute_on_one(sqlx::query("DELETE FROM identity_providers WHERE id = ?").bind(id)).await?;
        self.audit("delete", "identity_provider", id).await
    }
}
