//! Connectors to the identity providers in the store, one for each, for as long as its settings stay as they are: they
//! remember metadata and sessions.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use serde_json::{Value, json};

use crate::connector::{self, ConnectorSettings, ConnectorTypes, KeyManager, Properties, SettingsError};
use crate::domain::{IdentityProvider, RowVersion};

/// Connectors to the identity providers in the store.
pub struct Connections {
    types: ConnectorTypes,
    open: Mutex<HashMap<String, Open>>,
}

/// A connector, and the state of the settings that it has.
type Open = (RowVersion, Arc<dyn KeyManager>);

impl Connections {
    /// With the types of connectors that there are.
    pub fn new(types: ConnectorTypes) -> Self {
        Self { types, open: Mutex::default() }
    }

    /// The types.
    pub fn types(&self) -> &ConnectorTypes {
        &self.types
    }

    /// The connector to an identity provider. Nothing is sent yet.
    ///
    /// # Errors
    /// [`SettingsError`] with the setting that is missing or wrong.
    pub fn to(&self, provider: &IdentityProvider) -> Result<Arc<dyn KeyManager>, SettingsError> {
        // Nothing in here panics while it holds the lock.
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        match open.get(&provider.id) {
            Some((row_version, connector)) if *row_version == provider.row_version => Ok(Arc::clone(connector)),
            _ => {
                let connector = self.types.connect(&provider.connector, &settings(provider))?;
                open.insert(provider.id.clone(), (provider.row_version, Arc::clone(&connector)));
                Ok(connector)
            }
        }
    }
}

/// What a connector needs to know of an identity provider.
pub(crate) fn settings(provider: &IdentityProvider) -> ConnectorSettings {
    let endpoints = provider.endpoints.clone();
    let secrets = provider.secrets.iter().map(|(name, secret)| (name.clone(), json!(secret.expose())));
    let plain = provider.settings.iter().map(|(name, value)| (name.clone(), value.clone()));
    let claim = |name: &str| provider.document.get(name).and_then(Value::as_str).map(str::to_owned);
    ConnectorSettings {
        name: provider.name.clone(),
        issuer: provider.issuer.clone(),
        well_known_endpoint: endpoints.well_known_endpoint,
        endpoints: connector::Endpoints {
            registration: endpoints.client_registration_endpoint,
            token: endpoints.token_endpoint,
            introspection: endpoints.introspection_endpoint,
            revocation: endpoints.revoke_endpoint,
            userinfo: endpoints.user_info_endpoint,
            scope_management: endpoints.scope_management_endpoint,
        },
        consumer_key_claim: claim("consumerKeyClaim"),
        scopes_claim: claim("scopesClaim"),
        properties: Properties::new(plain.chain(secrets).collect()),
    }
}
