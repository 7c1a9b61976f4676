//! The audit log.

use async_trait::async_trait;
use key_validation::UnixTime;

use super::{Query, Row, SqlTransaction};
use crate::domain::AuditEntry;
use crate::store::{Audit, Listed, StoreError, Window};

#[async_trait]
impl Audit for SqlTransaction {
    async fn list_audit_entries(&mut self, window: Window) -> Result<Listed<AuditEntry>, StoreError> {
        let sql = "SELECT number, at, actor, request_id, action, kind, id FROM audit_log \
                   ORDER BY number DESC LIMIT $1 OFFSET $2";
        let rows = self.fetch_all(Query::new(sql).bind(window.limit).bind(window.offset)).await?;
        let entry = |row: &Row| {
            Ok(AuditEntry {
                number: row.number(0)?,
                at: UnixTime::from_millis(row.number(1)?),
                actor: row.text(2)?.to_owned(),
                request_id: row.text(3)?.to_owned(),
                action: row.text(4)?.to_owned(),
                kind: row.text(5)?.to_owned(),
                id: row.text(6)?.to_owned(),
            })
        };
        let items = rows.iter().map(entry).collect::<Result<_, StoreError>>()?;
        Ok(Listed { items, total: self.count(Query::new("SELECT count(*) FROM audit_log")).await? })
    }
}
