//! The buckets of the copy: JSON objects in the proxy's shared data, one for all records of a bucket.

use serde_json::{Map, Value};
use sha2::{Digest, Sha256};

use super::{BUCKET_BITS, Refused};
use crate::cache::SharedData;

/// Families of buckets, by the letter in their keys.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Revocations,
    Apis,
    Applications,
    /// Which application a client at an identity provider belongs to.
    Clients,
}

impl Kind {
    fn letter(self) -> char {
        match self {
            Self::Revocations => 'r',
            Self::Apis => 'a',
            Self::Applications => 'p',
            Self::Clients => 'c',
        }
    }
}

/// The bucket of an id.
pub(super) fn bucket(id: &[u8]) -> u16 {
    let digest = Sha256::digest(id);
    digest.first_chunk().map_or(0, |high| u16::from_be_bytes(*high) >> (u16::BITS - BUCKET_BITS))
}

/// One bucket, as it was read.
#[derive(Debug)]
pub(super) struct Shard {
    key: String,
    /// Of the value that was read.
    version: Option<u32>,
    pub(super) records: Map<String, Value>,
}

impl Shard {
    /// Reads a bucket; what is there and no bucket reads as an empty one.
    pub(super) fn load(prefix: &str, kind: Kind, bucket: u16, shared: &dyn SharedData) -> Self {
        let key = format!("{prefix}{}/{bucket}", kind.letter());
        let value = shared.get(&key);
        let records = value.as_ref().and_then(|value| serde_json::from_slice(&value.bytes).ok()).unwrap_or_default();
        Self { key, version: value.map(|value| value.version), records }
    }

    /// Writes it back, if nobody else has since. A bucket exists only once it holds something.
    pub(super) fn store(&self, shared: &dyn SharedData) -> Result<(), Refused> {
        if self.version.is_none() && self.records.is_empty() {
            return Ok(());
        }
        let bytes = serde_json::to_vec(&self.records).map_err(|_| Refused::NotSet)?;
        shared.set(&self.key, &bytes, self.version).map_err(|_| Refused::NotSet)
    }
}
