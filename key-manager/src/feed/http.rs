//! Gateways' endpoints (docs/feed.md): the registry feed and its acknowledgement.

use std::sync::Arc;
use std::time::Duration;

use axum::extract::rejection::JsonRejection;
use axum::extract::{DefaultBodyLimit, FromRequestParts, Query, State};
use axum::http::header::CONTENT_TYPE;
use axum::http::request::Parts;
use axum::http::{Method, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::{Json, Router};
use serde::Deserialize;
use tokio::time::Instant;

use super::page::{self, Cursor};
use super::shared::Told;
use super::signing_key::signing_key;
use crate::callers::bearer_token;
use crate::domain::{Gateway, Revision};
use crate::failure::Failure;
use crate::operations::Operations;
use crate::service::{Service, is_same};
use crate::store::FeedState;

const LONGEST_WAIT: Duration = Duration::from_secs(60);
/// Longest body in octets: an acknowledgement.
const BODY_BYTES: usize = 64 * 1024;

/// The endpoints.
pub fn router() -> Router<Arc<Service>> {
    operations().into_router().layer(DefaultBodyLimit::max(BODY_BYTES))
}

pub(crate) fn operations() -> Operations {
    Operations::default()
        .on(Method::GET, "/internal/gateway/v1/registry", registry)
        .on(Method::POST, "/internal/gateway/v1/registry/ack", acknowledge)
        .on(Method::GET, "/internal/gateway/v1/signing-key", signing_key)
}

/// A gateway that has proved its name.
pub(super) struct AuthenticatedGateway(String);

impl FromRequestParts<Arc<Service>> for AuthenticatedGateway {
    type Rejection = Failure;

    async fn from_request_parts(parts: &mut Parts, service: &Arc<Service>) -> Result<Self, Failure> {
        let token = bearer_token(&parts.headers).ok_or_else(Failure::unauthenticated)?;
        let name = parts.headers.get("x-gatehouse-gateway").and_then(|name| name.to_str().ok()).unwrap_or_default();
        let mut known = service.gateways.iter().filter(|gateway| is_same(&gateway.credential, token)).peekable();
        known.peek().ok_or_else(Failure::unauthenticated)?;
        if known.any(|gateway| gateway.name == name) {
            return Ok(Self(name.to_owned()));
        }
        Err(Failure::new(StatusCode::FORBIDDEN, "the credential belongs to another gateway"))
    }
}

#[derive(Deserialize)]
struct Asked {
    revision: Option<String>,
    wait: Option<String>,
    cursor: Option<String>,
}

async fn registry(
    State(service): State<Arc<Service>>,
    _: AuthenticatedGateway,
    Query(asked): Query<Asked>,
) -> Result<Response, Failure> {
    if let Some(cursor) = asked.cursor {
        return continue_at(&service, &cursor).await;
    }
    let applied = asked.revision.as_deref().map(parse_revision).transpose()?;
    let wait = asked.wait.as_deref().map_or(Ok(Duration::ZERO), parse_wait)?;
    changed(&service, applied.as_ref(), wait).await
}

/// The first page of what is new to a gateway, once there is something.
async fn changed(service: &Service, applied: Option<&Revision>, wait: Duration) -> Result<Response, Failure> {
    let mut shutting_down = service.shutting_down.subscribe();
    let end = Instant::now() + wait;
    loop {
        let seen = service.store.newest();
        let read = first_page(service, applied);
        let page = match applied {
            // Only whoever waits hears of other processes' commits, which end what is shared.
            Some(applied) if !wait.is_zero() => service.page.get(applied, seen, read).await?,
            _ => read.await?,
        };
        if let Some(page) = page {
            return Ok(json(page.as_ref().to_owned()));
        }
        if Instant::now() >= end || *shutting_down.borrow() {
            return Ok(StatusCode::NO_CONTENT.into_response());
        }
        tokio::select! {
            () = service.store.changed_since(seen) => {}
            () = tokio::time::sleep_until(end) => {}
            _ = shutting_down.changed() => {}
        }
    }
}

fn json(body: String) -> Response {
    ([(CONTENT_TYPE, "application/json")], body).into_response()
}

async fn first_page(service: &Service, applied: Option<&Revision>) -> Told {
    let mut read = service.store.read().await?;
    let state = read.feed_state().await?;
    if let Some(applied) = applied.filter(|applied| is_ahead(applied, &state)) {
        service.metrics.count_gateway_ahead();
        let (applied, newest) = (applied.number, state.revision.number);
        tracing::error!(
            applied,
            newest,
            "a gateway knows more than the database, which is older: see `feed new-epoch`"
        );
    }
    let known = applied.filter(|applied| {
        applied.epoch == state.revision.epoch
            && (state.complete_since..=state.revision.number).contains(&applied.number)
    });
    let cursor = match known {
        Some(applied) if *applied == state.revision => return Ok(None),
        // After every record of that revision: no kind sorts after this text.
        Some(applied) => {
            Cursor::Changes { revision: state.revision, after: (applied.number, "\u{7f}".to_owned(), String::new()) }
        }
        None => {
            service.metrics.count_snapshot();
            Cursor::snapshot(state.revision)
        }
    };
    Ok(Some(page::read(&mut *read, cursor).await?.into()))
}

/// Whether a gateway knows more than the database, which must have lost commits: it was restored from a copy, or is the
/// wrong one. Only a person can tell, so the gateway is left with what it knows.
fn is_ahead(applied: &Revision, state: &FeedState) -> bool {
    applied.epoch == state.revision.epoch && applied.number > state.revision.number
}

/// A further page, unless its epoch ended, tombstones were compacted past it, or a program of another version wrote it:
/// while one replaces the other, a gateway's pages come from both.
async fn continue_at(service: &Service, cursor: &str) -> Result<Response, Failure> {
    let gone = || Failure::new(StatusCode::GONE, "cursor: it is honoured no longer; ask again by revision");
    let cursor = Cursor::parse(cursor).ok_or_else(gone)?;
    let mut read = service.store.read().await?;
    let state = read.feed_state().await?;
    let (revision, newest) = (cursor.revision(), &state.revision);
    let is_known = revision.epoch == newest.epoch && revision.number <= newest.number;
    if !is_known || !cursor.is_complete(state.complete_since) {
        return Err(gone());
    }
    Ok(json(page::read(&mut *read, cursor).await?))
}

fn parse_revision(text: &str) -> Result<Revision, Failure> {
    let parsed = text
        .rsplit_once('.')
        .and_then(|(epoch, number)| Some(Revision { epoch: epoch.to_owned(), number: number.parse().ok()? }));
    parsed.ok_or_else(|| Failure::new(StatusCode::BAD_REQUEST, "revision: must be `<epoch>.<number>`"))
}

fn parse_wait(text: &str) -> Result<Duration, Failure> {
    let seconds = text.strip_suffix('s').and_then(|seconds| seconds.parse().ok()).map(Duration::from_secs);
    let allowed = seconds.filter(|wait| *wait <= LONGEST_WAIT);
    allowed.ok_or_else(|| Failure::new(StatusCode::BAD_REQUEST, "wait: must be `0s` to `60s`"))
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Acknowledgement {
    gateway: String,
    revision: Revision,
    #[serde(default)]
    refused_records: u64,
    #[serde(default)]
    refused_pages: u64,
}

async fn acknowledge(
    State(service): State<Arc<Service>>,
    AuthenticatedGateway(name): AuthenticatedGateway,
    acknowledgement: Result<Json<Acknowledgement>, JsonRejection>,
) -> Result<StatusCode, Failure> {
    let Json(given) = acknowledgement.map_err(|error| Failure::new(error.status(), error.body_text()))?;
    if given.gateway != name {
        return Err(Failure::new(StatusCode::FORBIDDEN, "gateway: is another one than the credential's"));
    }
    let now = service.now();
    let gateway = Gateway {
        name,
        revision: given.revision,
        acknowledged_at: now,
        created_at: now,
        refused_records: given.refused_records,
        refused_pages: given.refused_pages,
    };
    service.acknowledgements.write(&service, gateway).await?;
    Ok(StatusCode::NO_CONTENT)
}
