//! The numbers of this process, for `/metrics`.

use std::time::Duration;

use axum::http::{Method, StatusCode};
use key_validation::UnixTime;
use prometheus::core::Collector;
use prometheus::{
    Encoder as _, Gauge, GaugeVec, HistogramOpts, HistogramVec, IntCounter, IntCounterVec, Opts, Registry, TextEncoder,
};

use crate::outbox::{Intent, IntentState};
use crate::service::Service;
use crate::signing_keys;
use crate::store::{StoreError, Window};

/// The numbers of this process.
#[derive(Debug)]
pub struct Metrics {
    registry: Registry,
    requests: IntCounterVec,
    durations: HistogramVec,
    intents: GaugeVec,
    revision: GaugeVec,
    gateways: GaugeVec,
    lags: GaugeVec,
    gateways_ahead: IntCounter,
    snapshots: IntCounter,
    tombstones: Gauge,
    oldest_intent: Gauge,
    signing: Gauge,
}

impl Metrics {
    /// All at nothing.
    ///
    /// # Errors
    /// When two have one name.
    pub fn new() -> prometheus::Result<Self> {
        let registry = Registry::new();
        let gauge = |name: &str, help: &str, labels: &[&str]| {
            registered(&registry, GaugeVec::new(Opts::new(format!("gatehouse_key_manager_{name}"), help), labels)?)
        };
        let plain =
            |name: &str, help: &str| registered(&registry, Gauge::new(format!("gatehouse_key_manager_{name}"), help)?);
        let requests = Opts::new("gatehouse_key_manager_requests", "Requests that were answered");
        let ahead = "Polls of gateways that know more than the database";
        let ahead = Opts::new("gatehouse_key_manager_gateways_ahead", ahead);
        let snapshots = Opts::new("gatehouse_key_manager_snapshots", "Snapshots that gateways have begun to read");
        let durations = HistogramOpts::new("gatehouse_key_manager_request_duration_seconds", "How long requests took");
        let build = gauge("build_info", "The program", &["version"])?;
        build.with_label_values(&[env!("CARGO_PKG_VERSION")]).set(1.0);
        Ok(Self {
            requests: registered(&registry, IntCounterVec::new(requests, &["method", "path", "status"])?)?,
            durations: registered(&registry, HistogramVec::new(durations, &["path"])?)?,
            intents: gauge("intents", "What still has to reach identity providers", &["state"])?,
            revision: gauge("registry_revision", "The number of the registry's revision", &["epoch"])?,
            gateways: gauge("gateway_acknowledged_age_seconds", "Since a gateway acknowledged", &["gateway"])?,
            lags: gauge("gateway_revisions_behind", "Revisions that a gateway has not applied", &["gateway"])?,
            gateways_ahead: registered(&registry, IntCounter::with_opts(ahead)?)?,
            snapshots: registered(&registry, IntCounter::with_opts(snapshots)?)?,
            tombstones: plain("tombstones", "Deletions that are kept for gateways")?,
            oldest_intent: plain(
                "oldest_intent_age_seconds",
                "How long something has had to reach an identity provider",
            )?,
            signing: plain("signing_key_remaining_seconds", "How long a key that is known signs backend JWTs")?,
            registry,
        })
    }

    /// A gateway knows more than the database.
    pub(crate) fn count_gateway_ahead(&self) {
        self.gateways_ahead.inc();
    }

    /// A gateway gets a snapshot.
    pub(crate) fn count_snapshot(&self) {
        self.snapshots.inc();
    }

    /// A request was answered.
    pub(crate) fn observe(&self, method: &Method, path: &str, status: StatusCode, elapsed: Duration) {
        // Whatever word a client sends as a method, there are few series.
        let known = [Method::GET, Method::HEAD, Method::POST, Method::PUT, Method::DELETE];
        let method = if known.contains(method) { method.as_str() } else { "other" };
        self.requests.with_label_values(&[method, path, status.as_str()]).inc();
        self.durations.with_label_values(&[path]).observe(elapsed.as_secs_f64());
    }

    /// All of them in the text format, those included that the store knows.
    ///
    /// # Errors
    /// [`StoreError`] when it cannot be read.
    pub(crate) async fn text(&self, service: &Service) -> Result<String, StoreError> {
        let mut read = service.store.read().await?;
        self.tell_intents(&read.list_intents(Window::ALL).await?.items, service.now());
        let newest = read.feed_state().await?.revision;
        self.revision.reset();
        #[expect(clippy::cast_precision_loss, reason = "what is counted here stays far below 2^53")]
        let number = |number: u64| number as f64;
        self.tombstones.set(number(read.count_tombstones().await?));
        self.revision.with_label_values(&[newest.epoch.as_str()]).set(number(newest.number));
        let now = service.now();
        for gateway in read.list_gateways().await? {
            let name = [gateway.name.as_str()];
            self.gateways.with_label_values(&name).set(now.since(gateway.acknowledged_at).as_secs_f64());
            self.lags.with_label_values(&name).set(number(gateway.revisions_behind(&newest)));
        }
        // Keys that cannot be opened are told by `doctor`, and by whoever asks for them.
        let keys = read.list_signing_keys().await.unwrap_or_default();
        self.signing.set(signing_keys::remaining(&keys, now).as_secs_f64());
        let mut text = Vec::new();
        let encoded = TextEncoder::new().encode(&self.registry.gather(), &mut text);
        encoded.map_err(|error| StoreError::Unavailable(error.to_string()))?;
        Ok(String::from_utf8_lossy(&text).into_owned())
    }

    fn tell_intents(&self, intents: &[Intent], now: UnixTime) {
        let oldest = intents.iter().map(|intent| now.since(intent.created_at)).max();
        self.oldest_intent.set(oldest.unwrap_or_default().as_secs_f64());
        for (state, name) in [(IntentState::Pending, "pending"), (IntentState::PossiblyOrphaned, "possibly_orphaned")] {
            let count = intents.iter().filter(|intent| intent.state == state).count();
            self.intents.with_label_values(&[name]).set(f64::from(u32::try_from(count).unwrap_or(u32::MAX)));
        }
    }
}

fn registered<C: Collector + Clone + 'static>(registry: &Registry, metric: C) -> prometheus::Result<C> {
    registry.register(Box::new(metric.clone()))?;
    Ok(metric)
}
