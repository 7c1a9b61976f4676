//! CPU time per request of variants, measured in slices of about a second that take turns: A B C .. C B A.
//!
//! Before and after each slice a fixed loop is timed on the same core, and the slice is scaled to the fastest loop of
//! the run. Noise only ever adds, so the 20th percentile is the figure; the median stands beside it.

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
    /// 20th percentile.
    pub low: f64,
    /// Median.
    pub median: f64,
    /// Requests a second at the median, one core used up.
    pub per_second: f64,
}

/// How long to measure.
#[derive(Clone, Copy, Debug)]
pub struct Plan {
    /// Slices of each variant.
    pub rounds: usize,
    /// Length of a slice.
    pub slice: Duration,
}

struct Slice {
    micros_per_request: f64,
    per_second: f64,
    loop_time: Duration,
}

/// Measures variants side by side.
pub fn measure(variants: &[Variant<'_>], plan: Plan) -> Result<Vec<Cost>> {
    let requests: Vec<usize> = variants
        .iter()
        .map(|variant| requests_in_a_slice(variant, plan).with_context(|| variant.name.clone()))
        .collect::<Result<_>>()?;
    let mut slices: Vec<Vec<Slice>> = variants.iter().map(|_| Vec::new()).collect();
    for round in 0..plan.rounds {
        let mut order: Vec<usize> = (0..variants.len()).collect();
        if round % 2 == 1 {
            order.reverse();
        }
        for index in order {
            let variant = &variants[index];
            slices[index].push(slice(variant, requests[index]).with_context(|| variant.name.clone())?);
        }
    }
    let fastest = slices.iter().flatten().map(|slice| slice.loop_time).min().unwrap_or_default();
    Ok(variants.iter().zip(&slices).map(|(variant, slices)| cost(&variant.name, slices, fastest)).collect())
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

fn slice(variant: &Variant<'_>, requests: usize) -> Result<Slice> {
    let loop_before = machine::calibrate()?;
    let (start, before) = (Instant::now(), machine::cpu_time(variant.process));
    (variant.load)(requests)?;
    let (elapsed, used) = (start.elapsed(), machine::cpu_time(variant.process).saturating_sub(before));
    let loop_after = machine::calibrate()?;
    Ok(Slice {
        micros_per_request: used.as_secs_f64() * 1e6 / requests as f64,
        per_second: requests as f64 / elapsed.as_secs_f64(),
        loop_time: (loop_before + loop_after) / 2,
    })
}

fn cost(name: &str, slices: &[Slice], fastest: Duration) -> Cost {
    let scale = |slice: &Slice| fastest.as_secs_f64() / slice.loop_time.as_secs_f64();
    let micros: Vec<f64> = slices.iter().map(|slice| slice.micros_per_request * scale(slice)).collect();
    let per_second: Vec<f64> = slices.iter().map(|slice| slice.per_second).collect();
    Cost {
        name: name.to_owned(),
        low: percentile(&micros, 20),
        median: percentile(&micros, 50),
        per_second: percentile(&per_second, 50),
    }
}

/// The value below which this share of the values lies.
pub fn percentile(values: &[f64], percent: usize) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    let position = (sorted.len().saturating_sub(1) * percent + 50) / 100;
    sorted.get(position).copied().unwrap_or(f64::NAN)
}
