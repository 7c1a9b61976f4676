//! Short digests by which records are told apart.

use std::hash::{Hash, Hasher};

use sha2::{Digest as _, Sha256};

/// A digest of a record, the same in every worker, that nobody can make another record have: publishers and application
/// owners choose what is in theirs, and what a JWT is kept under depends on it. For when a record is read, not for requests.
#[inline(never)]
pub(crate) fn digest_of(parts: &impl Hash) -> u64 {
    let mut hasher = RecordHasher(Sha256::new());
    parts.hash(&mut hasher);
    hasher.finish()
}

/// Digests put together, or of something that is compared as well when it is found: quick, and against malice none.
#[inline]
pub(crate) fn mixed(parts: &impl Hash) -> u64 {
    let mut mixer = Mixer(0);
    parts.hash(&mut mixer);
    mixer.finish()
}

struct RecordHasher(Sha256);

impl Hasher for RecordHasher {
    fn write(&mut self, octets: &[u8]) {
        // So that parts cannot run into one another.
        self.0.update((octets.len() as u64).to_le_bytes());
        self.0.update(octets);
    }

    fn finish(&self) -> u64 {
        self.0.clone().finalize().first_chunk().map_or(0, |octets| u64::from_le_bytes(*octets))
    }
}

/// Mixes words by multiplication, as Fibonacci hashing does.
struct Mixer(u64);

/// 2 to the power of 64 by the golden ratio, odd.
const FACTOR: u64 = 0x9e37_79b9_7f4a_7c15;

impl Mixer {
    #[inline]
    fn mix(&mut self, word: u64) {
        self.0 = (self.0.rotate_left(23) ^ word).wrapping_mul(FACTOR);
    }
}

impl Hasher for Mixer {
    #[inline(never)]
    fn write(&mut self, octets: &[u8]) {
        let (words, rest) = octets.as_chunks();
        for word in words {
            self.mix(u64::from_le_bytes(*word));
        }
        let rest = rest.iter().fold(0, |word, octet| word << 8 | u64::from(*octet));
        self.mix(rest);
        self.mix(octets.len() as u64);
    }

    #[inline]
    fn write_u8(&mut self, octet: u8) {
        self.mix(u64::from(octet));
    }

    #[inline]
    fn write_u32(&mut self, word: u32) {
        self.mix(u64::from(word));
    }

    #[inline]
    fn write_u64(&mut self, word: u64) {
        self.mix(word);
    }

    #[inline]
    fn write_usize(&mut self, word: usize) {
        self.mix(word as u64);
    }

    #[inline]
    fn finish(&self) -> u64 {
        self.0 ^ (self.0 >> 32)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    #[cfg(all(target_arch = "wasm32", target_os = "unknown"))]
    use wasm_bindgen_test::wasm_bindgen_test as test;

    #[test]
    fn records_that_differ_have_other_digests_also_where_mixing_would_not_tell() {
        // What the second word has to be for both to be mixed to the same, whatever the first is.
        let undone = |first: u64| first.wrapping_mul(FACTOR).rotate_left(23) ^ 7;
        assert_eq!(mixed(&(1_u64, undone(1))), mixed(&(2_u64, undone(2))));

        assert_ne!(digest_of(&(1_u64, undone(1))), digest_of(&(2_u64, undone(2))));
        assert_ne!(digest_of(&("a", "bc")), digest_of(&("ab", "c")));
        assert_eq!(digest_of(&("a", 1)), digest_of(&("a".to_owned(), 1)));
    }

    #[test]
    fn what_differs_has_another_digest_and_what_is_the_same_has_the_same() {
        let mut digests = BTreeSet::new();
        for one in 0..100_u64 {
            for text in ["", "a", "b", "ab", "ba", "client-1", "client-2", "a client with a long name"] {
                assert_eq!(mixed(&(one, text)), mixed(&(one, text)));
                digests.insert(mixed(&(one, text)));
                digests.insert(mixed(&(text, one)));
                digests.insert(mixed(&(Some(one), text.to_owned(), [text])));
            }
        }
        assert_eq!(digests.len(), 100 * 8 * 3);
        assert_ne!(mixed(&("a", "bc")), mixed(&("ab", "c")));
    }
}
