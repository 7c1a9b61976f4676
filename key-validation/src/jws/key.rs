//! The private key that signs JWTs, and what its public half looks like.

use std::fmt;

use base64::prelude::{BASE64_STANDARD, BASE64_URL_SAFE_NO_PAD, Engine as _};
use jwt_compact::Algorithm as _;
use jwt_compact::alg::Es256;
use serde_json::{Map, Value};
use sha2::{Digest as _, Sha256};

use super::der::{self, ID_EC_PUBLIC_KEY, ID_ED25519, PRIME256V1, RSA_ENCRYPTION, Reader};
use super::{RSA_SHORTEST_MODULUS, Sign, SignError};
use crate::Secret;

/// A private key, by its JWS algorithm.
#[derive(Clone)]
pub struct SigningKey {
    pkcs8: Vec<u8>,
    kind: Kind,
}

#[derive(Clone)]
enum Kind {
    Es256(p256::ecdsa::SigningKey),
    EdDsa(ed25519_compact::KeyPair),
    Rs256 { modulus: Vec<u8>, public_exponent: Vec<u8> },
}

/// JWS algorithms (RFC 7518 section 3.1, RFC 8037 section 3.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Algorithm {
    /// ECDSA on P-256.
    Es256,
    /// Ed25519.
    EdDsa,
    /// RSASSA-PKCS1-v1_5, by the host alone: in WebAssembly a signature would stall the worker for 12 ms.
    Rs256,
}

/// Why a text is no signing key. It shows nothing of the text.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum KeyError {
    /// Not PEM with the label `PRIVATE KEY`.
    #[error("is not a PKCS#8 private key in PEM (`-----BEGIN PRIVATE KEY-----`)")]
    NotPkcs8Pem,
    /// Another algorithm or curve.
    #[error("is a key of another kind than EC P-256, Ed25519 and RSA")]
    UnknownKind,
    /// The algorithm is right, the key is not.
    #[error("is a damaged key")]
    Damaged,
    /// RSA below 2048 bits.
    #[error("is an RSA key of less than 2048 bits")]
    TooShort,
}

impl Algorithm {
    /// The name in JOSE headers.
    pub fn name(self) -> &'static str {
        match self {
            Self::Es256 => "ES256",
            Self::EdDsa => "EdDSA",
            Self::Rs256 => "RS256",
        }
    }
}

impl SigningKey {
    /// Reads a PKCS#8 private key in PEM (RFC 5958, RFC 7468).
    ///
    /// # Errors
    /// [`KeyError`] when it is none, or none that can sign JWTs.
    pub fn from_pem(pem: &Secret) -> Result<Self, KeyError> {
        let pkcs8 = decode_pem(pem.expose()).ok_or(KeyError::NotPkcs8Pem)?;
        let kind = Kind::from_pkcs8(&pkcs8)?;
        Ok(Self { pkcs8, kind })
    }

    /// The algorithm that goes with the key.
    pub fn algorithm(&self) -> Algorithm {
        match self.kind {
            Kind::Es256(_) => Algorithm::Es256,
            Kind::EdDsa(_) => Algorithm::EdDsa,
            Kind::Rs256 { .. } => Algorithm::Rs256,
        }
    }

    /// The private key in DER, for a host that signs.
    pub fn pkcs8_der(&self) -> &[u8] {
        &self.pkcs8
    }

    /// Whether this is the key's signature, by ES256; no other is verified here. For tests: a host verifies.
    pub fn verifies(&self, signing_input: &[u8], signature: &[u8]) -> bool {
        let Kind::Es256(key) = &self.kind else { return false };
        let signature = p256::ecdsa::Signature::from_slice(signature);
        signature.is_ok_and(|signature| Es256.verify_signature(&signature, key.verifying_key(), signing_input))
    }

    /// The public key in DER (SPKI), for a host that verifies; none for Ed25519, which hosts do not verify.
    pub fn public_key_der(&self) -> Option<Vec<u8>> {
        match &self.kind {
            Kind::Es256(key) => Some(der::p256_public_key(key.verifying_key().to_encoded_point(false).as_bytes())),
            Kind::EdDsa(_) => None,
            Kind::Rs256 { modulus, public_exponent } => Some(der::rsa_public_key(modulus, public_exponent)),
        }
    }

    /// The public half as a JWK (RFC 7517).
    pub fn jwk(&self, key_id: Option<&str>) -> Value {
        let mut jwk = self.public_key();
        if let Value::Object(members) = &mut jwk {
            for (name, value) in [("kid", key_id), ("alg", Some(self.algorithm().name())), ("use", Some("sig"))] {
                members.extend(value.map(|value| (name.to_owned(), value.into())));
            }
        }
        jwk
    }

    /// The JWK thumbprint of the public half (RFC 7638, SHA-256).
    pub fn thumbprint(&self) -> String {
        // The members are just the required ones, and `serde_json` writes them sorted and without spaces.
        BASE64_URL_SAFE_NO_PAD.encode(Sha256::digest(self.public_key().to_string()))
    }

    /// The members that RFC 7638 section 3.2 and RFC 8037 section 2 require.
    fn public_key(&self) -> Value {
        let base64url = |octets: &[u8]| BASE64_URL_SAFE_NO_PAD.encode(octets);
        let members = match &self.kind {
            Kind::Es256(key) => {
                let point = key.verifying_key().to_encoded_point(false);
                let coordinate = |octets: Option<&p256::FieldBytes>| octets.map(|octets| base64url(octets));
                let (x, y) = (coordinate(point.x()).unwrap_or_default(), coordinate(point.y()).unwrap_or_default());
                members([("kty", "EC"), ("crv", "P-256"), ("x", &x), ("y", &y)])
            }
            Kind::EdDsa(key) => members([("kty", "OKP"), ("crv", "Ed25519"), ("x", &base64url(&*key.pk))]),
            Kind::Rs256 { modulus, public_exponent } => {
                members([("kty", "RSA"), ("n", &base64url(modulus)), ("e", &base64url(public_exponent))])
            }
        };
        Value::Object(members)
    }
}

/// A JSON object of texts.
pub(super) fn members<'a>(texts: impl IntoIterator<Item = (&'a str, &'a str)>) -> Map<String, Value> {
    let mut members = Map::new();
    // To collect them would sort them first, with 16 KB of code.
    members.extend(texts.into_iter().map(|(name, text)| (name.to_owned(), text.into())));
    members
}

impl Kind {
    /// Reads `PrivateKeyInfo` (RFC 5958 section 2).
    fn from_pkcs8(pkcs8: &[u8]) -> Result<Self, KeyError> {
        let mut info = Reader(pkcs8).sequence().ok_or(KeyError::NotPkcs8Pem)?;
        info.unsigned().ok_or(KeyError::NotPkcs8Pem)?;
        let mut algorithm = info.sequence().ok_or(KeyError::NotPkcs8Pem)?;
        let identifier = algorithm.take(der::OBJECT_IDENTIFIER).ok_or(KeyError::NotPkcs8Pem)?;
        let key = Reader(info.take(der::OCTET_STRING).ok_or(KeyError::NotPkcs8Pem)?);
        match identifier {
            ID_EC_PUBLIC_KEY if algorithm.take(der::OBJECT_IDENTIFIER) == Some(PRIME256V1) => Self::p256(key),
            ID_ED25519 => Self::ed25519(key),
            RSA_ENCRYPTION => Self::rsa(key),
            _ => Err(KeyError::UnknownKind),
        }
    }

    /// `ECPrivateKey` (RFC 5915 section 3).
    fn p256(mut key: Reader<'_>) -> Result<Self, KeyError> {
        let mut key = key.sequence().ok_or(KeyError::Damaged)?;
        key.unsigned().ok_or(KeyError::Damaged)?;
        let scalar = key.take(der::OCTET_STRING).ok_or(KeyError::Damaged)?;
        p256::ecdsa::SigningKey::from_slice(scalar).map(Self::Es256).map_err(|_| KeyError::Damaged)
    }

    /// `CurvePrivateKey` (RFC 8410 section 7).
    fn ed25519(mut key: Reader<'_>) -> Result<Self, KeyError> {
        let seed = key.take(der::OCTET_STRING).ok_or(KeyError::Damaged)?;
        let seed = ed25519_compact::Seed::from_slice(seed).map_err(|_| KeyError::Damaged)?;
        ed25519_compact::KeyPair::try_from_seed(seed).map(Self::EdDsa).map_err(|_| KeyError::Damaged)
    }

    /// `RSAPrivateKey` (RFC 8017 appendix A.1.2); the private part is the host's to read.
    fn rsa(mut key: Reader<'_>) -> Result<Self, KeyError> {
        let mut key = key.sequence().ok_or(KeyError::Damaged)?;
        key.unsigned().ok_or(KeyError::Damaged)?;
        let (modulus, public_exponent) = key.unsigned().zip(key.unsigned()).ok_or(KeyError::Damaged)?;
        if modulus.len() < RSA_SHORTEST_MODULUS {
            return Err(KeyError::TooShort);
        }
        Ok(Self::Rs256 { modulus: modulus.to_vec(), public_exponent: public_exponent.to_vec() })
    }
}

/// The octets between the lines `BEGIN` and `END PRIVATE KEY` (RFC 7468 section 10).
fn decode_pem(pem: &str) -> Option<Vec<u8>> {
    let body = pem.trim().strip_prefix("-----BEGIN PRIVATE KEY-----")?.strip_suffix("-----END PRIVATE KEY-----")?;
    let base64: String = body.split_ascii_whitespace().collect();
    BASE64_STANDARD.decode(base64).ok()
}

impl Sign for SigningKey {
    fn sign(&self, signing_input: &[u8]) -> Result<Vec<u8>, SignError> {
        match &self.kind {
            Kind::Es256(key) => Ok(Es256.sign(key, signing_input).to_bytes().to_vec()),
            // Not through jwt-compact, which adds random octets and panics when there are none.
            Kind::EdDsa(key) => Ok(key.sk.sign(signing_input, None).to_vec()),
            Kind::Rs256 { .. } => Err(SignError),
        }
    }
}

/// An ECDSA signature on P-256 as JWS has it (r and s, 32 octets each), from ASN.1 DER.
pub fn jws_from_der(signature: &[u8]) -> Option<Vec<u8>> {
    let mut signature = Reader(signature).sequence()?;
    let mut jws = vec![0; 64];
    for half in jws.chunks_exact_mut(32) {
        let integer = signature.unsigned()?;
        let start = half.len().checked_sub(integer.len())?;
        half.get_mut(start..)?.copy_from_slice(integer);
    }
    Some(jws)
}

impl fmt::Debug for SigningKey {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "SigningKey({})", self.algorithm().name())
    }
}
