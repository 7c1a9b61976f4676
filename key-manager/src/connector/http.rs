//! The HTTP client of connectors: nothing that an identity provider says makes it wait without end, read without end,
//! or go elsewhere.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use key_validation::Secret;
use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use reqwest::header::{HeaderMap, HeaderValue};
use reqwest::{Method, RequestBuilder, Url};
use serde_json::Value;

use super::{ConnectorError, Happened, SettingsError};

/// Longest answer that is read, in bytes.
pub const BODY_LIMIT: usize = 256 * 1024;

const CONNECT_TIMEOUT: Duration = Duration::from_secs(2);
const TIMEOUT: Duration = Duration::from_secs(10);
const RETRY_AFTER_LIMIT: Duration = Duration::from_secs(30);
const REASON_LIMIT: usize = 200;

/// Sends requests to identity providers; cheap to clone.
#[derive(Clone, Debug)]
pub struct HttpClient(reqwest::Client);

/// An answer, whatever its status.
pub struct Answer {
    /// The status.
    pub status: u16,
    /// The headers.
    pub headers: HeaderMap,
    /// The body, at most [`BODY_LIMIT`] bytes.
    pub body: Vec<u8>,
}

impl HttpClient {
    /// With time-outs, without redirects and proxies.
    ///
    /// # Errors
    /// [`SettingsError`] when TLS cannot be set up on this machine.
    pub fn new() -> Result<Self, SettingsError> {
        Self::with_timeout(TIMEOUT)
    }

    /// With another limit for a whole exchange.
    ///
    /// # Errors
    /// As for [`HttpClient::new`].
    pub fn with_timeout(timeout: Duration) -> Result<Self, SettingsError> {
        let client = reqwest::Client::builder()
            .connect_timeout(CONNECT_TIMEOUT)
            .timeout(timeout)
            .redirect(reqwest::redirect::Policy::none())
            .no_proxy()
            .dns_resolver(Arc::new(NoLinkLocal))
            .build()
            .map_err(|_| {
                SettingsError::of_field("issuer", "cannot be reached: TLS cannot be set up on this machine")
            })?;
        Ok(Self(client))
    }

    /// A request that asks for JSON, to be completed and sent by [`HttpClient::send`].
    pub fn request(&self, method: Method, url: &Url) -> RequestBuilder {
        self.0.request(method, url.clone()).header("accept", "application/json")
    }

    /// Sends a request and reads the whole answer. A redirect is an answer that cannot be used.
    ///
    /// # Errors
    /// [`ConnectorError::Unavailable`], or [`ConnectorError::BadAnswer`] for a redirect and for a body over the limit.
    pub async fn send(&self, request: RequestBuilder) -> Result<Answer, ConnectorError> {
        let mut response = request.send().await.map_err(|error| unavailable(&error))?;
        let status = response.status().as_u16();
        if response.status().is_redirection() {
            let reason = format!("it answers {status}, and redirects are not followed");
            return Err(ConnectorError::BadAnswer { reason, happened: Happened::No });
        }
        let mut body = Vec::new();
        while let Some(chunk) = response.chunk().await.map_err(|error| unavailable(&error))? {
            if body.len() + chunk.len() > BODY_LIMIT {
                return Err(bad_answer(format!("it is longer than {BODY_LIMIT} bytes")));
            }
            body.extend_from_slice(&chunk);
        }
        Ok(Answer { status, headers: std::mem::take(response.headers_mut()), body })
    }
}

impl Answer {
    /// Whether it is a 2xx.
    pub fn is_success(&self) -> bool {
        (200..300).contains(&self.status)
    }

    /// The body as JSON.
    ///
    /// # Errors
    /// [`ConnectorError::BadAnswer`] when it is none.
    pub fn json(&self) -> Result<Value, ConnectorError> {
        serde_json::from_slice(&self.body)
            .map_err(|_| bad_answer(format!("{} with a body that is not JSON", self.status)))
    }

    /// `error` and `error_description` of RFC 6749 section 5.2, as far as they are there.
    pub fn oauth_error(&self) -> (Option<String>, String) {
        let json: Value = serde_json::from_slice(&self.body).unwrap_or_default();
        let member = |name: &str| json.get(name).and_then(Value::as_str).map(printable);
        let error = member("error");
        let parts: Vec<String> = [error.clone(), member("error_description")].into_iter().flatten().collect();
        let reason = if parts.is_empty() { format!("status {}", self.status) } else { parts.join(": ") };
        (error, reason)
    }

    /// A header's value as text.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).and_then(|value| value.to_str().ok())
    }

    /// What a status means that no endpoint should answer, or that says to come back later.
    pub fn failure(&self) -> ConnectorError {
        let happened = if matches!(self.status, 429 | 503) { Happened::No } else { Happened::Maybe };
        match self.status {
            429 | 500..=599 => ConnectorError::Unavailable {
                reason: format!("it answers {}", self.status),
                retry_after: self.retry_after(),
                happened,
            },
            _ => bad_answer(format!("status {} was not expected", self.status)),
        }
    }

    fn retry_after(&self) -> Option<Duration> {
        let seconds = self.header("retry-after")?.trim().parse().ok()?;
        Some(Duration::from_secs(seconds).min(RETRY_AFTER_LIMIT))
    }
}

/// An answer that cannot be used, after which nobody knows what was done.
pub fn bad_answer(reason: impl Into<String>) -> ConnectorError {
    ConnectorError::BadAnswer { reason: reason.into(), happened: Happened::Maybe }
}

fn unavailable(error: &reqwest::Error) -> ConnectorError {
    let (reason, happened) = match error {
        _ if error.is_connect() => ("no connection can be made", Happened::No),
        _ if error.is_timeout() => ("it does not answer in time", Happened::Maybe),
        _ => ("the connection broke", Happened::Maybe),
    };
    ConnectorError::Unavailable { reason: reason.to_owned(), retry_after: None, happened }
}

/// Text of an identity provider for a person: cut, and without what could forge a line of a log.
pub(super) fn printable(text: &str) -> String {
    text.chars().filter(|character| !character.is_control()).take(REASON_LIMIT).collect()
}

/// An `Authorization` value that is not shown by anything that prints the request.
pub(super) fn sensitive(value: &str) -> Result<HeaderValue, ConnectorError> {
    let mut value = HeaderValue::try_from(value).map_err(|_| ConnectorError::WrongCredentials)?;
    value.set_sensitive(true);
    Ok(value)
}

/// A bearer credential.
pub(super) fn bearer(token: &Secret) -> Result<HeaderValue, ConnectorError> {
    sensitive(&format!("Bearer {}", token.expose()))
}

/// An endpoint's URL: `http` or `https`, and not the address by which machines are told their own secrets.
///
/// # Errors
/// What is wrong with it, for [`SettingsError`].
pub fn endpoint(text: &str) -> Result<Url, &'static str> {
    let url = Url::parse(text).map_err(|_| "is not an absolute URL")?;
    if !matches!(url.scheme(), "http" | "https") {
        return Err("must begin with http:// or https://");
    }
    if !url.username().is_empty() || url.password().is_some() {
        return Err("must not hold credentials");
    }
    let host = url.host_str().ok_or("has no host")?;
    match host.trim_matches(['[', ']']).parse::<IpAddr>() {
        Ok(address) if is_link_local(address) => Err("must not be a link-local address"),
        _ => Ok(url),
    }
}

/// Cloud machines find the service with their own credentials at 169.254.169.254.
fn is_link_local(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(address) => address.is_link_local(),
        IpAddr::V6(address) => {
            address.is_unicast_link_local() || address.to_ipv4_mapped().is_some_and(|address| address.is_link_local())
        }
    }
}

/// Resolves names, but not to link-local addresses.
#[derive(Debug)]
struct NoLinkLocal;

impl Resolve for NoLinkLocal {
    fn resolve(&self, name: Name) -> Resolving {
        Box::pin(async move {
            let addresses = tokio::net::lookup_host((name.as_str(), 0)).await?;
            let allowed: Vec<SocketAddr> = addresses.filter(|address| !is_link_local(address.ip())).collect();
            Ok(Box::new(allowed.into_iter()) as Addrs)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn endpoints_are_absolute_and_not_link_local() {
        for (text, expected) in [
            ("https://idp.example.com/token", None),
            ("http://127.0.0.1:9000/token/", None),
            ("/token", Some("is not an absolute URL")),
            ("file:///etc/passwd", Some("must begin with http:// or https://")),
            ("https://user:secret@idp.example.com/", Some("must not hold credentials")),
            ("http://169.254.169.254/latest/", Some("must not be a link-local address")),
            ("http://[fe80::1]/", Some("must not be a link-local address")),
            ("http://[::ffff:169.254.169.254]/", Some("must not be a link-local address")),
            ("http://2852039166/", Some("must not be a link-local address")),
        ] {
            assert_eq!(endpoint(text).err(), expected, "{text}");
        }
    }

    #[test]
    fn what_an_identity_provider_says_cannot_forge_a_log_line() {
        assert_eq!(printable("no\r\nsuch\u{7f} thing"), "nosuch thing");
        assert_eq!(printable(&"x".repeat(5000)).len(), REASON_LIMIT);
    }
}
