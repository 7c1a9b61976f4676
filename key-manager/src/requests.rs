//! Every request: its id, its line in the log, its numbers.

use std::panic::AssertUnwindSafe;
use std::sync::Arc;

use axum::extract::{MatchedPath, Request, State};
use axum::http::header::CONNECTION;
use axum::http::{HeaderName, HeaderValue, StatusCode, Version};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use tokio::sync::watch;
use tokio::time::Instant;
use tracing::Instrument as _;

use crate::failure::Failure;
use crate::metrics::Metrics;

static REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");
/// Longest id that is taken from whoever asks.
const ID_LENGTH: usize = 64;

/// Gives the request an id, which its answer bears too, and tells how it went. Never a query, a header or a body.
pub(crate) async fn observe(State(metrics): State<Arc<Metrics>>, mut request: Request, next: Next) -> Response {
    let id = request.headers().get(&REQUEST_ID).filter(|id| is_plain(id)).cloned();
    let id = id.or_else(|| HeaderValue::try_from(uuid::Uuid::new_v4().to_string()).ok());
    if let Some(id) = &id {
        request.headers_mut().insert(REQUEST_ID.clone(), id.clone());
    }
    let path = request.extensions().get::<MatchedPath>().map(|path| path.as_str().to_owned());
    let path = path.unwrap_or_else(|| "none".to_owned());
    let method = request.method().clone();
    let text = id.as_ref().and_then(|id| id.to_str().ok()).unwrap_or_default();
    let span = tracing::info_span!("request", request_id = text, %method, path);
    let began = Instant::now();
    let mut response = caught(next.run(request)).instrument(span.clone()).await;
    let (status, elapsed) = (response.status(), began.elapsed());
    metrics.observe(&method, &path, status, elapsed);
    span.in_scope(|| tracing::info!(status = status.as_u16(), milliseconds = elapsed.as_millis(), "answered"));
    if let Some(id) = id {
        response.headers_mut().insert(REQUEST_ID.clone(), id);
    }
    response
}

/// While the process is on its way out, has whoever sends a request open another connection for the next one, which leads
/// elsewhere. In HTTP/2 that is said by GOAWAY, once the listener closes.
pub(crate) async fn send_elsewhere(
    State(shutting_down): State<watch::Receiver<bool>>,
    request: Request,
    next: Next,
) -> Response {
    let is_http_1 = request.version() < Version::HTTP_2;
    let mut response = next.run(request).await;
    if is_http_1 && *shutting_down.borrow() {
        response.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
    }
    response
}

fn is_plain(id: &HeaderValue) -> bool {
    let is_plain = |octet: &u8| octet.is_ascii_alphanumeric() || b"._-".contains(octet);
    (1..=ID_LENGTH).contains(&id.len()) && id.as_bytes().iter().all(is_plain)
}

/// A panic is a fault of ours, for this request alone; its message is in the log.
async fn caught(answer: impl Future<Output = Response>) -> Response {
    let mut answer = Box::pin(answer);
    let poll = |context: &mut std::task::Context<'_>| {
        std::panic::catch_unwind(AssertUnwindSafe(|| answer.as_mut().poll(context)))
            .unwrap_or_else(|_| std::task::Poll::Ready(panicked()))
    };
    std::future::poll_fn(poll).await
}

fn panicked() -> Response {
    tracing::error!("a request ended in a panic");
    Failure::new(StatusCode::INTERNAL_SERVER_ERROR, "see the key manager's log").into_response()
}

#[cfg(test)]
mod tests {
    use axum::routing::get;
    use axum::{Router, middleware};

    use super::*;

    #[tokio::test]
    async fn s7_a_panic_ends_one_request_and_is_answered_in_the_shape_of_errors() {
        let metrics = Arc::new(Metrics::new().unwrap());
        let router: Router = Router::new()
            .route("/panics", get(async || -> String { panic!("a fault of ours") }))
            .route("/works", get(async || "works"))
            .layer(middleware::from_fn_with_state(metrics, observe));
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let base = format!("http://{}", listener.local_addr().unwrap());
        let serving = tokio::spawn(async move { axum::serve(listener, router).await });

        let failed = reqwest::get(format!("{base}/panics")).await.unwrap();

        assert_eq!(failed.status(), StatusCode::INTERNAL_SERVER_ERROR);
        assert!(failed.headers().contains_key("x-request-id"));
        let body: serde_json::Value = failed.json().await.unwrap();
        assert_eq!((&body["code"], &body["description"]), (&500.into(), &"see the key manager's log".into()));
        assert_eq!(reqwest::get(format!("{base}/works")).await.unwrap().text().await.unwrap(), "works");
        serving.abort();
    }
}
