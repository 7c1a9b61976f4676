//! The plugin configuration, checked: a [`Configuration`] that exists is valid.

mod backend_jwt;
mod client_authentication;
mod duration;
mod identity_provider;
mod key_manager;
pub mod raw;
pub(crate) mod reader;
mod revocation;
mod secret_source;
mod signed_response;

use std::fmt;

use serde_json::Value;

use crate::cut_offs::CutOff;
use crate::denial::ChallengeSettings;
use crate::json;
use crate::jws::{JwtSigner, JwtVerifier};
use crate::registry::Registry;
pub use backend_jwt::BackendJwtSettings;
pub use client_authentication::{ClientAssertion, ClientAuthentication};
pub use identity_provider::{BreakerSettings, IdentityProvider, IntrospectionEndpoint};
pub use key_manager::KeyManagerSettings;
pub use raw::PublishedField;
pub(crate) use reader::{Read, read_lenient};
pub(crate) use revocation::check as check_revocation;
pub use signed_response::SignedResponse;

/// Everything that one load of the plugin decides by.
#[derive(Debug)]
pub struct Configuration {
    /// Who issues tokens; an index into this list names one.
    pub identity_providers: Vec<IdentityProvider>,
    /// Bounds of what is remembered.
    pub cache: CacheSettings,
    /// The backend JWT, when backends get one.
    pub backend_jwt: Option<BackendJwtSettings>,
    /// Whether the backend also receives `Authorization`.
    pub forward_authorization: bool,
    /// Fields for filter state.
    pub publish: Vec<PublishedField>,
    /// What all challenges have in common.
    pub challenge: ChallengeSettings,
    /// Longest token in bytes.
    pub token_bytes: usize,
    /// Whether requests that belong to no API pass.
    pub forward_unmatched: bool,
    /// APIs, applications and subscriptions; none when they all come from the key manager.
    pub registry: Option<Registry>,
    /// Where the registry comes from, when not from here.
    pub key_manager: Option<KeyManagerSettings>,
    /// Revocation cut-offs.
    pub cut_offs: Vec<CutOff>,
}

/// Bounds of what is remembered.
#[derive(Clone, Copy, Debug)]
pub struct CacheSettings {
    /// Active answers in the whole process; a power of two.
    pub shared_entries: u32,
    /// Whether an answer in use is asked for again before it ends.
    pub refresh_ahead: bool,
    /// Bytes of minted backend JWTs in one worker.
    pub backend_jwt_bytes: usize,
}

/// What is wrong with a configuration, and where.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{path}: {reason}")]
pub struct ConfigError {
    path: String,
    reason: String,
}

impl ConfigError {
    pub(crate) fn new(path: impl fmt::Display, reason: impl fmt::Display) -> Self {
        Self::of(&path, &reason)
    }

    #[cold]
    #[inline(never)]
    fn of(path: &dyn fmt::Display, reason: &dyn fmt::Display) -> Self {
        Self { path: path.to_string(), reason: reason.to_string() }
    }
}

/// Makes the error for a path out of a reason.
pub(crate) fn at<R: fmt::Display>(path: impl fmt::Display) -> impl FnOnce(R) -> ConfigError {
    move |reason| ConfigError::new(path, reason)
}

impl Configuration {
    /// Reads and checks the plugin configuration (JSON); `environment` looks up variables of the Wasm VM.
    ///
    /// # Errors
    /// [`ConfigError`] with the path of the first field that is wrong; it never shows a secret.
    #[inline(never)]
    pub fn parse(json: &[u8], environment: &dyn Fn(&str) -> Option<String>) -> Result<Self, ConfigError> {
        if json.iter().all(u8::is_ascii_whitespace) {
            return Err(ConfigError::new("$", "the plugin configuration is empty"));
        }
        let json = std::str::from_utf8(json).map_err(at("$"))?;
        let json = json::parse(json).map_err(at("$"))?;
        let raw = reader::read(&json)?;
        Self::check(&raw, &json, environment)
    }

    fn check(
        raw: &raw::Plugin,
        json: &Value,
        environment: &dyn Fn(&str) -> Option<String>,
    ) -> Result<Self, ConfigError> {
        let cache = check_cache(&raw.cache)?;
        let key_manager =
            raw.key_manager.as_ref().map(|raw| KeyManagerSettings::check(raw, environment)).transpose()?;
        let backend_jwt =
            raw.backend_jwt.as_ref().map(|raw| BackendJwtSettings::check(raw, environment)).transpose()?;
        let forward_claims = backend_jwt.as_ref().map(|settings| settings.forward_claims.as_slice());
        let surroundings = identity_provider::Surroundings {
            json,
            bounds: &raw.cache.introspection,
            forward_claims: forward_claims.unwrap_or_default(),
            environment,
            key_manager: key_manager.as_ref(),
        };
        let identity_providers = identity_provider::check_all(&raw.identity_providers, &surroundings)?;
        if raw.token_bytes == 0 || raw.token_bytes > 65536 {
            return Err(ConfigError::new("tokenBytes", "must be 1 to 65536"));
        }
        if raw.registry.is_none() && raw.key_manager.is_none() {
            return Err(ConfigError::new("$", "missing field `registry`, or `keyManager`"));
        }
        let revocations = raw.registry.as_ref().map(|registry| registry.revocations.as_slice());
        let cut_offs = revocation::check_all(revocations.unwrap_or_default(), &identity_providers)?;
        let registry = raw.registry.as_ref().map(|raw| Registry::check(raw, &identity_providers)).transpose()?;
        let awaits_keys = backend_jwt.as_ref().is_some_and(|settings| settings.signing_key.is_none());
        if awaits_keys && key_manager.is_none() {
            return Err(ConfigError::new("backendJwt.signingKey.keyManager", "needs the section `keyManager`"));
        }
        Ok(Self {
            cache,
            backend_jwt,
            forward_authorization: raw.forward_authorization,
            publish: raw.publish.clone(),
            challenge: ChallengeSettings {
                realm: check_quotable("realm", &raw.realm)?,
                resource_metadata: raw
                    .resource_metadata
                    .as_deref()
                    .map(|url| check_quotable("resourceMetadata", url))
                    .transpose()?,
            },
            token_bytes: raw.token_bytes as usize,
            forward_unmatched: raw.unmatched == raw::Unmatched::Forward,
            registry,
            key_manager,
            cut_offs,
            identity_providers,
        })
    }

    /// What signs client assertions, with the path of its key; it signs nothing before it is equipped.
    pub fn client_signers(&mut self) -> impl Iterator<Item = (String, &mut JwtSigner)> {
        self.identity_providers.iter_mut().enumerate().filter_map(|(index, provider)| {
            let path = format!("identityProviders[{index}].introspection.clientAuthentication.signingKey");
            match &mut provider.introspection.client_authentication {
                ClientAuthentication::PrivateKeyJwt(assertion) => Some((path, &mut assertion.signer)),
                ClientAuthentication::Header(_) | ClientAuthentication::Post { .. } | ClientAuthentication::None => {
                    None
                }
            }
        })
    }

    /// What verifies signed introspection responses, with the path of its keys; unless it is equipped it believes
    /// nothing that the host must verify.
    pub fn response_verifiers(&mut self) -> impl Iterator<Item = (String, &mut JwtVerifier)> {
        self.identity_providers.iter_mut().enumerate().filter_map(|(index, provider)| {
            let path = format!("identityProviders[{index}].introspection.signedResponse.jwks");
            provider.introspection.signed_response.as_mut().map(|signed| (path, &mut signed.verifier))
        })
    }

    /// Every name of headers that say who the caller is, which clients may therefore not send.
    pub fn identity_header(&self) -> Option<&str> {
        self.backend_jwt.as_ref().map(|settings| settings.header.as_str())
    }
}

fn check_cache(raw: &raw::Cache) -> Result<CacheSettings, ConfigError> {
    let entries = raw.introspection.shared_entries;
    if !entries.is_power_of_two() || !(64..=1_048_576).contains(&entries) {
        return Err(ConfigError::new("cache.introspection.sharedEntries", "must be a power of two from 64 to 1048576"));
    }
    Ok(CacheSettings {
        shared_entries: entries,
        refresh_ahead: raw.introspection.refresh_ahead,
        backend_jwt_bytes: raw.backend_jwt.worker_bytes as usize,
    })
}

/// Text that can stand inside a quoted string of a header.
fn check_quotable(path: &str, text: &str) -> Result<String, ConfigError> {
    let quotable = |octet: u8| matches!(octet, b' '..=b'~') && octet != b'"' && octet != b'\\';
    if text.is_empty() || !text.bytes().all(quotable) {
        return Err(ConfigError::new(path, "must be printable ASCII without quote and backslash, and not empty"));
    }
    Ok(text.to_owned())
}

/// Text that can be the value of a header or pseudo header.
pub(crate) fn check_visible(path: &str, text: &str) -> Result<String, ConfigError> {
    if text.is_empty() || !text.bytes().all(|octet| octet.is_ascii_graphic()) {
        return Err(ConfigError::new(path, "must be visible ASCII without spaces, and not empty"));
    }
    Ok(text.to_owned())
}

#[cfg(test)]
mod tests;
