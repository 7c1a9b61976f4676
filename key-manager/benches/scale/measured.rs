//! The program in a process of its own, and what it and its database use.

use std::net::SocketAddr;
use std::path::Path;
use std::process::{Child, Command};
use std::time::Duration;

use crate::figures::Used;

const BINARY: &str = env!("CARGO_BIN_EXE_gatehouse-key-manager");
pub(crate) const BOOTSTRAP: &str = "bootstrap-credential-of-a-benchmark";

/// A gateway's name.
pub(crate) fn gateway_name(number: usize) -> String {
    format!("edge-{number}")
}

/// Every gateway's credential.
pub(crate) fn credential(number: usize) -> String {
    format!("credential-of-gateway-{number}")
}

fn command(url: &str, words: &[&str]) -> Command {
    let mut program = Command::new(BINARY);
    let variable = if url.starts_with("postgres:") { "DATABASE_URL" } else { "GATEHOUSE__DATABASE__PATH" };
    let named = |number: usize| format!("{{name: {}, credential: {}}}", gateway_name(number), credential(number));
    let gateways = (0..=1000).map(named).collect::<Vec<_>>().join(", ");
    program.args(words).env(variable, url).env("RUST_LOG", "warn,key_manager::server=info");
    program.env("GATEHOUSE__SEALING__KEY", "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=");
    program.env("GATEHOUSE__CALLERS__BOOTSTRAP_CREDENTIAL", BOOTSTRAP);
    program.env("GATEHOUSE__GATEWAYS", format!("[{gateways}]")).env("GATEHOUSE__OPERATORS__LISTEN", "127.0.0.1:0");
    program
}

/// Runs a command of the program to its end.
pub(crate) fn run(url: &str, directory: &Path, words: &[&str]) {
    let output = command(url, words).current_dir(directory).output().expect("run the program");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}

/// The program, serving.
pub(crate) struct Program {
    child: Child,
    address: SocketAddr,
}

impl Program {
    /// On a port, or any.
    pub(crate) fn start(url: &str, directory: &Path, port: u16) -> Self {
        let log = directory.join("log");
        let errors = std::fs::File::create(&log).expect("create the log file");
        let mut serve = command(url, &["serve"]);
        serve.env("GATEHOUSE__SERVER__LISTEN", format!("127.0.0.1:{port}")).stderr(errors);
        let mut child = serve.spawn().expect("start the program");
        loop {
            let text = std::fs::read_to_string(&log).unwrap_or_default();
            let mut serving = text.lines().filter_map(|line| serde_json::from_str::<serde_json::Value>(line).ok());
            let address = serving.find_map(|line| line["fields"]["listen"].as_str()?.parse().ok());
            if let Some(address) = address {
                return Self { child, address };
            }
            assert!(child.try_wait().expect("look at the program").is_none(), "{text}");
            std::thread::sleep(Duration::from_millis(5));
        }
    }

    pub(crate) fn base(&self) -> String {
        format!("http://{}", self.address)
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    pub(crate) fn id(&self) -> u32 {
        self.child.id()
    }

    /// Ends it as an operator does.
    pub(crate) fn end(mut self) {
        let status = Command::new("kill").arg(self.id().to_string()).status().expect("run kill");
        assert!(status.success());
        self.child.wait().expect("wait for the program");
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        // It may have ended.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// What processes have used so far.
#[derive(Default)]
pub(crate) struct Usage {
    program: Duration,
    server: Duration,
    memory: u64,
    peak: u64,
}

impl Usage {
    /// Of the program, and of the database server with these files.
    pub(crate) fn of(program: u32, server: Option<&Path>) -> Self {
        let status = std::fs::read_to_string(format!("/proc/{program}/status")).unwrap_or_default();
        let octets = |name: &str| {
            let line = status.lines().find_map(|line| line.strip_prefix(name)?.split_whitespace().next());
            line.and_then(|kib| kib.parse::<u64>().ok()).unwrap_or_default() * 1024
        };
        let (memory, peak) = (octets("VmRSS:"), octets("VmHWM:"));
        Self { program: ticks(program, false), memory, peak, ..Self::of_server(server) }
    }

    /// Of the database server alone.
    pub(crate) fn of_server(server: Option<&Path>) -> Self {
        let id = server.and_then(|files| {
            let file = std::fs::read_to_string(files.join("postmaster.pid")).ok()?;
            file.lines().next()?.trim().parse().ok()
        });
        Self { server: id.map(server_time).unwrap_or_default(), ..Self::default() }
    }

    pub(crate) fn after(&self, before: &Self) -> Used {
        Used {
            program_seconds: self.program.saturating_sub(before.program).as_secs_f64(),
            database_seconds: self.server.saturating_sub(before.server).as_secs_f64(),
            peak: self.peak,
        }
    }

    /// In octets.
    pub(crate) fn memory_since(&self, before: &Self) -> u64 {
        self.memory.saturating_sub(before.memory)
    }
}

/// A server and all its processes, those included that have ended.
fn server_time(id: u32) -> Duration {
    let children = std::fs::read_to_string(format!("/proc/{id}/task/{id}/children")).unwrap_or_default();
    let children = children.split_whitespace().filter_map(|child| child.parse().ok());
    ticks(id, true) + children.map(|child| ticks(child, false)).sum::<Duration>()
}

/// `proc_pid_stat(5)`: fields 14 and 15, and of children that have ended 16 and 17.
fn ticks(id: u32, with_children: bool) -> Duration {
    let stat = std::fs::read_to_string(format!("/proc/{id}/stat")).unwrap_or_default();
    let after_name = stat.rsplit(") ").next().unwrap_or_default();
    let fields = after_name.split_whitespace().skip(11).take(if with_children { 4 } else { 2 });
    // A hundredth of a second each, on every Linux.
    Duration::from_millis(fields.filter_map(|ticks| ticks.parse::<u64>().ok()).sum::<u64>() * 10)
}

pub(crate) fn milliseconds(duration: Duration) -> f64 {
    duration.as_secs_f64() * 1000.0
}
