//! The proxy's shared data, in memory.

use std::cell::RefCell;
use std::collections::HashMap;

use key_validation::cache::{NotSet, SharedData, SharedValue};

/// Shared data of one proxy; several gateways over one of these are its workers.
#[derive(Default)]
pub struct SharedValues(RefCell<HashMap<String, SharedValue>>);

impl SharedData for SharedValues {
    fn get(&self, key: &str) -> Option<SharedValue> {
        self.0.borrow().get(key).cloned()
    }

    fn set(&self, key: &str, value: &[u8], version: Option<u32>) -> Result<(), NotSet> {
        let mut values = self.0.borrow_mut();
        let current = values.get(key).map(|value| value.version);
        // As Envoy has it: a version for an absent key is no reason to refuse.
        if version.is_some() && current.is_some() && version != current {
            return Err(NotSet);
        }
        let version = current.unwrap_or(0).wrapping_add(1);
        values.insert(key.to_owned(), SharedValue { bytes: value.to_vec(), version });
        Ok(())
    }
}
