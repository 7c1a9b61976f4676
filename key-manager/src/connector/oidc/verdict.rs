//! What an introspection answer says, by the rules of the gateway.

use key_validation::config::IdentityProvider;
use key_validation::denial::Unavailable;
use key_validation::introspection::{self, ActiveAnswer, Answer as TokenAnswer, IntrospectionResponse};
use key_validation::{Configuration, UnixTime};
use serde_json::{Map, Value, json};

use crate::connector::http::{Answer, bad_answer};
use crate::connector::{ActiveToken, ConnectorError, ConnectorSettings, Happened, Introspection, SettingsError};

/// Reads introspection answers of one identity provider. It keeps the core's configuration as text: what that becomes
/// belongs to one thread, and reading it is nothing beside the exchange before.
#[derive(Debug)]
pub(super) struct Reader(String);

impl Reader {
    /// With the claims of the settings before the usual ones.
    pub(super) fn new(settings: &ConnectorSettings) -> Result<Self, SettingsError> {
        let mut claims = Map::new();
        let names = |first: &str, usual: [&str; 2]| json!([first, usual[0], usual[1]]);
        if let Some(claim) = &settings.consumer_key_claim {
            claims.insert("clientId".to_owned(), names(claim, ["client_id", "azp"]));
        }
        if let Some(claim) = &settings.scopes_claim {
            claims.insert("scope".to_owned(), names(claim, ["scope", "scp"]));
        }
        // The core knows identity providers by the gateway's configuration; nothing is sent by what it says here.
        let configuration = json!({"identityProviders": [{
            "name": "introspected",
            "introspection": {
                "cluster": "none", "authority": "none", "path": "/", "clientAuthentication": {"method": "none"},
            },
            "claims": claims,
        }], "registry": {}});
        let reader = Self(configuration.to_string());
        reader.provider().map_err(|reason| SettingsError::of_field("consumerKeyClaim, scopesClaim", reason))?;
        Ok(reader)
    }

    fn provider(&self) -> Result<IdentityProvider, String> {
        let configuration = Configuration::parse(self.0.as_bytes(), &|_| None);
        let mut configuration = configuration.map_err(|error| error.to_string())?;
        configuration.identity_providers.pop().ok_or_else(|| "cannot be used".to_owned())
    }

    /// An error says nothing about the token.
    pub(super) fn read(&self, answer: &Answer, now: u64) -> Result<Introspection, ConnectorError> {
        let now = UnixTime::from_seconds(now);
        let body = answer.body.as_slice();
        let response = IntrospectionResponse {
            status: Some(answer.status),
            content_type: answer.headers.get("content-type").map(reqwest::header::HeaderValue::as_bytes),
            retry_after: answer.headers.get("retry-after").map(reqwest::header::HeaderValue::as_bytes),
            body: (body.len() <= introspection::BODY_LIMIT).then_some(body),
        };
        let provider = self.provider().map_err(bad_answer)?;
        match introspection::read_response(&provider, &response, now, now).map_err(unavailable)? {
            TokenAnswer::Inactive => Ok(Introspection::Inactive),
            TokenAnswer::Active(record) => {
                let token = ActiveAnswer::decode(&record).map_err(|_| bad_answer("its record cannot be read"))?;
                let Value::Object(members) = answer.json()? else { return Err(bad_answer("it is no JSON object")) };
                Ok(Introspection::Active(Box::new(active(&token, members))))
            }
        }
    }
}

/// The answer by the registered names, whatever the dialect's were.
fn active(token: &ActiveAnswer<'_>, mut members: Map<String, Value>) -> ActiveToken {
    let owned = |text: Option<&str>| text.map(str::to_owned);
    let time = |time: UnixTime| Some(time.as_seconds()).filter(|seconds| *seconds != 0);
    let scope: Vec<String> = token.scope.iter().map(str::to_owned).collect();
    members.insert("active".to_owned(), json!(true));
    for (name, value) in [("client_id", token.client_id), ("sub", token.subject), ("username", token.username)] {
        if let Some(value) = value {
            members.insert(name.to_owned(), json!(value));
        }
    }
    if !scope.is_empty() {
        members.insert("scope".to_owned(), json!(scope.join(" ")));
    }
    ActiveToken {
        client_id: owned(token.client_id),
        subject: owned(token.subject),
        username: owned(token.username),
        scope,
        issuer: owned(token.issuer),
        audience: token.audience.iter().map(str::to_owned).collect(),
        issued_at: time(token.issued_at),
        not_before: time(token.not_before),
        expires_at: (token.expires_at != UnixTime::MAX).then(|| token.expires_at.as_seconds()),
        is_access_token: token.is_access_token,
        is_sender_constrained: token.is_sender_constrained,
        members,
    }
}

fn unavailable(unavailable: Unavailable) -> ConnectorError {
    match unavailable {
        Unavailable::ClientAuthFailed { .. } => ConnectorError::OwnCredentialsRefused { setting: "clientSecret" },
        Unavailable::AnswerMalformed | Unavailable::Misconfigured => {
            ConnectorError::BadAnswer { reason: unavailable.to_string(), happened: Happened::No }
        }
        Unavailable::Outage { retry_after } => ConnectorError::Unavailable {
            reason: unavailable.to_string(),
            retry_after: Some(retry_after),
            happened: Happened::No,
        },
        _ => ConnectorError::Unavailable { reason: unavailable.to_string(), retry_after: None, happened: Happened::No },
    }
}
