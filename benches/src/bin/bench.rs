//! `make bench`: measures and writes `docs/benchmarks.md` and its plots. Arguments name the parts to measure; without
//! any, all are. `report` measures nothing, and needs nothing but what was measured before.

use std::fs;
use std::process::Command;

use anyhow::{Result, bail};
use gatehouse_benches::results::Results;
use gatehouse_benches::slices::Cost;
use gatehouse_benches::stage::Stage;
use gatehouse_benches::{
    churn, cold, elsewhere, key_manager, machine, mint, plot, registry, report, stampede, start_up, steps, warm,
    workers,
};

const PARTS: &str = "steps start-up stampede churn warm elsewhere workers cold mint registry";

fn main() -> Result<()> {
    let named: Vec<String> = std::env::args().skip(1).collect();
    let parts: Vec<&str> =
        if named.is_empty() { PARTS.split(' ').collect() } else { named.iter().map(String::as_str).collect() };
    let mut results = if named.is_empty() { Results::default() } else { Results::load()? };
    if parts != ["report"] {
        let stage = Stage::set_up()?;
        // The registry's part says by itself where it was measured.
        if parts != ["registry"] {
            results.machine = machine::description();
            results.rounds = stage.plan.rounds;
        }
        results.versions = versions(&stage);
        for part in parts {
            eprintln!("measuring: {part}");
            measure(part, &stage, &mut results)?;
            results.save()?;
        }
    }
    let key_managers = key_manager::figures()?;
    for (name, svg) in plot::all(&results, &key_managers) {
        fs::write(format!("docs/{name}.svg"), svg)?;
    }
    fs::write("docs/benchmarks.md", report::markdown(&results, &key_managers))?;
    print!("{}", report::figures(&results));
    Ok(())
}

fn measure(part: &str, stage: &Stage, results: &mut Results) -> Result<()> {
    match part {
        "warm" => (results.warm_http2, results.warm_http1) = warm::measure(stage)?,
        "workers" => results.workers = workers::measure(stage)?,
        "elsewhere" => (results.elsewhere, results.skipped) = elsewhere(stage),
        "cold" => results.cold = cold::measure(stage)?,
        "mint" => results.mint = mint::measure(stage)?,
        "stampede" => results.stampedes = stampede::measure(stage)?,
        "churn" => results.churns = churn::measure(stage)?,
        "start-up" => results.start_ups = start_up::measure(stage)?,
        "steps" => results.steps = steps::measure(stage)?,
        "registry" => results.registries = registry::measure(stage)?,
        other => bail!("there is no part `{other}`; the parts are: {PARTS} report"),
    }
    Ok(())
}

/// `BENCH_SKIPPED` says, when other stacks cannot be had, which command failed.
fn elsewhere(stage: &Stage) -> (Vec<Cost>, Option<String>) {
    match std::env::var("BENCH_SKIPPED") {
        Ok(command) if !command.is_empty() => (Vec::new(), Some(command)),
        _ => match elsewhere::measure(stage) {
            Ok(costs) => (costs, None),
            Err(error) => (Vec::new(), format!("{error:#}").lines().next().map(ToOwned::to_owned)),
        },
    }
}

fn versions(stage: &Stage) -> Vec<String> {
    let first_line = |program: &str, argument: &str| {
        let output = Command::new(program).arg(argument).output().ok()?;
        let text = [output.stdout, output.stderr].concat();
        let line = String::from_utf8_lossy(&text).lines().find(|line| !line.trim().is_empty())?.trim().to_owned();
        Some(line.rsplit_once('/').filter(|_| line.starts_with('/')).map_or(line.clone(), |(_, end)| end.to_owned()))
    };
    let envoy = Command::new(&stage.envoy).arg("--version").output().ok().map(|output| {
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        let version = text.rsplit("version: ").next().and_then(|build| build.split('/').nth(1)).unwrap_or_default();
        format!("Envoy {version}")
    });
    let package = |name: &str| {
        let output = Command::new("dpkg-query").args(["-W", "-f", "${Package} ${Version}", name]).output().ok()?;
        Some(String::from_utf8_lossy(&output.stdout).into_owned()).filter(|text| !text.is_empty())
    };
    let packages = ["nghttp2-client", "nginx", "apache2", "libapache2-mod-auth-openidc"].into_iter().map(package);
    [envoy, first_line("rustc", "--version")].into_iter().chain(packages).flatten().collect()
}
