//! BEHAVIOUR.md section 1: APIs that only report what they would deny.

use serde_json::{Value, json};

use super::configuration;
use super::denials::{IDP_UNAVAILABLE, MISSING_CREDENTIALS};
use super::fixtures::Site;
use super::harness::answer::Answer;
use super::harness::backend::BACKEND;
use super::harness::script::{Script, active};
use super::registry::{ANY, SHOP, STRANGER};

const ORDER: &str = "/pizzashack/1.0.0/order";

async fn site(name: &str, authentication: bool) -> Site {
    let mut configuration = configuration::small();
    configuration["registry"]["apis"][0]["enforcement"] = json!("report");
    configuration["registry"]["apis"][0]["reportAuthentication"] = json!(authentication);
    Site::start(name, &configuration).await
}

async fn assert_reported(site: &Site, answer: &Answer, reason: &str) {
    assert_eq!(answer.status, 200, "{reason}");
    assert!(BACKEND.was_reached_by(&answer.case), "{reason}: the request did not reach the backend");
    assert_eq!(answer.echo().header("authorization"), None, "{reason}");
    let entry = site.gateway.logged(answer).await;
    assert_eq!((entry.decision.as_deref(), entry.reason.as_deref()), (Some("report"), Some(reason)));
    let metrics = site.gateway.metrics().await;
    assert!(metrics.count("gatehouse_requests", &[("decision", "report"), ("reason", reason)]) >= 1, "{reason}");
}

fn away() -> Script {
    Script::reply(503, &[], "")
}

#[tokio::test]
async fn s1_report_a_request_without_subscription_or_scope_goes_on() {
    let site = site("report", false).await;

    let unsubscribed = site.get_with(ANY, active(STRANGER, &json!({}))).await;
    let token = site.idp.issue(active(SHOP, &json!({"scope": "other"})));
    let unscoped = site.gateway.call("POST", ORDER).bearer(&token).send().await;
    let missing = site.gateway.get(ANY).send().await;
    let away = site.get_with(ANY, away()).await;

    assert_reported(&site, &unsubscribed, "no_subscription").await;
    assert_reported(&site, &unscoped, "insufficient_scope").await;
    site.assert_denied("missing", &missing, &MISSING_CREDENTIALS).await;
    site.assert_denied("away", &away, &IDP_UNAVAILABLE).await;
    assert!(site.gateway.log().contains("API `PizzaShack-1.0.0` asks for a token, but only reports"));
}

#[tokio::test]
async fn s1_report_a_request_without_a_valid_token_goes_on_where_that_is_asked_for() {
    let site = site("report-authentication", true).await;

    let missing = site.gateway.get(ANY).send().await;
    let inactive = site.get_with(ANY, Script::inactive()).await;
    let away = site.get_with(ANY, away()).await;
    let nowhere = site.gateway.get("/pizzashack/1.0.0/nowhere").send().await;

    assert_reported(&site, &missing, "missing_credentials").await;
    assert_reported(&site, &inactive, "invalid_token").await;
    assert_reported(&site, &away, "idp_unavailable").await;
    assert_eq!(nowhere.status, 404);
    let _: Value = nowhere.json();
}
