//! The program in a process of its own, and what it and its database use.

use std::fmt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command};
use std::time::Duration;

use tokio::time::Instant;

const BINARY: &str = env!("CARGO_BIN_EXE_gatehouse-key-manager");
pub(crate) const BOOTSTRAP: &str = "bootstrap-credential-of-a-benchmark";

/// Every gateway's credential.
pub(crate) fn credential(number: usize) -> String {
    format!("credential-of-gateway-{number}")
}

fn command(url: &str, command: &str) -> Command {
    let mut program = Command::new(BINARY);
    let variable = if url.starts_with("postgres:") { "DATABASE_URL" } else { "GATEHOUSE__DATABASE__PATH" };
    let named = |number: usize| format!("{{name: edge-{number}, credential: {}}}", credential(number));
    let gateways = (0..=1000).map(named).collect::<Vec<_>>().join(", ");
    program.arg(command).env(variable, url).env("RUST_LOG", "warn,key_manager::server=info");
    program.env("GATEHOUSE__SEALING__KEY", "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=");
    program.env("GATEHOUSE__CALLERS__BOOTSTRAP_CREDENTIAL", BOOTSTRAP);
    program.env("GATEHOUSE__GATEWAYS", format!("[{gateways}]")).env("GATEHOUSE__OPERATORS__LISTEN", "127.0.0.1:0");
    program
}

/// Runs a command of the program to its end.
pub(crate) fn run(url: &str, directory: &Path, name: &str) {
    let output = command(url, name).current_dir(directory).output().expect("run the program");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}

/// The program, serving.
pub(crate) struct Program {
    child: Child,
    address: std::net::SocketAddr,
}

impl Program {
    /// On a port, or any.
    pub(crate) fn start(url: &str, directory: &Path, port: u16) -> Self {
        let log = directory.join("log");
        let errors = std::fs::File::create(&log).expect("create the log file");
        let mut serve = command(url, "serve");
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

    pub(crate) fn port(&self) -> u16 {
        self.address.port()
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
pub(crate) struct Usage {
    program: Duration,
    database: Duration,
    memory_kb: u64,
    peak_kb: u64,
}

impl Usage {
    /// Of the program, and of the database server with these files.
    pub(crate) fn of(program: u32, data: Option<PathBuf>) -> Self {
        let status = std::fs::read_to_string(format!("/proc/{program}/status")).unwrap_or_default();
        let kb = |name: &str| {
            let line = status.lines().find_map(|line| line.strip_prefix(name)?.split_whitespace().next());
            line.and_then(|number| number.parse().ok()).unwrap_or(0)
        };
        let database = data.and_then(|data| {
            let file = std::fs::read_to_string(data.join("postmaster.pid")).ok()?;
            file.lines().next()?.trim().parse::<u32>().ok().map(of_server)
        });
        let memory_kb = kb("VmRSS:");
        Self {
            program: ticks(program, false),
            database: database.unwrap_or_default(),
            memory_kb,
            peak_kb: kb("VmHWM:"),
        }
    }

    pub(crate) fn after(&self, before: &Self) -> Used {
        let (program, database) =
            (self.program.saturating_sub(before.program), self.database.saturating_sub(before.database));
        Used { program, database, memory_kb: self.memory_kb, peak_kb: self.peak_kb }
    }

    /// In kB.
    pub(crate) fn memory_since(&self, before: &Self) -> u64 {
        self.memory_kb.saturating_sub(before.memory_kb)
    }
}

/// Between two moments.
pub(crate) struct Used {
    program: Duration,
    database: Duration,
    memory_kb: u64,
    peak_kb: u64,
}

impl fmt::Display for Used {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (program, database) = (self.program.as_secs_f64(), self.database.as_secs_f64());
        let (memory, peak) = (self.memory_kb >> 10, self.peak_kb >> 10);
        write!(
            formatter,
            "CPU {program:.2} s, of the database server {database:.2} s, memory {memory} MB, peak {peak} MB"
        )
    }
}

/// A server and all its processes, those included that have ended.
fn of_server(id: u32) -> Duration {
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

pub(crate) fn since(begun: Instant) -> String {
    milliseconds(begun.elapsed())
}

pub(crate) fn milliseconds(duration: Duration) -> String {
    format!("{:.1} ms", duration.as_secs_f64() * 1000.0)
}

pub(crate) fn percentile(took: &mut [Duration]) -> String {
    took.sort_unstable();
    let at = |percent: usize| milliseconds(took[(took.len() * percent / 100).min(took.len() - 1)]);
    format!("p50 {}, p99 {}, longest {}", at(50), at(99), at(100))
}
