//! The body of a signed introspection response (RFC 9701): what the identity provider has not signed is not believed,
//! and of what it has signed only what is for this gateway and of this time.
#![no_main]

use std::sync::LazyLock;

use gatehouse_fuzz::NOW;
use key_validation::config::IdentityProvider;
use key_validation::introspection::{Answer, IntrospectionResponse, read_response};
use key_validation::jws::{Sign as _, SigningKey};
use key_validation::{Configuration, Secret};
use libfuzzer_sys::fuzz_target;
use serde_json::{Value, json};

const KEY: &str = include_str!("../../key-validation/tests/keys/ed25519.pem");
const PUBLIC_KEY: &str = "IJT1al_HhgJTBeJxbE0rmy-cgicuDHGbEByc0WMQ364";
/// `{"alg":"EdDSA","typ":"token-introspection+jwt"}`
const HEADER: &str = "eyJhbGciOiJFZERTQSIsInR5cCI6InRva2VuLWludHJvc3BlY3Rpb24rand0In0";

thread_local! {
    static PROVIDER: IdentityProvider = provider();
}

fuzz_target!(|octets: &[u8]| {
    assert!(read(octets).is_none(), "believed though nobody signed it");
    if let Some(Answer::Active(_)) = read(&signed(octets)) {
        let claims: Value = serde_json::from_slice(octets).expect("believed, so it is JSON");
        assert_eq!(claims["iss"], "https://idp");
        assert!(
            claims["aud"] == "gateway" || claims["aud"].as_array().is_some_and(|all| all.contains(&json!("gateway")))
        );
        assert_eq!(claims["token_introspection"]["active"], true);
    }
});

fn read(body: &[u8]) -> Option<Answer> {
    let content_type = Some(b"application/token-introspection+jwt".as_slice());
    let response = IntrospectionResponse { status: Some(200), retry_after: None, content_type, body: Some(body) };
    PROVIDER.with(|provider| read_response(provider, &response, NOW, NOW).ok())
}

fn signed(claims: &[u8]) -> Vec<u8> {
    static SIGNER: LazyLock<SigningKey> = LazyLock::new(|| SigningKey::from_pem(&Secret::new(KEY)).expect("a key"));
    let input = format!("{HEADER}.{}", base64url(claims));
    let signature = SIGNER.sign(input.as_bytes()).expect("a signature");
    format!("{input}.{}", base64url(&signature)).into_bytes()
}

fn base64url(octets: &[u8]) -> String {
    const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    let mut text = String::new();
    for chunk in octets.chunks(3) {
        let word = chunk.iter().fold(0_u32, |word, octet| word << 8 | u32::from(*octet)) << (8 * (3 - chunk.len()));
        for place in 0..=chunk.len() {
            text.push(char::from(ALPHABET[(word >> (18 - 6 * place)) as usize & 63]));
        }
    }
    text
}

fn provider() -> IdentityProvider {
    let configuration = json!({
        "identityProviders": [{
            "name": "idp",
            "issuer": "https://idp",
            "introspection": {
                "cluster": "idp", "authority": "idp", "path": "/introspect",
                "clientAuthentication": {"method": "none"},
                "signedResponse": {
                    "jwks": {"keys": [{"kty": "OKP", "crv": "Ed25519", "x": PUBLIC_KEY}]},
                    "audience": "gateway",
                },
            },
        }],
        "registry": {},
    });
    let configuration = Configuration::parse(configuration.to_string().as_bytes(), &|_| None);
    let mut configuration = configuration.unwrap_or_else(|error| panic!("the configuration is wrong: {error}"));
    configuration.identity_providers.remove(0)
}
