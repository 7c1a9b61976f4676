//! BEHAVIOUR.md section 1, rows 2 to 7: which API and which operation a request belongs to.

use serde_json::json;

use super::configuration;
use super::denials::{
    AMBIGUOUS_TARGET, API_BLOCKED, Denial, INSUFFICIENT_SCOPE, MALFORMED_REQUEST, METHOD_NOT_ALLOWED,
    MISSING_CREDENTIALS, NO_API, NO_OPERATION,
};
use super::fixtures::{Site, shop};
use super::harness::backend::BACKEND;
use super::harness::http2;
use super::harness::script::active;
use super::registry::{MENU, SHOP};

#[tokio::test]
async fn s1_2_connect_is_400_900920() {
    let shop = shop().await;

    let answer = shop.gateway.call("CONNECT", "gateway.example:443").send().await;

    shop.assert_denied("CONNECT", &answer, &MALFORMED_REQUEST).await;
}

#[tokio::test]
async fn s1_2_a_request_without_a_host_is_400() {
    let shop = shop().await;

    let answer = shop.gateway.get(MENU).without_host().send().await;

    assert_eq!(answer.status, 400);
    assert!(!BACKEND.was_reached_by(&answer.case));
}

#[tokio::test]
async fn s1_3_an_api_is_found_by_host_and_longest_base_path() {
    let shop = shop().await;
    let token = shop.idp.issue(active(SHOP, &json!({})));
    for (name, host, target, expected) in [
        ("context and version", "any.example", "/pizzashack/1.0.0/any", "PizzaShack-1.0.0"),
        ("context alone means the default version", "any.example", "/pizzashack/any", "PizzaShack-1.0.0"),
        ("another version", "any.example", "/pizzashack/2.0.0/any", "PizzaShack-2.0.0"),
        ("a longer context", "any.example", "/pizzashack/staff/any", "PizzaShackStaff-1.0.0"),
        ("a longer context and version", "any.example", "/pizzashack/staff/1.0.0/any", "PizzaShackStaff-1.0.0"),
        ("host", "shop.example", "/hosted/1.0.0/any", "Hosted-1.0.0"),
        ("host in another case", "SHOP.example", "/hosted/1.0.0/any", "Hosted-1.0.0"),
        ("host registered in another case", "alt.example", "/hosted/1.0.0/any", "Hosted-1.0.0"),
        ("host with a port", "shop.example:8443", "/hosted/1.0.0/any", "Hosted-1.0.0"),
        ("host with a trailing dot", "shop.example.", "/hosted/1.0.0/any", "Hosted-1.0.0"),
        ("host with a trailing dot and a port", "shop.example.:80", "/hosted/1.0.0/any", "Hosted-1.0.0"),
        ("host in an absolute target", "other.example", "http://shop.example/hosted/1.0.0/any", "Hosted-1.0.0"),
    ] {
        let answer = shop.gateway.get(target).host(host).bearer(&token).send().await;

        answer.echo();
        let logged = shop.gateway.logged(&answer).await;
        assert_eq!(logged.api.as_deref(), Some(expected), "{name}");
    }
}

#[tokio::test]
async fn s1_3_what_belongs_to_no_api_is_404_900906() {
    let shop = shop().await;
    for (name, host, target) in [
        ("unknown context", "any.example", "/nobody/1.0.0/menu"),
        ("root", "any.example", "/"),
        ("context in another case", "any.example", "/PizzaShack/1.0.0/menu"),
        ("context that only begins alike", "any.example", "/pizzashackx/1.0.0/menu"),
        ("context of an API without a default version", "any.example", "/verbs/thing"),
        ("version that only begins alike", "any.example", "/verbs/1.0.0x/thing"),
        ("another host", "other.example", "/hosted/1.0.0/menu"),
        ("host that only begins alike", "shop.example.other", "/hosted/1.0.0/menu"),
        ("host that only ends alike", "my.shop.example", "/hosted/1.0.0/menu"),
        ("host that the absolute target overrides", "shop.example", "http://other.example/hosted/1.0.0/menu"),
    ] {
        let answer = shop.gateway.get(target).host(host).send().await;

        shop.assert_denied(name, &answer, &NO_API).await;
    }
}

#[tokio::test]
async fn s1_3_unmatched_forward_passes_requests_of_no_api_on_untouched() {
    let site = Site::start("unmatched-forward", &configuration::small_with([("unmatched", json!("forward"))])).await;

    let answer = site.gateway.get("/nobody/./../%2e?q=1").authorization("Bearer caller").send().await;
    let plain = site.gateway.get("/nobody?q=%zz").authorization("Bearer caller").send().await;

    site.assert_denied("ambiguous target", &answer, &AMBIGUOUS_TARGET).await;
    let echo = plain.echo();
    assert_eq!((echo.path.as_str(), echo.header("authorization")), ("/nobody?q=%zz", Some("Bearer caller")));
}

#[tokio::test]
async fn s1_3_unmatched_forward_lets_no_ambiguous_or_malformed_target_through() {
    let site =
        Site::start("unmatched-forward-strict", &configuration::small_with([("unmatched", json!("forward"))])).await;
    for (target, denial) in [
        ("/nobody/../pizzashack/1.0.0/any", &AMBIGUOUS_TARGET),
        ("//pizzashack/1.0.0/any", &AMBIGUOUS_TARGET),
        ("/%70izzashack;x/1.0.0/any", &AMBIGUOUS_TARGET),
        ("/pizzashack%2F1.0.0/any", &AMBIGUOUS_TARGET),
        ("/nobody/%00", &MALFORMED_REQUEST),
        ("/pizzashack/1.0.0/nothing", &NO_OPERATION),
        ("/%70izzashack/1.0.0/any", &MISSING_CREDENTIALS),
    ] {
        let answer = site.gateway.get(target).send().await;

        site.assert_denied(target, &answer, denial).await;
    }
}

#[tokio::test]
async fn s1_4_the_life_cycle_decides_whether_an_api_serves() {
    let shop = shop().await;
    for (context, denial) in [
        ("published", None),
        ("deprecated", None),
        ("blocked", Some(&API_BLOCKED)),
        ("created", Some(&NO_API)),
        ("retired", Some(&NO_API)),
    ] {
        let answer = shop.gateway.get(format!("/{context}/1.0.0/menu")).send().await;

        match denial {
            None => assert_eq!(answer.echo().method, "GET"),
            Some(denial) => shop.assert_denied(context, &answer, denial).await,
        }
    }
}

#[tokio::test]
async fn s1_5_an_api_decides_which_ambiguities_it_takes_and_only_below_its_base_path() {
    let shop = shop().await;
    for target in ["/lax/1.0.0/items/a%2Fb", "/lax/1.0.0/items/a;v=1", "/lax/1.0.0/items/a%3B%2fb"] {
        assert_eq!(shop.gateway.get(target).send().await.echo().path, target);
    }
    for target in [
        "/pizzashack/1.0.0/static/a%2Fb",
        "/pizzashack/1.0.0/static/a;v=1",
        "/lax/1.0.0/items/..%2Fb",
        "/lax/1.0.0/items/..;/b",
        "/lax/1.0.0/items/a%5Cb",
        "/lax/1.0.0/items//b",
        "/lax/1.0.0/items/%ff",
        "/lax;v=1/1.0.0/items/a",
        "/lax/1.0.0%2Fitems/a",
    ] {
        let answer = shop.gateway.get(target).send().await;

        shop.assert_denied(target, &answer, &AMBIGUOUS_TARGET).await;
    }
}

#[tokio::test]
async fn s1_6_the_most_specific_operation_with_the_verb_is_taken() {
    let shop = shop().await;
    for (target, taken) in [
        ("", "root"),
        ("/", "root"),
        ("/anything", "rest"),
        ("/anything/below", "rest"),
        ("/menu/special", "literal"),
        ("/menu/special/", "literal"),
        ("/menu/other", "template"),
        ("/menu/today", "template"),
        ("/menu/other/more", "below_menu"),
        ("/menu", "below_menu"),
        ("/menu/", "below_menu"),
        ("/drinks/water", "literal_on_the_left"),
        ("/drinks/price", "literal_on_the_left"),
        ("/food/price", "literal_on_the_right"),
        ("/food/price/more", "rest"),
    ] {
        let target = format!("/specificity/1.0.0{target}");

        let fitting = shop.get_with(&target, active(SHOP, &json!({"scope": taken}))).await;
        let other = shop.get_with(&target, active(SHOP, &json!({"scope": "other"}))).await;

        assert_eq!(fitting.echo().path, target);
        shop.assert_denied(&target, &other, &INSUFFICIENT_SCOPE).await;
        let challenge = other.header("www-authenticate").unwrap_or_default();
        assert!(challenge.ends_with(&format!(r#"scope="{taken}""#)), "{target}: {challenge}");
    }
}

#[tokio::test]
async fn s1_6_a_target_without_operation_is_404_900906() {
    let shop = shop().await;
    for target in [
        "/pizzashack/1.0.0",
        "/pizzashack/1.0.0/",
        "/pizzashack/1.0.0/nothing",
        "/pizzashack/1.0.0/Menu",
        "/pizzashack/1.0.0/menux",
        "/pizzashack/1.0.0/menu/more",
        "/pizzashack/1.0.0x/menu",
        "/pizzashack/3.0.0/menu",
        "/pizzashack/1.0.0/order/1/2",
        "/pizzashack/1.0.0/staticx",
    ] {
        let answer = shop.gateway.get(target).send().await;

        shop.assert_denied(target, &answer, &NO_OPERATION).await;
    }
}

#[tokio::test]
async fn s1_6_another_verb_is_405_900906_before_authentication() {
    let shop = shop().await;
    for (method, target, allow) in [
        ("PUT", "/verbs/1.0.0/thing", "DELETE, GET, HEAD, POST"),
        ("OPTIONS", "/verbs/1.0.0/thing", "DELETE, GET, HEAD, POST"),
        ("GET", "/verbs/1.0.0/jobs", "OPTIONS, POST"),
        ("HEAD", "/verbs/1.0.0/jobs", "OPTIONS, POST"),
        ("POST", "/verbs/1.0.0/probe", "GET, HEAD"),
        ("PATCH", "/pizzashack/1.0.0/order/", "POST"),
    ] {
        let name = format!("{method} {target}");

        let answer = shop.gateway.call(method, target).send().await;

        assert_eq!(answer.header("allow"), Some(allow), "{name}");
        if method == "HEAD" {
            assert_eq!((answer.status, answer.body.as_slice()), (405, &b""[..]), "{name}");
        } else {
            shop.assert_denied(&name, &answer, &METHOD_NOT_ALLOWED).await;
        }
    }
}

#[tokio::test]
async fn s1_6_verbs_are_compared_as_they_are() {
    let shop = shop().await;
    for method in ["get", "Get", "FOO"] {
        let answer = http2::send(shop.gateway.address, method, MENU, &[]).await;

        assert_eq!(answer.header("allow"), Some("GET, HEAD"), "{method}");
        shop.assert_denied(method, &answer, &METHOD_NOT_ALLOWED).await;
    }
}

#[tokio::test]
async fn s1_6_head_is_served_by_head_else_by_get() {
    let shop = shop().await;
    for (target, status) in [
        ("/verbs/1.0.0/thing", 200),
        ("/verbs/1.0.0/probe", 200),
        ("/pizzashack/1.0.0/any", 401),
        ("/pizzashack/1.0.0/order", 405),
    ] {
        let answer = shop.gateway.call("HEAD", target).send().await;

        assert_eq!((answer.status, answer.body.as_slice()), (status, &b""[..]), "{target}");
    }
}

#[tokio::test]
async fn s1_6_options_is_a_verb_like_any_other() {
    let shop = shop().await;

    let answer = shop.gateway.call("OPTIONS", "/verbs/1.0.0/jobs").send().await;

    assert_eq!(answer.echo().method, "OPTIONS");
}

#[tokio::test]
async fn s1_an_earlier_step_decides_before_a_later_one() {
    let shop = shop().await;
    let cases: [(&str, &str, &str, &Denial); 6] = [
        ("2 before 4: malformed, API blocked", "GET", "/blocked/1.0.0/%zz", &MALFORMED_REQUEST),
        ("4 before 5: API blocked, ambiguous", "GET", "/blocked/1.0.0//menu", &API_BLOCKED),
        ("4 before 6: API blocked, no operation", "GET", "/blocked/1.0.0/nothing", &API_BLOCKED),
        ("5 before 6: ambiguous, no operation", "GET", "/pizzashack/1.0.0//nothing", &AMBIGUOUS_TARGET),
        ("6 before 8: no operation, no token", "GET", "/pizzashack/1.0.0/nothing", &NO_OPERATION),
        ("6 before 8: no such verb, no token", "PUT", "/pizzashack/1.0.0/any", &METHOD_NOT_ALLOWED),
    ];
    for (name, method, target, denial) in cases {
        let answer = shop.gateway.call(method, target).send().await;

        shop.assert_denied(name, &answer, denial).await;
    }
}
