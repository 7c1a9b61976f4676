//! A JWT of an issuer of ours, and the key set by which `jwt_authn` verifies it.

use anyhow::{Context, Result, anyhow};
use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use ring::rsa::{KeyPair, PublicKeyComponents};
use ring::signature::RSA_PKCS1_SHA256;
use serde_json::{Value, json};

/// The JWT's issuer.
pub const ISSUER: &str = "https://idp.example.com";

/// An RSA key of 2048 bits.
pub struct Issuer(KeyPair);

impl Issuer {
    /// The issuer with this key, PKCS#8 in PEM.
    pub fn new(pem: &str) -> Result<Self> {
        let base64: String = pem.lines().filter(|line| !line.starts_with("-----")).collect();
        let der = STANDARD.decode(base64).context("the key's PEM")?;
        let key = KeyPair::from_pkcs8(&der).map_err(|error| anyhow!("the key: {error}"))?;
        Ok(Self(key))
    }

    /// An access token as usual identity providers make them; it outlives the measurement.
    pub fn issue(&self) -> Result<String> {
        let header = json!({"alg": "RS256", "typ": "at+jwt", "kid": "bench"});
        let claims = json!({
            "iss": ISSUER, "sub": "5f0c7a1e-3b1d-4d77-9c55-0b6a4f1f7a10", "aud": "https://api.example.com",
            "exp": 4_102_444_800_u64, "iat": 1_700_000_000_u64, "jti": "c1f0a3de-8f54-4f0e-a7a5-5a1f9a2f4a11",
            "client_id": "shop-client", "scope": "openid profile read_menu order_pizza",
            "name": "Alice Adams", "preferred_username": "alice", "email": "alice@example.com",
        });
        let encode = |json: &Value| URL_SAFE_NO_PAD.encode(json.to_string());
        let signing_input = format!("{}.{}", encode(&header), encode(&claims));
        let mut signature = vec![0; self.0.public().modulus_len()];
        self.0
            .sign(&RSA_PKCS1_SHA256, &ring::rand::SystemRandom::new(), signing_input.as_bytes(), &mut signature)
            .map_err(|_| anyhow!("the token cannot be signed"))?;
        Ok(format!("{signing_input}.{}", URL_SAFE_NO_PAD.encode(signature)))
    }

    /// The JWK set with its public key.
    pub fn key_set(&self) -> Value {
        let PublicKeyComponents { n, e } = PublicKeyComponents::<Vec<u8>>::from(self.0.public());
        let encode = |number: &[u8]| URL_SAFE_NO_PAD.encode(number);
        json!({"keys": [{"kty": "RSA", "alg": "RS256", "use": "sig", "kid": "bench", "n": encode(&n), "e": encode(&e)}]})
    }
}
