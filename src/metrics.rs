//! The filter's metrics. Proxy-wasm has no labels: they stand in the name, and the proxy's `stats_tags` take them out.

use std::cell::RefCell;
use std::collections::HashMap;

use key_validation::{Event, Outcome, Telemetry};
use proxy_wasm::types::MetricType;

use crate::host;

/// The metrics of one configuration in one worker; the proxy adds all workers up.
#[derive(Default)]
pub(crate) struct Metrics {
    /// Ids by name, defined on first use.
    ids: RefCell<HashMap<String, u32>>,
}

impl Metrics {
    /// Counts the decision about a request.
    pub(crate) fn count_request(&self, outcome: Outcome, reason: &str) {
        self.count(&format!("gatehouse_requests.decision.{}.reason.{reason}", outcome.as_str()));
    }

    /// Counts a request that joined the flight of another.
    pub(crate) fn count_flight_joined(&self) {
        self.count("gatehouse_flights_joined");
    }

    // A metric that cannot be counted is no reason to turn a request away.
    fn count(&self, name: &str) {
        if let Some(id) = self.id(MetricType::Counter, name) {
            let _ = host::increment_metric(id);
        }
    }

    fn id(&self, kind: MetricType, name: &str) -> Option<u32> {
        if let Some(id) = self.ids.borrow().get(name) {
            return Some(*id);
        }
        let id = host::define_metric(kind, name).ok()?;
        self.ids.borrow_mut().insert(name.to_owned(), id);
        Some(id)
    }
}

impl Telemetry for Metrics {
    fn record(&self, event: Event<'_>) {
        match event {
            Event::CacheLookup { result } => {
                self.count(&format!("gatehouse_cache_lookups.level.shared.result.{result}"));
            }
            Event::IntrospectionCall { identity_provider, outcome, duration } => {
                self.count(&format!("gatehouse_introspection_calls.idp.{identity_provider}.outcome.{outcome}"));
                if let Some(id) = self.id(MetricType::Histogram, "gatehouse_introspection_duration_ms") {
                    let _ = host::record_metric(id, u64::try_from(duration.as_millis()).unwrap_or(u64::MAX));
                }
            }
            Event::BackendJwtMinted => self.count("gatehouse_backend_jwt_minted"),
        }
    }
}
