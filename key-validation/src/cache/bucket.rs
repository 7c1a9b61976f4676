//! The octets of a bucket: a few entries, each with a checksum.

use super::region::Entry;
use crate::UnixTime;

/// Version of the format; another version reads as an empty bucket.
const VERSION: u8 = 3;

/// Octets of an entry beside its payload: checksum, key, two times and the payload's length.
pub(super) const ENTRY_OVERHEAD: usize = 8 + 32 + 8 + 8 + 4;

/// Writes a bucket.
pub(super) fn encode(entries: &[Entry]) -> Vec<u8> {
    let mut bucket = vec![VERSION];
    for entry in entries {
        let mut octets = Vec::with_capacity(entry.payload.len().saturating_add(64));
        octets.extend_from_slice(&entry.key);
        octets.extend_from_slice(&entry.asked_at.as_millis().to_le_bytes());
        octets.extend_from_slice(&entry.usable_until.as_millis().to_le_bytes());
        // A region admits no payload that would not fit.
        octets.extend_from_slice(&u32::try_from(entry.payload.len()).unwrap_or(u32::MAX).to_le_bytes());
        octets.extend_from_slice(&entry.payload);
        bucket.extend_from_slice(&checksum(&octets).to_le_bytes());
        bucket.extend_from_slice(&octets);
    }
    bucket
}

/// All entries that are whole and unchanged; none when the bucket is of another version or cannot be walked to its end.
pub(super) fn decode(bucket: &[u8]) -> Vec<Entry> {
    let mut entries = Vec::new();
    let walked = walk(bucket, |stored| {
        if stored.is_unchanged() {
            entries.push(stored.entry());
        }
    });
    if walked.is_some() { entries } else { Vec::new() }
}

/// The entry of a key, if it is among those that [`decode`] reads. Other entries are neither copied nor checked.
#[inline]
pub(super) fn find(bucket: &[u8], key: &[u8; 32]) -> Option<Entry> {
    let mut found = None;
    walk(bucket, |stored| {
        if found.is_none() && stored.key == key && stored.is_unchanged() {
            found = Some(stored);
        }
    })?;
    found.map(|stored| stored.entry())
}

/// Visits each entry; `None` when the bucket breaks off.
#[inline]
fn walk<'a>(bucket: &'a [u8], mut visit: impl FnMut(StoredEntry<'a>)) -> Option<()> {
    let mut rest = bucket.strip_prefix(&[VERSION])?;
    while !rest.is_empty() {
        let (stored, after) = StoredEntry::split_from(rest)?;
        visit(stored);
        rest = after;
    }
    Some(())
}

/// An entry where it lies in its bucket.
struct StoredEntry<'a> {
    checksum: u64,
    /// What the checksum is of.
    octets: &'a [u8],
    key: &'a [u8; 32],
    asked_at: u64,
    usable_until: u64,
    payload: &'a [u8],
}

impl<'a> StoredEntry<'a> {
    #[inline]
    fn split_from(octets: &'a [u8]) -> Option<(Self, &'a [u8])> {
        let (checksum, octets) = octets.split_first_chunk()?;
        let (key, rest) = octets.split_first_chunk()?;
        let (asked_at, rest) = rest.split_first_chunk()?;
        let (usable_until, rest) = rest.split_first_chunk()?;
        let (length, rest) = rest.split_first_chunk()?;
        let (payload, rest) = rest.split_at_checked(usize::try_from(u32::from_le_bytes(*length)).ok()?)?;
        let stored = Self {
            checksum: u64::from_le_bytes(*checksum),
            octets: octets.get(..octets.len().checked_sub(rest.len())?)?,
            key,
            asked_at: u64::from_le_bytes(*asked_at),
            usable_until: u64::from_le_bytes(*usable_until),
            payload,
        };
        Some((stored, rest))
    }

    #[inline]
    fn is_unchanged(&self) -> bool {
        checksum(self.octets) == self.checksum
    }

    #[inline]
    fn entry(&self) -> Entry {
        Entry {
            key: *self.key,
            asked_at: UnixTime::from_millis(self.asked_at),
            usable_until: UnixTime::from_millis(self.usable_until),
            payload: self.payload.into(),
        }
    }
}

/// A multiplicative hash of eight octets at a time; every step is a bijection, so a change within one word is always
/// found. It finds accidents; against malice there is only not sharing the proxy's shared data.
#[inline]
fn checksum(octets: &[u8]) -> u64 {
    const SEED: u64 = 0xcbf2_9ce4_8422_2325;
    const FACTOR: u64 = 0x9e37_79b9_7f4a_7c15;
    let step = |hash: u64, word: u64| (hash.rotate_left(29) ^ word).wrapping_mul(FACTOR);
    let (words, rest) = octets.as_chunks();
    let hash = words.iter().fold(SEED, |hash, word| step(hash, u64::from_le_bytes(*word)));
    rest.iter().fold(hash, |hash, octet| step(hash, u64::from(*octet)))
}
