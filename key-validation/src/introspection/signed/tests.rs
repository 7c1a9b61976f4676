use base64::prelude::{BASE64_URL_SAFE_NO_PAD, Engine as _};
use p256::ecdsa::signature::Verifier as _;
use serde_json::{Value, json};

use super::super::{Answer, IntrospectionResponse, read_response};
use super::*;
use crate::denial::Unavailable;
use crate::jws::{JwtSigner, Sign as _, SigningKey, Verify, VerifyError, jws_from_der};
use crate::{Configuration, Secret};
#[cfg(all(target_arch = "wasm32", target_os = "unknown"))]
use wasm_bindgen_test::wasm_bindgen_test as test;

const NOW: UnixTime = UnixTime::from_seconds(10_000);
const ED25519: &str = include_str!("../../../tests/keys/ed25519.pem");
const P256: &str = include_str!("../../../tests/keys/p256.pem");
const RSA: &str = include_str!("../../../tests/keys/rsa2048.pem");

/// A host that verifies ECDSA on P-256.
struct Host;

impl Verify for Host {
    fn verify(&self, public_key_der: &[u8], signed: &[u8], signature: &[u8]) -> Result<bool, VerifyError> {
        let point = public_key_der.get(26..).ok_or(VerifyError)?;
        let key = p256::ecdsa::VerifyingKey::from_sec1_bytes(point).map_err(|_| VerifyError)?;
        let signature = jws_from_der(signature).ok_or(VerifyError)?;
        let signature = p256::ecdsa::Signature::from_slice(&signature).map_err(|_| VerifyError)?;
        Ok(key.verify(signed, &signature).is_ok())
    }
}

fn key(pem: &str) -> SigningKey {
    SigningKey::from_pem(&Secret::new(pem)).unwrap()
}

fn jwk(pem: &str, key_id: &str) -> Value {
    JwtSigner::new(key(pem), Some(key_id.to_owned())).jwk()
}

fn configuration(keys: &Value) -> Value {
    json!({
        "identityProviders": [{
            "name": "idp",
            "issuer": "https://idp",
            "introspection": {
                "cluster": "idp", "authority": "idp", "path": "/introspect",
                "clientAuthentication": {
                    "method": "client_secret_post", "clientId": "gateway", "clientSecret": {"value": "x"},
                },
                "signedResponse": {"jwks": {"keys": keys}},
            },
        }],
        "registry": {},
    })
}

fn parse(configuration: &Value) -> Result<Configuration, String> {
    Configuration::parse(configuration.to_string().as_bytes(), &|_| None).map_err(|error| error.to_string())
}

fn provider(keys: &Value) -> IdentityProvider {
    let mut configuration = parse(&configuration(keys)).unwrap();
    configuration.response_verifiers().for_each(|(_, verifier)| verifier.equip(Box::new(Host)));
    configuration.identity_providers.remove(0)
}

fn header(alg: &str) -> Value {
    json!({"typ": "token-introspection+jwt", "alg": alg})
}

fn claims() -> Value {
    json!({
        "iss": "https://idp", "aud": "gateway", "iat": 10_000,
        "token_introspection": {"active": true, "client_id": "shop"},
    })
}

fn sign(pem: &str, header: &str, claims: &str) -> String {
    let input = format!("{}.{}", BASE64_URL_SAFE_NO_PAD.encode(header), BASE64_URL_SAFE_NO_PAD.encode(claims));
    let signature = key(pem).sign(input.as_bytes()).unwrap();
    format!("{input}.{}", BASE64_URL_SAFE_NO_PAD.encode(signature))
}

fn signed(claims: &Value) -> String {
    sign(ED25519, &header("EdDSA").to_string(), &claims.to_string())
}

fn with(name: &str, value: Value) -> String {
    let mut claims = claims();
    claims[name] = value;
    signed(&claims)
}

fn read_as(content_type: &str, provider: &IdentityProvider, status: u16, body: &str) -> Result<Answer, Unavailable> {
    let content_type = Some(content_type.as_bytes());
    let body = Some(body.as_bytes());
    read_response(
        provider,
        &IntrospectionResponse { status: Some(status), retry_after: None, content_type, body },
        NOW,
        NOW,
    )
}

fn read(provider: &IdentityProvider, body: &str) -> Result<Answer, Unavailable> {
    read_as(MEDIA_TYPE, provider, 200, body)
}

#[test]
fn what_the_identity_provider_has_signed_is_read_as_ever() {
    for (alg, pem) in [("EdDSA", ED25519), ("ES256", P256)] {
        let provider = provider(&json!([jwk(pem, "a")]));
        let answer = |claims: &Value| read(&provider, &sign(pem, &header(alg).to_string(), &claims.to_string()));

        assert!(matches!(answer(&claims()), Ok(Answer::Active(_))), "{alg}");
        let mut inactive = claims();
        inactive["token_introspection"] = json!({"active": false});
        assert_eq!(answer(&inactive), Ok(Answer::Inactive), "{alg}");
        inactive["token_introspection"] = json!({"active": "no"});
        assert_eq!(answer(&inactive), Err(Unavailable::AnswerMalformed), "{alg}");
    }
}

#[test]
fn what_may_differ_may_differ() {
    let provider = provider(&json!([jwk(P256, "other"), jwk(ED25519, "a")]));
    let with_kid = json!({"typ": "Token-Introspection+JWT", "alg": "EdDSA", "kid": "a"});
    for (name, jwt) in [
        ("the gateway among others", with("aud", json!(["other", "gateway"]))),
        ("a clock that is behind", with("iat", json!(9995))),
        ("a clock that is ahead", with("iat", json!(10_005))),
        ("a key id", sign(ED25519, &with_kid.to_string(), &claims().to_string())),
    ] {
        assert!(matches!(read(&provider, &jwt), Ok(Answer::Active(_))), "{name}");
    }
    let with_parameter = "Application/Token-Introspection+JWT; charset=utf-8";
    assert!(matches!(read_as(with_parameter, &provider, 200, &signed(&claims())), Ok(Answer::Active(_))));
}

#[test]
fn nothing_else_is_believed() {
    let provider = provider(&json!([jwk(ED25519, "a"), jwk(P256, "b")]));
    let good = signed(&claims());
    let (input, signature) = good.rsplit_once('.').unwrap();
    let (head, payload) = input.split_once('.').unwrap();
    let (other_input, other_signature) = good.rsplit_once('.').unwrap();
    let other = with("iat", json!(10_001));
    let mut forged = claims();
    forged["token_introspection"]["client_id"] = json!("mallory");
    let forged = BASE64_URL_SAFE_NO_PAD.encode(forged.to_string());
    let text = claims().to_string();
    let head_with = |name: &str, value: Value| {
        let mut header = header("EdDSA");
        header[name] = value;
        sign(ED25519, &header.to_string(), &text)
    };
    let twice = |member: &str| text.replacen('{', &format!("{{{member},"), 1);
    let plain = json!({"active": true, "client_id": "shop"}).to_string();
    let deep = format!("{}{}", "[".repeat(40), "]".repeat(40));
    for (name, body) in [
        ("plain JSON", plain.clone()),
        ("nothing", String::new()),
        ("two parts", input.to_owned()),
        ("four parts", format!("{good}.{signature}")),
        ("five parts, encrypted", format!("{good}.a.a")),
        ("no signature", format!("{input}.")),
        ("a cut signature", good[..good.len() - 4].to_owned()),
        ("another JWT's signature", format!("{}.{other_signature}", other.rsplit_once('.').unwrap().0)),
        ("swapped parts", format!("{payload}.{head}.{signature}")),
        ("forged claims", format!("{head}.{forged}.{signature}")),
        ("padding", format!("{other_input}.{signature}=")),
        ("a line end", format!("{good}\n")),
        ("another key", sign(P256, &header("EdDSA").to_string(), &text)),
        ("another algorithm", sign(ED25519, &header("ES256").to_string(), &text)),
        ("the right key by a wrong algorithm", sign(P256, &header("RS256").to_string(), &text)),
        ("alg none", sign(ED25519, &header("none").to_string(), &text)),
        ("alg none, unsigned", format!("{}.{payload}.", BASE64_URL_SAFE_NO_PAD.encode(header("none").to_string()))),
        ("a shared secret", sign(ED25519, &header("HS256").to_string(), &text)),
        ("no alg", sign(ED25519, r#"{"typ":"token-introspection+jwt"}"#, &text)),
        ("no typ", sign(ED25519, r#"{"alg":"EdDSA"}"#, &text)),
        ("typ JWT", head_with("typ", json!("JWT"))),
        ("typ at+jwt", head_with("typ", json!("at+jwt"))),
        ("another key id", head_with("kid", json!("b"))),
        ("an extension", head_with("crit", json!(["exp"]))),
        ("alg twice", sign(ED25519, r#"{"typ":"token-introspection+jwt","alg":"none","alg":"EdDSA"}"#, &text)),
        ("a header that is no object", sign(ED25519, "[]", &text)),
        ("claims that are no object", sign(ED25519, &header("EdDSA").to_string(), "[]")),
        ("iss twice", sign(ED25519, &header("EdDSA").to_string(), &twice(r#""iss":"https://idp""#))),
        ("active twice", signed_text(&text.replace(r#"{"active":true"#, r#"{"active":false,"active":true"#))),
        ("too deep", with("x", serde_json::from_str(&deep).unwrap())),
        ("another issuer", with("iss", json!("https://mallory"))),
        ("no issuer", with("iss", Value::Null)),
        ("another audience", with("aud", json!("other"))),
        ("other audiences", with("aud", json!(["other", "gateway2"]))),
        ("no audience", with("aud", Value::Null)),
        ("a wrong audience", with("aud", json!(7))),
        ("an old answer", with("iat", json!(9994))),
        ("an answer from the future", with("iat", json!(10_006))),
        ("no iat", with("iat", Value::Null)),
        ("a negative iat", with("iat", json!(-1))),
        ("no introspection", with("token_introspection", Value::Null)),
        ("introspection that is no object", with("token_introspection", json!(plain))),
    ] {
        assert_eq!(read(&provider, &body), Err(Unavailable::AnswerMalformed), "{name}");
    }
    assert!(matches!(read(&provider, &good), Ok(Answer::Active(_))));
    for content_type in ["application/json", "application/jwt", "", "application/token-introspection+jwt2"] {
        assert_eq!(read_as(content_type, &provider, 200, &good), Err(Unavailable::AnswerMalformed), "{content_type}");
    }
}

fn signed_text(claims: &str) -> String {
    sign(ED25519, &header("EdDSA").to_string(), claims)
}

#[test]
fn an_unsigned_error_is_no_verdict_about_the_token() {
    let error = r#"{"error":"unsupported_token_type"}"#;

    let answer = read_as("application/json", &provider(&json!([jwk(ED25519, "a")])), 400, error);

    assert_eq!(answer, Err(Unavailable::AnswerMalformed));
}

#[test]
fn nothing_is_believed_that_only_a_host_could_verify_before_there_is_one() {
    let mut configuration = parse(&configuration(&json!([jwk(P256, "a")]))).unwrap();
    let provider = configuration.identity_providers.remove(0);

    let answer = read(&provider, &sign(P256, &header("ES256").to_string(), &claims().to_string()));

    assert_eq!(answer, Err(Unavailable::AnswerMalformed));
}

#[test]
fn keys_that_verify_nothing_are_refused() {
    let changed = |name: &str, value: Value| {
        let mut jwk = jwk(P256, "a");
        jwk[name] = value;
        jwk
    };
    let short = json!({"kty": "RSA", "e": "AQAB", "n": BASE64_URL_SAFE_NO_PAD.encode([0xff; 128])});
    for (jwk, expected) in [
        (json!({"kty": "oct", "k": "c2VjcmV0"}), "is a key of another kind"),
        (changed("crv", json!("P-384")), "is a key of another kind"),
        (changed("x", json!("AAAA")), "is a damaged key"),
        (changed("y", Value::Null), "is a damaged key"),
        (changed("y", json!(BASE64_URL_SAFE_NO_PAD.encode([1; 33]))), "is a damaged key"),
        (changed("d", json!("AAAA")), "is a private key"),
        (changed("use", json!("enc")), "is not for signatures"),
        (changed("alg", json!("ES384")), "is not for signatures"),
        (changed("alg", json!("none")), "is not for signatures"),
        (short, "is an RSA key of less than 2048 bits"),
        (json!("text"), "is a key of another kind"),
    ] {
        let refusal = parse(&configuration(&json!([jwk]))).unwrap_err();
        let expected = format!("identityProviders[0].introspection.signedResponse.jwks.keys[0]: {expected}");
        assert!(refusal.starts_with(&expected), "expected {expected}\n   found {refusal}");
    }
    assert!(parse(&configuration(&json!([jwk(RSA, "a"), jwk(ED25519, "b")]))).is_ok());
}

#[test]
fn settings_that_cannot_be_kept_are_refused() {
    let with = |pointer: &str, value: Value| {
        let mut configuration = configuration(&json!([jwk(ED25519, "a")]));
        let (parent, member) = pointer.rsplit_once('/').unwrap();
        configuration.pointer_mut(parent).unwrap()[member] = value;
        parse(&configuration).map(|_| ()).unwrap_err()
    };
    let endpoint = "/identityProviders/0/introspection";
    for (refusal, expected) in [
        (with("/identityProviders/0/issuer", Value::Null), "signedResponse: needs the identity provider's `issuer`"),
        (
            with(&format!("{endpoint}/signedResponse/jwks"), json!({"keys": []})),
            "signedResponse.jwks: must be a JWK set",
        ),
        (with(&format!("{endpoint}/signedResponse/jwks"), json!([])), "signedResponse.jwks: found array, expected"),
        (with(&format!("{endpoint}/signedResponse/audience"), json!("")), "signedResponse.audience: is required"),
        (
            with(&format!("{endpoint}/clientAuthentication"), json!({"method": "none"})),
            "signedResponse.audience: is required",
        ),
        (with(&format!("{endpoint}/inactiveStatuses"), json!([404])), "inactiveStatuses: says something of the token"),
    ] {
        let expected = format!("identityProviders[0].introspection.{expected}");
        assert!(refusal.starts_with(&expected), "expected {expected}\n   found {refusal}");
    }
}
