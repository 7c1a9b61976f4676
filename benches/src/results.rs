//! What has been measured, kept in a file so that parts can be measured by themselves.

use std::fs;
use std::path::Path;

use anyhow::{Context, Result};
use serde::{Deserialize, Serialize};

use crate::churn::Churn;
use crate::slices::Cost;
use crate::stampede::Stampede;
use crate::start_up::StartUp;
use crate::steps::Step;

const FILE: &str = "target/benches/results.json";

/// The results of all parts; empty where a part has not been measured.
#[derive(Debug, Default, Deserialize, Serialize)]
#[serde(default)]
pub struct Results {
    /// A warm token over HTTP/2.
    pub warm_http2: Vec<Cost>,
    /// A warm token over HTTP/1.1.
    pub warm_http1: Vec<Cost>,
    /// One worker and two.
    pub workers: Vec<Cost>,
    /// Other stacks.
    pub elsewhere: Vec<Cost>,
    /// Why other stacks were not measured.
    pub skipped: Option<String>,
    /// Tokens that come once.
    pub cold: Vec<Cost>,
    /// Backend JWTs.
    pub mint: Vec<Cost>,
    /// Many requests with one cold token.
    pub stampedes: Vec<Stampede>,
    /// More tokens than there is room for.
    pub churns: Vec<Churn>,
    /// Starts.
    pub start_ups: Vec<StartUp>,
    /// Host calls and computations in the VM.
    pub steps: Vec<Step>,
    /// The machine.
    pub machine: String,
    /// What was measured, with versions.
    pub versions: Vec<String>,
}

impl Results {
    /// What was measured before, if anything.
    pub fn load() -> Result<Self> {
        if !Path::new(FILE).exists() {
            return Ok(Self::default());
        }
        serde_json::from_slice(&fs::read(FILE)?).with_context(|| format!("{FILE}: delete it to begin anew"))
    }

    /// Keeps them.
    pub fn save(&self) -> Result<()> {
        Ok(fs::write(FILE, serde_json::to_vec_pretty(self)?)?)
    }
}

/// The cost of a variant above the floor: 20th percentile and median.
#[derive(Clone, Copy, Debug)]
pub struct Above {
    /// Of the 20th percentiles.
    pub low: f64,
    /// Of the medians.
    pub median: f64,
}

/// What a variant costs above another, if both were measured.
pub fn above(costs: &[Cost], variant: &str, floor: &str) -> Option<Above> {
    let find = |name: &str| costs.iter().find(|cost| cost.name == name);
    let (variant, floor) = (find(variant)?, find(floor)?);
    Some(Above { low: variant.low - floor.low, median: variant.median - floor.median })
}
