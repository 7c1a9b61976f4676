//! Operators' endpoints, on a listener of their own: `/livez`, `/readyz` and `/metrics`.

use std::sync::Arc;

use axum::Router;
use axum::extract::State;
use axum::http::header::CONTENT_TYPE;
use axum::http::{HeaderName, StatusCode};
use axum::routing::get;

use crate::failure::Failure;
use crate::service::Service;
use crate::store::StoreError;

/// The endpoints.
pub fn router(service: Arc<Service>) -> Router {
    // Whether the process runs, and nothing else: a restart cures no database.
    Router::new()
        .route("/livez", get(async || "ok\n"))
        .route("/readyz", get(ready))
        .route("/metrics", get(metrics))
        .with_state(service)
}

/// The text format of Prometheus.
async fn metrics(State(service): State<Arc<Service>>) -> Result<([(HeaderName, &'static str); 1], String), Failure> {
    let text = service.metrics.text(&service).await?;
    Ok(([(CONTENT_TYPE, "text/plain; version=0.0.4")], text))
}

/// Whether requests should come here: the schema is right and the process is not on its way out. No process begins on a newer
/// schema, but one that has begun goes on beside those that have brought it up to date.
async fn ready(State(service): State<Arc<Service>>) -> (StatusCode, String) {
    if *service.shutting_down.borrow() {
        return (StatusCode::SERVICE_UNAVAILABLE, "shutting down\n".to_owned());
    }
    match service.store.check_schema().await {
        Ok(()) | Err(StoreError::NewerSchema(_)) => (StatusCode::OK, "ok\n".to_owned()),
        Err(error) => (StatusCode::SERVICE_UNAVAILABLE, format!("{error}\n")),
    }
}
