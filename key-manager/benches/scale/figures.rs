//! What is measured, as it is kept for `docs/benchmarks.md`, and what the filter's benchmark is told of a key manager that
//! it may follow.

use std::net::SocketAddr;

use serde::{Deserialize, Serialize};

use super::registry::Size;

/// What was measured on each database.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct KeyManagers {
    /// On `SQLite`.
    pub sqlite: Option<KeyManager>,
    /// On `PostgreSQL`.
    pub postgres: Option<KeyManager>,
}

/// A key manager on one database.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct KeyManager {
    /// The database with its version.
    pub database: String,
    /// The machine, and how busy it was.
    pub machine: String,
    /// What was in the database.
    pub size: Size,
    /// Snapshots over HTTP, one after the other, by one gateway.
    pub snapshots: Vec<Snapshot>,
    /// Changes to one waiting gateway, while nothing else happens.
    pub alone: Spread,
    /// The same, while another gateway reads snapshots.
    pub beside_snapshots: Spread,
    /// Gateways that wait.
    pub fleets: Vec<Fleet>,
    /// The end and the new start of the program under waiting gateways.
    pub restart: Restart,
}

/// A whole snapshot.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Snapshot {
    /// Records.
    pub records: usize,
    /// Pages.
    pub pages: usize,
    /// Octets of their bodies.
    pub octets: usize,
    /// How long it took.
    pub seconds: f64,
    /// What it took.
    pub used: Used,
}

/// What processes have used.
#[derive(Clone, Copy, Debug, Default, Serialize, Deserialize)]
pub struct Used {
    /// CPU of the key manager.
    pub program_seconds: f64,
    /// CPU of the database server; none where the database is in the key manager.
    pub database_seconds: f64,
    /// The most memory that the key manager ever had resident, in octets.
    pub peak: u64,
}

/// How long something took, of several times.
#[derive(Clone, Copy, Debug, Default, Serialize, Deserialize)]
pub struct Spread {
    /// How often it was measured.
    pub count: usize,
    /// Median, in milliseconds.
    pub median: f64,
    /// 99th percentile, in milliseconds.
    pub p99: f64,
    /// In milliseconds.
    pub longest: f64,
}

impl Spread {
    /// Of these milliseconds.
    pub fn of(mut millis: Vec<f64>) -> Self {
        millis.sort_unstable_by(f64::total_cmp);
        let at = |percent: usize| {
            let position = (millis.len() * percent / 100).min(millis.len().saturating_sub(1));
            millis.get(position).copied().unwrap_or_default()
        };
        Self { count: millis.len(), median: at(50), p99: at(99), longest: at(100) }
    }
}

/// Many gateways that wait for changes.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Fleet {
    /// How many.
    pub gateways: usize,
    /// Memory of the key manager for each, in octets.
    pub octets_each: u64,
    /// How long nothing changed.
    pub idle_seconds: f64,
    /// What that took.
    pub idle: Used,
    /// From the request that makes a change to each gateway.
    pub propagation: Spread,
    /// How many changes.
    pub changes: usize,
    /// What they took, with all answers and acknowledgements.
    pub telling: Used,
}

/// A restart under waiting gateways.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Restart {
    /// How many wait.
    pub gateways: usize,
    /// Until the program has ended.
    pub ended_millis: f64,
    /// From its start until it serves.
    pub serving_millis: f64,
    /// From its start until all gateways have a change that was made as soon as it served.
    pub all_millis: f64,
    /// What that took from its start.
    pub used: Used,
}

/// A key manager that serves: a line of JSON on standard output.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Serving {
    /// The database with its version.
    pub database: String,
    /// Where it is.
    pub address: SocketAddr,
    /// An administrator's credential.
    pub administrator: String,
    /// Names and credentials of some gateways.
    pub gateways: Vec<(String, String)>,
    /// What is in the database.
    pub size: Size,
    /// What a gateway holds of it.
    pub held: Held,
}

/// Octets of names and records, as a gateway's copy holds them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Held {
    /// Of APIs.
    pub apis: u64,
    /// Of applications.
    pub applications: u64,
    /// Of clients, each with its application's id.
    pub clients: u64,
    /// Of subscriptions.
    pub subscriptions: u64,
}
