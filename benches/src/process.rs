//! Child processes that end with this one, however it ends.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::{Child, Command};
use std::time::Duration;

use anyhow::{Context, Result, bail};

/// A child process, pinned to some cores, with all its output in one file.
pub struct Process {
    child: Child,
    log: PathBuf,
}

impl Process {
    /// Starts a program on these cores, in `taskset`'s notation. To be called from the main thread: the child ends when
    /// the thread does.
    pub fn start(cores: &str, program: &Path, arguments: &[String], log: PathBuf) -> Result<Self> {
        let output = File::create(&log)?;
        let errors = output.try_clone()?;
        let child = Command::new("setpriv")
            .args(["--pdeathsig", "TERM", "taskset", "--cpu-list", cores])
            .arg(program)
            .args(arguments)
            .stdout(output)
            .stderr(errors)
            .spawn()
            .with_context(|| format!("start {}", program.display()))?;
        Ok(Self { child, log })
    }

    /// Its process id.
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// All that it has written.
    pub fn log(&self) -> String {
        std::fs::read(&self.log).map(|octets| String::from_utf8_lossy(&octets).into_owned()).unwrap_or_default()
    }

    /// An error with the end of its log if it has ended.
    pub fn check(&mut self) -> Result<()> {
        if let Some(status) = self.child.try_wait()? {
            let log = self.log();
            let lines: Vec<&str> = log.lines().collect();
            bail!("a process ended with {status}:\n{}", lines[lines.len().saturating_sub(30)..].join("\n"));
        }
        Ok(())
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // A web server that is not asked to end leaves its own children behind.
        let _ = Command::new("kill").args(["-TERM", &self.child.id().to_string()]).status();
        for _ in 0..500 {
            if !matches!(self.child.try_wait(), Ok(None)) {
                return;
            }
            std::thread::sleep(Duration::from_millis(10));
        }
        // Only fails when it has ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
