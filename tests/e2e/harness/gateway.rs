//! A real Envoy with the filter.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::Command;

use serde_json::Value;

use super::access_log::{self, LogEntry};
use super::answer::Answer;
use super::bootstrap::Bootstrap;
use super::call::Call;
use super::metrics::Metrics;
use super::process::{Supervised, read_lossy};
use super::{admin, place, wait};

/// How to start a gateway.
pub(crate) struct Setup {
    name: String,
    envoy: PathBuf,
    module: PathBuf,
    configuration: String,
    clusters: Vec<(String, Option<SocketAddr>)>,
    environment: Vec<(String, String)>,
    workers: u32,
}

/// A running gateway; it ends with this value.
pub(crate) struct Gateway {
    process: Supervised,
    access_log: PathBuf,
    admin: SocketAddr,
    pub(crate) address: SocketAddr,
}

impl Setup {
    /// A gateway with one worker; the name tells its files apart from those of others.
    pub(crate) fn new(name: &str, configuration: &Value) -> Self {
        Self::with_text(name, &configuration.to_string())
    }

    /// [`Self::new`] with a configuration that need not be JSON.
    pub(crate) fn with_text(name: &str, configuration: &str) -> Self {
        Self {
            name: name.to_owned(),
            envoy: place::envoy(),
            module: place::module("gatehouse.wasm"),
            configuration: configuration.to_owned(),
            clusters: Vec::new(),
            environment: Vec::new(),
            workers: 1,
        }
    }

    /// A cluster that the filter may call.
    pub(crate) fn cluster(mut self, name: &str, address: SocketAddr) -> Self {
        self.clusters.push((name.to_owned(), Some(address)));
        self
    }

    /// A cluster that has no endpoint.
    pub(crate) fn empty_cluster(mut self, name: &str) -> Self {
        self.clusters.push((name.to_owned(), None));
        self
    }

    /// A variable of Envoy's environment that the filter may read.
    pub(crate) fn environment(mut self, name: &str, value: &str) -> Self {
        self.environment.push((name.to_owned(), value.to_owned()));
        self
    }

    pub(crate) fn workers(mut self, workers: u32) -> Self {
        self.workers = workers;
        self
    }

    pub(crate) fn module(mut self, module: PathBuf) -> Self {
        self.module = module;
        self
    }

    pub(crate) fn envoy(mut self, envoy: PathBuf) -> Self {
        self.envoy = envoy;
        self
    }

    /// Starts Envoy and waits until it serves.
    pub(crate) async fn start(self) -> Gateway {
        let mut started = self.spawn();
        let admin = wait::until("Envoy's admin address", async || {
            started.assert_running();
            started.admin_address()
        })
        .await;
        wait::until_true("Envoy to be ready", async || {
            started.assert_running();
            admin::get(admin, "/ready").await.is_some()
        })
        .await;
        let address = admin::listener_address(admin).await;
        Gateway { process: started.process, access_log: started.directory.join("access.log"), admin, address }
    }

    /// Starts Envoy in the expectation that it refuses the configuration; its log.
    pub(crate) async fn refusal(self) -> String {
        let mut started = self.spawn();
        let status = wait::until("Envoy to refuse the configuration", async || {
            if let Some(admin) = started.admin_address() {
                assert_eq!(admin::get(admin, "/ready").await, None, "Envoy took the configuration");
            }
            started.process.exit_status()
        })
        .await;
        assert!(!status.success(), "Envoy ended well");
        started.process.log()
    }

    fn spawn(self) -> Started {
        let directory = place::scratch(&self.name);
        let bootstrap = Bootstrap {
            vm_id: &self.name,
            module: &self.module,
            configuration: &self.configuration,
            environment: &self.environment.iter().map(|(name, _)| name.clone()).collect::<Vec<_>>(),
            clusters: &self.clusters,
            access_log: &directory.join("access.log"),
        };
        let bootstrap_path = directory.join("bootstrap.json");
        std::fs::write(&bootstrap_path, bootstrap.to_json().to_string()).expect("write the bootstrap");
        let mut command = Command::new(&self.envoy);
        command
            .arg("--config-path")
            .arg(bootstrap_path)
            .arg("--admin-address-path")
            .arg(directory.join("admin-address"))
            .args(["--concurrency", &self.workers.to_string()])
            .args(["--disable-hot-restart", "--log-level", "warning", "--component-log-level", "wasm:info"])
            .args(["--file-flush-interval-msec", "20"])
            .envs(self.environment);
        let process = Supervised::start(&command, directory.join("envoy.log"));
        Started { process, directory }
    }
}

/// An Envoy that may or may not come up.
struct Started {
    process: Supervised,
    directory: PathBuf,
}

impl Started {
    fn admin_address(&self) -> Option<SocketAddr> {
        read_lossy(&self.directory.join("admin-address")).trim().parse().ok()
    }

    fn assert_running(&mut self) {
        if let Some(status) = self.process.exit_status() {
            panic!("Envoy ended with {status}:\n{}", self.process.log_tail());
        }
    }
}

impl Gateway {
    pub(crate) fn get(&self, target: impl AsRef<[u8]>) -> Call {
        self.call("GET", target)
    }

    pub(crate) fn call(&self, method: &str, target: impl AsRef<[u8]>) -> Call {
        Call::new(self.address, method, target)
    }

    /// What the access log says of the request that got this answer.
    pub(crate) async fn logged(&self, answer: &Answer) -> LogEntry {
        wait::until("the access log", async || access_log::find(&self.access_log, &answer.case)).await
    }

    pub(crate) async fn metrics(&self) -> Metrics {
        Metrics::parse(&admin::get(self.admin, "/stats/prometheus").await.expect("Envoy's metrics"))
    }

    pub(crate) fn log(&self) -> String {
        self.process.log()
    }

    /// For whoever holds a gateway to call when a test ends.
    pub(crate) fn show_log_if_panicking(&self) {
        if std::thread::panicking() {
            eprintln!("--- the end of Envoy's log:\n{}\n---", self.process.log_tail());
        }
    }
}

impl Drop for Gateway {
    fn drop(&mut self) {
        self.show_log_if_panicking();
    }
}
