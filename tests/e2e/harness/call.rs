//! An HTTP/1.1 request, byte for byte as the test wants it, on a connection of its own.

use std::future::pending;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;

use super::answer::{self, Answer, CASE_HEADER};
use super::upload::Upload;

/// Longer than Envoy's own time limits: whoever waits longer has been forgotten by the gateway.
pub(super) const ANSWER_DEADLINE: Duration = Duration::from_secs(20);

/// A name for one request that no other has.
pub(crate) fn fresh_case() -> String {
    static NEXT: AtomicUsize = AtomicUsize::new(0);
    format!("case-{}", NEXT.fetch_add(1, Ordering::Relaxed))
}

pub(crate) struct Call {
    address: SocketAddr,
    method: String,
    target: Vec<u8>,
    host: Option<String>,
    headers: Vec<(Vec<u8>, Vec<u8>)>,
    body: Vec<u8>,
    case: String,
}

impl Call {
    pub(crate) fn new(address: SocketAddr, method: &str, target: impl AsRef<[u8]>) -> Self {
        Self {
            address,
            method: method.to_owned(),
            target: target.as_ref().to_vec(),
            host: Some("gateway.example".to_owned()),
            headers: Vec::new(),
            body: Vec::new(),
            case: fresh_case(),
        }
    }

    pub(crate) fn host(mut self, host: &str) -> Self {
        self.host = Some(host.to_owned());
        self
    }

    pub(crate) fn without_host(mut self) -> Self {
        self.host = None;
        self
    }

    /// One more header line; nothing is checked.
    pub(crate) fn header(mut self, name: impl AsRef<[u8]>, value: impl AsRef<[u8]>) -> Self {
        self.headers.push((name.as_ref().to_vec(), value.as_ref().to_vec()));
        self
    }

    pub(crate) fn authorization(self, value: impl AsRef<[u8]>) -> Self {
        self.header("Authorization", value)
    }

    pub(crate) fn bearer(self, token: &str) -> Self {
        self.authorization(format!("Bearer {token}"))
    }

    /// A body with its length.
    pub(crate) fn body(mut self, body: &str) -> Self {
        self.body = body.as_bytes().to_vec();
        self.header("Content-Length", body.len().to_string())
    }

    /// The gateway's answer; fails the test if the connection ends without one.
    pub(crate) async fn send(self) -> Answer {
        let what = self.what();
        self.try_send().await.unwrap_or_else(|| panic!("no answer to {what}"))
    }

    /// The gateway's answer, or `None` if it closed the connection without one.
    pub(crate) async fn try_send(self) -> Option<Answer> {
        let exchange = timeout(ANSWER_DEADLINE, self.exchange()).await;
        let response = exchange.unwrap_or_else(|_| panic!("no answer in {ANSWER_DEADLINE:?} to {}", self.what()));
        Answer::parse(&response, &self.case)
    }

    /// Sends the request and leaves before the answer, once `condition` says so.
    pub(crate) async fn send_and_leave(self, condition: impl Future<Output = ()>) {
        let mut stream = TcpStream::connect(self.address).await.expect("connect to the gateway");
        stream.write_all(&self.bytes()).await.expect("send the request");
        condition.await;
    }

    /// Sends the request with the first piece of its body, in one go; the test sends the others when it likes.
    pub(crate) async fn begin(self, piece: impl AsRef<[u8]>) -> Upload {
        let stream = TcpStream::connect(self.address).await.expect("connect to the gateway");
        let mut upload = Upload::new(stream, self.case.clone());
        upload.send([&self.bytes(), piece.as_ref()].concat()).await;
        upload
    }

    fn bytes(&self) -> Vec<u8> {
        let mut bytes = [self.method.as_bytes(), b" ", self.target.as_slice(), b" HTTP/1.1\r\n"].concat();
        let mut line = |name: &[u8], value: &[u8]| bytes.extend([name, b": ", value, b"\r\n"].concat());
        if let Some(host) = &self.host {
            line(b"Host", host.as_bytes());
        }
        line(CASE_HEADER.as_bytes(), self.case.as_bytes());
        for (name, value) in &self.headers {
            line(name, value);
        }
        line(b"Connection", b"close");
        bytes.extend(b"\r\n");
        bytes.extend(&self.body);
        bytes
    }

    /// Everything that comes back until the answer is whole or the gateway closes the connection.
    async fn exchange(&self) -> Vec<u8> {
        let mut stream = TcpStream::connect(self.address).await.expect("connect to the gateway");
        let (mut from_gateway, mut to_gateway) = stream.split();
        let request = self.bytes();
        let send = async {
            // The gateway may answer and close before it has read everything.
            let _ = to_gateway.write_all(&request).await;
            pending::<()>().await;
        };
        let mut response = Vec::new();
        let receive = async {
            while !answer::is_whole(&response, self.method == "HEAD") {
                if from_gateway.read_buf(&mut response).await.unwrap_or_default() == 0 {
                    break;
                }
            }
        };
        tokio::select! {
            () = send => {}
            () = receive => {}
        }
        response
    }

    fn what(&self) -> String {
        format!("{} {:?}", self.method, String::from_utf8_lossy(&self.target))
    }
}
