//! What a key manager with many APIs, applications and subscriptions takes, and what its gateways wait.
//!
//! `cargo bench --package key-manager --bench scale -- sqlite` (or `postgres`) fills a database, starts the program on it and
//! prints the rows of `docs/key-manager-benchmarks.md`.

mod fill;
mod gateway;
mod measured;
#[expect(dead_code, reason = "the tests stop it")]
#[path = "../../tests/service/harness/postgres.rs"]
mod postgres;

use std::sync::Arc;
use std::time::Duration;

use fill::Size;
use gateway::{Client, Gateways, next};
use measured::{Usage, milliseconds, percentile, since};
use postgres::Cluster;
use tokio::time::Instant;

/// How many gateways poll at once.
const GATEWAYS: usize = 200;
/// How many changes are timed.
const CHANGES: usize = 50;

#[tokio::main]
async fn main() {
    let which = std::env::args().skip(1).find(|argument| !argument.starts_with('-')).unwrap_or_default();
    let directory = tempfile::tempdir().expect("a temporary folder");
    let (url, cluster, size) = match which.as_str() {
        "postgres" => {
            // As it is installed: what is committed is on the disk.
            let cluster = Cluster::start_with(&["fsync=on", "full_page_writes=on", "shared_buffers=512MB"]);
            (cluster.url("postgres"), Some(cluster), Size::FULL)
        }
        "sqlite" => (directory.path().join("gatehouse.db").display().to_string(), None, Size::TENTH),
        other => panic!("`sqlite` or `postgres`, not `{other}`"),
    };
    let url = Arc::new(url);
    measured::run(&url, directory.path(), "migrate");
    let begun = Instant::now();
    fill::fill(&url, size).await;
    println!("filled with {size:?} in {}", since(begun));

    let program = measured::Program::start(&url, directory.path(), 0);
    let client = Client::new(program.base(), 0);
    let usage = || Usage::of(program.id(), cluster.as_ref().map(Cluster::data));
    snapshot(&client, &usage).await;
    snapshot(&client, &usage).await;
    arrival("while nothing else happens", &client).await;
    during_snapshots(&client, &usage).await;
    let port = program.port();
    many_gateways(&client, &usage).await;
    restart(program, &url, directory.path(), port).await;
}

async fn snapshot(client: &Client, usage: &impl Fn() -> Usage) {
    let (before, begun) = (usage(), Instant::now());
    let read = client.snapshot().await;
    let used = usage().after(&before);
    println!(
        "snapshot: {} records, {} pages, {} MB in {}; {used}",
        read.records,
        read.pages,
        read.bytes >> 20,
        since(begun)
    );
}

/// How long changes take from the request that makes them to a gateway that waits.
async fn arrival(when: &str, client: &Client) {
    let mut took = Vec::new();
    let mut known = client.newest().await;
    for _ in 0..CHANGES {
        let waiting = tokio::spawn({
            let (client, known) = (client.clone(), known.clone());
            async move {
                let page = client.changes(&known).await.expect("changes");
                (page, Instant::now())
            }
        });
        tokio::time::sleep(Duration::from_millis(50)).await;
        let begun = Instant::now();
        client.change().await;
        let (revision, arrived) = waiting.await.expect("an answer");
        took.push(arrived.saturating_duration_since(begun));
        known = revision;
    }
    println!("a change arrives {when}: {}", percentile(&mut took));
}

async fn during_snapshots(client: &Client, usage: &impl Fn() -> Usage) {
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
    let before = usage();
    arrival("while another gateway reads snapshots", client).await;
    reading.abort();
    println!("meanwhile: {}", usage().after(&before));
}

async fn many_gateways(client: &Client, usage: &impl Fn() -> Usage) {
    let before = usage();
    let gateways = Gateways::start(client, GATEWAYS).await;
    let idle = usage();
    println!("{GATEWAYS} gateways wait: {} kB more each", idle.memory_since(&before) / GATEWAYS as u64);
    tokio::time::sleep(Duration::from_secs(30)).await;
    println!("30 s without a change: {}", usage().after(&idle));

    let busy = usage();
    let (mut took, mut revision) = (Vec::new(), client.newest().await);
    for _ in 0..CHANGES {
        tokio::time::sleep(Duration::from_millis(200)).await;
        revision = next(&revision);
        let begun = Instant::now();
        client.change().await;
        took.extend(gateways.arrivals(&revision).await.into_iter().map(|at| at.saturating_duration_since(begun)));
    }
    println!("{CHANGES} changes to {GATEWAYS} gateways: {}; {}", percentile(&mut took), usage().after(&busy));
}

/// The program ends and starts again while gateways poll.
async fn restart(program: measured::Program, url: &str, directory: &std::path::Path, port: u16) {
    let client = Client::new(program.base(), 0);
    let gateways = Gateways::start(&client, GATEWAYS).await;
    let revision = next(&client.newest().await);
    let begun = Instant::now();
    program.end();
    let ended = since(begun);
    let begun = Instant::now();
    let program = measured::Program::start(url, directory, port);
    let started = since(begun);
    let client = Client::new(program.base(), 0);
    client.change().await;
    let arrivals = gateways.arrivals(&revision).await;
    let last = arrivals.into_iter().max().map(|at| at.saturating_duration_since(begun)).unwrap_or_default();
    println!(
        "restart: ended in {ended}, serving in {started}, all {GATEWAYS} gateways have a change after {}",
        milliseconds(last)
    );
}
