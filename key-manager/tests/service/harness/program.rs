//! The program in a process of its own.

use std::path::Path;
use std::process::{Command, ExitStatus};
use std::time::Duration;

use reqwest::{Method, StatusCode};
use serde_json::Value;

use super::database::{Database, KEY};
use super::process::Supervised;
use super::served::{BOOTSTRAP, GATEWAYS};
use super::until;

/// A key manager in a process of its own.
pub(crate) struct Program {
    supervised: Supervised,
    pub(crate) base: String,
    /// Of the operators' listener.
    pub(crate) operators: String,
}

impl Program {
    /// One on a database, with further configuration in variables of the environment. Its log is `<name>.log`.
    pub(crate) async fn start(directory: &Path, name: &str, database: &Database, further: &[(&str, &str)]) -> Self {
        Self::start_within(&[], directory, name, database, further).await
    }

    /// One that another program starts, whose last arguments it is.
    pub(crate) async fn start_within(
        wrapper: &[String],
        directory: &Path,
        name: &str,
        database: &Database,
        further: &[(&str, &str)],
    ) -> Self {
        let program = env!("CARGO_BIN_EXE_gatehouse-key-manager").to_owned();
        let mut arguments = wrapper.iter().chain([&program]);
        let mut command = Command::new(arguments.next().unwrap_or(&program));
        command.args(arguments).arg("serve");
        let (variable, value) = database.variable();
        let variables = [
            ("GATEHOUSE__SERVER__LISTEN", "127.0.0.1:0"),
            ("GATEHOUSE__OPERATORS__LISTEN", "127.0.0.1:0"),
            (variable, value.as_str()),
            ("GATEHOUSE__SEALING__KEY", KEY),
            ("GATEHOUSE__CALLERS__BOOTSTRAP_CREDENTIAL", BOOTSTRAP),
            ("GATEHOUSE__GATEWAYS", GATEWAYS),
        ];
        command.envs(variables.iter().chain(further).copied());
        let mut supervised = Supervised::start(&command, directory.join(format!("{name}.log")));
        let listen = |log: &str| {
            let line = log.lines().find(|line| line.contains("serving"))?;
            let line: Value = serde_json::from_str(line).ok()?;
            let base = |name: &str| Some(format!("http://{}", line["fields"][name].as_str()?));
            Some((base("listen")?, base("operators")?))
        };
        let (base, operators) = until(&mut supervised, async |log| listen(log)).await;
        Self { supervised, base, operators }
    }

    /// Asks it to end.
    pub(crate) fn terminate(&self) {
        self.supervised.terminate();
    }

    /// `None` when the process ends before it answers.
    pub(crate) async fn send(&self, method: Method, path: &str, body: Option<Value>) -> Option<(StatusCode, Value)> {
        let request = reqwest::Client::new().request(method, format!("{}{path}", self.base)).bearer_auth(BOOTSTRAP);
        let response = body.iter().fold(request, reqwest::RequestBuilder::json).send().await.ok()?;
        let status = response.status();
        let text = response.text().await.ok()?;
        Some((status, serde_json::from_str(&text).unwrap_or_default()))
    }

    pub(crate) async fn good(&self, method: Method, path: &str, body: Option<Value>) -> Value {
        let (status, body) = self.send(method, path, body).await.expect("an answer");
        assert!(status.is_success(), "{path}: {status} {body}");
        body
    }

    /// Waits for its end; how it ended.
    pub(crate) async fn ended(mut self) -> ExitStatus {
        let wait = async {
            loop {
                if let Some(status) = self.supervised.exit_status() {
                    return status;
                }
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
        };
        tokio::time::timeout(Duration::from_secs(30), wait).await.expect("the process ends")
    }

    pub(crate) async fn until(&self, path: &str, is_so: impl Fn(&Value) -> bool) -> Value {
        let poll = async {
            loop {
                let body = self.good(Method::GET, path, None).await;
                if is_so(&body) {
                    return body;
                }
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
        };
        tokio::time::timeout(Duration::from_secs(30), poll).await.unwrap_or_else(|_| panic!("{path} never is so"))
    }
}
