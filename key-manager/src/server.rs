//! Listeners, and how they start and end.

use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use axum::routing::get;
use axum::{Json, Router, middleware};
use tokio::net::TcpListener;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::oneshot;
use tokio::task::JoinHandle;
use tokio::time::Instant;

use crate::clock::SystemClock;
use crate::config::{Configuration, Database, SealingKey};
use crate::connections::Connections;
use crate::connector::ConnectorTypes;
use crate::failure::Failure;
use crate::feed::{Acknowledgements, SharedPage};
use crate::metrics::Metrics;
use crate::outbox::Executor;
use crate::rest::{self, Services};
use crate::service::Service;
use crate::store::postgres::PostgresStore;
use crate::store::sqlite::SqliteStore;
use crate::store::{Sealer, Store, StoreError};
use crate::users::Users;
use crate::{feed, oauth2, openapi, operators, requests};

/// How often it is looked for what time asks for.
const KEEP_EVERY: Duration = Duration::from_secs(30);
/// How long what is under way may take once nothing new is accepted.
const DRAIN: Duration = Duration::from_secs(20);

/// All endpoints but operators'.
pub fn router(service: Arc<Service>) -> Router {
    let rest = rest::router(&Services::of(&service));
    let (metrics, shutting_down) = (Arc::clone(&service.metrics), service.shutting_down.subscribe());
    Router::new()
        .merge(feed::http::router())
        .merge(oauth2::router())
        .route("/openapi.json", get(async || Json(openapi::document())))
        .fallback(async || Failure::not_found("path"))
        .with_state(service)
        .merge(rest)
        .layer(middleware::from_fn_with_state(shutting_down, requests::send_elsewhere))
        .layer(middleware::from_fn_with_state(metrics, requests::observe))
}

/// The service of a configuration, without listeners; the schema is brought up to date.
///
/// # Errors
/// When the database cannot be opened, or is newer than this program.
pub async fn prepare(configuration: Configuration, connectors: ConnectorTypes) -> anyhow::Result<Arc<Service>> {
    let store = open_store(&configuration).await?;
    store.migrate().await?;
    assemble(configuration, store, connectors)
}

/// The service over a store that is open.
///
/// # Errors
/// When its numbers cannot be counted.
pub fn assemble(
    configuration: Configuration,
    store: Arc<dyn Store>,
    connectors: ConnectorTypes,
) -> anyhow::Result<Arc<Service>> {
    let clock = Arc::new(SystemClock);
    let connections = Arc::new(Connections::new(connectors));
    let within = configuration.abandoned_after;
    let outbox = Executor::new(Arc::clone(&store), Arc::clone(&connections), clock.clone(), within);
    Ok(Arc::new(Service {
        store,
        clock,
        connections,
        outbox,
        bootstrap_credential: configuration.bootstrap_credential,
        trusted_identity_provider: configuration.trusted_identity_provider,
        gateways: configuration.gateways,
        resource_servers: configuration.resource_servers,
        public_url: configuration.public_url,
        users: configuration.user_store.as_ref().map(Users::of),
        secret_display: configuration.secret_display,
        rotation: configuration.rotation,
        compact_after: configuration.compact_after,
        metrics: Arc::new(Metrics::new()?),
        page: SharedPage::default(),
        acknowledgements: Acknowledgements::default(),
        shutting_down: tokio::sync::watch::Sender::new(false),
    }))
}

/// The store of a configuration.
///
/// # Errors
/// When an `SQLite` file cannot be opened. `PostgreSQL` is not asked anything yet.
pub async fn open_store(configuration: &Configuration) -> anyhow::Result<Arc<dyn Store>> {
    let sealer = match &configuration.sealing_key {
        SealingKey::Given(key) => Sealer::new(key)?,
        SealingKey::Ephemeral => Sealer::ephemeral()?,
    };
    let wait = configuration.database_wait;
    Ok(match &configuration.database {
        Database::Sqlite(path) => {
            let store = SqliteStore::open(path, sealer, wait).await;
            Arc::new(store.with_context(|| format!("database {}", path.display()))?)
        }
        Database::Postgres(url) => Arc::new(PostgresStore::open(url, sealer, wait)?),
    })
}

/// Serves until SIGTERM or SIGINT. Then `/readyz` says 503; after SIGTERM it goes on serving for a while, so that whoever
/// spreads requests notices; then nothing new is accepted, and what is under way is finished.
///
/// # Errors
/// When it cannot listen.
pub async fn serve(configuration: Configuration, connectors: ConnectorTypes) -> anyhow::Result<()> {
    let (listen, operators_listen) = (configuration.listen, configuration.operators_listen);
    let lame_duck = configuration.lame_duck;
    let service = prepare(configuration, connectors).await?;
    keep(&service).await?;
    let main = TcpListener::bind(listen).await.with_context(|| format!("server.listen {listen}"))?;
    let operators = TcpListener::bind(operators_listen).await;
    let operators = operators.with_context(|| format!("operators.listen {operators_listen}"))?;
    // Until here a signal ends the process at once.
    let mut signals = Signals::new()?;
    tracing::info!(listen = %main.local_addr()?, operators = %operators.local_addr()?, "serving");
    let operators = axum::serve(operators, operators::router(Arc::clone(&service)));
    let operators = tokio::spawn(operators.into_future());
    let outbox = tokio::spawn(service.outbox.clone().run());
    let keeping = tokio::spawn(keep_for_ever(Arc::clone(&service)));
    let (close, closed) = oneshot::channel::<()>();
    let closing = async {
        // An error means that the sender is gone, and so is whoever serves.
        let _ = closed.await;
    };
    let serving = axum::serve(main, router(Arc::clone(&service))).with_graceful_shutdown(closing);
    let mut serving = tokio::spawn(serving.into_future());
    tokio::select! {
        result = &mut serving => result??,
        ended_by = signals.next() => {
            tracing::info!("shutting down");
            service.shutting_down.send_replace(true);
            if ended_by == SignalKind::terminate() {
                // A second signal is somebody who does not wait.
                let _ = tokio::time::timeout(lame_duck, signals.next()).await;
            }
            drop(close);
            drain(&service, serving).await;
        }
    }
    outbox.abort();
    keeping.abort();
    operators.abort();
    service.store.close().await;
    Ok(())
}

/// Waits until requests are answered, and what has begun at identity providers has come to its end.
async fn drain(service: &Service, serving: JoinHandle<std::io::Result<()>>) {
    let end = Instant::now() + DRAIN;
    if tokio::time::timeout_at(end, serving).await.is_err() {
        tracing::warn!("requests were still under way");
    }
    if tokio::time::timeout_at(end, service.outbox.end()).await.is_err() {
        tracing::warn!("intents were still being carried out");
    }
}

async fn keep_for_ever(service: Arc<Service>) {
    loop {
        tokio::time::sleep(KEEP_EVERY).await;
        if let Err(error) = keep(&service).await {
            tracing::warn!(%error, "signing keys, cut-offs and tombstones were not looked after");
        }
    }
}

/// Does what time asks for: keys that sign backend JWTs follow each other; cut-offs that are over go, and tombstones that
/// are old. Of several processes the first to come does it, and the next find it done.
///
/// # Errors
/// When the database cannot be used.
pub async fn keep(service: &Service) -> Result<(), StoreError> {
    let now = service.now();
    let keys = service.store.read().await?.list_signing_keys().await?;
    if service.rotation.is_due(&keys, now) {
        let mut write = service.write("rotation", "").await?;
        service.rotation.keep(&mut *write, now).await?;
        write.commit().await?;
    }
    let mut write = service.write("expiry", "").await?;
    write.delete_expired_revocations(now).await?;
    let compacted = write.compact_feed(now.minus(service.compact_after)).await?;
    write.commit().await?;
    if compacted > 0 {
        tracing::info!(compacted, "gateways that have been away for longer get a snapshot");
    }
    Ok(())
}

/// Signals that end the process.
struct Signals {
    terminate: Signal,
    interrupt: Signal,
}

impl Signals {
    fn new() -> std::io::Result<Self> {
        Ok(Self { terminate: signal(SignalKind::terminate())?, interrupt: signal(SignalKind::interrupt())? })
    }

    async fn next(&mut self) -> SignalKind {
        tokio::select! {
            _ = self.terminate.recv() => SignalKind::terminate(),
            _ = self.interrupt.recv() => SignalKind::interrupt(),
        }
    }
}
