//! One Envoy with a listener for each variant.

use std::collections::HashMap;
use std::fs;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, Result, bail};
use serde_json::{Value, json};
use tokio::runtime::Runtime;

use crate::client::{self, PATH};
use crate::h2load::{Protocol, Target};
use crate::machine;
use crate::process::Process;

/// How to start an Envoy.
pub struct Setup {
    /// Names its files.
    pub name: String,
    /// The binary.
    pub binary: PathBuf,
    /// Cores, in `taskset`'s notation.
    pub cores: String,
    /// `--concurrency`.
    pub workers: usize,
    /// Name and HTTP filters of each listener.
    pub listeners: Vec<(String, Vec<Value>)>,
    /// What filters call.
    pub clusters: Vec<(String, SocketAddr)>,
    /// Further arguments.
    pub arguments: Vec<String>,
    /// Where listeners come from instead: a file that can be replaced.
    pub listeners_file: Option<PathBuf>,
    /// Whether it times its callbacks, and gives each worker as many connections.
    pub is_watched: bool,
}

/// A running Envoy; it ends with this value.
pub struct Envoy {
    process: Process,
    admin: SocketAddr,
    listeners: HashMap<String, SocketAddr>,
}

impl Setup {
    /// One worker, on the measured core.
    pub fn new(name: &str, binary: &Path) -> Self {
        Self {
            name: name.to_owned(),
            binary: binary.to_owned(),
            cores: machine::MEASURED_CORE.to_string(),
            workers: 1,
            listeners: Vec::new(),
            clusters: Vec::new(),
            arguments: Vec::new(),
            listeners_file: None,
            is_watched: false,
        }
    }

    /// A listener with these filters before the router.
    #[must_use]
    pub fn listener(mut self, name: &str, filters: Vec<Value>) -> Self {
        self.listeners.push((name.to_owned(), filters));
        self
    }

    /// A cluster with one endpoint.
    #[must_use]
    pub fn cluster(mut self, name: &str, address: SocketAddr) -> Self {
        self.clusters.push((name.to_owned(), address));
        self
    }

    /// So many workers, on these cores.
    #[must_use]
    pub fn workers(mut self, workers: usize, cores: &str) -> Self {
        self.workers = workers;
        cores.clone_into(&mut self.cores);
        self
    }

    /// Has callbacks timed, and connections shared out among the workers.
    #[must_use]
    pub fn watched(mut self) -> Self {
        self.is_watched = true;
        self
    }

    /// Starts Envoy and waits until it serves.
    pub fn start(self, runtime: &Runtime) -> Result<Envoy> {
        let directory = PathBuf::from("target/benches/run").join(&self.name);
        fs::create_dir_all(&directory)?;
        let admin_file = directory.join("admin");
        let _ = fs::remove_file(&admin_file);
        let bootstrap = directory.join("envoy.json");
        fs::write(&bootstrap, self.bootstrap().to_string())?;
        let mut arguments: Vec<String> = vec![
            "--config-path".into(),
            bootstrap.display().to_string(),
            "--admin-address-path".into(),
            admin_file.display().to_string(),
            "--concurrency".into(),
            self.workers.to_string(),
            "--disable-hot-restart".into(),
            "--log-level".into(),
            "error".into(),
            "--component-log-level".into(),
            "wasm:info".into(),
        ];
        arguments.extend(self.arguments);
        let mut process = Process::start(&self.cores, &self.binary, &arguments, directory.join("envoy.log"))?;
        let admin = wait(&mut process, || fs::read_to_string(&admin_file).ok()?.trim().parse().ok())?;
        wait(&mut process, || runtime.block_on(client::get(admin, "/ready")).ok())?;
        let listeners = listeners(&runtime.block_on(client::get(admin, "/listeners?format=json"))?)?;
        Ok(Envoy { process, admin, listeners })
    }

    fn bootstrap(&self) -> Value {
        let clusters: Vec<Value> = self.clusters.iter().map(|(name, address)| cluster(name, *address)).collect();
        let mut bootstrap = json!({
            "node": {"id": "bench", "cluster": "bench"},
            "admin": {"address": any_port()},
            "static_resources": {"clusters": clusters},
        });
        if self.is_watched {
            bootstrap["enable_dispatcher_stats"] = json!(true);
            bootstrap["stats_flush_interval"] = json!("1s");
        }
        if let Some(path) = &self.listeners_file {
            let source = json!({"path_config_source": {"path": path}, "resource_api_version": "V3"});
            bootstrap["dynamic_resources"] = json!({"lds_config": source});
        } else {
            let listeners = self.listeners.iter().map(|(name, filters)| {
                let mut listener = listener(name, filters);
                if self.is_watched {
                    listener["connection_balance_config"] = json!({"exact_balance": {}});
                }
                listener
            });
            bootstrap["static_resources"]["listeners"] = listeners.collect();
        }
        bootstrap
    }
}

fn wait<T>(process: &mut Process, condition: impl Fn() -> Option<T>) -> Result<T> {
    const ATTEMPTS: usize = 3000;
    for _ in 0..ATTEMPTS {
        process.check()?;
        if let Some(met) = condition() {
            return Ok(met);
        }
        std::thread::sleep(Duration::from_millis(10));
    }
    bail!("Envoy does not come up:\n{}", process.log())
}

fn any_port() -> Value {
    json!({"socket_address": {"address": "127.0.0.1", "port_value": 0}})
}

fn cluster(name: &str, address: SocketAddr) -> Value {
    let address = json!({"socket_address": {"address": address.ip(), "port_value": address.port()}});
    json!({
        "name": name,
        "type": "STATIC",
        "connect_timeout": "1s",
        "load_assignment": {
            "cluster_name": name,
            "endpoints": [{"lb_endpoints": [{"endpoint": {"address": address}}]}],
        },
    })
}

/// A listener that answers by itself, behind these filters.
pub fn listener(name: &str, filters: &[Value]) -> Value {
    let router = json!({
        "name": "envoy.filters.http.router",
        "typed_config": {"@type": "type.googleapis.com/envoy.extensions.filters.http.router.v3.Router"},
    });
    let filters: Vec<&Value> = filters.iter().chain([&router]).collect();
    let route = json!({"match": {"prefix": "/"}, "direct_response": {"status": 200}});
    json!({
        "name": name,
        "address": any_port(),
        "filter_chains": [{"filters": [{
            "name": "envoy.filters.network.http_connection_manager",
            "typed_config": {
                "@type": "type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager",
                "stat_prefix": name,
                "codec_type": "AUTO",
                "http_filters": filters,
                "route_config": {"virtual_hosts": [{"name": "all", "domains": ["*"], "routes": [route]}]},
            },
        }]}],
    })
}

fn listeners(json: &str) -> Result<HashMap<String, SocketAddr>> {
    let list: Value = serde_json::from_str(json)?;
    let listeners = list["listener_statuses"].as_array().context("Envoy's listeners")?;
    let entry = |listener: &Value| {
        let address = &listener["local_address"]["socket_address"];
        let port = u16::try_from(address["port_value"].as_u64()?).ok()?;
        Some((listener["name"].as_str()?.to_owned(), SocketAddr::from(([127, 0, 0, 1], port))))
    };
    Ok(listeners.iter().filter_map(entry).collect())
}

impl Envoy {
    /// Its process id.
    pub fn process(&self) -> u32 {
        self.process.id()
    }

    /// Where a listener is.
    pub fn address(&self, listener: &str) -> Result<SocketAddr> {
        self.listeners.get(listener).copied().with_context(|| format!("Envoy has no listener `{listener}`"))
    }

    /// The operation on a listener, for h2load.
    pub fn target(&self, listener: &str, token: Option<&str>, protocol: Protocol) -> Result<Target> {
        self.target_at(listener, PATH, token, protocol)
    }

    /// Another operation on a listener, for h2load.
    pub fn target_at(&self, listener: &str, path: &str, token: Option<&str>, protocol: Protocol) -> Result<Target> {
        let url = format!("http://{}{path}", self.address(listener)?);
        Ok(Target { url, token: token.map(ToOwned::to_owned), protocol })
    }

    /// A counter or gauge of its own; 0 before it is there.
    pub fn stat(&self, runtime: &Runtime, name: &str) -> Result<u64> {
        let page = self.admin(runtime, &format!("/stats?filter={name}"))?;
        let value = page.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(": "));
        value.map_or(Ok(0), |value| value.parse().with_context(|| format!("{name} is {value}")))
    }

    /// A page of its administration.
    pub fn admin(&self, runtime: &Runtime, path: &str) -> Result<String> {
        runtime.block_on(client::get(self.admin, path))
    }

    /// Its administration's address.
    pub fn admin_address(&self) -> SocketAddr {
        self.admin
    }

    /// What it logged.
    pub fn log(&self) -> String {
        self.process.log()
    }

    /// An error if it has ended.
    pub fn check(&mut self) -> Result<()> {
        self.process.check()
    }
}
