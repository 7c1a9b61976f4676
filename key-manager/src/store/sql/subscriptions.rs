//! Subscriptions.

use async_trait::async_trait;

use super::{Query, Row, SqlTransaction, from_json, to_json};
use crate::domain::Subscription;
use crate::feed::record;
use crate::store::{Listed, Owner, StoreError, Subscriptions, Window};

type Result<T> = std::result::Result<T, StoreError>;

fn subscription(row: &Row) -> Result<Subscription> {
    let subscription: Subscription = from_json("a subscription", row.text(0)?)?;
    Ok(Subscription { row_version: row.number(1)?, ..subscription })
}

/// `?1` is the API, `?2` the application, `?3` the owner; each may be null.
const FROM: &str = "FROM subscriptions s JOIN applications a ON a.id = s.application_id \
                    WHERE ($1 IS NULL OR s.api_id = $1) AND ($2 IS NULL OR s.application_id = $2) \
                    AND ($3 IS NULL OR a.owner = $3)";

#[async_trait]
impl Subscriptions for SqlTransaction {
    async fn find_subscription(&mut self, id: &str, owner: Owner<'_>) -> Result<Option<Subscription>> {
        let sql = "SELECT s.body, s.row_version FROM subscriptions s JOIN applications a ON a.id = s.application_id \
                   WHERE s.id = $1 AND ($2 IS NULL OR a.owner = $2)";
        let row = self.fetch_optional(Query::new(sql).bind(id).bind(owner.name())).await?;
        row.as_ref().map(subscription).transpose()
    }

    async fn list_subscriptions(
        &mut self,
        api_id: Option<&str>,
        application_id: Option<&str>,
        owner: Owner<'_>,
        window: Window,
    ) -> Result<Listed<Subscription>> {
        let sql = format!("SELECT s.body, s.row_version {FROM} ORDER BY s.created_at, s.id LIMIT $4 OFFSET $5");
        let query = Query::new(&sql).bind(api_id).bind(application_id).bind(owner.name());
        let rows = self.fetch_all(query.bind(window.limit).bind(window.offset)).await?;
        let sql = format!("SELECT count(*) {FROM}");
        let total = self.count(Query::new(&sql).bind(api_id).bind(application_id).bind(owner.name())).await?;
        Ok(Listed { items: rows.iter().map(subscription).collect::<Result<_>>()?, total })
    }

    async fn insert_subscription(&mut self, subscription: &Subscription) -> Result<()> {
        let sql = "INSERT INTO subscriptions (id, row_version, api_id, application_id, created_at, body) \
                   VALUES ($1, 1, $2, $3, $4, $5)";
        let query = Query::new(sql).bind(&subscription.id).bind(&subscription.api_id);
        let query = query.bind(&subscription.application_id).bind(subscription.created_at.as_millis());
        self.execute(query.bind(to_json(subscription)?)).await?;
        self.publish_subscription(subscription, Some(record::subscription(subscription))).await?;
        self.audit("create", "subscription", &subscription.id).await
    }

    async fn update_subscription(&mut self, subscription: &Subscription) -> Result<()> {
        let sql =
            "UPDATE subscriptions SET row_version = row_version + 1, body = $1 WHERE id = $2 AND row_version = $3";
        let query = Query::new(sql).bind(to_json(subscription)?).bind(&subscription.id);
        self.execute_on_one(query.bind(subscription.row_version)).await?;
        self.publish_subscription(subscription, Some(record::subscription(subscription))).await?;
        self.audit("update", "subscription", &subscription.id).await
    }

    async fn delete_subscription(&mut self, id: &str) -> Result<()> {
        let Some(subscription) = self.find_subscription(id, Owner::Anybody).await? else {
            return Err(StoreError::Changed);
        };
        self.execute_on_one(Query::new("DELETE FROM subscriptions WHERE id = $1").bind(id)).await?;
        self.publish_subscription(&subscription, None).await?;
        self.audit("delete", "subscription", id).await
    }
}
