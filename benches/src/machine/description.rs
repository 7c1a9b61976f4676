//! What the machine is, for reports.

use std::fs;

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
