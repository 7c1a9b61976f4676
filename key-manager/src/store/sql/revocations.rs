//! Revocation cut-offs.

use async_trait::async_trait;
use key_validation::UnixTime;

use super::{Query, SqlTransaction, from_json, to_json};
use crate::domain::Revocation;
use crate::feed::{RecordKind, record};
use crate::store::{Listed, Revocations, StoreError, Window};

type Result<T> = std::result::Result<T, StoreError>;

#[async_trait]
impl Revocations for SqlTransaction {
    async fn list_revocations(&mut self, window: Window) -> Result<Listed<Revocation>> {
        let query = Query::new("SELECT body FROM revocations ORDER BY created_at, id LIMIT $1 OFFSET $2");
        let rows = self.fetch_all(query.bind(window.limit).bind(window.offset)).await?;
        let items = rows.iter().map(|row| from_json("a revocation", row.text(0)?)).collect::<Result<_>>()?;
        Ok(Listed { items, total: self.count(Query::new("SELECT count(*) FROM revocations")).await? })
    }

    async fn insert_revocation(&mut self, revocation: &Revocation) -> Result<()> {
        let sql = "INSERT INTO revocations (id, created_at, expires_at, body) VALUES ($1, $2, $3, $4)";
        let query = Query::new(sql).bind(&revocation.id).bind(revocation.created_at.as_millis());
        self.execute(query.bind(revocation.expires_at.as_millis()).bind(to_json(revocation)?)).await?;
        self.publish(RecordKind::Revocation, &revocation.id, Some(record::revocation(revocation))).await?;
        self.audit("create", "revocation", &revocation.id).await
    }

    async fn delete_revocation(&mut self, id: &str) -> Result<bool> {
        if self.execute(Query::new("DELETE FROM revocations WHERE id = $1").bind(id)).await? == 0 {
            return Ok(false);
        }
        self.publish(RecordKind::Revocation, id, None).await?;
        self.audit("delete", "revocation", id).await?;
        Ok(true)
    }

    async fn delete_expired_revocations(&mut self, now: UnixTime) -> Result<u64> {
        let sql = "DELETE FROM revocations WHERE expires_at <= $1 RETURNING id";
        let rows = self.fetch_all(Query::new(sql).bind(now.as_millis())).await?;
        for row in &rows {
            let id = row.text(0)?;
            // No tombstone: gateways have dropped it by its own time.
            let sql = "DELETE FROM feed_records WHERE kind = 'revocation' AND id = $1";
            self.execute(Query::new(sql).bind(id)).await?;
        }
        Ok(u64::try_from(rows.len()).unwrap_or(u64::MAX))
    }
}
