//! An identity provider, a key manager that registers clients there, and a gateway that follows it.

use std::time::Duration;

use serde_json::{Value, json};

use super::harness::answer::Answer;
use super::harness::backend_jwt::P256;
use super::harness::clock;
use super::harness::gateway::{Gateway, Setup};
use super::harness::key_manager::{GATEWAY_CREDENTIAL, GATEWAY_NAME, KeyManager};
use super::harness::real_idp::{Client, RealIdp};
use super::harness::wait;

/// Within which a change is at every worker of a connected gateway.
const PROMISED: Duration = Duration::from_secs(2);
pub(crate) const WORKERS: u32 = 2;
pub(crate) const ORDER: &str = "/pizzashack/1.0.0/order";

/// An identity provider, a key manager that registers clients there, and a gateway that follows it.
pub(crate) struct Federation {
    pub(crate) idp: RealIdp,
    pub(crate) key_manager: KeyManager,
    pub(crate) gateway: Gateway,
}

/// What the key manager has published, and who may call it.
pub(crate) struct Published {
    pub(crate) api: String,
    pub(crate) application: String,
    pub(crate) subscription: String,
    pub(crate) client_id: String,
    pub(crate) client_secret: String,
}

/// The registry is left to the key manager.
pub(crate) fn plugin(idp: &RealIdp) -> Value {
    json!({
        "identityProviders": [{
            "name": "corporate", "issuer": idp.issuer,
            "introspection": {
                "cluster": "idp", "authority": idp.address, "path": "/token/introspection", "timeout": "10s",
                "clientAuthentication": {
                    "method": "client_secret_basic", "clientId": "gateway", "clientSecret": {"value": "gateway-secret"},
                },
            },
        }],
        "backendJwt": {"issuer": "https://gateway.example", "signingKey": {"value": *P256}},
        "keyManager": {
            "cluster": "key-manager", "authority": "key-manager.internal",
            "credential": {"env": "GATEWAY_CREDENTIAL"}, "gateway": GATEWAY_NAME,
        },
    })
}

pub(crate) fn setup(name: &str, plugin: &Value, idp: &RealIdp, key_manager: &KeyManager) -> Setup {
    Setup::new(name, plugin)
        .workers(WORKERS)
        .cluster("idp", idp.address)
        .cluster("key-manager", key_manager.address)
        .environment("GATEWAY_CREDENTIAL", GATEWAY_CREDENTIAL)
}

/// What is left to the key manager: registry, introspection and the keys of backend JWTs. The identity provider is called by
/// the key manager alone.
pub(crate) fn plugin_of_key_manager(idp: &RealIdp) -> Value {
    let mut plugin = plugin(idp);
    plugin["identityProviders"][0]["introspection"] = json!({"keyManager": true});
    plugin["backendJwt"]["signingKey"] = json!({"keyManager": true});
    plugin
}

pub(crate) async fn start_idp(name: &str) -> RealIdp {
    let clients = json!([{"client_id": "gateway", "client_secret": "gateway-secret", "grants": []}]);
    let idp = json!({
        "clients": clients, "users": [], "scopes": ["order_pizza"], "introspectors": ["gateway"],
        "accessTokenLifetime": 600, "initialAccessToken": "initial",
    });
    RealIdp::start(&format!("{name}-idp"), &idp).await
}

pub(crate) fn pizza(version: &str) -> Value {
    json!({
        "name": "PizzaShack", "version": version, "context": "/pizzashack",
        "operations": [
            {"verb": "GET", "target": "/menu", "authType": "None"},
            {"verb": "GET", "target": "/order", "authType": "Any"},
        ],
    })
}

pub(crate) async fn publish(key_manager: &KeyManager, api: Value) -> String {
    let created = key_manager.publisher("POST", "/apis", Some(api)).await;
    let id = created["id"].as_str().expect("the API's id").to_owned();
    key_manager.publisher("POST", &format!("/apis/change-lifecycle?action=Publish&apiId={id}"), None).await;
    id
}

pub(crate) async fn subscribe(key_manager: &KeyManager, api: &str, application: &str) -> String {
    let body = json!({"apiId": api, "applicationId": application, "throttlingPolicy": "Gold"});
    let subscribed = key_manager.store("POST", "/subscriptions", Some(body)).await;
    subscribed["subscriptionId"].as_str().expect("the subscription's id").to_owned()
}

/// Publishes an API, creates an application with keys at the identity provider, and subscribes it.
pub(crate) async fn furnish(key_manager: &KeyManager, idp: &RealIdp) -> Published {
    let properties = json!({"clientId": "gateway", "clientSecret": "gateway-secret", "initialAccessToken": "initial"});
    let provider =
        json!({"name": "corporate", "type": "oidc", "issuer": idp.issuer, "additionalProperties": properties});
    key_manager.admin("POST", "/key-managers", Some(provider)).await;
    let api = publish(key_manager, pizza("1.0.0")).await;
    let body = json!({"name": "Shop", "throttlingPolicy": "Unlimited"});
    let created = key_manager.store("POST", "/applications", Some(body)).await;
    let application = created["applicationId"].as_str().expect("the application's id").to_owned();
    let body = json!({"keyType": "PRODUCTION", "grantTypesToBeSupported": ["client_credentials"]});
    let keys = key_manager.store("POST", &format!("/applications/{application}/generate-keys"), Some(body)).await;
    let text = |name: &str| keys[name].as_str().expect("a key").to_owned();
    let subscription = subscribe(key_manager, &api, &application).await;
    Published { api, application, subscription, client_id: text("consumerKey"), client_secret: text("consumerSecret") }
}

impl Published {
    pub(crate) async fn token(&self, idp: &RealIdp) -> String {
        let client = Client { id: &self.client_id, secret: &self.client_secret };
        idp.application_token(&client, "").await
    }

    pub(crate) async fn block(&self, key_manager: &KeyManager, state: &str) {
        let query = format!("subscriptionId={}&blockState={state}", self.subscription);
        key_manager.publisher("POST", &format!("/subscriptions/block-subscription?{query}"), None).await;
    }

    /// The client revokes its own token, at the key manager.
    pub(crate) async fn revoke(&self, key_manager: &KeyManager, token: &str) {
        let answer = reqwest::Client::new()
            .post(format!("http://{}/oauth2/revoke", key_manager.address))
            .basic_auth(&self.client_id, Some(&self.client_secret))
            .header("content-type", "application/x-www-form-urlencoded")
            .body(format!("token={token}"))
            .send()
            .await
            .expect("an answer");
        assert_eq!(answer.status(), 200);
    }

    pub(crate) async fn unblock(&self, key_manager: &KeyManager) {
        let path = format!("/subscriptions/unblock-subscription?subscriptionId={}", self.subscription);
        key_manager.publisher("POST", &path, None).await;
    }
}

/// Waits until all workers of a gateway answer so, with an end of [`wait::until`]; how long it took.
pub(crate) async fn until_everywhere(gateway: &Gateway, what: &str, status: u16, path: &str, token: &str) -> Duration {
    // Connections go to the workers by chance.
    const IN_A_ROW: usize = 16;
    let begun = clock::instant();
    let mut in_a_row = 0;
    let mut reached = Duration::ZERO;
    wait::until_true(what, async || {
        let answer = gateway.get(path).bearer(token).send().await;
        if answer.status == status {
            if in_a_row == 0 {
                reached = begun.elapsed();
            }
            in_a_row += 1;
        } else {
            in_a_row = 0;
        }
        in_a_row >= IN_A_ROW
    })
    .await;
    reached
}

impl Federation {
    pub(crate) async fn start(name: &str) -> (Self, Published, String) {
        let idp = start_idp(name).await;
        let key_manager = KeyManager::start(&format!("{name}-key-manager")).await;
        let published = furnish(&key_manager, &idp).await;
        let gateway = setup(name, &plugin(&idp), &idp, &key_manager).updatable().start().await;
        let token = published.token(&idp).await;
        let federation = Self { idp, key_manager, gateway };
        federation.until_everywhere("the registry", 200, ORDER, &token).await;
        (federation, published, token)
    }

    pub(crate) async fn get(&self, path: &str, token: &str) -> Answer {
        self.gateway.get(path).bearer(token).send().await
    }

    /// [`until_everywhere`] at the gateway.
    pub(crate) async fn until_everywhere(&self, what: &str, status: u16, path: &str, token: &str) -> Duration {
        until_everywhere(&self.gateway, what, status, path, token).await
    }

    /// [`Self::until_everywhere`], and no later than promised.
    pub(crate) async fn assert_arrives(&self, what: &str, status: u16, path: &str, token: &str) -> Duration {
        let reached = self.until_everywhere(what, status, path, token).await;
        assert!(reached <= PROMISED, "{what} took {reached:?}");
        reached
    }
}
