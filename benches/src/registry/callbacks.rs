//! How long Envoy's threads are busy without a pause, by its own histograms (`enable_dispatcher_stats`). One turn of a
//! thread's loop may have several callbacks in it, so none took longer than the longest turn.

use std::collections::BTreeMap;

use anyhow::{Context, Result};
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// Longer ones are counted.
const LIMIT_MICROS: f64 = 5000.0;

/// The turns of one thread's loop.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub struct Callbacks {
    /// The thread: `worker_0`, or `server` for the main thread.
    pub thread: String,
    /// How many.
    pub count: u64,
    /// The longest, in milliseconds, rounded up by at most a tenth.
    pub longest: f64,
    /// How many took longer than 5 ms.
    pub over: u64,
}

/// Turns of each thread by their upper bound in whole microseconds.
pub(super) type Bins = BTreeMap<String, BTreeMap<u64, u64>>;

/// Out of Envoy's page, which has each histogram's bins.
pub(super) fn parse(page: &str) -> Result<Bins> {
    let page: Value = serde_json::from_str(page).context("Envoy's histograms")?;
    let stats = page["stats"].as_array().context("`stats` in Envoy's histograms")?;
    let histograms = stats.iter().filter_map(|stat| stat["histograms"]["details"].as_array()).flatten();
    let bins = histograms.map(|histogram| {
        let name = histogram["name"].as_str().context("a histogram's name")?;
        let thread = name.trim_end_matches(".dispatcher.loop_duration_us").rsplit('.').next().unwrap_or(name);
        let totals = histogram["totals"].as_array().context("a histogram's totals")?;
        let bins = totals.iter().map(|bin| bound_and_count(bin).context("a bin")).collect::<Result<_>>()?;
        Ok((thread.to_owned(), bins))
    });
    bins.collect()
}

fn bound_and_count(bin: &Value) -> Option<(u64, u64)> {
    let bound = bin["lower_bound"].as_f64()? + bin["width"].as_f64()?;
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "microseconds")]
    Some((bound.ceil() as u64, bin["count"].as_u64()?))
}

/// What came between.
pub(super) fn between(before: &Bins, after: &Bins) -> Vec<Callbacks> {
    let of_thread = |(thread, bins): (&String, &BTreeMap<u64, u64>)| {
        let had = |bound: &u64| before.get(thread).and_then(|bins| bins.get(bound)).copied().unwrap_or_default();
        let new = |(bound, count): (&u64, &u64)| (*bound, count.saturating_sub(had(bound)));
        let new: Vec<(u64, u64)> = bins.iter().map(new).filter(|(_, count)| *count > 0).collect();
        let is_over = |bound: u64| bound as f64 > LIMIT_MICROS;
        Callbacks {
            thread: thread.clone(),
            count: new.iter().map(|(_, count)| count).sum(),
            longest: new.last().map_or(0.0, |(bound, _)| *bound as f64 / 1e3),
            over: new.iter().filter(|(bound, _)| is_over(*bound)).map(|(_, count)| count).sum(),
        }
    };
    after.iter().map(of_thread).collect()
}
