//! Gateways and the registry's revision.

use key_validation::UnixTime;
use serde::{Deserialize, Serialize};

/// A state of the registry. Numbers are compared within an epoch alone.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Revision {
    /// Another one after each restore of the database.
    pub epoch: String,
    /// Counts the transactions that changed what gateways know.
    pub number: u64,
}

/// A gateway, as it last acknowledged.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Gateway {
    /// Its name.
    pub name: String,
    /// What it applied.
    pub revision: Revision,
    /// When it said so.
    #[serde(with = "super::millis")]
    pub acknowledged_at: UnixTime,
    /// When it first did.
    #[serde(with = "super::millis")]
    pub created_at: UnixTime,
    /// How many records it has refused since the worker that says so took over.
    #[serde(default)]
    pub refused_records: u64,
    /// How many pages.
    #[serde(default)]
    pub refused_pages: u64,
}

impl Gateway {
    /// How many revisions it has not applied; all of them when it is in another epoch.
    pub fn revisions_behind(&self, newest: &Revision) -> u64 {
        let applied = if self.revision.epoch == newest.epoch { self.revision.number } else { 0 };
        newest.number.saturating_sub(applied)
    }

    /// What it refused, for a person.
    pub fn refusals(&self) -> Option<String> {
        let (records, pages) = (self.refused_records, self.refused_pages);
        ((records, pages) != (0, 0)).then(|| format!("refused {records} records and {pages} pages"))
    }
}
