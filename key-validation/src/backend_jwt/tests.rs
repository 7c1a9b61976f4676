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

fn minter(pem: &str) -> JwtMinter {
    let signing_key = key(pem).unwrap();
    let settings = BackendJwtSettings {
        header: "x-jwt-assertion".to_owned(),
        issuer: "https://gateway".to_owned(),
        lifetime: std::time::Duration::from_secs(900),
        key_id: signing_key.thumbprint(),
        signing_key,
        jwks_path: None,
        claim_prefix: String::new(),
        forward_claims: Vec::new(),
    };
    JwtMinter::new(settings, None, [7; 16])
}

fn mint(minter: &JwtMinter) -> MintedJwt {
    let claims = Map::from_iter([("iss".to_owned(), json!("mallory")), ("email".to_owned(), json!("a@b"))]);
    minter.mint(claims, UnixTime::MAX, UnixTime::from_seconds(1000)).unwrap()
}

fn part(jwt: &str, index: usize) -> Vec<u8> {
    BASE64_URL_SAFE_NO_PAD.decode(jwt.split('.').nth(index).unwrap()).unwrap()
}

fn json_part(jwt: &str, index: usize) -> Value {
    serde_json::from_slice(&part(jwt, index)).unwrap()
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
fn a_backend_jwt_has_its_header_and_the_registered_claims() {
    let jwt = mint(&minter(P256)).jwt;

    let key_id = key(P256).unwrap().thumbprint();
    assert_eq!(json_part(&jwt, 0), json!({"typ": "JWT", "alg": "ES256", "kid": key_id}));
    let claims = json_part(&jwt, 1);
    assert_eq!(claims["iss"], "https://gateway");
    assert_eq!(claims["email"], "a@b");
    assert_eq!((&claims["iat"], &claims["nbf"], &claims["exp"]), (&json!(1000), &json!(1000), &json!(1900)));
    assert!(claims["jti"].as_str().is_some_and(|id| id.len() == 32));
}

#[test]
fn each_backend_jwt_has_an_id_of_its_own() {
    let minter = minter(P256);

    assert_ne!(json_part(&mint(&minter).jwt, 1)["jti"], json_part(&mint(&minter).jwt, 1)["jti"]);
}

#[test]
fn a_backend_jwt_never_outlives_the_token() {
    let expires_at = UnixTime::from_millis(1_010_900);

    let minted = minter(P256).mint(Map::new(), expires_at, UnixTime::from_seconds(1000)).unwrap();

    assert_eq!(json_part(&minted.jwt, 1)["exp"], 1010);
    assert!(minted.is_final);
}

#[test]
fn the_public_key_verifies_the_signature() {
    let jwt = mint(&minter(P256)).jwt;
    let (signing_input, _) = jwt.rsplit_once('.').unwrap();
    let signing_key = key(P256).unwrap();

    assert_eq!(signing_key.verifies(signing_input.as_bytes(), &part(&jwt, 2)), Some(true));
    assert_eq!(signing_key.verifies(b"something else", &part(&jwt, 2)), Some(false));
}

#[test]
fn a_damaged_signature_is_none() {
    let signing_key = key(P256).unwrap();
    for length in [0, 1, 63, 64, 65] {
        assert_eq!(signing_key.verifies(b"gatehouse", &vec![0; length]), Some(false), "{length}");
    }
}

#[test]
fn ed25519_signs_by_itself_and_rsa_does_not() {
    let jwt = mint(&minter(ED25519)).jwt;
    assert_eq!(json_part(&jwt, 0)["alg"], "EdDSA");
    let (signing_input, _) = jwt.rsplit_once('.').unwrap();
    assert_eq!(part(&jwt, 2), key(ED25519).unwrap().sign(signing_input.as_bytes()).unwrap(), "no randomness");

    let minted = minter(RSA).mint(Map::new(), UnixTime::MAX, UnixTime::from_seconds(1000));
    assert_eq!(minted, Err(Denial::BackendJwtFailed));
}

#[test]
fn a_backend_jwt_that_is_too_long_for_a_header_is_not_made() {
    let claims = Map::from_iter([("groups".to_owned(), json!("x".repeat(HEADER_LIMIT)))]);

    let minted = minter(P256).mint(claims, UnixTime::MAX, UnixTime::from_seconds(1000));

    assert_eq!(minted, Err(Denial::BackendJwtFailed));
}

#[test]
fn the_jwks_shows_the_public_half_alone() {
    for (pem, members) in [
        (P256, ["alg", "crv", "kid", "kty", "use", "x", "y"].as_slice()),
        (ED25519, &["alg", "crv", "kid", "kty", "use", "x"]),
        (RSA, &["alg", "e", "kid", "kty", "n", "use"]),
    ] {
        let jwks: Value = serde_json::from_str(&minter(pem).jwks()).unwrap();

        let found: Vec<&String> = jwks["keys"][0].as_object().unwrap().keys().collect();
        assert_eq!(found, members);
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
