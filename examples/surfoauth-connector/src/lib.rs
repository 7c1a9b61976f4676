//! A connector of one's own: for OpenConext's SurfOAuth, whose token endpoint is the standard's and whose introspection
//! is older than RFC 7662.
//!
//! What the dialect has in common with the standards is done by the connector for those; what it lacks is said.

mod token_info;

use std::sync::Arc;

use async_trait::async_trait;
use key_manager::connector::http::{self, HttpClient};
use key_manager::connector::oidc::Oidc;
use key_manager::connector::{
    Check, ClientCredentials, ClientMetadata, ClientReference, ConnectorError, ConnectorSettings, ConnectorType,
    Discovered, Endpoints, Introspection, IssuedToken, KeyManager, Operation, RegisteredClient, RelayEndpoint,
    RelayRequest, RelayResponse, SettingDescription, SettingKind, SettingsError, TokenRequest, TokenTypeHint,
};
use key_validation::Secret;
use reqwest::{Method, Url};

/// The type `surfoauth`.
#[derive(Debug)]
pub struct SurfOauthType {
    http: HttpClient,
}

impl SurfOauthType {
    /// Connectors of this type send by `http`.
    pub fn new(http: HttpClient) -> Self {
        Self { http }
    }
}

const SETTINGS: [SettingDescription; 3] = [
    SettingDescription {
        name: "baseUrl",
        label: "Base URL",
        tooltip: "Where SurfOAuth is, such as https://oauth.example.com",
        kind: SettingKind::Text,
        required: true,
        secret: false,
    },
    SettingDescription {
        name: "clientId",
        label: "Key",
        tooltip: "The key of the resource server that asks about tokens: it sees those of its own clients alone",
        kind: SettingKind::Text,
        required: true,
        secret: false,
    },
    SettingDescription {
        name: "clientSecret",
        label: "Secret",
        tooltip: "The secret of that resource server",
        kind: SettingKind::Text,
        required: true,
        secret: true,
    },
];

#[async_trait]
impl ConnectorType for SurfOauthType {
    fn name(&self) -> &'static str {
        "surfoauth"
    }

    fn display_name(&self) -> &'static str {
        "SurfOAuth"
    }

    fn settings(&self) -> &[SettingDescription] {
        &SETTINGS
    }

    fn connect(&self, settings: &ConnectorSettings) -> Result<Arc<dyn KeyManager>, SettingsError> {
        let properties = &settings.properties;
        let wrong = |reason| SettingsError::new("baseUrl", reason);
        let base = properties.required_text("baseUrl")?.trim_end_matches('/');
        let token_info = http::endpoint(&format!("{base}/v1/tokeninfo")).map_err(wrong)?;
        let endpoint = |path: &str| Some(format!("{base}/{path}"));
        // All endpoints are known, so that no metadata are looked for: SurfOAuth has none.
        let settings = ConnectorSettings {
            endpoints: Endpoints {
                token: endpoint("oauth2/token"),
                revocation: endpoint("oauth2/revoke"),
                introspection: Some(token_info.to_string()),
                ..Endpoints::default()
            },
            ..settings.clone()
        };
        let resource_server = ClientCredentials {
            client_id: properties.required_text("clientId")?.to_owned(),
            client_secret: properties.secret("clientSecret")?,
        };
        let standard = Oidc::new(self.http.clone(), &settings)?;
        Ok(Arc::new(SurfOauth { http: self.http.clone(), standard, token_info, resource_server }))
    }

    async fn discover(&self, _: &str) -> Result<Discovered, ConnectorError> {
        Err(ConnectorError::NoEndpoint { endpoint: "metadata" })
    }
}

/// A connector to one SurfOAuth.
struct SurfOauth {
    http: HttpClient,
    standard: Oidc,
    token_info: Url,
    resource_server: ClientCredentials,
}

/// Clients are made in SurfOAuth's own console, and mapped here.
const NO_REGISTRATION: ConnectorError = ConnectorError::Unsupported(Operation::CreateClient);

#[async_trait]
impl KeyManager for SurfOauth {
    fn supports(&self, operation: Operation) -> bool {
        matches!(operation, Operation::Introspect | Operation::Revoke)
    }

    async fn check(&self) -> Vec<Check> {
        let outcome = self.introspect(&Secret::new("no-token-of-anyone"), None).await.map(drop);
        vec![Check { name: "introspection", outcome }]
    }

    async fn create_client(&self, _: &ClientMetadata) -> Result<RegisteredClient, ConnectorError> {
        Err(NO_REGISTRATION)
    }

    async fn read_client(&self, _: &ClientReference) -> Result<Option<RegisteredClient>, ConnectorError> {
        Err(ConnectorError::Unmanaged)
    }

    async fn update_client(&self, _: &ClientReference, _: &ClientMetadata) -> Result<RegisteredClient, ConnectorError> {
        Err(ConnectorError::Unmanaged)
    }

    async fn delete_client(&self, _: &ClientReference) -> Result<(), ConnectorError> {
        Err(ConnectorError::Unmanaged)
    }

    async fn map_client(&self, credentials: &ClientCredentials) -> Result<RegisteredClient, ConnectorError> {
        self.standard.map_client(credentials).await
    }

    async fn request_token(&self, request: &TokenRequest) -> Result<IssuedToken, ConnectorError> {
        self.standard.request_token(request).await
    }

    /// The token stands in the query, where the dialect wants it: nothing here writes a URL to a log.
    async fn introspect(&self, token: &Secret, _: Option<TokenTypeHint>) -> Result<Introspection, ConnectorError> {
        let mut url = self.token_info.clone();
        url.query_pairs_mut().append_pair("access_token", token.expose());
        let secret = self.resource_server.client_secret.as_ref().map(Secret::expose);
        let request = self.http.request(Method::GET, &url).basic_auth(&self.resource_server.client_id, secret);
        token_info::read(&self.http.send(request).await?)
    }

    async fn revoke(
        &self,
        token: &Secret,
        hint: Option<TokenTypeHint>,
        client: &ClientCredentials,
    ) -> Result<(), ConnectorError> {
        self.standard.revoke(token, hint, client).await
    }

    async fn relay(&self, endpoint: RelayEndpoint, request: &RelayRequest) -> Result<RelayResponse, ConnectorError> {
        self.standard.relay(endpoint, request).await
    }
}
