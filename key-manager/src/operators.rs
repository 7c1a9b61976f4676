//! Operators' endpoints, on a listener of their own: `/livez` and `/readyz`.

use std::sync::Arc;

use axum::Router;
use axum::extract::State;
use axum::http::StatusCode;
use axum::routing::get;

use crate::service::Service;

/// The endpoints.
pub fn router(service: Arc<Service>) -> Router {
    // Whether the process runs, and nothing else: a restart cures no database.
    Router::new().route("/livez", get(async || "ok\n")).route("/readyz", get(ready)).with_state(service)
}

/// Whether requests should come here: the schema is right and the process is not on its way out.
async fn ready(State(service): State<Arc<Service>>) -> (StatusCode, String) {
    if *service.shutting_down.borrow() {
        return (StatusCode::SERVICE_UNAVAILABLE, "shutting down\n".to_owned());
    }
    match service.store.check_schema().await {
        Ok(()) => (StatusCode::OK, "ok\n".to_owned()),
        Err(error) => (StatusCode::SERVICE_UNAVAILABLE, format!("{error}\n")),
    }
}
