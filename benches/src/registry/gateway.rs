//! A real Envoy with the filter, which follows a key manager.

use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use serde_json::{Value, json};

use super::Taken;
use super::callbacks::{self, Bins};
use crate::client::{self, Call, Connection};
use crate::envoy::{Envoy, Setup};
use crate::filters;
use crate::key_manager::KeyManager;
use crate::key_manager::registry::{self, Size};
use crate::machine;
use crate::stage::Stage;

const LISTENER: &str = "gatehouse";
const REVISION: &str = "wasmcustom.gatehouse_registry_revision";
/// How long a snapshot may take, and a change until it is decided by.
const PATIENCE: Duration = Duration::from_mins(15);
/// Requests at a time, where many are made.
const STREAMS: usize = 32;
const CONNECTIONS: usize = 4;
/// An application that nobody changes.
pub(super) const UNCHANGED: usize = 150;

/// The filter's configuration with the registry of a key manager, which is the cluster of this name.
pub(super) fn configuration(stage: &Stage, key_manager: &KeyManager, cluster: &str, number: usize) -> Result<Value> {
    let mut configuration = filters::gatehouse_configuration(&stage.keys.p256)?;
    configuration.as_object_mut().map(|sections| sections.remove("registry"));
    let (gateway, credential) = key_manager.serving().gateways.get(number).context("so many gateways")?;
    configuration["keyManager"] = json!({
        "cluster": cluster, "authority": "key-manager.internal", "gateway": gateway,
        "credential": {"value": credential},
    });
    Ok(configuration)
}

/// A call by the client of an application to the API of its first subscription. Applications are counted round.
pub(super) fn call(size: Size, number: usize) -> Call {
    let application = number % size.applications;
    let path = format!("{}/1.0.0{}", registry::context(size.api_of(application)), registry::target(3));
    Call { path: path.into(), token: format!("client-{application}-{number:026}") }
}

/// Makes a call again and again until it is answered so; how long that took.
pub(super) async fn until(mut worker: Connection, call: Call, status: u16, begun: Instant) -> Result<Duration> {
    while worker.call_at(&call.path, &call.token).await? != status {
        let elapsed = begun.elapsed();
        ensure!(elapsed < PATIENCE, "{} is not answered with {status}", call.path);
        tokio::time::sleep((elapsed / 20).max(Duration::from_millis(2))).await;
    }
    Ok(begun.elapsed())
}

pub(super) struct Gateway<'a> {
    pub(super) stage: &'a Stage,
    pub(super) key_manager: &'a KeyManager,
    envoy: Envoy,
    /// One for each worker.
    connections: Vec<Connection>,
}

impl<'a> Gateway<'a> {
    pub(super) fn start(stage: &'a Stage, key_manager: &'a KeyManager, workers: usize) -> Result<Self> {
        let configuration = configuration(stage, key_manager, "key-manager", 0)?;
        let envoy = Setup::new(&format!("registry-{workers}"), &stage.envoy)
            .cluster("idp", stage.identity_provider_address)
            .cluster("key-manager", key_manager.serving().address)
            .listener(LISTENER, vec![filters::gatehouse(LISTENER, &configuration)])
            .workers(workers, if workers == 1 { "0" } else { "0,1" })
            .watched()
            .start(&stage.runtime)?;
        let address = envoy.address(LISTENER)?;
        let connect = |_| stage.runtime.block_on(Connection::open(address));
        let connections = (0..workers).map(connect).collect::<Result<_>>()?;
        Ok(Self { stage, key_manager, envoy, connections })
    }

    pub(super) fn process(&self) -> u32 {
        self.envoy.process()
    }

    /// A connection to each worker.
    pub(super) fn connections(&self) -> &[Connection] {
        &self.connections
    }

    pub(super) fn call(&self, number: usize) -> Call {
        call(self.key_manager.serving().size, number)
    }

    /// Waits until the registry is taken over as it is at the key manager.
    pub(super) fn until_taken(&self) -> Result<()> {
        self.until_taken_while(|| Ok(Duration::MAX))
    }

    /// The same, while something is done again and again, each time after the pause that it gives. What it changes at the
    /// key manager is not waited for.
    pub(super) fn until_taken_while(&self, mut work: impl FnMut() -> Result<Duration>) -> Result<()> {
        const SHORTEST: Duration = Duration::from_millis(20);
        const LONGEST: Duration = Duration::from_millis(250);
        let (begun, newest) = (Instant::now(), self.key_manager.newest());
        while begun.elapsed() < PATIENCE {
            let pause = work()?;
            // Looking is work for Envoy, too.
            std::thread::sleep((begun.elapsed() / 100).clamp(SHORTEST, pause.clamp(SHORTEST, LONGEST)));
            if self.envoy.stat(&self.stage.runtime, REVISION)? >= newest {
                return Ok(());
            }
        }
        bail!("the registry is not taken over:\n{}", self.envoy.log())
    }

    /// Waits until every worker lets a request through.
    pub(super) fn until_all_decide(&self) -> Result<()> {
        let call = self.call(UNCHANGED);
        for connection in &self.connections {
            let let_through = until(connection.clone(), call.clone(), 200, Instant::now());
            self.stage.runtime.block_on(let_through).with_context(|| self.envoy.log())?;
        }
        self.check_connections()
    }

    fn check_connections(&self) -> Result<()> {
        let stats = self.envoy.admin(&self.stage.runtime, "/stats?filter=worker_.*downstream_cx_active")?;
        for worker in 0..self.connections.len() {
            let one = format!(".worker_{worker}.downstream_cx_active: 1");
            ensure!(stats.lines().any(|line| line.ends_with(&one)), "worker {worker} has not one connection:\n{stats}");
        }
        Ok(())
    }

    /// What was taken over since Envoy's start, but for the time.
    pub(super) fn taken(&self) -> Result<Taken> {
        let stat = |name: &str| self.envoy.stat(&self.stage.runtime, &format!("cluster.key-manager.{name}"));
        Ok(Taken {
            seconds: 0.0,
            cpu_seconds: machine::cpu_time(self.process()).as_secs_f64(),
            pages: stat("upstream_rq_200")?,
            octets: stat("upstream_cx_rx_bytes_total")?,
            resident: machine::resident(self.process()),
        })
    }

    /// Octets between gateway and key manager so far, both ways.
    pub(super) fn exchanged(&self) -> Result<u64> {
        let stat = |name: &str| self.envoy.stat(&self.stage.runtime, &format!("cluster.key-manager.{name}"));
        Ok(stat("upstream_cx_rx_bytes_total")? + stat("upstream_cx_tx_bytes_total")?)
    }

    /// How long callbacks took so far.
    pub(super) fn callbacks(&self) -> Result<Bins> {
        // Envoy gathers once a second.
        std::thread::sleep(Duration::from_millis(2500));
        let page = self
            .envoy
            .admin(&self.stage.runtime, "/stats?format=json&histogram_buckets=detailed&filter=loop_duration_us")?;
        callbacks::parse(&page)
    }

    /// Calls as so many clients once, counted round where there are fewer; the memory before and after.
    pub(super) fn call_as_many(&self, clients: usize) -> Result<(u64, u64, usize)> {
        let before = machine::resident(self.process());
        let size = self.key_manager.serving().size;
        let calls = (0..clients).map(move |number| call(size, number));
        let address = self.envoy.address(LISTENER)?;
        let called = client::call_with_each(address, CONNECTIONS, STREAMS, calls);
        let statuses = self.stage.runtime.block_on(called)?;
        let denied = statuses.get(&403).copied().unwrap_or_default();
        // Some are blocked by what was measured before.
        ensure!(statuses.keys().all(|status| [200, 403].contains(status)), "{statuses:?}");
        ensure!(denied * 2 <= clients, "most are denied: {statuses:?}");
        Ok((before, machine::resident(self.process()), clients.min(size.applications)))
    }
}
