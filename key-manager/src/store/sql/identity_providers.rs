//! Identity providers.

use std::collections::BTreeMap;

use async_trait::async_trait;
use key_validation::Secret;

use super::{Query, Row, SqlTransaction, from_json, to_json};
use crate::domain::IdentityProvider;
use crate::store::{IdentityProviders, StoreError};

type Result<T> = std::result::Result<T, StoreError>;

const SELECT: &str = "SELECT body, row_version, secrets FROM identity_providers";

fn place(id: &str) -> String {
    format!("identity_providers/{id}/secrets")
}

impl SqlTransaction {
    fn identity_provider(&self, row: &Row) -> Result<IdentityProvider> {
        let found: IdentityProvider = from_json("an identity provider", row.text(0)?)?;
        let sealed = row.optional_octets(2)?;
        let secrets = match sealed {
            Some(sealed) => {
                let opened = self.open(&place(&found.id), sealed)?;
                from_json::<BTreeMap<String, String>>("an identity provider's secrets", opened.expose())?
            }
            None => BTreeMap::new(),
        };
        let secrets = secrets.into_iter().map(|(name, secret)| (name, Secret::new(secret))).collect();
        Ok(IdentityProvider { row_version: row.number(1)?, secrets, ..found })
    }

    fn seal_settings(&self, identity_provider: &IdentityProvider) -> Result<Vec<u8>> {
        let exposed = identity_provider.secrets.iter().map(|(name, secret)| (name.as_str(), secret.expose()));
        let json = to_json(&exposed.collect::<BTreeMap<_, _>>())?;
        self.seal(&place(&identity_provider.id), &Secret::new(json))
    }
}

#[async_trait]
impl IdentityProviders for SqlTransaction {
    async fn find_identity_provider(&mut self, id: &str) -> Result<Option<IdentityProvider>> {
        let sql = format!("{SELECT} WHERE id = $1");
        let row = self.fetch_optional(Query::new(&sql).bind(id)).await?;
        row.map(|row| self.identity_provider(&row)).transpose()
    }

    async fn find_identity_provider_by_name(&mut self, name: &str) -> Result<Option<IdentityProvider>> {
        let sql = format!("{SELECT} WHERE name = $1");
        let row = self.fetch_optional(Query::new(&sql).bind(name)).await?;
        row.map(|row| self.identity_provider(&row)).transpose()
    }

    async fn list_identity_providers(&mut self) -> Result<Vec<IdentityProvider>> {
        let sql = format!("{SELECT} ORDER BY name");
        let rows = self.fetch_all(Query::new(&sql)).await?;
        rows.iter().map(|row| self.identity_provider(row)).collect()
    }

    async fn insert_identity_provider(&mut self, identity_provider: &IdentityProvider) -> Result<()> {
        let sql = "INSERT INTO identity_providers (id, row_version, name, body, secrets) VALUES ($1, 1, $2, $3, $4)";
        let query = Query::new(sql).bind(&identity_provider.id).bind(&identity_provider.name);
        let query = query.bind(to_json(identity_provider)?).bind(self.seal_settings(identity_provider)?);
        self.execute(query).await?;
        self.audit("create", "identity_provider", &identity_provider.id).await
    }

    async fn update_identity_provider(&mut self, identity_provider: &IdentityProvider) -> Result<()> {
        let sql = "UPDATE identity_providers SET row_version = row_version + 1, body = $1, secrets = $2 \
                   WHERE id = $3 AND row_version = $4 AND name = $5";
        let query = Query::new(sql).bind(to_json(identity_provider)?).bind(self.seal_settings(identity_provider)?);
        let query = query.bind(&identity_provider.id).bind(identity_provider.row_version);
        self.execute_on_one(query.bind(&identity_provider.name)).await?;
        self.audit("update", "identity_provider", &identity_provider.id).await
    }

    async fn delete_identity_provider(&mut self, id: &str) -> Result<()> {
        self.execute_on_one(Query::new("DELETE FROM identity_providers WHERE id = $1").bind(id)).await?;
        self.audit("delete", "identity_provider", id).await
    }
}
