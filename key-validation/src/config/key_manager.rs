//! The key manager, where the registry comes from it.

use std::time::Duration;

use sha2::{Digest, Sha256};

use super::{ConfigError, at, check_visible, raw};
use crate::Secret;
use crate::feed::{FeedRequest, RegistryCopy};
use crate::lease::Lease;
use crate::registry::Host;

/// How the key manager is reached.
#[derive(Clone, Debug)]
pub struct KeyManagerSettings {
    /// Envoy cluster.
    pub cluster: String,
    /// `:authority` of the requests.
    pub authority: String,
    /// The gateway's bearer credential.
    pub credential: Secret,
    /// The gateway's name.
    pub gateway: String,
    /// How often workers look for changes.
    pub tick: Duration,
}

impl KeyManagerSettings {
    pub(super) fn check(
        raw: &raw::KeyManager,
        environment: &dyn Fn(&str) -> Option<String>,
    ) -> Result<Self, ConfigError> {
        let name_octet = |octet: u8| octet.is_ascii_alphanumeric() || b"._-".contains(&octet);
        if !(1..=63).contains(&raw.gateway.len()) || !raw.gateway.bytes().all(name_octet) {
            return Err(ConfigError::new("keyManager.gateway", "must be 1 to 63 of a-z, A-Z, 0-9, `.`, `_` and `-`"));
        }
        if Host::parse(raw.authority.as_bytes()).is_err() {
            return Err(ConfigError::new("keyManager.authority", "must be a host with an optional port"));
        }
        let tick = raw.tick.get();
        if !(Duration::from_millis(10)..=Duration::from_secs(10)).contains(&tick) {
            return Err(ConfigError::new("keyManager.tick", "must be 10ms to 10s"));
        }
        let credential = raw.credential.resolve(environment).map_err(at("keyManager.credential"))?;
        if !credential.expose().bytes().all(|octet| octet.is_ascii_graphic()) {
            return Err(ConfigError::new("keyManager.credential", "must be visible ASCII without spaces"));
        }
        Ok(Self {
            cluster: check_visible("keyManager.cluster", &raw.cluster)?,
            authority: raw.authority.clone(),
            credential,
            gateway: raw.gateway.clone(),
            tick,
        })
    }

    /// Digest of where it is reached: gateways of one process with the same one share a copy of the registry.
    pub(crate) fn fingerprint(&self) -> [u8; 32] {
        let mut hash = Sha256::new();
        for part in [&self.cluster, &self.authority, &self.gateway] {
            hash.update(part);
            hash.update([0]);
        }
        hash.finalize().into()
    }

    /// The copy of its registry.
    pub(crate) fn registry_copy(&self) -> RegistryCopy {
        RegistryCopy::new(&self.fingerprint())
    }

    /// By which of a process's workers one at a time reads the feed.
    #[inline(never)]
    pub fn feed_lease(&self) -> Lease {
        let fingerprint = self.fingerprint();
        Lease::new(self.registry_copy().lease_slot(), fingerprint)
    }

    /// `Authorization` of every request to it.
    pub(crate) fn authorization(&self) -> Secret {
        Secret::new(format!("Bearer {}", self.credential.expose()))
    }

    /// A request to it; a body is JSON.
    #[inline(never)]
    pub fn request(&self, method: &str, path: String, body: String) -> FeedRequest {
        let mut headers = vec![
            (":method", method.to_owned()),
            (":path", path),
            (":authority", self.authority.clone()),
            ("accept", "application/json".to_owned()),
            ("authorization", self.authorization().expose().to_owned()),
            ("x-gatehouse-gateway", self.gateway.clone()),
        ];
        if !body.is_empty() {
            headers.push(("content-type", "application/json".to_owned()));
        }
        FeedRequest { headers, body }
    }
}
