//! `make soak`: mixed traffic on a real Envoy for `SOAK_SECONDS`; fails on a wrong decision, on growth of memory, on a
//! hung request, on a lost VM.

use std::time::Duration;

use anyhow::Result;
use gatehouse_benches::soak;
use gatehouse_benches::stage::Stage;

fn main() -> Result<()> {
    let seconds = std::env::var("SOAK_SECONDS").ok().and_then(|seconds| seconds.parse().ok()).unwrap_or(600);
    soak::run(&Stage::set_up()?, Duration::from_secs(seconds))
}
