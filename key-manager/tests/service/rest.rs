//! The REST API over HTTP, on a real listener and a database of its own.

use std::sync::Arc;

use key_manager::config::Configuration;
use key_manager::connector::ConnectorTypes;
use key_manager::connector::http::HttpClient;
use key_manager::{rest, server};
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

const BOOTSTRAP: &str = "bootstrap-credential-of-a-test";
const GATEWAY: &str = "gateway-credential-of-a-test";
const PUBLISHER: &str = "/api/am/publisher/v4";
const DEVPORTAL: &str = "/api/am/devportal/v3";

struct Served {
    base: String,
    client: reqwest::Client,
    serving: tokio::task::JoinHandle<()>,
    _directory: tempfile::TempDir,
}

impl Drop for Served {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

struct Answer {
    status: StatusCode,
    headers: reqwest::header::HeaderMap,
    body: Value,
}

async fn served() -> Served {
    let directory = tempfile::tempdir().unwrap();
    let database = directory.path().join("gatehouse.db").display().to_string();
    let variables = [
        ("GATEHOUSE__DATABASE__PATH", database.as_str()),
        ("GATEHOUSE__SEALING__ALLOW_EPHEMERAL_KEY", "true"),
        ("GATEHOUSE__CALLERS__BOOTSTRAP_CREDENTIAL", BOOTSTRAP),
        ("GATEHOUSE__GATEWAYS", "[{name: edge, credential: gateway-credential-of-a-test}]"),
    ];
    let variables = variables.map(|(name, value)| (name.to_owned(), value.to_owned()));
    let configuration = Configuration::load(None, variables.into_iter()).unwrap();
    let connectors = ConnectorTypes::built_in(&HttpClient::new().unwrap());
    let service = server::prepare(configuration, connectors).await.unwrap();
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let base = format!("http://{}", listener.local_addr().unwrap());
    let router = server::router(Arc::clone(&service));
    let serving = tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
    Served { base, client: reqwest::Client::new(), serving, _directory: directory }
}

impl Served {
    fn request(&self, method: Method, path: &str) -> reqwest::RequestBuilder {
        self.client.request(method, format!("{}{path}", self.base))
    }

    async fn send(&self, method: Method, path: &str, body: Option<Value>) -> Answer {
        let request = self.request(method, path).bearer_auth(BOOTSTRAP);
        answer(match body {
            Some(body) => request.json(&body),
            None => request,
        })
        .await
    }

    async fn get(&self, path: &str) -> Answer {
        self.send(Method::GET, path, None).await
    }

    async fn post(&self, path: &str, body: Value) -> Answer {
        self.send(Method::POST, path, Some(body)).await
    }

    /// What a gateway that knows nothing is told.
    async fn feed(&self) -> String {
        let (mut told, mut path) = (String::new(), "/internal/gateway/v1/registry".to_owned());
        loop {
            let request = self.request(Method::GET, &path).bearer_auth(GATEWAY);
            let page = answer(request.header("x-gatehouse-gateway", "edge")).await;
            assert_eq!(page.status, StatusCode::OK, "{}", page.body);
            told += &page.body["changes"].to_string();
            let Some(next) = page.body["next"].as_str() else { return told };
            path = format!("/internal/gateway/v1/registry?cursor={next}");
        }
    }

    async fn api(&self) -> String {
        let created = self.post(&format!("{PUBLISHER}/apis"), pizza()).await;
        assert_eq!(created.status, StatusCode::CREATED, "{}", created.body);
        created.body["id"].as_str().unwrap().to_owned()
    }

    async fn published_api(&self) -> String {
        let id = self.api().await;
        let path = format!("{PUBLISHER}/apis/change-lifecycle?action=Publish&apiId={id}");
        let changed = self.send(Method::POST, &path, None).await;
        assert_eq!((changed.status, &changed.body["lifecycleState"]["state"]), (StatusCode::OK, &json!("Published")));
        id
    }

    async fn application(&self) -> String {
        let body = json!({"name": "Shop", "throttlingPolicy": "Unlimited"});
        let created = self.post(&format!("{DEVPORTAL}/applications"), body).await;
        assert_eq!(created.status, StatusCode::CREATED, "{}", created.body);
        created.body["applicationId"].as_str().unwrap().to_owned()
    }
}

async fn answer(request: reqwest::RequestBuilder) -> Answer {
    let response = request.send().await.unwrap();
    let (status, headers) = (response.status(), response.headers().clone());
    let text = response.text().await.unwrap();
    let body = if text.is_empty() { Value::Null } else { serde_json::from_str(&text).unwrap() };
    Answer { status, headers, body }
}

fn pizza() -> Value {
    json!({
        "name": "PizzaShack",
        "context": "/pizza",
        "version": "1.0.0",
        "policies": ["Unlimited"],
        "operations": [{"target": "/menu", "verb": "GET", "authType": "Application & Application User"}],
    })
}

fn assert_failure(answer: &Answer, status: StatusCode) {
    assert_eq!(answer.status, status, "{}", answer.body);
    assert_eq!(answer.body["code"], json!(status.as_u16()));
    for member in ["message", "description", "moreInfo"] {
        assert!(answer.body[member].is_string(), "{member} in {}", answer.body);
    }
    assert!(answer.body["error"].is_array(), "{}", answer.body);
}

#[tokio::test]
async fn every_operation_that_asks_for_a_scope_refuses_a_caller_without_a_good_credential() {
    let served = served().await;
    for (method, path) in rest::operations() {
        let portal = rest::Portal::ALL.into_iter().find(|portal| path.starts_with(portal.prefix())).unwrap();
        let below = path.strip_prefix(portal.prefix()).unwrap();
        let scopes = portal.contract().scopes(&method.as_str().to_ascii_lowercase(), below).unwrap();
        if scopes.is_empty() {
            continue;
        }
        for credential in [None, Some("not-the-credential"), Some(GATEWAY)] {
            let request = served.request(method.clone(), &path.replace(['{', '}'], ""));
            let answer = answer(match credential {
                Some(credential) => request.bearer_auth(credential),
                None => request,
            })
            .await;
            if method == Method::HEAD {
                assert_eq!(answer.status, StatusCode::UNAUTHORIZED, "{method} {path}");
            } else {
                assert_failure(&answer, StatusCode::UNAUTHORIZED);
            }
            assert!(answer.headers.contains_key("www-authenticate"), "{method} {path}");
        }
    }
}

#[tokio::test]
async fn paths_that_are_not_served_answer_404_in_the_shape_of_errors() {
    let served = served().await;
    for path in ["/api/am/publisher/v4/mcp-servers", "/api/am/devportal/v3/nothing", "/api/am/admin/v4/x", "/nothing"] {
        assert_failure(&served.get(path).await, StatusCode::NOT_FOUND);
    }
}

#[tokio::test]
async fn unknown_members_are_refused_by_name() {
    let served = served().await;
    let mut body = pizza();
    body["operations"][0]["verbb"] = json!("GET");

    let refused = served.post(&format!("{PUBLISHER}/apis"), body).await;

    assert_failure(&refused, StatusCode::BAD_REQUEST);
    assert_eq!(refused.body["error"][0]["message"], json!("operations[0].verbb"));
}

#[tokio::test]
async fn gateways_learn_of_an_api_once_it_is_published() {
    let served = served().await;
    let id = served.api().await;
    assert!(!served.feed().await.contains(&id));

    let path = format!("{PUBLISHER}/apis/change-lifecycle?action=Publish&apiId={id}");
    assert_eq!(served.send(Method::POST, &path, None).await.status, StatusCode::OK);

    assert!(served.feed().await.contains(&id));
}

#[tokio::test]
async fn gateways_learn_of_subscribing_blocking_and_unblocking() {
    let served = served().await;
    let (api, application) = (served.published_api().await, served.application().await);
    assert!(served.feed().await.contains(&application));

    let body = json!({"apiId": api, "applicationId": application, "throttlingPolicy": "Unlimited"});
    let subscribed = served.post(&format!("{DEVPORTAL}/subscriptions"), body).await;
    assert_eq!(subscribed.status, StatusCode::CREATED, "{}", subscribed.body);
    assert_eq!(subscribed.body["status"], json!("UNBLOCKED"));
    assert!(served.feed().await.contains("\"UNBLOCKED\""));

    let id = subscribed.body["subscriptionId"].as_str().unwrap();
    let path = |verb: &str| format!("{PUBLISHER}/subscriptions/{verb}subscriptionId={id}");
    let blocked = served.send(Method::POST, &path("block-subscription?blockState=BLOCKED&"), None).await;
    assert_eq!(blocked.status, StatusCode::OK, "{}", blocked.body);
    assert!(served.feed().await.contains("\"BLOCKED\""));

    let unblocked = served.send(Method::POST, &path("unblock-subscription?"), None).await;
    assert_eq!(unblocked.status, StatusCode::OK, "{}", unblocked.body);
    assert!(served.feed().await.contains("\"UNBLOCKED\""));
}

#[tokio::test]
async fn lists_tell_count_items_and_pagination() {
    let served = served().await;
    let id = served.published_api().await;

    let listed = served.get(&format!("{PUBLISHER}/apis?limit=1")).await;

    assert_eq!(listed.status, StatusCode::OK, "{}", listed.body);
    assert_eq!((&listed.body["count"], &listed.body["list"][0]["id"]), (&json!(1), &json!(id)));
    assert_eq!(listed.body["pagination"]["total"], json!(1));
    assert_eq!(listed.body["pagination"]["limit"], json!(1));
}

#[tokio::test]
async fn an_update_of_another_state_than_the_one_read_is_refused() {
    let served = served().await;
    let path = format!("{DEVPORTAL}/applications/{}", served.application().await);
    let tag = served.get(&path).await.headers["etag"].clone();
    let update = |description: &str| {
        let body = json!({"name": "Shop", "throttlingPolicy": "Unlimited", "description": description});
        answer(served.request(Method::PUT, &path).bearer_auth(BOOTSTRAP).header("if-match", &tag).json(&body))
    };

    let first = update("one").await;
    assert_eq!(first.status, StatusCode::OK, "{}", first.body);

    assert_failure(&update("two").await, StatusCode::PRECONDITION_FAILED);
    assert_eq!(served.get(&path).await.body["description"], json!("one"));
}
