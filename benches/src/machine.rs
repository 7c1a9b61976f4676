//! The machine: cores, CPU times, memory, and how fast it is at the moment.

mod description;

use std::fs;
use std::process::Command;
use std::time::Duration;

use anyhow::{Context, Result};
use rustix::thread::{CpuSet, sched_setaffinity};

pub use description::description;

/// What is measured runs here.
pub const MEASURED_CORE: usize = 0;
/// Load and servers run here.
pub const LOAD_CORE: usize = 1;
/// By which `/proc/stat` counts.
const TICKS_PER_SECOND: f64 = 100.0;

/// Keeps this thread, and whatever it starts, on one core.
pub fn pin(core: usize) -> Result<()> {
    let mut cores = CpuSet::new();
    cores.set(core);
    sched_setaffinity(None, &cores).with_context(|| format!("use core {core}; measurements need two"))
}

/// Has a process, with the threads that it has by now, run before all others on its cores; `false` where that is not allowed.
/// What it starts is not preferred.
pub fn prefer(process: u32) -> bool {
    let process = process.to_string();
    let arguments = ["--all-tasks", "--reset-on-fork", "--fifo", "--pid", "1", &process];
    Command::new("chrt").args(arguments).output().is_ok_and(|output| output.status.success())
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

/// CPU time of each of a process's threads so far, by the thread's name.
pub fn thread_times(process: u32) -> Vec<(String, Duration)> {
    let Ok(tasks) = fs::read_dir(format!("/proc/{process}/task")) else { return Vec::new() };
    let time = |task: fs::DirEntry| {
        let text = |file: &str| fs::read_to_string(task.path().join(file)).unwrap_or_default();
        let nanoseconds = text("schedstat").split(' ').next().and_then(|field| field.parse().ok());
        (text("comm").trim().to_owned(), Duration::from_nanos(nanoseconds.unwrap_or_default()))
    };
    tasks.flatten().map(time).collect()
}

/// Seconds for which the host of this virtual machine ran others when its cores had something to do, of all cores together.
pub fn stolen() -> f64 {
    let text = fs::read_to_string("/proc/stat").unwrap_or_default();
    let of_all = text.lines().next().unwrap_or_default().split_whitespace().nth(8);
    of_all.and_then(|ticks| ticks.parse().ok()).unwrap_or(0.0) / TICKS_PER_SECOND
}

/// Resident memory of a process, in bytes.
pub fn resident(process: u32) -> u64 {
    let status = fs::read_to_string(format!("/proc/{process}/status")).unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    line.and_then(|line| line.split_whitespace().next()?.parse::<u64>().ok()).unwrap_or_default() * 1024
}
