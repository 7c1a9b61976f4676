//! A map for what is changed seldom: a sorted list, whose code is a fraction of a hash map's in the module.

use std::borrow::Borrow;

/// Keys and values in the order of the keys. To insert takes time by the number of entries.
#[derive(Clone, Debug)]
pub(crate) struct SortedMap<K, V>(Vec<(K, V)>);

impl<K, V> Default for SortedMap<K, V> {
    fn default() -> Self {
        Self(Vec::new())
    }
}

impl<K: Ord, V> SortedMap<K, V> {
    fn position<Q: Ord + ?Sized>(&self, key: &Q) -> Result<usize, usize>
    where
        K: Borrow<Q>,
    {
        self.0.binary_search_by(|entry| entry.0.borrow().cmp(key))
    }

    pub(crate) fn get<Q: Ord + ?Sized>(&self, key: &Q) -> Option<&V>
    where
        K: Borrow<Q>,
    {
        self.0.get(self.position(key).ok()?).map(|entry| &entry.1)
    }

    pub(crate) fn get_mut<Q: Ord + ?Sized>(&mut self, key: &Q) -> Option<&mut V>
    where
        K: Borrow<Q>,
    {
        let position = self.position(key).ok()?;
        self.0.get_mut(position).map(|entry| &mut entry.1)
    }

    /// Puts a value in the place of the one of this key, which is given back.
    pub(crate) fn insert(&mut self, key: K, value: V) -> Option<V> {
        match self.position(&key) {
            Ok(position) => self.0.get_mut(position).map(|entry| std::mem::replace(&mut entry.1, value)),
            Err(position) => {
                self.0.insert(position, (key, value));
                None
            }
        }
    }

    pub(crate) fn remove<Q: Ord + ?Sized>(&mut self, key: &Q) -> Option<V>
    where
        K: Borrow<Q>,
    {
        self.position(key).ok().map(|position| self.0.remove(position).1)
    }

    pub(crate) fn retain(&mut self, mut stays: impl FnMut(&mut V) -> bool) {
        self.0.retain_mut(|entry| stays(&mut entry.1));
    }

    pub(crate) fn values(&self) -> impl Iterator<Item = &V> {
        self.0.iter().map(|entry| &entry.1)
    }

    pub(crate) fn len(&self) -> usize {
        self.0.len()
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(crate) fn clear(&mut self) {
        self.0.clear();
    }
}

#[cfg(all(test, not(target_family = "wasm")))]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use std::collections::BTreeMap;

    proptest! {
        #[test]
        fn it_does_what_a_map_does(changes in prop::collection::vec((any::<bool>(), 0_u8..16, any::<u8>()), 0..200)) {
            let (mut map, mut expected) = (SortedMap::default(), BTreeMap::new());
            for (inserts, key, value) in changes {
                if inserts {
                    prop_assert_eq!(map.insert(key, value), expected.insert(key, value));
                } else {
                    prop_assert_eq!(map.remove(&key), expected.remove(&key));
                }
                prop_assert_eq!(map.get(&key), expected.get(&key));
                prop_assert!(map.values().eq(expected.values()));
                prop_assert_eq!((map.len(), map.is_empty()), (expected.len(), expected.is_empty()));
            }
            map.retain(|value| *value % 2 == 0);
            expected.retain(|_, value| *value % 2 == 0);
            prop_assert!(map.values().eq(expected.values()));
        }
    }
}
