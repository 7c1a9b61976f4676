//! What a key manager takes with a large registry and many gateways.

use std::fmt::Write;

use super::MIB;
use super::registry::grouped;
use crate::key_manager::figures::{Fleet, KeyManager, KeyManagers, Snapshot, Spread, Used};

/// What cannot be measured.
const WHAT_WAS_SLOW: &str = include_str!("what_was_slow.md");

pub(super) fn section_of(key_managers: &KeyManagers) -> String {
    let measured: Vec<&KeyManager> = [&key_managers.sqlite, &key_managers.postgres].into_iter().flatten().collect();
    super::section("The key manager with a large registry", measured.is_empty(), || {
        let mut text = String::from(
            "`make bench-key-manager` fills a database, starts the key manager on it, and simulates gateways, each on a connection of \
            its own; everything is on one machine, over loopback. PostgreSQL has `shared_buffers=512MB`, and what is committed is \
            on the disk. CPU is the key manager's, and the database server's where there is one.\n\n",
        );
        for one in &measured {
            let _ = writeln!(text, "- {}: {}", one.database, one.machine);
        }
        text += "\n![plot](benchmarks-propagation.svg)\n\n";
        text += &table(&measured);
        text + "\n" + WHAT_WAS_SLOW
    })
}

fn table(measured: &[&KeyManager]) -> String {
    let mut text = String::new();
    row(&mut text, "", measured, |one| one.database.clone());
    let _ = writeln!(text, "|---|{}", "---|".repeat(measured.len()));
    row(&mut text, "APIs, applications, subscriptions", measured, |one| {
        let size = one.size;
        format!("{}, {}, {}", grouped(size.apis), grouped(size.applications), grouped(size.subscriptions))
    });
    row(&mut text, "**A snapshot over HTTP**, by one gateway: pages, size", measured, |one| {
        one.snapshots
            .first()
            .map_or(String::new(), |read| format!("{}, {:.0} MB", grouped(read.pages), read.octets as f64 / 1e6))
    });
    row(&mut text, "time, of each", measured, |one| of_each(one, |read| format!("{:.1} s", read.seconds)));
    row(&mut text, "CPU", measured, |one| of_each(one, |read| cpu(read.used)));
    row(&mut text, "peak memory of the key manager", measured, |one| {
        let peak = one.snapshots.last().map_or(0, |read| read.used.peak);
        format!("{:.0} MiB", peak as f64 / MIB)
    });
    row(
        &mut text,
        "**A change to a waiting gateway**, from the request that makes it, nothing else happens: median, 99th percentile, longest",
        measured,
        |one| spread(one.alone),
    );
    row(&mut text, "another gateway reads snapshots", measured, |one| spread(one.beside_snapshots));
    let fleets = measured.iter().map(|one| one.fleets.len()).max().unwrap_or_default();
    for number in 0..fleets {
        let fleet = |one: &KeyManager, show: fn(&Fleet) -> String| one.fleets.get(number).map_or(String::new(), show);
        let gateways = measured.iter().find_map(|one| one.fleets.get(number)).map_or(0, |fleet| fleet.gateways);
        row(&mut text, &format!("**{} gateways wait**: memory for each", grouped(gateways)), measured, |one| {
            fleet(one, |fleet| format!("{:.0} kB", fleet.octets_each as f64 / 1e3))
        });
        row(&mut text, "CPU without a change", measured, |one| {
            fleet(one, |fleet| format!("{} in {:.0} s", cpu(fleet.idle), fleet.idle_seconds))
        });
        row(
            &mut text,
            "changes to all of them, one after the other: median, 99th percentile, longest",
            measured,
            |one| fleet(one, |fleet| format!("{} (of {})", spread(fleet.propagation), fleet.changes)),
        );
        row(&mut text, "CPU for each change, with all answers and acknowledgements", measured, |one| {
            fleet(one, |fleet| {
                let each = |seconds: f64| seconds * 1e3 / fleet.changes as f64;
                let Used { program_seconds, database_seconds, .. } = fleet.telling;
                format!("{:.0} ms; {:.0} ms", each(program_seconds), each(database_seconds))
            })
        });
    }
    row(&mut text, "**Restart under waiting gateways**: how many, ends after, serves again after", measured, |one| {
        let restart = &one.restart;
        format!("{}, {:.0} ms, {:.0} ms", restart.gateways, restart.ended_millis, restart.serving_millis)
    });
    row(&mut text, "from its start until all of them have a change made afterwards, CPU until then", measured, |one| {
        format!("{:.1} s, {}", one.restart.all_millis / 1e3, cpu(one.restart.used))
    });
    text
}

fn row(text: &mut String, what: &str, measured: &[&KeyManager], show: impl Fn(&KeyManager) -> String) {
    let cells: String = measured.iter().map(|one| format!(" {} |", show(one))).collect();
    let _ = writeln!(text, "| {what} |{cells}");
}

fn of_each(one: &KeyManager, show: fn(&Snapshot) -> String) -> String {
    one.snapshots.iter().map(show).collect::<Vec<_>>().join(" and ")
}

/// Of the key manager, and of the database server.
fn cpu(Used { program_seconds, database_seconds, .. }: Used) -> String {
    format!("{program_seconds:.2} s; {database_seconds:.2} s")
}

fn spread(spread: Spread) -> String {
    super::registry::spread(spread) + " ms"
}
