//! `docs/benchmarks.md`.

mod figures;
mod fleet;
mod key_manager;
mod registry;

use std::fmt::Write;

use crate::estimate::{Estimate, median};
use crate::key_manager::figures::KeyManagers;
use crate::results::{Costs, Results};
use crate::slices::Cost;
use crate::start_up::StartUp;

pub use figures::figures;
pub(crate) use registry::growth;

const MIB: f64 = 1024.0 * 1024.0;

/// The whole page.
pub fn markdown(results: &Results, key_managers: &KeyManagers) -> String {
    let mut page = String::from(
        "# Benchmarks\n\nWritten by `make bench` and `make bench-key-manager`; do not edit.\n\n![plot](benchmarks.svg)\n\n",
    );
    let _ = writeln!(page, "- Machine: {}\n- Versions: {}\n", results.machine, results.versions.join("; "));
    page += "## Figures\n\n";
    page += &figures(results);
    page += &method(results.rounds);
    page += &warm(results);
    page += &steps(results);
    page += &elsewhere(results);
    page += &workers(results);
    page += &cold(results);
    page += &stampedes(results);
    page += &churns(results);
    page += &mint(results);
    page += &start_ups(results);
    page += &registry::section_of(&results.registries);
    page += &key_manager::section_of(key_managers);
    page += &fleet::section_of(key_managers, &results.registries);
    page
}

fn method(rounds: usize) -> String {
    let rounds = if rounds == 0 { "several".to_owned() } else { rounds.to_string() };
    format!(
        "\n## Method\n\n\
        1. All variants are listeners of one Envoy process with a direct response behind them, each WebAssembly filter in a \
        VM of its own, built with optimisation for speed and without unused callbacks (Gatehouse as shipped).\n\
        2. The measured process is pinned to core 0; load, identity provider and authorization service to core 1.\n\
        3. CPU µs per request is the growth of all its threads' `schedstat` over the responses. Slices of 0.05 s take turns, \
        A B C .. C B A, in {rounds} rounds, with warm tokens in several Envoys one after the other.\n\
        4. The machine's speed changes from second to second, by more than what is measured. So differences are taken within \
        each round, and the figure is the median of the rounds, of a ratio the ratio of such medians. In brackets stands the \
        interval that a bootstrap over the rounds gives for 95 of 100 repetitions.\n\
        5. h2load makes the load: HTTP/2 on 4 connections with 32 requests at a time each (few system calls, so the \
        filter's own cost stands out), HTTP/1.1 on 64 connections. Only compare within one table.\n"
    )
}

fn table(costs: &[Cost], floor: impl Fn(&str) -> &'static str) -> String {
    let mut table = String::from("| | CPU µs per request | above its floor | requests/s |\n|---|---|---|---|\n");
    for cost in costs {
        let floor = floor(&cost.name);
        let above = Costs(costs)
            .above(&cost.name, floor)
            .filter(|_| cost.name != floor)
            .map_or(String::from("floor"), |Estimate { value, low, high }| {
                format!("**{value:.1}** [{low:.1}, {high:.1}]")
            });
        let _ = writeln!(
            table,
            "| {} | {:.1} | {above} | {:.0} |",
            cost.name,
            median(&cost.rounds),
            median(&cost.per_second)
        );
    }
    table
}

/// The router with the same token.
pub(crate) fn warm_floor(variant: &str) -> &'static str {
    if variant.contains("JWT") || variant.contains("jwt_authn") { "router only, JWT" } else { "router only" }
}

fn section(title: &str, is_empty: bool, body: impl FnOnce() -> String) -> String {
    if is_empty { format!("\n## {title}\n\nNot measured.\n") } else { format!("\n## {title}\n\n{}", body()) }
}

fn warm(results: &Results) -> String {
    section("Warm token, one worker", results.warm_http2.is_empty(), || {
        format!(
            "The backend JWT (ES256, 1.1 kB) is signed once and set on every request. The rows with a JWT carry it as \
            the access token and stand above the router that gets the same. The row *for speed* is the module built with \
            optimisation 3, which is over its size budget.\n\n### HTTP/2\n\n{}\n### HTTP/1.1\n\n{}",
            table(&results.warm_http2, warm_floor),
            table(&results.warm_http1, warm_floor)
        )
    })
}

fn steps(results: &Results) -> String {
    section("Where the time of a warm request goes", results.steps.is_empty(), || {
        let mut text = String::from(
            "The calls between host and VM, from Envoy's trace log: the host enters the VM three times (context, \
            headers, deletion) and twice more for the buffers of what it returns; the filter asks for all headers, the \
            time and one entry of the shared data, counts the look-up and the decision, removes `authorization`, sets \
            the backend JWT, and publishes up to three fields. The hand-written filter makes the same calls. In loops \
            inside the VM, the fastest of 30:\n\n| host call | ns |\n|---|---|\n",
        );
        for step in &results.steps {
            let _ = writeln!(text, "| {} | {:.0} |", step.name, step.nanoseconds);
        }
        text += &remainder(results);
        text
    })
}

fn remainder(results: &Results) -> String {
    let costs = Costs(&results.warm_http2);
    let cost = |variant| costs.above(variant, warm_floor(variant)).map(|above| above.value);
    let parts = [
        cost("no-op Wasm"),
        cost("hand-written, same host calls"),
        cost("gatehouse, publish: []"),
        cost("gatehouse, publish: [], for speed"),
        cost("ext_authz (HTTP)"),
        cost("jwt_authn RS256"),
    ];
    let [Some(no_op), Some(hand_written), Some(gatehouse), Some(for_speed), Some(ext_authz), Some(jwt_authn)] = parts
    else {
        return String::new();
    };
    format!(
        "\nOf {gatehouse:.1} µs with `publish: []`, {no_op:.1} are any filter's (contexts and the entries into the VM), \
        {:.1} are the host calls with their buffers and a minimum of computing (hand-written less no-op), and {:.1} are \
        Gatehouse's own: reading and checking head, host and target, finding API and operation, the decision itself, \
        and what a larger module misses in the caches. Built for speed instead of size the whole would take \
        {for_speed:.1} µs. The host calls alone set a bound to the ratios: the hand-written filter takes {:.2} of \
        `ext_authz` and {:.2} of uncached `jwt_authn`. What would change the figures is less computing in the VM; fewer \
        host calls would need the headers one by one (cheaper below three) and one counter instead of two.\n",
        hand_written - no_op,
        gatehouse - hand_written,
        hand_written / ext_authz,
        hand_written / jwt_authn
    )
}

fn elsewhere(results: &Results) -> String {
    if let Some(command) = &results.skipped {
        return format!("\n## Elsewhere\n\nSKIPPED, as this failed: `{command}`\n");
    }
    section("Elsewhere", results.elsewhere.is_empty(), || {
        let table = table(&results.elsewhere, |name| if name.starts_with("nginx") { "nginx" } else { "Apache" });
        format!(
            "HTTP/1.1, each above its own floor. nginx answers from `proxy_cache` behind `auth_request` and looks at \
            neither scope nor subscription, nor does it make a backend JWT; Apache has its shared-memory cache.\n\n{table}"
        )
    })
}

fn workers(results: &Results) -> String {
    section("One worker and two", results.workers.is_empty(), || {
        let table = table(&results.workers, |name| {
            if name.ends_with('1') { "router only, workers: 1" } else { "router only, workers: 2" }
        });
        format!(
            "The second worker shares its core with the load, so its rows are noisier; what the one lock around all \
            shared data costs would show in the rows above the floor. It is held while one value of a few hundred \
            octets is found and copied: below 0.2 µs, the cost of a look-up that finds nothing.\n\n{table}"
        )
    })
}

fn cold(results: &Results) -> String {
    section("Tokens that come once", results.cold.is_empty(), || {
        let table = table(&results.cold, |_| "router only");
        format!(
            "The identity provider answers in 1 ms. The bare filter makes the same call and lets the request go on \
            without reading the answer. Gatehouse reads it besides, and makes 32 host calls, as a test pins: 8 look-ups \
            in the shared data and 3 writes (the token's bucket in each region, the lease), the way to the root context \
            through a queue and back, the time in each of 4 callbacks. What would change the figure is the computing \
            between them, which is built for size; a mark in a bucket for long answers would save two look-ups that \
            find nothing, 0.5 µs.\n\n{table}"
        )
    })
}

fn stampedes(results: &Results) -> String {
    section("Stampede", results.stampedes.is_empty(), || {
        let mut text = String::from(
            "A thousand requests at the same time with one token that nobody has asked about, twenty times; the \
            identity provider takes 50 ms.\n\n| workers | calls to the identity provider | responses |\n|---|---|---|\n",
        );
        for stampede in &results.stampedes {
            let calls = stampede.calls.iter().map(|(calls, tokens)| format!("{calls} for {tokens} tokens"));
            let statuses = stampede.statuses.iter().map(|(status, count)| format!("{count} × {status}"));
            let (calls, statuses): (Vec<_>, Vec<_>) = (calls.collect(), statuses.collect());
            let _ = writeln!(text, "| {} | {} | {} |", stampede.workers, calls.join(", "), statuses.join(", "));
        }
        text
    })
}

fn churns(results: &Results) -> String {
    section("Churn", results.churns.is_empty(), || {
        let mut text = String::from(
            "Default sizes: 16,384 shared entries. Memory is the most that Envoy had resident during the phase, above \
            what it had when 20,000 requests with one token had passed.\n\n\
            | workers | requests | | calls to the identity provider | MiB above idle |\n|---|---|---|---|---|\n",
        );
        for churn in &results.churns {
            for phase in &churn.phases {
                let memory = phase.most_resident.saturating_sub(churn.idle) as f64 / MIB;
                let (workers, requests) = (churn.workers, phase.requests);
                let _ = writeln!(text, "| {workers} | {requests} | {} | {} | {memory:.1} |", phase.name, phase.calls);
            }
        }
        for churn in &results.churns {
            let (workers, calls, requests) = (churn.workers, churn.hot_calls, churn.hot_requests);
            let _ = writeln!(
                text,
                "\n{workers} worker(s): {calls} calls about hot tokens in {requests} requests with them during the flood."
            );
        }
        text
    })
}

fn mint(results: &Results) -> String {
    section("Signing backend JWTs", results.mint.is_empty(), || {
        let table = table(&results.mint, |_| "kept (ES256)");
        format!(
            "A warm token, with a new backend JWT for every request; otherwise it is kept as long as it lasts. RS256 is \
            offered with the host's signer only.\n\n{table}"
        )
    })
}

fn start_ups(results: &Results) -> String {
    section("Start-up and memory", results.start_ups.is_empty(), || {
        let mut text = String::from(
            "| | CPU ms until it serves | ms | MiB resident, one worker | MiB for each further worker |\n|---|---|---|---|---|\n",
        );
        for StartUp { name, cpu_millis, millis, resident, per_worker } in &results.start_ups {
            let (resident, per_worker) = (resident / MIB, per_worker / MIB);
            let _ = writeln!(text, "| {name} | {cpu_millis:.0} | {millis:.0} | {resident:.1} | {per_worker:.1} |");
        }
        text
    })
}
