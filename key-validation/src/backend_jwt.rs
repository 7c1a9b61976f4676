//! The backend JWT: what the backend is told about the caller, signed.

mod claims;
mod minted;
mod told_keys;

use std::cell::RefCell;
use std::rc::Rc;

use serde_json::{Map, Value};

use crate::config::BackendJwtSettings;
use crate::digest::digest_of;
use crate::jws::{JwtSigner, Sign, SignError};
use crate::{Denial, UnixTime};
pub use claims::claims;
pub(crate) use claims::reserved_claims;
pub(crate) use minted::{MintKey, MintedJwts};
pub use told_keys::{ToldKey, ToldKeys};

/// Longest value of the header that carries it, in bytes.
const HEADER_LIMIT: usize = 16 * 1024;

/// Makes backend JWTs in one worker.
#[derive(Debug)]
pub struct JwtMinter {
    settings: BackendJwtSettings,
    header: Rc<str>,
    keys: RefCell<Vec<Rc<MintingKey>>>,
}

/// A key that signs backend JWTs, at its time.
#[derive(Debug)]
pub(crate) struct MintingKey {
    signer: JwtSigner,
    not_before: UnixTime,
    expires_at: UnixTime,
    /// Of what its JWTs say beside the claims: who signs them, how, and for how long.
    pub(crate) digest: u64,
}

/// A key that the key manager tells, equipped as [`JwtSigner::equip`] has it.
pub type EquippedKey = (ToldKey, Option<Box<dyn Sign>>, [u8; 16]);

impl JwtMinter {
    /// A minter with the configuration's key, signed by the host or by the key itself; `nonce` must be random. Without
    /// such a key it waits for those of the key manager.
    pub fn new(mut settings: BackendJwtSettings, host_signer: Option<Box<dyn Sign>>, nonce: [u8; 16]) -> Self {
        let key = settings.signing_key.take().map(|(key, key_id)| {
            let (not_before, expires_at) = (UnixTime::from_millis(0), UnixTime::MAX);
            (ToldKey { key_id, key, not_before, expires_at }, host_signer, nonce)
        });
        let minter = Self { header: settings.header.as_str().into(), settings, keys: RefCell::default() };
        minter.replace_keys(key.into_iter().collect());
        minter
    }

    /// Whether it has no key of the configuration's, and no other yet.
    pub(crate) fn awaits_keys(&self) -> bool {
        self.keys.borrow().is_empty()
    }

    /// Has it sign by these keys alone.
    #[inline(never)]
    pub(crate) fn replace_keys(&self, keys: Vec<EquippedKey>) {
        let mut equipped = Vec::with_capacity(keys.len());
        for (ToldKey { key_id, key, not_before, expires_at }, host_signer, nonce) in keys {
            let mut signer = JwtSigner::new(key, Some(key_id));
            signer.equip(host_signer, nonce);
            let BackendJwtSettings { issuer, lifetime, claim_prefix, .. } = &self.settings;
            let digest = digest_of(&(issuer, lifetime, claim_prefix, signer.jwk().to_string()));
            equipped.push(Rc::new(MintingKey { signer, not_before, expires_at, digest }));
        }
        *self.keys.borrow_mut() = equipped;
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

    /// The key that signs now: of those whose time it is, the one whose time has come last.
    ///
    /// # Errors
    /// [`Denial::NotReady`] when there is none.
    #[inline]
    pub(crate) fn key(&self, now: UnixTime) -> Result<Rc<MintingKey>, Denial> {
        let keys = self.keys.borrow();
        let current = keys.iter().filter(|key| key.not_before <= now && now < key.expires_at);
        current.max_by_key(|key| key.not_before).map(Rc::clone).ok_or(Denial::NotReady)
    }

    /// A signed JWT with these claims, and with `iss`, `iat`, `nbf`, `exp` and `jti`, which no claim can replace.
    ///
    /// # Errors
    /// [`Denial::BackendJwtFailed`] when it cannot be signed, or is too long for a header; [`Denial::NotReady`] when
    /// there is no key yet.
    #[inline(never)]
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
        let jwt = self.key(now)?.signer.sign(claims).map_err(|SignError| Denial::BackendJwtFailed)?;
        if jwt.len() > HEADER_LIMIT {
            return Err(Denial::BackendJwtFailed);
        }
        Ok(MintedJwt { jwt: jwt.into(), expires_at, is_final: expires_at == token_expires_at })
    }

    /// The JWK set (RFC 7517 section 5) that verifies its JWTs.
    #[inline(never)]
    pub fn jwks(&self) -> String {
        let keys: Vec<Value> = self.keys.borrow().iter().map(|key| key.signer.jwk()).collect();
        let mut set = Map::new();
        set.insert("keys".to_owned(), keys.into());
        Value::Object(set).to_string()
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
