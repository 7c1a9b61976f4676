//! How long Envoy takes to start with a filter, and how much memory each worker needs for it.

use std::time::{Duration, Instant};

use anyhow::Result;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::envoy::Setup;
use crate::estimate::median;
use crate::filters;
use crate::machine;
use crate::stage::Stage;

const FEW_WORKERS: usize = 1;
const MANY_WORKERS: usize = 5;

/// Medians of the starts of one variant.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub struct StartUp {
    /// The filter.
    pub name: String,
    /// CPU time until Envoy serves, one worker, in milliseconds.
    pub cpu_millis: f64,
    /// Time until Envoy serves, one worker, in milliseconds.
    pub millis: f64,
    /// Resident memory with one worker, in bytes.
    pub resident: f64,
    /// What each further worker adds, in bytes.
    pub per_worker: f64,
}

struct Start {
    cpu: Duration,
    elapsed: Duration,
    resident: u64,
}

/// Starts each variant several times, in turns.
pub fn measure(stage: &Stage) -> Result<Vec<StartUp>> {
    let gatehouse = filters::gatehouse_configuration(&stage.keys.p256)?;
    let hand_written = json!({"publish": true, "backend_jwt": ""});
    let variants: [(&str, Vec<Value>); 4] = [
        ("router only", vec![]),
        ("no-op Wasm", vec![filters::wasm("no-op", "no_op.wasm", &json!({}))]),
        ("hand-written", vec![filters::wasm("hand-written", "hand_written.wasm", &hand_written)]),
        ("gatehouse", vec![filters::gatehouse("gatehouse", &gatehouse)]),
    ];
    let mut starts: Vec<[Vec<Start>; 2]> = variants.iter().map(|_| [Vec::new(), Vec::new()]).collect();
    for _ in 0..stage.plan.rounds.min(5) {
        for ((name, filters), starts) in variants.iter().zip(&mut starts) {
            for (workers, starts) in [FEW_WORKERS, MANY_WORKERS].into_iter().zip(starts) {
                starts.push(start(stage, name, filters, workers)?);
            }
        }
    }
    Ok(variants.iter().zip(&starts).map(|((name, _), [few, many])| start_up(name, few, many)).collect())
}

fn start(stage: &Stage, name: &str, filters: &[Value], workers: usize) -> Result<Start> {
    let setup = Setup::new("start-up", &stage.envoy)
        .cluster("idp", stage.identity_provider_address)
        .listener(name, filters.to_vec())
        .workers(workers, "0");
    let begun = Instant::now();
    let envoy = setup.start(&stage.runtime)?;
    let process = envoy.process();
    Ok(Start { elapsed: begun.elapsed(), cpu: machine::cpu_time(process), resident: machine::resident(process) })
}

fn start_up(name: &str, few: &[Start], many: &[Start]) -> StartUp {
    let median = |starts: &[Start], value: fn(&Start) -> f64| median(&starts.iter().map(value).collect::<Vec<_>>());
    let resident = |start: &Start| start.resident as f64;
    let further = (MANY_WORKERS - FEW_WORKERS) as f64;
    StartUp {
        name: name.to_owned(),
        cpu_millis: median(few, |start| start.cpu.as_secs_f64() * 1e3),
        millis: median(few, |start| start.elapsed.as_secs_f64() * 1e3),
        resident: median(few, resident),
        per_worker: (median(many, resident) - median(few, resident)) / further,
    }
}
