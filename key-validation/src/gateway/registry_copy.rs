//! How the gateway takes over what the key manager says (`docs/feed.md`).

use super::Gateway;
use crate::UnixTime;
use crate::backend_jwt::{EquippedKey, JwtMinter};
use crate::cache::SharedData;
use crate::config::{IdentityProvider, KeyManagerSettings};
use crate::cut_offs::{Arrivals, CutOff};
use crate::feed::{Change, CopyReader, Family, FeedClient, Stale};
use crate::hash_table::HashTable;
use crate::registry::{Registry, copied};

/// What this worker has taken over from the copy of the key manager's registry.
pub(super) struct Copied {
    reader: CopyReader,
    /// Until it is read whole for the first time; then it takes the place of the configuration's.
    first: Option<Registry>,
    /// By bucket.
    cut_offs: HashTable<u16, Vec<CutOff>>,
}

impl Copied {
    pub(super) fn new(settings: &KeyManagerSettings, providers: &[IdentityProvider]) -> Self {
        let copy = settings.registry_copy();
        let first = Some(Registry::copied(copy.clone(), providers));
        Self { reader: CopyReader::new(copy), first, cut_offs: HashTable::default() }
    }
}

impl Gateway {
    /// Where the registry comes from, when not from the configuration.
    pub fn key_manager(&self) -> Option<&KeyManagerSettings> {
        self.configuration.key_manager.as_ref()
    }

    /// A client of the key manager's feed.
    #[inline(never)]
    pub fn feed_client(&self) -> Option<FeedClient> {
        self.key_manager().map(FeedClient::new)
    }

    /// The number of the revision that the copy has reached.
    #[inline(never)]
    pub fn registry_number(&self, shared: &dyn SharedData) -> u64 {
        self.copied.as_ref().map_or(0, |copied| copied.borrow().reader.copy().standing(shared).number())
    }

    /// Whether the keys of backend JWTs come from the key manager.
    pub fn awaits_signing_keys(&self) -> bool {
        self.minter.as_ref().is_some_and(JwtMinter::awaits_keys)
    }

    /// Has backend JWTs signed by these keys alone.
    pub fn replace_signing_keys(&self, keys: Vec<EquippedKey>) {
        if let Some(minter) = &self.minter {
            minter.replace_keys(keys);
        }
    }

    /// Why a change cannot be understood here; its record then denies.
    #[inline(never)]
    pub fn fault(&self, change: &Change) -> Option<String> {
        copied::fault(change, &self.configuration.identity_providers).map(|fault| fault.to_string())
    }

    /// Takes over what an older gateway of this worker has read of the same copy, but for the revocations: to read ten
    /// thousand APIs takes half a second, in which the worker would do nothing else.
    #[inline(never)]
    pub fn inherit(&self, older: &Self, shared: &dyn SharedData) {
        let (Some(copied), Some(of_older)) = (&self.copied, &older.copied) else { return };
        let (mut copied, of_older) = (copied.borrow_mut(), of_older.borrow());
        // What a record means depends on these.
        let mut providers = self.configuration.identity_providers.iter().zip(&older.configuration.identity_providers);
        let is_same = of_older.reader.copy() == copied.reader.copy()
            && self.configuration.identity_providers.len() == older.configuration.identity_providers.len()
            && providers.all(|(own, other)| own.name == other.name && own.tokens == other.tokens);
        if let Some(first) = &mut copied.first
            && is_same
            && of_older.first.is_none()
        {
            first.share_apis(&older.registry.borrow());
            copied.reader = CopyReader::following(&of_older.reader, shared);
        }
    }

    /// Takes over what has changed in the copy, until `enough` says that the callback has taken long; `true` when there
    /// is more to do. `arrivals` are those of all configurations of this worker.
    #[inline(never)]
    pub fn read_copy(
        &self,
        enough: &mut dyn FnMut() -> bool,
        arrivals: &mut Arrivals,
        now: UnixTime,
        shared: &dyn SharedData,
    ) -> bool {
        let Some(copied) = &self.copied else { return false };
        let mut copied = copied.borrow_mut();
        copied.reader.look(shared);
        while let Some(stale) = copied.reader.take_stale() {
            self.take_over(&mut copied, stale, arrivals, now, shared);
            if enough() {
                return true;
            }
        }
        if copied.reader.is_ready()
            && let Some(first) = copied.first.take()
        {
            self.registry.replace(first);
            self.is_ready.set(true);
        }
        false
    }

    fn take_over(
        &self,
        copied: &mut Copied,
        stale: Stale,
        arrivals: &mut Arrivals,
        now: UnixTime,
        shared: &dyn SharedData,
    ) {
        let providers = &self.configuration.identity_providers;
        let Copied { reader, first, cut_offs } = copied;
        let mut in_use = self.registry.borrow_mut();
        let registry = first.as_mut().unwrap_or(&mut in_use);
        match stale {
            Stale::Bucket(family @ Family::Api, bucket) => {
                registry.replace_apis(bucket, &reader.copy().records(family, bucket, shared), providers);
            }
            Stale::Bucket(Family::Application, bucket) => registry.forget_applications(Some(bucket)),
            Stale::Applications => registry.forget_applications(None),
            Stale::Bucket(family @ Family::Revocation, bucket) => {
                let records = reader.copy().records(family, bucket, shared);
                let new: Vec<_> = records.iter().map(|(_, record)| copied::cut_off(record, providers)).collect();
                let old = cut_offs.insert(bucket, new.clone()).unwrap_or_default();
                self.cut_offs.borrow_mut().replace(&old, new, arrivals, now);
            }
        }
    }
}
