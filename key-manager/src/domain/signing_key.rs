//! Keys that sign backend JWTs.

use key_validation::{Secret, UnixTime};
use serde::{Deserialize, Serialize};

/// A key that signs backend JWTs, from its publication to the end of the last JWT that it signed.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct BackendSigningKey {
    /// Its `kid`: the RFC 7638 thumbprint.
    pub key_id: String,
    /// Its algorithm.
    pub algorithm: BackendKeyAlgorithm,
    /// PKCS#8 in PEM, sealed at rest.
    #[serde(skip, default = "no_secret")]
    pub private_key: Secret,
    /// The public key: a JWK (RFC 7517), as a JSON object.
    pub public_jwk: super::Document,
    /// From when on it is published.
    #[serde(with = "super::millis")]
    pub created_at: UnixTime,
    /// From when on gateways sign with it.
    #[serde(with = "super::millis")]
    pub active_from: UnixTime,
    /// Until when gateways sign with it, should they never hear of its successor; one that they know of signs instead.
    #[serde(with = "super::millis")]
    pub active_until: UnixTime,
}

/// Algorithms of backend JWTs (RFC 7518).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum BackendKeyAlgorithm {
    /// ECDSA with P-256.
    #[default]
    ES256,
    /// Ed25519.
    #[serde(rename = "EdDSA")]
    EdDsa,
    /// RSA with 2048 bits.
    RS256,
}

fn no_secret() -> Secret {
    Secret::new("")
}
