use base64::prelude::{BASE64_URL_SAFE_NO_PAD, Engine as _};

use serde_json::json;

use super::*;
use crate::Secret;
use crate::jws::SigningKey;
#[cfg(all(target_arch = "wasm32", target_os = "unknown"))]
use wasm_bindgen_test::wasm_bindgen_test as test;

const P256: &str = include_str!("../../tests/keys/p256.pem");
const ED25519: &str = include_str!("../../tests/keys/ed25519.pem");
const RSA: &str = include_str!("../../tests/keys/rsa2048.pem");

fn key(pem: &str) -> SigningKey {
    SigningKey::from_pem(&Secret::new(pem)).unwrap()
}

fn minter(pem: &str) -> JwtMinter {
    let settings = BackendJwtSettings {
        header: "x-jwt-assertion".to_owned(),
        issuer: "https://gateway".to_owned(),
        lifetime: std::time::Duration::from_secs(900),
        signing_key: Some((key(pem), key(pem).thumbprint())),
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
fn a_backend_jwt_has_its_header_and_the_registered_claims() {
    let jwt = mint(&minter(P256)).jwt;

    let key_id = key(P256).thumbprint();
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
    let signing_key = key(P256);

    assert!(signing_key.verifies(signing_input.as_bytes(), &part(&jwt, 2)));
    assert!(!signing_key.verifies(b"something else", &part(&jwt, 2)));
}

#[test]
fn ed25519_signs_by_itself_and_rsa_does_not() {
    let jwt = mint(&minter(ED25519)).jwt;
    assert_eq!(json_part(&jwt, 0)["alg"], "EdDSA");
    let (signing_input, _) = jwt.rsplit_once('.').unwrap();
    assert_eq!(part(&jwt, 2), key(ED25519).sign(signing_input.as_bytes()).unwrap(), "no randomness");

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
