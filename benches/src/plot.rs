//! The plots of `docs/benchmarks.md`.

mod bars;
mod lines;

use crate::key_manager::figures::{KeyManager, KeyManagers};
use crate::registry::Followed;
use crate::report::{growth, warm_floor};
use crate::results::{Costs, Results};
use bars::{Bar, Bars};
use lines::{Line, Lines};

/// As wide as a page.
const WIDTH: f64 = 760.0;
const TEXT: &str = "#1f2933";
const QUIET_TEXT: &str = "#52606d";
const GREEN: &str = "#2f7d6b";
const GREY: &str = "#b8c4ce";
const ORANGE: &str = "#c7692b";

/// Names and pictures; of what was not measured, none.
pub fn all(results: &Results, key_managers: &KeyManagers) -> Vec<(&'static str, String)> {
    let plots = [
        ("benchmarks", warm(results)),
        ("benchmarks-registry", registry(&results.registries.followed)),
        ("benchmarks-propagation", propagation(key_managers)),
    ];
    plots.into_iter().filter_map(|(name, svg)| Some((name, svg?))).collect()
}

/// What each variant adds to a warm request.
fn warm(results: &Results) -> Option<String> {
    let costs = Costs(&results.warm_http2);
    let variants = results.warm_http2.iter().filter(|cost| !cost.name.starts_with("router only"));
    let bar = |variant: &crate::slices::Cost| {
        let colour = if variant.name.starts_with("gatehouse") { GREEN } else { GREY };
        let value = costs.above(&variant.name, warm_floor(&variant.name))?.value;
        Some(Bar { label: variant.name.clone(), colour, value, text: format!("{value:.1}") })
    };
    let mut bars: Vec<Bar> = variants.filter_map(bar).collect();
    bars.sort_by(|one, other| one.value.total_cmp(&other.value));
    let plot = Bars {
        title: "What a filter adds to a request with a warm token",
        subtitle: "CPU µs of Envoy above the router alone, HTTP/2, one worker; shorter is better",
        rows: bars,
    };
    plot.svg()
}

/// How soon changes are at many gateways.
fn propagation(key_managers: &KeyManagers) -> Option<String> {
    let databases = [("SQLite", &key_managers.sqlite), ("PostgreSQL", &key_managers.postgres)];
    let measured = databases.into_iter().filter_map(|(name, one)| Some((name, one.as_ref()?)));
    let plot = Bars {
        title: "From a change at the key manager to all waiting gateways",
        subtitle: "Milliseconds from the request that makes it, by database and number of gateways",
        rows: measured.flat_map(|(name, one)| of_fleets(name, one)).collect(),
    };
    plot.svg()
}

fn of_fleets(database: &str, key_manager: &KeyManager) -> Vec<Bar> {
    let bars = key_manager.fleets.iter().flat_map(|fleet| {
        let told = fleet.propagation;
        let values =
            [("median", told.median, GREEN), ("99th percentile", told.p99, GREY), ("longest", told.longest, GREY)];
        values.map(|(what, value, colour)| {
            let label = format!("{database}, {}: {what}", fleet.gateways);
            Bar { label, colour, value, text: format!("{value:.0}") }
        })
    });
    bars.collect()
}

/// What a registry takes, by its size.
fn registry(followed: &[Followed]) -> Option<String> {
    let line = |workers: usize, value: fn(&[Followed], &Followed) -> f64| Line {
        label: if workers == 1 { "1 worker".to_owned() } else { format!("{workers} workers") },
        colour: if workers == 1 { GREEN } else { ORANGE },
        points: followed
            .iter()
            .filter(|row| row.workers == workers)
            .map(|row| (row.size.apis as f64, value(followed, row)))
            .collect(),
    };
    let lines = |value: fn(&[Followed], &Followed) -> f64| [1, 2].map(|workers| line(workers, value)).into();
    let time = Lines {
        title: "Until all workers decide by the registry",
        subtitle: "seconds from the start of Envoy, by the number of APIs",
        series: lines(|_, row| row.start.seconds),
    };
    let memory = Lines {
        title: "Memory of Envoy for the registry",
        subtitle: "MiB above that with the smallest one, by the number of APIs",
        series: lines(|followed, row| growth(followed, row) / f64::from(1 << 20)),
    };
    lines::side_by_side(&[time, memory])
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;")
}
