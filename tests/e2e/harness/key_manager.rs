//! A real key manager, on ports and with a database that outlive its process.

use std::net::{SocketAddr, TcpListener};
use std::path::PathBuf;
use std::process::Command;

use serde_json::{Value, json};

use super::metrics::Metrics;
use super::process::Supervised;
use super::{place, wait};

const ADMIN_TOKEN: &str = "the-administrators-token";
/// What gateways present themselves with.
pub(crate) const GATEWAY_NAME: &str = "edge-1";
pub(crate) const GATEWAY_CREDENTIAL: &str = "the-credential-of-edge-1";

pub(crate) struct KeyManager {
    /// None while it is down.
    process: Option<Supervised>,
    directory: PathBuf,
    pub(crate) address: SocketAddr,
    pub(crate) operators: SocketAddr,
}

impl KeyManager {
    /// Starts one with an empty database.
    pub(crate) async fn start(name: &str) -> Self {
        let mut key_manager = Self::not_started(name);
        key_manager.restart().await;
        key_manager
    }

    /// One that is still to be started.
    pub(crate) fn not_started(name: &str) -> Self {
        let directory = place::scratch(name);
        let database = json!({"path": directory.join("key-manager.db")});
        Self::configured(directory, &database)
    }

    /// Starts one of several that work on a `PostgreSQL` database.
    pub(crate) async fn start_on(name: &str, url: &str) -> Self {
        let mut key_manager = Self::configured(place::scratch(name), &json!({"url": url}));
        key_manager.restart().await;
        key_manager
    }

    fn configured(directory: PathBuf, database: &Value) -> Self {
        let [address, operators] = free_addresses();
        let configuration = json!({
            "server": {"listen": address},
            "operators": {"listen": operators},
            "database": database,
            "sealing": {"key": "MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY="},
            "callers": {"bootstrapCredential": ADMIN_TOKEN},
            "gateways": [{"name": GATEWAY_NAME, "credential": GATEWAY_CREDENTIAL}],
        });
        std::fs::write(directory.join("key-manager.json"), configuration.to_string()).expect("write the configuration");
        Self { process: None, directory, address, operators }
    }

    /// Starts it, on the database that it had.
    pub(crate) async fn restart(&mut self) {
        let mut command = Command::new(place::key_manager());
        command.args(["serve", "--config"]).arg(self.directory.join("key-manager.json"));
        let mut process = Supervised::start(&command, self.directory.join("key-manager.log"));
        let ready = format!("http://{}/readyz", self.operators);
        wait::until_true("the key manager to be ready", async || {
            if let Some(status) = process.exit_status() {
                panic!("the key manager ended with {status}:\n{}", process.log_tail());
            }
            reqwest::get(&ready).await.is_ok_and(|answer| answer.status().is_success())
        })
        .await;
        self.process = Some(process);
    }

    /// Ends it without a warning.
    pub(crate) fn kill(&mut self) {
        self.process = None;
    }

    /// Ends it as a supervisor of services does, and waits until it has finished what was under way.
    pub(crate) async fn terminate(&mut self) {
        let mut process = self.process.take().expect("a key manager that runs");
        process.terminate();
        let status = wait::until("the key manager to end", async || process.exit_status()).await;
        assert!(status.success(), "the key manager ended with {status}:\n{}", process.log_tail());
    }

    /// What `/metrics` tells.
    pub(crate) async fn metrics(&self) -> Metrics {
        let answer = reqwest::get(format!("http://{}/metrics", self.operators)).await.expect("an answer");
        Metrics::parse(&answer.text().await.expect("a text"))
    }

    /// Keeps a copy of the database as it is, while the key manager is down.
    pub(crate) fn back_up(&self) {
        self.copy_database("", ".backup");
    }

    /// Puts that copy in the place of the database, as somebody might by mistake.
    pub(crate) fn put_back(&self) {
        self.copy_database(".backup", "");
    }

    fn copy_database(&self, from: &str, to: &str) {
        assert!(self.process.is_none(), "the key manager runs");
        for file in ["key-manager.db", "key-manager.db-wal", "key-manager.db-shm"] {
            let path = |suffix: &str| self.directory.join(format!("{file}{suffix}"));
            // Absent where everything is in the database itself.
            let _ = std::fs::remove_file(path(to));
            let _ = std::fs::copy(path(from), path(to));
        }
    }

    /// The JSON of a good answer to the administrator.
    pub(crate) async fn call(&self, method: &str, path: &str, body: Option<Value>) -> Value {
        let method = reqwest::Method::from_bytes(method.as_bytes()).expect("a method");
        let mut request =
            reqwest::Client::new().request(method, format!("http://{}{path}", self.address)).bearer_auth(ADMIN_TOKEN);
        if let Some(body) = body {
            request = request.header("content-type", "application/json").body(body.to_string());
        }
        let answer = request.send().await.expect("an answer of the key manager");
        let status = answer.status();
        let body = answer.text().await.expect("the answer's body");
        assert!(status.is_success(), "{path}: {status} {body}");
        if body.is_empty() { Value::Null } else { serde_json::from_str(&body).expect("JSON") }
    }

    pub(crate) async fn publisher(&self, method: &str, path: &str, body: Option<Value>) -> Value {
        self.call(method, &format!("/api/am/publisher/v4{path}"), body).await
    }

    pub(crate) async fn store(&self, method: &str, path: &str, body: Option<Value>) -> Value {
        self.call(method, &format!("/api/am/devportal/v3{path}"), body).await
    }

    pub(crate) async fn admin(&self, method: &str, path: &str, body: Option<Value>) -> Value {
        self.call(method, &format!("/api/am/admin/v4{path}"), body).await
    }
}

/// Addresses that nobody listens on, for a server that must come back to them.
fn free_addresses<const N: usize>() -> [SocketAddr; N] {
    let listeners: [TcpListener; N] = std::array::from_fn(|_| TcpListener::bind("127.0.0.1:0").expect("a free port"));
    listeners.map(|listener| listener.local_addr().expect("its address"))
}
