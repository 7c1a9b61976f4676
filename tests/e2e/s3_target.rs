//! BEHAVIOUR.md section 3: one meaning for each target, or none.

use serde_json::json;

use super::denials::{AMBIGUOUS_TARGET, MALFORMED_REQUEST, METHOD_NOT_ALLOWED, MISSING_CREDENTIALS, NO_OPERATION};
use super::fixtures::shop;
use super::harness::backend::BACKEND;
use super::harness::script::active;
use super::registry::SHOP;

#[tokio::test]
async fn s3_malformed_targets_are_400_900920() {
    let shop = shop().await;
    for target in [
        "/pizzashack/1.0.0/static/%",
        "/pizzashack/1.0.0/static/%4",
        "/pizzashack/1.0.0/static/%4/",
        "/pizzashack/1.0.0/static/%zz",
        "/pizzashack/1.0.0/static/%u002e",
        "/pizzashack/1.0.0/static/%%32%65",
        "/pizzashack/1.0.0/static/%00",
        "/pizzashack/1.0.0/menu%00",
        "/pizzashack/1.0.0/static/%0a",
        "/pizzashack/1.0.0/static/%0D%0Ax-jwt-assertion:1",
        "/pizzashack/1.0.0/static/%1f",
        "/pizzashack/1.0.0/static/%7f",
        "/%zz/1.0.0/menu",
    ] {
        let answer = shop.gateway.call("OPTIONS", target).send().await;

        shop.assert_denied(target, &answer, &MALFORMED_REQUEST).await;
    }
}

/// Envoy refuses these before the filter sees them; should it stop doing so, the filter must.
#[tokio::test]
async fn s3_targets_that_are_no_http_do_not_pass() {
    let shop = shop().await;
    for target in [
        &b"menu"[..],
        b"?menu",
        b"*",
        b"/pizzashack/1.0.0/menu#fragment",
        b"/pizzashack/1.0.0/menu?query#fragment",
        b"/pizzashack/1.0.0/static/\x01",
        b"/pizzashack/1.0.0/static/\x7f",
        b"/pizzashack/1.0.0/static/\x00",
        b"/pizzashack/1.0.0/static/\tlogo",
        b"/pizzashack/1.0.0/static/\x80",
        b"/pizzashack/1.0.0/static/caf\xc3\xa9",
        b"/pizzashack/1.0.0/static/\xff",
    ] {
        let answer = shop.gateway.get(target).send().await;

        assert!([400, 404].contains(&answer.status), "{}: {}", target.escape_ascii(), answer.status);
        assert!(!BACKEND.was_reached_by(&answer.case), "{}", target.escape_ascii());
    }
}

#[tokio::test]
async fn s3_ambiguous_targets_are_400_900920() {
    let shop = shop().await;
    for target in [
        // Dot segments, plain and encoded.
        "/pizzashack/1.0.0/static/.",
        "/pizzashack/1.0.0/static/..",
        "/pizzashack/1.0.0/static/../any",
        "/pizzashack/1.0.0/static/./logo",
        "/pizzashack/1.0.0/static/%2e",
        "/pizzashack/1.0.0/static/%2E%2e/any",
        "/pizzashack/1.0.0/static/.%2e/any",
        "/pizzashack/1.0.0/static/%2e./any",
        "/pizzashack/./1.0.0/menu",
        "/pizzashack/../pizzashack/1.0.0/menu",
        "/nobody/../pizzashack/1.0.0/menu",
        "/../pizzashack/1.0.0/menu",
        "/lax/1.0.0/items/..",
        // Empty segments.
        "/pizzashack/1.0.0/static//logo",
        "/pizzashack/1.0.0/static//",
        "/pizzashack/1.0.0//menu",
        "/pizzashack//1.0.0/menu",
        "//pizzashack/1.0.0/menu",
        "//",
        "/lax/1.0.0/items//",
        // Backslashes, plain and encoded.
        "/pizzashack/1.0.0/static\\..\\any",
        "/pizzashack/1.0.0/static/%5c",
        "/pizzashack/1.0.0/static/..%5Cany",
        "/pizzashack\\1.0.0/menu",
        "/lax/1.0.0/items/a%5cb",
        // Encoded slashes.
        "/pizzashack/1.0.0/static/a%2fb",
        "/pizzashack/1.0.0/static%2F..%2Fany",
        "/pizzashack%2f1.0.0/menu",
        "/lax%2f1.0.0/items/a",
        "/lax/1.0.0%2Fitems/a",
        "/nobody%2F1.0.0",
        // Path parameters, plain and encoded.
        "/pizzashack/1.0.0/static/a;b=c",
        "/pizzashack/1.0.0/any;/menu",
        "/pizzashack/1.0.0/static/..;/any",
        "/pizzashack/1.0.0/static/a%3bb",
        "/pizzashack;v=1/1.0.0/menu",
        "/lax;v=1/1.0.0/items/a",
        "/nobody;x",
        // Overlong and invalid UTF-8.
        "/pizzashack/1.0.0/static/%c0%ae%c0%ae/any",
        "/pizzashack/1.0.0/static/%c0%af",
        "/pizzashack/1.0.0/static/%e0%80%af",
        "/pizzashack/1.0.0/static/%ff",
        "/pizzashack/1.0.0/static/%c3",
        "/pizzashack/1.0.0/static/%ed%a0%80",
        "/lax/1.0.0/items/%ff",
    ] {
        let answer = shop.gateway.get(target).send().await;

        shop.assert_denied(target, &answer, &AMBIGUOUS_TARGET).await;
    }
}

#[tokio::test]
async fn s3_targets_are_decoded_once_compared_as_octets_and_forwarded_as_they_came() {
    let shop = shop().await;
    for target in [
        "/pizzashack/1.0.0/menu/",
        "/pizzashack/menu",
        "/%70izzashack/1%2e0.0/m%65nu",
        "/pizzashack/1.0.0/items:search",
        "/pizzashack/1.0.0/items%3Asearch",
        "/pizzashack/1.0.0/items%3asearch",
        "/pizzashack/1.0.0/pipe|line",
        "/pizzashack/1.0.0/pipe%7Cline",
        "/pizzashack/1.0.0/pipe%7cline",
        "/pizzashack/1.0.0/static",
        "/pizzashack/1.0.0/static/",
        "/pizzashack/1.0.0/static/a/b/c",
        "/pizzashack/1.0.0/static/...",
        "/pizzashack/1.0.0/static/.well-known",
        "/pizzashack/1.0.0/static/a..b",
        "/pizzashack/1.0.0/static/%252e%252e/any",
        "/pizzashack/1.0.0/static/%252f",
        "/pizzashack/1.0.0/static/%25",
        "/pizzashack/1.0.0/static/caf%c3%a9",
        "/pizzashack/1.0.0/static/a%20b+c,d=e@f!$&'()*",
        "/pizzashack/1.0.0/static/[a]^",
        "/pizzashack/1.0.0/menu?x=/../%zz;\\%00//",
        "/pizzashack/1.0.0/menu?/any",
        "/pizzashack/1.0.0/menu?",
        "/lax/1.0.0/items/a%2Fb",
        "/lax/1.0.0/items/a;v=1",
        "/lax/1.0.0/items/a%3Bb",
    ] {
        let answer = shop.gateway.get(target).send().await;

        assert_eq!(answer.echo().path, target);
    }
}

#[tokio::test]
async fn s3_what_only_looks_alike_does_not_match() {
    let shop = shop().await;
    for target in [
        "/pizzashack/1.0.0/%4denu",
        "/pizzashack/1.0.0/menu%20",
        "/pizzashack/1.0.0/%20menu",
        "/pizzashack/1.0.0/%256denu",
        "/pizzashack/1.0.0/menu%3Fx",
        "/pizzashack/1.0.0/menu%2520",
        "/pizzashack/1.0.0/pipe%257Cline",
        "/lax/1.0.0/items/a/b",
        "/lax/1.0.0/items",
        "/lax/1.0.0/items/",
        "/lax/1.0.0/items;v=1/a",
    ] {
        let answer = shop.gateway.get(target).send().await;

        shop.assert_denied(target, &answer, &NO_OPERATION).await;
    }
}

#[tokio::test]
async fn s3_a_template_takes_one_segment_that_is_not_empty() {
    let shop = shop().await;
    let script = || active(SHOP, &json!({"sub": "alice"}));

    let one = shop.get_with("/pizzashack/1.0.0/order/17", script()).await;
    let encoded = shop.get_with("/pizzashack/1.0.0/order/%7Bid%7D", script()).await;
    let raw = shop.get_with("/pizzashack/1.0.0/order/{id}", script()).await;
    let none = shop.get_with("/pizzashack/1.0.0/order/", script()).await;

    for answer in [one, encoded, raw] {
        answer.echo();
    }
    shop.assert_denied("no segment", &none, &METHOD_NOT_ALLOWED).await;
}

#[tokio::test]
async fn s3_headers_that_name_another_method_or_target_take_no_part() {
    let shop = shop().await;
    for (name, value) in [
        ("X-HTTP-Method-Override", "GET"),
        ("X-HTTP-Method", "GET"),
        ("X-Method-Override", "GET"),
        ("X-Original-URL", "/pizzashack/1.0.0/menu"),
        ("X-Rewrite-URL", "/pizzashack/1.0.0/menu"),
        ("X-Original-URI", "/pizzashack/1.0.0/menu"),
        ("X-Envoy-Original-Path", "/pizzashack/1.0.0/menu"),
        ("X-Forwarded-Uri", "/pizzashack/1.0.0/menu"),
        ("X-Forwarded-Prefix", "/pizzashack/1.0.0/menu"),
    ] {
        let answer = shop.gateway.call("POST", "/pizzashack/1.0.0/any").header(name, value).send().await;

        shop.assert_denied(name, &answer, &MISSING_CREDENTIALS).await;
    }
}

#[tokio::test]
async fn s3_headers_that_name_another_host_take_no_part() {
    let shop = shop().await;
    for name in ["X-Forwarded-Host", "X-Host", "X-Original-Host", "Forwarded"] {
        let call = shop.gateway.get("/hosted/1.0.0/menu").host("other.example");

        let answer = call.header(name, "shop.example").send().await;

        assert_eq!(answer.status, 404, "{name}");
    }
}
