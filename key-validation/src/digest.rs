//! Short digests by which records are told apart; against malice they are none.

use std::hash::{Hash, Hasher};

/// A digest that is the same in every worker.
#[inline]
pub(crate) fn digest_of(parts: &impl Hash) -> u64 {
    let mut mixer = Mixer(0);
    parts.hash(&mut mixer);
    mixer.finish()
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
        for chunk in octets.chunks(8) {
            let word = chunk.iter().fold(0, |word, octet| word << 8 | u64::from(*octet));
            self.mix(word);
        }
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
    fn what_differs_has_another_digest_and_what_is_the_same_has_the_same() {
        let mut digests = BTreeSet::new();
        for one in 0..100_u64 {
            for text in ["", "a", "b", "ab", "ba", "client-1", "client-2", "a client with a long name"] {
                assert_eq!(digest_of(&(one, text)), digest_of(&(one, text)));
                digests.insert(digest_of(&(one, text)));
                digests.insert(digest_of(&(text, one)));
                digests.insert(digest_of(&(Some(one), text.to_owned(), [text])));
            }
        }
        assert_eq!(digests.len(), 100 * 8 * 3);
        assert_ne!(digest_of(&("a", "bc")), digest_of(&("ab", "c")));
    }
}
