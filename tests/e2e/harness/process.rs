//! Child processes that never outlive the test binary, however it ends.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};

/// Runs the command given as arguments and kills it, by its own pid, as soon as the standard input of the shell closes.
/// The kernel closes it when the test binary is gone, so this holds after a SIGKILL too. SIGTERM is passed on.
const SUPERVISOR: &str = r#"
exec 3<&0
"$@" 3<&- </dev/null &
child=$!
trap 'kill -TERM "$child"' TERM
(read -r _ <&3; kill -KILL "$child") 2>/dev/null &
watcher=$!
wait "$child"
status=$?
# A signal that is passed on ends the wait, and not yet the child.
while kill -0 "$child" 2>/dev/null; do
    wait "$child"
    status=$?
done
kill "$watcher" 2>/dev/null
exit "$status"
"#;

/// A child process under supervision, with all its output in one file.
pub(crate) struct Supervised {
    shell: Child,
    log: PathBuf,
}

impl Supervised {
    pub(crate) fn start(command: &Command, log: PathBuf) -> Self {
        let output = File::create(&log).expect("create the log file");
        let errors = output.try_clone().expect("share the log file");
        let mut shell = Command::new("sh");
        shell.args(["-c", SUPERVISOR, "sh"]).arg(command.get_program()).args(command.get_args());
        for (name, value) in command.get_envs() {
            if let Some(value) = value {
                shell.env(name, value);
            }
        }
        if let Some(directory) = command.get_current_dir() {
            shell.current_dir(directory);
        }
        let shell =
            shell.stdin(Stdio::piped()).stdout(output).stderr(errors).spawn().expect("start the supervising shell");
        Self { shell, log }
    }

    /// How the child ended, once it has.
    pub(crate) fn exit_status(&mut self) -> Option<ExitStatus> {
        self.shell.try_wait().expect("wait for the child")
    }

    /// Asks the child to end, as supervisors of services do.
    pub(crate) fn terminate(&self) {
        let status = Command::new("kill").arg(self.shell.id().to_string()).status();
        assert!(status.expect("run kill").success(), "the child has ended");
    }

    pub(crate) fn log(&self) -> String {
        read_lossy(&self.log)
    }

    /// The last lines of the log, for a person who looks at a failed test.
    pub(crate) fn log_tail(&self) -> String {
        const LINES: usize = 60;
        let log = self.log();
        let lines: Vec<&str> = log.lines().collect();
        lines[lines.len().saturating_sub(LINES)..].join("\n")
    }
}

impl Drop for Supervised {
    fn drop(&mut self) {
        drop(self.shell.stdin.take());
        // The shell ends once its child has; a failure here means that it has been reaped already.
        let _ = self.shell.wait();
    }
}

/// A file's text, empty while the file does not exist.
pub(crate) fn read_lossy(path: &Path) -> String {
    std::fs::read(path).map(|bytes| String::from_utf8_lossy(&bytes).into_owned()).unwrap_or_default()
}
