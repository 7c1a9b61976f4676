//! BEHAVIOUR.md section 2: what the client is told.

use serde_json::json;

use super::configuration;
use super::denials::MISSING_CREDENTIALS;
use super::fixtures::{Site, shop};
use super::harness::answer::Answer;
use super::harness::http2;
use super::harness::script::{Script, active};
use super::registry::{ANY, SHOP, STRANGER, SUBSCRIPTIONS, UNSUBSCRIBED};

const ORDER: &str = "/pizzashack/1.0.0/order";

#[tokio::test]
async fn s2_missing_credentials_are_challenged_without_an_error_code() {
    let shop = shop().await;

    let answer = shop.gateway.get(ANY).send().await;

    assert_eq!(answer.header("www-authenticate"), Some(r#"Bearer realm="gatehouse""#));
}

#[tokio::test]
async fn s2_an_invalid_token_is_challenged_with_a_description() {
    let shop = shop().await;

    let answer = shop.get_with(ANY, Script::inactive()).await;

    let description = answer.json()["description"].as_str().unwrap_or_default().to_owned();
    let expected = format!(r#"Bearer realm="gatehouse", error="invalid_token", error_description="{description}""#);
    assert_eq!(answer.header("www-authenticate"), Some(expected.as_str()));
}

#[tokio::test]
async fn s2_an_insufficient_scope_is_challenged_with_the_scopes_that_are_needed() {
    let shop = shop().await;

    let answer = shop.get_with("/pizzashack/1.0.0/either", active(SHOP, &json!({"scope": "other"}))).await;

    let expected = r#"Bearer realm="gatehouse", error="insufficient_scope", scope="read write""#;
    assert_eq!(answer.header("www-authenticate"), Some(expected));
}

#[tokio::test]
async fn s2_challenges_name_the_configured_realm_and_resource_metadata() {
    let metadata = "https://gateway.example.com/.well-known/oauth-protected-resource";
    let members = [("realm", json!("pizza")), ("resourceMetadata", json!(metadata))];
    let site = Site::start("realm", &configuration::small_with(members)).await;

    let missing = site.gateway.get(ANY).send().await;
    let invalid = site.get_with(ANY, Script::inactive()).await;

    let expected = format!(r#"Bearer realm="pizza", resource_metadata="{metadata}""#);
    assert_eq!(missing.header("www-authenticate"), Some(expected.as_str()));
    let challenge = invalid.header("www-authenticate").unwrap_or_default();
    assert!(challenge.starts_with(r#"Bearer realm="pizza", error="invalid_token", "#), "{challenge}");
    assert!(challenge.ends_with(&format!(r#"resource_metadata="{metadata}""#)), "{challenge}");
}

#[tokio::test]
async fn s2_a_refusal_repeats_nothing_that_the_client_sent() {
    let shop = shop().await;
    let token = "echo-canary~token";
    shop.idp.script(token, [Script::inactive()]);
    for (target, authorization) in [
        ("/pizzashack/1.0.0/any?echo-canary", format!("Bearer {token}")),
        ("/pizzashack/1.0.0/any", "Bearer \"echo-canary\"".to_owned()),
        ("/pizzashack/1.0.0/echo-canary", String::new()),
        ("/echo-canary/%zz", String::new()),
        ("/pizzashack/1.0.0/echo-canary//", String::new()),
    ] {
        let answer = shop.gateway.get(target).authorization(authorization).send().await;

        assert!(answer.status >= 400, "{target}");
        let told = format!("{:?} {}", answer.headers, String::from_utf8_lossy(&answer.body));
        assert!(!told.contains("echo-canary"), "{target}: {told}");
    }
}

#[tokio::test]
async fn s2_a_refusal_tells_nothing_of_others() {
    let shop = shop().await;
    let idp_says = json!({"error": "canary", "error_description": "canary"}).to_string();
    let user = json!({"sub": "canary", "username": "canary", "email": "canary", "iss": "canary", "jti": "canary"});
    let others = [
        "canary",
        "bob",
        "Platinum",
        "Gold",
        "sales",
        "corporate",
        "idp.example.com",
        "introspect",
        "PizzaShack",
        "unsubscribed",
        SHOP,
        STRANGER,
        UNSUBSCRIBED,
        "-client",
        "http://",
        "https://",
    ];
    let mut cases = vec![
        ("no API", "/nobody", Script::inactive()),
        ("no operation", "/pizzashack/1.0.0/nothing", Script::inactive()),
        ("no such verb", "/pizzashack/1.0.0/order", Script::inactive()),
        ("API blocked", "/blocked/1.0.0/menu", Script::inactive()),
        ("API not yet published", "/created/1.0.0/menu", Script::inactive()),
        ("inactive", ANY, Script::inactive()),
        ("bound to a key", ANY, active(SHOP, &json!({"cnf": {"jkt": "canary"}}))),
        ("another kind", ANY, active(SHOP, &json!({"token_type": "canary"}))),
        ("a user's", "/pizzashack/1.0.0/batch", active(SHOP, &user)),
        ("of no application", ANY, active(STRANGER, &user)),
        ("of no subscription", ANY, active(UNSUBSCRIBED, &user)),
        ("no scope", "/pizzashack/1.0.0/either", active(SHOP, &json!({"scope": "canary"}))),
        ("unanswerable", ANY, Script::body(&idp_says)),
        ("failing", ANY, Script::reply(500, &[("x-idp", "canary")], &idp_says)),
        ("redirecting", ANY, Script::reply(302, &[("location", "https://canary")], &idp_says)),
    ];
    cases.extend(SUBSCRIPTIONS.map(|(state, _, client_id)| (state, ANY, active(client_id, &user))));
    for (name, target, script) in cases {
        let answer = shop.get_with(target, script).await;

        if answer.status != 200 {
            let told = format!("{:?} {}", answer.headers, String::from_utf8_lossy(&answer.body));
            assert!(others.iter().all(|other| !told.contains(other)), "{name}: {told}");
        }
    }
}

#[tokio::test]
async fn s2_a_refused_head_request_gets_headers_alone() {
    let shop = shop().await;

    let answer = shop.gateway.call("HEAD", ANY).send().await;

    assert_eq!((answer.status, answer.body.as_slice()), (401, &b""[..]));
    assert_eq!(answer.header("content-type"), Some("application/json"));
    assert_eq!(answer.header("www-authenticate"), Some(r#"Bearer realm="gatehouse""#));
}

#[tokio::test]
async fn s2_json_refusals_are_the_same_over_http2() {
    let shop = shop().await;

    let answer = http2::send(shop.gateway.address, "GET", ANY, &[]).await;

    shop.assert_denied("HTTP/2", &answer, &MISSING_CREDENTIALS).await;
}

#[tokio::test]
async fn s2_grpc_calls_are_refused_with_a_grpc_status_and_trailers_alone() {
    let shop = shop().await;
    let unusable = shop.idp.issue(Script::body("no JSON"));
    let inactive = shop.idp.issue(Script::inactive());
    let unsubscribed = shop.idp.issue(active(STRANGER, &json!({"scope": "order_pizza"})));
    let unscoped = shop.idp.issue(active(SHOP, &json!({})));
    let huge = shop.idp.issue(active(SHOP, &json!({"sub": "a".repeat(20_000)})));
    let none = String::new;
    for (path, token, grpc_status, reason, message) in [
        ("/pizzashack/1.0.0//any", none(), "3", "ambiguous_target", "The request target is ambiguous"),
        (ORDER, none(), "16", "missing_credentials", "A bearer token is required"),
        (ORDER, inactive, "16", "invalid_token", "The access token is not active"),
        (ORDER, unsubscribed, "7", "no_subscription", "The application has no subscription to the API"),
        (ORDER, unscoped, "7", "insufficient_scope", "The access token lacks a scope"),
        ("/nobody", none(), "12", "no_api", "No API is published at this address"),
        ("/pizzashack/1.0.0/menu", none(), "12", "method_not_allowed", "The operation has no such method"),
        (ANY, huge, "13", "backend_jwt_failed", "The caller's identity could not be asserted"),
        (ORDER, unusable, "14", "idp_answer_malformed", "The access token could not be checked; try again later"),
        ("/blocked/1.0.0/menu", none(), "14", "api_blocked", "The API is blocked by its publisher"),
    ] {
        let name = reason;
        let authorization = if token.is_empty() { token } else { format!("Bearer {token}") };

        let answer = http2::grpc(shop.gateway.address, path, &[("authorization", &authorization)]).await;

        assert_trailers_only(name, &answer, grpc_status);
        assert_eq!(answer.header("grpc-message"), Some(message), "{name}");
        let logged = shop.gateway.logged(&answer).await;
        assert_eq!(logged.details, Some(format!("gatehouse_{reason}")), "{name}");
        assert_eq!(logged.decision.as_deref(), Some("deny"), "{name}");
    }
}

#[tokio::test]
async fn s2_grpc_is_told_by_its_content_type_with_or_without_a_suffix() {
    let shop = shop().await;
    for (content_type, is_grpc) in [
        ("application/grpc", true),
        ("application/grpc+proto", true),
        ("application/grpc+json", true),
        ("application/grpc-web", false),
        ("application/json", false),
    ] {
        let answer = http2::send(shop.gateway.address, "POST", ORDER, &[("content-type", content_type)]).await;

        if is_grpc {
            assert_trailers_only(content_type, &answer, "16");
        } else {
            shop.assert_denied(content_type, &answer, &MISSING_CREDENTIALS).await;
        }
    }
}

#[tokio::test]
async fn s2_an_allowed_grpc_call_passes() {
    let shop = shop().await;
    let token = shop.idp.issue(active(SHOP, &json!({"scope": "order_pizza"})));
    let authorization = format!("Bearer {token}");

    let answer = http2::grpc(shop.gateway.address, ORDER, &[("authorization", &authorization)]).await;

    shop.assert_allowed("gRPC", &answer).await;
    let echo = answer.echo();
    assert_eq!((echo.method.as_str(), echo.header("content-type")), ("POST", Some("application/grpc")));
}

/// Status 200, everything in the headers, no body, and a message in plain words.
#[track_caller]
fn assert_trailers_only(name: &str, answer: &Answer, grpc_status: &str) {
    assert_eq!(answer.status, 200, "{name}");
    assert_eq!(answer.header("grpc-status"), Some(grpc_status), "{name}");
    assert_eq!(answer.header("content-type"), Some("application/grpc"), "{name}");
    assert_eq!(answer.body, b"", "{name}");
    let message = answer.header("grpc-message").unwrap_or_default();
    assert!(!message.is_empty() && !message.contains('{'), "{name}: {message}");
}
