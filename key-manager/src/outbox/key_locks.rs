//! One exchange at a time about a client: its registration access token may be another after each.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError, Weak};

use tokio::sync::OwnedMutexGuard;

/// A lock for each key that somebody works on.
#[derive(Default)]
pub struct KeyLocks(Mutex<HashMap<String, Weak<tokio::sync::Mutex<()>>>>);

impl KeyLocks {
    /// Waits until nobody else works on the key.
    pub async fn lock(&self, key_id: &str) -> OwnedMutexGuard<()> {
        let lock = self.lock_of(key_id);
        lock.lock_owned().await
    }

    fn lock_of(&self, key_id: &str) -> Arc<tokio::sync::Mutex<()>> {
        // Nothing in here panics while it holds the lock.
        let mut locks = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        locks.retain(|_, lock| lock.strong_count() > 0);
        if let Some(lock) = locks.get(key_id).and_then(Weak::upgrade) {
            return lock;
        }
        let lock = Arc::default();
        locks.insert(key_id.to_owned(), Arc::downgrade(&lock));
        lock
    }
}
