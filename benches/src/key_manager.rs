//! A real key manager with a registry of some size, which the benchmark of the key manager fills and starts.

#[path = "../../key-manager/benches/scale/figures.rs"]
pub mod figures;
#[path = "../../key-manager/benches/scale/registry.rs"]
pub mod registry;

use std::cell::{Cell, RefCell};
use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

use anyhow::{Context, Result, ensure};
use tokio::runtime::Runtime;

use crate::client;
use crate::machine;
use figures::{KeyManagers, Serving};

const FIGURES: &str = "target/benches/key-manager.json";

/// What the key manager's benchmark has measured, if anything.
pub fn figures() -> Result<KeyManagers> {
    if !Path::new(FIGURES).exists() {
        return Ok(KeyManagers::default());
    }
    serde_json::from_slice(&fs::read(FIGURES)?).with_context(|| format!("{FIGURES}: delete it to begin anew"))
}

/// A key manager that serves; it ends with this value.
pub struct KeyManager {
    child: Child,
    pipes: RefCell<Option<(ChildStdin, BufReader<ChildStdout>)>>,
    serving: Serving,
    /// Of the newest revision; nobody else changes anything.
    newest: Cell<u64>,
}

impl KeyManager {
    /// Fills a database and starts a key manager on it, on the load's core. `KEY_MANAGER_SCALE` names the benchmark that
    /// does it.
    pub fn start(database: &str, apis: usize) -> Result<Self> {
        let program = std::env::var_os("KEY_MANAGER_SCALE").context("KEY_MANAGER_SCALE is not set")?;
        let mut child = Command::new("taskset")
            .args(["--cpu-list", &machine::LOAD_CORE.to_string()])
            .arg(program)
            .args(["serve", database, &apis.to_string()])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .context("start the key manager's benchmark")?;
        let pipes = child.stdin.take().zip(child.stdout.take()).context("its pipes")?;
        let mut output = BufReader::new(pipes.1);
        let line = next_line(&mut output)?;
        let serving = serde_json::from_str(&line).with_context(|| format!("what it says: {line}"))?;
        Ok(Self { child, pipes: RefCell::new(Some((pipes.0, output))), serving, newest: Cell::new(1) })
    }

    /// What it is.
    pub fn serving(&self) -> &Serving {
        &self.serving
    }

    /// The number of the newest revision.
    pub fn newest(&self) -> u64 {
        self.newest.get()
    }

    /// Has all gateways take a snapshot.
    pub fn begin_epoch(&self) -> Result<()> {
        let mut pipes = self.pipes.borrow_mut();
        let (input, output) = pipes.as_mut().context("the key manager has ended")?;
        writeln!(input, "feed new-epoch")?;
        next_line(output)?;
        self.newest.set(self.newest.get() + 1);
        Ok(())
    }

    /// Blocks or unblocks a subscription; returns with the key manager's answer.
    pub fn block(&self, runtime: &Runtime, subscription: usize, is_blocked: bool) -> Result<()> {
        let id = registry::subscription_id(subscription);
        let query = if is_blocked {
            format!("block-subscription?subscriptionId={id}&blockState=BLOCKED")
        } else {
            format!("unblock-subscription?subscriptionId={id}")
        };
        let path = format!("/api/am/publisher/v4/subscriptions/{query}");
        runtime.block_on(client::post(self.serving.address, &path, &self.serving.administrator))?;
        self.newest.set(self.newest.get() + 1);
        Ok(())
    }
}

fn next_line(output: &mut BufReader<ChildStdout>) -> Result<String> {
    let mut line = String::new();
    output.read_line(&mut line)?;
    ensure!(line.ends_with('\n'), "the key manager's benchmark has ended");
    Ok(line)
}

impl Drop for KeyManager {
    fn drop(&mut self) {
        // It ends, and ends what it has started, once its standard input does.
        drop(self.pipes.take());
        let _ = self.child.wait();
    }
}
