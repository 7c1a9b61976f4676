//! Glewlwyd's administration REST: a session by name and password, and documents by their ids.

use key_validation::Secret;
use reqwest::{Method, Url};
use serde_json::{Map, Value, json};
use tokio::sync::Mutex;

use crate::connector::http::{self, Answer, HttpClient, bad_answer, sensitive};
use crate::connector::{ConnectorError, Properties, SettingsError};

/// More documents than anybody has.
const LIST_LIMIT: &str = "10000";

/// The administration REST of one Glewlwyd.
pub(super) struct Administration {
    http: HttpClient,
    base: Url,
    name: String,
    password: Secret,
    /// The session's cookies, once there is one.
    session: Mutex<Option<Secret>>,
}

impl Administration {
    pub(super) fn new(http: HttpClient, properties: &Properties) -> Result<Self, SettingsError> {
        const URL: &str = "administrationUrl";
        let base = http::endpoint(properties.required_text(URL)?).map_err(|reason| SettingsError::new(URL, reason))?;
        Ok(Self {
            http,
            base,
            name: properties.required_text("administratorName")?.to_owned(),
            password: Secret::new(properties.required_text("administratorPassword")?),
            session: Mutex::new(None),
        })
    }

    /// A document; `None` when there is none of this id.
    pub(super) async fn find(&self, path: &[&str]) -> Result<Option<Map<String, Value>>, ConnectorError> {
        let answer = self.exchange(&Method::GET, self.url(path)?, None).await?;
        match (answer.status, answer.json()) {
            (200, Ok(Value::Object(document))) => Ok(Some(document)),
            (200, _) => Err(bad_answer("a document that is no JSON object")),
            (404, _) => Ok(None),
            _ => Err(answer.failure()),
        }
    }

    /// All documents of a kind.
    pub(super) async fn list(&self, kind: &str) -> Result<Vec<Map<String, Value>>, ConnectorError> {
        let mut url = self.url(&[kind, ""])?;
        url.query_pairs_mut().append_pair("limit", LIST_LIMIT);
        let answer = self.exchange(&Method::GET, url, None).await?;
        if !answer.is_success() {
            return Err(answer.failure());
        }
        serde_json::from_slice(&answer.body).map_err(|_| bad_answer("a list that is no array of JSON objects"))
    }

    /// Creates, replaces or deletes a document.
    pub(super) async fn change(
        &self,
        method: Method,
        path: &[&str],
        document: Option<&Map<String, Value>>,
    ) -> Result<(), ConnectorError> {
        let answer = self.exchange(&method, self.url(path)?, document).await?;
        match answer.status {
            200..300 => Ok(()),
            400 => Err(refusal(&answer)),
            404 => Err(ConnectorError::Gone { what: path.join(" ") }),
            _ => Err(answer.failure()),
        }
    }

    /// Each part is one segment, whatever characters it has; those that mean another place are no id.
    fn url(&self, path: &[&str]) -> Result<Url, ConnectorError> {
        let is_another_place = |part: &&str| [".", ".."].contains(part);
        if path.iter().any(is_another_place) {
            return Err(ConnectorError::Refused { field: Some("name".to_owned()), reason: "it is a path".to_owned() });
        }
        let mut url = self.base.clone();
        match url.path_segments_mut() {
            Ok(mut segments) => segments.pop_if_empty().extend(path),
            Err(()) => return Err(bad_answer("administrationUrl cannot have a path")),
        };
        Ok(url)
    }

    /// One exchange within a session; when the session has ended, in another one.
    async fn exchange(
        &self,
        method: &Method,
        url: Url,
        body: Option<&Map<String, Value>>,
    ) -> Result<Answer, ConnectorError> {
        let known = self.session.lock().await.clone();
        let is_fresh = known.is_none();
        let session = match known {
            Some(session) => session,
            None => self.log_in().await?,
        };
        let answer = self.send(method, &url, &session, body).await?;
        match answer.status {
            401 | 403 if is_fresh => Err(ConnectorError::OwnCredentialsRefused { setting: "administratorName" }),
            401 | 403 => {
                let session = self.log_in().await?;
                self.send(method, &url, &session, body).await
            }
            _ => Ok(answer),
        }
    }

    async fn send(
        &self,
        method: &Method,
        url: &Url,
        session: &Secret,
        body: Option<&Map<String, Value>>,
    ) -> Result<Answer, ConnectorError> {
        let mut request = self.http.request(method.clone(), url).header("cookie", sensitive(session.expose())?);
        if let Some(body) = body {
            request = request.header("content-type", "application/json").body(Value::from(body.clone()).to_string());
        }
        self.http.send(request).await
    }

    async fn log_in(&self) -> Result<Secret, ConnectorError> {
        let body = json!({"username": self.name, "password": self.password.expose()}).to_string();
        let url = self.url(&["auth", ""])?;
        let request = self.http.request(Method::POST, &url).header("content-type", "application/json").body(body);
        let answer = self.http.send(request).await?;
        match answer.status {
            200 => {}
            400 | 401 | 403 => {
                return Err(ConnectorError::OwnCredentialsRefused { setting: "administratorPassword" });
            }
            _ => return Err(answer.failure()),
        }
        let cookies: Vec<&str> = answer.headers.get_all("set-cookie").iter().filter_map(cookie).collect();
        let session = Secret::new(cookies.join("; "));
        *self.session.lock().await = Some(session.clone());
        Ok(session)
    }
}

/// `name=value` out of a `Set-Cookie`.
fn cookie(header: &reqwest::header::HeaderValue) -> Option<&str> {
    header.to_str().ok()?.split(';').next()
}

/// A refusal is an array of sentences, by itself or as `error`.
fn refusal(answer: &Answer) -> ConnectorError {
    let json = answer.json().unwrap_or_default();
    let sentences = json.get("error").unwrap_or(&json).as_array().cloned().unwrap_or_default();
    let reason = sentences.iter().filter_map(Value::as_str).collect::<Vec<_>>().join("; ");
    if reason.contains("already exist") {
        return ConnectorError::Conflict { what: "something of this name".to_owned() };
    }
    let reason = if reason.is_empty() { format!("status {}", answer.status) } else { http::printable(&reason) };
    ConnectorError::Refused { field: None, reason }
}
