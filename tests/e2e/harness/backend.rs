//! The backend: answers with what it received.

use std::collections::HashSet;
use std::net::SocketAddr;
use std::sync::{Arc, LazyLock, Mutex};

use axum::Router;
use axum::body::to_bytes;
use axum::extract::{Request, State};
use axum::http::header::CONTENT_TYPE;
use axum::response::IntoResponse;
use serde_json::json;

use super::answer::CASE_HEADER;
use super::servers;

/// The one backend behind every gateway of this test run.
pub(crate) static BACKEND: LazyLock<Backend> = LazyLock::new(Backend::start);

type Cases = Arc<Mutex<HashSet<String>>>;

pub(crate) struct Backend {
    pub(crate) address: SocketAddr,
    reached: Cases,
}

impl Backend {
    fn start() -> Self {
        let reached = Cases::default();
        let router = Router::new().fallback(echo).with_state(Arc::clone(&reached));
        let address = servers::serve(async |listener| axum::serve(listener, router).await.expect("serve the backend"));
        Self { address, reached }
    }

    /// Whether the request of this case came through.
    pub(crate) fn was_reached_by(&self, case: &str) -> bool {
        self.reached.lock().expect("the cases").contains(case)
    }
}

async fn echo(State(reached): State<Cases>, request: Request) -> impl IntoResponse + use<> {
    if let Some(case) = request.headers().get(CASE_HEADER) {
        reached.lock().expect("the cases").insert(text(case.as_bytes()));
    }
    let headers: Vec<_> =
        request.headers().iter().map(|(name, value)| (name.to_string(), text(value.as_bytes()))).collect();
    let method = request.method().to_string();
    let path = request.uri().path_and_query().map(ToString::to_string);
    let body = to_bytes(request.into_body(), usize::MAX).await.expect("the request's body");
    let echo = json!({"method": method, "path": path, "headers": headers, "body": text(&body)});
    ([(CONTENT_TYPE, "application/json")], echo.to_string())
}

/// Each octet as the character of that number, so that nothing is lost.
fn text(octets: &[u8]) -> String {
    octets.iter().copied().map(char::from).collect()
}
