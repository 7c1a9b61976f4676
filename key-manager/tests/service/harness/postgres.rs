//! `PostgreSQL` from Debian's package, on a socket in a temporary folder. It ends with the test binary, however that ends.

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Mutex;
use std::time::Duration;

/// Runs the command given as arguments, ends it once standard input closes, and deletes the folder. The kernel closes it
/// when the test binary is gone, so this holds after a SIGKILL too. SIGQUIT ends `PostgreSQL` at once, and all its processes.
const SUPERVISOR: &str = r#"
folder=$1
shift
exec 3<&0
"$@" 3<&- </dev/null &
child=$!
read -r _ <&3
kill -QUIT "$child" 2>/dev/null
wait "$child"
rm -rf "$folder"
"#;

/// How often it is looked whether the server is ready: for a minute.
const TRIES: u32 = 3000;

/// A running `PostgreSQL`.
pub(crate) struct Cluster {
    folder: PathBuf,
    settings: Vec<String>,
    shell: Mutex<Option<Child>>,
}

impl Cluster {
    pub(crate) fn start() -> Self {
        Self::start_with(&["fsync=off", "full_page_writes=off", "max_connections=400"])
    }

    /// With settings of the server.
    pub(crate) fn start_with(settings: &[&str]) -> Self {
        let folder = tempfile::Builder::new().prefix("gatehouse-pg").tempdir().expect("a temporary folder").keep();
        if let Some(id) = postgres_id() {
            std::os::unix::fs::chown(&folder, Some(id), Some(id)).expect("give the folder to postgres");
        }
        // With the rules of a language, as most installations have, so that what depends on them is seen.
        let arguments = ["--no-sync", "-A", "trust", "-U", "postgres", "-E", "UTF8", "--locale=C.UTF-8"];
        let language = ["--locale-provider=icu", "--icu-locale=en-US"];
        let mut initdb = program("initdb", &folder);
        let output = initdb.arg("-D").arg(folder.join("data")).args(arguments).args(language).output().expect("initdb");
        assert!(output.status.success(), "initdb: {}", String::from_utf8_lossy(&output.stderr));
        let settings = settings.iter().map(|setting| (*setting).to_owned()).collect();
        let cluster = Self { folder, settings, shell: Mutex::default() };
        cluster.run();
        cluster
    }

    fn run(&self) {
        let mut postgres = program("postgres", &self.folder);
        postgres.arg("-D").arg(self.folder.join("data")).arg("-k").arg(&self.folder);
        postgres.args(["-c", "listen_addresses="]);
        for setting in &self.settings {
            postgres.arg("-c").arg(setting);
        }
        let log = std::fs::File::create(self.folder.join("log")).expect("create the log file");
        let errors = log.try_clone().expect("share the log file");
        let mut shell = Command::new("sh");
        shell.args(["-c", SUPERVISOR, "sh"]).arg(&self.folder).arg(postgres.get_program()).args(postgres.get_args());
        shell.current_dir("/").stdin(Stdio::piped()).stdout(log).stderr(errors);
        *self.shell.lock().unwrap() = Some(shell.spawn().expect("start the supervising shell"));
        for _ in 0..TRIES {
            if self.is_ready() {
                return;
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        panic!("PostgreSQL does not start:\n{}", std::fs::read_to_string(self.folder.join("log")).unwrap_or_default());
    }

    fn is_ready(&self) -> bool {
        let status = Command::new(binaries().join("pg_isready")).arg("-h").arg(&self.folder).arg("-q").status();
        status.expect("run pg_isready").success()
    }

    /// Ends the server, in a mode of `pg_ctl`: `fast` ends all sessions, `immediate` is a crash. Its data stay.
    pub(crate) fn stop(&self, mode: &str) {
        let mut pg_ctl = program("pg_ctl", &self.folder);
        let stopped = pg_ctl.arg("-D").arg(self.folder.join("data")).args(["-w", "-s", "-m", mode, "stop"]).status();
        assert!(stopped.expect("run pg_ctl").success());
    }

    /// Starts the server again after [`Self::stop`].
    pub(crate) fn begin_again(&self) {
        // The shell that supervised the server that has ended still waits; it must not delete the folder.
        if let Some(mut shell) = self.shell.lock().unwrap().take() {
            shell.kill().expect("end the supervising shell");
            shell.wait().expect("wait for the supervising shell");
        }
        self.run();
    }

    /// The URL of a database.
    pub(crate) fn url(&self, name: &str) -> String {
        let host: String = form_urlencoded::byte_serialize(self.folder.display().to_string().as_bytes()).collect();
        format!("postgres://postgres@localhost/{name}?host={host}")
    }

    /// Where the server keeps its files.
    pub(crate) fn data(&self) -> PathBuf {
        self.folder.join("data")
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        if let Some(mut shell) = self.shell.lock().unwrap().take() {
            drop(shell.stdin.take());
            // A failure here means that it has been reaped already.
            let _ = shell.wait();
        }
    }
}

/// A program of the newest `PostgreSQL` that is installed, which refuses to run as root: then it runs as `postgres`.
fn program(name: &str, folder: &Path) -> Command {
    let path = binaries().join(name);
    let mut command = if postgres_id().is_some() {
        let mut command = Command::new("setpriv");
        command.args(["--reuid=postgres", "--regid=postgres", "--init-groups"]).arg(path);
        command
    } else {
        Command::new(path)
    };
    command.current_dir(folder);
    command
}

/// The folder of the newest version's programs.
pub(crate) fn binaries() -> PathBuf {
    let folders = std::fs::read_dir("/usr/lib/postgresql").into_iter().flatten().flatten();
    let version = |path: &Path| path.file_name()?.to_str()?.parse::<u32>().ok();
    let newest = folders.map(|entry| entry.path()).filter(|path| path.join("bin/postgres").exists());
    let newest = newest.max_by_key(|path| version(path));
    newest.expect("PostgreSQL, from `make test-services`").join("bin")
}

/// The user `postgres`, when we are root.
fn postgres_id() -> Option<u32> {
    let id = |arguments: &[&str]| {
        let output = Command::new("id").args(arguments).output().expect("run id");
        String::from_utf8_lossy(&output.stdout).trim().parse::<u32>().ok()
    };
    if id(&["-u"]) == Some(0) { id(&["-u", "postgres"]) } else { None }
}
