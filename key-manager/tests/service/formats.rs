//! What gateways of format 1 are told by this key manager, held against what key managers of that format have said
//! (`key-validation/tests/feed-format-1/`): what is added they leave alone, what is missing or another they would
//! misunderstand.

use key_manager::server;
use key_validation::feed::Page;
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

use crate::harness::oidc_provider::{OidcProvider, properties};
use crate::harness::repository_root;
use crate::harness::served::{ADMIN, DEVPORTAL, GATEWAY, PUBLISHER, Served, answer};
use crate::harness::shop::{generate, text};

/// Members that mean nothing but themselves to a gateway: their type alone counts.
const OPAQUE: [&str; 8] = ["number", "records", "next", "kid", "privateKey", "notBefore", "expiresAt", "refreshAfter"];

fn fixture(name: &str) -> Value {
    let path = repository_root().join("key-validation/tests/feed-format-1").join(name);
    serde_json::from_str(&std::fs::read_to_string(path).expect("a fixture")).expect("JSON")
}

/// Fails unless everything of the fixture is said in the same words.
#[track_caller]
fn assert_says(told: &Value, fixture: &Value, place: &str) {
    match (told, fixture) {
        (Value::Object(told), Value::Object(members)) => {
            for (name, expected) in members {
                let place = format!("{place}.{name}");
                let told = told.get(name).unwrap_or(&Value::Null);
                if OPAQUE.contains(&name.as_str()) {
                    assert_eq!(type_of(told), type_of(expected), "{place}: {told}");
                } else {
                    assert_says(told, expected, &place);
                }
            }
        }
        (Value::Array(told), Value::Array(items)) => {
            assert_eq!(told.len(), items.len(), "{place}: {told:?}");
            for (index, (told, expected)) in told.iter().zip(items).enumerate() {
                assert_says(told, expected, &format!("{place}[{index}]"));
            }
        }
        _ => assert_eq!(told, fixture, "{place}"),
    }
}

fn type_of(value: &Value) -> &'static str {
    match value {
        Value::Null => "nothing",
        Value::Bool(_) => "true or false",
        Value::Number(number) if number.is_u64() => "whole number",
        Value::Number(_) => "number",
        Value::String(_) => "text",
        Value::Array(_) => "list",
        Value::Object(_) => "object",
    }
}

/// The registry of the fixtures, with ids of this key manager.
struct Registry {
    served: Served,
    _idp: OidcProvider,
    subscription: String,
    revocation: String,
    /// Ids here, and those of the fixtures.
    ids: Vec<(String, &'static str)>,
}

impl Registry {
    async fn start() -> Self {
        let (served, idp) = (Served::start().await, OidcProvider::start("formats").await);
        let settings = json!({
            "name": "idp", "type": "oidc", "issuer": idp.issuer, "additionalProperties": properties(),
        });
        served.key_manager(settings).await;
        let create = async |path: &str, body: Value| {
            let created = served.send(Method::POST, path, Some(body).filter(|body| !body.is_null())).await;
            assert!(created.status.is_success(), "{path}: {}", created.body);
            created.body
        };
        let api = json!({
            "name": "PizzaShack", "version": "1.0.0", "context": "/pizzashack", "isDefaultVersion": true,
            "keyManagers": ["idp"], "scopes": [{"scope": {"name": "order_pizza"}, "shared": false}],
            "operations": [
                {"verb": "GET", "target": "/menu", "authType": "None"},
                {"verb": "POST", "target": "/order", "authType": "Any", "scopes": ["order_pizza"]},
            ],
        });
        let api = text(&create(&format!("{PUBLISHER}/apis"), api).await, "id").to_owned();
        let publish = format!("{PUBLISHER}/apis/change-lifecycle?action=Publish&apiId={api}");
        create(&publish, Value::Null).await;
        let body = json!({"name": "Shop", "throttlingPolicy": "Unlimited", "attributes": {"costCentre": "4711"}});
        let application = create(&format!("{DEVPORTAL}/applications"), body).await;
        let application = text(&application, "applicationId").to_owned();
        let key = generate(&served, &format!("{DEVPORTAL}/applications/{application}"), "PRODUCTION").await.body;
        let body = json!({"apiId": api, "applicationId": application, "throttlingPolicy": "Gold"});
        let subscription = create(&format!("{DEVPORTAL}/subscriptions"), body).await;
        create(&format!("{ADMIN}/applications/{application}/change-owner?owner=bob"), Value::Null).await;
        let body = json!({"kind": "jti", "value": "9a1", "identityProvider": "idp", "expiresAt": u32::MAX});
        let revocation = create("/api/gatehouse/v1/revocations", body).await;
        served.settled().await;
        let (subscription, revocation) = (text(&subscription, "subscriptionId"), text(&revocation, "id"));
        let ids = [
            (api.as_str(), "PizzaShack-1.0.0"),
            (&application, "6f0c2a8e"),
            (text(&key, "consumerKey"), "abc123"),
            (subscription, "s-17"),
            (revocation, "r-3"),
        ];
        let ids = ids.map(|(id, theirs)| (id.to_owned(), theirs)).to_vec();
        let (subscription, revocation) = (subscription.to_owned(), revocation.to_owned());
        Self { served, _idp: idp, subscription, revocation, ids }
    }

    /// A page, and the same with the ids of the fixtures.
    async fn page(&self, query: &str) -> (Value, Value) {
        let request = self.served.request(Method::GET, &format!("/internal/gateway/v1/registry{query}"));
        let told = answer(request.bearer_auth(GATEWAY).header("x-gatehouse-gateway", "edge")).await;
        assert_eq!(told.status, StatusCode::OK, "{}", told.body);
        let page = told.body.to_string();
        Page::parse(page.as_bytes()).expect("a page that the filter understands");
        let epoch = (text(&told.body["revision"], "epoch").to_owned(), "2f1c7d6e");
        let renamed = self.ids.iter().chain([&epoch]).fold(page, |page, (id, theirs)| page.replace(id, theirs));
        (told.body, serde_json::from_str(&renamed).expect("JSON"))
    }

    async fn change(&self, method: Method, path: &str) {
        let changed = self.served.send(method, path, None).await;
        assert!(changed.status.is_success(), "{path}: {}", changed.body);
    }
}

#[tokio::test]
async fn s7_gateways_of_format_1_are_told_what_they_understand() {
    let registry = Registry::start().await;

    let (mut query, mut revision) = (String::new(), String::new());
    for name in ["snapshot-1.json", "snapshot-2.json", "snapshot-3.json"] {
        let (page, renamed) = registry.page(&query).await;
        assert_says(&renamed, &fixture(name), name);
        revision = format!("{}.{}", text(&page["revision"], "epoch"), page["revision"]["number"]);
        let cursor = page["next"].as_str().unwrap_or_default();
        let is_plain = |octet: u8| octet.is_ascii_alphanumeric() || b"._~-".contains(&octet);
        assert!(cursor.len() <= 256 && cursor.bytes().all(is_plain), "{cursor}");
        query = format!("?cursor={cursor}");
    }

    let block = format!("subscriptionId={}&blockState=BLOCKED", registry.subscription);
    registry.change(Method::POST, &format!("{PUBLISHER}/subscriptions/block-subscription?{block}")).await;
    registry.change(Method::DELETE, &format!("/api/gatehouse/v1/revocations/{}", registry.revocation)).await;
    let (_, renamed) = registry.page(&format!("?revision={revision}&wait=30s")).await;
    assert_says(&renamed, &fixture("changes.json"), "changes.json");
}

#[tokio::test]
async fn s7_gateways_of_format_1_get_signing_keys_that_they_understand() {
    let served = Served::start().await;
    server::keep(&served.service).await.unwrap();

    let request = served.request(Method::GET, "/internal/gateway/v1/signing-key").bearer_auth(GATEWAY);
    let told = answer(request.header("x-gatehouse-gateway", "edge")).await;

    assert_eq!(told.status, StatusCode::OK);
    let key = told.body["keys"][0]["privateKey"].as_str().unwrap_or_default();
    assert!(key.starts_with("-----BEGIN PRIVATE KEY-----\n"), "PKCS#8 in PEM");
    assert_says(&told.body, &fixture("signing-keys.json"), "signing-keys.json");
    assert!(told.headers.contains_key("etag"));
}

#[test]
fn a_member_that_is_missing_or_another_would_be_noticed() {
    let fixture = fixture("snapshot-3.json");
    let edits: [fn(&mut Value); 5] = [
        |page| drop(page["changes"][0]["record"].as_object_mut().unwrap().remove("keys")),
        |page| page["changes"][1]["record"]["state"] = json!("OPEN"),
        |page| page["revision"]["number"] = json!("1042"),
        |page| page["next"] = json!("a"),
        |page| page["changes"].as_array_mut().unwrap().reverse(),
    ];
    for edit in edits {
        let mut told = fixture.clone();
        edit(&mut told);
        std::panic::catch_unwind(|| assert_says(&told, &fixture, "page")).expect_err(&told.to_string());
    }
    let mut told = fixture.clone();
    told["changes"][0]["record"]["groups"] = json!(["retail"]);
    assert_says(&told, &fixture, "page");
}
