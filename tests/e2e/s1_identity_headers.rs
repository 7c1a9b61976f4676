//! BEHAVIOUR.md section 1, rows 1, 7 and 16: what of the caller's headers reaches the backend.

use serde_json::{Value, json};

use super::configuration;
use super::denials::{INVALID_TOKEN, MALFORMED_REQUEST, MISSING_CREDENTIALS, NO_API};
use super::fixtures::{Site, shop};
use super::harness::answer::Echo;
use super::harness::call::Call;
use super::harness::http2;
use super::harness::script::{Script, active};
use super::registry::{ANY, MENU, SHOP};

const FORGED: &str = "forged";

/// Spellings of the backend JWT's header that some backend takes for it.
const LOOK_ALIKES: [&str; 7] = [
    "x-jwt-assertion",
    "X-JWT-Assertion",
    "x_jwt_assertion",
    "X_JWT_ASSERTION",
    "x-jwt_assertion",
    "X_Jwt-Assertion",
    "x_JWT-assertion",
];

fn with_look_alikes(call: Call) -> Call {
    let call = LOOK_ALIKES.iter().fold(call, |call, name| call.header(name, FORGED));
    call.header("x-jwt-assertion", FORGED)
}

#[track_caller]
fn assert_unforged(name: &str, echo: &Echo) {
    for header in echo.header_names() {
        assert_ne!(header.replace('_', "-"), "x-jwt-assertion", "{name}: {header} reached the backend");
    }
}

#[tokio::test]
async fn s1_1_forged_identity_headers_are_removed_on_public_operations() {
    let shop = shop().await;

    let answer = with_look_alikes(shop.gateway.get(MENU)).send().await;

    assert_unforged("public", &answer.echo());
}

#[tokio::test]
async fn s1_1_forged_identity_headers_give_way_to_ours_on_protected_operations() {
    let shop = shop().await;
    let token = shop.idp.issue(active(SHOP, &json!({})));
    for state in ["cold", "cached"] {
        let answer = with_look_alikes(shop.gateway.get(ANY).bearer(&token)).send().await;

        let echo = answer.echo();
        let ours = echo.header("x-jwt-assertion").unwrap_or_default();
        assert_eq!(ours.split('.').count(), 3, "{state}: {ours}");
        let named_alike = echo.header_names().filter(|name| name.replace('_', "-") == "x-jwt-assertion").count();
        assert_eq!(named_alike, 1, "{state}");
    }
}

/// What remains of a denied request is in the access log.
#[tokio::test]
async fn s1_1_forged_identity_headers_are_removed_on_denied_requests() {
    let shop = shop().await;
    let inactive = shop.idp.issue(Script::inactive());
    for (name, call, denial) in [
        ("at once", shop.gateway.get(ANY), &MISSING_CREDENTIALS),
        ("after a question", shop.gateway.get(ANY).bearer(&inactive), &INVALID_TOKEN),
        ("from memory", shop.gateway.get(ANY).bearer(&inactive), &INVALID_TOKEN),
        ("no API", shop.gateway.get("/nobody"), &NO_API),
        ("malformed", shop.gateway.get("/%zz"), &MALFORMED_REQUEST),
    ] {
        let answer = with_look_alikes(call).send().await;

        shop.assert_denied(name, &answer, denial).await;
        assert_eq!(shop.gateway.logged(&answer).await.assertion_look_alike, None, "{name}");
    }
}

#[tokio::test]
async fn s1_1_forged_identity_headers_are_removed_where_unmatched_requests_pass() {
    let site = Site::start(
        "unmatched-forged",
        &configuration::small_with([("unmatched", json!("forward")), ("backendJwt", jwt())]),
    )
    .await;

    let answer = with_look_alikes(site.gateway.get("/nobody").authorization("Bearer caller")).send().await;

    let echo = answer.echo();
    assert_unforged("unmatched", &echo);
    assert_eq!(echo.header("authorization"), Some("Bearer caller"));
}

/// What `Connection` names is for one hop alone, so a proxy may remove it, and with it what stands for the caller.
#[tokio::test]
async fn s1_1_a_connection_header_that_names_the_identity_header_changes_nothing() {
    let shop = shop().await;
    let token = shop.idp.issue(active(SHOP, &json!({})));
    let names = "close, x-jwt-assertion, x_jwt_assertion";

    let public = with_look_alikes(shop.gateway.get(MENU)).header("Connection", names).send().await;
    let protected = with_look_alikes(shop.gateway.get(ANY).bearer(&token)).header("Connection", names).send().await;

    assert_unforged("public", &public.echo());
    let jwt = shop.backend_jwt(&protected).await;
    assert_eq!(jwt.claims["sub"], json!(SHOP));
}

#[tokio::test]
async fn s1_1_forged_identity_headers_are_removed_over_http2() {
    let shop = shop().await;
    let headers = [("x-jwt-assertion", FORGED), ("x_jwt_assertion", FORGED), ("x-jwt-assertion", FORGED)];

    let answer = http2::send(shop.gateway.address, "GET", MENU, &headers).await;

    assert_unforged("HTTP/2", &answer.echo());
}

#[tokio::test]
async fn s1_1_the_header_that_is_protected_is_the_configured_one() {
    let mut jwt = jwt();
    jwt["header"] = json!("X-Gateway-Identity");
    let site = Site::start("other-header", &configuration::small_with([("backendJwt", jwt)])).await;
    let token = site.idp.issue(active(SHOP, &json!({})));

    let call = site.gateway.get(ANY).bearer(&token).header("x_gateway-identity", FORGED);
    let echo = call.header("x-jwt-assertion", "the backend's own").send().await.echo();

    assert_eq!(echo.header("x-gateway-identity").unwrap_or_default().split('.').count(), 3);
    assert!(!echo.has_header("x_gateway-identity"));
    assert_eq!(echo.header("x-jwt-assertion"), Some("the backend's own"));
}

#[tokio::test]
async fn s1_7_a_public_operation_sees_no_bearer_token_but_other_schemes() {
    let shop = shop().await;
    for (sent, received) in [
        ("Bearer caller", None),
        ("bearer caller", None),
        ("BEARER\tcaller", None),
        ("Bearer not a token", None),
        ("Basic dXNlcjpwYXNzd29yZA==", Some("Basic dXNlcjpwYXNzd29yZA==")),
        ("Digest username=\"a\", realm=\"b\"", Some("Digest username=\"a\", realm=\"b\"")),
    ] {
        let answer = shop.gateway.get(MENU).authorization(sent).send().await;

        let echo = answer.echo();
        assert_eq!(echo.header("authorization"), received, "{sent}");
        assert_unforged(sent, &echo);
        assert_eq!(shop.gateway.logged(&answer).await.decision.as_deref(), Some("public"), "{sent}");
    }
}

#[tokio::test]
async fn s1_7_a_bearer_token_hidden_behind_another_scheme_does_not_reach_a_public_operation() {
    let shop = shop().await;
    for (first, second) in [("Basic dXNlcg==", "Bearer caller"), ("Bearer caller", "Basic dXNlcg==")] {
        let answer = shop.gateway.get(MENU).authorization(first).authorization(second).send().await;

        let received = answer.echo().header("authorization").unwrap_or_default().to_owned();
        assert!(!received.contains("caller"), "{first}, {second}: {received}");
    }
}

#[tokio::test]
async fn s1_16_the_token_stays_at_the_gateway() {
    let shop = shop().await;

    let answer = shop.get_with(ANY, active(SHOP, &json!({}))).await;

    assert_eq!(answer.echo().header("authorization"), None);
}

#[tokio::test]
async fn s1_16_forward_authorization_lets_the_backend_see_the_token() {
    let site =
        Site::start("forward-authorization", &configuration::small_with([("forwardAuthorization", json!(true))])).await;
    let token = site.idp.issue(active(SHOP, &json!({})));

    let protected = site.gateway.get(ANY).bearer(&token).send().await;
    let public = site.gateway.get(MENU).bearer(&token).send().await;

    assert_eq!(protected.echo().header("authorization"), Some(format!("Bearer {token}").as_str()));
    assert_eq!(public.echo().header("authorization"), None);
}

#[tokio::test]
async fn s1_16_other_headers_and_the_target_reach_the_backend_as_they_came() {
    let shop = shop().await;
    let token = shop.idp.issue(active(SHOP, &json!({})));
    let target = format!("{ANY}?access_token=x&q=%2F..%2f&r=%zz");

    let call = shop.gateway.get(&target).bearer(&token).header("X-Any", b"caf\xc3\xa9 \xff").header("X-Empty", "");
    let echo = call.send().await.echo();

    assert_eq!(echo.path, target);
    assert_eq!(echo.header("x-any"), Some("caf\u{c3}\u{a9} \u{ff}"));
    assert_eq!(echo.header("x-empty"), Some(""));
}

#[tokio::test]
async fn s1_16_a_body_reaches_the_backend_after_the_question_to_the_identity_provider() {
    let shop = shop().await;
    let token = shop.idp.issue(active(SHOP, &json!({})));
    let body = "pizza ".repeat(50_000);

    let answer = shop.gateway.call("POST", ANY).bearer(&token).body(&body).send().await;

    shop.assert_allowed("upload", &answer).await;
    assert_eq!(answer.echo().body, body);
}

fn jwt() -> Value {
    configuration::shop()["backendJwt"].clone()
}
