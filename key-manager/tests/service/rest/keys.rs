//! An application's keys at real identity providers.

use std::time::Duration;

use key_manager::connector::ConnectorError;
use reqwest::{Method, StatusCode};
use serde_json::json;

use crate::harness::answering::{http, serve};
use crate::harness::glewlwyd::Glewlwyd;
use crate::harness::oidc_provider::{OidcProvider, properties};
use crate::harness::served::{Answer, BOOTSTRAP, DEVPORTAL, Served, answer, assert_failure};
use crate::harness::shop::{Shop, generate, text};
use crate::harness::slow::way_to;
use crate::harness::{credentials, token_request};

#[tokio::test]
async fn s7_there_is_one_key_of_a_type() {
    let keys = Shop::start("keys-one").await;
    keys.generated().await;

    assert_failure(&keys.generate("PRODUCTION").await, StatusCode::CONFLICT);
    assert_eq!(keys.generate("SANDBOX").await.status, StatusCode::OK);

    let listed = keys.served.get(&format!("{}/oauth-keys", keys.application)).await;
    assert_eq!(listed.body["count"], json!(2), "{}", listed.body);
    assert_eq!(keys.idp.clients().len(), 2);
}

#[tokio::test]
async fn s8_concurrent_requests_for_one_key_make_one_client() {
    let keys = Shop::start("keys-concurrent").await;
    let requests = (0..8).map(|_| keys.generate("PRODUCTION"));

    let answers = futures_of(requests).await;

    let statuses: Vec<u16> = answers.iter().map(|answer| answer.status.as_u16()).collect();
    assert_eq!(statuses.iter().filter(|status| **status == 200).count(), 1, "{statuses:?}");
    assert_eq!(statuses.iter().filter(|status| **status == 409).count(), 7, "{statuses:?}");
    assert_eq!(keys.idp.clients().len(), 1);
}

/// Polls all of them in turn.
async fn futures_of<F: Future>(futures: impl Iterator<Item = F>) -> Vec<F::Output> {
    let mut pending: Vec<_> = futures.map(Box::pin).collect();
    let mut done: Vec<Option<F::Output>> = pending.iter().map(|_| None).collect();
    std::future::poll_fn(|context| {
        for (future, done) in pending.iter_mut().zip(&mut done).filter(|(_, done)| done.is_none()) {
            if let std::task::Poll::Ready(output) = future.as_mut().poll(context) {
                *done = Some(output);
            }
        }
        if done.iter().all(Option::is_some) { std::task::Poll::Ready(()) } else { std::task::Poll::Pending }
    })
    .await;
    done.into_iter().flatten().collect()
}

#[tokio::test]
async fn s7_a_key_is_read_changed_and_deleted_with_its_client() {
    let keys = Shop::start("keys-change").await;
    let (generated, path) = keys.generated().await;
    let (id, secret) = (text(&generated, "consumerKey"), text(&generated, "consumerSecret"));

    let mut read = keys.served.get(&path).await.body;
    assert_eq!((text(&read, "consumerKey"), text(&read, "consumerSecret")), (id, secret));
    assert_eq!((&read["mode"], &read["keyState"]), (&json!("CREATED"), &json!("COMPLETED")));
    read["supportedGrantTypes"] = json!(["client_credentials", "authorization_code"]);
    let without_callback = keys.served.send(Method::PUT, &path, Some(read.clone())).await;
    assert_failure(&without_callback, StatusCode::BAD_REQUEST);
    assert_eq!(without_callback.body["error"][0]["message"], json!("callbackUrl"));
    read["callbackUrl"] = json!("https://shop.example.com/callback");
    // Twice: the token that manages the client is another one after the first.
    for _ in 0..2 {
        let updated = keys.served.send(Method::PUT, &path, Some(read.clone())).await;
        assert_eq!(updated.status, StatusCode::OK, "{}", updated.body);
        assert_eq!(updated.body["callbackUrl"], json!("https://shop.example.com/callback"));
        assert_eq!(text(&updated.body, "consumerSecret"), secret);
    }

    let deleted = keys.served.send(Method::DELETE, &path, None).await;

    assert_eq!(deleted.status, StatusCode::OK);
    assert_failure(&keys.served.get(&path).await, StatusCode::NOT_FOUND);
    assert!(!keys.served.feed().await.contains(&format!("\"clientId\":\"{id}\"")));
    keys.served.settled().await;
    assert_eq!(keys.idp.clients(), [""; 0]);
    let token = keys.idp.connector.request_token(&token_request(credentials(id, secret), &[])).await;
    assert_eq!(token.err(), Some(ConnectorError::WrongCredentials));
    // The place is free again.
    assert_eq!(keys.generate("PRODUCTION").await.status, StatusCode::OK);
}

#[tokio::test]
async fn s7_an_application_takes_its_clients_with_it_and_leaves_mapped_ones() {
    let keys = Shop::start("keys-application").await;
    keys.generated().await;
    let body = json!({"consumerKey": "shop", "consumerSecret": "shop-secret", "keyType": "SANDBOX"});
    let mapped = keys.served.post(&format!("{}/map-keys", keys.application), body).await;
    assert_eq!((mapped.status, &mapped.body["mode"]), (StatusCode::OK, &json!("MAPPED")), "{}", mapped.body);

    assert_eq!(keys.served.send(Method::DELETE, &keys.application, None).await.status, StatusCode::OK);

    keys.served.settled().await;
    assert_eq!(keys.idp.clients(), [""; 0]);
    let token = token_request(credentials("shop", "shop-secret"), &[]);
    keys.idp.connector.request_token(&token).await.expect("a mapped client stays");
}

#[tokio::test]
async fn s7_only_whoever_has_a_clients_secret_maps_it_and_once() {
    let keys = Shop::start("keys-map").await;
    let map = async |secret: &str, key_type: &str| {
        let body = json!({"consumerKey": "shop", "consumerSecret": secret, "keyType": key_type});
        keys.served.post(&format!("{}/map-keys", keys.application), body).await
    };

    assert_failure(&map("wrong", "PRODUCTION").await, StatusCode::BAD_REQUEST);
    assert_eq!(map("shop-secret", "PRODUCTION").await.status, StatusCode::OK);
    assert_failure(&map("shop-secret", "SANDBOX").await, StatusCode::CONFLICT);
    assert!(keys.served.feed().await.contains("\"clientId\":\"shop\""));
}

#[tokio::test]
async fn s7_what_the_identity_provider_refuses_leaves_no_key() {
    let keys = Shop::start("keys-refused").await;
    let body = json!({"keyType": "PRODUCTION", "grantTypesToBeSupported": ["urn:example:unknown"]});

    let refused = keys.served.post(&format!("{}/generate-keys", keys.application), body).await;

    assert_failure(&refused, StatusCode::BAD_REQUEST);
    assert_eq!(keys.generate("PRODUCTION").await.status, StatusCode::OK, "the place is free");
}

#[tokio::test]
async fn s7_a_dialect_that_issues_no_other_secret_says_so() {
    let keys = Shop::start("keys-secret").await;
    let (_, path) = keys.generated().await;

    let refused = keys.served.send(Method::POST, &format!("{path}/regenerate-secret"), None).await;

    assert_failure(&refused, StatusCode::BAD_REQUEST);
    assert_eq!(refused.body["description"], json!("the identity provider cannot issue a client another secret"));
}

const SHOWN_ONCE: [(&str, &str); 1] = [("GATEHOUSE__CLIENTS__SECRET_DISPLAY", "once")];

#[tokio::test]
async fn s7_a_secret_that_is_shown_once_is_in_no_later_answer() {
    let shop = Shop::start_with("keys-once", &SHOWN_ONCE).await;
    let (generated, path) = shop.generated().await;
    let secret = text(&generated, "consumerSecret");

    let list = format!("{}/oauth-keys", shop.application);
    let change = json!({"supportedGrantTypes": ["client_credentials"]});
    for later in [
        shop.served.get(&path).await,
        shop.served.get(&list).await,
        shop.served.send(Method::PUT, &path, Some(change)).await,
    ] {
        assert_eq!(later.status, StatusCode::OK, "{}", later.body);
        let told = later.body.to_string();
        assert!(told.contains(text(&generated, "consumerKey")), "{told}");
        assert!(!told.contains(secret) && !told.contains("consumerSecret"), "{told}");
    }
    let token = shop.served.post(&format!("{path}/generate-token"), json!({"scopes": ["order"]})).await;
    assert_eq!(token.status, StatusCode::OK, "the key manager itself knows it: {}", token.body);
    let body = json!({"keyType": "SANDBOX", "consumerKey": "shop", "consumerSecret": "shop-secret"});
    let mapped = shop.served.post(&format!("{}/map-keys", shop.application), body).await;
    assert_eq!((mapped.status, mapped.body.get("consumerSecret")), (StatusCode::OK, None), "{}", mapped.body);
}

#[tokio::test]
async fn s7_a_client_that_registered_itself_is_shown_its_secret_once() {
    let shop = Shop::start_with("keys-once-registered", &SHOWN_ONCE).await;
    let application = shop.application.rsplit('/').next().unwrap();
    let metadata = json!({"application_id": application, "grant_types": ["client_credentials"]});
    let request = shop.served.request(Method::POST, "/oauth2/register").bearer_auth(BOOTSTRAP);
    let client = answer(request.json(&metadata)).await.body;
    assert!(!text(&client, "client_secret").is_empty());

    let path = text(&client, "registration_client_uri").strip_prefix(&shop.served.base).unwrap();
    let request = shop.served.request(Method::GET, path).bearer_auth(text(&client, "registration_access_token"));
    let read = answer(request).await;

    assert_eq!((read.status, &read.body["client_id"]), (StatusCode::OK, &client["client_id"]), "{}", read.body);
    assert!(read.body.get("client_secret").is_none(), "{}", read.body);
}

#[tokio::test]
async fn s7_another_secret_that_an_update_brings_is_shown() {
    let issuer = serve(|issuer, request| {
        let is = |start: &str| request.starts_with(start);
        let mut client = json!({"client_id": "own", "client_secret": "first-secret",
            "registration_client_uri": format!("{issuer}/reg/own"), "registration_access_token": "token"});
        if is("PUT ") {
            client["client_secret"] = json!("second-secret");
        }
        let metadata = json!({"issuer": issuer, "token_endpoint": format!("{issuer}/token"),
            "introspection_endpoint": format!("{issuer}/introspect"), "registration_endpoint": format!("{issuer}/reg")});
        http("200 OK", "", &if is("GET /.well-known/") { metadata } else { client }.to_string())
    })
    .await;
    let served = Served::start_with(&SHOWN_ONCE).await;
    let settings = json!({"name": "corporate", "type": "oidc", "issuer": issuer, "additionalProperties": properties()});
    served.key_manager(settings).await;
    let application = format!("{DEVPORTAL}/applications/{}", served.application().await);
    let generated = generate(&served, &application, "PRODUCTION").await.body;
    assert_eq!(generated["consumerSecret"], json!("first-secret"), "{generated}");
    let path = format!("{application}/oauth-keys/{}", text(&generated, "keyMappingId"));

    let update = async || {
        let body = json!({"supportedGrantTypes": ["client_credentials"]});
        served.send(Method::PUT, &path, Some(body)).await.body
    };

    assert_eq!(update().await["consumerSecret"], json!("second-secret"));
    assert_eq!(update().await.get("consumerSecret"), None, "it is the same");
}

#[tokio::test]
async fn s7_a_secret_is_regenerated_and_an_api_with_its_scopes_registered_at_glewlwyd() {
    let (served, idp) = (Served::start().await, Glewlwyd::start("keys-glewlwyd").await);
    served.key_manager(idp.settings.clone()).await;
    let application = format!("{DEVPORTAL}/applications/{}", served.application().await);
    let mut api = crate::harness::served::pizza();
    api["scopes"] = json!([{"scope": {"name": "pizza_order", "description": "Order"}, "shared": false}]);
    api["operations"][0]["scopes"] = json!(["pizza_order"]);
    let publisher = crate::harness::served::PUBLISHER;
    let api = served.post(&format!("{publisher}/apis"), api).await.body;
    let path = format!("{publisher}/apis/{}", text(&api, "id"));
    let publish = format!("{publisher}/apis/change-lifecycle?action=Publish&apiId={}", text(&api, "id"));
    assert_eq!(served.send(Method::POST, &publish, None).await.status, StatusCode::OK);
    let is_registered = |answer: &Answer| answer.body["registrations"][0]["state"] == "REGISTERED";
    served.until(&path, is_registered).await;

    let generated = generate(&served, &application, "PRODUCTION").await;
    assert_eq!(generated.status, StatusCode::OK, "{}", generated.body);
    let (id, secret) = (text(&generated.body, "consumerKey"), text(&generated.body, "consumerSecret"));
    let key = format!("{application}/oauth-keys/{}", text(&generated.body, "keyMappingId"));
    let renewed = served.send(Method::POST, &format!("{key}/regenerate-secret"), None).await;
    assert_eq!(renewed.status, StatusCode::OK, "{}", renewed.body);
    let request = |secret: &str| token_request(credentials(id, secret), &["pizza_order"]);
    idp.connector.request_token(&request(text(&renewed.body, "consumerSecret"))).await.expect("the new secret counts");
    let old = idp.connector.request_token(&request(secret)).await;
    assert_eq!(old.err(), Some(ConnectorError::WrongCredentials));

    // A scope that no API has any more goes; so do the client and, with the API, all of it.
    let mut changed = served.get(&path).await.body;
    changed["scopes"] = json!([]);
    changed["operations"][0]["scopes"] = json!([]);
    let changed = served.send(Method::PUT, &path, Some(changed)).await;
    assert_eq!(changed.status, StatusCode::OK, "{}", changed.body);
    assert_eq!(served.send(Method::POST, &format!("{key}/clean-up"), None).await.status, StatusCode::OK);
    served.settled().await;
    let name = crate::harness::scope("pizza_order");
    assert_eq!(idp.connector.find_scope(&name).await.map(|scope| scope.is_some()), Ok(false));
    assert!(idp.connector.find_client_by_name(id).await.unwrap().is_none());
}

#[tokio::test]
async fn s8_a_caller_who_goes_away_loses_no_client() {
    let (served, idp) = (Served::start().await, OidcProvider::start("keys-gone").await);
    let slow = way_to(&idp.issuer, Duration::from_millis(500)).await;
    let settings = json!({
        "name": "corporate", "type": "oidc", "issuer": idp.issuer, "additionalProperties": properties(),
        "clientRegistrationEndpoint": format!("{slow}/reg"),
    });
    served.key_manager(settings).await;
    let application = format!("{DEVPORTAL}/applications/{}", served.application().await);
    let body = json!({"keyType": "PRODUCTION", "grantTypesToBeSupported": ["client_credentials"]});

    let request = served.request(Method::POST, &format!("{application}/generate-keys")).bearer_auth(BOOTSTRAP);
    let left = request.json(&body).timeout(Duration::from_millis(200)).send().await;

    assert!(left.is_err_and(|error| error.is_timeout()));
    let keys = served.until(&format!("{application}/oauth-keys"), |answer| answer.body["count"] == 1).await;
    assert_eq!(idp.clients(), [text(&keys.body["list"][0], "consumerKey")]);
    served.settled().await;
}

#[tokio::test]
async fn s8_a_client_that_the_database_cannot_take_is_deleted_again() {
    let further = [("GATEHOUSE__OUTBOX__ABANDONED_AFTER", "1s"), ("GATEHOUSE__DATABASE__WAIT", "1s")];
    let (served, idp) = (Served::start_with(&further).await, OidcProvider::start("keys-locked").await);
    let slow = way_to(&idp.issuer, Duration::from_secs(2)).await;
    let settings = json!({
        "name": "corporate", "type": "oidc", "issuer": idp.issuer, "additionalProperties": properties(),
        "clientRegistrationEndpoint": format!("{slow}/reg"),
    });
    served.key_manager(settings).await;
    let application = format!("{DEVPORTAL}/applications/{}", served.application().await);

    // While the identity provider makes the client, somebody locks the database.
    let generating = generate(&served, &application, "PRODUCTION");
    let locking = async {
        let is_begun = |answer: &Answer| answer.body["list"][0]["attempts"] == 1;
        served.until("/api/gatehouse/v1/reconciliation", is_begun).await;
        served.database.lock().await
    };
    let (generated, lock) = tokio::join!(generating, locking);

    assert_failure(&generated, StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(idp.clients(), [""; 0], "it is of no use to anybody");
    lock.release().await;
    // Nobody could write down that it was deleted, and the identity provider has no look-up: a person looks.
    let is_told = |answer: &Answer| answer.body["list"][0]["state"] == "POSSIBLY_ORPHANED";
    served.until("/api/gatehouse/v1/reconciliation", is_told).await;
}
