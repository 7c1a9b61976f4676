//! Backend JWTs that were made, kept while they can be used again.

use std::cell::RefCell;
use std::collections::VecDeque;
use std::hash::{Hash, Hasher};
use std::rc::Rc;
use std::time::Duration;

use super::{MintedJwt, MintingKey};
use crate::UnixTime;
use crate::cache::AnswerKey;
use crate::digest::mixed;
use crate::handler::Permitted;
use crate::hash_table::HashTable;
use crate::registry::Api;

/// What a backend JWT was made from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct MintKey {
    answer: AnswerKey,
    asked_at: UnixTime,
    /// Digest of all else that it can say: of the API, the application with its subscription, the settings and the key.
    sources: u64,
}

impl MintKey {
    /// The key of a JWT about a caller of an API.
    pub(crate) fn new(answer: AnswerKey, caller: &Permitted<'_>, api: &Api, key: &MintingKey) -> Self {
        let subscriber = caller
            .subscriber()
            .map(|subscriber| (subscriber.application.digest, subscriber.key_type.as_str(), subscriber.tier));
        let sources = mixed(&(key.digest, api.digest, subscriber));
        Self { answer, asked_at: caller.answer().asked_at, sources }
    }
}

// The answer's key is a digest: its octets are as good as any hash of them.
impl Hash for MintKey {
    #[inline]
    fn hash<H: Hasher>(&self, state: &mut H) {
        state.write_u64(self.answer.low_word());
    }
}

/// A worker's backend JWTs, bounded in bytes; the oldest give way.
#[derive(Debug)]
pub(crate) struct MintedJwts {
    limit: usize,
    state: RefCell<State>,
}

#[derive(Debug, Default)]
struct State {
    jwts: HashTable<MintKey, MintedJwt>,
    order: VecDeque<MintKey>,
    bytes: usize,
}

/// What a JWT costs beside its text, by the growth of a worker's memory: its places in the map and in the order, which
/// take twice as much while they are made larger, and what the allocator adds and cannot use.
const OVERHEAD: usize = 384;
/// A JWT is made anew when it has less than this, or a tenth of its life, left; a backend must have time to read it.
const LONGEST_MARGIN: Duration = Duration::from_secs(30);

impl MintedJwts {
    pub(crate) fn new(limit: usize) -> Self {
        Self { limit, state: RefCell::default() }
    }

    /// The JWT made from this, if it lives long enough; `lifetime` is that of a new one.
    #[inline]
    pub(crate) fn get(&self, key: &MintKey, lifetime: Duration, now: UnixTime) -> Option<Rc<str>> {
        let state = self.state.borrow();
        let minted = state.jwts.get(key)?;
        let margin = if minted.is_final {
            Duration::ZERO
        } else {
            LONGEST_MARGIN.min(lifetime.checked_div(10).unwrap_or_default())
        };
        (minted.expires_at > now.plus(margin)).then(|| Rc::clone(&minted.jwt))
    }

    /// Keeps a JWT.
    pub(crate) fn put(&self, key: MintKey, minted: MintedJwt) {
        let cost = |minted: &MintedJwt| minted.jwt.len().saturating_add(OVERHEAD);
        let state = &mut *self.state.borrow_mut();
        state.bytes = state.bytes.saturating_add(cost(&minted));
        match state.jwts.insert(key, minted) {
            Some(replaced) => state.bytes = state.bytes.saturating_sub(cost(&replaced)),
            None => state.order.push_back(key),
        }
        while state.bytes > self.limit {
            let Some(oldest) = state.order.pop_front() else { break };
            if let Some(evicted) = state.jwts.remove(&oldest) {
                state.bytes = state.bytes.saturating_sub(cost(&evicted));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cache::Fingerprint;
    #[cfg(all(target_arch = "wasm32", target_os = "unknown"))]
    use wasm_bindgen_test::wasm_bindgen_test as test;

    fn key(sources: u64) -> MintKey {
        MintKey {
            answer: AnswerKey::new(&Fingerprint::new([0; 32]), "t"),
            asked_at: UnixTime::from_seconds(1),
            sources,
        }
    }

    fn minted(expires_at: u64, is_final: bool) -> MintedJwt {
        MintedJwt { jwt: "x".repeat(100).into(), expires_at: UnixTime::from_seconds(expires_at), is_final }
    }

    #[test]
    fn is_used_again_until_a_new_one_would_live_notably_longer() {
        let lifetime = Duration::from_secs(100);
        for (is_final, last_use) in [(false, 89), (true, 99)] {
            let jwts = MintedJwts::new(1024);
            jwts.put(key(0), minted(100, is_final));

            assert!(jwts.get(&key(0), lifetime, UnixTime::from_seconds(last_use)).is_some(), "{is_final}");
            assert!(jwts.get(&key(0), lifetime, UnixTime::from_seconds(last_use + 1)).is_none(), "{is_final}");
        }
    }

    #[test]
    fn the_oldest_give_way_when_the_bytes_are_used_up() {
        let jwts = MintedJwts::new(2 * (100 + OVERHEAD) + 99);
        for sources in 0..3 {
            jwts.put(key(sources), minted(100, true));
            jwts.put(key(sources), minted(100, true));
        }

        let kept: Vec<bool> = (0..3)
            .map(|sources| jwts.get(&key(sources), Duration::ZERO, UnixTime::from_seconds(1)).is_some())
            .collect();
        assert_eq!(kept, [false, true, true]);
        assert_eq!(jwts.state.borrow().bytes, 2 * (100 + OVERHEAD));
    }
}
