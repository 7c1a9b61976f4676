//! Glewlwyd: the standards for tokens, its administration REST for scopes and clients.
//!
//! Its dynamic registration grants every client the same scopes and shows the secret again under another shape, so
//! clients are made by the administration REST too: their id is their name, by which they are found again.

mod administration;
mod client;
mod introspection_token;
mod scope;

use std::sync::Arc;

use async_trait::async_trait;
use key_validation::{ScopeToken, Secret};
use reqwest::Method;
use serde_json::{Map, Value};

use super::http::{HttpClient, bad_answer};
use super::oidc::{self, Oidc};
use super::{
    Check, ClientCredentials, ClientMetadata, ClientReference, ConnectorError, ConnectorSettings, ConnectorType,
    Discovered, Introspection, IssuedToken, KeyManager, Operation, RegisteredClient, RelayEndpoint, RelayRequest,
    RelayResponse, Scope, SettingDescription, SettingKind, SettingsError, TokenRequest, TokenTypeHint,
};
use administration::Administration;
use introspection_token::Introspector;

/// The type `glewlwyd`.
#[derive(Debug)]
pub struct GlewlwydType {
    http: HttpClient,
    settings: Vec<SettingDescription>,
}

impl GlewlwydType {
    /// Connectors of this type send by `http`.
    pub fn new(http: HttpClient) -> Self {
        let of_oidc = oidc::SETTINGS.into_iter().filter(|setting| ["clientId", "clientSecret"].contains(&setting.name));
        Self { http, settings: of_oidc.chain(ADMINISTRATION_SETTINGS).collect() }
    }
}

#[async_trait]
impl ConnectorType for GlewlwydType {
    fn name(&self) -> &'static str {
        "glewlwyd"
    }

    fn display_name(&self) -> &'static str {
        "Glewlwyd"
    }

    fn settings(&self) -> &[SettingDescription] {
        &self.settings
    }

    fn connect(&self, settings: &ConnectorSettings) -> Result<Arc<dyn KeyManager>, SettingsError> {
        let administration = Administration::new(self.http.clone(), &settings.properties)?;
        let introspector = Introspector::new(&settings.properties)?;
        let mut settings = settings.clone();
        // Glewlwyd compares id and secret as they stand in Basic.
        settings.properties = settings.properties.with("credentialEncoding", "raw");
        let oidc = Oidc::new(self.http.clone(), &settings)?;
        Ok(Arc::new(Glewlwyd { oidc, administration, introspector }))
    }

    async fn discover(&self, url: &str) -> Result<Discovered, ConnectorError> {
        oidc::ProviderMetadata::discovered(&self.http, url).await
    }
}

const ADMINISTRATION_SETTINGS: [SettingDescription; 4] = [
    SettingDescription {
        name: "administrationUrl",
        label: "Administration URL",
        tooltip: "Where the administration REST begins, such as https://idp.example.com/api",
        kind: SettingKind::Text,
        required: true,
        secret: false,
    },
    SettingDescription {
        name: "administratorName",
        label: "Administrator",
        tooltip: "A user with the scope g_admin",
        kind: SettingKind::Text,
        required: true,
        secret: false,
    },
    SettingDescription {
        name: "administratorPassword",
        label: "Administrator's password",
        tooltip: "The password of that user",
        kind: SettingKind::Text,
        required: true,
        secret: true,
    },
    SettingDescription {
        name: introspection_token::SETTING,
        label: "Scope for introspection",
        tooltip: "The scope that the plugin asks of whoever introspects; the client has to have it. Without it nothing \
                  can be introspected",
        kind: SettingKind::Text,
        required: false,
        secret: false,
    },
];

/// A connector to one Glewlwyd.
struct Glewlwyd {
    oidc: Oidc,
    administration: Administration,
    introspector: Option<Introspector>,
}

impl Glewlwyd {
    async fn scope(&self, name: &ScopeToken) -> Result<Option<Map<String, Value>>, ConnectorError> {
        self.administration.find(&["scope", name.as_str()]).await
    }

    /// A scope that was created from here: nobody else's is changed or given to a client.
    async fn own_scope(&self, name: &ScopeToken) -> Result<Option<Map<String, Value>>, ConnectorError> {
        match self.scope(name).await? {
            Some(document) if !scope::is_own(&document) => {
                Err(ConnectorError::Conflict { what: format!("a scope {name} that was not created from here") })
            }
            document => Ok(document),
        }
    }

    async fn own_scopes(&self) -> Result<Vec<Scope>, ConnectorError> {
        let documents = self.administration.list("scope").await?;
        Ok(documents.iter().filter(|document| scope::is_own(document)).filter_map(scope::read).collect())
    }

    /// The scopes of a client: those that it names, else all that were created from here by now.
    async fn granted(&self, metadata: &ClientMetadata) -> Result<Vec<String>, ConnectorError> {
        let own: Vec<String> = self.own_scopes().await?.iter().map(|scope| scope.name.to_string()).collect();
        let Some(wanted) = &metadata.scope else { return Ok(own) };
        match wanted.iter().find(|wanted| !own.contains(wanted)) {
            Some(foreign) => Err(ConnectorError::Refused {
                field: Some("scopes".to_owned()),
                reason: format!("{foreign} is no scope of an API that is published there"),
            }),
            None => Ok(wanted.clone()),
        }
    }

    async fn document(&self, client: &ClientReference) -> Result<Option<Map<String, Value>>, ConnectorError> {
        let handle = client.handle.as_ref().ok_or(ConnectorError::Unmanaged)?;
        self.administration.find(&["client", handle.expose()]).await
    }

    async fn replace(
        &self,
        client: &ClientReference,
        metadata: &ClientMetadata,
        secret: Option<Secret>,
    ) -> Result<RegisteredClient, ConnectorError> {
        let gone = || ConnectorError::Gone { what: "the client".to_owned() };
        let before = self.document(client).await?.ok_or_else(gone)?;
        let secret = match secret {
            Some(secret) => secret,
            None => client::secret(&before).ok_or_else(|| bad_answer("the client has no secret"))?,
        };
        let scopes = self.granted(metadata).await?;
        let document = client::document(&client.client_id, &secret, metadata, &scopes)?;
        self.administration.change(Method::PUT, &["client", &client.client_id], Some(&document)).await?;
        client::read(&document)
    }
}

#[async_trait]
impl KeyManager for Glewlwyd {
    fn supports(&self, operation: Operation) -> bool {
        match operation {
            Operation::CreateClient
            | Operation::ManageClients
            | Operation::FindClientByName
            | Operation::RegenerateSecret
            | Operation::Revoke
            | Operation::ManageScopes
            | Operation::ReadUserClaims => true,
            Operation::Introspect => self.introspector.is_some(),
            Operation::ChangeOwner | Operation::ManageResources => false,
        }
    }

    async fn check(&self) -> Vec<Check> {
        let mut checks = self.oidc.check().await;
        // Registration is not used, and introspection in another way.
        checks.retain(|check| !["registration", "introspection"].contains(&check.name));
        if self.introspector.is_some() {
            let introspection = self.introspect(&Secret::new("no-token-of-anyone"), None).await.map(drop);
            checks.push(Check { name: "introspection", outcome: introspection });
        }
        let administration = self.administration.list("scope").await.map(drop);
        checks.push(Check { name: "administration", outcome: administration });
        checks
    }

    async fn create_client(&self, metadata: &ClientMetadata) -> Result<RegisteredClient, ConnectorError> {
        let scopes = self.granted(metadata).await?;
        let document = client::document(&metadata.client_name, &new_secret()?, metadata, &scopes)?;
        self.administration.change(Method::POST, &["client", ""], Some(&document)).await?;
        client::read(&document)
    }

    async fn read_client(&self, client: &ClientReference) -> Result<Option<RegisteredClient>, ConnectorError> {
        self.document(client).await?.as_ref().map(client::read).transpose()
    }

    async fn update_client(
        &self,
        client: &ClientReference,
        metadata: &ClientMetadata,
    ) -> Result<RegisteredClient, ConnectorError> {
        self.replace(client, metadata, None).await
    }

    async fn delete_client(&self, client: &ClientReference) -> Result<(), ConnectorError> {
        let handle = client.handle.as_ref().ok_or(ConnectorError::Unmanaged)?;
        gone_is_well(self.administration.change(Method::DELETE, &["client", handle.expose()], None).await)
    }

    async fn find_client_by_name(&self, name: &str) -> Result<Option<RegisteredClient>, ConnectorError> {
        self.administration.find(&["client", name]).await?.as_ref().map(client::read).transpose()
    }

    async fn map_client(&self, credentials: &ClientCredentials) -> Result<RegisteredClient, ConnectorError> {
        let proved = self.oidc.map_client(credentials).await?;
        let document = self.administration.find(&["client", &credentials.client_id]).await?;
        let metadata = document.as_ref().map(client::read).transpose()?.map(|client| client.metadata);
        Ok(RegisteredClient { metadata: metadata.unwrap_or_default(), ..proved })
    }

    async fn regenerate_secret(
        &self,
        client: &ClientReference,
        metadata: &ClientMetadata,
    ) -> Result<RegisteredClient, ConnectorError> {
        self.replace(client, metadata, Some(new_secret()?)).await
    }

    async fn request_token(&self, request: &TokenRequest) -> Result<IssuedToken, ConnectorError> {
        self.oidc.request_token(request).await
    }

    async fn introspect(&self, token: &Secret, hint: Option<TokenTypeHint>) -> Result<Introspection, ConnectorError> {
        let unsupported = ConnectorError::Unsupported(Operation::Introspect);
        self.introspector.as_ref().ok_or(unsupported)?.introspect(&self.oidc, token, hint).await
    }

    async fn revoke(
        &self,
        token: &Secret,
        hint: Option<TokenTypeHint>,
        client: &ClientCredentials,
    ) -> Result<(), ConnectorError> {
        self.oidc.revoke(token, hint, client).await
    }

    async fn relay(&self, endpoint: RelayEndpoint, request: &RelayRequest) -> Result<RelayResponse, ConnectorError> {
        self.oidc.relay(endpoint, request).await
    }

    async fn list_scopes(&self) -> Result<Vec<Scope>, ConnectorError> {
        Ok(self.administration.list("scope").await?.iter().filter_map(scope::read).collect())
    }

    async fn find_scope(&self, name: &ScopeToken) -> Result<Option<Scope>, ConnectorError> {
        Ok(self.scope(name).await?.as_ref().and_then(scope::read))
    }

    async fn create_scope(&self, scope: &Scope) -> Result<(), ConnectorError> {
        self.administration.change(Method::POST, &["scope", ""], Some(&scope::document(scope, Map::new()))).await
    }

    async fn update_scope(&self, scope: &Scope) -> Result<(), ConnectorError> {
        let gone = || ConnectorError::Gone { what: format!("the scope {}", scope.name) };
        let before = self.own_scope(&scope.name).await?.ok_or_else(gone)?;
        let document = scope::document(scope, before);
        self.administration.change(Method::PUT, &["scope", scope.name.as_str()], Some(&document)).await
    }

    async fn delete_scope(&self, name: &ScopeToken) -> Result<(), ConnectorError> {
        match self.own_scope(name).await? {
            Some(_) => gone_is_well(self.administration.change(Method::DELETE, &["scope", name.as_str()], None).await),
            None => Ok(()),
        }
    }

    async fn user_claims(&self, access_token: &Secret) -> Result<Map<String, Value>, ConnectorError> {
        self.oidc.user_claims(access_token).await
    }
}

fn gone_is_well(outcome: Result<(), ConnectorError>) -> Result<(), ConnectorError> {
    match outcome {
        Err(ConnectorError::Gone { .. }) => Ok(()),
        outcome => outcome,
    }
}

/// 256 bits in letters that need no encoding.
fn new_secret() -> Result<Secret, ConnectorError> {
    use base64::Engine as _;
    let mut octets = [0; 32];
    aws_lc_rs::rand::fill(&mut octets).map_err(|_| ConnectorError::Unavailable {
        reason: "this machine gives no random octets for a secret".to_owned(),
        retry_after: None,
        happened: super::Happened::No,
    })?;
    Ok(Secret::new(base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(octets)))
}
