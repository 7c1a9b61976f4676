//! Node.js, whose cryptography stands for what a backend would use: an implementation independent of the filter's.

use std::io::Write;
use std::process::{Command, Stdio};

use serde_json::Value;

/// Runs the script with `input` as JSON on its standard input; what it prints, which must be JSON.
pub(crate) fn run(script: &str, input: &Value) -> Value {
    let mut node = Command::new("node")
        .args(["--input-type=module", "--eval", script])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("start node");
    let mut stdin = node.stdin.take().expect("node's standard input");
    stdin.write_all(input.to_string().as_bytes()).expect("write to node");
    drop(stdin);
    let output = node.wait_with_output().expect("wait for node");
    assert!(output.status.success(), "node failed: {}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).expect("JSON from node")
}
