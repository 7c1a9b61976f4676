//! A real Envoy with the filter.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::Command;

use serde_json::Value;

use super::access_log::{self, LogEntry};
use super::answer::Answer;
use super::bootstrap::{self, Bootstrap};
use super::call::Call;
use super::host::Host;
use super::listener::Listener;
use super::metrics::Metrics;
use super::process::{Supervised, read_lossy};
use super::watched::Watched;
use super::{admin, place, wait};

/// How to start a gateway.
pub(crate) struct Setup {
    name: String,
    envoy: PathBuf,
    module: PathBuf,
    configuration: String,
    clusters: Vec<Value>,
    environment: Vec<(String, String)>,
    workers: u32,
    host: Host,
    body_while_undecided: bool,
    stream_idle_timeout: String,
    updatable: bool,
    filter_log_level: &'static str,
    arguments: Vec<String>,
}

/// A running gateway; it ends with this value.
pub(crate) struct Gateway {
    process: Supervised,
    listener: Listener,
    watched: Option<Watched>,
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
            host: Host::default(),
            body_while_undecided: false,
            stream_idle_timeout: "300s".to_owned(),
            updatable: false,
            filter_log_level: "info",
            arguments: Vec::new(),
        }
    }

    /// A cluster that the filter may call.
    pub(crate) fn cluster(self, name: &str, address: SocketAddr) -> Self {
        self.cluster_of(name, &[address])
    }

    /// A cluster with any number of endpoints, which Envoy takes in turns.
    pub(crate) fn cluster_of(self, name: &str, addresses: &[SocketAddr]) -> Self {
        self.configured_cluster(bootstrap::cluster(name, addresses))
    }

    /// A cluster as Envoy is told of it.
    pub(crate) fn configured_cluster(mut self, cluster: Value) -> Self {
        self.clusters.push(cluster);
        self
    }

    /// A variable of Envoy's environment that the filter may read.
    pub(crate) fn environment(mut self, name: &str, value: &str) -> Self {
        self.environment.push((name.to_owned(), value.to_owned()));
        self
    }

    /// Has Envoy log each call between it and the filter, either way.
    pub(crate) fn tracing_calls(mut self) -> Self {
        self.filter_log_level = "trace";
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

    pub(crate) fn host(mut self, host: Host) -> Self {
        self.host = host;
        self
    }

    /// Lets Envoy hand the filter a request's body while the filter has yet to decide by its headers.
    pub(crate) fn body_while_undecided(mut self) -> Self {
        self.body_while_undecided = true;
        self
    }

    /// Has Envoy give up on a stream that stands still for so long.
    pub(crate) fn stream_idle_timeout(mut self, duration: &str) -> Self {
        duration.clone_into(&mut self.stream_idle_timeout);
        self
    }

    /// Has the listener delivered, so that [`Gateway::deliver`] can replace it.
    pub(crate) fn updatable(mut self) -> Self {
        self.updatable = true;
        self
    }

    /// Has Envoy close what still stands on an old configuration this long after an update.
    pub(crate) fn drain_time(mut self, seconds: u32) -> Self {
        self.arguments.extend(["--drain-time-s".to_owned(), seconds.to_string()]);
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
        let Started { process, listener, watched, .. } = started;
        Gateway { process, listener, watched, admin, address }
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
        let listener = Listener {
            vm_id: self.name,
            module: self.module,
            configuration: self.configuration,
            environment: self.environment.iter().map(|(name, _)| name.clone()).collect(),
            access_log: directory.join("access.log"),
            host: self.host,
            body_while_undecided: self.body_while_undecided,
            stream_idle_timeout: self.stream_idle_timeout,
        };
        let watched = self.updatable.then(|| Watched::new(directory.join("watched")));
        if let Some(watched) = &watched {
            watched.deliver(&listener);
        }
        let bootstrap = Bootstrap { listener: &listener, watched: watched.as_ref(), clusters: &self.clusters };
        let admin_address = directory.join("admin-address");
        let bootstrap_path = directory.join("bootstrap.json");
        std::fs::write(&bootstrap_path, bootstrap.to_json().to_string()).expect("write the bootstrap");
        let mut command = Command::new(&self.envoy);
        command
            .arg("--config-path")
            .arg(bootstrap_path)
            .arg("--admin-address-path")
            .arg(&admin_address)
            .args(["--concurrency", &self.workers.to_string()])
            .args(["--disable-hot-restart", "--log-level", "warning"])
            .args(["--component-log-level", &format!("wasm:{}", self.filter_log_level)])
            .args(["--file-flush-interval-msec", "20"])
            .args(self.arguments)
            .envs(self.environment);
        let process = Supervised::start(&command, directory.join("envoy.log"));
        Started { process, admin_address, listener, watched }
    }
}

/// An Envoy that may or may not come up.
struct Started {
    process: Supervised,
    admin_address: PathBuf,
    listener: Listener,
    watched: Option<Watched>,
}

impl Started {
    fn admin_address(&self) -> Option<SocketAddr> {
        read_lossy(&self.admin_address).trim().parse().ok()
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
        wait::until("the access log", async || access_log::find(&self.listener.access_log, &answer.case)).await
    }

    /// Delivers the listener with another plugin configuration; Envoy takes it or refuses it in its own time.
    pub(crate) fn deliver(&self, configuration: &Value) {
        let watched = self.watched.as_ref().expect("an updatable gateway");
        watched.deliver(&Listener { configuration: configuration.to_string(), ..self.listener.clone() });
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
