//! What identity providers said, remembered for the whole proxy.
//!
//! The proxy's shared data can neither delete nor expire, so everything lies in a fixed number of buckets, and memory
//! has a ceiling by construction, in octets:
//!
//! ```text
//! sharedEntries / 4  * (1,280 + 1 + node)        active answers
//! sharedEntries / 32 * (8 * 60 + 1 + node)       inactive answers
//! 8                  * (65,536 + 60 + 1 + node)  active answers longer than 1 KiB
//! ```
//!
//! A node is what the proxy spends on a key and its place in a map, some 200. With the default of 16,384 entries that is
//! 6.9 MB, when every bucket is full. Decisions are never kept, only answers.

mod bucket;
mod region;

use std::cell::RefCell;
use std::rc::Rc;
use std::time::Duration;

use sha2::{Digest, Sha256};

use crate::UnixTime;
use crate::hash_table::HashTable;
use crate::introspection::Answer;
use bucket::ENTRY_OVERHEAD;
use region::{Entry, Geometry, Region};

/// The proxy's shared data: values by key, with a version for compare-and-swap.
///
/// Whoever implements it must not call back into the gateway.
pub trait SharedData {
    /// The value under a key, with its version.
    fn get(&self, key: &str) -> Option<SharedValue>;

    /// Sets the value if its version is still `version`; `None` sets it whatever there is.
    ///
    /// # Errors
    /// [`NotSet`] when the version has changed, or the proxy refuses.
    fn set(&self, key: &str, value: &[u8], version: Option<u32>) -> Result<(), NotSet>;
}

/// A value in the proxy's shared data.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SharedValue {
    /// The value.
    pub bytes: Vec<u8>,
    /// Its version.
    pub version: u32,
}

impl SharedValue {
    /// A version that no value has: what is set under it is set only where there is no value yet. (Envoy checks the
    /// version of values that are there alone, and its versions count up from 1.)
    pub const ABSENT: u32 = u32::MAX;
}

/// A value that was not set.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the shared value was not set")]
pub struct NotSet;

/// What an answer is remembered under, and what makes two requests wait for one call: SHA-256 of the identity
/// provider's fingerprint and the token. The token itself is kept nowhere.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct AnswerKey([u8; 32]);

/// What tells the answers of one identity provider, as it is configured, from all others: a digest, filled up with zeros
/// to a whole block of SHA-256. So the block is hashed once for all tokens.
#[derive(Clone)]
pub struct Fingerprint {
    digest: [u8; 32],
    hashed: Sha256,
}

impl Fingerprint {
    /// The fingerprint of this digest.
    pub fn new(digest: [u8; 32]) -> Self {
        let mut block = [0; 64];
        for (octet, digested) in block.iter_mut().zip(digest) {
            *octet = digested;
        }
        Self { digest, hashed: Sha256::new_with_prefix(block) }
    }
}

impl std::fmt::Debug for Fingerprint {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_tuple("Fingerprint").field(&self.digest).finish()
    }
}

impl PartialEq for Fingerprint {
    fn eq(&self, other: &Self) -> bool {
        self.digest == other.digest
    }
}

impl Eq for Fingerprint {}

impl AnswerKey {
    /// The key of a token at the identity provider with this fingerprint.
    #[inline]
    pub fn new(fingerprint: &Fingerprint, token: &str) -> Self {
        Self(fingerprint.hashed.clone().chain_update(token).finalize().into())
    }

    /// One of so many slots.
    #[inline]
    pub(crate) fn slot(&self, slots: u16) -> u16 {
        let [.., high, low] = self.0;
        u16::from_le_bytes([high, low]).checked_rem(slots).unwrap_or(0)
    }

    /// The key itself.
    #[inline]
    pub(crate) fn octets(&self) -> [u8; 32] {
        self.0
    }

    /// Eight of its octets.
    #[inline]
    pub(crate) fn low_word(&self) -> u64 {
        self.0.first_chunk().map_or(0, |octets| u64::from_le_bytes(*octets))
    }

    /// A number that differs from token to token.
    pub(crate) fn low_octet(&self) -> u8 {
        let [low, ..] = self.0;
        low
    }
}

/// Active answers in one bucket.
const WAYS: usize = 4;
/// `sharedEntries` for each bucket of active answers.
const ENTRIES_PER_BUCKET: u32 = 4;
/// Longest record that lies among the others; longer ones have buckets of their own.
const RECORD_LIMIT: usize = 1024;
/// Octets of the active answers in one bucket, all together: four records of 260 octets, or one of the longest and a short
/// one. With it and two workers' backend JWTs, what is remembered stays below 16 MB at the default sizes.
const BUCKET_LIMIT: usize = 1280;
/// Buckets for long records.
pub const LARGE_BUCKETS: u32 = 8;
const LARGE_RECORD_LIMIT: usize = 64 * 1024;
/// Inactive answers in one bucket; they are short.
const INACTIVE_WAYS: usize = 8;
/// `sharedEntries` for each bucket of inactive answers, of which there are a quarter as many.
const ENTRIES_PER_INACTIVE_BUCKET: u32 = 32;
/// How many removals that did not get through are held before everything older is distrusted.
const TOMBSTONES: usize = 256;

/// The answers of all identity providers.
#[derive(Debug)]
pub struct AnswerCache {
    active: Region,
    large: Region,
    inactive: Region,
    removed: RefCell<Removed>,
}

/// Active answers that this worker knows to be dead but could not remove from the shared data.
#[derive(Debug)]
struct Removed {
    /// When the question was sent whose answer was "inactive".
    tombstones: HashTable<AnswerKey, UnixTime>,
    /// Active answers asked for before this are not believed.
    distrusted_before: UnixTime,
}

/// What is remembered of a token.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Lookup {
    /// A fresh answer.
    Hit(Answer),
    /// Nothing that can be used.
    Miss,
}

impl AnswerCache {
    /// A cache of so many active answers, a power of two; fewer when they are long; the inactive ones have a quarter of that beside
    /// them.
    pub fn new(shared_entries: u32) -> Self {
        let share = |entries: u32| shared_entries.checked_div(entries).unwrap_or(1).max(1);
        let active = Geometry {
            buckets: share(ENTRIES_PER_BUCKET),
            ways: WAYS,
            payload_limit: RECORD_LIMIT,
            bucket_limit: BUCKET_LIMIT,
        };
        let large = Geometry {
            buckets: LARGE_BUCKETS,
            ways: 1,
            payload_limit: LARGE_RECORD_LIMIT,
            bucket_limit: LARGE_RECORD_LIMIT + ENTRY_OVERHEAD,
        };
        let inactive = Geometry {
            buckets: share(ENTRIES_PER_INACTIVE_BUCKET),
            ways: INACTIVE_WAYS,
            payload_limit: 0,
            bucket_limit: INACTIVE_WAYS * ENTRY_OVERHEAD,
        };
        Self {
            active: Region::new('a', active),
            large: Region::new('l', large),
            inactive: Region::new('i', inactive),
            removed: RefCell::new(Removed {
                tombstones: HashTable::default(),
                distrusted_before: UnixTime::from_millis(0),
            }),
        }
    }

    /// What is remembered of a token and still fresh.
    #[inline]
    pub fn get(&self, key: &AnswerKey, now: UnixTime, shared: &dyn SharedData) -> Lookup {
        if let Some(entry) = self.get_active(&self.active, key, now, shared) {
            return entry;
        }
        if self.inactive.get(&key.0, shared).is_some_and(|entry| now < entry.usable_until) {
            return Lookup::Hit(Answer::Inactive);
        }
        self.get_active(&self.large, key, now, shared).unwrap_or(Lookup::Miss)
    }

    /// The active answer of a token, no longer fresh, if it was so within `stale_for` before.
    pub fn get_stale(
        &self,
        key: &AnswerKey,
        stale_for: Duration,
        now: UnixTime,
        shared: &dyn SharedData,
    ) -> Option<Answer> {
        let newest = [&self.active, &self.large].into_iter().filter_map(|region| region.get(&key.0, shared));
        let entry = newest.max_by_key(|entry| entry.asked_at)?;
        let inactive = self.inactive.get(&key.0, shared);
        let believed = inactive.is_none_or(|inactive| inactive.asked_at < entry.asked_at)
            && self.removed.borrow().allows(key, entry.asked_at);
        let usable = believed && now < entry.usable_until.plus(stale_for);
        usable.then_some(Answer::Active(entry.payload))
    }

    #[inline]
    fn get_active(&self, region: &Region, key: &AnswerKey, now: UnixTime, shared: &dyn SharedData) -> Option<Lookup> {
        let entry = region.get(&key.0, shared)?;
        let usable = now < entry.usable_until && self.removed.borrow().allows(key, entry.asked_at);
        usable.then_some(Lookup::Hit(Answer::Active(entry.payload)))
    }

    /// Remembers an active answer, unless a later one is there already.
    pub fn put_active(
        &self,
        key: &AnswerKey,
        record: &[u8],
        asked_at: UnixTime,
        fresh_until: UnixTime,
        now: UnixTime,
        shared: &dyn SharedData,
    ) {
        // Also an inactive answer that is served no longer keeps an older active one out.
        let inactive = self.inactive.get(&key.0, shared);
        if inactive.is_some_and(|entry| asked_at <= entry.asked_at) {
            return;
        }
        let (home, other) =
            if record.len() <= RECORD_LIMIT { (&self.active, &self.large) } else { (&self.large, &self.active) };
        // A lost active answer costs one more call; nothing else depends on it.
        let _ = other.remove(&key.0, asked_at, shared);
        let entry = Entry { key: key.0, asked_at, usable_until: fresh_until, payload: record.into() };
        let _ = home.put(&entry, now, shared);
    }

    /// Remembers an inactive answer. The active one of the token goes first and for certain: when the shared data
    /// cannot be changed, this worker remembers not to believe it.
    pub fn put_inactive(
        &self,
        key: &AnswerKey,
        asked_at: UnixTime,
        lifetime: Duration,
        now: UnixTime,
        shared: &dyn SharedData,
    ) {
        for region in [&self.active, &self.large] {
            if region.remove(&key.0, asked_at, shared).is_err() {
                self.removed.borrow_mut().note(*key, asked_at);
            }
        }
        let entry = Entry { key: key.0, asked_at, usable_until: now.plus(lifetime), payload: Rc::default() };
        let _ = self.inactive.put(&entry, now, shared);
    }
}

impl Removed {
    #[inline]
    fn allows(&self, key: &AnswerKey, asked_at: UnixTime) -> bool {
        let outlived = self.tombstones.get(key).is_none_or(|inactive_at| asked_at > *inactive_at);
        outlived && asked_at >= self.distrusted_before
    }

    fn note(&mut self, key: AnswerKey, asked_at: UnixTime) {
        if self.tombstones.len() >= TOMBSTONES {
            let latest = self.tombstones.values().max().copied().unwrap_or(asked_at).max(asked_at);
            self.distrusted_before = latest.plus(Duration::from_millis(1));
            self.tombstones.clear();
        } else {
            self.tombstones.insert(key, asked_at);
        }
    }
}

#[cfg(test)]
pub(crate) mod tests;
