//! Callers with tokens of a real identity provider: what they may, and whose things they see.

use reqwest::{Method, StatusCode};
use serde_json::json;

use crate::harness::served::{BOOTSTRAP, DEVPORTAL, PUBLISHER, assert_failure, pizza};
use crate::harness::shop::{Shop, generate};

const TRUSTED: [(&str, &str); 1] = [("GATEHOUSE__CALLERS__IDENTITY_PROVIDER", "corporate")];

#[tokio::test]
async fn s7_a_token_opens_what_its_scopes_say() {
    let shop = Shop::start_with("callers-scopes", &TRUSTED).await;
    let (served, apis) = (&shop.served, format!("{PUBLISHER}/apis"));
    let subscriber = shop.idp.user_token("alice", "apim:subscribe").await;
    let creator = shop.idp.user_token("alice", "apim:api_create").await;

    let refused = served.send_as(&subscriber, Method::POST, &apis, Some(pizza())).await;
    assert_failure(&refused, StatusCode::FORBIDDEN);
    let challenge = refused.headers["www-authenticate"].to_str().unwrap();
    assert!(challenge.contains("error=\"insufficient_scope\"") && challenge.contains("apim:api_create"), "{challenge}");
    assert_eq!(refused.body["error"], json!([]));

    let created = served.send_as(&creator, Method::POST, &apis, Some(pizza())).await;
    assert_eq!(
        (created.status, &created.body["provider"]),
        (StatusCode::CREATED, &json!("u-alice")),
        "{}",
        created.body
    );
    assert_failure(&served.send_as("made-up", Method::GET, &apis, None).await, StatusCode::UNAUTHORIZED);
}

#[tokio::test]
async fn s7_another_owners_ids_look_like_absent_ones() {
    let shop = Shop::start_with("callers-owners", &TRUSTED).await;
    let served = &shop.served;
    let (alice, bob) = (
        shop.idp.user_token("alice", "apim:subscribe apim:app_manage").await,
        shop.idp.user_token("bob", "apim:subscribe apim:app_manage").await,
    );
    let applications = format!("{DEVPORTAL}/applications");
    let body = json!({"name": "Hers", "throttlingPolicy": "Unlimited"});
    let hers = served.send_as(&alice, Method::POST, &applications, Some(body.clone())).await.body;
    assert_eq!(hers["owner"], json!("u-alice"));
    let path = format!("{applications}/{}", hers["applicationId"].as_str().unwrap());
    let keys = json!({"keyType": "PRODUCTION", "grantTypesToBeSupported": ["client_credentials"]});
    let key = served.send_as(&alice, Method::POST, &format!("{path}/generate-keys"), Some(keys.clone())).await;
    assert_eq!(key.status, StatusCode::OK, "{}", key.body);
    let key = format!("{path}/oauth-keys/{}", key.body["keyMappingId"].as_str().unwrap());
    let api = served.published_api().await;
    let subscription = json!({"apiId": api, "applicationId": hers["applicationId"], "throttlingPolicy": "Unlimited"});
    let subscriptions = format!("{DEVPORTAL}/subscriptions");
    let subscribed = served.send_as(&alice, Method::POST, &subscriptions, Some(subscription.clone())).await;
    assert_eq!(subscribed.status, StatusCode::CREATED, "{}", subscribed.body);
    let subscribed = format!("{subscriptions}/{}", subscribed.body["subscriptionId"].as_str().unwrap());

    for (method, path, body) in [
        (Method::GET, path.clone(), None),
        (Method::PUT, path.clone(), Some(body)),
        (Method::DELETE, path.clone(), None),
        (Method::POST, format!("{path}/generate-keys"), Some(keys)),
        (Method::GET, format!("{path}/oauth-keys"), None),
        (Method::GET, key.clone(), None),
        (Method::PUT, key.clone(), Some(json!({"supportedGrantTypes": ["client_credentials"]}))),
        (Method::DELETE, key.clone(), None),
        (Method::POST, format!("{key}/regenerate-secret"), None),
        (Method::POST, format!("{key}/generate-token"), Some(json!({}))),
        (Method::POST, subscriptions.clone(), Some(subscription)),
        (Method::GET, subscribed.clone(), None),
        (Method::DELETE, subscribed.clone(), None),
    ] {
        let refused = served.send_as(&bob, method.clone(), &path, body.clone()).await;
        assert_failure(&refused, StatusCode::NOT_FOUND);
        // As with an id that nobody has.
        let absent = path.replace(hers["applicationId"].as_str().unwrap(), "6f0c2a8e-0000-4000-8000-000000000000");
        if absent != path {
            assert_eq!(refused.body, served.send_as(&bob, method, &absent, body).await.body, "{path}");
        }
    }
    for list in [&applications, &subscriptions] {
        assert_eq!(served.send_as(&bob, Method::GET, list, None).await.body["count"], json!(0));
        assert_eq!(served.send_as(&alice, Method::GET, list, None).await.body["count"], json!(1));
    }
    assert_eq!(served.send_as(&alice, Method::GET, &key, None).await.status, StatusCode::OK);
    // Nor does the administrator of the first door.
    assert_failure(&served.send_as(BOOTSTRAP, Method::GET, &path, None).await, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn s7_a_client_is_a_caller_of_its_own_and_names_of_users_make_clients_names() {
    let shop = Shop::start_with("callers-clients", &TRUSTED).await;
    let form = [("grant_type", "client_credentials"), ("scope", "apim:subscribe")];
    let token = shop.idp.token("portal", "portal-secret", &form).await;
    let body = json!({"name": "Its", "throttlingPolicy": "Unlimited"});

    let created = shop.served.send_as(&token, Method::POST, &format!("{DEVPORTAL}/applications"), Some(body)).await;

    assert_eq!((created.status, &created.body["owner"]), (StatusCode::CREATED, &json!("client:portal")));
    assert_eq!(generate(&shop.served, &shop.application, "PRODUCTION").await.status, StatusCode::OK);
}

#[tokio::test]
async fn s7_callers_tokens_count_at_no_identity_provider_that_is_not_named() {
    let shop = Shop::start("callers-none").await;
    let token = shop.idp.user_token("alice", "apim:admin apim:subscribe").await;

    let refused = shop.served.send_as(&token, Method::GET, &format!("{DEVPORTAL}/applications"), None).await;

    assert_failure(&refused, StatusCode::UNAUTHORIZED);
}

#[tokio::test]
async fn s7_an_identity_provider_that_is_away_is_nobodys_fault() {
    let shop = Shop::start_with("callers-away", &TRUSTED).await;
    let token = shop.idp.user_token("alice", "apim:subscribe").await;
    let Shop { served, idp, .. } = shop;
    drop(idp);

    let refused = served.send_as(&token, Method::GET, &format!("{DEVPORTAL}/applications"), None).await;

    assert_failure(&refused, StatusCode::SERVICE_UNAVAILABLE);
    assert!(refused.headers.contains_key("retry-after"));
}
