//! Operations that the `OpenAPI` document tells of, whoever may call them.

use std::sync::Arc;

use axum::Router;
use axum::handler::Handler;
use axum::http::{Method, StatusCode};
use axum::routing::{MethodFilter, MethodRouter, on};

use crate::failure::Failure;
use crate::service::Service;

/// Operations with their handlers.
#[derive(Default)]
pub(crate) struct Operations(Vec<(Method, &'static str, MethodRouter<Arc<Service>>)>);

impl Operations {
    /// Serves an operation.
    pub(crate) fn on<H, T>(mut self, method: Method, path: &'static str, handler: H) -> Self
    where
        H: Handler<T, Arc<Service>>,
        T: 'static,
    {
        if let Ok(filter) = MethodFilter::try_from(method.clone()) {
            self.0.push((method, path, on(filter, handler)));
        }
        self
    }

    /// Methods and paths.
    #[cfg(test)]
    pub(crate) fn names(&self) -> impl Iterator<Item = (String, String)> {
        self.0.iter().map(|(method, path, _)| (method.as_str().to_ascii_lowercase(), (*path).to_owned()))
    }

    /// A path with another method answers in the shape of errors.
    pub(crate) fn into_router(self) -> Router<Arc<Service>> {
        let router = self.0.into_iter().fold(Router::new(), |router, (_, path, handler)| router.route(path, handler));
        router.method_not_allowed_fallback(async || {
            Failure::new(StatusCode::METHOD_NOT_ALLOWED, "the path is not served with this method")
        })
    }
}
