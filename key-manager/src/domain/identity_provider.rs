//! Identity providers: what WSO2's REST calls key managers.

use std::collections::BTreeMap;

use key_validation::{Secret, UnixTime};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{Document, RowVersion};

/// An identity provider and how a connector speaks to it.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[expect(clippy::struct_excessive_bools, reason = "WSO2's own switches, each for itself")]
pub struct IdentityProvider {
    /// Unique id, a UUID.
    pub id: String,
    /// See [`RowVersion`].
    #[serde(skip)]
    pub row_version: RowVersion,
    /// Unique name, `[a-z0-9-]{1,63}` for those that gateways know too.
    pub name: String,
    /// Its name for people.
    pub display_name: String,
    /// What its operator wrote about it.
    pub description: String,
    /// Type name of the connector: WSO2's `type`.
    pub connector: String,
    /// Whether keys can be made there.
    pub enabled: bool,
    /// Its issuer.
    pub issuer: Option<String>,
    /// Where its endpoints are; what is not given comes from its metadata.
    pub endpoints: Endpoints,
    /// Grants that clients may ask for; those of its metadata when empty.
    pub grant_types: Vec<String>,
    /// Whether tokens can be generated in the store.
    pub enable_token_generation: bool,
    /// Whether clients can be mapped.
    pub enable_map_oauth_consumer_apps: bool,
    /// Whether clients can be created.
    pub enable_oauth_app_creation: bool,
    /// The connector's settings that are no secrets: WSO2's `additionalProperties`.
    pub settings: BTreeMap<String, Value>,
    /// The connector's settings that are, sealed at rest.
    #[serde(skip)]
    pub secrets: BTreeMap<String, Secret>,
    /// The members of WSO2's schema that nothing here uses.
    pub document: Document,
    /// When it was created.
    #[serde(with = "super::millis")]
    pub created_at: UnixTime,
    /// When it was last changed.
    #[serde(with = "super::millis")]
    pub updated_at: UnixTime,
}

/// Endpoints by WSO2's names; each overrides the metadata.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
#[expect(missing_docs, reason = "the names are WSO2's")]
pub struct Endpoints {
    pub well_known_endpoint: Option<String>,
    pub client_registration_endpoint: Option<String>,
    pub introspection_endpoint: Option<String>,
    pub token_endpoint: Option<String>,
    pub display_token_endpoint: Option<String>,
    pub revoke_endpoint: Option<String>,
    pub display_revoke_endpoint: Option<String>,
    pub user_info_endpoint: Option<String>,
    pub authorize_endpoint: Option<String>,
    pub scope_management_endpoint: Option<String>,
}
