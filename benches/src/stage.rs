//! What all measurements share: servers, keys, binaries, and how long to measure.

use std::fs;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result};
use tokio::runtime::Runtime;

use crate::machine;
use crate::servers::{self, IdentityProvider};
use crate::slices::Plan;
use crate::token::Issuer;

/// PKCS#8 in PEM.
pub struct Keys {
    /// For ES256.
    pub p256: String,
    /// For EdDSA.
    pub ed25519: String,
    /// For RS256.
    pub rsa2048: String,
}

/// Set up once for all measurements.
pub struct Stage {
    /// Runs servers and clients, on the load's core.
    pub runtime: Runtime,
    /// The Envoy in use.
    pub envoy: PathBuf,
    /// Signs JWTs for `jwt_authn`.
    pub issuer: Issuer,
    /// Backend JWT keys.
    pub keys: Keys,
    /// What filters introspect at.
    pub identity_provider: Arc<IdentityProvider>,
    /// Where it is.
    pub identity_provider_address: SocketAddr,
    /// Where the service that allows everything is.
    pub authorizer_address: SocketAddr,
    /// How long to measure.
    pub plan: Plan,
}

impl Stage {
    /// Pins this process to the load's core and starts the servers. `ENVOY_PATH` names the Envoy, `BENCH_ROUNDS` the
    /// rounds of slices (60).
    pub fn set_up() -> Result<Self> {
        machine::pin(machine::LOAD_CORE)?;
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build()?;
        let identity_provider = Arc::<IdentityProvider>::default();
        let key = |name| fs::read_to_string(format!("key-validation/tests/keys/{name}.pem")).context("read a test key");
        let rounds = std::env::var("BENCH_ROUNDS").ok().and_then(|rounds| rounds.parse().ok()).unwrap_or(60);
        Ok(Self {
            envoy: std::env::var_os("ENVOY_PATH").context("ENVOY_PATH is not set")?.into(),
            issuer: Issuer::new(&key("rsa2048")?)?,
            keys: Keys { p256: key("p256")?, ed25519: key("ed25519")?, rsa2048: key("rsa2048")? },
            identity_provider_address: identity_provider.start(&runtime)?,
            authorizer_address: servers::start_authorizer(&runtime)?,
            identity_provider,
            runtime,
            plan: Plan { rounds, slice: Duration::from_millis(50) },
        })
    }
}
