//! The types of connectors that there are, by name.

use std::collections::BTreeMap;
use std::sync::Arc;

use async_trait::async_trait;

use super::glewlwyd::GlewlwydType;
use super::http::HttpClient;
use super::oidc::OidcType;
use super::{ConnectorError, ConnectorSettings, Endpoints, KeyManager, SettingDescription, SettingsError};

/// A kind of connector: the `type` of a key manager.
#[async_trait]
pub trait ConnectorType: Send + Sync {
    /// The name in the REST API, `[a-z0-9_]+`.
    fn name(&self) -> &'static str;

    /// The name for people.
    fn display_name(&self) -> &'static str;

    /// Its settings in `additionalProperties`.
    fn settings(&self) -> &[SettingDescription];

    /// A connector for one key manager. Nothing is sent yet: an identity provider that is away stops no start.
    ///
    /// # Errors
    /// [`SettingsError`] with the name of the setting that is missing or wrong.
    fn connect(&self, settings: &ConnectorSettings) -> Result<Arc<dyn KeyManager>, SettingsError>;

    /// What an identity provider publishes about itself: at an issuer, or in one of its metadata documents.
    ///
    /// # Errors
    /// [`ConnectorError`] when there is nothing to be found there.
    async fn discover(&self, url: &str) -> Result<Discovered, ConnectorError>;
}

/// What an identity provider publishes about itself, for the settings of a key manager.
#[derive(Clone, Debug)]
pub struct Discovered {
    /// `issuer`.
    pub issuer: String,
    /// The document, when it was asked for by its own address.
    pub well_known_endpoint: Option<String>,
    /// Endpoints that connectors use.
    pub endpoints: Endpoints,
    /// `authorization_endpoint`.
    pub authorization_endpoint: Option<String>,
    /// `jwks_uri`.
    pub jwks_uri: Option<String>,
    /// `grant_types_supported`.
    pub grant_types: Vec<String>,
}

/// All types of connectors of this process.
#[derive(Default)]
pub struct ConnectorTypes(BTreeMap<&'static str, Box<dyn ConnectorType>>);

impl ConnectorTypes {
    /// Those that come with the key manager, all sending by `http`.
    pub fn built_in(http: &HttpClient) -> Self {
        let mut types = Self::default();
        types.register(Box::new(GlewlwydType::new(http.clone())));
        types.register(Box::new(OidcType::new(http.clone())));
        types
    }

    /// Adds a type, in place of one of the same name.
    pub fn register(&mut self, connector_type: Box<dyn ConnectorType>) {
        self.0.insert(connector_type.name(), connector_type);
    }

    /// All of them in the order of their names.
    pub fn iter(&self) -> impl Iterator<Item = &dyn ConnectorType> {
        self.0.values().map(AsRef::as_ref)
    }

    /// One by its name.
    pub fn get(&self, name: &str) -> Option<&dyn ConnectorType> {
        self.0.get(name).map(AsRef::as_ref)
    }

    /// A connector of a type.
    ///
    /// # Errors
    /// [`SettingsError`] about `type` when there is none of this name, or about the setting that is missing or wrong.
    pub fn connect(&self, name: &str, settings: &ConnectorSettings) -> Result<Arc<dyn KeyManager>, SettingsError> {
        let names = || self.0.keys().copied().collect::<Vec<_>>().join(", ");
        let unknown = || SettingsError::of_field("type", format!("is `{name}`, expected one of {}", names()));
        self.get(name).ok_or_else(unknown)?.connect(settings)
    }
}
