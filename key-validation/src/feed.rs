//! The key manager's registry feed, format 1 (`docs/feed.md`): what its pages say, and the copy that they are applied to.
//!
//! Nothing here knows how pages are asked for. A page that cannot be believed is refused whole, before anything of it
//! is applied.

mod applying;
mod client;
mod copy;
mod reader;
mod shard;
mod standing;

use serde_json::{Map, Value};

use crate::json;
pub use applying::{Applied, Applying, Progress};
pub use client::{CALL_TIMEOUT, FeedClient, FeedFailure, FeedRequest};
pub use copy::{FoundApplication, RegistryCopy};
pub use reader::CopyReader;
pub(crate) use shard::bucket_of;
pub use standing::{Stale, Standing};

/// Longest page in bytes.
pub const PAGE_LIMIT: usize = 4 * 1024 * 1024;
const BUCKET_BITS: u32 = 14;
/// Buckets of each kind: the first 14 bits of the SHA-256 of an id.
pub const BUCKETS: u16 = 1 << BUCKET_BITS;
const FORMAT: u64 = 1;
/// Integers above are not the same for every reader of JSON (RFC 8259 section 6).
const HIGHEST_NUMBER: u64 = (1 << 53) - 1;

/// A state of the key manager's registry.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Revision {
    /// Changes when a database was restored; numbers of two epochs do not compare.
    pub epoch: String,
    /// Grows with every change.
    pub number: u64,
}

impl std::fmt::Display for Revision {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(formatter, "{}.{}", self.epoch, self.number)
    }
}

/// Why a page is refused, in words for the operator; they show nothing of the page.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    /// Not a page of this format.
    #[error("it is no page of format 1: {0}")]
    Garbage(&'static str),
    /// The key manager knows less than the gateway.
    #[error("its revision is older than the one that is applied")]
    OlderRevision,
    /// Changes, or a page of a snapshot, that do not continue what is applied.
    #[error("it does not continue what is applied")]
    OutOfSequence,
    /// Nothing is left, and nobody says that this is meant.
    #[error("it would empty the registry without saying that it means to")]
    UnexplainedEmptying,
    /// Another worker writes the copy, or the proxy refuses.
    #[error("the proxy's shared data could not be changed")]
    NotSet,
}

/// Kinds that snapshot pages cover, in the order in which they come.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Family {
    /// Revocation cut-offs.
    Revocation,
    /// APIs.
    Api,
    /// Applications with their subscriptions.
    Application,
}

/// What one page says.
#[derive(Clone, Debug, PartialEq)]
pub struct Page {
    /// The state that is reached after the last page.
    pub revision: Revision,
    /// What the page covers; changes cover nothing else than what they name.
    pub snapshot: Option<Coverage>,
    /// In the order in which they are applied.
    pub changes: Vec<Change>,
    /// Where the next page is; none after the last.
    pub next: Option<String>,
    /// Changes of kinds that are not known here.
    pub skipped: u64,
}

/// Buckets of a snapshot that a page says everything of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Coverage {
    /// Whose buckets.
    pub family: Family,
    /// The first one.
    pub first: u16,
    /// The last one, included.
    pub last: u16,
    /// How many records the key manager has, about.
    pub records: u64,
    /// Whether having neither APIs nor applications is meant.
    pub empty: bool,
}

/// The state of one record.
#[derive(Clone, Debug, PartialEq)]
pub struct Change {
    /// Where it lies.
    pub place: Place,
    /// The bucket of that place.
    pub bucket: u16,
    /// The record; none when it is deleted.
    pub record: Option<Value>,
}

/// Which record a change concerns.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Place {
    /// An API, by its id.
    Api(String),
    /// An application, by its id.
    Application(String),
    /// A subscription, by its pair.
    Subscription {
        /// The application's id.
        application_id: String,
        /// The API's id.
        api_id: String,
    },
    /// A revocation cut-off, by its id.
    Revocation(String),
}

impl Family {
    const ALL: [Self; 3] = [Self::Revocation, Self::Api, Self::Application];
}

impl std::fmt::Display for Place {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Api(id) => write!(formatter, "API `{id}`"),
            Self::Application(id) => write!(formatter, "application `{id}`"),
            Self::Subscription { application_id, api_id } => {
                write!(formatter, "subscription of `{application_id}` to `{api_id}`")
            }
            Self::Revocation(id) => write!(formatter, "revocation `{id}`"),
        }
    }
}

impl Place {
    /// Whose page of a snapshot it comes in.
    pub fn family(&self) -> Family {
        match self {
            Self::Api(_) => Family::Api,
            Self::Application(_) | Self::Subscription { .. } => Family::Application,
            Self::Revocation(_) => Family::Revocation,
        }
    }

    /// The bucket it lies in.
    pub fn bucket(&self) -> u16 {
        let (Self::Api(id)
        | Self::Application(id)
        | Self::Subscription { application_id: id, .. }
        | Self::Revocation(id)) = self;
        bucket_of(id)
    }
}

impl Page {
    /// Reads the body of a 200.
    ///
    /// # Errors
    /// [`Refused::Garbage`].
    pub fn parse(body: &[u8]) -> Result<Self, Refused> {
        if body.len() > PAGE_LIMIT {
            return Err(Refused::Garbage("it is too long"));
        }
        let text = std::str::from_utf8(body).map_err(|_| Refused::Garbage("it is not UTF-8"))?;
        let mut page = json::parse(text).map_err(|_| Refused::Garbage("it is not JSON, or has a member twice"))?;
        let page = page.as_object_mut().ok_or(Refused::Garbage("it is no object"))?;
        if page.get("format").and_then(Value::as_u64) != Some(FORMAT) {
            return Err(Refused::Garbage("`format` is not 1"));
        }
        let Some(Value::Array(items)) = page.get_mut("changes").map(Value::take) else {
            return Err(Refused::Garbage("`changes`"));
        };
        let total = items.len();
        let mut changes = Vec::with_capacity(total);
        for item in items {
            changes.extend(Change::read(item)?);
        }
        let read = Self {
            revision: Revision::read(page.get("revision"))?,
            snapshot: page.get("snapshot").filter(|value| !value.is_null()).map(Coverage::read).transpose()?,
            skipped: u64::try_from(total.saturating_sub(changes.len())).unwrap_or(u64::MAX),
            changes,
            next: read_cursor(page.get("next"))?,
        };
        read.check_coverage()?;
        Ok(read)
    }

    /// A page of a snapshot names nothing outside its buckets, in the order of these, and no deletion.
    fn check_coverage(&self) -> Result<(), Refused> {
        let Some(coverage) = self.snapshot else { return Ok(()) };
        let mut earliest = coverage.first;
        for Change { place, bucket, record } in &self.changes {
            let fits = place.family() == coverage.family && (earliest..=coverage.last).contains(bucket);
            if !fits || record.is_none() {
                return Err(Refused::Garbage("a snapshot page names what it does not cover"));
            }
            earliest = *bucket;
        }
        Ok(())
    }
}

impl Revision {
    fn read(value: Option<&Value>) -> Result<Self, Refused> {
        let garbage = Refused::Garbage("`revision`");
        let epoch = value.and_then(|value| value.get("epoch")?.as_str()).ok_or(garbage)?;
        let number = value.and_then(|value| value.get("number")?.as_u64()).ok_or(garbage)?;
        let epoch_octet = |octet: u8| octet.is_ascii_alphanumeric() || octet == b'-';
        let valid = (1..=64).contains(&epoch.len()) && epoch.bytes().all(epoch_octet) && number <= HIGHEST_NUMBER;
        if valid { Ok(Self { epoch: epoch.to_owned(), number }) } else { Err(garbage) }
    }
}

impl Coverage {
    fn read(value: &Value) -> Result<Self, Refused> {
        let garbage = Refused::Garbage("`snapshot`");
        let number = |name| value.get(name).and_then(Value::as_u64).ok_or(garbage);
        let bucket = |name| number(name).and_then(|bucket| u16::try_from(bucket).map_err(|_| garbage));
        let family = match value.get("kind").and_then(Value::as_str) {
            Some("revocation") => Family::Revocation,
            Some("api") => Family::Api,
            Some("application") => Family::Application,
            _ => return Err(garbage),
        };
        let (first, last) = (bucket("first")?, bucket("last")?);
        if first > last || last >= BUCKETS {
            return Err(garbage);
        }
        let empty = value.get("empty").and_then(Value::as_bool).unwrap_or_default();
        Ok(Self { family, first, last, records: number("records")?, empty })
    }

    /// What the next page begins with; none after the last.
    fn following(self) -> Option<(Family, u16)> {
        let next_family = match self.family {
            Family::Revocation => Some((Family::Api, 0)),
            Family::Api => Some((Family::Application, 0)),
            Family::Application => None,
        };
        let next = self.last.saturating_add(1);
        if next < BUCKETS { Some((self.family, next)) } else { next_family }
    }
}

impl Change {
    /// `None` for a kind that is not known.
    fn read(value: Value) -> Result<Option<Self>, Refused> {
        let garbage = Refused::Garbage("a change without kind, id, or one of record and deleted");
        let Value::Object(mut members) = value else { return Err(garbage) };
        let record = members.get_mut("record").map(Value::take).filter(|record| !record.is_null());
        let deleted = members.get("deleted").and_then(Value::as_bool).unwrap_or_default();
        if record.is_some() == deleted {
            return Err(garbage);
        }
        let id = |name| text(&members, name).ok_or(garbage);
        let place = match members.get("kind").and_then(Value::as_str).ok_or(garbage)? {
            "api" => Place::Api(id("id")?),
            "application" => Place::Application(id("id")?),
            "subscription" => Place::Subscription { application_id: id("applicationId")?, api_id: id("apiId")? },
            "revocation" => Place::Revocation(id("id")?),
            _ => return Ok(None),
        };
        Ok(Some(Self { bucket: place.bucket(), place, record }))
    }
}

/// A member that is a text, not empty, and can be part of a name in the copy.
fn text(members: &Map<String, Value>, name: &str) -> Option<String> {
    let text = members.get(name)?.as_str().filter(|text| !text.is_empty() && !text.contains(copy::SEPARATOR));
    text.map(str::to_owned)
}

fn read_cursor(value: Option<&Value>) -> Result<Option<String>, Refused> {
    let cursor_octet = |octet: u8| octet.is_ascii_alphanumeric() || b"._~-".contains(&octet);
    match value {
        None | Some(Value::Null) => Ok(None),
        Some(Value::String(cursor)) if (1..=256).contains(&cursor.len()) && cursor.bytes().all(cursor_octet) => {
            Ok(Some(cursor.clone()))
        }
        Some(_) => Err(Refused::Garbage("`next`")),
    }
}

#[cfg(test)]
pub(crate) mod tests;
