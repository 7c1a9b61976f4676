//! The standards' own dialect: OpenID Connect Discovery and RFC 8414, RFC 7591 and 7592, RFC 6749, 7662 and 7009.
//!
//! The standards know neither resources nor scopes that could be registered, no look-up by name and no owner.

mod client_authentication;
mod connector_type;
mod endpoints;
mod exchanges;
mod issued;
mod metadata;
mod registration;
mod verdict;

use async_trait::async_trait;
use key_validation::Secret;
use reqwest::{Method, Url};
use serde_json::{Map, Value};
use tokio::sync::Mutex;

use super::http::{self, HttpClient, bad_answer, bearer, sensitive};
use super::{
    Check, ClientCredentials, ClientMetadata, ClientReference, ConnectorError, ConnectorSettings, Endpoints, Grant,
    Introspection, IssuedToken, KeyManager, Operation, RegisteredClient, RelayEndpoint, RelayRequest, RelayResponse,
    SettingsError, TokenRequest, TokenTypeHint,
};
use client_authentication::Encoding;
pub use connector_type::OidcType;
pub(super) use connector_type::SETTINGS;
use endpoints::Remembered;
use exchanges::{FORM, now, token_fields};
use issued::read_token;
pub use metadata::ProviderMetadata;
use registration::Registration;

/// A connector to one identity provider.
pub struct Oidc {
    http: HttpClient,
    issuer: Option<Url>,
    well_known: Option<Url>,
    endpoints: Endpoints,
    own: ClientCredentials,
    encoding: Encoding,
    initial_access_token: Option<Secret>,
    update_issues_secret: bool,
    reader: verdict::Reader,
    metadata: Mutex<Option<Remembered>>,
}

impl Oidc {
    /// Checks the settings; sends nothing.
    ///
    /// # Errors
    /// [`SettingsError`] with the setting that is missing or wrong.
    pub fn new(http: HttpClient, settings: &ConnectorSettings) -> Result<Self, SettingsError> {
        let url = |name: &'static str, text: &Option<String>| {
            let checked = text.as_deref().filter(|text| !text.is_empty()).map(http::endpoint).transpose();
            checked.map_err(|reason| SettingsError::of_field(name, reason))
        };
        let Endpoints { registration, token, introspection, revocation, userinfo, scope_management } =
            &settings.endpoints;
        for (name, endpoint) in [
            ("clientRegistrationEndpoint", registration),
            ("tokenEndpoint", token),
            ("introspectionEndpoint", introspection),
            ("revokeEndpoint", revocation),
            ("userInfoEndpoint", userinfo),
            ("scopeManagementEndpoint", scope_management),
        ] {
            url(name, endpoint)?;
        }
        let issuer = url("issuer", &settings.issuer)?;
        let well_known = url("wellKnownEndpoint", &settings.well_known_endpoint)?;
        if issuer.is_none() && well_known.is_none() && (token.is_none() || introspection.is_none()) {
            return Err(SettingsError::of_field("issuer", "is missing, and not all endpoints are set"));
        }
        let properties = &settings.properties;
        Ok(Self {
            http,
            issuer,
            well_known,
            endpoints: settings.endpoints.clone(),
            own: ClientCredentials {
                client_id: properties.required_text("clientId")?.to_owned(),
                client_secret: Some(Secret::new(properties.required_text("clientSecret")?)),
            },
            encoding: Encoding::of(properties)?,
            initial_access_token: properties.secret("initialAccessToken")?,
            update_issues_secret: properties.flag("updateIssuesSecret")?,
            reader: verdict::Reader::new(settings)?,
            metadata: Mutex::new(None),
        })
    }
}

#[async_trait]
impl KeyManager for Oidc {
    fn supports(&self, operation: Operation) -> bool {
        match operation {
            Operation::CreateClient
            | Operation::ManageClients
            | Operation::Introspect
            | Operation::Revoke
            | Operation::ReadUserClaims => true,
            Operation::RegenerateSecret => self.update_issues_secret,
            Operation::FindClientByName
            | Operation::ChangeOwner
            | Operation::ManageResources
            | Operation::ManageScopes => false,
        }
    }

    async fn check(&self) -> Vec<Check> {
        let metadata = self.fetch_metadata().await.map(drop);
        let introspection = self.introspect(&Secret::new("no-token-of-anyone"), None).await.map(drop);
        let registration = self.try_registration().await;
        let token = self.token_endpoint().await.map(drop);
        vec![
            Check { name: "metadata", outcome: metadata },
            Check { name: "token", outcome: token },
            Check { name: "introspection", outcome: introspection },
            Check { name: "registration", outcome: registration },
        ]
    }

    async fn create_client(&self, metadata: &ClientMetadata) -> Result<RegisteredClient, ConnectorError> {
        let url = self.registration_endpoint().await?;
        let body = Value::from(registration::create_body(metadata)).to_string();
        let mut request = self.http.request(Method::POST, &url).header("content-type", "application/json");
        if let Some(token) = &self.initial_access_token {
            request = request.header("authorization", bearer(token)?);
        }
        let answer = self.http.send(request.body(body)).await?;
        match answer.status {
            200 | 201 => registration::read(&answer, &url, None, now()),
            401 | 403 => Err(ConnectorError::OwnCredentialsRefused { setting: "initialAccessToken" }),
            _ => Err(registration::refusal(&answer)),
        }
    }

    async fn read_client(&self, client: &ClientReference) -> Result<Option<RegisteredClient>, ConnectorError> {
        let registration = Registration::of(client)?;
        let answer = self.manage(Method::GET, &registration, None).await?;
        match answer.status {
            200 => {
                let url = self.registration_endpoint().await?;
                Ok(Some(registration::read(&answer, &url, Some(registration), now())?))
            }
            404 | 410 => Ok(None),
            401 | 403 if self.is_gone(client).await? => Ok(None),
            401 | 403 => Err(ConnectorError::Unmanaged),
            _ => Err(answer.failure()),
        }
    }

    async fn update_client(
        &self,
        client: &ClientReference,
        metadata: &ClientMetadata,
    ) -> Result<RegisteredClient, ConnectorError> {
        let registration = Registration::of(client)?;
        let body = registration::update_body(client, metadata);
        let answer = self.manage(Method::PUT, &registration, Some(&body)).await?;
        let gone = || ConnectorError::Gone { what: "the client".to_owned() };
        match answer.status {
            200 => {
                let url = self.registration_endpoint().await?;
                registration::read(&answer, &url, Some(registration), now())
            }
            404 | 410 => Err(gone()),
            401 | 403 if self.is_gone(client).await? => Err(gone()),
            401 | 403 => Err(ConnectorError::Unmanaged),
            _ => Err(registration::refusal(&answer)),
        }
    }

    async fn delete_client(&self, client: &ClientReference) -> Result<(), ConnectorError> {
        let answer = self.manage(Method::DELETE, &Registration::of(client)?, None).await?;
        match answer.status {
            200 | 202 | 204 | 404 | 410 => Ok(()),
            401 | 403 if self.is_gone(client).await? => Ok(()),
            401 | 403 => Err(ConnectorError::Unmanaged),
            _ => Err(answer.failure()),
        }
    }

    async fn map_client(&self, credentials: &ClientCredentials) -> Result<RegisteredClient, ConnectorError> {
        // Where anything is answered alike, a good answer proves nothing.
        let forged = ClientCredentials { client_secret: Some(Secret::new(CONTROL)), ..credentials.clone() };
        let secret = credentials.client_secret.clone().ok_or(ConnectorError::WrongCredentials)?;
        if !self.authenticates(credentials).await? {
            return Err(ConnectorError::WrongCredentials);
        }
        if self.authenticates(&forged).await? {
            return Err(bad_answer("it takes any secret of a client, so that none can be proved"));
        }
        Ok(RegisteredClient {
            client_id: credentials.client_id.clone(),
            client_secret: Some(secret),
            client_secret_expires_at: None,
            metadata: ClientMetadata::default(),
            handle: None,
        })
    }

    async fn regenerate_secret(
        &self,
        client: &ClientReference,
        metadata: &ClientMetadata,
    ) -> Result<RegisteredClient, ConnectorError> {
        if !self.update_issues_secret {
            return Err(ConnectorError::Unsupported(Operation::RegenerateSecret));
        }
        let updated = self.update_client(client, metadata).await?;
        let is_same = |before: &Secret| updated.client_secret.as_ref().is_none_or(|after| after == before);
        if client.client_secret.as_ref().is_some_and(is_same) {
            return Err(bad_answer("the update issued no other secret; `updateIssuesSecret` should be false"));
        }
        Ok(updated)
    }

    async fn request_token(&self, request: &TokenRequest) -> Result<IssuedToken, ConnectorError> {
        let url = self.token_endpoint().await?;
        let scope = request.scope.iter().map(ToString::to_string).collect::<Vec<_>>().join(" ");
        let mut fields = match &request.grant {
            Grant::ClientCredentials => vec![("grant_type", "client_credentials")],
            Grant::TokenExchange { subject_token } => vec![
                ("grant_type", "urn:ietf:params:oauth:grant-type:token-exchange"),
                ("subject_token", subject_token.expose()),
                ("subject_token_type", "urn:ietf:params:oauth:token-type:jwt"),
            ],
        };
        if !scope.is_empty() {
            fields.push(("scope", &scope));
        }
        let answer = self.http.send(self.form(&url, &request.client, &fields)?).await?;
        read_token(&answer, request)
    }

    async fn introspect(&self, token: &Secret, hint: Option<TokenTypeHint>) -> Result<Introspection, ConnectorError> {
        let url = self.introspection_endpoint().await?;
        let answer = self.http.send(self.form(&url, &self.own, &token_fields(token, hint))?).await?;
        self.reader.read(&answer, now())
    }

    async fn revoke(
        &self,
        token: &Secret,
        hint: Option<TokenTypeHint>,
        client: &ClientCredentials,
    ) -> Result<(), ConnectorError> {
        let url = self.revocation_endpoint().await?;
        let answer = self.http.send(self.form(&url, client, &token_fields(token, hint))?).await?;
        let (error, reason) = answer.oauth_error();
        match (answer.status, error.as_deref()) {
            (200..300 | 404, _) => Ok(()),
            (_, Some("invalid_client")) | (401 | 403, _) => Err(ConnectorError::WrongCredentials),
            (400, _) => Err(ConnectorError::Refused { field: None, reason }),
            _ => Err(answer.failure()),
        }
    }

    async fn relay(&self, endpoint: RelayEndpoint, request: &RelayRequest) -> Result<RelayResponse, ConnectorError> {
        let url = match endpoint {
            RelayEndpoint::Token => self.token_endpoint().await?,
            RelayEndpoint::Revocation => self.revocation_endpoint().await?,
        };
        let mut relayed = self.http.request(Method::POST, &url).header("content-type", FORM);
        if let Some(authorization) = &request.authorization {
            relayed = relayed.header("authorization", sensitive(authorization.expose())?);
        }
        let answer = self.http.send(relayed.body(request.body.expose().to_owned())).await?;
        let body = String::from_utf8(answer.body.clone()).map_err(|_| bad_answer("its body is not UTF-8"))?;
        let header = |&name: &&'static str| Some((name, answer.header(name)?.to_owned()));
        Ok(RelayResponse {
            status: answer.status,
            headers: RELAYED_HEADERS.iter().filter_map(header).collect(),
            body: Secret::new(body),
        })
    }

    async fn user_claims(&self, access_token: &Secret) -> Result<Map<String, Value>, ConnectorError> {
        let url = self.endpoint(self.endpoints.userinfo.as_ref(), "userinfo_endpoint").await?;
        let request = self.http.request(Method::GET, &url).header("authorization", bearer(access_token)?);
        let answer = self.http.send(request).await?;
        match (answer.status, answer.json()) {
            (200, Ok(Value::Object(claims))) => Ok(claims),
            (200, _) => Err(bad_answer("the claims are no JSON object")),
            (400 | 401 | 403, _) => Err(ConnectorError::Refused { field: None, reason: answer.oauth_error().1 }),
            _ => Err(answer.failure()),
        }
    }
}

/// A secret that no client has: shown to see it refused.
const CONTROL: &str = "not-the-secret-of-this-client";

/// Headers of an answer that reach the client; all else speaks of the connection, or of cookies.
const RELAYED_HEADERS: [&str; 5] = ["content-type", "cache-control", "pragma", "www-authenticate", "retry-after"];
