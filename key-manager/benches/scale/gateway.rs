//! Gateways that poll, each on a connection of its own.

use std::time::Duration;

use serde_json::{Value, json};
use tokio::sync::mpsc;
use tokio::task::AbortHandle;
use tokio::time::Instant;

use crate::measured::{BOOTSTRAP, credential, gateway_name};

/// How soon a gateway asks again that got no answer: the filter's `keyManager.tick`.
const TICK: Duration = Duration::from_millis(250);

/// A gateway, and whoever changes what it learns.
#[derive(Clone)]
pub(crate) struct Client {
    http: reqwest::Client,
    base: String,
    number: usize,
}

/// A whole snapshot.
pub(crate) struct Read {
    pub(crate) records: usize,
    pub(crate) pages: usize,
    pub(crate) octets: usize,
}

impl Client {
    pub(crate) fn new(base: String, number: usize) -> Self {
        let http = reqwest::Client::builder().no_proxy().build().expect("an HTTP client");
        Self { http, base, number }
    }

    async fn get(&self, query: &str) -> Option<(u16, Vec<u8>)> {
        let request = self.http.get(format!("{}/internal/gateway/v1/registry?{query}", self.base));
        let request = request.header("x-gatehouse-gateway", gateway_name(self.number));
        let response = request.bearer_auth(credential(self.number)).send().await.ok()?;
        Some((response.status().as_u16(), response.bytes().await.ok()?.to_vec()))
    }

    pub(crate) async fn snapshot(&self) -> Read {
        let mut read = Read { records: 0, pages: 0, octets: 0 };
        let mut query = String::new();
        loop {
            let (status, body) = self.get(&query).await.expect("an answer");
            assert_eq!(status, 200, "{}", String::from_utf8_lossy(&body));
            let page = Page::parse(&body);
            read.records += page.changes;
            read.pages += 1;
            read.octets += body.len();
            match page.next {
                Some(next) => query = format!("cursor={next}"),
                None => return read,
            }
        }
    }

    /// The newest revision.
    pub(crate) async fn newest(&self) -> String {
        let (_, body) = self.get("").await.expect("an answer");
        Page::parse(&body).revision
    }

    /// Waits for changes after a revision; the one that it then has.
    pub(crate) async fn changes(&self, known: &str) -> Option<String> {
        loop {
            let (status, body) = self.get(&format!("revision={known}&wait=30s")).await?;
            match status {
                200 => return Some(Page::parse(&body).revision),
                204 => {}
                _ => return None,
            }
        }
    }

    async fn acknowledge(&self, revision: &str) {
        let (epoch, number) = revision.split_once('.').expect("a revision");
        let number: u64 = number.parse().expect("a number");
        let body = json!({"gateway": gateway_name(self.number), "revision": {"epoch": epoch, "number": number}});
        let request = self.http.post(format!("{}/internal/gateway/v1/registry/ack", self.base)).json(&body);
        let request = request.header("x-gatehouse-gateway", gateway_name(self.number));
        // Nothing waits for the answer.
        let _ = request.bearer_auth(credential(self.number)).send().await;
    }

    /// Makes another application.
    pub(crate) async fn change(&self) {
        let body = json!({"name": uuid::Uuid::now_v7().to_string(), "throttlingPolicy": "Unlimited"});
        let request = self.http.post(format!("{}/api/am/devportal/v3/applications", self.base)).json(&body);
        let answer = request.bearer_auth(BOOTSTRAP).send().await.expect("an answer");
        assert_eq!(answer.status().as_u16(), 201, "{}", answer.text().await.unwrap_or_default());
    }
}

/// The revision that the next change makes, while nobody else writes.
pub(crate) fn next(revision: &str) -> String {
    let (epoch, number) = revision.split_once('.').expect("a revision");
    format!("{epoch}.{}", number.parse::<u64>().expect("a number") + 1)
}

struct Page {
    revision: String,
    changes: usize,
    next: Option<String>,
}

impl Page {
    fn parse(body: &[u8]) -> Self {
        #[derive(serde::Deserialize)]
        struct Raw {
            revision: Value,
            changes: Vec<serde::de::IgnoredAny>,
            next: Option<String>,
        }
        let raw: Raw = serde_json::from_slice(body).expect("a page");
        let epoch = raw.revision["epoch"].as_str().expect("an epoch");
        Self { revision: format!("{epoch}.{}", raw.revision["number"]), changes: raw.changes.len(), next: raw.next }
    }
}

/// Gateways that wait for changes, apply them and acknowledge.
pub(crate) struct Gateways {
    arrivals: tokio::sync::Mutex<mpsc::UnboundedReceiver<(String, Instant)>>,
    tasks: Vec<AbortHandle>,
}

impl Gateways {
    pub(crate) async fn start(client: &Client, count: usize) -> Self {
        let (sender, arrivals) = mpsc::unbounded_channel();
        let known = client.newest().await;
        let start = |number: usize| {
            let (client, sender, mut known) = (Client::new(client.base.clone(), number), sender.clone(), known.clone());
            let poll = async move {
                loop {
                    match client.changes(&known).await {
                        Some(revision) => {
                            known = revision;
                            // Whoever measures may be through.
                            let _ = sender.send((known.clone(), Instant::now()));
                            client.acknowledge(&known).await;
                        }
                        None => tokio::time::sleep(TICK).await,
                    }
                }
            };
            tokio::spawn(poll).abort_handle()
        };
        let tasks = (1..=count).map(start).collect();
        tokio::time::sleep(Duration::from_secs(2)).await;
        Self { arrivals: arrivals.into(), tasks }
    }

    /// When each gateway had a revision.
    pub(crate) async fn arrivals(&self, revision: &str) -> Vec<Instant> {
        let (mut arrivals, mut at) = (self.arrivals.lock().await, Vec::new());
        while at.len() < self.tasks.len() {
            let (known, when) = arrivals.recv().await.expect("gateways poll on");
            if known == revision {
                at.push(when);
            }
        }
        at
    }
}

impl Drop for Gateways {
    fn drop(&mut self) {
        self.tasks.iter().for_each(AbortHandle::abort);
    }
}
