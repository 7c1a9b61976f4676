//! An identity provider that means no good, or is not one.

use std::time::Duration;

use key_manager::connector::http::BODY_LIMIT;
use key_manager::connector::{ConnectorError, Happened};
use key_validation::Secret;
use tokio::net::TcpListener;

use crate::harness::answering::{http, serve};
use crate::harness::{connect, metadata};

fn metadata_of(issuer: &str) -> Vec<u8> {
    let body = serde_json::json!({
        "issuer": issuer, "token_endpoint": format!("{issuer}/token"),
        "introspection_endpoint": format!("{issuer}/introspect"), "registration_endpoint": format!("{issuer}/reg"),
    });
    http("200 OK", "", &body.to_string())
}

/// What becomes of a creation and of a question when all but the metadata is answered so.
async fn outcomes(answer: impl Fn() -> Vec<u8> + Send + 'static) -> (ConnectorError, ConnectorError) {
    let issuer =
        serve(move |own, request| if request.contains("/.well-known/") { metadata_of(own) } else { answer() }).await;
    let connector = connect("oidc", &issuer, crate::harness::oidc_provider::properties());
    let creation = connector.create_client(&metadata("c")).await.expect_err("no client");
    let question = connector.introspect(&Secret::new("t"), None).await.expect_err("no verdict");
    (creation, question)
}

#[tokio::test]
async fn one_that_hangs_is_unavailable_and_may_have_made_a_client() {
    let (creation, question) = outcomes(Vec::new).await;

    assert_eq!((creation.status(), creation.happened()), (503, Happened::Maybe));
    assert_eq!(question.status(), 503);
}

#[tokio::test]
async fn nonsense_and_endless_bodies_are_no_answer() {
    let endless = || http("200 OK", "", &"x".repeat(2 * BODY_LIMIT));
    let nonsense = || http("200 OK", "", "<html>hello</html>");
    let list = || http("201 Created", "", "[1, 2]");
    for (creation, question) in [outcomes(endless).await, outcomes(nonsense).await, outcomes(list).await] {
        assert_eq!((creation.status(), creation.happened()), (502, Happened::Maybe), "{creation}");
        assert_eq!(question.status(), 502, "{question}");
    }
}

#[tokio::test]
async fn a_redirect_is_followed_nowhere() {
    let reached = serve(|_, _| http("200 OK", "", r#"{"active":true}"#)).await;
    let to = move || http("307 Temporary Redirect", &format!("location: {reached}/latest/meta-data\r\n"), "");
    let (creation, question) = outcomes(to).await;

    for error in [creation, question] {
        assert!(error.to_string().contains("redirects are not followed"), "{error}");
        assert_eq!(error.status(), 502);
    }
}

#[tokio::test]
async fn the_metadata_of_another_issuer_are_refused() {
    let issuer = serve(|_, _| metadata_of("http://other.example")).await;
    let connector = connect("oidc", &issuer, crate::harness::oidc_provider::properties());

    let error = connector.create_client(&metadata("c")).await.expect_err("no client");

    assert!(error.to_string().contains("of another issuer"), "{error}");
    assert_eq!((error.status(), error.happened()), (502, Happened::No));
}

#[tokio::test]
async fn metadata_that_lead_to_a_machines_own_secrets_are_refused() {
    let issuer = serve(|own, _| {
        let body = format!(r#"{{"issuer":"{own}","registration_endpoint":"http://169.254.169.254/latest"}}"#);
        http("200 OK", "", &body)
    })
    .await;
    let connector = connect("oidc", &issuer, crate::harness::oidc_provider::properties());

    let error = connector.create_client(&metadata("c")).await.expect_err("no client");

    assert!(error.to_string().contains("link-local"), "{error}");
}

#[tokio::test]
async fn one_that_is_overloaded_says_when_to_come_back() {
    let (creation, _) = outcomes(|| http("503 Service Unavailable", "retry-after: 7\r\n", "")).await;

    let ConnectorError::Unavailable { retry_after, happened, .. } = creation else { panic!("{creation}") };
    assert_eq!((retry_after, happened), (Some(Duration::from_secs(7)), Happened::No));
}

#[tokio::test]
async fn one_that_is_not_there_has_made_nothing() {
    let issuer = {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        format!("http://{}", listener.local_addr().expect("the address"))
    };
    let connector = connect("oidc", &issuer, crate::harness::oidc_provider::properties());

    let error = connector.create_client(&metadata("c")).await.expect_err("no client");

    assert_eq!((error.status(), error.happened()), (503, Happened::No));
}
