//! The standards' own dialect: OpenID Connect Discovery and RFC 8414, RFC 7591 and 7592, RFC 6749, 7662 and 7009.
//!
//! The standards know neither resources nor scopes that could be registered, no look-up by name and no owner.

mod client_authentication;
mod metadata;
mod registration;
mod verdict;

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use async_trait::async_trait;
use form_urlencoded::Serializer;
use key_validation::Secret;
use reqwest::{Method, RequestBuilder, Url};
use serde_json::{Map, Value};
use tokio::sync::Mutex;
use tokio::time::Instant;

use super::http::{self, Answer, HttpClient, bad_answer, bearer, sensitive};
use super::{
    Check, ClientCredentials, ClientMetadata, ClientReference, ConnectorError, ConnectorSettings, ConnectorType,
    Endpoints, Grant, Introspection, IssuedToken, KeyManager, Operation, RegisteredClient, RelayEndpoint, RelayRequest,
    RelayResponse, SettingDescription, SettingKind, SettingsError, TokenRequest, TokenTypeHint,
};
use client_authentication::Encoding;
pub use metadata::ProviderMetadata;
use registration::Registration;

const FORM: &str = "application/x-www-form-urlencoded";

/// How long metadata are remembered, and how long that there were none.
const METADATA_LIFETIME: Duration = Duration::from_secs(600);
const METADATA_FAILURE_LIFETIME: Duration = Duration::from_secs(1);

/// An identity provider may need a while until it finds what it has just created.
const SETTLING: u64 = 30;
const SETTLING_PAUSES: [Duration; 4] =
    [Duration::from_millis(200), Duration::from_millis(400), Duration::from_millis(800), Duration::from_millis(1600)];

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
}

pub(super) const SETTINGS: [SettingDescription; 5] = [
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

/// The metadata, or that there were none, and until when that counts.
type Remembered = (Instant, Result<Arc<ProviderMetadata>, ConnectorError>);

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

    /// The metadata, remembered for a while; requests that come meanwhile wait for the one that asks.
    async fn metadata(&self) -> Result<Arc<ProviderMetadata>, ConnectorError> {
        let mut remembered = self.metadata.lock().await;
        if let Some((until, metadata)) = &*remembered
            && *until > Instant::now()
        {
            return metadata.clone();
        }
        let metadata = self.fetch_metadata().await.map(Arc::new);
        let lifetime = if metadata.is_ok() { METADATA_LIFETIME } else { METADATA_FAILURE_LIFETIME };
        *remembered = Some((Instant::now() + lifetime, metadata.clone()));
        metadata
    }

    async fn fetch_metadata(&self) -> Result<ProviderMetadata, ConnectorError> {
        match (&self.well_known, &self.issuer) {
            (Some(url), issuer) => ProviderMetadata::read(&self.http, url, issuer.as_ref()).await,
            (None, Some(issuer)) => ProviderMetadata::discover(&self.http, issuer).await,
            (None, None) => Ok(ProviderMetadata::default()),
        }
    }

    /// An endpoint: what is set by hand, else what the metadata say.
    async fn endpoint(&self, by_hand: Option<&String>, name: &'static str) -> Result<Url, ConnectorError> {
        match by_hand.map(|text| http::endpoint(text)) {
            Some(Ok(url)) => Ok(url),
            Some(Err(_)) => Err(ConnectorError::NoEndpoint { endpoint: name }),
            None => self.metadata().await?.endpoint(name),
        }
    }

    async fn token_endpoint(&self) -> Result<Url, ConnectorError> {
        self.endpoint(self.endpoints.token.as_ref(), "token_endpoint").await
    }

    async fn introspection_endpoint(&self) -> Result<Url, ConnectorError> {
        self.endpoint(self.endpoints.introspection.as_ref(), "introspection_endpoint").await
    }

    async fn revocation_endpoint(&self) -> Result<Url, ConnectorError> {
        self.endpoint(self.endpoints.revocation.as_ref(), "revocation_endpoint").await
    }

    async fn registration_endpoint(&self) -> Result<Url, ConnectorError> {
        self.endpoint(self.endpoints.registration.as_ref(), "registration_endpoint").await
    }

    /// A form to an endpoint at which a client authenticates.
    fn form(
        &self,
        url: &Url,
        client: &ClientCredentials,
        fields: &[(&str, &str)],
    ) -> Result<RequestBuilder, ConnectorError> {
        let mut form = Serializer::new(String::new());
        form.extend_pairs(fields);
        let mut request = self.http.request(Method::POST, url).header("content-type", FORM);
        if let Some(secret) = &client.client_secret {
            request = request.header("authorization", sensitive(&self.encoding.basic(&client.client_id, secret))?);
        } else {
            form.append_pair("client_id", &client.client_id);
        }
        Ok(request.body(form.finish()))
    }

    /// A request to what manages a client, repeated while a client that was just created is not found.
    async fn manage(
        &self,
        method: Method,
        registration: &Registration,
        body: Option<&Map<String, Value>>,
    ) -> Result<Answer, ConnectorError> {
        let url = http::endpoint(&registration.uri).map_err(bad_answer)?;
        let token = Secret::new(registration.token.as_str());
        let is_settling = now().saturating_sub(registration.created_at) < SETTLING;
        let mut pauses = SETTLING_PAUSES.into_iter().filter(|_| is_settling);
        loop {
            let mut request = self.http.request(method.clone(), &url).header("authorization", bearer(&token)?);
            if let Some(body) = body {
                request =
                    request.header("content-type", "application/json").body(Value::from(body.clone()).to_string());
            }
            let answer = self.http.send(request).await?;
            match pauses.next() {
                Some(pause) if answer.status == 404 => tokio::time::sleep(pause).await,
                _ => return Ok(answer),
            }
        }
    }

    /// 401 means that the client is gone or that the token is not the newest (RFC 7592 section 2.1 has one answer for
    /// both): which of them, shows whether the client can still authenticate.
    async fn is_gone(&self, client: &ClientReference) -> Result<bool, ConnectorError> {
        let client_secret = Some(client.client_secret.clone().ok_or(ConnectorError::Unmanaged)?);
        let credentials = ClientCredentials { client_id: client.client_id.clone(), client_secret };
        Ok(!self.authenticates(&credentials).await?)
    }

    /// Whether an identity provider takes a client's credentials, found out without consequences: by the revocation of
    /// a token that nobody has, or else by a token request.
    async fn authenticates(&self, client: &ClientCredentials) -> Result<bool, ConnectorError> {
        let answer = match self.revocation_endpoint().await {
            Ok(url) => {
                let fields = [("token", "no-token-of-anyone"), ("token_type_hint", "access_token")];
                self.http.send(self.form(&url, client, &fields)?).await?
            }
            Err(ConnectorError::NoEndpoint { .. }) => {
                let url = self.token_endpoint().await?;
                self.http.send(self.form(&url, client, &[("grant_type", "client_credentials")])?).await?
            }
            Err(error) => return Err(error),
        };
        let (error, _) = answer.oauth_error();
        match (answer.status, error.as_deref()) {
            (_, Some("invalid_client")) | (401 | 403, _) => Ok(false),
            (200..300 | 400 | 404, _) => Ok(true),
            _ => Err(answer.failure()),
        }
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
        let registration = self.registration_endpoint().await.map(drop);
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
        let mut fields = vec![("token", token.expose())];
        fields.extend(hint.map(|hint| ("token_type_hint", hint.as_str())));
        let answer = self.http.send(self.form(&url, &self.own, &fields)?).await?;
        self.reader.read(&answer, now())
    }

    async fn revoke(
        &self,
        token: &Secret,
        hint: Option<TokenTypeHint>,
        client: &ClientCredentials,
    ) -> Result<(), ConnectorError> {
        let url = self.revocation_endpoint().await?;
        let mut fields = vec![("token", token.expose())];
        fields.extend(hint.map(|hint| ("token_type_hint", hint.as_str())));
        let answer = self.http.send(self.form(&url, client, &fields)?).await?;
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

/// The answer of a token endpoint (RFC 6749 section 5).
fn read_token(answer: &Answer, request: &TokenRequest) -> Result<IssuedToken, ConnectorError> {
    let (error, reason) = answer.oauth_error();
    match (answer.status, error.as_deref()) {
        (200..300, _) => {}
        (_, Some("invalid_client")) | (401 | 403, _) => return Err(ConnectorError::WrongCredentials),
        (400, Some("invalid_scope" | "scope_invalid")) => {
            return Err(ConnectorError::Refused { field: Some("scopes".to_owned()), reason });
        }
        (400, _) => return Err(ConnectorError::Refused { field: None, reason }),
        _ => return Err(answer.failure()),
    }
    let json = answer.json()?;
    let text = |name: &str| json.get(name).and_then(Value::as_str).filter(|text| !text.is_empty());
    let access_token = text("access_token").ok_or_else(|| bad_answer("a token answer without access_token"))?;
    let asked = || request.scope.iter().map(ToString::to_string).collect();
    Ok(IssuedToken {
        access_token: Secret::new(access_token),
        token_type: text("token_type").unwrap_or("Bearer").to_owned(),
        expires_in: json.get("expires_in").and_then(Value::as_u64).map(Duration::from_secs),
        scope: text("scope").map_or_else(asked, |scope| scope.split_ascii_whitespace().map(str::to_owned).collect()),
    })
}

/// Seconds since the epoch.
fn now() -> u64 {
    #[expect(clippy::disallowed_methods, reason = "a connector stands between the identity provider's clock and ours")]
    let now = SystemTime::now();
    now.duration_since(SystemTime::UNIX_EPOCH).map_or(0, |since| since.as_secs())
}
