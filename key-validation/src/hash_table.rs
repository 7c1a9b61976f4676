//! A hash table whose code is small in the module: what does not depend on the types of keys and values is there once.

use std::borrow::Borrow;
use std::hash::Hash;

use crate::digest::mixed;

/// Keys and values in no order. Whoever chooses keys that collide makes it as slow as a list, so it is for keys that no
/// request brings along.
#[derive(Clone, Debug)]
pub(crate) struct HashTable<K, V> {
    entries: Vec<(K, V)>,
    index: Index,
}

impl<K, V> Default for HashTable<K, V> {
    fn default() -> Self {
        Self { entries: Vec::new(), index: Index::default() }
    }
}

impl<K: Hash + Eq, V> HashTable<K, V> {
    #[inline]
    fn position<Q: Hash + Eq + ?Sized>(&self, key: &Q) -> Option<usize>
    where
        K: Borrow<Q>,
    {
        // Most of them are empty, and requests look into some of these: then the hash is not needed.
        if self.is_empty() {
            return None;
        }
        let hash = hash_of(key);
        let mut slot = hash;
        loop {
            let (found, position) = self.index.find(hash, slot)?;
            if self.entries.get(position)?.0.borrow() == key {
                return Some(position);
            }
            slot = found.wrapping_add(1);
        }
    }

    #[inline]
    pub(crate) fn get<Q: Hash + Eq + ?Sized>(&self, key: &Q) -> Option<&V>
    where
        K: Borrow<Q>,
    {
        self.entries.get(self.position(key)?).map(|entry| &entry.1)
    }

    pub(crate) fn get_mut<Q: Hash + Eq + ?Sized>(&mut self, key: &Q) -> Option<&mut V>
    where
        K: Borrow<Q>,
    {
        let position = self.position(key)?;
        self.entries.get_mut(position).map(|entry| &mut entry.1)
    }

    /// Puts a value in the place of the one of this key, which is given back.
    pub(crate) fn insert(&mut self, key: K, value: V) -> Option<V> {
        if let Some(present) = self.get_mut(&key) {
            return Some(std::mem::replace(present, value));
        }
        self.index.push(hash_of(&key), self.entries.len());
        self.entries.push((key, value));
        None
    }

    pub(crate) fn remove<Q: Hash + Eq + ?Sized>(&mut self, key: &Q) -> Option<V>
    where
        K: Borrow<Q>,
    {
        self.swap_remove(self.position(key)?)
    }

    /// Takes one out to make room, whichever.
    pub(crate) fn remove_any(&mut self, random: &impl Hash) {
        if let Some(position) = hash_of(random).checked_rem(self.entries.len()) {
            self.swap_remove(position);
        }
    }

    /// Takes the entry at a position out; the last one comes there.
    fn swap_remove(&mut self, position: usize) -> Option<V> {
        let (removed, last) = (self.entries.get(position)?, self.entries.last()?);
        self.index.remove(hash_of(&removed.0), position);
        self.index.move_to(position, hash_of(&last.0), self.entries.len().wrapping_sub(1));
        Some(self.entries.swap_remove(position).1)
    }

    pub(crate) fn retain(&mut self, mut stays: impl FnMut(&mut V) -> bool) {
        let before = self.entries.len();
        self.entries.retain_mut(|entry| stays(&mut entry.1));
        if self.entries.len() == before {
            return;
        }
        self.index = Index::default();
        for (position, entry) in self.entries.iter().enumerate() {
            self.index.push(hash_of(&entry.0), position);
        }
    }

    pub(crate) fn values(&self) -> impl Iterator<Item = &V> {
        self.entries.iter().map(|entry| &entry.1)
    }

    pub(crate) fn len(&self) -> usize {
        self.entries.len()
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    pub(crate) fn clear(&mut self) {
        *self = Self::default();
    }
}

#[expect(clippy::cast_possible_truncation, reason = "half of a hash is a hash")]
#[inline]
fn hash_of<Q: Hash + ?Sized>(key: &Q) -> usize {
    mixed(&key) as usize
}

/// Where entries are, by the hash of their keys: open addressing with linear probing.
#[derive(Clone, Debug, Default)]
struct Index {
    /// A power of two of them, or none; half are empty, so that every search ends.
    slots: Vec<Slot>,
    taken: usize,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Slot {
    hash: usize,
    position: usize,
}

impl Slot {
    const EMPTY: Self = Self { hash: 0, position: usize::MAX };
}

impl Index {
    fn mask(&self) -> usize {
        self.slots.len().wrapping_sub(1)
    }

    fn at(&self, slot: usize) -> Slot {
        self.slots.get(slot & self.mask()).copied().unwrap_or(Slot::EMPTY)
    }

    /// The first entry with this hash from a slot on: its slot and its position.
    fn find(&self, hash: usize, mut slot: usize) -> Option<(usize, usize)> {
        loop {
            let found = self.at(slot);
            if found == Slot::EMPTY {
                return None;
            }
            if found.hash == hash {
                return Some((slot, found.position));
            }
            slot = slot.wrapping_add(1);
        }
    }

    /// The slot of the entry at a position.
    fn slot_of(&self, hash: usize, position: usize) -> Option<usize> {
        let mut slot = hash;
        loop {
            let (found, other) = self.find(hash, slot)?;
            if other == position {
                return Some(found);
            }
            slot = found.wrapping_add(1);
        }
    }

    fn push(&mut self, hash: usize, position: usize) {
        if self.taken.saturating_mul(2) >= self.slots.len() {
            let slots = vec![Slot::EMPTY; self.slots.len().saturating_mul(2).max(4)];
            for slot in std::mem::replace(&mut self.slots, slots) {
                // An empty one lands on an empty one.
                self.place(slot);
            }
        }
        self.place(Slot { hash, position });
        self.taken = self.taken.saturating_add(1);
    }

    fn place(&mut self, new: Slot) {
        let mut slot = new.hash;
        while self.at(slot) != Slot::EMPTY {
            slot = slot.wrapping_add(1);
        }
        self.set(slot, new);
    }

    fn set(&mut self, slot: usize, new: Slot) {
        let slot = slot & self.mask();
        if let Some(slot) = self.slots.get_mut(slot) {
            *slot = new;
        }
    }

    fn move_to(&mut self, position: usize, hash: usize, old_position: usize) {
        if let Some(slot) = self.slot_of(hash, old_position) {
            self.set(slot, Slot { hash, position });
        }
    }

    fn remove(&mut self, hash: usize, position: usize) {
        let Some(mut slot) = self.slot_of(hash, position) else { return };
        self.set(slot, Slot::EMPTY);
        self.taken = self.taken.saturating_sub(1);
        // What follows may be where it is because this slot was taken.
        loop {
            slot = slot.wrapping_add(1);
            let following = self.at(slot);
            if following == Slot::EMPTY {
                return;
            }
            self.set(slot, Slot::EMPTY);
            self.place(following);
        }
    }
}

#[cfg(all(test, not(target_family = "wasm")))]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use std::collections::BTreeMap;

    /// Its hash is that of many others.
    #[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
    struct Colliding(u8);

    impl Hash for Colliding {
        fn hash<H: std::hash::Hasher>(&self, state: &mut H) {
            state.write_u8(self.0 % 8);
        }
    }

    proptest! {
        #[test]
        fn it_does_what_a_map_does(changes in prop::collection::vec((any::<bool>(), 0_u8..32, any::<u8>()), 0..300)) {
            let (mut table, mut expected) = (HashTable::default(), BTreeMap::new());
            for (inserts, key, value) in changes {
                if inserts {
                    prop_assert_eq!(table.insert(Colliding(key), value), expected.insert(Colliding(key), value));
                } else {
                    prop_assert_eq!(table.remove(&Colliding(key)), expected.remove(&Colliding(key)));
                }
                is_the_same(&mut table, &mut expected)?;
            }
            table.remove_any(&expected.len());
            expected.retain(|key, _| table.get(key).is_some());
            is_the_same(&mut table, &mut expected)?;
            table.retain(|value| *value % 2 == 0);
            expected.retain(|_, value| *value % 2 == 0);
            is_the_same(&mut table, &mut expected)?;
            table.clear();
            is_the_same(&mut table, &mut BTreeMap::new())?;
        }
    }

    fn is_the_same(
        table: &mut HashTable<Colliding, u8>,
        expected: &mut BTreeMap<Colliding, u8>,
    ) -> Result<(), TestCaseError> {
        for key in (0..32).map(Colliding) {
            prop_assert_eq!(table.get(&key), expected.get(&key));
            prop_assert_eq!(table.get_mut(&key), expected.get_mut(&key));
        }
        let mut values: Vec<_> = table.values().collect();
        let mut expected_values: Vec<_> = expected.values().collect();
        values.sort_unstable();
        expected_values.sort_unstable();
        prop_assert_eq!(values, expected_values);
        prop_assert_eq!((table.len(), table.is_empty()), (expected.len(), expected.is_empty()));
        Ok(())
    }
}
