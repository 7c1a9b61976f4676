//! The octets of a bucket: a few entries, each with a checksum.

use super::region::Entry;
use crate::UnixTime;

/// Version of the format; another version reads as an empty bucket.
const VERSION: u8 = 2;

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

/// Reads a bucket; whatever is not a bucket of this version, whole and unchanged, reads as an empty one.
pub(super) fn decode(bucket: &[u8]) -> Vec<Entry> {
    let Some((&VERSION, mut rest)) = bucket.split_first() else { return Vec::new() };
    let mut entries = Vec::new();
    while !rest.is_empty() {
        let Some((entry, after)) = decode_entry(rest) else { return Vec::new() };
        entries.push(entry);
        rest = after;
    }
    entries
}

fn decode_entry(octets: &[u8]) -> Option<(Entry, &[u8])> {
    let (expected, octets) = octets.split_first_chunk()?;
    let (key, rest) = octets.split_first_chunk()?;
    let (asked_at, rest) = rest.split_first_chunk()?;
    let (usable_until, rest) = rest.split_first_chunk()?;
    let (length, rest) = rest.split_first_chunk()?;
    let (payload, rest) = rest.split_at_checked(usize::try_from(u32::from_le_bytes(*length)).ok()?)?;
    let entry_octets = octets.get(..octets.len().checked_sub(rest.len())?)?;
    let time = |octets: &[u8; 8]| UnixTime::from_millis(u64::from_le_bytes(*octets));
    let entry =
        Entry { key: *key, asked_at: time(asked_at), usable_until: time(usable_until), payload: payload.to_vec() };
    (checksum(entry_octets) == u64::from_le_bytes(*expected)).then_some((entry, rest))
}

/// FNV-1a: it finds accidents; against malice there is only not sharing the proxy's shared data.
fn checksum(octets: &[u8]) -> u64 {
    const OFFSET: u64 = 0xcbf2_9ce4_8422_2325;
    const PRIME: u64 = 0x0000_0100_0000_01b3;
    octets.iter().fold(OFFSET, |hash, octet| (hash ^ u64::from(*octet)).wrapping_mul(PRIME))
}
