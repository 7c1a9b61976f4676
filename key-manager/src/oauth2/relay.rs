//! `/oauth2/token`: grant, body and credentials go to the identity provider whose client it is; its answer comes back.

use std::sync::Arc;

use axum::extract::State;
use axum::http::{HeaderName, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};

use super::client::ClientForm;
use super::error::OauthError;
use crate::connector::{RelayEndpoint, RelayResponse};
use crate::service::Service;

pub(super) async fn token(State(service): State<Arc<Service>>, form: ClientForm) -> Result<Response, OauthError> {
    let (_, provider) = form.owner(&service).await?;
    let connector = service.connect(&provider).map_err(|error| OauthError::bad_gateway(&error))?;
    let answer = connector.relay(RelayEndpoint::Token, &form.relayed()).await;
    Ok(response(answer.map_err(|error| OauthError::bad_gateway(&error))?))
}

/// The identity provider's answer as it came, and never to be stored.
pub(super) fn response(answer: RelayResponse) -> Response {
    let status = StatusCode::from_u16(answer.status).unwrap_or(StatusCode::BAD_GATEWAY);
    let mut response = (status, answer.body.expose().to_owned()).into_response();
    let headers = response.headers_mut();
    headers.remove(header::CONTENT_TYPE);
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    for (name, value) in answer.headers {
        if let Ok(value) = HeaderValue::from_str(&value)
            && name != "cache-control"
        {
            headers.insert(HeaderName::from_static(name), value);
        }
    }
    response
}
