//! What one worker has read of the copy, and what it must read anew.

use super::{BUCKETS, Family, RegistryCopy, Stale, Standing};
use crate::cache::SharedData;

/// A worker's way through the copy.
#[derive(Debug)]
pub struct CopyReader {
    copy: RegistryCopy,
    /// The standing by which the worker has read, or is reading.
    seen: Standing,
    /// Last in, first out; what is here twice is read twice.
    stale: Vec<Stale>,
}

impl CopyReader {
    /// A reader that has read nothing.
    pub fn new(copy: RegistryCopy) -> Self {
        Self { copy, seen: Standing::default(), stale: Vec::new() }
    }

    /// A reader that has read what an older one has, but for the revocations.
    pub fn following(older: &Self, shared: &dyn SharedData) -> Self {
        let Self { copy, seen, stale } = older;
        let mut reader = Self { copy: copy.clone(), seen: seen.clone(), stale: stale.clone() };
        reader.add_held(Family::Revocation, shared);
        reader
    }

    /// The copy that it reads.
    pub fn copy(&self) -> &RegistryCopy {
        &self.copy
    }

    /// Looks how far the copy is; what has changed since is then to be read.
    pub fn look(&mut self, shared: &dyn SharedData) {
        let standing = self.copy.standing(shared);
        if standing.generation() == self.seen.generation() {
            return;
        }
        if let Some(changed) = standing.stale_since(&self.seen) {
            self.stale.extend(changed.map(|(family, bucket)| Stale::Bucket(family, bucket)));
        } else {
            // All that can be in the copy.
            self.stale = vec![Stale::Applications];
            self.add_held(Family::Revocation, shared);
            self.add_held(Family::Api, shared);
        }
        self.seen = standing;
    }

    fn add_held(&mut self, family: Family, shared: &dyn SharedData) {
        let held = self.copy.held(family, shared);
        self.stale.extend((0..BUCKETS).filter(|bucket| held.has(*bucket)).map(|bucket| Stale::Bucket(family, bucket)));
    }

    /// What is to be read next; it counts as read.
    pub fn take_stale(&mut self) -> Option<Stale> {
        self.stale.pop()
    }

    /// Whether everything is read of a copy by which decisions can be made.
    pub fn is_ready(&self) -> bool {
        self.stale.is_empty() && self.seen.is_ready()
    }
}
