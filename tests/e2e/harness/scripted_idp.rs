//! An identity provider that says, token by token, what no real one would.

use std::collections::{HashMap, VecDeque};
use std::net::SocketAddr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::sleep;

use super::form;
use super::script::{Afterwards, Script};
use super::servers;

/// One introspection request as it arrived.
#[derive(Clone, Debug)]
pub(crate) struct IntrospectionRequest {
    pub(crate) request_line: String,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: String,
}

impl IntrospectionRequest {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(candidate, _)| candidate == name).map(|(_, value)| value.as_str())
    }

    /// The body's fields, decoded.
    pub(crate) fn form(&self) -> Vec<(String, String)> {
        form::decode(&self.body)
    }

    fn token(&self) -> Option<String> {
        self.form().into_iter().find(|(name, _)| name == "token").map(|(_, value)| value)
    }
}

#[derive(Default)]
struct Book {
    scripts: HashMap<String, VecDeque<Script>>,
    /// For tokens without a script of their own.
    of_unknown_tokens: Option<Script>,
    requests: Vec<(String, IntrospectionRequest)>,
}

#[derive(Clone)]
pub(crate) struct ScriptedIdp {
    pub(crate) address: SocketAddr,
    book: Arc<Mutex<Book>>,
}

impl ScriptedIdp {
    pub(crate) fn start() -> Self {
        let book = Arc::<Mutex<Book>>::default();
        let served = Arc::clone(&book);
        let address = servers::serve(async move |listener| accept(listener, served).await);
        Self { address, book }
    }

    /// [`Self::start`] with an answer of one's own about tokens that were never issued.
    pub(crate) fn answering_unknown_tokens(script: Script) -> Self {
        let idp = Self::start();
        idp.book().of_unknown_tokens = Some(script);
        idp
    }

    /// A token that no test has seen, about which the identity provider answers by the script.
    pub(crate) fn issue(&self, script: Script) -> String {
        self.issue_with([script])
    }

    /// [`Self::issue`] with a script for the first call, one for the second, and so on; the last one stays.
    pub(crate) fn issue_with(&self, scripts: impl IntoIterator<Item = Script>) -> String {
        static NEXT: AtomicUsize = AtomicUsize::new(0);
        let token = format!("token-{}", NEXT.fetch_add(1, Ordering::Relaxed));
        self.script(&token, scripts);
        token
    }

    pub(crate) fn script(&self, token: &str, scripts: impl IntoIterator<Item = Script>) {
        self.book().scripts.insert(token.to_owned(), scripts.into_iter().collect());
    }

    /// The requests about this token so far.
    pub(crate) fn requests_about(&self, token: &str) -> Vec<IntrospectionRequest> {
        let book = self.book();
        book.requests.iter().filter(|(about, _)| about == token).map(|(_, request)| request.clone()).collect()
    }

    /// All requests so far, in their order.
    pub(crate) fn requests(&self) -> Vec<IntrospectionRequest> {
        self.book().requests.iter().map(|(_, request)| request.clone()).collect()
    }

    pub(crate) fn calls_about(&self, token: &str) -> usize {
        self.requests_about(token).len()
    }

    fn book(&self) -> MutexGuard<'_, Book> {
        self.book.lock().expect("the identity provider's book")
    }
}

impl Book {
    /// Unknown tokens are inactive, as at any identity provider, unless the test says otherwise.
    fn record(&mut self, token: String, request: IntrospectionRequest) -> Script {
        let script = self
            .scripts
            .get_mut(&token)
            .and_then(|scripts| if scripts.len() > 1 { scripts.pop_front() } else { scripts.front().cloned() });
        self.requests.push((token, request));
        script.or_else(|| self.of_unknown_tokens.clone()).unwrap_or_else(Script::inactive)
    }
}

/// Eight blanks, which are white space in JSON wherever they come.
const ENDLESS_CHUNK: &[u8] = b"8\r\n        \r\n";

async fn accept(listener: TcpListener, book: Arc<Mutex<Book>>) {
    while let Ok((stream, _)) = listener.accept().await {
        tokio::spawn(converse(stream, Arc::clone(&book)));
    }
}

/// Serves one connection until either side has had enough.
async fn converse(mut stream: TcpStream, book: Arc<Mutex<Book>>) -> Option<()> {
    loop {
        let request = read_request(&mut stream).await?;
        let token = request.token().unwrap_or_default();
        let script = book.lock().expect("the identity provider's book").record(token, request);
        if let Some(gate) = &script.gate {
            gate.opened().await;
        }
        if script.pace.is_zero() {
            stream.write_all(&script.bytes).await.ok()?;
        } else {
            for octet in &script.bytes {
                stream.write_all(&[*octet]).await.ok()?;
                sleep(script.pace).await;
            }
        }
        match script.afterwards {
            Afterwards::KeepAlive => {}
            Afterwards::Close => return None,
            Afterwards::Endless => loop {
                stream.write_all(ENDLESS_CHUNK).await.ok()?;
            },
            // Ends when the gateway has given up.
            Afterwards::Hang => {
                let _ = stream.read(&mut [0]).await;
                return None;
            }
        }
    }
}

async fn read_request(stream: &mut TcpStream) -> Option<IntrospectionRequest> {
    let mut received = Vec::new();
    let head_end = loop {
        if let Some(end) = received.windows(4).position(|window| window == b"\r\n\r\n") {
            break end;
        }
        read_more(stream, &mut received).await?;
    };
    let head = String::from_utf8_lossy(&received[..head_end]).into_owned();
    let mut lines = head.split("\r\n").map(ToOwned::to_owned);
    let request_line = lines.next()?;
    let headers: Vec<_> = lines
        .filter_map(|line| {
            line.split_once(':').map(|(name, value)| (name.to_ascii_lowercase(), value.trim().to_owned()))
        })
        .collect();
    let length: usize = headers.iter().find(|(name, _)| name == "content-length")?.1.parse().ok()?;
    let body_start = head_end + 4;
    while received.len() < body_start + length {
        read_more(stream, &mut received).await?;
    }
    let body = String::from_utf8_lossy(&received[body_start..]).into_owned();
    Some(IntrospectionRequest { request_line, headers, body })
}

async fn read_more(stream: &mut TcpStream, received: &mut Vec<u8>) -> Option<()> {
    let read = stream.read_buf(received).await.ok()?;
    (read > 0).then_some(())
}
