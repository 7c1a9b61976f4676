//! The filter's metrics. Proxy-wasm has no labels: they stand in the name, and the proxy's `stats_tags` take them out.

use std::cell::RefCell;

use key_validation::{Event, Outcome, Telemetry};
use proxy_wasm::types::MetricType;

use crate::host;

/// The metrics of one configuration in one worker; the proxy adds all workers up.
#[derive(Default)]
pub(crate) struct Metrics {
    /// Ids, defined on first use and never many: what is counted most was mostly counted first. To find one takes no
    /// text to be put together.
    ids: RefCell<Vec<(Metric, u32)>>,
}

/// A metric with its labels.
#[derive(PartialEq, Eq)]
enum Metric {
    Requests { decision: &'static str, reason: &'static str },
    CacheLookups { result: &'static str },
    FlightsJoined,
    IntrospectionCalls { identity_provider: String, outcome: &'static str },
    IntrospectionDuration,
    BackendJwtMinted,
    RegistryRevision,
    RegistryAge,
}

impl Metric {
    fn kind(&self) -> MetricType {
        match self {
            Self::IntrospectionDuration => MetricType::Histogram,
            Self::RegistryRevision | Self::RegistryAge => MetricType::Gauge,
            _ => MetricType::Counter,
        }
    }

    fn name(&self) -> String {
        match self {
            Self::Requests { decision, reason } => format!("gatehouse_requests.decision.{decision}.reason.{reason}"),
            Self::CacheLookups { result } => format!("gatehouse_cache_lookups.level.shared.result.{result}"),
            Self::FlightsJoined => "gatehouse_flights_joined".to_owned(),
            Self::IntrospectionCalls { identity_provider, outcome } => {
                format!("gatehouse_introspection_calls.idp.{identity_provider}.outcome.{outcome}")
            }
            Self::IntrospectionDuration => "gatehouse_introspection_duration_ms".to_owned(),
            Self::BackendJwtMinted => "gatehouse_backend_jwt_minted".to_owned(),
            Self::RegistryRevision => "gatehouse_registry_revision".to_owned(),
            Self::RegistryAge => "gatehouse_registry_age_seconds".to_owned(),
        }
    }
}

impl Metrics {
    /// Counts the decision about a request.
    pub(crate) fn count_request(&self, outcome: Outcome, reason: &'static str) {
        self.count(Metric::Requests { decision: outcome.as_str(), reason });
    }

    /// Counts a request that joined the flight of another.
    pub(crate) fn count_flight_joined(&self) {
        self.count(Metric::FlightsJoined);
    }

    /// Tells how far the key manager's registry is, and how long ago the key manager said so, in seconds.
    pub(crate) fn gauge_registry(&self, revision: u64, age: u64) {
        for (metric, value) in [(Metric::RegistryRevision, revision), (Metric::RegistryAge, age)] {
            self.set(metric, value);
        }
    }

    fn set(&self, metric: Metric, value: u64) {
        if let Some(id) = self.id(metric) {
            let _ = host::record_metric(id, value);
        }
    }

    // A metric that cannot be counted is no reason to turn a request away.
    fn count(&self, metric: Metric) {
        if let Some(id) = self.id(metric) {
            let _ = host::increment_metric(id);
        }
    }

    fn id(&self, metric: Metric) -> Option<u32> {
        if let Some((_, id)) = self.ids.borrow().iter().find(|(defined, _)| *defined == metric) {
            return Some(*id);
        }
        let id = host::define_metric(metric.kind(), &metric.name()).ok()?;
        self.ids.borrow_mut().push((metric, id));
        Some(id)
    }
}

impl Telemetry for Metrics {
    fn record(&self, event: Event<'_>) {
        match event {
            Event::CacheLookup { result } => self.count(Metric::CacheLookups { result }),
            Event::IntrospectionCall { identity_provider, outcome, duration } => {
                self.count(Metric::IntrospectionCalls { identity_provider: identity_provider.to_owned(), outcome });
                let duration = u64::try_from(duration.as_millis()).unwrap_or(u64::MAX);
                self.set(Metric::IntrospectionDuration, duration);
            }
            Event::BackendJwtMinted => self.count(Metric::BackendJwtMinted),
        }
    }
}
