//! Listeners, and how they start and end.

use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use axum::Router;
use tokio::net::TcpListener;
use tokio::signal::unix::{SignalKind, signal};
use tower_http::catch_panic::CatchPanicLayer;
use tower_http::limit::RequestBodyLimitLayer;
use tower_http::request_id::{MakeRequestUuid, PropagateRequestIdLayer, SetRequestIdLayer};

use crate::clock::SystemClock;
use crate::config::{Configuration, SealingKey};
use crate::connections::Connections;
use crate::connector::ConnectorTypes;
use crate::failure::Failure;
use crate::outbox::Executor;
use crate::rest::{self, Services};
use crate::service::Service;
use crate::store::sqlite::SqliteStore;
use crate::store::{Sealer, Store};
use crate::{feed, operators};

/// Longest request body in bytes.
const BODY_LIMIT: usize = 1024 * 1024;
/// How long requests under way may take once the process is to end.
const DRAIN: Duration = Duration::from_secs(20);

/// All endpoints but operators'.
pub fn router(service: Arc<Service>) -> Router {
    let rest = rest::router(&Services::of(&service));
    Router::new()
        .merge(feed::http::router())
        .fallback(async || Failure::not_found("path"))
        .with_state(service)
        .merge(rest)
        .layer(RequestBodyLimitLayer::new(BODY_LIMIT))
        .layer(CatchPanicLayer::new())
        .layer(PropagateRequestIdLayer::x_request_id())
        .layer(SetRequestIdLayer::x_request_id(MakeRequestUuid))
}

/// The service of a configuration, without listeners; the schema is brought up to date.
///
/// # Errors
/// When the database cannot be opened, or is newer than this program.
pub async fn prepare(configuration: Configuration, connectors: ConnectorTypes) -> anyhow::Result<Arc<Service>> {
    let store = open_store(&configuration).await?;
    store.migrate().await?;
    let clock = Arc::new(SystemClock);
    let connections = Arc::new(Connections::new(connectors));
    let outbox = Executor::new(Arc::clone(&store), Arc::clone(&connections), clock.clone());
    Ok(Arc::new(Service {
        store,
        clock,
        connections,
        outbox,
        bootstrap_credential: configuration.bootstrap_credential,
        gateways: configuration.gateways,
        shutting_down: tokio::sync::watch::Sender::new(false),
    }))
}

/// The store of a configuration.
///
/// # Errors
/// When the file cannot be opened.
pub async fn open_store(configuration: &Configuration) -> anyhow::Result<Arc<dyn Store>> {
    let sealer = match &configuration.sealing_key {
        SealingKey::Given(key) => Sealer::new(key)?,
        SealingKey::Ephemeral => Sealer::ephemeral()?,
    };
    let path = configuration.database.display();
    let store = SqliteStore::open(&configuration.database, sealer).await.with_context(|| format!("database {path}"))?;
    Ok(Arc::new(store))
}

/// Serves until SIGTERM or SIGINT; then `/readyz` says 503, nothing new is accepted, and what is under way is finished.
///
/// # Errors
/// When it cannot listen.
pub async fn serve(configuration: Configuration, connectors: ConnectorTypes) -> anyhow::Result<()> {
    let (listen, operators_listen) = (configuration.listen, configuration.operators_listen);
    let service = prepare(configuration, connectors).await?;
    let main = TcpListener::bind(listen).await.with_context(|| format!("server.listen {listen}"))?;
    let operators = TcpListener::bind(operators_listen).await;
    let operators = operators.with_context(|| format!("operators.listen {operators_listen}"))?;
    tracing::info!(listen = %main.local_addr()?, operators = %operators.local_addr()?, "serving");
    let operators = axum::serve(operators, operators::router(Arc::clone(&service)));
    let operators = tokio::spawn(operators.into_future());
    let outbox = tokio::spawn(service.outbox.clone().run());
    let mut shutting_down = service.shutting_down.subscribe();
    let ended = async move {
        // An error means that the sender is gone, and so is the service.
        let _ = shutting_down.wait_for(|ended| *ended).await;
    };
    let serving = axum::serve(main, router(Arc::clone(&service))).with_graceful_shutdown(ended);
    let mut serving = tokio::spawn(serving.into_future());
    tokio::select! {
        result = &mut serving => result??,
        () = signalled() => {
            tracing::info!("shutting down");
            service.shutting_down.send_replace(true);
            if tokio::time::timeout(DRAIN, serving).await.is_err() {
                tracing::warn!("requests were still under way");
            }
        }
    }
    outbox.abort();
    operators.abort();
    service.store.close().await;
    Ok(())
}

async fn signalled() {
    let (Ok(mut terminate), Ok(mut interrupt)) = (signal(SignalKind::terminate()), signal(SignalKind::interrupt()))
    else {
        return std::future::pending().await;
    };
    tokio::select! { _ = terminate.recv() => {}, _ = interrupt.recv() => {} }
}
