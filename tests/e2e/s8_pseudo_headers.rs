//! BEHAVIOUR.md section 8: heads that no HTTP/2 client sends.

use serde_json::json;

use super::configuration;
use super::fixtures::Site;
use super::harness::answer::CASE_HEADER;
use super::harness::backend::BACKEND;
use super::harness::call::fresh_case;
use super::harness::http2_frames::{self, End};
use super::harness::script::active;
use super::registry::{ANY, SHOP};

type Header<'a> = (&'a str, &'a str);

const METHOD: Header<'_> = (":method", "GET");
const SCHEME: Header<'_> = (":scheme", "http");
const AUTHORITY: Header<'_> = (":authority", "gateway.example");
const PATH: Header<'_> = (":path", ANY);

/// Heads for a protected operation, each with something odd.
fn odd_heads() -> Vec<(&'static str, Vec<Header<'static>>)> {
    let plain = [METHOD, SCHEME, AUTHORITY, PATH];
    let with = |more: Header<'static>| [plain.as_slice(), &[more]].concat();
    let before = |more: Header<'static>| [&[more], plain.as_slice()].concat();
    let path = |path: &'static str| vec![METHOD, SCHEME, AUTHORITY, (":path", path)];
    vec![
        ("no method", vec![SCHEME, AUTHORITY, PATH]),
        ("no scheme", vec![METHOD, AUTHORITY, PATH]),
        ("no authority", vec![METHOD, SCHEME, PATH]),
        ("no path", vec![METHOD, SCHEME, AUTHORITY]),
        ("no pseudo header", vec![("host", "gateway.example")]),
        ("two methods", before((":method", "POST"))),
        ("two authorities", before((":authority", "other.example"))),
        ("two paths", before((":path", "/pizzashack/1.0.0/menu"))),
        ("a path behind, too", with((":path", "/pizzashack/1.0.0/menu"))),
        ("an unknown pseudo header", before((":gate", "open"))),
        ("a status", before((":status", "200"))),
        ("a pseudo header behind others", vec![METHOD, SCHEME, AUTHORITY, ("x-any", "any"), PATH]),
        ("a protocol without CONNECT", before((":protocol", "websocket"))),
        ("an empty method", vec![(":method", ""), SCHEME, AUTHORITY, PATH]),
        ("a method with a blank", vec![(":method", "GET /"), SCHEME, AUTHORITY, PATH]),
        ("an empty path", path("")),
        ("an asterisk", path("*")),
        ("a path without its slash", path("pizzashack/1.0.0/any")),
        ("an absolute form", path("http://gateway.example/pizzashack/1.0.0/any")),
        ("a path with a blank", path("/pizzashack/1.0.0/any HTTP/1.1")),
        ("a path with a line break", path("/pizzashack/1.0.0/menu\r\nx-any: any")),
        ("a fragment", path("/pizzashack/1.0.0/any#menu")),
        ("another host", with(("host", "other.example"))),
        ("a header of the connection", with(("connection", "x-jwt-assertion"))),
        ("an upgrade", with(("upgrade", "h2c"))),
        ("a name in capitals", with(("X-Jwt-Assertion", "forged"))),
        ("a transfer encoding", with(("transfer-encoding", "chunked"))),
        ("CONNECT with a path", vec![(":method", "CONNECT"), SCHEME, AUTHORITY, PATH]),
        ("CONNECT alone", vec![(":method", "CONNECT"), AUTHORITY]),
    ]
}

#[tokio::test]
async fn s8_odd_pseudo_headers_over_http2_reach_no_protected_operation() {
    let site = Site::start("pseudo-headers", &configuration::small()).await;
    for (name, mut head) in odd_heads() {
        let case = fresh_case();
        head.push((CASE_HEADER, &case));

        let end = http2_frames::send(site.gateway.address, &head).await;

        assert!(!end.is_ok(), "{name}: {end:?}");
        assert!(!BACKEND.was_reached_by(&case), "{name}: the request reached the backend");
    }
    site.assert_alive().await;
}

/// So that the test above shows something: the same head without anything odd is decided, and goes on with a token.
#[tokio::test]
async fn s8_an_ordinary_head_over_http2_frames_is_decided() {
    let site = Site::start("pseudo-headers-plain", &configuration::small()).await;
    let credentials = format!("Bearer {}", site.idp.issue(active(SHOP, &json!({}))));
    for (authorization, is_ok) in [(None, false), (Some(credentials.as_str()), true)] {
        let case = fresh_case();
        let mut head = vec![METHOD, SCHEME, AUTHORITY, PATH, (CASE_HEADER, case.as_str())];
        head.extend(authorization.map(|value| ("authorization", value)));

        let end = http2_frames::send(site.gateway.address, &head).await;

        assert!(matches!(end, End::Head(_)), "{authorization:?}: {end:?}");
        assert_eq!((end.is_ok(), BACKEND.was_reached_by(&case)), (is_ok, is_ok), "{authorization:?}");
    }
}
