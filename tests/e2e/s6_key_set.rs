//! BEHAVIOUR.md section 6: where backends find the keys that backend JWTs are signed with.

use serde_json::{Value, json};

use super::configuration::{self, JWKS_PATH, KEY_ID};
use super::denials::NO_API;
use super::fixtures::{Site, shop};
use super::harness::backend_jwt::{ED25519, P256, RSA};

#[tokio::test]
async fn s6_the_key_set_is_served_on_every_host() {
    let shop = shop().await;
    for host in ["gateway.example", "shop.example", "127.0.0.1"] {
        let answer = shop.gateway.get(JWKS_PATH).host(host).send().await;

        assert_eq!(answer.status, 200, "{host}");
        assert_eq!(answer.header("content-type"), Some("application/jwk-set+json"), "{host}");
        assert_eq!(answer.json()["keys"][0]["kid"], json!(KEY_ID), "{host}");
        let logged = shop.gateway.logged(&answer).await;
        assert_eq!(logged.details.as_deref(), Some("gatehouse_jwks"), "{host}");
    }
}

#[tokio::test]
async fn s6_the_key_set_answers_head() {
    let shop = shop().await;

    let answer = shop.gateway.call("HEAD", JWKS_PATH).send().await;

    assert_eq!((answer.status, answer.body.as_slice()), (200, &b""[..]));
    assert_eq!(answer.header("content-type"), Some("application/jwk-set+json"));
}

#[tokio::test]
async fn s6_the_key_set_needs_no_token_and_takes_any() {
    let shop = shop().await;

    let answer = shop.gateway.get(format!("{JWKS_PATH}?any")).authorization("Bearer \"").send().await;

    assert_eq!(answer.json()["keys"][0]["kid"], json!(KEY_ID));
}

#[tokio::test]
async fn s6_the_key_set_holds_the_public_half_alone() {
    for (name, key, kind, algorithm, members) in [
        ("key-set-p256", &P256, "EC", "ES256", &["crv", "x", "y"][..]),
        ("key-set-ed25519", &ED25519, "OKP", "EdDSA", &["crv", "x"]),
        ("key-set-rsa", &RSA, "RSA", "RS256", &["n", "e"]),
    ] {
        let mut configuration = configuration::shop();
        configuration["backendJwt"]["signingKey"] = json!({"value": **key});
        let site = Site::start(name, &configuration).await;

        let set = site.key_set().await;

        let keys = set["keys"].as_array().expect("keys");
        assert_eq!(keys.len(), 1, "{name}");
        let key = keys[0].as_object().expect("a key");
        let told = |member: &str| key.get(member).and_then(Value::as_str);
        assert_eq!((told("kty"), told("alg"), told("kid")), (Some(kind), Some(algorithm), Some(KEY_ID)), "{name}");
        let expected = [&["kty", "alg", "kid", "use"], members].concat();
        for member in key.keys() {
            assert!(expected.contains(&member.as_str()), "{name} tells {member}");
        }
    }
}

#[tokio::test]
async fn s6_the_key_set_is_served_at_the_configured_path() {
    let mut configuration = configuration::shop();
    configuration["backendJwt"]["jwksPath"] = json!("/keys");
    let site = Site::start("key-set-path", &configuration).await;

    let configured = site.gateway.get("/keys").send().await;
    let default = site.gateway.get(JWKS_PATH).send().await;

    assert_eq!(configured.json()["keys"][0]["kid"], json!(KEY_ID));
    site.assert_denied("the default path", &default, &NO_API).await;
}

#[tokio::test]
async fn s6_the_key_set_is_not_served_without_a_path() {
    let mut configuration = configuration::shop();
    configuration["backendJwt"]["jwksPath"] = Value::Null;
    let site = Site::start("no-key-set", &configuration).await;

    let answer = site.gateway.get(JWKS_PATH).send().await;

    site.assert_denied("the default path", &answer, &NO_API).await;
}
