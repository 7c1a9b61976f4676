//! Locks by name: whoever works on a thing at an identity provider is alone with it.

use std::any::Any;
use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError, Weak};

use tokio::sync::OwnedMutexGuard;

/// Held until it is dropped, or its process ends.
pub struct Lock {
    // Fields are dropped in their order: whoever waits in this process finds the database's lock free.
    _in_database: Option<Box<dyn Any + Send>>,
    _in_process: OwnedMutexGuard<()>,
}

/// The locks of this process.
#[derive(Default)]
pub(super) struct Locks(Mutex<HashMap<String, Weak<tokio::sync::Mutex<()>>>>);

impl Locks {
    /// Waits until nobody else in this process has the lock.
    pub(super) async fn lock(&self, name: &str) -> Lock {
        let lock = self.lock_of(name);
        Lock { _in_database: None, _in_process: lock.lock_owned().await }
    }

    fn lock_of(&self, name: &str) -> Arc<tokio::sync::Mutex<()>> {
        // Nothing in here panics while it holds the lock.
        let mut locks = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        locks.retain(|_, lock| lock.strong_count() > 0);
        if let Some(lock) = locks.get(name).and_then(Weak::upgrade) {
            return lock;
        }
        let lock = Arc::default();
        locks.insert(name.to_owned(), Arc::downgrade(&lock));
        lock
    }
}

impl Lock {
    /// With what keeps other processes away.
    pub(super) fn with(self, in_database: impl Any + Send) -> Self {
        Self { _in_database: Some(Box::new(in_database)), ..self }
    }
}
