//! The copy of the key manager's registry that all workers of a proxy share.
//!
//! It lies in the proxy's shared data, in buckets that exist only once something was in them, and a standing that is
//! written last. Whoever applies pages needs nothing in memory but what [`Progress`] holds, and without that begins
//! anew: what was half applied is applied once more and ends up the same.

use std::rc::Rc;

use serde_json::Value;

use super::shard::{Held, Kind, Shard, bucket_of};
use super::{Applying, Change, Family, Page, Place, Progress, Refused, Standing};
use crate::cache::SharedData;
use crate::json;

/// Version of the layout; it stands in every key.
const LAYOUT: &str = "gatehouse/v1/r";

/// The copy of one key manager's registry.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RegistryCopy {
    /// Begins every key; names the key manager, since all plugins of a proxy may share one name space.
    prefix: Rc<str>,
}

/// An application that a client belongs to, as the feed gave it.
#[derive(Clone, Debug, PartialEq)]
pub struct FoundApplication {
    /// Its id.
    pub id: String,
    /// Its record.
    pub record: Value,
    /// Its subscriptions' records, by API id.
    pub subscriptions: Vec<(String, Value)>,
}

impl RegistryCopy {
    /// The copy of the key manager with this fingerprint: a digest of where it is reached.
    pub fn new(fingerprint: &[u8; 32]) -> Self {
        let short = fingerprint.first_chunk().map_or(0, |octets| u128::from_be_bytes(*octets));
        Self { prefix: format!("{LAYOUT}/{short:032x}/").into() }
    }

    /// How far it is; as if there were none when it cannot be read.
    pub fn standing(&self, shared: &dyn SharedData) -> Standing {
        self.load_standing(shared).0
    }

    pub(super) fn load_standing(&self, shared: &dyn SharedData) -> (Standing, Option<u32>) {
        let Some(value) = shared.get(&self.standing_key()) else { return (Standing::default(), None) };
        (Standing::decode(&value.bytes).unwrap_or_default(), Some(value.version))
    }

    pub(super) fn store_standing(
        &self,
        standing: &Standing,
        version: Option<u32>,
        shared: &dyn SharedData,
    ) -> Result<(), Refused> {
        shared.set(&self.standing_key(), standing.encode().as_bytes(), version).map_err(|_| Refused::NotSet)
    }

    /// Has a snapshot asked for, whatever was applied. The copy serves until then.
    pub(super) fn distrust(&self, shared: &dyn SharedData) {
        let (standing, version) = self.load_standing(shared);
        // When it cannot be changed, somebody else has, and the next one to lose the lease in the midst will again.
        let _ = self.store_standing(&standing.incomplete(), version, shared);
    }

    /// The slot of the lease under which it is written.
    pub(crate) fn lease_slot(&self) -> String {
        format!("{}lease", self.prefix)
    }

    fn standing_key(&self) -> String {
        format!("{}standing", self.prefix)
    }

    /// The application that a client of an identity provider belongs to.
    pub fn application(&self, provider: &str, client_id: &str, shared: &dyn SharedData) -> Option<FoundApplication> {
        let client = client_name(provider, client_id);
        let id = self.shard(Kind::Clients, bucket_of(&client), shared).get(&client)?.to_owned();
        let bucket = self.shard(Kind::Applications, bucket_of(&id), shared);
        let record = parsed(bucket.get(&id)?)?;
        // The index may still tell of a key that the application has lost.
        if !clients_of(&record).any(|found| found == client) {
            return None;
        }
        let subscription = |(name, record)| Some((subscribed_api(name, &id)?.to_owned(), parsed(record)?));
        let subscriptions = bucket.entries().filter_map(subscription).collect();
        Some(FoundApplication { id, record, subscriptions })
    }

    /// The records of a bucket of APIs or of revocation cut-offs, by id. What cannot be read is there as `null`, so that it
    /// denies; so is a bucket that cannot, in one record without an id.
    pub fn records(&self, family: Family, bucket: u16, shared: &dyn SharedData) -> Vec<(String, Value)> {
        let bucket = self.shard(family.into(), bucket, shared);
        let mut records: Vec<_> =
            bucket.entries().map(|(id, record)| (id.to_owned(), parsed(record).unwrap_or_default())).collect();
        if bucket.is_damaged() {
            records.push((String::new(), Value::Null));
        }
        records
    }

    /// The buckets of APIs or of revocation cut-offs that hold something, or did.
    pub(super) fn held(&self, family: Family, shared: &dyn SharedData) -> Held {
        Held::load(&self.prefix, family.into(), shared)
    }

    fn shard(&self, kind: Kind, bucket: u16, shared: &dyn SharedData) -> Shard {
        Shard::load(&self.prefix, kind, bucket, shared)
    }

    /// Looks at what a page would do, before anything of it is done. `progress` is what the page before ended with,
    /// none for a first page; `snapshot` is how far one is in whose midst it comes.
    ///
    /// # Errors
    /// [`Refused`]; the copy is as it was.
    pub fn begin(
        &self,
        page: Page,
        progress: Option<Progress>,
        snapshot: Option<&Progress>,
        shared: &dyn SharedData,
    ) -> Result<Applying, Refused> {
        let (standing, version) = self.load_standing(shared);
        let progress = match (progress, snapshot) {
            (Some(progress), _) => progress.continued_by(&page)?,
            (None, Some(snapshot)) => snapshot.interrupted_by(&page)?,
            (None, None) => Progress::begun_by(&page, &standing)?,
        };
        let following = page.snapshot.and_then(super::Coverage::following);
        if page.snapshot.is_some() && following.is_some() != page.next.is_some() {
            return Err(Refused::OutOfSequence);
        }
        if page.snapshot.is_some() && standing.revision().is_some() {
            self.store_standing(&standing.incomplete(), version, shared)?;
        }
        Ok(Applying::new(page, following, progress, snapshot.is_some()))
    }

    /// Makes these changes in one bucket, which is empty before when it is replaced; `false` when it is as it was.
    pub(super) fn change_bucket(
        &self,
        (family, number): (Family, u16),
        changes: impl Iterator<Item = Change>,
        replace: bool,
        shared: &dyn SharedData,
    ) -> Result<bool, Refused> {
        let mut bucket = self.shard(family.into(), number, shared);
        if bucket.is_damaged() && !replace {
            self.distrust(shared);
            return Err(Refused::NotSet);
        }
        let before = owners(family, &bucket);
        if replace {
            bucket.retain(|_| false);
        }
        changes.for_each(|change| change.make(&mut bucket));
        let after = owners(family, &bucket);
        // Clients lead to their application before it has them, and away from it only after it has lost them: whatever
        // is interrupted comes out right when it is done once more.
        for (client, application) in after.iter().filter(|owner| !before.contains(owner)) {
            let mut clients = self.shard(Kind::Clients, bucket_of(client), shared);
            clients.put(client.clone(), application.clone());
            clients.store(shared)?;
        }
        if family != Family::Application && bucket.is_new() && !bucket.is_empty() {
            self.held(family, shared).add(number, shared)?;
        }
        let has_changed = bucket.store(shared)?;
        for (client, application) in before.iter().filter(|(client, _)| !after.iter().any(|other| other.0 == *client)) {
            let mut clients = self.shard(Kind::Clients, bucket_of(client), shared);
            if clients.get(client) == Some(application) {
                clients.retain(|name| name != client);
                clients.store(shared)?;
            }
        }
        Ok(has_changed)
    }
}

impl From<Family> for Kind {
    fn from(family: Family) -> Self {
        match family {
            Family::Revocation => Self::Revocations,
            Family::Api => Self::Apis,
            Family::Application => Self::Applications,
        }
    }
}

impl Change {
    /// Makes it in its bucket.
    fn make(self, bucket: &mut Shard) {
        let record = self.record.map(|record| record.to_string());
        match (self.place, record) {
            (Place::Api(id) | Place::Revocation(id) | Place::Application(id), Some(record)) => bucket.put(id, record),
            (Place::Api(id) | Place::Revocation(id), None) => bucket.retain(|name| name != id),
            (Place::Application(id), None) => {
                bucket.retain(|name| name != id && subscribed_api(name, &id).is_none());
            }
            // It may come before its application.
            (Place::Subscription { application_id, api_id }, record) => {
                let name = format!("{application_id}{SEPARATOR}{api_id}");
                match record {
                    Some(record) => bucket.put(name, record),
                    None => bucket.retain(|other| other != name),
                }
            }
        }
    }
}

/// Stands in no id, and in no name of an identity provider.
pub(super) const SEPARATOR: char = '\0';

/// The API of a subscription in the bucket of its application, by the entry's name.
fn subscribed_api<'n>(name: &'n str, application_id: &str) -> Option<&'n str> {
    name.strip_prefix(application_id)?.strip_prefix(SEPARATOR)
}

/// The clients that lead to the applications in a bucket.
fn owners(family: Family, bucket: &Shard) -> Vec<(String, String)> {
    let mut owners = Vec::new();
    if family == Family::Application {
        for (id, record) in bucket.entries().filter(|(name, _)| !name.contains(SEPARATOR)) {
            let record = parsed(record).unwrap_or_default();
            owners.extend(clients_of(&record).map(|client| (client, id.to_owned())));
        }
    }
    owners
}

fn clients_of(application: &Value) -> impl Iterator<Item = String> {
    let keys = application.get("keys").and_then(Value::as_array).into_iter().flatten();
    keys.filter_map(|key| Some(client_name(key.get("identityProvider")?.as_str()?, key.get("clientId")?.as_str()?)))
}

fn client_name(provider: &str, client_id: &str) -> String {
    format!("{provider}{SEPARATOR}{client_id}")
}

fn parsed(record: &str) -> Option<Value> {
    json::parse(record).ok()
}
