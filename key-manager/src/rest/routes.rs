//! Routes with the authorisation that belongs to them: no handler is reached without it.

use axum::Router;
use axum::extract::{FromRequestParts, Request, State};
use axum::handler::Handler;
use axum::http::Method;
use axum::http::request::Parts;
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Response};
use axum::routing::{MethodFilter, MethodRouter, on};

use super::contract::Portal;
use super::error::RestError;
use super::services::Services;
use crate::callers::Caller;

/// The operations of a portal.
pub(super) struct Routes {
    portal: Portal,
    routes: Vec<(Method, &'static str, MethodRouter<Services>)>,
}

impl Routes {
    pub(super) fn new(portal: Portal) -> Self {
        Self { portal, routes: Vec::new() }
    }

    /// Serves an operation.
    pub(super) fn on<H, T>(mut self, method: Method, path: &'static str, handler: H) -> Self
    where
        H: Handler<T, Services>,
        T: 'static,
    {
        if let Ok(filter) = MethodFilter::try_from(method.clone()) {
            self.routes.push((method, path, on(filter, handler)));
        }
        self
    }

    /// Methods and paths.
    pub(super) fn operations(&self) -> Vec<(Method, String)> {
        self.routes.iter().map(|(method, path, _)| (method.clone(), (*path).to_owned())).collect()
    }

    /// Everything that is not served answers in WSO2's shape.
    pub(super) fn into_router(self, services: &Services) -> Router {
        let mut router = Router::new();
        for (method, path, handler) in self.routes {
            let guard = Guard { services: services.clone(), portal: self.portal, method, path };
            router = router.route(path, handler.layer(middleware::from_fn_with_state(guard, authorise)));
        }
        let not_found = async || RestError::NotFound.into_response();
        let not_allowed = async || RestError::MethodNotAllowed.into_response();
        router.method_not_allowed_fallback(not_allowed).fallback(not_found).with_state(services.clone())
    }
}

#[derive(Clone)]
struct Guard {
    services: Services,
    portal: Portal,
    method: Method,
    path: &'static str,
}

/// Lets a request through with its [`Caller`], or answers. An operation that no contract knows is refused to all.
async fn authorise(State(guard): State<Guard>, mut request: Request, next: Next) -> Response {
    let method = guard.method.as_str().to_ascii_lowercase();
    let Some(scopes) = guard.portal.contract().scopes(&method, guard.path) else {
        return RestError::Forbidden(Vec::new()).into_response();
    };
    let caller = match guard.services.authentication.authenticate(request.headers()).await {
        Ok(caller) => caller,
        Err(RestError::Unauthorized) if scopes.is_empty() => return next.run(request).await,
        Err(error) => return error.into_response(),
    };
    if !scopes.is_empty() && !caller.has_any(&scopes) {
        let needed = scopes.into_iter().map(str::to_owned).collect();
        return RestError::Forbidden(needed).into_response();
    }
    request.extensions_mut().insert(caller);
    next.run(request).await
}

/// Only there where the operation asks for a scope.
impl<S: Send + Sync> FromRequestParts<S> for Caller {
    type Rejection = RestError;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, RestError> {
        parts.extensions.get::<Self>().cloned().ok_or(RestError::Unauthorized)
    }
}
