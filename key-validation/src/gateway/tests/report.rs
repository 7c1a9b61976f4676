//! APIs that only report what they would deny.

use super::*;
#[cfg(all(target_arch = "wasm32", target_os = "unknown"))]
use wasm_bindgen_test::wasm_bindgen_test as test;

/// The fixture with each API reporting, authentication too if asked for; `open` stays enforced.
fn reporting(authentication: bool) -> Fixture {
    let mut configuration = configuration();
    for api in configuration["registry"]["apis"].as_array_mut().unwrap() {
        if api["name"] != "open" {
            api["enforcement"] = json!("report");
            api["reportAuthentication"] = json!(authentication);
        }
    }
    Fixture::with(&configuration)
}

fn with_answer(authentication: bool, answer: Value) -> Fixture {
    Fixture { answer, ..reporting(authentication) }
}

/// What is published of a request that goes on although it would be denied.
fn reported(decision: &Decision) -> Option<&'static str> {
    let Decision::Forward(Forward { publication, .. }) = decision else { return None };
    let reason = publication.outcome.reported()?;
    for (name, value) in [("decision", "report"), ("reason", reason)] {
        let published: Vec<_> = publication.fields.iter().filter(|field| field.0 == name).collect();
        assert_eq!(published, [&(name, value.to_owned())]);
    }
    Some(reason)
}

fn active(client_id: &str) -> Value {
    json!({"active": true, "client_id": client_id, "scope": "read"})
}

#[test]
fn s1_13_and_14_denials_for_want_of_permission_are_only_reported() {
    for (client_id, method, reason) in [
        ("nobody", "GET", "no_subscription"),
        ("stranger", "GET", "no_subscription"),
        ("blocked", "GET", "subscription_blocked"),
        ("prod-only", "GET", "subscription_blocked"),
        ("on-hold", "GET", "subscription_inactive"),
        ("rejected", "GET", "subscription_inactive"),
        ("unblocked", "POST", "insufficient_scope"),
        ("stranger", "POST", "no_subscription"),
    ] {
        for authentication in [false, true] {
            let decision = with_answer(authentication, active(client_id)).call(method, "/pizza/1/order");

            assert_eq!(reported(&decision), Some(reason), "{client_id} {method}");
            assert!(forward(decision).remove_authorization);
        }
    }
    assert_eq!(with_answer(false, active("nobody")).reason("POST", "/open/1/order"), "insufficient_scope", "enforced");
    assert_eq!(with_answer(false, active("unblocked")).reason("GET", "/pizza/1/order"), "allow");
}

#[test]
fn denials_for_want_of_authentication_are_reported_only_where_asked_for() {
    let past = json!({"active": true, "client_id": "unblocked", "nbf": NOW + 100});
    for (answer, path, reason) in [
        (json!({"active": false}), "/pizza/1/order", "invalid_token"),
        (past, "/pizza/1/order", "token_not_yet_valid"),
        (json!({"active": true, "iss": "https://mallory"}), "/pizza/1/order", "issuer_mismatch"),
        (json!({"active": true, "cnf": {}}), "/pizza/1/order", "sender_constrained"),
        (json!({"active": true, "token_use": "refresh"}), "/pizza/1/order", "wrong_token_kind"),
        (json!({"active": true, "client_id": "unblocked"}), "/pizza/1/order/7", "wrong_auth_type"),
        (json!([]), "/pizza/1/order", "idp_answer_malformed"),
    ] {
        assert_eq!(with_answer(false, answer.clone()).reason("GET", path), reason);

        let decision = with_answer(true, answer).call("GET", path);

        assert_eq!(reported(&decision), Some(reason));
        let forward = forward(decision);
        assert_eq!((forward.set, forward.remove_authorization), (None, true), "{reason}: without identity");
        assert!(forward.publication.fields.iter().all(|field| ["decision", "reason", "api"].contains(&field.0)));
    }
}

#[test]
fn an_outage_closes_unless_authentication_is_only_reported() {
    for (authentication, expected) in [(false, "idp_unavailable"), (true, "report")] {
        let fixture = reporting(authentication);
        let headers = [(":method", "GET"), (":path", "/pizza/1/order"), (":authority", "localhost"), BEARER];
        let Step::Introspect(exchange) = fixture.begin(&headers) else { panic!("not asked") };
        let away = Err(Unavailable::Outage { retry_after: std::time::Duration::from_secs(1) });

        let decision = fixture.gateway.resume(&exchange, &away, UnixTime::from_seconds(NOW), fixture.ports());

        assert_eq!(reason(&decision), expected);
    }
}

#[test]
fn requests_without_a_usable_token_go_on_only_where_authentication_is_only_reported() {
    for (authorization, reason_of, is_removed) in [
        (None, "missing_credentials", false),
        (Some("Basic eA=="), "missing_credentials", false),
        (Some("Bearer"), "missing_credentials", true),
        (Some("Bearer a b"), "malformed_credentials", true),
        (Some("Basic eA==, Bearer t"), "malformed_credentials", true),
    ] {
        let mut headers = vec![(":method", "GET"), (":path", "/pizza/1/order"), (":authority", "localhost")];
        headers.extend(authorization.map(|value| ("authorization", value)));
        assert_eq!(reason(&reporting(false).decide(&headers)), reason_of);

        let decision = reporting(true).decide(&headers);

        assert_eq!(reported(&decision), Some(reason_of), "{authorization:?}");
        let forward = forward(decision);
        assert_eq!((forward.set, forward.remove_authorization), (None, is_removed), "{authorization:?}");
    }
}

#[test]
fn nothing_else_is_let_through() {
    for (method, path, expected) in [
        ("GET", "/pizza/1/../order", "ambiguous_target"),
        ("GET", "/pizza/1/%zz", "malformed_request"),
        ("GET", "/nowhere/1/order", "no_api"),
        ("GET", "/created/1/order", "no_api"),
        ("GET", "/retired/1/order", "no_api"),
        ("GET", "/blocked/1/order", "api_blocked"),
        ("PATCH", "/pizza/1/order", "method_not_allowed"),
        ("CONNECT", "/pizza/1/order", "malformed_request"),
    ] {
        assert_eq!(reporting(true).reason(method, path), expected, "{method} {path}");
    }
}

#[test]
fn the_backend_jwt_of_a_reported_request_names_the_caller_and_no_application_without_a_subscription() {
    let unsubscribed = claims(with_answer(false, active("stranger")).call("GET", "/pizza/1/order"));
    assert_eq!(unsubscribed["sub"], "stranger");
    let of_application = |claims: &Value, name: &str| claims.get(format!("http://wso2.org/claims/{name}")).cloned();
    assert_eq!(of_application(&unsubscribed, "apiname"), Some(json!("pizza")));
    for name in ["applicationid", "applicationname", "subscriber", "tier", "keytype", "enduser"] {
        assert_eq!(of_application(&unsubscribed, name), None, "{name}");
    }

    let unscoped = claims(with_answer(false, active("unblocked")).call("POST", "/pizza/1/order"));
    assert_eq!(of_application(&unscoped, "applicationid"), Some(json!("unblocked")), "its subscription holds");

    let nobody = forward(with_answer(false, json!({"active": true})).call("GET", "/pizza/1/order"));
    assert_eq!(nobody.set, None, "there is nobody to name");
}

#[test]
fn each_api_that_only_reports_is_warned_of() {
    let warnings = |authentication: bool| {
        let mut configuration = configuration();
        configuration["registry"]["apis"][0]["enforcement"] = json!("report");
        configuration["registry"]["apis"][0]["reportAuthentication"] = json!(authentication);
        let parsed = Configuration::parse(configuration.to_string().as_bytes(), &|_| None).unwrap();
        parsed
            .registry
            .unwrap()
            .warnings()
            .into_iter()
            .filter(|warning| warning.contains("only reports"))
            .collect::<Vec<_>>()
    };

    let permission_alone = "API `pizza-1` asks for a token, but only reports what subscription and scopes deny";
    let all = "API `pizza-1` turns nobody away: it only reports what token, subscription and scopes deny";
    assert_eq!(warnings(false), [permission_alone]);
    assert_eq!(warnings(true), [all]);
}
