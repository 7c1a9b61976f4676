//! Intents.

use async_trait::async_trait;
use key_validation::UnixTime;

use super::{Query, SqlTransaction, from_json, to_json, word};
use crate::outbox::{Intent, IntentId};
use crate::store::{Listed, Outbox, StoreError, Window};

type Result<T> = std::result::Result<T, StoreError>;

#[async_trait]
impl Outbox for SqlTransaction {
    async fn put_intent(&mut self, intent: &Intent) -> Result<()> {
        let sql = "INSERT INTO intents VALUES ($1, $2, $3, $4) ON CONFLICT (id) DO UPDATE \
                   SET state = excluded.state, next_attempt_at = excluded.next_attempt_at, body = excluded.body";
        let query = Query::new(sql).bind(intent.id.text()).bind(word(&intent.state)?);
        self.execute(query.bind(intent.next_attempt_at.as_millis()).bind(to_json(intent)?)).await.map(drop)
    }

    async fn find_intent(&mut self, id: &IntentId) -> Result<Option<Intent>> {
        let row = self.fetch_optional(Query::new("SELECT body FROM intents WHERE id = $1").bind(id.text())).await?;
        row.map(|row| from_json("an intent", row.text(0)?)).transpose()
    }

    async fn list_intents(&mut self, window: Window) -> Result<Listed<Intent>> {
        let query = Query::new("SELECT body FROM intents ORDER BY next_attempt_at, id LIMIT $1 OFFSET $2");
        let rows = self.fetch_all(query.bind(window.limit).bind(window.offset)).await?;
        let items = rows.iter().map(|row| from_json("an intent", row.text(0)?)).collect::<Result<_>>()?;
        Ok(Listed { items, total: self.count(Query::new("SELECT count(*) FROM intents")).await? })
    }

    async fn list_due_intents(&mut self, now: UnixTime, limit: u32) -> Result<Vec<Intent>> {
        let sql = "SELECT body FROM intents WHERE state = 'PENDING' AND next_attempt_at <= $1 \
                   ORDER BY next_attempt_at, id LIMIT $2";
        let rows = self.fetch_all(Query::new(sql).bind(now.as_millis()).bind(limit)).await?;
        rows.iter().map(|row| from_json("an intent", row.text(0)?)).collect()
    }

    async fn delete_intent(&mut self, id: &IntentId) -> Result<()> {
        self.execute_on_one(Query::new("DELETE FROM intents WHERE id = $1").bind(id.text())).await
    }
}
