//! Requests of the standards, as any operation makes them.

use std::time::{Duration, SystemTime};

use form_urlencoded::Serializer;
use key_validation::Secret;
use reqwest::{Method, RequestBuilder, Url};
use serde_json::{Map, Value};

use super::Oidc;
use super::registration::Registration;
use crate::connector::http::{self, Answer, bad_answer, bearer, sensitive};
use crate::connector::{
    ClientCredentials, ClientMetadata, ClientReference, ConnectorError, Introspection, KeyManager as _, TokenTypeHint,
};

pub(super) const FORM: &str = "application/x-www-form-urlencoded";

/// An identity provider may need a while until it finds what it has just created.
const SETTLING: u64 = 30;
const SETTLING_PAUSES: [Duration; 4] =
    [Duration::from_millis(200), Duration::from_millis(400), Duration::from_millis(800), Duration::from_millis(1600)];

impl Oidc {
    /// A form to an endpoint at which a client authenticates.
    pub(super) fn form(
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

    /// The key manager's own client.
    pub(in crate::connector) fn own(&self) -> &ClientCredentials {
        &self.own
    }

    /// Introspects with a bearer token in place of the own client's credentials (RFC 7662 section 2.1 knows both).
    pub(in crate::connector) async fn introspect_with(
        &self,
        own_token: &Secret,
        token: &Secret,
        hint: Option<TokenTypeHint>,
    ) -> Result<Introspection, ConnectorError> {
        let url = self.introspection_endpoint().await?;
        let request = self.http.request(Method::POST, &url).header("content-type", FORM);
        let form = Serializer::new(String::new()).extend_pairs(token_fields(token, hint)).finish();
        let answer = self.http.send(request.header("authorization", bearer(own_token)?).body(form)).await?;
        self.reader.read(&answer, now())
    }

    /// A request to what manages a client, repeated while a client that was just created is not found.
    pub(super) async fn manage(
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

    /// Whether clients can be registered, found out by metadata that every identity provider refuses.
    pub(super) async fn try_registration(&self) -> Result<(), ConnectorError> {
        let metadata = ClientMetadata {
            client_name: "connection test".to_owned(),
            grant_types: vec!["urn:gatehouse:connection-test".to_owned()],
            redirect_uris: vec!["not a URL".to_owned()],
            ..ClientMetadata::default()
        };
        match self.create_client(&metadata).await {
            Ok(client) => {
                let Some(handle) = client.handle else { return Err(bad_answer("it registers what is no client")) };
                let (client_id, client_secret) = (client.client_id, client.client_secret);
                self.delete_client(&ClientReference { client_id, client_secret, handle: Some(handle) }).await
            }
            Err(ConnectorError::Refused { .. }) => Ok(()),
            Err(error) => Err(error),
        }
    }

    /// 401 means that the client is gone or that the token is not the newest (RFC 7592 section 2.1 has one answer for
    /// both): which of them, shows whether the client can still authenticate.
    pub(super) async fn is_gone(&self, client: &ClientReference) -> Result<bool, ConnectorError> {
        let client_secret = Some(client.client_secret.clone().ok_or(ConnectorError::Unmanaged)?);
        let credentials = ClientCredentials { client_id: client.client_id.clone(), client_secret };
        Ok(!self.authenticates(&credentials).await?)
    }

    /// Whether an identity provider takes a client's credentials, found out without consequences: by the revocation of
    /// a token that nobody has, or else by a token request.
    pub(super) async fn authenticates(&self, client: &ClientCredentials) -> Result<bool, ConnectorError> {
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

/// What introspection and revocation say of the token.
pub(super) fn token_fields(token: &Secret, hint: Option<TokenTypeHint>) -> Vec<(&'static str, &str)> {
    let hint = hint.map(|hint| ("token_type_hint", hint.as_str()));
    std::iter::once(("token", token.expose())).chain(hint).collect()
}

/// Seconds since the epoch.
pub(super) fn now() -> u64 {
    #[expect(clippy::disallowed_methods, reason = "a connector stands between the identity provider's clock and ours")]
    let now = SystemTime::now();
    now.duration_since(SystemTime::UNIX_EPOCH).map_or(0, |since| since.as_secs())
}
