//! Intents.

use async_trait::async_trait;
use key_validation::UnixTime;

use super::{SqliteTransaction, column, from_json, signed, to_json, word};
use crate::outbox::{Intent, IntentId};
use crate::store::{Listed, Outbox, StoreError, Window};

type Result<T> = std::result::Result<T, StoreError>;

#[async_trait]
impl Outbox for SqliteTransaction {
    async fn put_intent(&mut self, intent: &Intent) -> Result<()> {
        let sql = "INSERT INTO intents VALUES (?, ?, ?, ?) ON CONFLICT DO UPDATE \
                   SET state = excluded.state, next_attempt_at = excluded.next_attempt_at, body = excluded.body";
        let query = sqlx::query(sql).bind(intent.id.text()).bind(word(&intent.state)?);
        self.execute(query.bind(signed(intent.next_attempt_at.as_millis())).bind(to_json(intent)?)).await.map(drop)
    }

    async fn find_intent(&mut self, id: &IntentId) -> Result<Option<Intent>> {
        let row = self.fetch_optional(sqlx::query("SELECT body FROM intents WHERE id = ?").bind(id.text())).await?;
        row.map(|row| from_json("an intent", column(&row, 0)?)).transpose()
    }

    async fn list_intents(&mut self, window: Window) -> Result<Listed<Intent>> {
        let query = sqlx::query("SELECT body FROM intents ORDER BY next_attempt_at, id LIMIT ? OFFSET ?");
        let rows = self.fetch_all(query.bind(window.limit).bind(window.offset)).await?;
        let items = rows.iter().map(|row| from_json("an intent", column(row, 0)?)).collect::<Result<_>>()?;
        Ok(Listed { items, total: self.count(sqlx::query("SELECT count(*) FROM intents")).await? })
    }

    async fn list_due_intents(&mut self, now: UnixTime, limit: u32) -> Result<Vec<Intent>> {
        let sql = "SELECT body FROM intents WHERE state = 'PENDING' AND next_attempt_at <= ? \
                   ORDER BY next_attempt_at, id LIMIT ?";
        let rows = self.fetch_all(sqlx::query(sql).bind(signed(now.as_millis())).bind(limit)).await?;
        rows.iter().map(|row| from_json("an intent", column(row, 0)?)).collect()
    }

    async fn delete_intent(&mut self, id: &IntentId) -> Result<()> {
        self.execute_on_one(sqlx::query("DELETE FROM intents WHERE id = ?").bind(id.text())).await
    }
}
