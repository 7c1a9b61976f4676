//! Load by nghttp2's `h2load`.

use std::process::Command;

use anyhow::{Context, Result, bail};

/// What to ask for.
#[derive(Clone, Debug)]
pub struct Target {
    /// Where.
    pub url: String,
    /// The bearer token, if any.
    pub token: Option<String>,
    /// Which protocol.
    pub protocol: Protocol,
}

/// How the client speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Protocol {
    /// HTTP/1.1, 64 connections.
    Http1,
    /// HTTP/2, 4 connections with 32 requests at a time each: few system calls a request, so a filter's own cost
    /// stands out.
    Http2,
}

/// Makes so many requests; each must be answered with 2xx.
pub fn run(target: &Target, requests: usize) -> Result<()> {
    let mut command = Command::new("h2load");
    command.args(["--requests", &requests.to_string(), "--header", "accept: application/json"]);
    match target.protocol {
        Protocol::Http1 => command.args(["--h1", "--clients", "64"]),
        Protocol::Http2 => command.args(["--clients", "4", "--max-concurrent-streams", "32"]),
    };
    if let Some(token) = &target.token {
        command.args(["--header", &format!("authorization: Bearer {token}")]);
    }
    let output = command.arg(&target.url).output().context("run h2load")?;
    let report = String::from_utf8_lossy(&output.stdout);
    if !report.contains(&format!("status codes: {requests} 2xx")) {
        bail!("not all of {requests} requests to {} were answered with 2xx:\n{report}", target.url);
    }
    Ok(())
}
