//! Clients' endpoints at Glewlwyd, whose dialect is another.

use base64::prelude::{BASE64_URL_SAFE_NO_PAD, Engine as _};
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

use super::{introspect, post, token};
use crate::harness::glewlwyd::Glewlwyd;
use crate::harness::served::{Answer, DEVPORTAL, PUBLISHER, Served, pizza};
use crate::harness::shop::{generate, text};

/// A key manager with Glewlwyd, an API that is published with the scope `order`, and an application.
struct GlewlwydShop {
    served: Served,
    _idp: Glewlwyd,
    application: String,
}

impl GlewlwydShop {
    async fn start(name: &str) -> Self {
        let (served, idp) = (Served::start().await, Glewlwyd::start(name).await);
        served.key_manager(idp.settings.clone()).await;
        let mut api = pizza();
        api["scopes"] = json!([{"scope": {"name": "order"}, "shared": false}]);
        api["operations"][0]["scopes"] = json!(["order"]);
        let created = served.post(&format!("{PUBLISHER}/apis"), api).await.body;
        let path = format!("{PUBLISHER}/apis/change-lifecycle?action=Publish&apiId={}", text(&created, "id"));
        assert_eq!(served.send(Method::POST, &path, None).await.status, StatusCode::OK);
        let is_known = |answer: &Answer| answer.body["registrations"][0]["state"] == "REGISTERED";
        served.until(&format!("{PUBLISHER}/apis/{}", text(&created, "id")), is_known).await;
        let application = format!("{DEVPORTAL}/applications/{}", served.application().await);
        Self { served, _idp: idp, application }
    }

    async fn key(&self, key_type: &str) -> Value {
        let generated = generate(&self.served, &self.application, key_type).await;
        assert_eq!(generated.status, StatusCode::OK, "{}", generated.body);
        generated.body
    }
}

fn client(key: &Value) -> (&str, &str) {
    (text(key, "consumerKey"), text(key, "consumerSecret"))
}

#[tokio::test]
async fn s7_glewlwyds_answers_to_token_requests_pass_as_they_are() {
    let shop = GlewlwydShop::start("oauth2-glewlwyd-token").await;
    let key = shop.key("PRODUCTION").await;

    let granted = token(&shop.served, client(&key)).await;
    assert_eq!((granted.status, &granted.body["scope"]), (StatusCode::OK, &json!("order")), "{}", granted.body);

    // It says little more than a status.
    let wrong = token(&shop.served, (client(&key).0, "wrong")).await;
    assert_eq!((wrong.status, wrong.body), (StatusCode::FORBIDDEN, Value::Null));
    let form = [("grant_type", "client_credentials"), ("scope", "unknown")];
    let unknown = post(&shop.served, "/oauth2/token", Some(client(&key)), &form).await;
    assert_eq!((unknown.status, unknown.body), (StatusCode::BAD_REQUEST, json!({"error": "scope_invalid"})));
}

#[tokio::test]
async fn s7_a_gateway_introspects_tokens_of_glewlwyd_in_the_form_of_the_standard() {
    let shop = GlewlwydShop::start("oauth2-glewlwyd-introspect").await;
    let key = shop.key("PRODUCTION").await;
    let granted = token(&shop.served, client(&key)).await;

    let told = introspect(&shop.served, text(&granted.body, "access_token"), &[]).await;

    assert_eq!((told.status, &told.body["active"]), (StatusCode::OK, &json!(true)), "{}", told.body);
    assert_eq!((&told.body["client_id"], &told.body["scope"]), (&json!(client(&key).0), &json!("order")));
    assert!(told.body["exp"].as_u64() > told.body["iat"].as_u64(), "{}", told.body);
    assert_eq!(introspect(&shop.served, "made-up", &[]).await.body, json!({"active": false}));
}

/// Glewlwyd lets any client revoke any token: what it has done is told.
#[tokio::test]
async fn s7_an_access_token_that_glewlwyd_has_revoked_is_told_to_gateways() {
    let shop = GlewlwydShop::start("oauth2-glewlwyd-revoke").await;
    let (key, other) = (shop.key("PRODUCTION").await, shop.key("SANDBOX").await);
    for revoker in [&key, &other] {
        let granted = token(&shop.served, client(&key)).await;
        let access_token = text(&granted.body, "access_token");

        let revoked = post(&shop.served, "/oauth2/revoke", Some(client(revoker)), &[("token", access_token)]).await;

        assert_eq!(revoked.status, StatusCode::OK, "{}", revoked.body);
        assert_eq!(introspect(&shop.served, access_token, &[]).await.body, json!({"active": false}));
        let digest = BASE64_URL_SAFE_NO_PAD.encode(Sha256::digest(access_token));
        let feed = shop.served.feed().await;
        assert!(feed.contains(&format!("\"value\":\"{digest}\"")), "{feed}");
        assert!(feed.contains("\"action\":\"deny\"") && !feed.contains("recheck"), "{feed}");
    }
    let (id, _) = client(&key);
    let (before, granted) = (shop.served.feed().await, token(&shop.served, client(&key)).await);
    let form = [("token", text(&granted.body, "access_token"))];
    let refused = post(&shop.served, "/oauth2/revoke", Some((id, "wrong")), &form).await;
    assert!(!refused.status.is_success(), "{}", refused.status);
    assert_eq!(shop.served.feed().await, before);
}
