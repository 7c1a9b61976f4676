//! The backend JWT: what the backend is told about the caller, signed.

mod claims;
mod der;
mod key;
mod minted;

use std::cell::Cell;

use base64::prelude::{BASE64_URL_SAFE_NO_PAD, Engine as _};
use serde_json::{Map, Value, json};

use crate::config::BackendJwtSettings;
use crate::{Denial, UnixTime};
pub use claims::claims;
pub(crate) use claims::reserved_claims;
pub use key::{Algorithm, KeyError, SigningKey, jws_from_der};
pub(crate) use minted::{MintKey, MintedJwts};

/// Longest value of the header that carries it, in bytes.
const HEADER_LIMIT: usize = 16 * 1024;

/// Makes signatures; the one thing that may need the host.
pub trait Sign {
    /// The JWS signature (RFC 7518 section 3) of these octets, by the configured key.
    ///
    /// # Errors
    /// [`SignError`] when there is none; the request then does not go on.
    fn sign(&self, signing_input: &[u8]) -> Result<Vec<u8>, SignError>;
}

/// A signature that could not be made.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the signature could not be made")]
pub struct SignError;

/// Makes backend JWTs in one worker.
pub struct JwtMinter {
    settings: BackendJwtSettings,
    signer: Option<Box<dyn Sign>>,
    /// Sets this worker's `jti`s apart from all others'.
    nonce: [u8; 16],
    minted: Cell<u64>,
}

impl JwtMinter {
    /// A minter with the host's signer, or with the key's own; `nonce` must be random.
    pub fn new(settings: BackendJwtSettings, host_signer: Option<Box<dyn Sign>>, nonce: [u8; 16]) -> Self {
        Self { settings, signer: host_signer, nonce, minted: Cell::new(0) }
    }

    /// What it was configured with.
    pub fn settings(&self) -> &BackendJwtSettings {
        &self.settings
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
            ("iss", json!(self.settings.issuer)),
            ("iat", json!(now.as_seconds())),
            ("nbf", json!(now.as_seconds())),
            ("exp", json!(expires_at.as_seconds())),
            ("jti", json!(self.next_id())),
        ];
        for (name, value) in registered {
            claims.insert(name.to_owned(), value);
        }
        let header = json!({
            "typ": "JWT",
            "alg": self.settings.signing_key.algorithm().name(),
            "kid": self.settings.key_id,
        });
        let mut jwt = BASE64_URL_SAFE_NO_PAD.encode(header.to_string());
        jwt.push('.');
        BASE64_URL_SAFE_NO_PAD.encode_string(Value::Object(claims).to_string(), &mut jwt);
        let signer: &dyn Sign = self.signer.as_deref().unwrap_or(&self.settings.signing_key);
        let signature = signer.sign(jwt.as_bytes()).map_err(|SignError| Denial::BackendJwtFailed)?;
        jwt.push('.');
        BASE64_URL_SAFE_NO_PAD.encode_string(signature, &mut jwt);
        if jwt.len() > HEADER_LIMIT {
            return Err(Denial::BackendJwtFailed);
        }
        Ok(MintedJwt { jwt: jwt.into(), expires_at, is_final: expires_at == token_expires_at })
    }

    /// The JWK set (RFC 7517 section 5) that verifies its JWTs.
    pub fn jwks(&self) -> String {
        let key = self.settings.signing_key.jwk(&self.settings.key_id);
        json!({ "keys": [key] }).to_string()
    }

    fn next_id(&self) -> String {
        let number = self.minted.get();
        self.minted.set(number.wrapping_add(1));
        let mut id = [0; 24];
        let octets = self.nonce.into_iter().chain(number.to_be_bytes());
        id.iter_mut().zip(octets).for_each(|(place, octet)| *place = octet);
        BASE64_URL_SAFE_NO_PAD.encode(id)
    }
}

impl std::fmt::Debug for JwtMinter {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("JwtMinter").field("settings", &self.settings).finish_non_exhaustive()
    }
}

/// A backend JWT that was made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MintedJwt {
    /// The compact serialisation.
    pub jwt: std::rc::Rc<str>,
    /// Its `exp`.
    pub expires_at: UnixTime,
    /// Whether a later one for the same token could not live longer.
    pub is_final: bool,
}

#[cfg(test)]
mod tests;
