//! Keys that sign backend JWTs, as gateways and backends get them.

use key_manager::server;
use key_manager::signing_keys::Order;
use key_validation::Secret;
use key_validation::jws::{SigningKey, VerificationKey};
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

use crate::harness::served::{Answer, GATEWAY, Served, answer};

const PATH: &str = "/internal/gateway/v1/signing-key";

async fn keys(served: &Served, tag: Option<&str>) -> Answer {
    let request = served.request(Method::GET, PATH).bearer_auth(GATEWAY).header("x-gatehouse-gateway", "edge");
    answer(tag.iter().fold(request, |request, tag| request.header("if-none-match", *tag))).await
}

async fn jwks(served: &Served) -> Vec<Value> {
    let told = answer(served.request(Method::GET, "/oauth2/jwks")).await;
    assert_eq!(
        (told.status, &told.headers["cache-control"]),
        (StatusCode::OK, &"public, max-age=300".parse().unwrap())
    );
    told.body["keys"].as_array().unwrap().clone()
}

#[tokio::test]
async fn s6_gateways_sign_by_a_key_whose_public_half_is_published() {
    let served = Served::start().await;
    assert_eq!(keys(&served, None).await.status, StatusCode::NOT_FOUND, "there is none yet");
    server::keep(&served.service).await.unwrap();

    let told = keys(&served, None).await;

    assert_eq!((told.status, &told.body["format"]), (StatusCode::OK, &json!(1)));
    assert_eq!(told.headers["cache-control"], "no-store");
    let (key, now) = (&told.body["keys"][0], served.service.now().as_seconds());
    assert!(key["notBefore"].as_u64().unwrap() <= now && now < key["expiresAt"].as_u64().unwrap(), "{}", key["kid"]);
    let private = SigningKey::from_pem(&Secret::new(key["privateKey"].as_str().unwrap())).unwrap();
    assert_eq!(key["kid"], json!(private.thumbprint()));
    let public = jwks(&served).await;
    assert_eq!((public.len(), &public[0]), (1, &private.jwk(Some(&private.thumbprint()))));
    assert!(VerificationKey::from_jwk(&public[0]).is_ok());
}

#[tokio::test]
async fn s6_keys_that_are_the_same_are_told_once() {
    let served = Served::start().await;
    server::keep(&served.service).await.unwrap();
    let tag = keys(&served, None).await.headers["etag"].to_str().unwrap().to_owned();

    assert_eq!(keys(&served, Some(&tag)).await.status, StatusCode::NOT_MODIFIED);

    let mut write = served.service.write("operator", "test").await.unwrap();
    served.service.rotation.rotate(&mut *write, Order::Follow, served.service.now()).await.unwrap();
    write.commit().await.unwrap();
    assert_eq!(keys(&served, Some(&tag)).await.status, StatusCode::OK);
}

#[tokio::test]
async fn s6_a_new_key_is_in_the_jwks_before_it_signs_and_a_revoked_one_is_gone() {
    let served = Served::start().await;
    server::keep(&served.service).await.unwrap();
    let rotate = async |order| {
        let mut write = served.service.write("operator", "test").await.unwrap();
        let key = served.service.rotation.rotate(&mut *write, order, served.service.now()).await.unwrap();
        write.commit().await.unwrap();
        key.key_id
    };
    let first = jwks(&served).await[0]["kid"].as_str().unwrap().to_owned();

    let second = rotate(Order::Follow).await;
    assert_eq!(rotate(Order::Follow).await, second, "the one that waits is the next");
    let told = keys(&served, None).await.body;
    let of = |id: &str| told["keys"].as_array().unwrap().iter().find(|key| key["kid"] == id).unwrap().clone();
    let lead = of(&second)["notBefore"].as_u64().unwrap() - served.service.now().as_seconds();
    assert!((3590..=3600).contains(&lead), "it signs an hour from now: {lead}");
    assert!(of(&first)["expiresAt"].as_u64() > of(&second)["notBefore"].as_u64(), "the first signs until then");
    assert_eq!(jwks(&served).await.len(), 2);

    let third = rotate(Order::Revoke).await;
    let public = jwks(&served).await;
    assert_eq!((public.len(), &public[0]["kid"]), (1, &json!(third)));
}

#[tokio::test]
async fn s6_only_gateways_get_private_keys() {
    let served = Served::start().await;
    server::keep(&served.service).await.unwrap();
    let ask = async |credential: Option<&str>, name: &str| {
        let request = served.request(Method::GET, PATH).header("x-gatehouse-gateway", name);
        answer(credential.iter().fold(request, reqwest::RequestBuilder::bearer_auth)).await
    };

    for (credential, name, expected) in [
        (None, "edge", StatusCode::UNAUTHORIZED),
        (Some(crate::harness::served::BOOTSTRAP), "edge", StatusCode::UNAUTHORIZED),
        (Some(GATEWAY), "other", StatusCode::FORBIDDEN),
    ] {
        let refused = ask(credential, name).await;
        assert_eq!(refused.status, expected);
        assert!(!refused.body.to_string().contains("PRIVATE"), "{}", refused.body);
    }
}

#[tokio::test]
async fn s6_before_the_first_key_the_set_is_empty_and_is_not_kept() {
    let served = Served::start().await;

    let told = answer(served.request(Method::GET, "/oauth2/jwks")).await;

    assert_eq!((told.status, &told.body), (StatusCode::OK, &json!({"keys": []})));
    assert_eq!(told.headers["cache-control"], "no-store");
    server::keep(&served.service).await.unwrap();
    let told = answer(served.request(Method::GET, "/oauth2/jwks")).await;
    assert_eq!(told.body["keys"].as_array().map(Vec::len), Some(1));
    assert!(told.headers["cache-control"].to_str().unwrap().starts_with("public, max-age="));
}
