//! A gateway that follows a registry.

use std::fmt::Write;

use super::{MIB, section, table};
use crate::estimate::Estimate;
use crate::key_manager::figures::{Held, Spread};
use crate::key_manager::registry::Size;
use crate::registry::{Callbacks, Decided, Followed, Registries};
use crate::results::Costs;

/// What the proxy's map spends on a key and its value, beside the value's octets: a node of 80 octets (two words, the key's
/// and the value's three words each, the version), the key's 56 octets in a block of 64, a place in the map's table.
const NODE: f64 = 152.0;
/// What precedes name and record of an entry.
const LENGTHS: f64 = 8.0;
/// By how much the allocator's blocks are larger than what was asked for, on the average.
const ROUNDING: f64 = 1.06;
/// Buckets of each family.
const BUCKETS: f64 = 16_384.0;

pub(super) fn section_of(registries: &Registries) -> String {
    let followed = &registries.followed;
    section("A gateway that follows a large registry", followed.is_empty(), || {
        let mut text = format!(
            "The filter on a real Envoy follows a real key manager, whose database the key manager's own benchmark has filled: \
            an application has one key and five subscriptions, an API eight operations, each API a context of its own. A \
            registry is named by its APIs; there are 20 times as many applications and 100 times as many subscriptions. The \
            smallest is what the others are compared with.\n\n- Machine: {}\n- {}\n\n![plot](benchmarks-registry.svg)\n",
            registries.machine,
            preferred(followed)
        );
        text += &taking_over(followed);
        text += &arrivals(followed);
        text += &callbacks(followed);
        text += &memory(followed);
        text += &decisions(&registries.decided);
        text
    })
}

fn preferred(followed: &[Followed]) -> &'static str {
    if followed.iter().all(|row| row.is_preferred) {
        "Envoy and whoever watches it run before all others on their cores (`SCHED_FIFO`), so that what other jobs do is not \
         taken for a long callback."
    } else {
        "Envoy could not be run before all others on its cores (`SCHED_FIFO`), so what other jobs did may look like a long \
         callback."
    }
}

/// A registry by its name.
pub(super) fn named(size: Size, database: &str) -> String {
    format!("{} APIs, {database}", grouped(size.apis))
}

/// With a comma between thousands.
pub(super) fn grouped(number: usize) -> String {
    let digits = number.to_string();
    let groups: Vec<&str> =
        digits.as_bytes().rchunks(3).rev().filter_map(|group| std::str::from_utf8(group).ok()).collect();
    groups.join(",")
}

/// The smallest registry with as many workers.
pub(crate) fn smallest<'a>(followed: &'a [Followed], row: &Followed) -> &'a Followed {
    let same = followed.iter().filter(|other| other.workers == row.workers);
    same.min_by_key(|other| other.size.apis).unwrap_or(&followed[0])
}

/// Octets of resident memory above the smallest registry.
pub(crate) fn growth(followed: &[Followed], row: &Followed) -> f64 {
    row.start.resident as f64 - smallest(followed, row).start.resident as f64
}

fn taking_over(followed: &[Followed]) -> String {
    let mut text = String::from(
        "\n### Taking it over\n\nFrom the start of the Envoy process until every worker decides by the registry; CPU is the whole \
        process's, with what it takes to compile the module and start. *Busiest threads*: `wrk:worker_` are workers; the \
        main thread has a VM, too, and whichever comes first reads the feed. The last column is another snapshot into \
        the same process, while changes are made and requests come.\n\n\
        | registry | workers | s | CPU s | s and CPU s above the smallest | pages | MB | busiest threads, CPU s | again: s, CPU s |\n\
        |---|---|---|---|---|---|---|---|---|\n",
    );
    for row in followed {
        let (taken, again, least) = (row.start, row.again, smallest(followed, row).start);
        let threads = row.threads.iter().take(3).map(|(name, seconds)| format!("`{name}` {seconds:.1}"));
        let _ = writeln!(
            text,
            "| {} | {} | {:.1} | {:.1} | {:.1}, {:.1} | {} | {:.1} | {} | {:.1}, {:.1} |",
            named(row.size, &row.database),
            row.workers,
            taken.seconds,
            taken.cpu_seconds,
            taken.seconds - least.seconds,
            taken.cpu_seconds - least.cpu_seconds,
            taken.pages,
            taken.octets as f64 / 1e6,
            threads.collect::<Vec<_>>().join(", "),
            again.seconds,
            again.cpu_seconds
        );
    }
    text
}

pub(super) fn spread(Spread { median, p99, longest, .. }: Spread) -> String {
    format!("{median:.0}, {p99:.0}, {longest:.0}")
}

fn arrivals(followed: &[Followed]) -> String {
    let mut text = String::from(
        "\n### One change\n\nA subscription is blocked, or let through again, at the key manager's REST API; from its answer until \
        every worker decides so about a token that it knew. Milliseconds: median, 99th percentile, longest.\n\n\
        | registry | workers | afterwards | during a snapshot | that snapshot took | octets of a change, both ways |\n\
        |---|---|---|---|---|---|\n",
    );
    for row in followed {
        let (after, during) = (row.arrivals, row.arrivals_during);
        let _ = writeln!(
            text,
            "| {} | {} | {} (of {}) | {} (of {}) | {:.0} | {:.0} |",
            named(row.size, &row.database),
            row.workers,
            spread(after),
            after.count,
            spread(during),
            during.count,
            row.again.seconds * 1e3,
            row.change_octets
        );
    }
    text
}

/// The longest of the workers' callbacks, in milliseconds.
pub(super) fn longest_of_workers(callbacks: &[Callbacks]) -> f64 {
    let workers = callbacks.iter().filter(|callbacks| callbacks.thread.starts_with("worker_"));
    workers.map(|callbacks| callbacks.longest).fold(0.0, f64::max)
}

fn callbacks(followed: &[Followed]) -> String {
    let mut text = String::from(
        "\n### Callbacks\n\nThe turns of each thread's event loop, by Envoy's own histograms (`enable_dispatcher_stats`); a turn may \
        have several callbacks in it, so none took longer. Each worker gets 100 requests a second. *Quiet*: for 10 s; \
        *snapshot*: while one is taken over and changes are made. *Latency*: of those requests, milliseconds, median, 99th percentile, \
        longest. *Stolen*: how long the host of this virtual machine kept its two cores for others, quiet and meanwhile (`/proc/stat`); \
        such a pause looks like a long turn, also where nothing happens.\n\n\
        | registry | workers | thread | quiet: longest | snapshot: longest | over 5 ms, of all | stolen | latency, quiet | latency, snapshot |\n\
        |---|---|---|---|---|---|---|---|---|\n",
    );
    let precise = |Spread { median, p99, longest, .. }: Spread| format!("{median:.2}, {p99:.2}, {longest:.1}");
    for row in followed {
        for during in &row.callbacks_during {
            let quiet = row.callbacks.iter().find(|callbacks| callbacks.thread == during.thread);
            let thread = if during.thread == "server" { "main" } else { &during.thread };
            let _ = writeln!(
                text,
                "| {} | {} | {thread} | {:.2} ms | {:.2} ms | {}, {} | {} | {} | {} |",
                named(row.size, &row.database),
                row.workers,
                quiet.map_or(0.0, |callbacks| callbacks.longest),
                during.longest,
                during.over,
                during.count,
                row.stolen.map_or("not measured".to_owned(), |(quiet, during)| format!("{quiet:.2} s, {during:.2} s")),
                precise(row.latency),
                precise(row.latency_during)
            );
        }
    }
    text
}

/// Octets of shared data that the copy of a registry takes.
fn shared(size: Size, held: Held) -> f64 {
    let (apis, applications, subscriptions) = (size.apis as f64, size.applications as f64, size.subscriptions as f64);
    let buckets = |records: f64| BUCKETS * (1.0 - (1.0 - 1.0 / BUCKETS).powf(records));
    let Held { apis: of_apis, applications: of_applications, clients, subscriptions: of_subscriptions } = held;
    let octets = (of_apis + of_applications + clients + of_subscriptions) as f64;
    let entries = apis + 2.0 * applications + subscriptions;
    (octets + LENGTHS * entries) * ROUNDING + NODE * (buckets(apis) + 2.0 * buckets(applications))
}

fn memory(followed: &[Followed]) -> String {
    let mut text = String::from(
        "\n### Memory\n\nThe copy lies in Envoy's shared data once for all workers, each bucket one value: name and record of an entry after \
        their lengths (8 octets), one entry for an API, an application, a subscription and a client (which leads to its \
        application). So\n\n```text\n\
        shared = 1.06 * (octets of names and records + 8 * entries) + 152 * buckets\n\
        Envoy  = shared + (workers + 1) * (APIs * A) + clients that a worker has decided about, 16,384 at most * C\n```\n\n\
        with 1.06 for the blocks of the allocator, 152 for a node of the proxy's map and its key, and up to 16,384 buckets \
        each of APIs, applications and clients. The main thread has a VM like a worker. A is what an API takes in a VM, parsed and found by its place: \
        the growth with two workers less that with one, for each API. What is left over is the reading VM's: it holds a page's \
        text and records at a time, and WebAssembly gives no memory back; it is below zero where memory is used again that was freed after the start.\n\n\
        | registry | names and records | shared, by the formula | grown, 1 worker | 2 workers | A | left over |\n\
        |---|---|---|---|---|---|---|\n",
    );
    for one in followed.iter().filter(|row| row.workers == 1) {
        let two =
            followed.iter().find(|row| row.workers == 2 && (row.size, &row.database) == (one.size, &one.database));
        let Some(two) = two else { continue };
        let least = smallest(followed, one);
        if least.size == one.size {
            continue;
        }
        let held = |Held { apis, applications, clients, subscriptions }| {
            (apis + applications + clients + subscriptions) as f64
        };
        let by_formula = shared(one.size, one.held) - shared(least.size, least.held);
        let (with_one, with_two) = (growth(followed, one), growth(followed, two));
        let of_vm = with_two - with_one;
        let _ = writeln!(
            text,
            "| {} | {:.1} MiB | {:.1} MiB | {:.1} MiB | {:.1} MiB | {:.0} octets | {:.1} MiB |",
            named(one.size, &one.database),
            held(one.held) / MIB,
            by_formula / MIB,
            with_one / MIB,
            with_two / MIB,
            of_vm / (one.size.apis - least.size.apis) as f64,
            (with_one - by_formula - 2.0 * of_vm) / MIB
        );
    }
    text += &held_clients(followed);
    text
}

/// The same tokens of few clients grow the memory by what tokens take.
fn held_clients(followed: &[Followed]) -> String {
    let mut text = String::new();
    let of = |row: &Followed| row.clients.map(|(before, after, clients)| (after as f64 - before as f64, clients));
    let largest = followed.iter().filter(|row| row.workers == 1).max_by_key(|row| row.size.apis);
    let Some(largest) = largest else { return text };
    if let (Some((grown, clients)), Some((tokens, few))) = (of(largest), of(smallest(followed, largest))) {
        let _ = writeln!(
            text,
            "\nC: after {} calls, each with another token, of {} clients the memory of one worker had grown by {:.1} MiB, of {} clients by {:.1} \
            (which is what answers and backend JWTs take): {:.0} octets for each client with its application and five subscriptions.",
            grouped(clients),
            grouped(clients),
            grown / MIB,
            grouped(few),
            tokens / MIB,
            (grown - tokens) / (clients - few).max(1) as f64
        );
    }
    text
}

/// The ratio of what decisions cost above the router, by a registry and by the small one.
pub(super) fn ratio(decided: &Decided, load: &str) -> Option<Estimate> {
    let by = |size: Size| format!("{} APIs, {load}", size.apis);
    Costs(&decided.costs).ratio_above(&by(decided.size), &by(decided.small), &format!("router only, {load}"))
}

/// The loads by which decisions were measured.
pub(super) fn loads(decided: &Decided) -> Vec<&str> {
    let loads = decided.costs.iter().filter(|cost| cost.name.starts_with("router only"));
    loads.filter_map(|cost| cost.name.split_once(", ")).map(|(_, load)| load).collect()
}

fn decisions(decided: &[Decided]) -> String {
    if decided.is_empty() {
        return String::from("\n### What a decision costs\n\nNot measured.\n");
    }
    let mut text = String::from(
        "\n### What a decision costs\n\nDefault settings but for a larger cache, one worker, both registries in one Envoy, slices in turns as above; every \
        token, backend JWT and client is remembered. *One token*: h2load calls one API. *Few clients*: each request has the next \
        of 900 tokens of 140 clients that call 10 APIs, by each registry the same load. *Many clients*: the next of 900 tokens of \
        as many clients that call as many APIs, where there are so many; by the smallest registry the few again, so this is what \
        more of everything costs that is in use.\n",
    );
    for row in decided {
        let floor = |name: &str| match name.split_once(", ") {
            Some((_, "one token")) => "router only, one token",
            Some((_, "few clients")) => "router only, few clients",
            _ => "router only, many clients",
        };
        let ratios = loads(row).into_iter().filter_map(|load| {
            let Estimate { value, low, high } = ratio(row, load)?;
            Some(format!("{load}: **{value:.2}** [{low:.2}, {high:.2}]"))
        });
        let ratios = ratios.collect::<Vec<_>>().join("; ");
        let _ = writeln!(
            text,
            "\n{}, to {} APIs: {ratios}\n\n{}",
            named(row.size, &row.database),
            row.small.apis,
            table(&row.costs, floor)
        );
    }
    text.truncate(text.trim_end().len());
    text + "\n"
}
