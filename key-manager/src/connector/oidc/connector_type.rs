//! The type `oidc` and its settings.

use std::sync::Arc;

use async_trait::async_trait;

use super::{Oidc, ProviderMetadata};
use crate::connector::http::HttpClient;
use crate::connector::{
    ConnectorError, ConnectorSettings, ConnectorType, Discovered, KeyManager, SettingDescription, SettingKind,
    SettingsError,
};

/// The type `oidc`.
#[derive(Debug)]
pub struct OidcType {
    http: HttpClient,
}

impl OidcType {
    /// Connectors of this type send by `http`.
    pub fn new(http: HttpClient) -> Self {
        Self { http }
    }
}

#[async_trait]
impl ConnectorType for OidcType {
    fn name(&self) -> &'static str {
        "oidc"
    }

    fn display_name(&self) -> &'static str {
        "OpenID Connect, OAuth 2.0"
    }

    fn settings(&self) -> &[SettingDescription] {
        &SETTINGS
    }

    fn connect(&self, settings: &ConnectorSettings) -> Result<Arc<dyn KeyManager>, SettingsError> {
        Ok(Arc::new(Oidc::new(self.http.clone(), settings)?))
    }

    async fn discover(&self, url: &str) -> Result<Discovered, ConnectorError> {
        ProviderMetadata::discovered(&self.http, url).await
    }
}

pub(in crate::connector) const SETTINGS: [SettingDescription; 5] = [
    SettingDescription {
        name: "clientId",
        label: "Client ID",
        tooltip: "The key manager's own client, by which it introspects tokens",
        kind: SettingKind::Text,
        required: true,
        secret: false,
    },
    SettingDescription {
        name: "clientSecret",
        label: "Client secret",
        tooltip: "The secret of that client",
        kind: SettingKind::Text,
        required: true,
        secret: true,
    },
    SettingDescription {
        name: "credentialEncoding",
        label: "Encoding of credentials",
        tooltip: "`raw` for identity providers that do not decode id and secret inside Basic (RFC 6749 section 2.3.1)",
        kind: SettingKind::Choice(&["form", "raw"]),
        required: false,
        secret: false,
    },
    SettingDescription {
        name: "initialAccessToken",
        label: "Initial access token",
        tooltip: "Permits the registration of clients (RFC 7591); none where registration is open",
        kind: SettingKind::Text,
        required: false,
        secret: true,
    },
    SettingDescription {
        name: "updateIssuesSecret",
        label: "An update issues another secret",
        tooltip: "True for identity providers that do so; it is how a secret is regenerated there",
        kind: SettingKind::Flag,
        required: false,
        secret: false,
    },
];
