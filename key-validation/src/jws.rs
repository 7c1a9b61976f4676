//! JSON web signatures (RFC 7515) as JWTs (RFC 7519) have them: keys, and the compact serialisation.

mod der;
mod key;
mod verification_key;
mod verifier;

use std::cell::Cell;
use std::fmt;

use base64::prelude::{BASE64_URL_SAFE_NO_PAD, Engine as _};
use serde_json::{Map, Value};

pub use key::{Algorithm, KeyError, SigningKey, jws_from_der};
pub use verification_key::{JwkError, VerificationKey};
pub use verifier::JwtVerifier;
pub(crate) use verifier::NotVerified;

const RSA_SHORTEST_MODULUS: usize = 2048 / 8;

/// Makes signatures; the one thing that may need the host.
pub trait Sign {
    /// The JWS signature (RFC 7518 section 3) of these octets, by the configured key.
    ///
    /// # Errors
    /// [`SignError`] when there is none; what was to be signed is then not sent.
    fn sign(&self, signing_input: &[u8]) -> Result<Vec<u8>, SignError>;
}

/// A signature that could not be made.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the signature could not be made")]
pub struct SignError;

/// Verifies signatures by keys that only the host is quick with.
pub trait Verify {
    /// Whether this is the signature of these octets: with SHA-256, RSASSA-PKCS1-v1_5 or ECDSA (in DER) by the key
    /// (SPKI in DER).
    ///
    /// # Errors
    /// [`VerifyError`] when the host cannot tell; the signature then counts as wrong.
    fn verify(&self, public_key_der: &[u8], signed: &[u8], signature: &[u8]) -> Result<bool, VerifyError>;
}

/// A signature that could not be verified.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the signature could not be verified")]
pub struct VerifyError;

/// A private key at work in one worker.
pub struct JwtSigner {
    key: SigningKey,
    key_id: Option<String>,
    equipment: Option<Equipment>,
    signed: Cell<u64>,
}

/// What the worker adds to a key.
struct Equipment {
    host_signer: Option<Box<dyn Sign>>,
    /// Sets this worker's `jti`s apart from all others'.
    nonce: [u8; 16],
}

impl JwtSigner {
    /// A signer that signs nothing before it is [equipped](Self::equip).
    pub fn new(key: SigningKey, key_id: Option<String>) -> Self {
        Self { key, key_id, equipment: None, signed: Cell::new(0) }
    }

    /// Makes it sign, by the host where it can, else by itself; `nonce` must be random.
    pub fn equip(&mut self, host_signer: Option<Box<dyn Sign>>, nonce: [u8; 16]) {
        self.equipment = Some(Equipment { host_signer, nonce });
    }

    /// The key.
    pub fn key(&self) -> &SigningKey {
        &self.key
    }

    /// A JWT with these claims, and with a `jti` that no other JWT has.
    ///
    /// # Errors
    /// [`SignError`] when it cannot be signed.
    pub(crate) fn sign(&self, mut claims: Map<String, Value>) -> Result<String, SignError> {
        let equipment = self.equipment.as_ref().ok_or(SignError)?;
        claims.insert("jti".to_owned(), self.next_id(equipment.nonce).into());
        let key_id = self.key_id.as_deref().map(|key_id| ("kid", key_id));
        let header = key::members([("typ", "JWT"), ("alg", self.key.algorithm().name())].into_iter().chain(key_id));
        let mut jwt = BASE64_URL_SAFE_NO_PAD.encode(Value::Object(header).to_string());
        jwt.push('.');
        BASE64_URL_SAFE_NO_PAD.encode_string(Value::Object(claims).to_string(), &mut jwt);
        let signature = equipment.host_signer.as_deref().unwrap_or(&self.key).sign(jwt.as_bytes())?;
        jwt.push('.');
        BASE64_URL_SAFE_NO_PAD.encode_string(signature, &mut jwt);
        Ok(jwt)
    }

    /// The JWK (RFC 7517) that verifies its JWTs.
    pub(crate) fn jwk(&self) -> Value {
        self.key.jwk(self.key_id.as_deref())
    }

    fn next_id(&self, nonce: [u8; 16]) -> String {
        let number = self.signed.get();
        self.signed.set(number.wrapping_add(1));
        let mut id = [0; 24];
        let octets = nonce.into_iter().chain(number.to_be_bytes());
        id.iter_mut().zip(octets).for_each(|(place, octet)| *place = octet);
        BASE64_URL_SAFE_NO_PAD.encode(id)
    }
}

impl fmt::Debug for JwtSigner {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut shown = formatter.debug_struct("JwtSigner");
        shown.field("key", &self.key).field("key_id", &self.key_id).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
