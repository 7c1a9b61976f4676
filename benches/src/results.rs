//! What has been measured, kept in a file so that parts can be measured by themselves.

use std::fs;
use std::path::Path;

use anyhow::{Context, Result};
use serde::{Deserialize, Serialize};

use crate::churn::Churn;
use crate::estimate::{Estimate, median};
use crate::registry::Registries;
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
    /// Gateways that follow a key manager.
    pub registries: Registries,
    /// Slices of each variant.
    pub rounds: usize,
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

/// What variants cost side by side, in CPU µs per request.
#[derive(Clone, Copy, Debug)]
pub struct Costs<'a>(pub &'a [Cost]);

impl Costs<'_> {
    fn rounds(&self, variant: &str) -> Option<&[f64]> {
        self.0.iter().find(|cost| cost.name == variant).map(|cost| cost.rounds.as_slice())
    }

    /// What a variant costs above another, if both were measured.
    pub fn above(&self, variant: &str, floor: &str) -> Option<Estimate> {
        let (variant, floor) = (self.rounds(variant)?, self.rounds(floor)?);
        Some(Estimate::of_rounds(variant.len(), |rounds| difference(variant, floor, rounds)))
    }

    /// What a variant costs above its floor, to what another costs above the same.
    pub fn ratio_above(&self, variant: &str, other: &str, floor: &str) -> Option<Estimate> {
        let (variant, other, floor) = (self.rounds(variant)?, self.rounds(other)?, self.rounds(floor)?);
        let ratio = |rounds: &[usize]| difference(variant, floor, rounds) / difference(other, floor, rounds);
        Some(Estimate::of_rounds(variant.len(), ratio))
    }

    /// What a variant costs to what another does.
    pub fn ratio(&self, variant: &str, other: &str) -> Option<Estimate> {
        let (variant, other) = (self.rounds(variant)?, self.rounds(other)?);
        let ratio = |rounds: &[usize]| middle(rounds, |round| variant[round] / other[round]);
        Some(Estimate::of_rounds(variant.len(), ratio))
    }
}

fn difference(variant: &[f64], floor: &[f64], rounds: &[usize]) -> f64 {
    middle(rounds, |round| variant[round] - floor[round])
}

fn middle(rounds: &[usize], of_round: impl Fn(usize) -> f64) -> f64 {
    median(&rounds.iter().map(|round| of_round(*round)).collect::<Vec<_>>())
}
