//! The audit log.

use key_validation::UnixTime;

/// One change: who, what, when; never a secret.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AuditEntry {
    /// Its place in the log.
    pub number: u64,
    /// When.
    pub at: UnixTime,
    /// User name, or what else acted (`outbox`, `operator`).
    pub actor: String,
    /// The request that brought it about.
    pub request_id: String,
    /// What was done: `create`, `update`, `delete`.
    pub action: String,
    /// What it was done to: `api`, `application`, `key` ...
    pub kind: String,
    /// That one's id.
    pub id: String,
}
