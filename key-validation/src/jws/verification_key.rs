//! Public keys that verify what others have signed.

use base64::prelude::{BASE64_URL_SAFE_NO_PAD, Engine as _};
use serde_json::Value;

use super::{Algorithm, RSA_SHORTEST_MODULUS, Verify, der};

/// A public key, by its JWS algorithm.
#[derive(Debug)]
pub struct VerificationKey {
    algorithm: Algorithm,
    key_id: Option<String>,
    kind: Kind,
}

#[derive(Debug)]
enum Kind {
    EdDsa(ed25519_compact::PublicKey),
    /// In DER (SPKI), for a host that verifies.
    ByHost(Vec<u8>),
}

/// Why a JWK is no verification key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum JwkError {
    /// It is not an asymmetric key of a kind that is known.
    #[error("is a key of another kind than EC P-256, Ed25519 and RSA")]
    UnknownKind,
    /// A member is missing, or not what its kind needs.
    #[error("is a damaged key")]
    Damaged,
    /// RSA below 2048 bits.
    #[error("is an RSA key of less than 2048 bits")]
    TooShort,
    /// Who may only verify has it.
    #[error("is a private key; only its public half belongs here")]
    Private,
    /// `use` or `alg` says so.
    #[error("is not for signatures by the algorithm of its kind")]
    OtherUse,
}

impl VerificationKey {
    /// Reads a public key (RFC 7517, RFC 7518 section 6, RFC 8037 section 2).
    ///
    /// # Errors
    /// [`JwkError`] when signatures cannot be verified by it.
    pub fn from_jwk(jwk: &Value) -> Result<Self, JwkError> {
        let text = |name: &str| jwk.get(name).and_then(Value::as_str);
        let octets = |name: &str| {
            let octets = text(name).and_then(|text| BASE64_URL_SAFE_NO_PAD.decode(text).ok());
            octets.ok_or(JwkError::Damaged)
        };
        if jwk.get("d").is_some() {
            return Err(JwkError::Private);
        }
        let (algorithm, kind) = match (text("kty"), text("crv")) {
            (Some("EC"), Some("P-256")) => (Algorithm::Es256, p256(&octets("x")?, &octets("y")?)?),
            (Some("OKP"), Some("Ed25519")) => {
                let key = ed25519_compact::PublicKey::from_slice(&octets("x")?).map_err(|_| JwkError::Damaged)?;
                (Algorithm::EdDsa, Kind::EdDsa(key))
            }
            (Some("RSA"), None) => {
                let (modulus, exponent) = (octets("n")?, octets("e")?);
                if modulus.len() < RSA_SHORTEST_MODULUS {
                    return Err(JwkError::TooShort);
                }
                (Algorithm::Rs256, Kind::ByHost(der::rsa_public_key(&modulus, &exponent)))
            }
            _ => return Err(JwkError::UnknownKind),
        };
        let agrees = |name: &str, expected: &str| jwk.get(name).is_none_or(|value| value.as_str() == Some(expected));
        if !agrees("use", "sig") || !agrees("alg", algorithm.name()) {
            return Err(JwkError::OtherUse);
        }
        Ok(Self { algorithm, key_id: text("kid").map(str::to_owned), kind })
    }

    /// Whether signatures are verified by the host.
    pub(super) fn needs_host(&self) -> bool {
        matches!(self.kind, Kind::ByHost(_))
    }

    /// Whether a signature with this header may be the key's.
    pub(super) fn is_meant(&self, algorithm: &str, key_id: Option<&str>) -> bool {
        let same_id = self.key_id.as_deref().zip(key_id).is_none_or(|(own, named)| own == named);
        self.algorithm.name() == algorithm && same_id
    }

    /// Whether this is the key's signature of the signing input.
    pub(super) fn verifies(&self, host: Option<&dyn Verify>, signing_input: &[u8], signature: &[u8]) -> bool {
        match &self.kind {
            Kind::EdDsa(key) => ed25519_compact::Signature::from_slice(signature)
                .is_ok_and(|signature| key.verify(signing_input, &signature).is_ok()),
            Kind::ByHost(key) => {
                let signature = match self.algorithm {
                    Algorithm::Es256 => der::ecdsa_signature(signature),
                    Algorithm::EdDsa | Algorithm::Rs256 => Some(signature.to_vec()),
                };
                let verified = host.zip(signature).map(|(host, signature)| host.verify(key, signing_input, &signature));
                verified == Some(Ok(true))
            }
        }
    }
}

fn p256(x: &[u8], y: &[u8]) -> Result<Kind, JwkError> {
    const UNCOMPRESSED: u8 = 4;
    if x.len() != 32 || y.len() != 32 {
        return Err(JwkError::Damaged);
    }
    // Whether the point is on the curve is for the host to check, as it must for each key that it is given.
    let point = [&[UNCOMPRESSED], x, y].concat();
    Ok(Kind::ByHost(der::p256_public_key(&point)))
}
