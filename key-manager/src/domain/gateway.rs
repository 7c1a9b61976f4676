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
    /// What it refused, for a person.
    pub error: Option<String>,
}
