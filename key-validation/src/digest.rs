//! Short digests by which records are told apart; against malice they are none.

use std::hash::{BuildHasher, Hash};

use hashbrown::DefaultHashBuilder;

thread_local! {
    static HASHER: DefaultHashBuilder = DefaultHashBuilder::default();
}

/// A digest that is the same throughout this worker.
pub(crate) fn digest_of(parts: &impl Hash) -> u64 {
    HASHER.with(|hasher| hasher.hash_one(parts))
}
