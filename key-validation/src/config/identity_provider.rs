//! Identity providers and how to ask them.

use std::time::Duration;

use serde_json::Value;
use sha2::{Digest, Sha256};

use super::client_authentication::{self, ClientAuthentication};
use super::raw::{self, TokenShape};
use super::signed_response::{self, SignedResponse};
use super::{ConfigError, KeyManagerSettings, check_visible};
use crate::cache::Fingerprint;
use crate::registry::Host;

/// More would keep a token usable that is not valid yet by anybody's clock.
const LONGEST_CLOCK_SKEW: Duration = Duration::from_mins(5);

/// An identity provider, checked.
#[derive(Debug)]
pub struct IdentityProvider {
    /// Unique name.
    pub name: String,
    /// What an `iss` in its answers must be.
    pub issuer: Option<String>,
    /// Which tokens are its own.
    pub tokens: Vec<TokenShape>,
    /// How to ask it.
    pub introspection: IntrospectionEndpoint,
    /// Where it puts things in its answers.
    pub claims: raw::Claims,
    /// Any of these must be in `aud`, unless empty.
    pub audience: Vec<String>,
    /// Leeway for `nbf` and `iat`.
    pub clock_skew: Duration,
    /// How long past its freshness an active answer is served during an outage; not at all when none.
    pub stale_for: Option<Duration>,
    /// When calls are suspended.
    pub breaker: BreakerSettings,
    /// Calls under way at a time in one worker.
    pub concurrent_calls: u32,
    /// Longest use of an active answer.
    pub maximum_lifetime: Duration,
    /// Use of an inactive answer.
    pub inactive_lifetime: Duration,
    /// Members of the answer that the backend JWT copies.
    pub forward_claims: Vec<String>,
    /// Digest of everything that changes what is asked or what is kept of the answer.
    pub fingerprint: Fingerprint,
}

/// When calls to an identity provider are suspended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BreakerSettings {
    /// Outages in a row that open the breaker.
    pub failures: u32,
    /// How long it stays open before a probe, about.
    pub open_for: Duration,
}

/// The introspection endpoint, checked.
#[derive(Debug)]
pub struct IntrospectionEndpoint {
    /// Envoy cluster.
    pub cluster: String,
    /// `:authority` of the request.
    pub authority: String,
    /// `:path` of the request.
    pub path: String,
    /// Longest wait.
    pub timeout: Duration,
    /// The gateway's credentials.
    pub client_authentication: ClientAuthentication,
    /// Further form fields.
    pub parameters: Vec<(String, String)>,
    /// Statuses that mean "inactive".
    pub inactive_statuses: Vec<u16>,
    /// `error` members of a 400 that mean "inactive".
    pub inactive_errors: Vec<String>,
    /// Whether it is tried at start.
    pub self_test: bool,
    /// What its answers must be signed by, when they must.
    pub signed_response: Option<SignedResponse>,
    /// When Envoy asks again within the timeout, and how often at most: it keeps these headers' values to itself.
    pub retries: (&'static str, &'static str),
}

/// What an identity provider's own section does not say.
pub(super) struct Surroundings<'a> {
    /// The whole configuration as it was written.
    pub(super) json: &'a Value,
    pub(super) bounds: &'a raw::IntrospectionCache,
    pub(super) forward_claims: &'a [String],
    pub(super) environment: &'a dyn Fn(&str) -> Option<String>,
    pub(super) key_manager: Option<&'a KeyManagerSettings>,
}

/// Checks the list.
pub(super) fn check_all(
    raw: &[raw::IdentityProvider],
    surroundings: &Surroundings<'_>,
) -> Result<Vec<IdentityProvider>, ConfigError> {
    if raw.is_empty() {
        return Err(ConfigError::new("identityProviders", "must name at least one"));
    }
    let mut checked: Vec<IdentityProvider> = Vec::with_capacity(raw.len());
    for (index, raw) in raw.iter().enumerate() {
        let path = format!("identityProviders[{index}]");
        if checked.iter().any(|other| other.name == raw.name) {
            return Err(ConfigError::new(format_args!("{path}.name"), format!("`{}` is there twice", raw.name)));
        }
        for shape in &raw.tokens {
            check_shape(&path, shape)?;
        }
        let mut provider = IdentityProvider::check(&path, raw, surroundings)?;
        provider.fingerprint = surroundings.fingerprint(index, &provider.introspection.client_authentication);
        checked.push(provider);
    }
    Ok(checked)
}

impl Surroundings<'_> {
    /// Digest of an identity provider's whole section with its resolved secret, and of what else changes the answers
    /// that are kept. It over-covers on purpose: were a field forgotten, one configuration would read another's.
    fn fingerprint(&self, index: usize, authentication: &ClientAuthentication) -> Fingerprint {
        let section = self.json.get("identityProviders").and_then(|sections| sections.get(index));
        let mut hash = Sha256::new();
        let asks = section.and_then(|section| section.get("introspection")?.get("keyManager")?.as_bool());
        let asks_key_manager = asks.unwrap_or_default();
        let key_manager = self.json.get("keyManager").filter(|_| asks_key_manager);
        for json in [section, self.json.get("cache"), key_manager] {
            hash.update(json.unwrap_or_default().to_string());
        }
        for claim in self.forward_claims {
            hash.update(Value::from(claim.as_str()).to_string());
        }
        hash.update(authentication.fingerprint());
        Fingerprint::new(hash.finalize().into())
    }
}

fn check_not_empty<'a>(path: &str, mut texts: impl Iterator<Item = &'a String>) -> Result<(), ConfigError> {
    if texts.any(String::is_empty) { Err(ConfigError::new(path, "must not be empty")) } else { Ok(()) }
}

fn check_shape(path: &str, shape: &TokenShape) -> Result<(), ConfigError> {
    let reason = match shape {
        TokenShape::Prefix(text) | TokenShape::Issuer(text) if text.is_empty() => "must not be empty",
        TokenShape::Any(false) => "`any` must be true",
        TokenShape::Prefix(_) | TokenShape::Issuer(_) | TokenShape::Any(true) => return Ok(()),
    };
    Err(ConfigError::new(format_args!("{path}.tokens"), reason))
}

/// A revoked token passes for as long, when the identity provider is away.
const LONGEST_STALE: Duration = Duration::from_hours(1);

impl IdentityProvider {
    fn check(path: &str, raw: &raw::IdentityProvider, surroundings: &Surroundings<'_>) -> Result<Self, ConfigError> {
        let name_octet = |octet: u8| matches!(octet, b'a'..=b'z' | b'0'..=b'9' | b'-');
        if !(1..=63).contains(&raw.name.len()) || !raw.name.bytes().all(name_octet) {
            return Err(ConfigError::new(format_args!("{path}.name"), "must be 1 to 63 of a-z, 0-9 and `-`"));
        }
        if raw.tokens.is_empty() {
            return Err(ConfigError::new(format_args!("{path}.tokens"), "must name at least one shape"));
        }
        check_not_empty(&format!("{path}.issuer"), raw.issuer.iter())?;
        check_not_empty(&format!("{path}.audience"), raw.audience.iter())?;
        if raw.clock_skew.get() > LONGEST_CLOCK_SKEW {
            return Err(ConfigError::new(format_args!("{path}.clockSkew"), "must be at most 5m"));
        }
        if raw.concurrent_calls == 0 {
            return Err(ConfigError::new(format_args!("{path}.concurrentCalls"), "must be at least 1"));
        }
        if raw.breaker.failures == 0 || raw.breaker.open_for.get().is_zero() {
            return Err(ConfigError::new(format_args!("{path}.breaker"), "must be above 0"));
        }
        check_markers(path, &raw.claims.application_token)?;
        let introspection = IntrospectionEndpoint::check(path, raw, surroundings)?;
        Ok(Self {
            name: raw.name.clone(),
            issuer: raw.issuer.clone(),
            tokens: raw.tokens.clone(),
            introspection,
            claims: raw.claims.clone(),
            audience: raw.audience.clone(),
            clock_skew: raw.clock_skew.get(),
            stale_for: check_outage(path, &raw.outage)?,
            breaker: BreakerSettings { failures: raw.breaker.failures, open_for: raw.breaker.open_for.get() },
            concurrent_calls: raw.concurrent_calls,
            maximum_lifetime: surroundings.bounds.maximum_lifetime.get(),
            inactive_lifetime: surroundings.bounds.inactive_lifetime.get(),
            forward_claims: surroundings.forward_claims.to_vec(),
            fingerprint: Fingerprint::new([0; 32]),
        })
    }
}

fn check_outage(path: &str, raw: &raw::Outage) -> Result<Option<Duration>, ConfigError> {
    let refused = |reason: &str| Err(ConfigError::new(format_args!("{path}.outage.for"), reason));
    match (raw.mode, raw.stale_for.map(super::duration::Duration::get)) {
        (raw::OutageMode::Deny, None) => Ok(None),
        (raw::OutageMode::Deny, Some(_)) => refused("goes with the mode `stale`"),
        (raw::OutageMode::Stale, None) => refused("is required by the mode `stale`"),
        (raw::OutageMode::Stale, Some(stale_for)) if stale_for.is_zero() || stale_for > LONGEST_STALE => {
            refused("must be above 0 and at most 1h")
        }
        (raw::OutageMode::Stale, stale_for) => Ok(stale_for),
    }
}

fn check_markers(path: &str, markers: &[raw::ApplicationMarker]) -> Result<(), ConfigError> {
    for (index, marker) in markers.iter().enumerate() {
        let path = format!("{path}.claims.applicationToken[{index}]");
        if marker.equals.is_some() == marker.prefix.is_some() {
            return Err(ConfigError::new(path, "needs `equals` or `prefix`, one of the two"));
        }
        // An empty prefix would make every user's token an application's.
        check_not_empty(&path, [&marker.claim].into_iter().chain(&marker.prefix))?;
    }
    Ok(())
}

/// Form fields that the filter sends itself.
const OWN_PARAMETERS: [&str; 6] =
    ["token", "client_id", "client_secret", "client_assertion", "client_assertion_type", "identity_provider"];

/// Checks cluster, authority and path of an endpoint.
fn check_place(endpoint: &str, [cluster, authority, path]: &[String; 3]) -> Result<(), ConfigError> {
    check_visible(&format!("{endpoint}.cluster"), cluster)?;
    if Host::parse(authority.as_bytes()).is_err() {
        return Err(ConfigError::new(format_args!("{endpoint}.authority"), "must be a host with an optional port"));
    }
    if !path.starts_with('/') {
        return Err(ConfigError::new(format_args!("{endpoint}.path"), "must start with `/`"));
    }
    if path.contains('#') {
        return Err(ConfigError::new(format_args!("{endpoint}.path"), "must not have a `#`"));
    }
    check_visible(&format!("{endpoint}.path"), path).map(drop)
}

impl IntrospectionEndpoint {
    /// Once more where the question has certainly not arrived: no connection came about, or the identity provider refused
    /// the stream (RFC 9113 section 8.7).
    pub(crate) const RETRIES: (&str, &str) = ("connect-failure,refused-stream", "1");
    /// Whatever has become of the question: it changes nothing, and where one key manager is gone another answers.
    const KEY_MANAGER_RETRIES: (&str, &str) = ("reset", "3");

    fn check(
        provider: &str,
        raw::IdentityProvider { name, issuer, introspection: raw, .. }: &raw::IdentityProvider,
        surroundings: &Surroundings<'_>,
    ) -> Result<Self, ConfigError> {
        let issuer = issuer.as_deref();
        let path = format!("{provider}.introspection");
        let timeout = raw.timeout.get();
        if timeout.is_zero() || timeout > Duration::from_secs(30) {
            return Err(ConfigError::new(format_args!("{path}.timeout"), "must be above 0 and at most 30s"));
        }
        for name in OWN_PARAMETERS {
            if raw.parameters.iter().any(|parameter| parameter.0 == name) {
                return Err(ConfigError::new(format_args!("{path}.parameters.{name}"), "is sent by the filter itself"));
            }
        }
        // The others speak of us or of an outage, which must never become the caller's 401.
        let speaks_of_the_token = |status: &u16| matches!(status, 402 | 404..=428 | 430..=499);
        if !raw.inactive_statuses.iter().all(speaks_of_the_token) {
            let reason = "must be 4xx, and not 400, 401, 403 or 429";
            return Err(ConfigError::new(format_args!("{path}.inactiveStatuses"), reason));
        }
        let mut parameters = raw.parameters.clone();
        let ([cluster, authority, target], client_authentication) = if raw.key_manager {
            let Some(settings) = surroundings.key_manager else {
                return Err(ConfigError::new(format_args!("{path}.keyManager"), "needs the section `keyManager`"));
            };
            parameters.push(("identity_provider".to_owned(), name.clone()));
            let place = [&settings.cluster, &settings.authority, "/oauth2/introspect"].map(str::to_owned);
            (place, ClientAuthentication::Header(settings.authorization()))
        } else {
            let place = [&raw.cluster, &raw.authority, &raw.path].map(|text| text.clone().unwrap_or_default());
            check_place(&path, &place)?;
            let raw = raw.client_authentication.as_ref();
            let raw = raw.ok_or_else(|| ConfigError::new(&path, "missing field `clientAuthentication`"))?;
            (place, client_authentication::check(&path, raw, issuer, surroundings.environment)?)
        };
        let client_id = raw.client_authentication.as_ref().and_then(|raw| raw.client_id.as_deref());
        let signed = raw.signed_response.as_ref();
        let signed = signed.map(|raw| signed_response::check(&path, raw, issuer, client_id)).transpose()?;
        if signed.is_some() && !raw.inactive_statuses.is_empty() {
            let reason = "says something of the token without a signature, which `signedResponse` rules out";
            return Err(ConfigError::new(format_args!("{path}.inactiveStatuses"), reason));
        }
        Ok(Self {
            signed_response: signed,
            cluster,
            authority,
            path: target,
            timeout,
            client_authentication,
            parameters,
            inactive_statuses: raw.inactive_statuses.clone(),
            inactive_errors: raw.inactive_errors.clone(),
            self_test: raw.self_test,
            retries: if raw.key_manager { Self::KEY_MANAGER_RETRIES } else { Self::RETRIES },
        })
    }
}
