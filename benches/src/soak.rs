//! Mixed traffic for a long time, with what must come of each request.

mod callers;
mod weather;

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Result, ensure};
use serde_json::{Value, json};

use crate::envoy::{self, Envoy, Setup};
use crate::filters;
use crate::machine;
use crate::stage::Stage;
use callers::Tally;
use weather::Weather;

const MIB: f64 = 1024.0 * 1024.0;
/// Memory may grow by this much between the end of the warm-up and the end.
const GROWTH: u64 = 16 * 1024 * 1024;
/// Caches are full and every path has been taken once when memory is first looked at.
const WARM_UP_SHARE: u32 = 3;

/// Drives traffic for so long.
pub fn run(stage: &Stage, duration: Duration) -> Result<()> {
    let listeners = ListenersFile::new()?;
    listeners.write(stage, 0)?;
    let mut setup = Setup::new("soak", &stage.envoy).cluster("idp", stage.identity_provider_address).workers(2, "0,1");
    setup.arguments = ["--drain-time-s", "5"].map(ToOwned::to_owned).to_vec();
    setup.listeners_file = Some(listeners.path.clone());
    let mut envoy = setup.start(&stage.runtime)?;
    let address = listeners.address;
    let weather = Weather::start(stage, duration);
    let tally = Arc::new(Tally::default());
    let callers = callers::start(&stage.runtime, address, &weather, &tally);
    let begun = Instant::now();
    let (mut warm, mut updates) = (None, 0);
    while begun.elapsed() < duration {
        std::thread::sleep(Duration::from_secs(1));
        envoy.check()?;
        if begun.elapsed() * WARM_UP_SHARE > duration && warm.is_none() {
            warm = Some(machine::resident(envoy.process()));
        }
        // Old listeners drain for a while; more often than this, their number alone would be measured.
        if begun.elapsed().as_secs() / 10 > updates {
            updates += 1;
            listeners.write(stage, updates)?;
        }
    }
    weather.end();
    stage.runtime.block_on(callers.ended())?;
    let growth = machine::resident(envoy.process()).saturating_sub(warm.unwrap_or_default());
    verdict(&envoy, &tally, growth, updates)
}

fn verdict(envoy: &Envoy, tally: &Tally, growth: u64, updates: u64) -> Result<()> {
    println!("{}", tally.summary());
    println!("configuration updates: {updates}; memory since the warm-up: {:+.1} MiB", growth as f64 / MIB);
    let log = envoy.log();
    let lost: Vec<&str> = log.lines().filter(|line| line.contains("Function:") || line.contains("panicked")).collect();
    ensure!(lost.is_empty(), "a VM was lost:\n{}", lost.join("\n"));
    ensure!(growth < GROWTH, "memory grew by {growth} octets after the warm-up");
    tally.check(updates)
}

/// The listener, delivered as a file.
struct ListenersFile {
    path: PathBuf,
    address: std::net::SocketAddr,
}

impl ListenersFile {
    fn new() -> Result<Self> {
        let directory = std::env::current_dir()?.join("target/benches/run/soak");
        fs::create_dir_all(&directory)?;
        let address = std::net::TcpListener::bind("127.0.0.1:0")?.local_addr()?;
        Ok(Self { path: directory.join("listeners.json"), address })
    }

    /// Replaces the listener by one whose configuration differs in what no decision depends on.
    fn write(&self, stage: &Stage, number: u64) -> Result<()> {
        let mut configuration = filters::gatehouse_configuration(&stage.keys.p256)?;
        configuration["realm"] = json!(format!("soak-{number}"));
        configuration["cache"] = json!({"introspection": {"maximumLifetime": "5s", "inactiveLifetime": "2s"}});
        let mut listener = envoy::listener("soak", &[filters::gatehouse("soak", &configuration)]);
        listener["@type"] = json!("type.googleapis.com/envoy.config.listener.v3.Listener");
        listener["address"]["socket_address"]["port_value"] = json!(self.address.port());
        replace(&self.path, &json!({"version_info": number.to_string(), "resources": [listener]}))
    }
}

/// Envoy takes notice of files that are moved to where it looks.
fn replace(path: &Path, content: &Value) -> Result<()> {
    let new = path.with_extension("new");
    fs::write(&new, content.to_string())?;
    Ok(fs::rename(new, path)?)
}
