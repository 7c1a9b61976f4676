//! Where the time of a decision goes: host calls, each timed in a loop inside the VM.

use anyhow::Result;
use serde::{Deserialize, Serialize};

use crate::client::PATH;
use crate::envoy::Setup;
use crate::filters;
use crate::stage::Stage;

/// A host call.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub struct Step {
    /// What it is.
    pub name: String,
    /// The fastest of several loops, in nanoseconds.
    pub nanoseconds: f64,
}

/// Asks the stopwatch filter, whose answers these are.
pub fn measure(stage: &Stage) -> Result<Vec<Step>> {
    let envoy = Setup::new("steps", &stage.envoy)
        .listener("stopwatch", vec![filters::wasm("stopwatch", "stopwatch.wasm", &serde_json::json!({}))])
        .start(&stage.runtime)?;
    let answer = stage.runtime.block_on(crate::client::get(envoy.address("stopwatch")?, PATH))?;
    Ok(serde_json::from_str(&answer)?)
}
