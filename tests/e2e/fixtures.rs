//! Gateways with the identity provider that they ask.

use std::ops::Deref;

use serde_json::{Value, json};
use tokio::sync::OnceCell;

use super::configuration::{self, BACKEND_JWT_HEADER, IDP, JWKS_PATH, SECRET, SECRET_VARIABLE};
use super::harness::answer::Answer;
use super::harness::backend::BACKEND;
use super::harness::backend_jwt::BackendJwt;
use super::harness::gateway::{Gateway, Setup};
use super::harness::script::{Script, active};
use super::harness::scripted_idp::ScriptedIdp;
use super::registry::{ANY, SHOP};

/// A gateway and its identity provider, which is a scripted one unless said otherwise.
pub(crate) struct Site<I = ScriptedIdp> {
    pub(crate) gateway: Gateway,
    pub(crate) idp: I,
}

/// A site that many tests share, so none may depend on what the others did: fresh tokens, no outages, no totals.
pub(crate) struct Shared<I: 'static = ScriptedIdp>(pub(crate) &'static Site<I>);

impl<I> Deref for Shared<I> {
    type Target = Site<I>;

    fn deref(&self) -> &Site<I> {
        self.0
    }
}

impl<I> Drop for Shared<I> {
    fn drop(&mut self) {
        self.0.gateway.show_log_if_panicking();
    }
}

/// The shared site with [`configuration::shop`].
pub(crate) async fn shop() -> Shared {
    static SHOP: OnceCell<Site> = OnceCell::const_new();
    Shared(SHOP.get_or_init(async || Site::start("shop", &configuration::shop()).await).await)
}

impl Site {
    /// A site of one's own, with this configuration.
    pub(crate) async fn start(name: &str, configuration: &Value) -> Self {
        Self::start_with(Setup::new(name, configuration)).await
    }

    pub(crate) async fn start_with(setup: Setup) -> Self {
        let idp = ScriptedIdp::start();
        let gateway = setup.cluster(IDP, idp.address).environment(SECRET_VARIABLE, SECRET).start().await;
        Self { gateway, idp }
    }

    /// GET with a fresh token about which the identity provider answers by the script.
    pub(crate) async fn get_with(&self, target: &str, script: Script) -> Answer {
        let token = self.idp.issue(script);
        self.gateway.get(target).bearer(&token).send().await
    }

    /// Fails the test if the filter's VM has died, which `FAIL_RELOAD` would hide.
    pub(crate) async fn assert_alive(&self) {
        let answer = self.get_with(ANY, active(SHOP, &json!({}))).await;
        assert_eq!(answer.status, 200);
        let log = self.gateway.log();
        for trace in ["panicked", "Proxy-Wasm plugin in-VM backtrace", "RuntimeError"] {
            assert!(!log.contains(trace), "the filter's VM has died:\n{log}");
        }
        let metrics = self.gateway.metrics().await;
        for reload in ["success", "backoff", "failure"] {
            let name = format!("envoy_wasm_gatehouse_vm_reload_{reload}");
            assert_eq!(metrics.count(&name, &[]), 0, "{name}");
        }
    }
}

impl<I> Site<I> {
    /// The request was decided, and let through as an identified caller's.
    pub(crate) async fn assert_allowed(&self, name: &str, answer: &Answer) {
        assert_eq!(answer.status, 200, "{name}: {}", String::from_utf8_lossy(&answer.body));
        assert!(BACKEND.was_reached_by(&answer.case), "{name}: the request did not reach the backend");
        assert_eq!(self.gateway.logged(answer).await.decision.as_deref(), Some("allow"), "{name}");
    }

    /// The public keys that the gateway serves.
    pub(crate) async fn key_set(&self) -> Value {
        self.gateway.get(JWKS_PATH).send().await.json()
    }

    /// The backend JWT that the backend received with this answer's request, its signature verified.
    pub(crate) async fn backend_jwt(&self, answer: &Answer) -> BackendJwt {
        let echo = answer.echo();
        BackendJwt::verify(echo.header(BACKEND_JWT_HEADER).expect("a backend JWT"), &self.key_set().await)
    }
}
