//! What gateways are told.

use async_trait::async_trait;
use key_validation::UnixTime;
use serde_json::Value;
use serde_json::value::RawValue;

use super::{Query, Row, SqlTransaction, from_json, to_json};
use crate::domain::{Gateway, Revision, Subscription};
use crate::feed::{RecordChange, RecordKind, bucket};
use crate::store::{Feed, FeedState, StoreError};

type Result<T> = std::result::Result<T, StoreError>;

/// How many tombstones are compacted at once, but for those of one number: others wait for their turn to write.
const COMPACTED_AT_ONCE: u32 = 1000;

const SELECT: &str = "SELECT number, kind, id, bucket, api_id, application_id, record FROM feed_records";

fn change(row: &Row) -> Result<RecordChange> {
    let record = row.optional_text(6)?;
    Ok(RecordChange {
        number: row.number(0)?,
        kind: kind(row.text(1)?)?,
        id: row.text(2)?.to_owned(),
        bucket: u16::try_from(row.number(3)?).unwrap_or(u16::MAX),
        api_id: row.optional_text(4)?.map(str::to_owned),
        application_id: row.optional_text(5)?.map(str::to_owned),
        record: record.map(raw).transpose()?,
    })
}

/// Checked to be JSON, and otherwise left as it is.
fn raw(record: &str) -> Result<Box<RawValue>> {
    RawValue::from_string(record.to_owned()).map_err(|_| StoreError::Unreadable("a feed record".to_owned()))
}

fn kind(word: &str) -> Result<RecordKind> {
    from_json("a feed record's kind", &Value::from(word).to_string())
}

#[async_trait]
impl Feed for SqlTransaction {
    async fn feed_state(&mut self) -> Result<FeedState> {
        let query = Query::new("SELECT epoch, number, complete_since FROM feed_state");
        let row = self.fetch_one(query).await?;
        let revision = Revision { epoch: row.text(0)?.to_owned(), number: row.number(1)? };
        Ok(FeedState { revision, complete_since: row.number(2)? })
    }

    async fn list_changes(&mut self, after: (u64, &str, &str), limit: u32) -> Result<Vec<RecordChange>> {
        let sql = format!("{SELECT} WHERE (number, kind, id) > ($1, $2, $3) ORDER BY number, kind, id LIMIT $4");
        let query = Query::new(&sql).bind(after.0).bind(after.1).bind(after.2).bind(limit);
        self.fetch_all(query).await?.iter().map(change).collect()
    }

    async fn list_records(&mut self, kind: RecordKind, first: u16, limit: u32) -> Result<Vec<RecordChange>> {
        let sql = format!(
            "{SELECT} WHERE family = $1 AND bucket >= $2 AND record IS NOT NULL ORDER BY bucket, kind, id LIMIT $3"
        );
        let query = Query::new(&sql).bind(kind.as_str()).bind(first).bind(limit);
        self.fetch_all(query).await?.iter().map(change).collect()
    }

    async fn count_records(&mut self) -> Result<u64> {
        let sql = "SELECT count(*) FROM feed_records WHERE kind IN ('api', 'application') AND record IS NOT NULL";
        self.count(Query::new(sql)).await
    }

    async fn begin_epoch(&mut self, epoch: &str) -> Result<()> {
        let sql = "UPDATE feed_state SET epoch = $1, number = number + 1 WHERE epoch <> $1";
        self.execute_on_one(Query::new(sql).bind(epoch)).await?;
        self.number = Some(self.feed_state().await?.revision.number);
        self.audit("create", "epoch", epoch).await
    }

    async fn compact_feed(&mut self, before: UnixTime) -> Result<u64> {
        let sql = "SELECT number, changed_at FROM feed_records WHERE record IS NULL ORDER BY number LIMIT $1";
        let mut up_to = None;
        for row in self.fetch_all(Query::new(sql).bind(COMPACTED_AT_ONCE)).await? {
            if row.number(1)? >= before.as_millis() {
                break;
            }
            up_to = Some(row.number(0)?);
        }
        let Some(up_to) = up_to else { return Ok(0) };
        self.execute(Query::new("UPDATE feed_state SET complete_since = $1").bind(up_to)).await?;
        let sql = "DELETE FROM feed_records WHERE record IS NULL AND number <= $1";
        self.execute(Query::new(sql).bind(up_to)).await
    }

    async fn count_tombstones(&mut self) -> Result<u64> {
        self.count(Query::new("SELECT count(*) FROM feed_records WHERE record IS NULL")).await
    }

    async fn list_gateways(&mut self) -> Result<Vec<Gateway>> {
        let rows = self.fetch_all(Query::new("SELECT body FROM gateways ORDER BY name")).await?;
        rows.iter().map(|row| from_json("a gateway", row.text(0)?)).collect()
    }

    async fn put_gateway(&mut self, gateway: &Gateway) -> Result<()> {
        let sql = "INSERT INTO gateways VALUES ($1, $2) ON CONFLICT (name) DO UPDATE SET body = excluded.body";
        self.execute(Query::new(sql).bind(&gateway.name).bind(to_json(gateway)?)).await.map(drop)
    }
}

impl SqlTransaction {
    /// Tells gateways of a record; `None` when it is gone, or none of their business.
    pub(super) async fn publish(&mut self, kind: RecordKind, id: &str, record: Option<Value>) -> Result<()> {
        self.put_record(kind, id, bucket(id), (None, None), record).await
    }

    pub(super) async fn publish_subscription(
        &mut self,
        subscription: &Subscription,
        record: Option<Value>,
    ) -> Result<()> {
        let pair = (Some(subscription.api_id.as_str()), Some(subscription.application_id.as_str()));
        let bucket = bucket(&subscription.application_id);
        self.put_record(RecordKind::Subscription, &subscription.id, bucket, pair, record).await
    }

    async fn put_record(
        &mut self,
        kind: RecordKind,
        id: &str,
        bucket: u16,
        (api_id, application_id): (Option<&str>, Option<&str>),
        record: Option<Value>,
    ) -> Result<()> {
        let record = record.map(|record| record.to_string());
        if record.is_none() {
            // Nothing to take back from gateways that were never told.
            let sql = "SELECT count(*) FROM feed_records WHERE kind = $1 AND id = $2";
            if self.count(Query::new(sql).bind(kind.as_str()).bind(id)).await? == 0 {
                return Ok(());
            }
        }
        let number = self.next_number().await?;
        let now = self.writer.as_ref().map_or(0, |writer| writer.now.as_millis());
        let sql = "INSERT INTO feed_records (kind, id, number, bucket, api_id, application_id, record, changed_at) \
                   VALUES ($1, $2, $3, $4, $5, $6, $7, $8) ON CONFLICT (kind, id) DO UPDATE \
                   SET number = excluded.number, record = excluded.record, changed_at = excluded.changed_at";
        let query = Query::new(sql).bind(kind.as_str()).bind(id).bind(number).bind(bucket);
        self.execute(query.bind(api_id).bind(application_id).bind(record).bind(now)).await.map(drop)
    }

    /// The number of this transaction's revision: one for all that it changes.
    async fn next_number(&mut self) -> Result<u64> {
        if let Some(number) = self.number {
            return Ok(number);
        }
        let query = Query::new("UPDATE feed_state SET number = number + 1 RETURNING number");
        let number = self.fetch_one(query).await?.number(0)?;
        self.number = Some(number);
        Ok(number)
    }
}
