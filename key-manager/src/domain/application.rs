//! Applications.

use std::collections::BTreeMap;

use key_validation::UnixTime;

use serde::{Deserialize, Serialize};

use super::{Document, RowVersion};

/// An application as its developer registered it.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Application {
    /// Unique id, a UUID.
    pub id: String,
    /// See [`RowVersion`].
    #[serde(skip)]
    pub row_version: RowVersion,
    /// Name, unique among the owner's.
    pub name: String,
    /// User name of the owner; nobody else sees it.
    pub owner: String,
    /// Its tier.
    pub tier: String,
    /// Attributes for the backend JWT.
    pub attributes: BTreeMap<String, String>,
    /// The members of WSO2's schema that nothing here uses.
    pub document: Document,
    /// When it was created.
    #[serde(with = "super::millis")]
    pub created_at: UnixTime,
    /// When it was last changed.
    #[serde(with = "super::millis")]
    pub updated_at: UnixTime,
}
