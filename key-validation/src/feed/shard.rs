//! The buckets of the copy: in the proxy's shared data, one value for all records of a bucket.

use sha2::{Digest, Sha256};

use super::{BUCKET_BITS, BUCKETS, Refused};
use crate::cache::SharedData;

/// Families of buckets, by the letter in their keys.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Revocations,
    Apis,
    /// Applications with their subscriptions.
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
pub(crate) fn bucket_of(id: &str) -> u16 {
    let digest = Sha256::digest(id);
    digest.first_chunk().map_or(0, |high| u16::from_be_bytes(*high) >> (u16::BITS - BUCKET_BITS))
}

/// One bucket, as it was read.
#[derive(Debug)]
pub(super) struct Shard {
    key: String,
    /// Of the value that was read.
    version: Option<u32>,
    /// The value that was read.
    stored: Vec<u8>,
    /// None when what is there is no bucket: what it held cannot be told.
    entries: Option<Vec<(String, String)>>,
}

impl Shard {
    /// Reads a bucket; one that never was is empty.
    pub(super) fn load(prefix: &str, kind: Kind, bucket: u16, shared: &dyn SharedData) -> Self {
        let key = format!("{prefix}{}/{bucket}", kind.letter());
        let (version, stored) = match shared.get(&key) {
            Some(value) => (Some(value.version), value.bytes),
            None => (None, Vec::new()),
        };
        let entries = decode(&stored);
        Self { key, version, stored, entries }
    }

    /// Whether nothing was ever in it that is stored.
    pub(super) fn is_new(&self) -> bool {
        self.version.is_none()
    }

    /// Whether what it held cannot be told.
    pub(super) fn is_damaged(&self) -> bool {
        self.entries.is_none()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.all().is_empty()
    }

    fn all(&self) -> &[(String, String)] {
        self.entries.as_deref().unwrap_or_default()
    }

    /// Names and records.
    pub(super) fn entries(&self) -> impl Iterator<Item = (&str, &str)> {
        self.all().iter().map(|(name, record)| (name.as_str(), record.as_str()))
    }

    pub(super) fn get(&self, name: &str) -> Option<&str> {
        self.entries().find(|entry| entry.0 == name).map(|entry| entry.1)
    }

    /// Puts a record in the place of the one of this name.
    pub(super) fn put(&mut self, name: String, record: String) {
        let entries = self.entries.get_or_insert_default();
        match entries.iter_mut().find(|entry| entry.0 == name) {
            Some(entry) => entry.1 = record,
            None => entries.push((name, record)),
        }
    }

    pub(super) fn retain(&mut self, stays: impl Fn(&str) -> bool) {
        self.entries.get_or_insert_default().retain(|entry| stays(&entry.0));
    }

    /// Writes it back, if nobody else has since; `false` when it is as it was. A bucket exists only once it holds
    /// something.
    pub(super) fn store(&self, shared: &dyn SharedData) -> Result<bool, Refused> {
        let octets = encode(self.all());
        let has_changed = octets != self.stored;
        if has_changed {
            shared.set(&self.key, &octets, self.version).map_err(|_| Refused::NotSet)?;
        }
        Ok(has_changed)
    }
}

/// Name and record of each entry, each after its length.
fn encode(entries: &[(String, String)]) -> Vec<u8> {
    let mut octets = Vec::new();
    for (name, record) in entries {
        for text in [name, record] {
            octets.extend_from_slice(&u32::try_from(text.len()).unwrap_or(u32::MAX).to_le_bytes());
            octets.extend_from_slice(text.as_bytes());
        }
    }
    octets
}

fn decode(mut octets: &[u8]) -> Option<Vec<(String, String)>> {
    fn text(octets: &mut &[u8]) -> Option<String> {
        let (length, rest) = octets.split_first_chunk()?;
        let (text, rest) = rest.split_at_checked(usize::try_from(u32::from_le_bytes(*length)).ok()?)?;
        *octets = rest;
        Some(std::str::from_utf8(text).ok()?.to_owned())
    }
    let mut entries = Vec::new();
    while !octets.is_empty() {
        entries.push((text(&mut octets)?, text(&mut octets)?));
    }
    Some(entries)
}

/// Which buckets of a family exist, so that not all need be looked for.
pub(super) struct Held {
    key: String,
    version: Option<u32>,
    /// A bit each.
    bits: Vec<u8>,
}

impl Held {
    pub(super) fn load(prefix: &str, kind: Kind, shared: &dyn SharedData) -> Self {
        let key = format!("{prefix}{}", kind.letter());
        let (version, mut bits) = match shared.get(&key) {
            Some(value) => (Some(value.version), value.bytes),
            None => (None, Vec::new()),
        };
        bits.resize(usize::from(BUCKETS >> 3), 0);
        Self { key, version, bits }
    }

    pub(super) fn has(&self, bucket: u16) -> bool {
        self.bits.get(usize::from(bucket >> 3)).is_some_and(|octet| octet & bit(bucket) != 0)
    }

    /// Notes a bucket that is about to exist.
    pub(super) fn add(mut self, bucket: u16, shared: &dyn SharedData) -> Result<(), Refused> {
        if let Some(octet) = self.bits.get_mut(usize::from(bucket >> 3)) {
            *octet |= bit(bucket);
        }
        shared.set(&self.key, &self.bits, self.version).map_err(|_| Refused::NotSet)
    }
}

fn bit(bucket: u16) -> u8 {
    1 << (bucket & 7)
}
