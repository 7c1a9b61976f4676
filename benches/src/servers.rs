//! The identity provider and the authorization service that filters ask.

use std::collections::HashMap;
use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicU16, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use anyhow::Result;
use http_body_util::{BodyExt, Full};
use hyper::body::{Bytes, Incoming};
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::runtime::Runtime;

use crate::key_manager::registry;

/// How the identity provider behaves, and what it was asked. What a token is stands before its first `-`.
#[derive(Default)]
pub struct IdentityProvider {
    delay_micros: AtomicU64,
    /// Answered to everything, unless 0.
    failure: AtomicU16,
    /// The number after `brief-` of the one such token that is active, plus one.
    active_brief: AtomicU64,
    calls: AtomicU64,
    calls_by_token: Mutex<HashMap<String, u32>>,
}

impl IdentityProvider {
    /// Starts it; its address.
    pub fn start(self: &Arc<Self>, runtime: &Runtime) -> Result<SocketAddr> {
        let provider = Arc::clone(self);
        serve(runtime, move |body| {
            let provider = Arc::clone(&provider);
            async move { provider.answer(&body).await }
        })
    }

    /// Lets each answer take so long.
    pub fn delay(&self, delay: Duration) {
        self.delay_micros.store(delay.as_micros().try_into().unwrap_or(u64::MAX), Ordering::Relaxed);
    }

    /// Answers this status to everything; 0 to answer in earnest again.
    pub fn fail_with(&self, status: u16) {
        self.failure.store(status, Ordering::Relaxed);
    }

    /// Makes this the one token that begins with `brief-` and is active, by its number; with `None` there is none.
    pub fn activate_brief(&self, number: Option<u64>) {
        self.active_brief.store(number.map_or(0, |number| number + 1), Ordering::Relaxed);
    }

    fn is_active_brief(&self, token: &str) -> bool {
        let number: Option<u64> = token.strip_prefix("brief-").and_then(|number| number.parse().ok());
        number.is_some_and(|number| number + 1 == self.active_brief.load(Ordering::Relaxed))
    }

    /// How often it was asked since this was called last.
    pub fn take_calls(&self) -> u64 {
        self.calls.swap(0, Ordering::Relaxed)
    }

    /// How often it was asked about each token that begins so, since this was called last.
    pub fn take_calls_about(&self, prefix: &str) -> HashMap<String, u32> {
        let mut calls = self.calls_by_token.lock().expect("no panic while it is held");
        let mut all = std::mem::take(&mut *calls);
        all.retain(|token, _| token.starts_with(prefix));
        all
    }

    async fn answer(&self, body: &[u8]) -> (u16, Value) {
        let token = token_of(body);
        self.calls.fetch_add(1, Ordering::Relaxed);
        if is_counted(&token) {
            *self.calls_by_token.lock().expect("no panic while it is held").entry(token.clone()).or_default() += 1;
        }
        let delay = Duration::from_micros(self.delay_micros.load(Ordering::Relaxed));
        if !delay.is_zero() {
            tokio::time::sleep(delay).await;
        }
        match self.failure.load(Ordering::Relaxed) {
            0 if self.is_active_brief(&token) => (200, introspection_answer("active")),
            0 => (200, introspection_answer(&token)),
            status => (status, json!({"error": "server_error"})),
        }
    }
}

/// Calls about the many tokens that come once are only counted as a whole.
fn is_counted(token: &str) -> bool {
    ["hot-", "stampede-"].iter().any(|prefix| token.starts_with(prefix))
}

fn token_of(form: &[u8]) -> String {
    let form = String::from_utf8_lossy(form);
    form.split('&').find_map(|field| field.strip_prefix("token=")).unwrap_or_default().to_owned()
}

/// What is said about a token: `wide` ones have scopes of 600 octets, about the most that still counts as
/// short, `huge` ones of 60 KiB.
pub fn introspection_answer(token: &str) -> Value {
    let scopes = match token.split('-').next() {
        Some("hot" | "once" | "stampede" | "cold" | "active" | "client") => 0,
        Some("wide") => 60,
        Some("huge") => 6000,
        _ if token.starts_with("eyJ") => 0,
        _ => return json!({"active": false}),
    };
    let further: String = (0..scopes).map(|number| format!(" scope{number:04}")).collect();
    // `client-17-..` is of client 17 of a large registry.
    let client_id = match token.splitn(3, '-').collect::<Vec<_>>()[..] {
        ["client", number, _] => registry::client_id(number.parse().unwrap_or_default()),
        _ => "shop-client".to_owned(),
    };
    json!({
        "active": true,
        "client_id": client_id,
        "sub": "5f0c7a1e-3b1d-4d77-9c55-0b6a4f1f7a10",
        "username": "alice",
        "token_type": "Bearer",
        "scope": format!("openid profile read_menu order_pizza{further}"),
        "exp": 4_102_444_800_u64,
        "iat": 1_700_000_000_u64,
    })
}

/// Starts a service that allows everything.
pub fn start_authorizer(runtime: &Runtime) -> Result<SocketAddr> {
    serve(runtime, |_| async { (200, Value::Null) })
}

fn serve<F, A>(runtime: &Runtime, answer: F) -> Result<SocketAddr>
where
    F: Fn(Bytes) -> A + Clone + Send + 'static,
    A: Future<Output = (u16, Value)> + Send + 'static,
{
    let listener = runtime.block_on(TcpListener::bind("127.0.0.1:0"))?;
    let address = listener.local_addr()?;
    runtime.spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let _ = stream.set_nodelay(true);
            let answer = answer.clone();
            let service = hyper::service::service_fn(move |request| respond(request, answer.clone()));
            let connection = hyper::server::conn::http1::Builder::new().serve_connection(TokioIo::new(stream), service);
            tokio::spawn(connection);
        }
    });
    Ok(address)
}

async fn respond<A>(
    request: Request<Incoming>,
    answer: impl Fn(Bytes) -> A,
) -> Result<Response<Full<Bytes>>, Infallible>
where
    A: Future<Output = (u16, Value)>,
{
    let body = request.into_body().collect().await.map(http_body_util::Collected::to_bytes).unwrap_or_default();
    let (status, json) = answer(body).await;
    let body = if json.is_null() { Bytes::new() } else { Bytes::from(json.to_string()) };
    let response = Response::builder().status(status).header("content-type", "application/json").body(Full::new(body));
    Ok(response.expect("a valid response"))
}
