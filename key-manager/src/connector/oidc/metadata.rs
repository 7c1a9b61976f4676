//! Where an identity provider's endpoints are: RFC 8414 and OpenID Connect Discovery, and what is set by hand.

use reqwest::{Method, Url};
use serde_json::{Map, Value};

use crate::connector::http::{self, HttpClient, bad_answer};
use crate::connector::{ConnectorError, Discovered, Endpoints, Happened};

/// What identity providers publish about themselves, out of all their documents.
#[derive(Clone, Debug, Default)]
pub struct ProviderMetadata(Map<String, Value>);

impl ProviderMetadata {
    /// Reads all documents that an issuer has. Some identity providers leave endpoints out of one of them, so the
    /// first document that has a member counts for it.
    ///
    /// # Errors
    /// [`ConnectorError`] when there is none, or when one names another issuer.
    pub async fn discover(http: &HttpClient, issuer: &Url) -> Result<Self, ConnectorError> {
        let mut members = Map::new();
        let locations = well_known(issuer);
        for url in &locations {
            let Some(document) = fetch(http, url).await? else { continue };
            check_issuer(url, &document, issuer)?;
            for (name, value) in document {
                members.entry(name).or_insert(value);
            }
        }
        if members.is_empty() {
            let tried: Vec<&str> = locations.iter().map(Url::as_str).collect();
            return Err(unchanged(format!("there are no metadata at {}", tried.join(", "))));
        }
        Ok(Self(members))
    }

    /// Reads one document; its issuer must be `issuer` when that is given.
    ///
    /// # Errors
    /// [`ConnectorError`] when there is none, or when it names another issuer.
    pub async fn read(http: &HttpClient, url: &Url, issuer: Option<&Url>) -> Result<Self, ConnectorError> {
        let document = fetch(http, url).await?.ok_or_else(|| unchanged(format!("there are no metadata at {url}")))?;
        if let Some(issuer) = issuer {
            check_issuer(url, &document, issuer)?;
        }
        Ok(Self(document))
    }

    /// What an issuer, or one of its documents, says for the settings of a key manager.
    ///
    /// # Errors
    /// As for [`ProviderMetadata::discover`]; [`ConnectorError::Refused`] when `url` is none.
    pub(in crate::connector) async fn discovered(http: &HttpClient, url: &str) -> Result<Discovered, ConnectorError> {
        let refused =
            |reason: &str| ConnectorError::Refused { field: Some("url".to_owned()), reason: reason.to_owned() };
        let url = http::endpoint(url).map_err(refused)?;
        let is_document = url.path().contains("/.well-known/");
        let metadata =
            if is_document { Self::read(http, &url, None).await? } else { Self::discover(http, &url).await? };
        let text = |name: &str| metadata.text(name).map(str::to_owned);
        let issuer = text("issuer").filter(|issuer| !issuer.is_empty());
        Ok(Discovered {
            issuer: issuer.ok_or_else(|| unchanged(format!("the metadata at {url} name no issuer")))?,
            well_known_endpoint: is_document.then(|| url.to_string()),
            endpoints: Endpoints {
                registration: text("registration_endpoint"),
                token: text("token_endpoint"),
                introspection: text("introspection_endpoint"),
                revocation: text("revocation_endpoint"),
                userinfo: text("userinfo_endpoint"),
                scope_management: None,
            },
            authorization_endpoint: text("authorization_endpoint"),
            jwks_uri: text("jwks_uri"),
            grant_types: metadata.texts("grant_types_supported").into_iter().map(str::to_owned).collect(),
        })
    }

    /// A member that is a text.
    pub fn text(&self, name: &str) -> Option<&str> {
        self.0.get(name)?.as_str()
    }

    /// A member that is a list of texts.
    pub fn texts(&self, name: &str) -> Vec<&str> {
        self.0.get(name).and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str).collect()
    }

    /// An endpoint; one that this program must not reach is as bad as none.
    ///
    /// # Errors
    /// [`ConnectorError::NoEndpoint`] and [`ConnectorError::BadAnswer`].
    pub fn endpoint(&self, name: &'static str) -> Result<Url, ConnectorError> {
        let text = self.text(name).ok_or(ConnectorError::NoEndpoint { endpoint: name })?;
        let url = http::endpoint(text).map_err(|reason| unchanged(format!("{name} of its metadata {reason}")))?;
        let is_downgrade = url.scheme() == "http" && self.text("issuer").is_some_and(|text| text.starts_with("https:"));
        if is_downgrade { Err(unchanged(format!("{name} of its metadata is not https"))) } else { Ok(url) }
    }
}

/// Where the metadata of an issuer may be: OpenID Connect appends to the issuer, RFC 8414 inserts before its path, and
/// some identity providers do the one with the other's name.
fn well_known(issuer: &Url) -> Vec<Url> {
    const NAMES: [&str; 2] = ["openid-configuration", "oauth-authorization-server"];
    let path = issuer.path().trim_end_matches('/');
    let appended = NAMES.map(|name| format!("{path}/.well-known/{name}"));
    let inserted = NAMES.map(|name| format!("/.well-known/{name}{path}"));
    let [openid_appended, oauth_appended] = appended;
    let [openid_inserted, oauth_inserted] = inserted;
    let mut paths = vec![openid_appended, oauth_inserted, oauth_appended, openid_inserted];
    if path.is_empty() {
        paths.truncate(2);
    }
    let at = |path: String| {
        let mut url = issuer.clone();
        url.set_path(&path);
        url
    };
    paths.into_iter().map(at).collect()
}

/// A document; `None` when there is none at this place.
async fn fetch(http: &HttpClient, url: &Url) -> Result<Option<Map<String, Value>>, ConnectorError> {
    let answer = http.send(http.request(Method::GET, url)).await?;
    match answer.status {
        200 => match answer.json()? {
            Value::Object(document) => Ok(Some(document)),
            _ => Err(bad_answer(format!("the metadata at {url} are no JSON object"))),
        },
        // Some answer 400 or 405 to paths that they do not know.
        400 | 401 | 403 | 404 | 405 | 410 => Ok(None),
        _ => Err(answer.failure()),
    }
}

/// RFC 8414 section 3.3: another issuer's metadata must not be used. Identical as text, but for the slash that a URL
/// without a path gets when it is parsed.
fn check_issuer(url: &Url, document: &Map<String, Value>, issuer: &Url) -> Result<(), ConnectorError> {
    let named = document.get("issuer").and_then(Value::as_str).unwrap_or_default();
    let expected = issuer.as_str();
    let same = named == expected || (issuer.path() == "/" && expected.trim_end_matches('/') == named);
    if same { Ok(()) } else { Err(unchanged(format!("the metadata at {url} are of another issuer than {expected}"))) }
}

/// Nothing is changed by reading metadata.
fn unchanged(reason: String) -> ConnectorError {
    ConnectorError::BadAnswer { reason, happened: Happened::No }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn looks_at_the_places_of_both_standards() {
        let paths = |issuer: &str| {
            let urls = well_known(&Url::parse(issuer).unwrap());
            urls.iter().map(|url| url.path().to_owned()).collect::<Vec<_>>()
        };
        assert_eq!(
            paths("https://idp.example.com"),
            ["/.well-known/openid-configuration", "/.well-known/oauth-authorization-server"]
        );
        assert_eq!(
            paths("https://idp.example.com/realms/a/"),
            [
                "/realms/a/.well-known/openid-configuration",
                "/.well-known/oauth-authorization-server/realms/a",
                "/realms/a/.well-known/oauth-authorization-server",
                "/.well-known/openid-configuration/realms/a",
            ]
        );
    }

    #[test]
    fn metadata_of_another_issuer_are_refused() {
        let check = |named: &str, issuer: &str| {
            let document = Map::from_iter([("issuer".to_owned(), Value::from(named))]);
            let issuer = Url::parse(issuer).unwrap();
            check_issuer(&issuer, &document, &issuer).is_ok()
        };
        assert!(check("https://a.example", "https://a.example"));
        assert!(check("https://a.example/", "https://a.example/"));
        assert!(check("https://a.example/x", "https://a.example/x"));
        assert!(!check("https://a.example/x/", "https://a.example/x"));
        assert!(!check("https://b.example", "https://a.example"));
        assert!(!check("", "https://a.example"));
    }

    #[test]
    fn an_endpoint_is_neither_link_local_nor_less_safe_than_the_issuer() {
        let metadata = |endpoint: &str| {
            let members = [("issuer", "https://a.example"), ("token_endpoint", endpoint)];
            ProviderMetadata(members.map(|(name, value)| (name.to_owned(), Value::from(value))).into_iter().collect())
        };
        assert!(metadata("https://b.example/token").endpoint("token_endpoint").is_ok());
        for bad in ["http://a.example/token", "https://169.254.169.254/token", "token"] {
            assert!(metadata(bad).endpoint("token_endpoint").is_err(), "{bad}");
        }
        let absent = metadata("").endpoint("revocation_endpoint");
        assert_eq!(absent, Err(ConnectorError::NoEndpoint { endpoint: "revocation_endpoint" }));
    }
}
