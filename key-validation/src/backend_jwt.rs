//! The backend JWT: what the backend is told about the caller, signed.

mod claims;
mod minted;

use std::rc::Rc;

use serde_json::{Map, Value};

use crate::config::BackendJwtSettings;
use crate::digest::digest_of;
use crate::jws::{JwtSigner, Sign, SignError};
use crate::{Denial, UnixTime};
pub use claims::claims;
pub(crate) use claims::reserved_claims;
pub(crate) use minted::{MintKey, MintedJwts};

/// Longest value of the header that carries it, in bytes.
const HEADER_LIMIT: usize = 16 * 1024;

/// Makes backend JWTs in one worker.
#[derive(Debug)]
pub struct JwtMinter {
    settings: BackendJwtSettings,
    header: Rc<str>,
    signer: JwtSigner,
    /// Of what its JWTs say beside the claims: who signs them, how, and for how long.
    digest: u64,
}

impl JwtMinter {
    /// A minter with the host's signer, or with the key's own; `nonce` must be random.
    pub fn new(settings: BackendJwtSettings, host_signer: Option<Box<dyn Sign>>, nonce: [u8; 16]) -> Self {
        let mut signer = JwtSigner::new(settings.signing_key.clone(), Some(settings.key_id.clone()));
        signer.equip(host_signer, nonce);
        let BackendJwtSettings { issuer, lifetime, claim_prefix, .. } = &settings;
        let digest = digest_of(&(issuer, lifetime, claim_prefix, signer.jwks()));
        Self { header: settings.header.as_str().into(), settings, signer, digest }
    }

    /// What it was configured with.
    #[inline]
    pub fn settings(&self) -> &BackendJwtSettings {
        &self.settings
    }

    /// The name of the header that carries them.
    #[inline]
    pub(crate) fn header(&self) -> &Rc<str> {
        &self.header
    }

    /// A signed JWT with these claims, and with `iss`, `iat`, `nbf`, `exp` and `jti`, which no claim can replace.
    ///
    /// # Errors
    /// [`Denial::BackendJwtFailed`] when it cannot be signed, or is too long for a header.
    pub fn mint(
        &self,
        mut claims: Map<String, Value>,
        token_expires_at: UnixTime,
        now: UnixTime,
    ) -> Result<MintedJwt, Denial> {
        let expires_at = now.plus(self.settings.lifetime).min(token_expires_at);
        let registered = [
            ("iss", Value::from(self.settings.issuer.as_str())),
            ("iat", now.as_seconds().into()),
            ("nbf", now.as_seconds().into()),
            ("exp", expires_at.as_seconds().into()),
        ];
        for (name, value) in registered {
            claims.insert(name.to_owned(), value);
        }
        let jwt = self.signer.sign(claims).map_err(|SignError| Denial::BackendJwtFailed)?;
        if jwt.len() > HEADER_LIMIT {
            return Err(Denial::BackendJwtFailed);
        }
        Ok(MintedJwt { jwt: jwt.into(), expires_at, is_final: expires_at == token_expires_at })
    }

    /// The JWK set (RFC 7517 section 5) that verifies its JWTs.
    pub fn jwks(&self) -> String {
        self.signer.jwks()
    }
}

/// A backend JWT that was made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MintedJwt {
    /// The compact serialisation.
    pub jwt: Rc<str>,
    /// Its `exp`.
    pub expires_at: UnixTime,
    /// Whether a later one for the same token could not live longer.
    pub is_final: bool,
}

#[cfg(test)]
mod tests;
