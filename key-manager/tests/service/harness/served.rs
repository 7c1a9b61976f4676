//! The key manager on a listener of this process, with a database of its own.

use std::sync::Arc;
use std::time::Duration;

use key_manager::config::Configuration;
use key_manager::connector::ConnectorTypes;
use key_manager::connector::http::HttpClient;
use key_manager::server;
use key_manager::service::Service;
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

use super::contract;
use super::database::Database;

pub(crate) const BOOTSTRAP: &str = "bootstrap-credential-of-a-test";
pub(crate) const GATEWAY: &str = "gateway-credential-of-a-test";
/// The configuration of the gateway `edge`.
pub(crate) const GATEWAYS: &str = "[{name: edge, credential: gateway-credential-of-a-test}]";
pub(crate) const PUBLISHER: &str = "/api/am/publisher/v4";
pub(crate) const DEVPORTAL: &str = "/api/am/devportal/v3";
pub(crate) const ADMIN: &str = "/api/am/admin/v4";

pub(crate) struct Served {
    pub(crate) base: String,
    client: reqwest::Client,
    pub(crate) service: Arc<Service>,
    tasks: [tokio::task::JoinHandle<()>; 2],
    pub(crate) database: Database,
}

impl Drop for Served {
    fn drop(&mut self) {
        self.tasks.iter().for_each(tokio::task::JoinHandle::abort);
    }
}

pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) headers: reqwest::header::HeaderMap,
    pub(crate) body: Value,
}

impl Served {
    pub(crate) async fn start() -> Self {
        Self::start_with(&[]).await
    }

    /// With further configuration, in variables of the environment.
    pub(crate) async fn start_with(further: &[(&str, &str)]) -> Self {
        Self::start_on(Database::create().await, further).await
    }

    /// On a database.
    pub(crate) async fn start_on(database: Database, further: &[(&str, &str)]) -> Self {
        Self::start_with_connectors(database, further, ConnectorTypes::built_in(&HttpClient::new().unwrap())).await
    }

    /// With connectors of the test's own.
    pub(crate) async fn start_with_connectors(
        database: Database,
        further: &[(&str, &str)],
        connectors: ConnectorTypes,
    ) -> Self {
        let (name, value) = database.variable();
        let variables = [
            (name, value.as_str()),
            ("GATEHOUSE__SEALING__ALLOW_EPHEMERAL_KEY", "true"),
            ("GATEHOUSE__CALLERS__BOOTSTRAP_CREDENTIAL", BOOTSTRAP),
            ("GATEHOUSE__GATEWAYS", GATEWAYS),
        ];
        let variables = variables.iter().chain(further).map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
        let configuration = Configuration::load(None, variables).unwrap();
        let service = server::prepare(configuration, connectors).await.unwrap();
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let base = format!("http://{}", listener.local_addr().unwrap());
        let router = server::router(Arc::clone(&service));
        let serving = tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
        let tasks = [serving, tokio::spawn(service.outbox.clone().run())];
        Self { base, client: reqwest::Client::new(), service, tasks, database }
    }

    pub(crate) fn request(&self, method: Method, path: &str) -> reqwest::RequestBuilder {
        self.client.request(method, format!("{}{path}", self.base))
    }

    /// Sends as somebody with a token.
    pub(crate) async fn send_as(&self, token: &str, method: Method, path: &str, body: Option<Value>) -> Answer {
        let request = self.request(method.clone(), path).bearer_auth(token);
        let answer = answer(match body {
            Some(body) => request.json(&body),
            None => request,
        })
        .await;
        contract::assert_kept(&method, path, &answer);
        answer
    }

    /// Waits until nothing has to reach an identity provider any more.
    pub(crate) async fn settled(&self) {
        self.until("/api/gatehouse/v1/reconciliation", |answer| answer.body["count"] == 0).await;
    }

    pub(crate) async fn send(&self, method: Method, path: &str, body: Option<Value>) -> Answer {
        self.send_as(BOOTSTRAP, method, path, body).await
    }

    pub(crate) async fn get(&self, path: &str) -> Answer {
        self.send(Method::GET, path, None).await
    }

    pub(crate) async fn post(&self, path: &str, body: Value) -> Answer {
        self.send(Method::POST, path, Some(body)).await
    }

    /// Posts a form of texts, as `multipart/form-data`.
    pub(crate) async fn post_form(&self, path: &str, fields: &[(&str, &str)]) -> Answer {
        let part = |(name, text): &(&str, &str)| {
            format!("--part\r\ncontent-disposition: form-data; name=\"{name}\"\r\n\r\n{text}\r\n")
        };
        let body = fields.iter().map(part).collect::<String>() + "--part--\r\n";
        let request = self.request(Method::POST, path).header("content-type", "multipart/form-data; boundary=part");
        let answer = answer(request.bearer_auth(BOOTSTRAP).body(body)).await;
        contract::assert_kept(&Method::POST, path, &answer);
        answer
    }

    /// What a gateway that knows nothing is told.
    pub(crate) async fn feed(&self) -> String {
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

    pub(crate) async fn api(&self) -> String {
        let created = self.post(&format!("{PUBLISHER}/apis"), pizza()).await;
        assert_eq!(created.status, StatusCode::CREATED, "{}", created.body);
        created.body["id"].as_str().unwrap().to_owned()
    }

    pub(crate) async fn published_api(&self) -> String {
        let id = self.api().await;
        let path = format!("{PUBLISHER}/apis/change-lifecycle?action=Publish&apiId={id}");
        let changed = self.send(Method::POST, &path, None).await;
        assert_eq!((changed.status, &changed.body["lifecycleState"]["state"]), (StatusCode::OK, &json!("Published")));
        id
    }

    /// A key manager for an identity provider; its id.
    pub(crate) async fn key_manager(&self, body: Value) -> String {
        let created = self.post(&format!("{ADMIN}/key-managers"), body).await;
        assert_eq!(created.status, StatusCode::CREATED, "{}", created.body);
        created.body["id"].as_str().unwrap().to_owned()
    }

    /// Asks again and again until the answer to a GET is as wanted.
    pub(crate) async fn until(&self, path: &str, is_wanted: impl Fn(&Answer) -> bool) -> Answer {
        let poll = async {
            loop {
                let answer = self.get(path).await;
                if is_wanted(&answer) {
                    return answer;
                }
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        };
        tokio::time::timeout(Duration::from_secs(20), poll).await.expect("the answer that is waited for")
    }

    pub(crate) async fn application(&self) -> String {
        let body = json!({"name": "Shop", "throttlingPolicy": "Unlimited"});
        let created = self.post(&format!("{DEVPORTAL}/applications"), body).await;
        assert_eq!(created.status, StatusCode::CREATED, "{}", created.body);
        created.body["applicationId"].as_str().unwrap().to_owned()
    }
}

/// The answer to any request; what clients and gateways are answered is held against its document.
pub(crate) async fn answer(request: reqwest::RequestBuilder) -> Answer {
    let (client, request) = request.build_split();
    let request = request.unwrap();
    let (method, path) = (request.method().clone(), request.url().path().to_owned());
    let response = client.execute(request).await.unwrap();
    let (status, headers) = (response.status(), response.headers().clone());
    let text = response.text().await.unwrap();
    let body = if text.is_empty() { Value::Null } else { serde_json::from_str(&text).unwrap() };
    let answer = Answer { status, headers, body };
    if ["/oauth2/", "/internal/"].iter().any(|prefix| path.starts_with(prefix)) {
        contract::assert_kept(&method, &path, &answer);
    }
    answer
}

pub(crate) fn pizza() -> Value {
    json!({
        "name": "PizzaShack",
        "context": "/pizza",
        "version": "1.0.0",
        "policies": ["Unlimited"],
        "operations": [{"target": "/menu", "verb": "GET", "authType": "Application & Application User"}],
    })
}

pub(crate) fn assert_failure(answer: &Answer, status: StatusCode) {
    assert_eq!(answer.status, status, "{}", answer.body);
    assert_eq!(answer.body["code"], json!(status.as_u16()));
    for member in ["message", "description", "moreInfo"] {
        assert!(answer.body[member].is_string(), "{member} in {}", answer.body);
    }
    assert!(answer.body["error"].is_array(), "{}", answer.body);
}
