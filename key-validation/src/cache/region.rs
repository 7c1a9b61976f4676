//! A fixed number of buckets, each with a limit of entries and of octets.

use std::rc::Rc;

use super::{NotSet, SharedData, SharedValue, bucket};
use crate::UnixTime;

/// How often a change is tried when other workers change the same bucket.
const ATTEMPTS: usize = 16;

/// Part of the shared data, with its own geometry.
#[derive(Debug)]
pub(super) struct Region {
    /// Begins every key; names version, kind and size, so that no geometry reads another's buckets.
    prefix: String,
    geometry: Geometry,
}

/// How much a region holds.
#[derive(Clone, Copy, Debug)]
pub(super) struct Geometry {
    /// A power of two.
    pub(super) buckets: u32,
    /// Entries in one bucket.
    pub(super) ways: usize,
    /// Octets of one entry's payload.
    pub(super) payload_limit: usize,
    /// Octets of one bucket's entries, all together; at least one longest entry.
    pub(super) bucket_limit: usize,
}

/// What a bucket holds of one token.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Entry {
    pub(super) key: [u8; 32],
    /// When the question was sent.
    pub(super) asked_at: UnixTime,
    /// From when on it is not served.
    pub(super) usable_until: UnixTime,
    pub(super) payload: Rc<[u8]>,
}

impl Entry {
    /// Octets that it takes in a bucket.
    fn stored_size(&self) -> usize {
        self.payload.len().saturating_add(bucket::ENTRY_OVERHEAD)
    }
}

impl Region {
    pub(super) fn new(kind: char, geometry: Geometry) -> Self {
        Self { prefix: format!("gatehouse/v3/{kind}/{}/", geometry.buckets), geometry }
    }

    /// The entry of a token, usable or not.
    #[inline]
    pub(super) fn get(&self, key: &[u8; 32], shared: &dyn SharedData) -> Option<Entry> {
        let value = shared.get(&self.bucket(key))?;
        bucket::find(&value.bytes, key)
    }

    /// Puts an entry, unless a later one of the token is there; what is unusable gives way first, then what was asked
    /// for least recently.
    ///
    /// # Errors
    /// [`NotSet`] when the payload is too long, or other workers kept changing the bucket.
    pub(super) fn put(&self, new: &Entry, now: UnixTime, shared: &dyn SharedData) -> Result<(), NotSet> {
        if new.payload.len() > self.geometry.payload_limit {
            return Err(NotSet);
        }
        let key = new.key;
        self.update(&key, shared, |entries| {
            if entries.iter().any(|entry| entry.key == key && entry.asked_at >= new.asked_at) {
                return false;
            }
            entries.retain(|entry| entry.key != key);
            while !self.has_room(entries, new) {
                let least =
                    (0..).zip(entries.iter()).min_by_key(|(_, entry)| (now < entry.usable_until, entry.asked_at));
                let Some((position, _)) = least else { break };
                entries.swap_remove(position);
            }
            entries.push(new.clone());
            true
        })
    }

    fn has_room(&self, entries: &[Entry], new: &Entry) -> bool {
        let octets = entries.iter().fold(new.stored_size(), |sum, entry| sum.saturating_add(entry.stored_size()));
        entries.len() < self.geometry.ways && octets <= self.geometry.bucket_limit
    }

    /// Removes the entry of a token, unless it was asked for after `asked_at`.
    ///
    /// # Errors
    /// [`NotSet`] when other workers kept changing the bucket.
    pub(super) fn remove(&self, key: &[u8; 32], asked_at: UnixTime, shared: &dyn SharedData) -> Result<(), NotSet> {
        self.update(key, shared, |entries| {
            let before = entries.len();
            entries.retain(|entry| entry.key != *key || entry.asked_at > asked_at);
            entries.len() != before
        })
    }

    fn update(
        &self,
        key: &[u8; 32],
        shared: &dyn SharedData,
        change: impl Fn(&mut Vec<Entry>) -> bool,
    ) -> Result<(), NotSet> {
        let bucket = self.bucket(key);
        for _ in 0..ATTEMPTS {
            let value = shared.get(&bucket);
            let version = value.as_ref().map_or(SharedValue::ABSENT, |value| value.version);
            let mut entries = value.as_ref().map(|value| bucket::decode(&value.bytes)).unwrap_or_default();
            if !change(&mut entries) {
                return Ok(());
            }
            if shared.set(&bucket, &bucket::encode(&entries), Some(version)).is_ok() {
                return Ok(());
            }
        }
        Err(NotSet)
    }

    #[inline]
    fn bucket(&self, key: &[u8; 32]) -> String {
        let low = key.first_chunk().map_or(0, |low| u32::from_le_bytes(*low));
        // The number of buckets is a power of two.
        let number = low & self.geometry.buckets.saturating_sub(1);
        let mut bucket = String::with_capacity(self.prefix.len().saturating_add(8));
        bucket.push_str(&self.prefix);
        // Every request asks for a bucket, so its name goes without the machinery of `format!`.
        for octet in number.to_be_bytes() {
            for digit in [octet >> 4, octet & 0xf] {
                // Ten after `W` comes `a`.
                bucket.push(char::from(if digit < 10 { b'0' | digit } else { b'W'.wrapping_add(digit) }));
            }
        }
        bucket
    }
}
