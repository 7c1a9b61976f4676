use super::*;
use crate::Secret;
#[cfg(all(target_arch = "wasm32", target_os = "unknown"))]
use wasm_bindgen_test::wasm_bindgen_test as test;

const P256: &str = include_str!("../../tests/keys/p256.pem");
const ED25519: &str = include_str!("../../tests/keys/ed25519.pem");
const RSA: &str = include_str!("../../tests/keys/rsa2048.pem");
const RSA_SHORT: &str = include_str!("../../tests/keys/rsa1024.pem");
const P384: &str = include_str!("../../tests/keys/p384.pem");

fn key(pem: &str) -> Result<SigningKey, KeyError> {
    SigningKey::from_pem(&Secret::new(pem))
}

#[test]
fn a_key_without_its_equipment_signs_nothing() {
    let mut signer = JwtSigner::new(key(P256).unwrap(), None);
    assert_eq!(signer.sign(Map::new()), Err(SignError));

    signer.equip(None, [1; 16]);
    let jwt = signer.sign(Map::new()).unwrap();

    let header = BASE64_URL_SAFE_NO_PAD.decode(jwt.split('.').next().unwrap()).unwrap();
    assert_eq!(header, br#"{"alg":"ES256","typ":"JWT"}"#);
}

#[test]
fn the_algorithm_follows_the_key() {
    for (pem, algorithm) in [(P256, Algorithm::Es256), (ED25519, Algorithm::EdDsa), (RSA, Algorithm::Rs256)] {
        assert_eq!(key(pem).map(|key| key.algorithm()), Ok(algorithm));
    }
}

#[test]
fn refuses_keys_that_cannot_sign() {
    let truncated = P256.replacen("MIG", "MIH", 1);
    for (name, pem, expected) in [
        ("empty", "", KeyError::NotPkcs8Pem),
        ("text", "secret", KeyError::NotPkcs8Pem),
        ("another label", &P256.replace("PRIVATE", "EC PRIVATE"), KeyError::NotPkcs8Pem),
        ("no key", "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----", KeyError::NotPkcs8Pem),
        ("damaged", &truncated, KeyError::NotPkcs8Pem),
        ("P-384", P384, KeyError::UnknownKind),
        ("short RSA", RSA_SHORT, KeyError::TooShort),
    ] {
        assert_eq!(key(pem).map(|key| key.algorithm()), Err(expected), "{name}");
    }
}

#[test]
fn any_octets_are_read_without_panic() {
    let pem = |octets: &[u8]| {
        let body = base64::prelude::BASE64_STANDARD.encode(octets);
        format!("-----BEGIN PRIVATE KEY-----\n{body}\n-----END PRIVATE KEY-----\n")
    };
    for pem_of in [P256, ED25519, RSA] {
        let der = key(pem_of).unwrap().pkcs8_der().to_vec();
        for position in 0..der.len().min(64) {
            for octet in [0, 0x7f, 0x80, 0x82, 0xff] {
                let mut damaged = der.clone();
                damaged[position] = octet;
                let _ = key(&pem(&damaged));
                let _ = key(&pem(&damaged[..position]));
            }
        }
    }
}

#[test]
fn a_damaged_signature_is_none() {
    let signing_key = key(P256).unwrap();
    for length in [0, 1, 63, 64, 65] {
        assert!(!signing_key.verifies(b"gatehouse", &vec![0; length]), "{length}");
    }
}

#[test]
fn ecdsa_signatures_are_read_from_der() {
    // r = 1, s has its top bit set and so a leading zero.
    let mut signature = vec![0x30, 38, 0x02, 1, 1, 0x02, 33, 0];
    signature.extend([0xff; 32]);

    let jws = jws_from_der(&signature).unwrap();

    assert_eq!((jws[31], &jws[32..]), (1, [0xff; 32].as_slice()));
    for damaged in [&signature[..20], b"", b"\x30\x00", &[0x30, 3, 0x02, 1, 0x81]] {
        assert_eq!(jws_from_der(damaged), None);
    }
    let mut long = vec![0x30, 38, 0x02, 33, 1];
    long.extend([0; 32]);
    long.extend([0x02, 1, 1]);
    assert_eq!(jws_from_der(&long), None, "a half of 33 octets");
}
