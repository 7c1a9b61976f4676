//! More tokens than there is room for: what stays remembered, and how much memory that takes.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use anyhow::{Result, ensure};
use serde::{Deserialize, Serialize};

use crate::client::{self, Statuses};
use crate::envoy::{Envoy, Setup};
use crate::filters;
use crate::machine;
use crate::stage::Stage;

const CONNECTIONS: usize = 4;
const STREAMS: usize = 32;
const HOT: usize = 1000;
const FLOOD: usize = 50_000;

/// What happened with so many workers.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub struct Churn {
    /// Envoy's workers.
    pub workers: usize,
    /// Resident memory in bytes before the first token.
    pub idle: u64,
    /// The phases in their order.
    pub phases: Vec<Phase>,
    /// Requests with hot tokens during the flood of random ones.
    pub hot_requests: usize,
    /// Calls to the identity provider about hot tokens during the flood.
    pub hot_calls: u32,
}

/// Requests of one kind.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub struct Phase {
    /// What comes.
    pub name: String,
    /// Requests.
    pub requests: usize,
    /// Calls to the identity provider.
    pub calls: u64,
    /// Most resident memory in bytes.
    pub most_resident: u64,
}

impl Churn {
    /// Most memory above idle, in bytes.
    pub fn growth(&self) -> u64 {
        let most = self.phases.iter().map(|phase| phase.most_resident).max().unwrap_or_default();
        most.saturating_sub(self.idle)
    }
}

/// Churn at 1 and 2 workers.
pub fn measure(stage: &Stage) -> Result<Vec<Churn>> {
    [1, 2].into_iter().map(|workers| churn(stage, workers)).collect()
}

fn churn(stage: &Stage, workers: usize) -> Result<Churn> {
    let configuration = filters::gatehouse_configuration(&stage.keys.p256)?;
    let envoy = Setup::new(&format!("churn-{workers}"), &stage.envoy)
        .cluster("idp", stage.identity_provider_address)
        .listener("gatehouse", vec![filters::gatehouse("gatehouse", &configuration)])
        .workers(workers, if workers == 1 { "0" } else { "0,1" })
        .start(&stage.runtime)?;
    // Connections and their buffers, and whatever is set up on first use, are no part of what tokens take.
    let one = std::iter::repeat_n("active-one".to_owned(), 20_000);
    run(stage, &envoy, "one token", one, 20_000, 0)?;
    let idle = machine::resident(envoy.process());
    let tokens = |kind: &'static str, count: usize| (0..count).map(move |number| format!("{kind}-{number:039}"));
    let mut phases = vec![
        run(stage, &envoy, "tokens that come once", tokens("once", 100_000), 100_000, 0)?,
        run(stage, &envoy, "with scopes of 600 octets", tokens("wide", 40_000), 40_000, 0)?,
        run(stage, &envoy, "with scopes of 60 KiB", tokens("huge", 500), 500, 0)?,
        run(stage, &envoy, "hot tokens, first calls", tokens("hot", HOT), HOT, 0)?,
    ];
    stage.identity_provider.take_calls_about("hot-");
    let flood = (0..FLOOD).flat_map(|number| [format!("random-{number:037}"), format!("hot-{:039}", number % HOT)]);
    phases.push(run(stage, &envoy, "hot tokens in a flood of random ones", flood, 2 * FLOOD, FLOOD)?);
    let hot_calls = stage.identity_provider.take_calls_about("hot-").into_values().sum();
    Ok(Churn { workers, idle, phases, hot_requests: FLOOD, hot_calls })
}

fn run(
    stage: &Stage,
    envoy: &Envoy,
    name: &str,
    tokens: impl Iterator<Item = String> + Send + 'static,
    requests: usize,
    denied: usize,
) -> Result<Phase> {
    stage.identity_provider.take_calls();
    let address = envoy.address("gatehouse")?;
    let watch = Watch::start(envoy.process());
    let statuses = stage.runtime.block_on(client::call_with_each(address, CONNECTIONS, STREAMS, tokens))?;
    let most_resident = watch.stop();
    let mut expected = Statuses::from([(200, requests - denied), (401, denied)]);
    expected.retain(|_, count| *count > 0);
    ensure!(statuses == expected, "{name}: expected {expected:?}, got {statuses:?}");
    let calls = stage.identity_provider.take_calls();
    Ok(Phase { name: name.to_owned(), requests, calls, most_resident })
}

/// Looks at a process's memory ten times a second.
struct Watch {
    ended: Arc<AtomicBool>,
    most: Arc<AtomicU64>,
    thread: std::thread::JoinHandle<()>,
}

impl Watch {
    fn start(process: u32) -> Self {
        let (ended, most) = (Arc::<AtomicBool>::default(), Arc::<AtomicU64>::default());
        let (thread_ended, thread_most) = (Arc::clone(&ended), Arc::clone(&most));
        let thread = std::thread::spawn(move || {
            while !thread_ended.load(Ordering::Relaxed) {
                thread_most.fetch_max(machine::resident(process), Ordering::Relaxed);
                std::thread::sleep(Duration::from_millis(100));
            }
            thread_most.fetch_max(machine::resident(process), Ordering::Relaxed);
        });
        Self { ended, most, thread }
    }

    fn stop(self) -> u64 {
        self.ended.store(true, Ordering::Relaxed);
        let _ = self.thread.join();
        self.most.load(Ordering::Relaxed)
    }
}
