//! The figures to reach, and whether they are.

use std::fmt::Write;

use super::{MIB, warm_floor};
use crate::results::{Above, Results, above};

struct Figure {
    what: &'static str,
    limit: f64,
    unit: &'static str,
    /// By the 20th percentiles, and by the medians.
    measured: Option<Above>,
}

/// A table of all figures.
pub fn figures(results: &Results) -> String {
    let mut table = String::from("| | measured (median) | limit | |\n|---|---|---|---|\n");
    for figure in all(results) {
        let Figure { what, limit, unit, measured } = figure;
        let Some(Above { low, median }) = measured else {
            let _ = writeln!(table, "| {what} | not measured | {limit}{unit} | |");
            continue;
        };
        let verdict = if low <= limit { "reached" } else { "**missed**" };
        let _ = writeln!(table, "| {what} | {low:.2}{unit} ({median:.2}) | {limit}{unit} | {verdict} |");
    }
    table
}

fn all(results: &Results) -> Vec<Figure> {
    let figure = |what, limit, unit, measured| Figure { what, limit, unit, measured };
    let warm = |variant| above(&results.warm_http2, variant, warm_floor(variant));
    let (quiet, standard) = (warm("gatehouse, publish: []"), warm("gatehouse, default"));
    let (hand_quiet, hand_standard) =
        (warm("hand-written, same host calls"), warm("hand-written, default's host calls"));
    let jwt = warm("gatehouse, publish: [], JWT");
    let cold = |variant: &str| {
        let cost = results.cold.iter().find(|cost| cost.name == variant)?;
        Some(Above { low: cost.low, median: cost.median })
    };
    let mut figures = vec![
        figure("warm, `publish: []`, above the router", 10.0, " µs", quiet),
        figure("warm, default, above the router", 12.0, " µs", standard),
        figure("warm, `publish: []`, to the hand-written filter", 1.25, "", ratio(quiet, hand_quiet)),
        figure("warm, default, to the hand-written filter", 1.25, "", ratio(standard, hand_standard)),
        figure("warm, default, to `ext_authz`", 0.25, "", ratio(standard, warm("ext_authz (HTTP)"))),
        figure("warm, same JWT, to `jwt_authn` RS256", 0.25, "", ratio(jwt, warm("jwt_authn RS256"))),
        figure("warm, same JWT, to cached `jwt_authn` RS256", 1.5, "", ratio(jwt, warm("jwt_authn RS256, cached"))),
        figure(
            "cold, CPU of the whole, to the bare callout",
            1.3,
            "",
            ratio(cold("gatehouse without backend JWT"), cold("bare callout")),
        ),
        figure(
            "cold with a JWT signed (ES256), to the bare callout",
            1.3,
            "",
            ratio(cold("gatehouse, default (signs ES256)"), cold("bare callout")),
        ),
    ];
    for stampede in &results.stampedes {
        let (what, limit) = match stampede.workers {
            1 => ("stampede, 1 worker, most calls about one token, all answered", 1.0),
            2 => ("stampede, 2 workers, the same", 2.0),
            _ => ("stampede, 8 workers, the same", 8.0),
        };
        let most = if stampede.all_answered() { f64::from(stampede.most_calls()) } else { f64::INFINITY };
        figures.push(figure(what, limit, "", Some(Above { low: most, median: most })));
    }
    for churn in &results.churns {
        let what = if churn.workers == 1 { "memory above idle, 1 worker" } else { "memory above idle, 2 workers" };
        let growth = churn.growth() as f64 / MIB;
        figures.push(figure(what, 16.0, " MiB", Some(Above { low: growth, median: growth })));
    }
    figures
}

fn ratio(one: Option<Above>, other: Option<Above>) -> Option<Above> {
    let (one, other) = (one?, other?);
    Some(Above { low: one.low / other.low, median: one.median / other.median })
}
