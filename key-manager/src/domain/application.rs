//! Applications.

use std::collections::BTreeMap;

use key_validation::UnixTime;

use super::{Document, RowVersion};

/// An application as its developer registered it.
#[derive(Clone, Debug)]
pub struct Application {
    /// Unique id, a UUID.
    pub id: String,
    /// See [`RowVersion`].
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
    pub created_at: UnixTime,
    /// When it was last changed.
    pub updated_at: UnixTime,
}
