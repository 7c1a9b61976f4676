//! The registry feed: what gateways know, as changes with a revision.

mod acknowledgements;
pub mod http;
mod page;
pub(crate) mod record;
mod shared;
mod signing_key;

pub use acknowledgements::Acknowledgements;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use sha2::{Digest, Sha256};
pub use shared::SharedPage;

/// The newest change of a record.
#[derive(Clone, Debug)]
pub struct RecordChange {
    /// The revision number of the transaction that changed it.
    pub number: u64,
    /// What it is.
    pub kind: RecordKind,
    /// Its id.
    pub id: String,
    /// Its bucket in snapshots.
    pub bucket: u16,
    /// A subscription's API.
    pub api_id: Option<String>,
    /// A subscription's application.
    pub application_id: Option<String>,
    /// The registry record, as it was written; `None` is a tombstone.
    pub record: Option<Box<RawValue>>,
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

impl RecordKind {
    /// The word in the feed.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Api => "api",
            Self::Application => "application",
            Self::Subscription => "subscription",
            Self::Revocation => "revocation",
        }
    }
}

/// How many buckets a kind's records fall into.
pub const BUCKETS: u16 = 1 << 14;

/// The bucket of a record: the first 14 bits of its id's SHA-256; a subscription's is its application's.
pub fn bucket(id: &str) -> u16 {
    let digest = Sha256::digest(id);
    digest.first_chunk().map_or(0, |octets| u16::from_be_bytes(*octets) >> 2)
}
