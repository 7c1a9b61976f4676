//! BEHAVIOUR.md section 5: how the identity provider is asked.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::json;

use super::configuration::{self, SECRET, SECRET_VARIABLE};
use super::fixtures::{Site, shop};
use super::harness::form;
use super::harness::script::active;
use super::harness::scripted_idp::IntrospectionRequest;
use super::registry::{ANY, SHOP};

const CLIENT_ID: &str = "gateway:edge 1";

/// Asks about a fresh token; what the identity provider received.
async fn question(site: &Site) -> (String, IntrospectionRequest) {
    let token = site.idp.issue(active(SHOP, &json!({})));
    let answer = site.gateway.get(ANY).bearer(&token).send().await;
    assert_eq!(answer.status, 200);
    let requests = site.idp.requests_about(&token);
    assert_eq!(requests.len(), 1);
    (token, requests[0].clone())
}

/// User and password of Basic, as they are between base64 and decoding.
fn basic(request: &IntrospectionRequest) -> (String, String) {
    let authorization = request.header("authorization").expect("an Authorization header");
    let encoded = authorization.strip_prefix("Basic ").expect("the Basic scheme");
    let credentials = STANDARD.decode(encoded).expect("base64");
    let credentials = String::from_utf8(credentials).expect("UTF-8");
    let (user, password) = credentials.split_once(':').expect("a colon");
    (user.to_owned(), password.to_owned())
}

#[tokio::test]
async fn s5_the_question_is_a_form_that_asks_for_json() {
    let shop = shop().await;

    let (token, request) = question(&shop).await;

    assert_eq!(request.request_line, "POST /oauth2/introspect HTTP/1.1");
    assert_eq!(request.header("host"), Some("idp.example.com"));
    assert_eq!(request.header("content-type"), Some("application/x-www-form-urlencoded"));
    assert_eq!(request.header("accept"), Some("application/json"));
    let expected = [("token".to_owned(), token), ("token_type_hint".to_owned(), "access_token".to_owned())];
    assert_eq!(request.form(), expected);
}

#[tokio::test]
async fn s5_the_token_is_percent_encoded() {
    let shop = shop().await;
    let token = "a+b/c~d.e_f-g==";
    shop.idp.script(token, [active(SHOP, &json!({}))]);

    shop.gateway.get(ANY).bearer(token).send().await.echo();

    let requests = shop.idp.requests_about(token);
    assert!(requests[0].body.contains("a%2Bb%2Fc"), "{}", requests[0].body);
}

#[tokio::test]
async fn s5_client_secret_basic_encodes_id_and_secret_as_a_form_first() {
    let shop = shop().await;

    let (_, request) = question(&shop).await;

    let (user, password) = basic(&request);
    assert_eq!((form::decode_text(&user), form::decode_text(&password)), (CLIENT_ID.to_owned(), SECRET.to_owned()));
    assert!(!request.body.contains("client_"), "{}", request.body);
}

#[tokio::test]
async fn s5_client_secret_basic_can_leave_id_and_secret_as_they_are() {
    let authentication = json!({
        "method": "client_secret_basic",
        "clientId": "gateway",
        "clientSecret": {"env": SECRET_VARIABLE},
        "encoding": "raw",
    });
    let configuration = configuration::small_with_introspection([("clientAuthentication", authentication)]);
    let site = Site::start("basic-raw", &configuration).await;

    let (_, request) = question(&site).await;

    assert_eq!(basic(&request), ("gateway".to_owned(), SECRET.to_owned()));
}

#[tokio::test]
async fn s5_client_secret_post_puts_id_and_secret_into_the_form() {
    let authentication = json!({
        "method": "client_secret_post",
        "clientId": CLIENT_ID,
        "clientSecret": {"value": SECRET},
    });
    let parameters = json!({"token_type_hint": "opaque", "resource": "urn:a&b"});
    let members = [("clientAuthentication", authentication), ("parameters", parameters)];
    let site = Site::start("secret-post", &configuration::small_with_introspection(members)).await;

    let (token, request) = question(&site).await;

    let mut form = request.form();
    form.sort();
    let expected = [
        ("client_id", CLIENT_ID),
        ("client_secret", SECRET),
        ("resource", "urn:a&b"),
        ("token", &token),
        ("token_type_hint", "opaque"),
    ];
    assert_eq!(form, expected.map(|(name, value)| (name.to_owned(), value.to_owned())));
    assert_eq!(request.header("authorization"), None);
}

#[tokio::test]
async fn s5_client_authentication_none_sends_no_credentials() {
    let configuration = configuration::small_with_introspection([("clientAuthentication", json!({"method": "none"}))]);
    let site = Site::start("no-authentication", &configuration).await;

    let (_, request) = question(&site).await;

    assert_eq!(request.header("authorization"), None);
    assert!(!request.body.contains("client_"), "{}", request.body);
}

#[tokio::test]
async fn s5_trace_headers_are_passed_on_and_nothing_else_of_the_caller() {
    let shop = shop().await;
    let token = shop.idp.issue(active(SHOP, &json!({})));
    let traceparent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";

    let echo = shop
        .gateway
        .get(ANY)
        .bearer(&token)
        .header("traceparent", traceparent)
        .header("tracestate", "congo=t61rcWkgMzE")
        .header("cookie", "session=secret")
        .header("user-agent", "caller/1")
        .header("x-any", "caller")
        .send()
        .await
        .echo();

    let request = &shop.idp.requests_about(&token)[0];
    assert_eq!(request.header("traceparent"), Some(traceparent));
    assert_eq!(request.header("tracestate"), Some("congo=t61rcWkgMzE"));
    assert_eq!(request.header("x-request-id"), echo.header("x-request-id"));
    for name in ["cookie", "user-agent", "x-any", "x-case", "x-forwarded-for"] {
        assert_eq!(request.header(name), None, "{name}");
    }
}
