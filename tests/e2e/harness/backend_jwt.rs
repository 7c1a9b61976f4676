//! The signing keys of the tests, and a backend's view of the JWT that the filter signs with them.

use std::sync::LazyLock;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value, json};

use super::members::Members;
use super::node;

/// A private key as PKCS#8 PEM.
pub(crate) type Pem = String;

pub(crate) static P256: LazyLock<Pem> = LazyLock::new(|| generate("ec", &json!({"namedCurve": "P-256"})));
pub(crate) static ED25519: LazyLock<Pem> = LazyLock::new(|| generate("ed25519", &json!({})));
pub(crate) static RSA: LazyLock<Pem> = LazyLock::new(|| generate("rsa", &json!({"modulusLength": 2048})));

fn generate(kind: &str, options: &Value) -> Pem {
    const SCRIPT: &str = r"
        import { generateKeyPairSync } from 'node:crypto';
        import { readFileSync } from 'node:fs';
        const [kind, options] = JSON.parse(readFileSync(0));
        const { privateKey } = generateKeyPairSync(kind, options);
        console.log(JSON.stringify(privateKey.export({ type: 'pkcs8', format: 'pem' })));
    ";
    node::run(SCRIPT, &json!([kind, options])).as_str().expect("a PEM").to_owned()
}

/// The public half of a private key, as a key set with this `kid`.
pub(crate) fn public_key_set(pem: &str, key_id: &str) -> Value {
    const SCRIPT: &str = r"
        import { createPublicKey } from 'node:crypto';
        import { readFileSync } from 'node:fs';
        const [pem, kid] = JSON.parse(readFileSync(0));
        console.log(JSON.stringify({ keys: [{ ...createPublicKey(pem).export({ format: 'jwk' }), kid, use: 'sig' }] }));
    ";
    node::run(SCRIPT, &json!([pem, key_id]))
}

/// A JWT with this header and these claims.
pub(crate) fn sign(pem: &str, header: &Value, claims: &Value) -> String {
    const SCRIPT: &str = r"
        import { createPrivateKey, sign } from 'node:crypto';
        import { readFileSync } from 'node:fs';
        const [pem, header, claims] = JSON.parse(readFileSync(0));
        const input = [header, claims].map((part) => Buffer.from(JSON.stringify(part)).toString('base64url')).join('.');
        const key = createPrivateKey(pem);
        const hash = key.asymmetricKeyType === 'ed25519' ? null : 'sha256';
        const signature = sign(hash, Buffer.from(input), { key, dsaEncoding: 'ieee-p1363' });
        console.log(JSON.stringify(input + '.' + signature.toString('base64url')));
    ";
    node::run(SCRIPT, &json!([pem, header, claims])).as_str().expect("a JWT").to_owned()
}

/// A JWT whose signature holds.
#[derive(Debug)]
pub(crate) struct BackendJwt {
    pub(crate) header: Value,
    pub(crate) claims: Value,
}

impl BackendJwt {
    /// Verifies the signature with the key of the set that the JWT names, by the algorithm that belongs to the key.
    pub(crate) fn verify(jwt: &str, jwks: &Value) -> Self {
        const SCRIPT: &str = r"
            import { createPublicKey, verify } from 'node:crypto';
            import { readFileSync } from 'node:fs';
            const { jwt, kid, jwks } = JSON.parse(readFileSync(0));
            const key = jwks.keys.find((candidate) => candidate.kid === kid);
            const hash = key.kty === 'OKP' ? null : 'sha256';
            const [header, claims, signature] = jwt.split('.');
            const publicKey = { key: createPublicKey({ key, format: 'jwk' }), dsaEncoding: 'ieee-p1363' };
            const signed = Buffer.from(header + '.' + claims);
            console.log(verify(hash, signed, publicKey, Buffer.from(signature, 'base64url')));
        ";
        let parts: Vec<&str> = jwt.split('.').collect();
        let [header, claims, _signature] = parts[..] else { panic!("not a JWT: {jwt}") };
        let (header, claims) = (members(header), members(claims));

        let verified = node::run(SCRIPT, &json!({"jwt": jwt, "kid": header["kid"], "jwks": jwks}));

        assert_eq!(verified, json!(true), "the signature does not hold: {jwt}");
        Self { header, claims }
    }
}

/// The claims as they stand, for tests that need many; nothing is verified.
pub(crate) fn unverified_claims(jwt: &str) -> Value {
    members(jwt.split('.').nth(1).expect("the JWT's claims"))
}

/// A part of a JWT, in which no member may come twice.
fn members(part: &str) -> Value {
    let json =
        URL_SAFE_NO_PAD.decode(part).unwrap_or_else(|error| panic!("not base64url without padding, {error}: {part}"));
    let Members(members) = serde_json::from_slice(&json).expect("a JSON object");
    members.into()
}
