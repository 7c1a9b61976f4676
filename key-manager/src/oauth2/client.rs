//! A form that a client sends, and whose client it is.

use axum::body::Bytes;
use axum::extract::{FromRequest, Request};
use axum::http::header::{AUTHORIZATION, CONTENT_TYPE};
use axum::http::{HeaderMap, StatusCode};
use base64::prelude::{BASE64_STANDARD, BASE64_URL_SAFE_NO_PAD, Engine as _};
use key_validation::Secret;
use serde_json::Value;

use super::error::OauthError;
use crate::connector::RelayRequest;
use crate::domain::{ApplicationKey, IdentityProvider, KeyState};
use crate::service::{Service, request_id};

/// A form with the credentials that came along.
pub(super) struct ClientForm {
    fields: Vec<(String, Secret)>,
    authorization: Option<Secret>,
    body: Secret,
    /// The request that brings the form.
    pub(super) request_id: String,
}

impl<S: Send + Sync> FromRequest<S> for ClientForm {
    type Rejection = OauthError;

    async fn from_request(request: Request, state: &S) -> Result<Self, OauthError> {
        let authorization = authorization(request.headers())?;
        let request_id = request_id(request.headers());
        let is_form = request.headers().get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).is_some_and(|value| {
            let media_type = value.split(';').next().unwrap_or_default().trim();
            media_type.eq_ignore_ascii_case("application/x-www-form-urlencoded")
        });
        if !is_form {
            return Err(OauthError::invalid_request("the body must be application/x-www-form-urlencoded"));
        }
        let octets = Bytes::from_request(request, state).await.map_err(|rejection| match rejection.status() {
            StatusCode::PAYLOAD_TOO_LARGE => OauthError::too_large(),
            _ => OauthError::invalid_request("the body cannot be read"),
        })?;
        let body = String::from_utf8(octets.into());
        let body = body.map_err(|_| OauthError::invalid_request("the body is not UTF-8"))?;
        let fields = form_urlencoded::parse(body.as_bytes());
        let fields = fields.map(|(name, value)| (name.into_owned(), Secret::new(value))).collect();
        Ok(Self { fields, authorization, body: Secret::new(body), request_id })
    }
}

/// The one `Authorization`, when there is one.
fn authorization(headers: &HeaderMap) -> Result<Option<Secret>, OauthError> {
    let mut values = headers.get_all(AUTHORIZATION).iter();
    match (values.next(), values.next()) {
        (None, _) => Ok(None),
        (Some(value), None) => match value.to_str() {
            Ok(text) => Ok(Some(Secret::new(text))),
            Err(_) => Err(OauthError::invalid_request("Authorization is not text")),
        },
        (Some(_), Some(_)) => Err(OauthError::invalid_request("Authorization is there twice")),
    }
}

impl ClientForm {
    /// A field; one that is there twice is an error (RFC 6749 section 3.2).
    pub(super) fn field(&self, name: &str) -> Result<Option<&Secret>, OauthError> {
        let mut values = self.fields.iter().filter(|(field, _)| field == name).map(|(_, value)| value);
        match (values.next(), values.next()) {
            (value, None) => Ok(value.filter(|value| !value.expose().is_empty())),
            (_, Some(_)) => Err(OauthError::invalid_request(format!("{name} is there twice"))),
        }
    }

    /// A field that must be there.
    pub(super) fn required(&self, name: &str) -> Result<&Secret, OauthError> {
        self.field(name)?.ok_or_else(|| OauthError::invalid_request(format!("{name} is required")))
    }

    /// As it came, for the identity provider.
    pub(super) fn relayed(&self) -> RelayRequest {
        RelayRequest { authorization: self.authorization.clone(), body: self.body.clone() }
    }

    /// Id and secret inside Basic, as they stand there and form-decoded (RFC 6749 section 2.3.1): clients do both.
    pub(super) fn basic(&self) -> Option<[(String, Secret); 2]> {
        let (scheme, encoded) = self.authorization.as_ref()?.expose().split_once(' ')?;
        let octets = BASE64_STANDARD.decode(encoded.trim()).ok().filter(|_| scheme.eq_ignore_ascii_case("basic"))?;
        let text = String::from_utf8(octets).ok()?;
        let (id, secret) = text.split_once(':')?;
        let decoded = |text: &str| {
            let pair = format!("x={text}");
            form_urlencoded::parse(pair.as_bytes()).next().map(|(_, value)| value.into_owned()).unwrap_or_default()
        };
        Some([(id.to_owned(), Secret::new(secret)), (decoded(id), Secret::new(decoded(secret)))])
    }

    /// The ids that the client may have meant. None of them is proved: the identity provider does that. It must not be
    /// able to prove another one than is looked up here, so there is one way to authenticate (RFC 6749 section 2.3).
    fn client_ids(&self) -> Result<Vec<String>, OauthError> {
        let named = self.field("client_id")?.map(|id| id.expose().to_owned());
        // RFC 7523 section 3: `sub` of the assertion is the client's id.
        let assertion = self.field("client_assertion")?.map(|assertion| subject(assertion.expose()));
        let basic = self.basic().map(|readings| readings.map(|(id, _)| id).to_vec());
        if basic.is_none() && self.authorization.is_some() {
            return Err(OauthError::invalid_client());
        }
        let ways = [basic.is_some(), assertion.is_some(), self.field("client_secret")?.is_some()];
        if ways.into_iter().filter(|is_used| *is_used).count() > 1 {
            return Err(OauthError::invalid_request("the client authenticates in several ways"));
        }
        let proved = basic.or_else(|| assertion.map(|subject| subject.into_iter().collect()));
        match (proved, named) {
            (Some(ids), Some(named)) if !ids.contains(&named) => {
                Err(OauthError::invalid_request("client_id is not the client that authenticates"))
            }
            (Some(_), Some(named)) => Ok(vec![named]),
            (Some(ids), None) => Ok(ids),
            (None, named) => Ok(named.into_iter().collect()),
        }
    }

    /// The key that the client belongs to, with its identity provider.
    pub(super) async fn owner(&self, service: &Service) -> Result<(ApplicationKey, IdentityProvider), OauthError> {
        let mut read = service.store.read().await?;
        for client_id in self.client_ids()? {
            let mut keys = read.list_keys_by_client_id(&client_id).await?;
            keys.retain(|key| key.state == KeyState::Created);
            if keys.len() > 1 {
                return Err(OauthError::invalid_request("several key managers have a client of this id"));
            }
            let Some(key) = keys.pop() else { continue };
            if let Some(provider) = read.find_identity_provider(&key.identity_provider_id).await? {
                return Ok((key, provider));
            }
        }
        Err(OauthError::invalid_client())
    }
}

/// `sub` of a JWT that nothing has verified.
fn subject(jwt: &str) -> Option<String> {
    let claims = BASE64_URL_SAFE_NO_PAD.decode(jwt.split('.').nth(1)?).ok()?;
    let claims: Value = serde_json::from_slice(&claims).ok()?;
    claims.get("sub")?.as_str().map(str::to_owned)
}
