//! BEHAVIOUR.md section 8: whatever a client sends, it gets an answer, and the worker lives.

use serde_json::json;

use super::configuration;
use super::denials::{INVALID_TOKEN, MISSING_CREDENTIALS};
use super::fixtures::{Site, shop};
use super::harness::script::{Script, active};
use super::registry::{ANY, MENU, SHOP};

/// Every octet, alone and amid others.
fn octets() -> impl Iterator<Item = (String, Vec<u8>)> {
    (0..=u8::MAX).flat_map(|octet| {
        [vec![octet], [b"a", &[octet][..], b"b"].concat()].map(|octets| (octets.escape_ascii().to_string(), octets))
    })
}

/// Octets that end or split a header line, so that what remains is another request.
fn breaks_lines(octets: &[u8]) -> bool {
    octets.iter().any(|octet| b"\r\n".contains(octet))
}

#[tokio::test]
async fn s8_any_octet_in_a_header_value_gets_an_answer() {
    let site = Site::start("octets-in-values", &configuration::small()).await;
    for header in ["Authorization", "X-Any", "X-Jwt-Assertion", "Content-Type", "Host", "X-Request-Id"] {
        for (name, octets) in octets().filter(|(_, octets)| !breaks_lines(octets)) {
            let answer = site.gateway.get(MENU).header(header, octets).try_send().await;

            assert!(answer.is_some(), "{header}: {name}");
        }
    }
    site.assert_alive().await;
}

#[tokio::test]
async fn s8_any_octet_in_a_header_name_gets_an_answer() {
    let site = Site::start("octets-in-names", &configuration::small()).await;
    for (name, octets) in octets().filter(|(_, octets)| !breaks_lines(octets)) {
        let answer = site.gateway.get(MENU).header(octets, "any").try_send().await;

        assert!(answer.is_some(), "{name}");
    }
    site.assert_alive().await;
}

#[tokio::test]
async fn s8_any_octet_in_a_target_gets_an_answer() {
    let site = Site::start("octets-in-targets", &configuration::small()).await;
    for (name, octets) in octets().filter(|(_, octets)| !breaks_lines(octets)) {
        for before in [&b"/pizzashack/1.0.0/"[..], b"/", b"", b"/pizzashack/1.0.0/menu?", b"/pizzashack/1.0.0/%"] {
            let answer = site.gateway.get([before, &octets].concat()).try_send().await;

            assert!(answer.is_some(), "{} {name}", before.escape_ascii());
        }
    }
    site.assert_alive().await;
}

#[tokio::test]
async fn s8_any_octet_in_a_token_that_is_asked_about_gets_an_answer() {
    let site = Site::start("octets-in-tokens", &configuration::small()).await;
    for (name, octets) in octets().filter(|(_, octets)| !breaks_lines(octets)) {
        let value = [b"Bearer ", octets.as_slice()].concat();

        let answer = site.gateway.get(ANY).authorization(value).send().await;

        assert!([400, 401].contains(&answer.status), "{name}: {}", answer.status);
    }
    site.assert_alive().await;
}

#[tokio::test]
async fn s8_long_targets_get_an_answer() {
    let shop = shop().await;
    for (name, target) in [
        ("8 KiB in one segment", format!("/pizzashack/1.0.0/static/{}", "a".repeat(8192))),
        ("10 000 segments", format!("/pizzashack/1.0.0/static{}", "/a".repeat(10_000))),
        ("10 000 encoded octets", format!("/pizzashack/1.0.0/static/{}", "%61".repeat(10_000))),
        ("a long query", format!("{MENU}?{}", "a".repeat(30_000))),
    ] {
        let answer = shop.gateway.get(&target).send().await;

        assert_eq!(answer.echo().path, target, "{name}");
    }
}

#[tokio::test]
async fn s8_a_request_with_as_many_headers_as_envoy_takes_gets_an_answer() {
    const HEADERS: usize = 90;
    let shop = shop().await;
    let token = shop.idp.issue(active(SHOP, &json!({})));

    let call = shop.gateway.get(ANY).bearer(&token);
    let answer = (0..HEADERS).fold(call, |call, number| call.header(format!("x-{number}"), "any")).send().await;

    assert_eq!(answer.echo().header_names().filter(|name| name.starts_with("x-") && name.len() <= 4).count(), HEADERS);
}

#[tokio::test]
async fn s8_a_refused_upload_gets_its_answer() {
    let shop = shop().await;

    let answer = shop.gateway.call("POST", ANY).body(&"x".repeat(3_000_000)).send().await;

    shop.assert_denied("upload", &answer, &MISSING_CREDENTIALS).await;
}

#[tokio::test]
async fn s8_an_upgrade_is_decided_like_any_request() {
    let shop = shop().await;
    let token = shop.idp.issue(active(SHOP, &json!({})));
    for protocol in ["websocket", "h2c"] {
        let upgrade = || shop.gateway.get(ANY).header("Connection", "Upgrade").header("Upgrade", protocol);

        shop.assert_denied(protocol, &upgrade().send().await, &MISSING_CREDENTIALS).await;
        let answer = upgrade().bearer(&token).send().await;
        shop.assert_allowed(protocol, &answer).await;
        assert!(shop.gateway.logged(&answer).await.assertion.is_some(), "{protocol}: it goes on with its JWT");
    }
}

#[tokio::test]
async fn s8_hostile_members_of_an_answer_get_an_answer() {
    let site = Site::start("hostile-answers", &configuration::small()).await;
    let long = "x".repeat(10_000);
    for (name, client_id) in [
        ("a path", "../../shop-client"),
        ("10 kB", long.as_str()),
        ("a NUL", "shop-client\0"),
        ("a line break", "shop-client\r\nX-Injected: 1"),
        ("a quote", "shop-client\""),
        ("a letter beyond ASCII", "shop-client\u{301}"),
    ] {
        let answer = site.get_with(ANY, active(client_id, &json!({}))).await;

        assert_eq!(answer.status, 403, "{name}: {}", String::from_utf8_lossy(&answer.body));
        assert_eq!(answer.header("x-injected"), None, "{name}");
    }
    for (number, status) in [
        ("1e400", 503),
        ("-1e400", 503),
        ("1e-400", 401),
        ("123456789012345678901234567890", 200),
        ("-123456789012345678901234567890", 401),
        ("0.1e1", 401),
    ] {
        let body = format!(r#"{{"active":true,"client_id":"{SHOP}","exp":{number}}}"#);

        let answer = site.get_with(ANY, Script::body(body)).await;

        assert_eq!(answer.status, status, "exp {number}");
    }
    site.assert_alive().await;
}

#[tokio::test]
async fn s8_line_breaks_in_claims_end_neither_a_header_nor_a_line_of_the_log() {
    let shop = shop().await;
    let hostile = "alice\r\nX-Injected: 1\r\n\r\nGET /\n\u{85}\u{2028}";
    let members = json!({"sub": hostile, "username": hostile, "email": hostile, "jti": hostile});

    let answer = shop.get_with("/open/1.0.0/any", active(hostile, &members)).await;

    let echo = answer.echo();
    assert!(!echo.has_header("x-injected") && answer.header("x-injected").is_none());
    assert!(echo.header_names().all(|name| !name.contains("get")), "{echo:?}");
    assert_eq!(shop.backend_jwt(&answer).await.claims["sub"], json!(hostile), "told as it is");
    let logged = shop.gateway.logged(&answer).await;
    for published in [logged.subject, logged.client_id] {
        assert_eq!(
            published.as_deref(),
            Some("alice\u{fffd}\u{fffd}X-Injected: 1\u{fffd}\u{fffd}\u{fffd}\u{fffd}GET /\u{fffd}\u{fffd}\u{2028}")
        );
    }
    assert!(!shop.gateway.log().contains("X-Injected"));
}

#[tokio::test]
async fn s8_made_up_tokens_leave_the_worker_as_it_was() {
    let site = Site::start("made-up-tokens", &configuration::small()).await;
    for number in 0..1_000 {
        let answer = site.gateway.get(ANY).bearer(&format!("made-up-{number}")).send().await;

        assert_eq!(answer.status, 401);
    }
    let answer = site.gateway.get(ANY).bearer("made-up-0").send().await;
    site.assert_denied("made up", &answer, &INVALID_TOKEN).await;
    site.assert_alive().await;
}
