//! BEHAVIOUR.md section 4: which octets are a bearer token.

use serde_json::json;

use super::configuration;
use super::denials::{MALFORMED_CREDENTIALS, MISSING_CREDENTIALS};
use super::fixtures::{Site, shop};
use super::harness::script::active;
use super::registry::{ANY, SHOP};

const TOKEN_BYTES: usize = 4096;

#[tokio::test]
async fn s4_what_is_no_bearer_credential_is_401_missing() {
    let shop = shop().await;
    for value in [
        &b""[..],
        b"Bearer",
        b"Bearer ",
        b"Bearer \t ",
        b"Bearer:",
        b"Bearer: token",
        b"Bearer=token",
        b"Bearertoken",
        b"token",
        b"Basic dXNlcjpwYXNzd29yZA==",
        b"DPoP token",
        b"Bear token",
        b"\"Bearer\" token",
        "\u{412}earer token".as_bytes(),
        "Be\u{430}rer token".as_bytes(),
        "Bearer\u{a0}token".as_bytes(),
        b"\xffBearer token",
    ] {
        let name = value.escape_ascii().to_string();

        let answer = shop.gateway.get(ANY).authorization(value).send().await;

        shop.assert_denied(&name, &answer, &MISSING_CREDENTIALS).await;
    }
}

#[tokio::test]
async fn s4_what_is_no_b64token_is_400_malformed() {
    let shop = shop().await;
    for value in [
        &b"Bearer \"token\""[..],
        b"Bearer to ken",
        b"Bearer to\tken",
        b"Bearer token=x",
        b"Bearer =",
        b"Bearer to=ken=",
        b"Bearer to:ken",
        b"Bearer to,ken",
        b"Bearer to;ken",
        b"Bearer to%20ken",
        b"Bearer {token}",
        b"Bearer to\\ken",
        b"Bearer Bearer token",
        b"Bearer token, Bearer token",
        b"Bearer token,Basic dXNlcg==",
        b"Basic dXNlcg==, Bearer token",
        b"Basic dXNlcg==,bearer token",
        "Bearer t\u{f6}ken".as_bytes(),
    ] {
        let name = value.escape_ascii().to_string();

        let answer = shop.gateway.get(ANY).authorization(value).send().await;

        shop.assert_denied(&name, &answer, &MALFORMED_CREDENTIALS).await;
    }
}

#[tokio::test]
async fn s4_octets_outside_us_ascii_are_an_ordinary_malformed_token() {
    let shop = shop().await;
    for octet in 0x80..=0xff_u8 {
        for value in [&[b"Bearer ", &[octet][..]].concat()[..], &[b"Bearer to", &[octet][..], b"ken"].concat()] {
            let name = value.escape_ascii().to_string();

            let answer = shop.gateway.get(ANY).authorization(value).send().await;

            assert_eq!((answer.status, &answer.json()["code"]), (400, &json!("900920")), "{name}");
        }
    }
}

#[tokio::test]
async fn s4_two_authorization_headers_are_400() {
    let shop = shop().await;
    let token = shop.idp.issue(active(SHOP, &json!({})));
    let bearer = format!("Bearer {token}");
    for (first, second) in [
        (bearer.as_str(), bearer.as_str()),
        (bearer.as_str(), "Bearer other"),
        (bearer.as_str(), "Basic dXNlcg=="),
        ("Basic dXNlcg==", bearer.as_str()),
    ] {
        let name = format!("{first:?} and {second:?}");

        let answer = shop.gateway.get(ANY).authorization(first).authorization(second).send().await;

        shop.assert_denied(&name, &answer, &MALFORMED_CREDENTIALS).await;
    }
}

#[tokio::test]
async fn s4_the_scheme_in_any_case_and_any_white_space_before_the_token_are_fine() {
    let shop = shop().await;
    let token = shop.idp.issue(active(SHOP, &json!({})));
    for (before, after) in
        [("Bearer ", ""), ("bearer ", ""), ("BEARER ", ""), ("bEaReR  ", ""), ("Bearer\t", ""), ("Bearer \t ", " ")]
    {
        let answer = shop.gateway.get(ANY).authorization(format!("{before}{token}{after}")).send().await;

        shop.assert_allowed(&format!("{before:?} token {after:?}"), &answer).await;
    }
}

#[tokio::test]
async fn s4_every_character_of_rfc_6750_makes_a_token() {
    let shop = shop().await;
    for token in ["a", "azAZ09-._~+/", "-", "/", "a=", "a===", "eyJhbGciOiJub25lIn0.eyJzdWIiOiJhIn0."] {
        shop.idp.script(token, [active(SHOP, &json!({}))]);

        let answer = shop.gateway.get(ANY).bearer(token).send().await;

        shop.assert_allowed(token, &answer).await;
        assert_eq!(shop.idp.requests_about(token).len(), 1, "{token}");
    }
}

#[tokio::test]
async fn s4_tokens_are_limited_in_length() {
    let shop = shop().await;
    for (length, passes) in [(1, true), (TOKEN_BYTES, true), (TOKEN_BYTES + 1, false), (60_000, false)] {
        let token = "k".repeat(length);
        shop.idp.script(&token, [active(SHOP, &json!({}))]);

        let answer = shop.gateway.get(ANY).bearer(&token).send().await;

        if passes {
            shop.assert_allowed(&format!("{length} bytes"), &answer).await;
        } else {
            shop.assert_denied(&format!("{length} bytes"), &answer, &MALFORMED_CREDENTIALS).await;
            assert_eq!(shop.idp.calls_about(&token), 0, "{length} bytes");
        }
    }
}

#[tokio::test]
async fn s4_the_limit_is_the_configured_one() {
    let site = Site::start("token-bytes", &configuration::small_with([("tokenBytes", json!(16))])).await;
    for (length, status) in [(16, 200), (17, 400)] {
        let token = "k".repeat(length);
        site.idp.script(&token, [active(SHOP, &json!({}))]);

        let answer = site.gateway.get(ANY).bearer(&token).send().await;

        assert_eq!(answer.status, status, "{length} bytes");
    }
}

#[tokio::test]
async fn s4_tokens_elsewhere_than_in_the_header_are_no_credentials() {
    let shop = shop().await;
    let token = shop.idp.issue(active(SHOP, &json!({})));
    let form = format!("access_token={token}");

    let query = shop.gateway.get(format!("{ANY}?{form}")).send().await;
    let body = shop
        .gateway
        .call("POST", ANY)
        .header("Content-Type", "application/x-www-form-urlencoded")
        .body(&form)
        .send()
        .await;
    let proxy = shop.gateway.get(ANY).header("Proxy-Authorization", format!("Bearer {token}")).send().await;
    let cookie = shop.gateway.get(ANY).header("Cookie", format!("access_token={token}")).send().await;

    for (name, answer) in [("query", query), ("body", body), ("proxy", proxy), ("cookie", cookie)] {
        shop.assert_denied(name, &answer, &MISSING_CREDENTIALS).await;
    }
    assert_eq!(shop.idp.calls_about(&token), 0);
}

#[tokio::test]
async fn s4_octets_that_are_not_utf_8_are_ordinary_in_every_other_header() {
    let shop = shop().await;
    let token = shop.idp.issue(active(SHOP, &json!({})));
    for name in ["X-Any", "User-Agent", "X-Request-Id", "Traceparent", "Tracestate", "Content-Type", "Cookie"] {
        let answer = shop.gateway.get(ANY).bearer(&token).header(name, b"\xff\xfe\x80").send().await;

        shop.assert_allowed(name, &answer).await;
    }
}
