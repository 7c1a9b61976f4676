//! What the scripted identity provider does when it is asked about a token.

use std::time::Duration;

use serde_json::{Value, json};
use tokio::sync::watch;

use super::clock;

/// How long the tokens of [`active`] live.
pub(crate) const TOKEN_LIFETIME: i64 = 600;

#[derive(Clone, Debug)]
pub(crate) struct Script {
    pub(crate) gate: Option<Gate>,
    pub(crate) bytes: Vec<u8>,
    pub(crate) pace: Duration,
    pub(crate) afterwards: Afterwards,
}

/// What becomes of the connection once the bytes are out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Afterwards {
    KeepAlive,
    Close,
    /// Stays open, and nothing more comes.
    Hang,
    /// Chunks of a body come for as long as anyone reads them.
    Endless,
}

impl Script {
    /// A whole answer.
    pub(crate) fn reply(status: u16, headers: &[(&str, &str)], body: impl AsRef<[u8]>) -> Self {
        let body = body.as_ref();
        let mut bytes = format!("HTTP/1.1 {status} Scripted\r\n").into_bytes();
        for (name, value) in headers {
            bytes.extend(format!("{name}: {value}\r\n").into_bytes());
        }
        // RFC 9110 section 8.6: no content length with 204.
        if status != 204 {
            bytes.extend(format!("content-length: {}\r\n", body.len()).into_bytes());
        }
        bytes.extend(b"\r\n");
        bytes.extend(body);
        Self { gate: None, bytes, pace: Duration::ZERO, afterwards: Afterwards::KeepAlive }
    }

    /// 200 with this body as JSON, whether it is or not.
    pub(crate) fn body(body: impl AsRef<[u8]>) -> Self {
        Self::reply(200, &[("content-type", "application/json")], body)
    }

    pub(crate) fn inactive() -> Self {
        Self::body(r#"{"active":false}"#)
    }

    /// These bytes, which need not be HTTP.
    pub(crate) fn raw(bytes: impl AsRef<[u8]>, afterwards: Afterwards) -> Self {
        Self { gate: None, bytes: bytes.as_ref().to_vec(), pace: Duration::ZERO, afterwards }
    }

    /// No answer at all, ever.
    pub(crate) fn hang() -> Self {
        Self::raw(b"", Afterwards::Hang)
    }

    /// A body that begins with these bytes and never ends.
    pub(crate) fn endless(start: &str) -> Self {
        let head = "HTTP/1.1 200 Scripted\r\ncontent-type: application/json\r\ntransfer-encoding: chunked\r\n\r\n";
        Self::raw(format!("{head}{:x}\r\n{start}\r\n", start.len()), Afterwards::Endless)
    }

    /// The answer waits for the gate to open.
    pub(crate) fn behind(mut self, gate: &Gate) -> Self {
        self.gate = Some(gate.clone());
        self
    }

    /// One octet at a time.
    pub(crate) fn drip(mut self, pace: Duration) -> Self {
        self.pace = pace;
        self
    }
}

/// An active answer for a client, with these members besides; a member that is null is left out.
pub(crate) fn active(client_id: &str, members: &Value) -> Script {
    Script::body(active_body(client_id, members).to_string())
}

pub(crate) fn active_body(client_id: &str, members: &Value) -> Value {
    let mut answer = json!({
        "active": true,
        "client_id": client_id,
        "exp": clock::now() + TOKEN_LIFETIME,
        "token_type": "Bearer",
    });
    for (name, value) in members.as_object().expect("members are an object") {
        answer[name] = value.clone();
    }
    answer.as_object_mut().expect("the answer is an object").retain(|_, value| !value.is_null());
    answer
}

/// Holds scripted answers back until the test opens it.
#[derive(Clone, Debug)]
pub(crate) struct Gate(watch::Sender<bool>);

impl Gate {
    pub(crate) fn closed() -> Self {
        Self(watch::Sender::new(false))
    }

    pub(crate) fn open(&self) {
        self.0.send_replace(true);
    }

    pub(crate) async fn opened(&self) {
        // The sender lives as long as `self`.
        let _ = self.0.subscribe().wait_for(|open| *open).await;
    }
}
