//! An HTTP client for traffic that h2load cannot make: a token of its own for each request.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use anyhow::{Context, Result, ensure};
use http_body_util::{BodyExt, Empty};
use hyper::body::Bytes;
use hyper::client::conn::{http1, http2};
use hyper::http::request;
use hyper::{Request, StatusCode};
use hyper_util::rt::{TokioExecutor, TokioIo};
use tokio::net::TcpStream;

/// The operation that all requests call.
pub const PATH: &str = "/pizzashack/1.0.0/menu";

/// A request.
#[derive(Clone, Debug)]
pub struct Call {
    /// What it calls.
    pub path: Cow<'static, str>,
    /// Its bearer token.
    pub token: String,
}

impl From<String> for Call {
    fn from(token: String) -> Self {
        Self { path: Cow::Borrowed(PATH), token }
    }
}

/// Responses by status; 0 stands for none.
pub type Statuses = BTreeMap<u16, usize>;

/// An HTTP/2 connection, for any number of requests at a time.
#[derive(Clone)]
pub struct Connection {
    sender: http2::SendRequest<Empty<Bytes>>,
    authority: String,
}

impl Connection {
    /// Connects with prior knowledge.
    pub async fn open(address: SocketAddr) -> Result<Self> {
        let stream = TcpStream::connect(address).await?;
        stream.set_nodelay(true)?;
        let (sender, connection) = http2::handshake(TokioExecutor::new(), TokioIo::new(stream)).await?;
        tokio::spawn(connection);
        Ok(Self { sender, authority: address.to_string() })
    }

    /// Calls the operation with a token; the status.
    pub async fn call(&mut self, token: &str) -> Result<StatusCode> {
        self.call_at(PATH, token).await
    }

    /// Calls another operation with a token; the status.
    pub async fn call_at(&mut self, path: &str, token: &str) -> Result<StatusCode> {
        let request = Request::get(format!("http://{}{path}", self.authority))
            .header("accept", "application/json")
            .header("authorization", format!("Bearer {token}"))
            .body(Empty::new())?;
        self.sender.ready().await?;
        let response = self.sender.send_request(request).await?;
        let status = response.status();
        response.into_body().collect().await?;
        Ok(status)
    }
}

/// Makes each of the calls, given whole or as the token for the operation, over so many connections with so many requests
/// at a time on each.
pub async fn call_with_each<C: Into<Call> + 'static>(
    address: SocketAddr,
    connections: usize,
    streams: usize,
    calls: impl Iterator<Item = C> + Send + 'static,
) -> Result<Statuses> {
    let calls = Arc::new(Mutex::new(calls));
    let mut callers = Vec::new();
    for _ in 0..connections {
        let connection = Connection::open(address).await?;
        for _ in 0..streams {
            callers.push(tokio::spawn(call_while_some(connection.clone(), Arc::clone(&calls))));
        }
    }
    let mut statuses = Statuses::new();
    for caller in callers {
        for (status, count) in caller.await? {
            *statuses.entry(status).or_default() += count;
        }
    }
    Ok(statuses)
}

async fn call_while_some<C: Into<Call>>(
    mut connection: Connection,
    calls: Arc<Mutex<impl Iterator<Item = C> + Send>>,
) -> Statuses {
    let mut statuses = Statuses::new();
    loop {
        let next = calls.lock().expect("no panic while it is held").next().map(Into::into);
        let Some(Call { path, token }) = next else { return statuses };
        let status = connection.call_at(&path, &token).await.map_or(0, |status| status.as_u16());
        *statuses.entry(status).or_default() += 1;
    }
}

/// Gets a page over HTTP/1.1.
pub async fn get(address: SocketAddr, path: &str) -> Result<String> {
    send(address, path, Request::get(path)).await
}

/// Posts nothing to a place over HTTP/1.1, as the bearer of a credential.
pub async fn post(address: SocketAddr, path: &str, credential: &str) -> Result<String> {
    send(address, path, Request::post(path).header("authorization", format!("Bearer {credential}"))).await
}

async fn send(address: SocketAddr, path: &str, request: request::Builder) -> Result<String> {
    let stream = TcpStream::connect(address).await.context("connect")?;
    let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await?;
    tokio::spawn(connection);
    let request = request.header("host", address.to_string()).body(Empty::<Bytes>::new())?;
    let response = sender.send_request(request).await?;
    let status = response.status();
    let body = response.into_body().collect().await?.to_bytes();
    let body = String::from_utf8_lossy(&body).into_owned();
    ensure!(status.is_success(), "{path} is answered with {status}: {body}");
    Ok(body)
}
