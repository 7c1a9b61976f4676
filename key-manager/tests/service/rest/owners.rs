//! Another owner of an application: who sees it, what gateways and identity providers are told.

use key_manager::domain::ApplicationKey;
use key_manager::store::Window;
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

use crate::harness::glewlwyd::Glewlwyd;
use crate::harness::served::{ADMIN, Answer, DEVPORTAL, Served, assert_failure};
use crate::harness::shop::{Shop, generate, text};
use crate::harness::{client_of, credentials, token_request};

const TRUSTED: [(&str, &str); 1] = [("GATEHOUSE__CALLERS__IDENTITY_PROVIDER", "corporate")];

async fn change_owner(served: &Served, application: &str, query: &str) -> Answer {
    let id = application.rsplit('/').next().unwrap();
    served.send(Method::POST, &format!("{ADMIN}/applications/{id}/change-owner{query}"), None).await
}

async fn key(served: &Served, application: &str) -> ApplicationKey {
    let id = application.rsplit('/').next().unwrap();
    served.service.store.read().await.unwrap().list_keys(id).await.unwrap().pop().unwrap()
}

#[tokio::test]
async fn s7_an_application_goes_to_another_owner_with_its_keys_and_subscriptions() {
    let shop = Shop::start_with("owners", &TRUSTED).await;
    let served = &shop.served;
    let alice = shop.idp.user_token("alice", "apim:subscribe apim:app_manage").await;
    let bob = shop.idp.user_token("bob", "apim:subscribe apim:app_manage").await;
    let create = async |token: &str| {
        let body = json!({"name": "Orders", "throttlingPolicy": "Unlimited"});
        let created = served.send_as(token, Method::POST, &format!("{DEVPORTAL}/applications"), Some(body)).await;
        format!("{DEVPORTAL}/applications/{}", text(&created.body, "applicationId"))
    };
    let hers = create(&alice).await;
    let keys = json!({"keyType": "PRODUCTION", "grantTypesToBeSupported": ["client_credentials"]});
    let generated = served.send_as(&alice, Method::POST, &format!("{hers}/generate-keys"), Some(keys)).await.body;

    // What cannot be changes nothing.
    let his = create(&bob).await;
    assert_failure(&change_owner(served, &hers, "?owner=u-bob").await, StatusCode::CONFLICT);
    served.send_as(&bob, Method::DELETE, &his, None).await;
    for query in ["", "?owner=", "?owner=%20bob", "?owner=bo%0Ab"] {
        let refused = change_owner(served, &hers, query).await;
        assert_failure(&refused, StatusCode::BAD_REQUEST);
        assert_eq!(refused.body["error"][0]["message"], json!("owner"), "{query}");
    }
    assert_failure(&change_owner(served, "none", "?owner=u-bob").await, StatusCode::NOT_FOUND);
    let path = format!("{ADMIN}/applications/{}/change-owner?owner=u-bob", hers.rsplit('/').next().unwrap());
    assert_failure(&served.send_as(&bob, Method::POST, &path, None).await, StatusCode::FORBIDDEN);
    assert_eq!(served.send_as(&alice, Method::GET, &hers, None).await.body["owner"], json!("u-alice"));

    let changed = change_owner(served, &hers, "?owner=u-bob").await;

    assert_eq!(changed.status, StatusCode::OK, "{}", changed.body);
    assert_failure(&served.send_as(&alice, Method::GET, &hers, None).await, StatusCode::NOT_FOUND);
    assert_eq!(served.send_as(&bob, Method::GET, &hers, None).await.body["owner"], json!("u-bob"));
    assert_eq!(served.send_as(&bob, Method::GET, &format!("{hers}/oauth-keys"), None).await.body["count"], json!(1));
    let feed = served.feed().await;
    assert!(feed.contains("\"owner\":\"u-bob\"") && !feed.contains("u-alice"), "{feed}");
    let mut read = served.service.store.read().await.unwrap();
    let entries = read.list_audit_entries(Window::ALL).await.unwrap().items;
    let id = hers.rsplit('/').next().unwrap();
    assert!(entries.iter().any(|one| one.actor == "admin" && one.action == "update" && one.id == id), "{entries:?}");
    // The client is the same, by another name.
    served.settled().await;
    let key = key(served, &hers).await;
    let there = shop.idp.connector.read_client(&client_of(&key)).await.unwrap().expect("the client");
    assert_eq!(there.metadata.client_name, format!("u-bob_{id}_PRODUCTION"));
    let request = token_request(credentials(&there.client_id, text(&generated, "consumerSecret")), &["order"]);
    shop.idp.connector.request_token(&request).await.expect("its secret is the same");
}

#[tokio::test]
async fn s7_settings_of_an_application_are_changed_by_wso2s_newer_operation() {
    let served = Served::start().await;
    let path = format!("{ADMIN}/applications/{}/change-settings", served.application().await);

    let changed = served.post(&path, json!({"owner": "bob", "tokenType": "JWT"})).await;

    assert_eq!((changed.status, &changed.body["owner"]), (StatusCode::OK, &json!("bob")), "{}", changed.body);
    assert_eq!(changed.body["tokenType"], json!("JWT"));
    assert_eq!(served.post(&path, json!({})).await.body["owner"], json!("bob"), "what is not given stays");
    for (body, field) in [(json!({"owner": ""}), "owner"), (json!({"ownr": "x"}), "ownr")] {
        let refused = served.post(&path, body).await;
        assert_failure(&refused, StatusCode::BAD_REQUEST);
        assert_eq!(refused.body["error"][0]["message"], json!(field));
    }
}

#[tokio::test]
async fn s7_a_client_at_glewlwyd_keeps_its_id_and_gets_the_owners_name() {
    let (served, idp) = (Served::start().await, Glewlwyd::start("owners-glewlwyd").await);
    served.key_manager(idp.settings.clone()).await;
    let application = format!("{DEVPORTAL}/applications/{}", served.application().await);
    let generated = generate(&served, &application, "PRODUCTION").await.body;

    assert_eq!(change_owner(&served, &application, "?owner=bob").await.status, StatusCode::OK);
    served.settled().await;

    let there = idp.connector.find_client_by_name(text(&generated, "consumerKey")).await.unwrap().expect("the client");
    let id = application.rsplit('/').next().unwrap();
    assert_eq!(there.metadata.client_name, format!("bob_{id}_PRODUCTION"));
    assert_eq!(there.client_secret.unwrap().expose(), text(&generated, "consumerSecret"));
}

#[tokio::test]
async fn s7_an_identity_provider_that_is_away_is_told_of_the_owner_later() {
    let shop = Shop::start("owners-away").await;
    shop.generated().await;
    let Shop { served, idp, application } = shop;
    drop(idp);

    assert_eq!(change_owner(&served, &application, "?owner=bob").await.status, StatusCode::OK);

    let has_failed = |answer: &Answer| answer.body["list"][0]["error"] != Value::Null;
    let listed = served.until("/api/gatehouse/v1/reconciliation", has_failed).await.body;
    let intent = &listed["list"][0];
    assert!(text(intent, "id").starts_with("change_owner:"), "{listed}");
    assert_eq!(intent["state"], json!("PENDING"));
}
