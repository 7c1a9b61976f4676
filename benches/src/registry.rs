//! A gateway that follows a key manager: what it takes to take over a registry and hold it, how soon changes arrive, and
//! what a decision costs by it.

mod callbacks;
mod changes;
mod decisions;
mod gateway;
mod steady;

use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use serde::{Deserialize, Serialize};

use crate::key_manager::KeyManager;
use crate::key_manager::figures::{Held, Spread};
use crate::key_manager::registry::Size;
use crate::machine;
use crate::slices::Cost;
use crate::stage::Stage;
pub use callbacks::Callbacks;
use changes::Changes;
use gateway::Gateway;
use steady::Steady;

/// Databases and numbers of APIs; the first is what the others are compared with. `BENCH_REGISTRIES` names others.
const REGISTRIES: &str = "sqlite:10 sqlite:100 sqlite:1000 postgres:10000";
/// How many workers follow.
const WORKERS: [usize; 2] = [1, 2];
/// How many changes are timed while a snapshot is applied, and after it.
const CHANGES: usize = 20;
/// How long callbacks are watched while nothing happens but a steady few requests.
const QUIET: Duration = Duration::from_secs(10);
/// How many clients call before the memory is looked at that a worker spends on them.
const CLIENTS: usize = 16_000;

/// All that was measured of it.
#[derive(Debug, Default, Deserialize, Serialize)]
#[serde(default)]
pub struct Registries {
    /// The machine, and how busy it was.
    pub machine: String,
    /// Gateways that follow.
    pub followed: Vec<Followed>,
    /// What decisions cost.
    pub decided: Vec<Decided>,
}

/// A gateway that follows a registry.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub struct Followed {
    /// The key manager's database.
    pub database: String,
    /// What is in it.
    pub size: Size,
    /// What the gateway's copy holds of it.
    pub held: Held,
    /// Envoy's workers.
    pub workers: usize,
    /// Whether Envoy ran before all others on its cores.
    pub is_preferred: bool,
    /// From the start of the process until all workers decide by the registry.
    pub start: Taken,
    /// CPU seconds of threads until then, the busiest first.
    pub threads: Vec<(String, f64)>,
    /// Octets of a change between gateway and key manager, both ways, acknowledgement and headers included.
    pub change_octets: f64,
    /// From the key manager's answer until all workers decide by the change.
    pub arrivals: Spread,
    /// The same, of changes made while a snapshot is taken over.
    pub arrivals_during: Spread,
    /// Another snapshot, while changes are made and a few requests come.
    pub again: Taken,
    /// Callbacks while nothing happens but those requests.
    pub callbacks: Vec<Callbacks>,
    /// Callbacks while snapshots are taken over.
    pub callbacks_during: Vec<Callbacks>,
    /// Seconds that the machine's host kept its cores for others meanwhile: quiet, and while snapshots are taken over.
    #[serde(default)]
    pub stolen: Option<(f64, f64)>,
    /// How long those requests take.
    pub latency: Spread,
    /// How long they take while snapshots are taken over.
    pub latency_during: Spread,
    /// Resident memory in octets before and after calls of many clients, and how many clients called.
    pub clients: Option<(u64, u64, usize)>,
}

/// A registry that is taken over.
#[derive(Clone, Copy, Debug, Default, Deserialize, Serialize)]
pub struct Taken {
    /// How long it took.
    pub seconds: f64,
    /// Envoy's CPU seconds.
    pub cpu_seconds: f64,
    /// Pages of the feed.
    pub pages: u64,
    /// Octets from the key manager, headers included.
    pub octets: u64,
    /// Envoy's resident memory afterwards, in octets.
    pub resident: u64,
}

/// What decisions by a registry cost, beside those by a small one.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub struct Decided {
    /// The key manager's database.
    pub database: String,
    /// The registry.
    pub size: Size,
    /// The small one.
    pub small: Size,
    /// The variants.
    pub costs: Vec<Cost>,
}

/// Follows each of the registries.
pub fn measure(stage: &Stage) -> Result<Registries> {
    let named = std::env::var("BENCH_REGISTRIES").unwrap_or_else(|_| REGISTRIES.to_owned());
    let mut registries = Registries { machine: machine::description(), ..Registries::default() };
    let mut small = None;
    for registry in named.split_whitespace() {
        let (database, apis) = registry.split_once(':').context("BENCH_REGISTRIES: `<database>:<APIs> ..`")?;
        eprintln!("  {database}, {apis} APIs: fill");
        let key_manager = KeyManager::start(database, apis.parse()?)?;
        for workers in WORKERS {
            eprintln!("  {database}, {apis} APIs: workers: {workers}");
            registries.followed.push(follow(stage, &key_manager, workers)?);
        }
        match &small {
            None => small = Some(key_manager),
            Some(small) => registries.decided.push(decisions::measure(stage, small, &key_manager)?),
        }
    }
    Ok(registries)
}

fn follow(stage: &Stage, key_manager: &KeyManager, workers: usize) -> Result<Followed> {
    let begun = Instant::now();
    let gateway = Gateway::start(stage, key_manager, workers)?;
    let is_preferred = machine::prefer(gateway.process()) && machine::prefer(std::process::id());
    gateway.until_taken()?;
    gateway.until_all_decide()?;
    let start = Taken { seconds: begun.elapsed().as_secs_f64(), ..gateway.taken()? };
    let threads = busiest(gateway.process());

    let mut changes = Changes::prepare(&gateway)?;
    let before = gateway.exchanged()?;
    let arrivals = Spread::of(changes.one_by_one(CHANGES)?);
    let change_octets = (gateway.exchanged()? - before) as f64 / CHANGES as f64;

    let steady = Steady::start(&gateway)?;
    let callbacks_before = (gateway.callbacks()?, machine::stolen());
    std::thread::sleep(QUIET);
    let callbacks_quiet = (gateway.callbacks()?, machine::stolen());
    let latency = steady.stop();

    let steady = Steady::start(&gateway)?;
    let (mut arrived, mut again) = (Vec::new(), Taken::default());
    while arrived.len() < CHANGES {
        let (begun, before) = (Instant::now(), gateway.taken()?);
        key_manager.begin_epoch()?;
        gateway.until_taken_while(|| changes.next_of(CHANGES, start.seconds))?;
        again = gateway.taken()?.since(before, begun.elapsed());
        arrived.extend(changes.arrived()?);
    }
    let latency_during = steady.stop();
    let callbacks_after = (gateway.callbacks()?, machine::stolen());

    let clients = (workers == 1).then(|| gateway.call_as_many(CLIENTS)).transpose()?;
    let serving = key_manager.serving();
    Ok(Followed {
        database: serving.database.clone(),
        size: serving.size,
        held: serving.held,
        workers,
        is_preferred,
        start,
        threads,
        change_octets,
        arrivals,
        arrivals_during: Spread::of(arrived),
        again,
        callbacks: callbacks::between(&callbacks_before.0, &callbacks_quiet.0),
        callbacks_during: callbacks::between(&callbacks_quiet.0, &callbacks_after.0),
        stolen: Some((callbacks_quiet.1 - callbacks_before.1, callbacks_after.1 - callbacks_quiet.1)),
        latency,
        latency_during,
        clients,
    })
}

impl Taken {
    fn since(self, before: Self, elapsed: Duration) -> Self {
        Self {
            seconds: elapsed.as_secs_f64(),
            cpu_seconds: self.cpu_seconds - before.cpu_seconds,
            pages: self.pages - before.pages,
            octets: self.octets - before.octets,
            resident: self.resident,
        }
    }
}

fn busiest(process: u32) -> Vec<(String, f64)> {
    let mut threads = machine::thread_times(process);
    threads.sort_by_key(|(_, time)| std::cmp::Reverse(*time));
    threads.truncate(4);
    threads.into_iter().map(|(name, time)| (name, time.as_secs_f64())).collect()
}
