//! The registry feed: what gateways know, as changes with a revision.

use serde::{Deserialize, Serialize};
use serde_json::Value;

/// Which record a change concerns.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ChangeKey {
    /// The transaction that changed it last.
    pub number: u64,
    /// What it is.
    pub kind: RecordKind,
    /// Its id.
    pub id: String,
}

/// The newest change of a record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RecordChange {
    /// Which record.
    pub key: ChangeKey,
    /// The registry record; `None` is a tombstone.
    pub record: Option<Value>,
}

/// Kinds of registry records.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum RecordKind {
    /// An API.
    Api,
    /// An application with its keys.
    Application,
    /// A subscription.
    Subscription,
    /// A revocation cut-off.
    Revocation,
}
