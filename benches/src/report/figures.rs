//! The figures to reach, and whether they are.

use std::fmt::Write;

use super::MIB;
use super::registry::{grouped, loads, longest_of_workers, ratio as decision_ratio};
use crate::estimate::Estimate;
use crate::registry::Registries;
use crate::results::{Costs, Results};

struct Figure {
    what: String,
    limit: f64,
    unit: &'static str,
    measured: Option<Estimate>,
}

/// A table of all figures.
pub fn figures(results: &Results) -> String {
    let mut table = String::from("| | measured | limit | |\n|---|---|---|---|\n");
    for figure in all(results) {
        let Figure { what, limit, unit, measured } = figure;
        let Some(Estimate { value, low, high }) = measured else {
            let _ = writeln!(table, "| {what} | not measured | {limit}{unit} | |");
            continue;
        };
        let verdict = match value <= limit {
            true if high <= limit => "reached",
            true => "reached, not for sure",
            false => "**missed**",
        };
        let interval = if low < high { format!(" [{low:.2}, {high:.2}]") } else { String::new() };
        let _ = writeln!(table, "| {what} | {value:.2}{unit}{interval} | {limit}{unit} | {verdict} |");
    }
    table
}

fn all(results: &Results) -> Vec<Figure> {
    const ROUTER: &str = "router only";
    const ROUTER_JWT: &str = "router only, JWT";
    const QUIET: &str = "gatehouse, publish: []";
    const STANDARD: &str = "gatehouse, default";
    const JWT: &str = "gatehouse, publish: [], JWT";
    let figure = |what: &str, limit, unit, measured| Figure { what: what.to_owned(), limit, unit, measured };
    let warm = Costs(&results.warm_http2);
    let cold = Costs(&results.cold);
    let mut figures = vec![
        figure("warm, `publish: []`, above the router", 10.0, " µs", warm.above(QUIET, ROUTER)),
        figure("warm, default, above the router", 12.0, " µs", warm.above(STANDARD, ROUTER)),
        figure(
            "warm, `publish: []`, to the hand-written filter",
            1.25,
            "",
            warm.ratio_above(QUIET, "hand-written, same host calls", ROUTER),
        ),
        figure(
            "warm, default, to the hand-written filter",
            1.25,
            "",
            warm.ratio_above(STANDARD, "hand-written, default's host calls", ROUTER),
        ),
        figure("warm, default, to `ext_authz`", 0.25, "", warm.ratio_above(STANDARD, "ext_authz (HTTP)", ROUTER)),
        figure("warm, same JWT, to `jwt_authn` RS256", 0.25, "", warm.ratio_above(JWT, "jwt_authn RS256", ROUTER_JWT)),
        figure(
            "warm, same JWT, to cached `jwt_authn` RS256",
            1.5,
            "",
            warm.ratio_above(JWT, "jwt_authn RS256, cached", ROUTER_JWT),
        ),
        figure(
            "cold, CPU of the whole, to the bare callout",
            1.3,
            "",
            cold.ratio("gatehouse without backend JWT", "bare callout"),
        ),
        figure(
            "cold with a JWT signed (ES256), to the bare callout",
            1.3,
            "",
            cold.ratio("gatehouse, default (signs ES256)", "bare callout"),
        ),
    ];
    for stampede in &results.stampedes {
        let (what, limit) = match stampede.workers {
            1 => ("stampede, 1 worker, most calls about one token, all answered", 1.0),
            2 => ("stampede, 2 workers, the same", 2.0),
            _ => ("stampede, 8 workers, the same", 8.0),
        };
        let most = if stampede.all_answered() { f64::from(stampede.most_calls()) } else { f64::INFINITY };
        figures.push(figure(what, limit, "", Some(Estimate::exact(most))));
    }
    for churn in &results.churns {
        let what = if churn.workers == 1 { "memory above idle, 1 worker" } else { "memory above idle, 2 workers" };
        let growth = churn.growth() as f64 / MIB;
        figures.push(figure(what, 16.0, " MiB", Some(Estimate::exact(growth))));
    }
    figures.extend(of_registries(&results.registries));
    figures
}

/// By the largest registry that was followed, if any was.
fn of_registries(Registries { followed, decided, .. }: &Registries) -> Vec<Figure> {
    let Some(largest) = followed.iter().map(|row| row.size.apis).max() else { return Vec::new() };
    let mut figures = Vec::new();
    let apis = grouped(largest);
    let mut figure = |what: String, limit, unit, measured| {
        let measured = Some(measured);
        figures.push(Figure { what: format!("{apis} APIs: {what}"), limit, unit, measured });
    };
    for row in followed.iter().filter(|row| row.size.apis == largest) {
        let workers = format!("{} worker(s)", row.workers);
        let longest = longest_of_workers(&row.callbacks_during);
        figure(format!("longest callback during a snapshot, {workers}"), 5.0, " ms", Estimate::exact(longest));
        for (when, arrivals) in [("after a snapshot", row.arrivals), ("during one", row.arrivals_during)] {
            let longest = Estimate::exact(arrivals.longest);
            figure(format!("longest time of a change {when}, {workers}"), 2000.0, " ms", longest);
        }
    }
    for row in decided.iter().filter(|row| row.size.apis == largest) {
        for load in loads(row) {
            if let Some(ratio) = decision_ratio(row, load) {
                figure(format!("a decision, to {} APIs, {load}", row.small.apis), 1.1, "", ratio);
            }
        }
    }
    figures
}
