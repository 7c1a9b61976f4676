//! Clients, each of which knows what must come of its requests.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use anyhow::{Result, bail, ensure};
use tokio::runtime::Runtime;
use tokio::task::JoinHandle;
use tokio::time::timeout;

use super::weather::Weather;
use crate::client::Connection;

/// No request may take longer: calls to the identity provider end after two seconds.
const DEADLINE: Duration = Duration::from_secs(10);
/// Requests on one connection; then it is opened anew, as an updated listener gets new connections only.
const REQUESTS: u64 = 500;
const CLOSED: &str = "connection closed";

/// A kind of request.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Kind {
    /// A few tokens, again and again.
    Hot,
    /// A token of its own.
    Once,
    /// A random one that nobody issued.
    Random,
    /// The same one that nobody issued.
    Inactive,
    /// A client that goes away before the answer.
    Aborted,
    /// A token that stops being active.
    Revoked,
}

const KINDS: [Kind; 6] = [Kind::Hot, Kind::Once, Kind::Random, Kind::Inactive, Kind::Aborted, Kind::Revoked];
/// Callers of each kind.
const CALLERS: u64 = 4;

/// What came of all requests.
#[derive(Default)]
pub(super) struct Tally {
    by_outcome: Mutex<BTreeMap<(Kind, String), u64>>,
    wrong: Mutex<Vec<String>>,
}

impl Tally {
    fn count(&self, kind: Kind, outcome: String) {
        *self.by_outcome.lock().expect("no panic while it is held").entry((kind, outcome)).or_default() += 1;
    }

    fn wrong(&self, what: String) {
        self.wrong.lock().expect("no panic while it is held").push(what);
    }

    pub(super) fn summary(&self) -> String {
        let counts = self.by_outcome.lock().expect("no panic while it is held");
        let lines = counts.iter().map(|((kind, outcome), count)| format!("{kind:?}: {count} × {outcome}"));
        lines.collect::<Vec<_>>().join("\n")
    }

    /// Fails when anything was wrong. An update closes each connection once; those of clients that go away are also
    /// closed by Envoy's protection against too many resets.
    pub(super) fn check(&self, updates: u64) -> Result<()> {
        let counts = self.by_outcome.lock().expect("no panic while it is held");
        let closed = counts.iter().filter(|((kind, outcome), _)| *kind != Kind::Aborted && outcome == CLOSED);
        let (closed, limit) =
            (closed.map(|(_, count)| count).sum::<u64>(), (updates + 1) * CALLERS * KINDS.len() as u64);
        ensure!(closed <= limit, "{closed} connections were closed, which {updates} updates do not explain");
        let wrong = self.wrong.lock().expect("no panic while it is held");
        if wrong.is_empty() {
            return Ok(());
        }
        let first: Vec<&str> = wrong.iter().take(20).map(String::as_str).collect();
        bail!("{} wrong outcomes, the first of them:\n{}", wrong.len(), first.join("\n"))
    }
}

/// All callers at work.
pub(super) struct Callers(Vec<JoinHandle<()>>);

impl Callers {
    pub(super) async fn ended(self) -> Result<()> {
        for caller in self.0 {
            caller.await?;
        }
        Ok(())
    }
}

pub(super) fn start(runtime: &Runtime, address: SocketAddr, weather: &Arc<Weather>, tally: &Arc<Tally>) -> Callers {
    let callers = KINDS.into_iter().flat_map(|kind| (0..CALLERS).map(move |number| (kind, number)));
    let start = |(kind, number)| {
        let caller = Caller { kind, number, weather: Arc::clone(weather), tally: Arc::clone(tally) };
        runtime.spawn(caller.call_until_the_end(address))
    };
    Callers(callers.map(start).collect())
}

struct Caller {
    kind: Kind,
    number: u64,
    weather: Arc<Weather>,
    tally: Arc<Tally>,
}

impl Caller {
    async fn call_until_the_end(self, address: SocketAddr) {
        static NEXT: AtomicU64 = AtomicU64::new(0);
        while !self.weather.has_ended() {
            let Ok(mut connection) = Connection::open(address).await else {
                self.tally.wrong(format!("{:?}: no connection", self.kind));
                tokio::time::sleep(Duration::from_secs(1)).await;
                continue;
            };
            for _ in 0..REQUESTS {
                if self.weather.has_ended() {
                    return;
                }
                let going_on = self.call(&mut connection, NEXT.fetch_add(1, Ordering::Relaxed)).await;
                tokio::time::sleep(Duration::from_millis(2)).await;
                if !going_on {
                    break;
                }
            }
        }
    }

    fn token(&self, request: u64) -> String {
        match self.kind {
            Kind::Hot => format!("hot-{}", request % 50),
            Kind::Once if request.is_multiple_of(100) => format!("huge-{request}"),
            Kind::Once => format!("once-{request}"),
            Kind::Random => format!("random-{request}"),
            Kind::Inactive => "unknown".to_owned(),
            Kind::Aborted => format!("active-{}-{}", self.number, request / 50),
            Kind::Revoked => format!("brief-{}", self.weather.period()),
        }
    }

    /// Makes one request; whether the connection can be used again.
    async fn call(&self, connection: &mut Connection, request: u64) -> bool {
        let (token, begun) = (self.token(request), Instant::now());
        let patience = if self.kind == Kind::Aborted { Duration::from_millis(request % 5) } else { DEADLINE };
        match timeout(patience, connection.call(&token)).await {
            Ok(Ok(status)) => self.judge(&token, begun, status.as_u16()),
            Ok(Err(_)) => {
                self.tally.count(self.kind, CLOSED.to_owned());
                return false;
            }
            Err(_) if self.kind == Kind::Aborted => self.tally.count(self.kind, "gone away".to_owned()),
            Err(_) => self.tally.wrong(format!("{:?}: a request has hung for {DEADLINE:?}", self.kind)),
        }
        true
    }

    fn judge(&self, token: &str, begun: Instant, status: u16) {
        self.tally.count(self.kind, status.to_string());
        let expected = match self.kind {
            Kind::Hot | Kind::Once | Kind::Aborted => status == 200,
            Kind::Random | Kind::Inactive => status == 401,
            Kind::Revoked => {
                let period = token.rsplit('-').next().and_then(|period| period.parse().ok());
                period.is_some_and(|period| self.weather.allows_brief(period, begun, status))
            }
        };
        let is_excused = status == 503 && self.weather.excuses(begun);
        if !expected && !is_excused {
            self.tally.wrong(format!("{:?}: {status} for {token}, {:?} after it began", self.kind, begun.elapsed()));
        }
    }
}
