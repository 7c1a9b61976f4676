//! The measurements.

use std::path::Path;
use std::time::Duration;

use tokio::time::Instant;

use crate::figures::{Fleet, KeyManager, KeyManagers, Restart, Snapshot, Spread};
use crate::gateway::{Client, Gateways, next};
use crate::measured::{self, Usage, milliseconds};
use crate::postgres::Cluster;
use crate::{Filled, machine};

/// How many gateways poll at once: first these, then those.
const FLEETS: [usize; 2] = [200, 1000];
/// How many changes are timed.
const CHANGES: usize = 50;
/// How long gateways wait without a change.
const IDLE: Duration = Duration::from_secs(30);
/// Where the figures are kept.
const KEPT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../target/benches/key-manager.json");

pub(crate) async fn measure(database: &str, filled: Filled) {
    let machine = machine::description();
    let program = filled.start(0);
    let client = Client::new(program.base(), 0);
    let server = filled.cluster.as_ref().map(Cluster::data);
    let usage = || Usage::of(program.id(), server.as_deref());
    let snapshots = vec![snapshot(&client, &usage).await, snapshot(&client, &usage).await];
    let alone = arrival(&client).await;
    let beside_snapshots = beside_snapshots(&client).await;
    let (mut fleets, alone_with_us) = (Vec::new(), usage());
    for gateways in FLEETS {
        fleets.push(fleet(&client, gateways, &alone_with_us, &usage).await);
    }
    let restart = restart(program, &filled, server.as_deref()).await;
    let measured = KeyManager {
        database: filled.version.clone(),
        machine,
        size: filled.size,
        snapshots,
        alone,
        beside_snapshots,
        fleets,
        restart,
    };
    println!("{measured:#?}");
    keep(database, measured);
}

fn keep(database: &str, measured: KeyManager) {
    let before = std::fs::read(KEPT).ok();
    let mut kept: KeyManagers = before.map(|text| serde_json::from_slice(&text).expect(KEPT)).unwrap_or_default();
    match database {
        "postgres" => kept.postgres = Some(measured),
        _ => kept.sqlite = Some(measured),
    }
    if let Some(folder) = Path::new(KEPT).parent() {
        std::fs::create_dir_all(folder).expect("a folder for the figures");
    }
    std::fs::write(KEPT, serde_json::to_vec_pretty(&kept).expect("JSON")).expect(KEPT);
}

async fn snapshot(client: &Client, usage: &impl Fn() -> Usage) -> Snapshot {
    let (before, begun) = (usage(), Instant::now());
    let read = client.snapshot().await;
    Snapshot {
        records: read.records,
        pages: read.pages,
        octets: read.octets,
        seconds: begun.elapsed().as_secs_f64(),
        used: usage().after(&before),
    }
}

/// How long changes take from the request that makes them to a gateway that waits.
async fn arrival(client: &Client) -> Spread {
    let mut took = Vec::new();
    let mut known = client.newest().await;
    for _ in 0..CHANGES {
        let waiting = tokio::spawn({
            let (client, known) = (client.clone(), known.clone());
            async move {
                let revision = client.changes(&known).await.expect("changes");
                (revision, Instant::now())
            }
        });
        tokio::time::sleep(Duration::from_millis(50)).await;
        let begun = Instant::now();
        client.change().await;
        let (revision, arrived) = waiting.await.expect("an answer");
        took.push(milliseconds(arrived.saturating_duration_since(begun)));
        known = revision;
    }
    Spread::of(took)
}

async fn beside_snapshots(client: &Client) -> Spread {
    let reading = tokio::spawn({
        let client = client.clone();
        async move {
            loop {
                client.snapshot().await;
            }
        }
    });
    // It reads, and nothing else, by the time that it is measured.
    tokio::time::sleep(Duration::from_millis(500)).await;
    let spread = arrival(client).await;
    reading.abort();
    spread
}

async fn fleet(client: &Client, count: usize, before: &Usage, usage: &impl Fn() -> Usage) -> Fleet {
    let gateways = Gateways::start(client, count).await;
    let waiting = usage();
    tokio::time::sleep(IDLE).await;
    let idle = usage().after(&waiting);

    let busy = usage();
    let (mut took, mut revision) = (Vec::new(), client.newest().await);
    for _ in 0..CHANGES {
        tokio::time::sleep(Duration::from_millis(count as u64)).await;
        revision = next(&revision);
        let begun = Instant::now();
        client.change().await;
        let arrivals = gateways.arrivals(&revision).await;
        took.extend(arrivals.into_iter().map(|at| milliseconds(at.saturating_duration_since(begun))));
    }
    Fleet {
        gateways: count,
        octets_each: waiting.memory_since(before) / count as u64,
        idle_seconds: IDLE.as_secs_f64(),
        idle,
        propagation: Spread::of(took),
        changes: CHANGES,
        telling: usage().after(&busy),
    }
}

/// The program ends and starts again while gateways poll.
async fn restart(program: measured::Program, filled: &Filled, server: Option<&Path>) -> Restart {
    let [count, _] = FLEETS;
    let port = program.address().port();
    let client = Client::new(program.base(), 0);
    let gateways = Gateways::start(&client, count).await;
    let revision = next(&client.newest().await);
    let begun = Instant::now();
    program.end();
    let ended_millis = milliseconds(begun.elapsed());
    let (begun, before) = (Instant::now(), Usage::of_server(server));
    let program = filled.start(port);
    let serving_millis = milliseconds(begun.elapsed());
    Client::new(program.base(), 0).change().await;
    let last = gateways.arrivals(&revision).await.into_iter().max().unwrap_or(begun);
    Restart {
        gateways: count,
        ended_millis,
        serving_millis,
        all_millis: milliseconds(last.saturating_duration_since(begun)),
        used: Usage::of(program.id(), server).after(&before),
    }
}
