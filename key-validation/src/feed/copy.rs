//! The copy of the key manager's registry that all workers of a proxy share.
//!
//! It lies in the proxy's shared data, in buckets that exist only once something was in them, and a standing that is
//! written last. Whoever applies pages needs nothing in memory but what [`Progress`] holds, and without that begins
//! anew: what was half applied is applied once more and ends up the same.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use super::shard::{Kind, Shard, bucket};
use super::{Applying, Change, Family, Page, Place, Progress, Refused, Standing};
use crate::cache::SharedData;

/// Version of the layout; it stands in every key.
const LAYOUT: &str = "gatehouse/v1/r";

/// The copy of one key manager's registry.
#[derive(Debug)]
pub struct RegistryCopy {
    /// Begins every key; names the key manager, since all plugins of a proxy may share one name space.
    prefix: String,
}

/// An application that a client belongs to, as the feed gave it.
#[derive(Clone, Debug, PartialEq)]
pub struct FoundApplication {
    /// Its id.
    pub id: String,
    /// Its record.
    pub record: Value,
    /// Its subscriptions' records, by API id.
    pub subscriptions: Map<String, Value>,
}

impl RegistryCopy {
    /// The copy of the key manager with this fingerprint: a digest of where it is reached.
    pub fn new(fingerprint: &[u8; 32]) -> Self {
        let short = fingerprint.first_chunk().map_or(0, |octets| u128::from_be_bytes(*octets));
        Self { prefix: format!("{LAYOUT}/{short:032x}/") }
    }

    /// How far it is; as if there were none when it cannot be read.
    pub fn standing(&self, shared: &dyn SharedData) -> Standing {
        self.load_standing(shared).0
    }

    pub(super) fn load_standing(&self, shared: &dyn SharedData) -> (Standing, Option<u32>) {
        let Some(value) = shared.get(&self.standing_key()) else { return (Standing::default(), None) };
        (serde_json::from_slice(&value.bytes).unwrap_or_default(), Some(value.version))
    }

    pub(super) fn store_standing(
        &self,
        standing: &Standing,
        version: Option<u32>,
        shared: &dyn SharedData,
    ) -> Result<(), Refused> {
        let bytes = serde_json::to_vec(standing).map_err(|_| Refused::NotSet)?;
        shared.set(&self.standing_key(), &bytes, version).map_err(|_| Refused::NotSet)
    }

    fn standing_key(&self) -> String {
        format!("{}standing", self.prefix)
    }

    /// The application that a client of an identity provider belongs to.
    pub fn application(&self, provider: &str, client_id: &str, shared: &dyn SharedData) -> Option<FoundApplication> {
        let client = client_name(provider, client_id);
        let clients = self.shard(Kind::Clients, bucket(client.as_bytes()), shared);
        let id = clients.records.get(&client)?.as_str()?.to_owned();
        let mut applications = self.shard(Kind::Applications, bucket(id.as_bytes()), shared);
        let mut entry = applications.records.remove(&id)?;
        let record = entry.get_mut("record").map(Value::take)?;
        // The index may still tell of a key that the application has lost.
        if !clients_of(&record).any(|found| found == client) {
            return None;
        }
        let subscriptions = entry.get_mut("subscriptions").map(Value::take);
        let subscriptions = if let Some(Value::Object(records)) = subscriptions { records } else { Map::new() };
        Some(FoundApplication { id, record, subscriptions })
    }

    /// The records of a bucket of APIs or of revocation cut-offs, by id.
    pub fn records(&self, family: Family, bucket: u16, shared: &dyn SharedData) -> Map<String, Value> {
        self.shard(family.into(), bucket, shared).records
    }

    fn shard(&self, kind: Kind, bucket: u16, shared: &dyn SharedData) -> Shard {
        Shard::load(&self.prefix, kind, bucket, shared)
    }

    /// Looks at what a page would do, before anything of it is done. `progress` is what the page before ended with,
    /// none for a first page.
    ///
    /// # Errors
    /// [`Refused`]; the copy is as it was.
    pub fn begin(&self, page: Page, progress: Option<Progress>, shared: &dyn SharedData) -> Result<Applying, Refused> {
        let (standing, version) = self.load_standing(shared);
        let progress = match progress {
            Some(progress) => progress.continued_by(&page)?,
            None => Progress::begun_by(&page, &standing)?,
        };
        let following = page.snapshot.and_then(super::Coverage::following);
        if page.snapshot.is_some() && following.is_some() != page.next.is_some() {
            return Err(Refused::OutOfSequence);
        }
        if page.snapshot.is_some() && standing.revision().is_some() {
            self.store_standing(&standing.incomplete(), version, shared)?;
        }
        Ok(Applying::new(page, following, progress))
    }

    /// Makes these changes in one bucket, which is empty before when it is replaced.
    pub(super) fn change_bucket(
        &self,
        (family, number): (Family, u16),
        changes: impl Iterator<Item = Change>,
        replace: bool,
        shared: &dyn SharedData,
    ) -> Result<(), Refused> {
        let mut held = self.shard(family.into(), number, shared);
        let before = owners(family, &held.records);
        if replace {
            held.records.clear();
        }
        changes.for_each(|change| change.make(&mut held.records));
        let after = owners(family, &held.records);
        // Clients lead to their application before it has them, and away from it only after it has lost them: whatever
        // is interrupted comes out right when it is done once more.
        for (client, application) in after.iter().filter(|(client, owner)| before.get(*client) != Some(*owner)) {
            let mut clients = self.shard(Kind::Clients, bucket(client.as_bytes()), shared);
            clients.records.insert(client.clone(), application.clone().into());
            clients.store(shared)?;
        }
        held.store(shared)?;
        for (client, application) in before.iter().filter(|(client, _)| !after.contains_key(*client)) {
            let mut clients = self.shard(Kind::Clients, bucket(client.as_bytes()), shared);
            if clients.records.get(client).and_then(Value::as_str) == Some(application) {
                clients.records.remove(client);
                clients.store(shared)?;
            }
        }
        Ok(())
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
    /// Makes it in the records of its bucket.
    fn make(self, records: &mut Map<String, Value>) {
        match (self.place, self.record) {
            (Place::Api(id) | Place::Revocation(id), Some(record)) => {
                records.insert(id, record);
            }
            (Place::Api(id) | Place::Revocation(id) | Place::Application(id), None) => {
                records.remove(&id);
            }
            (Place::Application(id), Some(record)) => {
                let entry = records.entry(id).or_insert_with(|| json!({"subscriptions": {}}));
                if let Value::Object(members) = entry {
                    members.insert("record".to_owned(), record);
                }
            }
            (Place::Subscription { application_id, api_id }, record) => {
                subscribe(records, application_id, api_id, record);
            }
        }
    }
}

/// A subscription may come before its application; an entry without either is none.
fn subscribe(records: &mut Map<String, Value>, application_id: String, api_id: String, record: Option<Value>) {
    let Some(record) = record else {
        let entry = records.get_mut(&application_id);
        let Some(subscriptions) = entry.and_then(|entry| entry.get_mut("subscriptions")?.as_object_mut()) else {
            return;
        };
        subscriptions.remove(&api_id);
        let is_last = subscriptions.is_empty();
        if is_last && records.get(&application_id).is_some_and(|entry| entry.get("record").is_none()) {
            records.remove(&application_id);
        }
        return;
    };
    let entry = records.entry(application_id).or_insert_with(|| json!({"subscriptions": {}}));
    if let Some(Value::Object(subscriptions)) = entry.get_mut("subscriptions") {
        subscriptions.insert(api_id, record);
    }
}

/// The applications that the clients in a bucket belong to.
fn owners(family: Family, records: &Map<String, Value>) -> BTreeMap<String, String> {
    if family != Family::Application {
        return BTreeMap::new();
    }
    let entries = records.iter().filter_map(|(id, entry)| Some((id, entry.get("record")?)));
    entries.flat_map(|(id, record)| clients_of(record).map(move |client| (client, id.clone()))).collect()
}

fn clients_of(application: &Value) -> impl Iterator<Item = String> {
    let keys = application.get("keys").and_then(Value::as_array).into_iter().flatten();
    keys.filter_map(|key| Some(client_name(key.get("identityProvider")?.as_str()?, key.get("clientId")?.as_str()?)))
}

/// The names of identity providers have no NUL.
fn client_name(provider: &str, client_id: &str) -> String {
    format!("{provider}\0{client_id}")
}
