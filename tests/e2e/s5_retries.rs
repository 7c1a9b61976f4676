//! BEHAVIOUR.md section 5: a question is asked once more where it has certainly not arrived, and only there.

use serde_json::json;

use super::configuration::{self, IDP, SECRET, SECRET_VARIABLE};
use super::denials::IDP_UNAVAILABLE;
use super::fixtures::Site;
use super::harness::gateway::Setup;
use super::harness::script::{Afterwards, Script, active};
use super::harness::scripted_idp::ScriptedIdp;
use super::harness::servers;
use super::registry::{ANY, SHOP};

/// What Envoy has counted of the identity provider's cluster.
async fn counted(site: &Site, what: &str) -> usize {
    let name = format!("envoy_cluster_{what}");
    site.gateway.metrics().await.count(&name, &[("envoy_cluster_name", IDP)])
}

#[tokio::test]
async fn s5_retry_of_a_refused_connection_finds_another_endpoint() {
    let idp = ScriptedIdp::start();
    let (_deaf, refuses) = servers::deaf();
    let setup = Setup::new("retry-elsewhere", &configuration::small()).cluster_of(IDP, &[refuses, idp.address]);
    let site = Site { gateway: setup.environment(SECRET_VARIABLE, SECRET).start().await, idp };

    for request in 0..6 {
        let token = site.idp.issue(active(SHOP, &json!({})));
        let answer = site.gateway.get(ANY).bearer(&token).send().await;

        site.assert_allowed(&format!("request {request}"), &answer).await;
        let requests = site.idp.requests_about(&token);
        assert_eq!(requests.len(), 1, "request {request}");
        for name in ["x-envoy-retry-on", "x-envoy-max-retries"] {
            assert_eq!(requests[0].header(name), None, "the identity provider is told {name}");
        }
    }
    assert!(counted(&site, "upstream_rq_retry").await >= 1, "no question met the endpoint that refuses");
}

#[tokio::test]
async fn s5_retry_of_a_refused_connection_happens_once() {
    let (_deaf, refuses) = servers::deaf();
    let setup = Setup::new("retry-once", &configuration::small()).cluster(IDP, refuses);
    let site = Site { gateway: setup.environment(SECRET_VARIABLE, SECRET).start().await, idp: ScriptedIdp::start() };

    let answer = site.gateway.get(ANY).bearer("token").send().await;

    site.assert_denied("refused", &answer, &IDP_UNAVAILABLE).await;
    assert_eq!(counted(&site, "upstream_cx_connect_fail").await, 2);
    assert_eq!(counted(&site, "upstream_rq_retry").await, 1);
}

#[tokio::test]
async fn s5_retry_never_repeats_a_question_that_may_have_arrived() {
    let site = Site::start("no-retry", &configuration::small()).await;
    let partial = "HTTP/1.1 200 OK\r\ncontent-length: 99\r\n\r\n{";
    for (name, script) in [
        ("on a new connection", Script::raw("", Afterwards::Close)),
        ("inside the answer", Script::raw(partial, Afterwards::Close)),
        ("status 503", Script::reply(503, &[], "")),
        ("status 409", Script::reply(409, &[], "")),
    ] {
        let token = site.idp.issue(script);
        let answer = site.gateway.get(ANY).bearer(&token).send().await;

        assert_eq!(answer.status, 503, "{name}");
        assert_eq!(site.idp.calls_about(&token), 1, "{name}");
    }
    // The connection of this answer is used again, and closed when the next question has come.
    site.assert_allowed("before", &site.get_with(ANY, active(SHOP, &json!({}))).await).await;
    let token = site.idp.issue(Script::raw("", Afterwards::Close));
    site.assert_denied("reset", &site.gateway.get(ANY).bearer(&token).send().await, &IDP_UNAVAILABLE).await;
    assert_eq!(site.idp.calls_about(&token), 1, "on a connection used before");
    assert_eq!(counted(&site, "upstream_rq_retry").await, 0);
}
