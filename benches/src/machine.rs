//! The machine: cores, CPU times, memory, and how fast it is at the moment.

use std::fs;
use std::time::Duration;

use anyhow::{Context, Result};
use rustix::thread::{CpuSet, sched_setaffinity};

/// What is measured runs here.
pub const MEASURED_CORE: usize = 0;
/// Load and servers run here.
pub const LOAD_CORE: usize = 1;

/// Keeps this thread, and whatever it starts, on one core.
pub fn pin(core: usize) -> Result<()> {
    let mut cores = CpuSet::new();
    cores.set(core);
    sched_setaffinity(None, &cores).with_context(|| format!("use core {core}; measurements need two"))
}

/// CPU time of a process and its children so far, of all threads, exact to the nanosecond.
pub fn cpu_time(process: u32) -> Duration {
    let mut total = Duration::ZERO;
    let Ok(tasks) = fs::read_dir(format!("/proc/{process}/task")) else { return total };
    for task in tasks.flatten() {
        let text = |file: &str| fs::read_to_string(task.path().join(file)).unwrap_or_default();
        let nanoseconds = text("schedstat").split(' ').next().and_then(|field| field.parse().ok());
        total += Duration::from_nanos(nanoseconds.unwrap_or_default());
        total += text("children").split_whitespace().filter_map(|id| id.parse().ok()).map(cpu_time).sum::<Duration>();
    }
    total
}

/// Resident memory of a process, in bytes.
pub fn resident(process: u32) -> u64 {
    let status = fs::read_to_string(format!("/proc/{process}/status")).unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    line.and_then(|line| line.split_whitespace().next()?.parse::<u64>().ok()).unwrap_or_default() * 1024
}

/// What the machine is, for the report.
pub fn description() -> String {
    let file = |path| fs::read_to_string(path).unwrap_or_default();
    let (cpu_info, memory, kernel) = (file("/proc/cpuinfo"), file("/proc/meminfo"), file("/proc/sys/kernel/osrelease"));
    let value = |text: &str, name: &str| {
        let line = text.lines().find(|line| line.starts_with(name));
        line.and_then(|line| line.split_once(':')).map_or(String::new(), |(_, value)| value.trim().to_owned())
    };
    let cores = cpu_info.lines().filter(|line| line.starts_with("processor")).count();
    let kib: u64 = value(&memory, "MemTotal").trim_end_matches(" kB").parse().unwrap_or_default();
    let load = file("/proc/loadavg").split(' ').next().unwrap_or_default().to_owned();
    format!(
        "{cores} × {} (family {}, model {}), {} GiB, Linux {}; load average at the start {load} (on a quiet machine \
        below 1; above it other jobs were running, so only ratios count)",
        value(&cpu_info, "model name"),
        value(&cpu_info, "cpu family"),
        value(&cpu_info, "model\t"),
        kib.div_ceil(1024 * 1024),
        kernel.trim()
    )
}
