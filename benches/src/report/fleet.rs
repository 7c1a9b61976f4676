//! What 10,000 gateways need, on paper: what was measured, multiplied.

use std::fmt::Write;

use super::registry::grouped;
use super::section;
use crate::key_manager::figures::KeyManagers;
use crate::registry::{Followed, Registries};

/// Gateways.
const GATEWAYS: f64 = 10_000.0;
/// Key managers behind one address, of which one may be down.
const REPLICAS: f64 = 3.0;
/// Cores of each, and the share of them that may be busy.
const CORES: f64 = 4.0;
const BUSY: f64 = 0.5;
/// Octets a second from each of them.
const BANDWIDTH: f64 = 1.25e9;
/// Within which a change is promised, in seconds.
const PROMISED: f64 = 2.0;

/// What was measured, for one gateway.
struct Each {
    database: String,
    /// As how many were measured together.
    gateways: usize,
    /// Octets of a key manager's memory.
    memory: f64,
    /// CPU seconds of a key manager, and of the database, in a second without changes.
    idle: (f64, f64),
    /// CPU seconds of them for one change.
    change: (f64, f64),
    /// CPU seconds of them for one snapshot.
    snapshot: (f64, f64),
    /// CPU seconds of a key manager for a gateway that comes back and takes a change, its own start included.
    coming_back: f64,
}

pub(super) fn section_of(key_managers: &KeyManagers, registries: &Registries) -> String {
    let each = each(key_managers);
    // By the largest registry that was followed.
    let followed = registries.followed.iter().max_by_key(|row| row.size.apis);
    let measured = each.zip(followed);
    section("What 10,000 gateways need", measured.is_none(), || {
        measured.map(|(each, followed)| text(&each, followed)).unwrap_or_default()
    })
}

fn each(key_managers: &KeyManagers) -> Option<Each> {
    let measured = key_managers.postgres.as_ref()?;
    let fleet = measured.fleets.iter().max_by_key(|fleet| fleet.gateways)?;
    let snapshot = measured.snapshots.last()?.used;
    let (gateways, changes) = (fleet.gateways as f64, fleet.changes as f64);
    let idle = gateways * fleet.idle_seconds;
    Some(Each {
        database: measured.database.clone(),
        gateways: fleet.gateways,
        memory: fleet.octets_each as f64,
        idle: (fleet.idle.program_seconds / idle, fleet.idle.database_seconds / idle),
        change: (
            fleet.telling.program_seconds / gateways / changes,
            fleet.telling.database_seconds / gateways / changes,
        ),
        snapshot: (snapshot.program_seconds, snapshot.database_seconds),
        coming_back: measured.restart.used.program_seconds / measured.restart.gateways as f64,
    })
}

fn text(each: &Each, followed: &Followed) -> String {
    let left = REPLICAS - 1.0;
    let cpu = left * CORES * BUSY;
    let change = GATEWAYS * each.change.0;
    let snapshot = followed.start;
    let octets = GATEWAYS * snapshot.octets as f64;
    let snapshot_cpu = (GATEWAYS * each.snapshot.0, GATEWAYS * each.snapshot.1);
    let mut text = format!(
        "Not measured but multiplied: what one gateway took of {} with {}, times 10,000. Assumed: {REPLICAS:.0} key managers of \
        {CORES:.0} such cores behind one address, of which one may be down, so {left:.0} carry all; they may be busy by half, {cpu:.0} cores \
        in all; gateways are spread evenly; what a change takes grows with the gateways and with nothing else; the database \
        has cores of its own; each key manager may send 10 Gbit/s. Which of {} APIs changes makes no difference; how many octets a \
        snapshot has does.\n\n| | for each | 10,000 gateways |\n|---|---|---|\n",
        grouped(each.gateways),
        each.database,
        grouped(followed.size.apis),
    );
    let mut row = |what: &str, for_each: String, all: String| {
        let _ = writeln!(text, "| {what} | {for_each} | {all} |");
    };
    row(
        "connections: one waits, one acknowledges at times; file descriptors of a key manager",
        "2".to_owned(),
        format!("{} (`LimitNOFILE`), with some for the database", grouped(whole(2.0 * GATEWAYS / left))),
    );
    row(
        "memory of all key managers together",
        format!("{:.0} kB", each.memory / 1e3),
        format!(
            "{:.1} GB, {:.2} GB in each of {left:.0}",
            GATEWAYS * each.memory / 1e9,
            GATEWAYS * each.memory / left / 1e9
        ),
    );
    row(
        "without a change: cores of the key managers; of the database",
        format!("{:.1} µs; {:.1} µs a second", each.idle.0 * 1e6, each.idle.1 * 1e6),
        format!("{:.2}; {:.2}", GATEWAYS * each.idle.0, GATEWAYS * each.idle.1),
    );
    row(
        "a change, with its acknowledgement: CPU of the key managers; of the database",
        format!("{:.0} µs; {:.0} µs", each.change.0 * 1e6, each.change.1 * 1e6),
        format!("{change:.2} s; {:.2} s", GATEWAYS * each.change.1),
    );
    row("until the last gateway has it, from that CPU", String::new(), format!("{:.2} s", change / (left * CORES)));
    row(
        "changes a second, with key managers busy by half; cores of the database meanwhile",
        String::new(),
        format!("{:.1}; {:.1}", cpu / change, cpu / change * GATEWAYS * each.change.1),
    );
    row(
        "octets of a change, both ways, with headers",
        format!("{:.0}", followed.change_octets),
        format!("{:.1} MB", GATEWAYS * followed.change_octets / 1e6),
    );
    row(
        "a key manager goes down: a third come back to the others at once; CPU of each of those",
        format!("{:.0} µs", each.coming_back * 1e6),
        format!(
            "{:.2} s for {} gateways",
            GATEWAYS / REPLICAS * each.coming_back / left,
            grouped(whole(GATEWAYS / REPLICAS / left))
        ),
    );
    row(
        "all take a snapshot at once (`feed new-epoch`): CPU of the key managers; of the database",
        format!("{:.1} s; {:.1} s", each.snapshot.0, each.snapshot.1),
        format!("{:.0} h; {:.0} h of one core", snapshot_cpu.0 / 3600.0, snapshot_cpu.1 / 3600.0),
    );
    row(
        "the same: octets from the key managers; time at 10 Gbit/s each",
        format!("{:.0} MB", snapshot.octets as f64 / 1e6),
        format!("{:.2} TB; {:.0} min", octets / 1e12, octets / (left * BANDWIDTH) / 60.0),
    );
    row(
        "the same: until the last gateway is through, by all cores of the key managers",
        String::new(),
        format!("{:.1} h", snapshot_cpu.0 / (left * CORES) / 3600.0),
    );
    text + &verdict(each, followed, change / (left * CORES))
}

#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "some ten thousand")]
fn whole(number: f64) -> usize {
    number.round() as usize
}

fn verdict(each: &Each, followed: &Followed, last: f64) -> String {
    let longest = followed.arrivals.longest / 1e3 + last;
    let kept = if longest <= PROMISED { "within the promised 2 s" } else { "**not within the promised 2 s**" };
    let database = GATEWAYS * each.change.1;
    format!(
        "\nSo a change is at the last gateway after about {longest:.1} s (the longest measured to one gateway, and the CPU above), \
        {kept}; changes that come together are told together, so more of them a second come later, not never. Each \
        change also makes the database write {database:.2} s worth of acknowledgements, which all key managers put into one \
        table: that is what to watch first. A snapshot for everybody at once is what such a fleet cannot afford: gateways \
        serve on by the copy that they have while they read, so it takes hours and denies nobody; \
        after a restore, begin the new epoch outside busy hours. A gateway that starts alone takes one snapshot, which is \
        {:.1} s of a key manager's core and {:.1} s of the database's. What comes back after an outage asks at random within a quarter of a second, \
        doubling up to 10 s while nobody answers.\n",
        each.snapshot.0, each.snapshot.1
    )
}
