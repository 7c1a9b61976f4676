//! The audit log.

use async_trait::async_trait;
use key_validation::UnixTime;

use super::{SqliteTransaction, column, unsigned};
use crate::domain::AuditEntry;
use crate::store::{Audit, Listed, StoreError, Window};

#[async_trait]
impl Audit for SqliteTransaction {
    async fn list_audit_entries(&mut self, window: Window) -> Result<Listed<AuditEntry>, StoreError> {
        let sql = "SELECT number, at, actor, request_id, action, kind, id FROM audit_log \
                   ORDER BY number DESC LIMIT ? OFFSET ?";
        let rows = self.fetch_all(sqlx::query(sql).bind(window.limit).bind(window.offset)).await?;
        let entry = |row| {
            Ok(AuditEntry {
                number: unsigned(row, 0)?,
                at: UnixTime::from_millis(unsigned(row, 1)?),
                actor: column(row, 2)?,
                request_id: column(row, 3)?,
                action: column(row, 4)?,
                kind: column(row, 5)?,
                id: column(row, 6)?,
            })
        };
        let items = rows.iter().map(entry).collect::<Result<_, StoreError>>()?;
        Ok(Listed { items, total: self.count(sqlx::query("SELECT count(*) FROM audit_log")).await? })
    }
}
