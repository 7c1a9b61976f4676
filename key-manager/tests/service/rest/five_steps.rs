//! The five steps at a real identity provider: publish, application, keys, subscription, token.

use key_manager::connector::Introspection;
use key_validation::Secret;
use reqwest::{Method, StatusCode};
use serde_json::json;

use crate::harness::oidc_provider::OidcProvider;
use crate::harness::served::{ADMIN, DEVPORTAL, PUBLISHER, Served, pizza};

#[tokio::test]
async fn s7_a_token_for_a_client_that_was_made_for_an_application_with_a_subscription() {
    let (served, idp) = (Served::start().await, OidcProvider::start("five-steps").await);

    // The operator tells of the identity provider, with what it says about itself.
    let form = [("url", idp.issuer.as_str()), ("type", "oidc")];
    let discovered = served.post_form(&format!("{ADMIN}/key-managers/discover"), &form).await;
    assert_eq!((discovered.status, &discovered.body["valid"]), (StatusCode::OK, &json!(true)), "{}", discovered.body);
    let mut key_manager = discovered.body["value"].clone();
    assert_eq!(key_manager["introspectionEndpoint"], json!(format!("{}/token/introspection", idp.issuer)));
    key_manager["name"] = json!("corporate");
    key_manager["additionalProperties"] = crate::harness::oidc_provider::properties();
    let key_manager_id = served.key_manager(key_manager).await;
    let check = served.post(&format!("/api/gatehouse/v1/key-managers/{key_manager_id}/check"), json!(null)).await;
    assert_eq!(check.body["good"], json!(true), "{}", check.body);

    // 1. An API is published.
    let mut api = pizza();
    api["scopes"] = json!([{"scope": {"name": "order"}, "shared": false}]);
    api["operations"][0]["scopes"] = json!(["order"]);
    let api = served.post(&format!("{PUBLISHER}/apis"), api).await;
    assert_eq!(api.status, StatusCode::CREATED, "{}", api.body);
    let api_id = api.body["id"].as_str().unwrap();
    let publish = format!("{PUBLISHER}/apis/change-lifecycle?action=Publish&apiId={api_id}");
    assert_eq!(served.send(Method::POST, &publish, None).await.status, StatusCode::OK);
    // The identity provider keeps no APIs, and the API says so.
    let is_told = |answer: &crate::harness::served::Answer| answer.body["registrations"][0]["state"] == "UNSUPPORTED";
    let told = served.until(&format!("{PUBLISHER}/apis/{api_id}"), is_told).await;
    assert_eq!(told.body["registrations"][0]["keyManager"], json!("corporate"), "{}", told.body);

    // 2. An application, 3. its keys.
    let application = served.application().await;
    let body = json!({"keyType": "PRODUCTION", "grantTypesToBeSupported": ["client_credentials"]});
    let keys = served.post(&format!("{DEVPORTAL}/applications/{application}/generate-keys"), body).await;
    assert_eq!(keys.status, StatusCode::OK, "{}", keys.body);
    let client_id = keys.body["consumerKey"].as_str().unwrap();
    assert_eq!(idp.clients(), [client_id]);
    assert!(served.feed().await.contains(client_id));

    // 4. A subscription.
    let body = json!({"apiId": api_id, "applicationId": application, "throttlingPolicy": "Unlimited"});
    let subscribed = served.post(&format!("{DEVPORTAL}/subscriptions"), body).await;
    assert_eq!(subscribed.status, StatusCode::CREATED, "{}", subscribed.body);

    // 5. A token, for that client with that scope.
    let key_id = keys.body["keyMappingId"].as_str().unwrap();
    let path = format!("{DEVPORTAL}/applications/{application}/oauth-keys/{key_id}/generate-token");
    let token = served.post(&path, json!({"scopes": ["order"]})).await;
    assert_eq!(token.status, StatusCode::OK, "{}", token.body);
    assert_eq!((&token.body["tokenScopes"], &token.body["validityTime"]), (&json!(["order"]), &json!(600)));
    let access_token = Secret::new(token.body["accessToken"].as_str().unwrap());
    let Ok(Introspection::Active(active)) = idp.connector.introspect(&access_token, None).await else {
        panic!("the token is not active")
    };
    assert_eq!((active.client_id.as_deref(), active.scope), (Some(client_id), vec!["order".to_owned()]));
}
