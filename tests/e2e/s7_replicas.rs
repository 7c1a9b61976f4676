//! Two key managers on one `PostgreSQL` behind one gateway, which asks them about each token: either may be replaced, or lost,
//! and no request fails.

use std::sync::Arc;

use serde_json::{Value, json};

use super::federation::{
    ORDER, Published, WORKERS, furnish, pizza, plugin_of_key_manager, publish, start_idp, subscribe, until_everywhere,
};
use super::harness::call::Call;
use super::harness::gateway::{Gateway, Setup};
use super::harness::key_manager::{GATEWAY_CREDENTIAL, KeyManager};
use super::harness::place;
use super::harness::postgres::Cluster;
use super::harness::real_idp::RealIdp;
use super::harness::wait;
use super::load::Load;

/// Of another API, which nobody calls all the time.
const OTHER_ORDER: &str = "/pizzashack/2.0.0/order";

// They end in this order.
struct Replicated {
    gateway: Gateway,
    replicas: [KeyManager; 2],
    idp: Arc<RealIdp>,
    published: Arc<Published>,
    /// The API of [`OTHER_ORDER`].
    other_api: String,
    _database: Cluster,
}

impl Replicated {
    async fn start(name: &str) -> Self {
        let database = Cluster::start();
        let (idp, url) = (start_idp(name).await, database.url("postgres"));
        let names = [format!("{name}-one"), format!("{name}-other")];
        let (one, other) = tokio::join!(KeyManager::start_on(&names[0], &url), KeyManager::start_on(&names[1], &url));
        let published = Arc::new(furnish(&one, &idp).await);
        let other_api = publish(&other, pizza("2.0.0")).await;
        let replicas = [one, other];
        let gateway = Setup::new(name, &plugin_of_key_manager(&idp))
            .workers(WORKERS)
            .configured_cluster(documented_cluster(&replicas))
            .environment("GATEWAY_CREDENTIAL", GATEWAY_CREDENTIAL)
            .start()
            .await;
        // Envoy has other things to do while it starts than to look after the health of others.
        wait::until_true("the replicas' health", async || {
            counted(&gateway, "membership_healthy").await == replicas.len()
        })
        .await;
        let token = published.token(&idp).await;
        until_everywhere(&gateway, "registry and keys", 200, ORDER, &token).await;
        Self { gateway, replicas, idp: Arc::new(idp), published, other_api, _database: database }
    }

    /// Calls each with a token that is new.
    fn load(&self) -> Load {
        let (address, idp, published) = (self.gateway.address, Arc::clone(&self.idp), Arc::clone(&self.published));
        Load::of(move || {
            let (idp, published) = (Arc::clone(&idp), Arc::clone(&published));
            async move {
                let token = published.token(&idp).await;
                Call::new(address, "GET", ORDER).bearer(&token).send().await
            }
        })
    }

    /// Subscribes at a key manager, and ends the subscription; each has to arrive.
    async fn change(gateway: &Gateway, key_manager: &KeyManager, (published, api): (&Published, &str), token: &str) {
        let subscription = subscribe(key_manager, api, &published.application).await;
        until_everywhere(gateway, "the subscription", 200, OTHER_ORDER, token).await;
        key_manager.store("DELETE", &format!("/subscriptions/{subscription}"), None).await;
        until_everywhere(gateway, "the end of the subscription", 403, OTHER_ORDER, token).await;
    }

    /// Fails the test unless each call was one that a key manager was asked about.
    async fn assert_asked_about(&self, calls: usize) {
        let metrics = self.gateway.metrics().await;
        let asked = metrics.count("gatehouse_introspection_calls", &[("outcome", "active")]);
        assert!(asked >= calls, "{asked} questions about {calls} tokens");
    }
}

/// The cluster that `docs/key-manager.md` tells operators to configure, with the replicas' addresses.
fn documented_cluster(replicas: &[KeyManager]) -> Value {
    let document = std::fs::read_to_string(place::repository_root().join("docs/key-manager.md")).expect("the document");
    let mut blocks = document.split("```yaml\n").filter_map(|rest| rest.split("```").next());
    let cluster = blocks.find(|block| block.contains("health_checks:")).expect("the cluster");
    let [mut cluster]: [Value; 1] = serde_norway::from_str(cluster).expect("a cluster");
    let endpoints = cluster["load_assignment"]["endpoints"][0]["lb_endpoints"].as_array_mut().expect("endpoints");
    assert_eq!(endpoints.len(), replicas.len());
    for (endpoint, replica) in endpoints.iter_mut().zip(replicas) {
        let [address, operators] = [replica.address, replica.operators];
        let endpoint = &mut endpoint["endpoint"];
        endpoint["address"]["socket_address"] = json!({"address": address.ip(), "port_value": address.port()});
        endpoint["health_check_config"]["port_value"] = json!(operators.port());
    }
    cluster
}

/// What Envoy has counted of the key managers' cluster.
async fn counted(gateway: &Gateway, what: &str) -> usize {
    let name = format!("envoy_cluster_{what}");
    gateway.metrics().await.count(&name, &[("envoy_cluster_name", "key-manager")])
}

/// Waits until a key manager that has started answers the gateway's questions.
async fn until_asked(key_manager: &KeyManager) {
    let labels = [("path", "/oauth2/introspect"), ("status", "200")];
    wait::until_true("a question to the key manager that came back", async || {
        key_manager.metrics().await.count("gatehouse_key_manager_requests", &labels) > 0
    })
    .await;
}

#[tokio::test]
async fn s7_replicas_that_are_restarted_one_after_the_other_under_load_fail_no_request_and_lose_no_change() {
    let mut at = Replicated::start("s7-rolling").await;
    let token = at.published.token(&at.idp).await;
    let load = at.load();
    load.until_more(50).await;

    for leaving in [0, 1] {
        let [one, other] = &mut at.replicas;
        let (leaving, staying) = if leaving == 0 { (one, other) } else { (other, one) };
        let change = Replicated::change(&at.gateway, staying, (&at.published, &at.other_api), &token);
        tokio::join!(leaving.terminate(), change);
        leaving.restart().await;
        until_asked(leaving).await;
        Replicated::change(&at.gateway, leaving, (&at.published, &at.other_api), &token).await;
        load.until_more(50).await;
    }

    let calls = load.end().await;
    at.assert_asked_about(calls).await;
    assert_eq!(counted(&at.gateway, "upstream_rq_retry").await, 0, "each was left alone before it stopped to serve");
    assert!(!at.gateway.log().contains("PRIVATE KEY"));
}

#[tokio::test]
async fn s7_a_replica_that_is_killed_under_load_fails_no_request() {
    let mut at = Replicated::start("s7-lost").await;
    let token = at.published.token(&at.idp).await;
    let load = at.load();

    for killed in [0, 1, 0, 1] {
        load.until_more(50).await;
        at.replicas[killed].kill();
        load.until_more(50).await;
        at.replicas[killed].restart().await;
        until_asked(&at.replicas[killed]).await;
    }
    Replicated::change(&at.gateway, &at.replicas[0], (&at.published, &at.other_api), &token).await;

    let calls = load.end().await;
    at.assert_asked_about(calls).await;
}
