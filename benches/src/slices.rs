//! CPU time per request of variants, measured in rounds of short slices that take turns: A B C .. C B A.
//!
//! The machine's own speed changes from second to second with what its neighbours do. Within a round all variants meet
//! about the same speed, so what is compared is compared within each round, and the median of many rounds is the figure.

use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use serde::{Deserialize, Serialize};

use crate::h2load::{self, Target};
use crate::machine;

/// Something to measure.
pub struct Variant<'a> {
    /// What it is called in the report.
    pub name: String,
    /// The process whose CPU time counts, with its children.
    pub process: u32,
    /// What to load it with.
    pub load: Load<'a>,
}

/// Makes so many requests, and fails unless all are answered as they should be.
pub type Load<'a> = Box<dyn Fn(usize) -> Result<()> + 'a>;

impl Variant<'_> {
    /// A variant under load by h2load.
    pub fn new(name: &str, process: u32, target: Target) -> Self {
        Self { name: name.to_owned(), process, load: Box::new(move |requests| h2load::run(&target, requests)) }
    }
}

/// CPU microseconds per request.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub struct Cost {
    /// The variant.
    pub name: String,
    /// Of each round.
    pub rounds: Vec<f64>,
    /// Requests a second of each round, one core used up.
    pub per_second: Vec<f64>,
}

/// Adds the rounds of another sitting.
pub fn add_rounds(costs: &mut Vec<Cost>, more: Vec<Cost>) {
    for Cost { name, rounds, per_second } in more {
        match costs.iter_mut().find(|cost| cost.name == name) {
            Some(cost) => {
                cost.rounds.extend(rounds);
                cost.per_second.extend(per_second);
            }
            None => costs.push(Cost { name, rounds, per_second }),
        }
    }
}

/// How long to measure.
#[derive(Clone, Copy, Debug)]
pub struct Plan {
    /// How often each variant has its slice.
    pub rounds: usize,
    /// Length of a slice.
    pub slice: Duration,
}

/// Measures variants side by side.
pub fn measure(variants: &[Variant<'_>], plan: Plan) -> Result<Vec<Cost>> {
    let requests: Vec<usize> = variants
        .iter()
        .map(|variant| requests_in_a_slice(variant, plan).with_context(|| variant.name.clone()))
        .collect::<Result<_>>()?;
    let cost = |variant: &Variant<'_>| Cost { name: variant.name.clone(), rounds: vec![], per_second: vec![] };
    let mut costs: Vec<Cost> = variants.iter().map(cost).collect();
    for round in 0..plan.rounds {
        let mut order: Vec<usize> = (0..variants.len()).collect();
        if round % 2 == 1 {
            order.reverse();
        }
        for index in order {
            let variant = &variants[index];
            costs[index].add_slice(variant, requests[index]).with_context(|| variant.name.clone())?;
        }
    }
    Ok(costs)
}

/// Warms the variant up, too.
fn requests_in_a_slice(variant: &Variant<'_>, plan: Plan) -> Result<usize> {
    const PROBE: usize = 2000;
    (variant.load)(PROBE)?;
    let start = Instant::now();
    (variant.load)(PROBE)?;
    let share = plan.slice.as_secs_f64() / start.elapsed().as_secs_f64();
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a few ten thousand at most")]
    Ok((PROBE as f64 * share).clamp(500.0, 100_000.0) as usize)
}

impl Cost {
    fn add_slice(&mut self, variant: &Variant<'_>, requests: usize) -> Result<()> {
        let (start, before) = (Instant::now(), machine::cpu_time(variant.process));
        (variant.load)(requests)?;
        let (elapsed, used) = (start.elapsed(), machine::cpu_time(variant.process).saturating_sub(before));
        self.rounds.push(used.as_secs_f64() * 1e6 / requests as f64);
        self.per_second.push(requests as f64 / elapsed.as_secs_f64());
        Ok(())
    }
}
