//! Identity providers and key managers on free ports, which end with the test, and connectors.

#[path = "../../../tests/e2e/harness/process.rs"]
pub(crate) mod process;

pub(crate) mod answering;
pub(crate) mod contract;
pub(crate) mod database;
pub(crate) mod glewlwyd;
pub(crate) mod oidc_provider;
pub(crate) mod postgres;
pub(crate) mod program;
pub(crate) mod served;
pub(crate) mod shop;
pub(crate) mod slapd;
pub(crate) mod slow;

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use key_manager::connector::http::HttpClient;
use key_manager::connector::{
    ClientCredentials, ClientMetadata, ClientReference, ConnectorSettings, ConnectorTypes, Grant, Introspection,
    KeyManager, ManagementHandle, Properties, RegisteredClient, TokenRequest,
};
use key_manager::domain::ApplicationKey;
use key_manager::operators;
use key_manager::service::Service;
use key_validation::{ScopeToken, Secret};
use process::Supervised;
use reqwest::StatusCode;
use serde_json::Value;

/// A connector of a type.
pub(crate) fn connect(connector_type: &str, issuer: &str, properties: Value) -> Arc<dyn KeyManager> {
    let Value::Object(properties) = properties else { panic!("properties are an object") };
    let settings = ConnectorSettings {
        name: "tested".to_owned(),
        issuer: Some(issuer.to_owned()),
        properties: Properties::new(properties),
        ..ConnectorSettings::default()
    };
    let http = HttpClient::with_timeout(Duration::from_secs(5)).expect("an HTTP client");
    ConnectorTypes::built_in(&http).connect(connector_type, &settings).expect("settings that are complete")
}

/// Metadata of a client for itself.
pub(crate) fn metadata(name: &str) -> ClientMetadata {
    ClientMetadata {
        client_name: name.to_owned(),
        grant_types: vec!["client_credentials".to_owned()],
        ..ClientMetadata::default()
    }
}

/// What is known of a client after an answer.
pub(crate) fn reference(client: &RegisteredClient) -> ClientReference {
    ClientReference {
        client_id: client.client_id.clone(),
        client_secret: client.client_secret.clone(),
        handle: client.handle.clone(),
    }
}

/// The client of a key, as the database knows it.
pub(crate) fn client_of(key: &ApplicationKey) -> ClientReference {
    let handle = key.handle.as_ref().map(|handle| ManagementHandle::new(handle.expose()));
    let client_id = key.client_id.clone().expect("a client");
    ClientReference { client_id, client_secret: key.client_secret.clone(), handle }
}

pub(crate) fn credentials(id: &str, secret: &str) -> ClientCredentials {
    ClientCredentials { client_id: id.to_owned(), client_secret: Some(Secret::new(secret)) }
}

pub(crate) fn credentials_of(client: &RegisteredClient) -> ClientCredentials {
    ClientCredentials { client_id: client.client_id.clone(), client_secret: client.client_secret.clone() }
}

pub(crate) fn scope(name: &str) -> ScopeToken {
    ScopeToken::try_from(name).expect("a scope")
}

pub(crate) fn token_request(client: ClientCredentials, scopes: &[&str]) -> TokenRequest {
    let scope = scopes.iter().map(|name| scope(name)).collect();
    TokenRequest { client, grant: Grant::ClientCredentials, scope, lifetime: None }
}

pub(crate) async fn is_active(connector: &dyn KeyManager, token: &Secret) -> bool {
    matches!(connector.introspect(token, None).await, Ok(Introspection::Active(_)))
}

/// What `/metrics` tells.
pub(crate) async fn metrics(service: &Arc<Service>) -> String {
    ask_operators(service, "/metrics").await.1
}

/// What an operators' endpoint answers.
pub(crate) async fn ask_operators(service: &Arc<Service>, path: &str) -> (StatusCode, String) {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let address = listener.local_addr().expect("its address");
    let serving = tokio::spawn(axum::serve(listener, operators::router(Arc::clone(service))).into_future());
    let answer = reqwest::get(format!("http://{address}{path}")).await.expect("an answer");
    let told = (answer.status(), answer.text().await.expect("a text"));
    serving.abort();
    told
}

pub(crate) fn repository_root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("the workspace").to_owned()
}

/// An empty directory for the files of one process.
pub(crate) fn scratch(name: &str) -> PathBuf {
    let directory = Path::new(env!("CARGO_TARGET_TMPDIR")).join(env!("CARGO_CRATE_NAME")).join(name);
    // Absent on the first run.
    let _ = std::fs::remove_dir_all(&directory);
    std::fs::create_dir_all(&directory).expect("create the scratch directory");
    directory
}

pub(crate) fn free_port() -> u16 {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a free port");
    listener.local_addr().expect("the address").port()
}

/// Asks a starting process again and again until it has what is waited for.
pub(crate) async fn until<T>(process: &mut Supervised, mut condition: impl AsyncFnMut(&str) -> Option<T>) -> T {
    let poll = async {
        loop {
            if let Some(status) = process.exit_status() {
                panic!("it ended with {status}:\n{}", process.log_tail());
            }
            if let Some(value) = condition(&process.log()).await {
                return value;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(60), poll).await.expect("an identity provider that is ready")
}
