use serde_json::json;

use super::super::ActiveAnswer;
use super::*;
use crate::Configuration;
#[cfg(all(target_arch = "wasm32", target_os = "unknown"))]
use wasm_bindgen_test::wasm_bindgen_test as test;

const NOW: UnixTime = UnixTime::from_seconds(10_000);
const ASKED_AT: UnixTime = UnixTime::from_seconds(9_999);

fn provider_with(section: &Value) -> IdentityProvider {
    let mut provider = json!({
        "name": "idp",
        "introspection": {
            "cluster": "idp", "authority": "idp", "path": "/introspect",
            "clientAuthentication": {"method": "none"},
        },
    });
    for (name, value) in section.as_object().unwrap() {
        provider[name] = value.clone();
    }
    if let Some(statuses) = section.get("inactiveStatuses") {
        provider["introspection"]["inactiveStatuses"] = statuses.clone();
        provider.as_object_mut().unwrap().remove("inactiveStatuses");
    }
    let configuration = json!({
        "identityProviders": [provider],
        "registry": {},
        "backendJwt": {
            "issuer": "https://gateway",
            "signingKey": {"value": include_str!("../../../tests/keys/p256.pem")},
            "forwardClaims": ["email", "groups"],
        },
    });
    let parsed = Configuration::parse(configuration.to_string().as_bytes(), &|_| None).unwrap();
    parsed.identity_providers.into_iter().next().unwrap()
}

fn provider() -> IdentityProvider {
    provider_with(&json!({}))
}

fn read(provider: &IdentityProvider, status: u16, body: &[u8]) -> Result<Answer, Unavailable> {
    let response =
        IntrospectionResponse { status: Some(status), retry_after: None, content_type: None, body: Some(body) };
    read_response(provider, &response, ASKED_AT, NOW)
}

fn record_with(provider: &IdentityProvider, body: &Value) -> Rc<[u8]> {
    match read(provider, 200, body.to_string().as_bytes()) {
        Ok(Answer::Active(record)) => record,
        other => panic!("{body}: {other:?}"),
    }
}

fn record(body: &Value) -> Rc<[u8]> {
    record_with(&provider(), body)
}

#[test]
fn every_member_but_active_is_optional() {
    let record = record(&json!({"active": true}));

    let answer = ActiveAnswer::decode(&record).unwrap();
    assert_eq!((answer.client_id, answer.subject, answer.username), (None, None, None));
    assert_eq!(answer.fresh_until, ASKED_AT.plus(Duration::from_secs(300)));
    assert_eq!(answer.expires_at, UnixTime::MAX);
    assert!(answer.is_access_token);
}

#[test]
fn reads_the_members_that_are_used() {
    let record = record(&json!({
        "active": true, "client_id": "shop", "sub": "u-alice", "username": "alice", "iss": "https://idp",
        "aud": ["a", "b"], "scope": " read\t write  x ", "exp": 10_060, "iat": 9_990, "nbf": 9_991.5,
        "email": "alice@example.com", "groups": ["x"], "tier": "gold",
    }));

    let answer = ActiveAnswer::decode(&record).unwrap();
    assert_eq!((answer.client_id, answer.subject), (Some("shop"), Some("u-alice")));
    assert_eq!((answer.username, answer.issuer), (Some("alice"), Some("https://idp")));
    assert_eq!(answer.audience.iter().collect::<Vec<_>>(), ["a", "b"]);
    assert_eq!(answer.scope.iter().collect::<Vec<_>>(), ["read", "write", "x"]);
    assert_eq!(answer.fresh_until, UnixTime::from_seconds(10_060));
    assert_eq!(answer.not_before, UnixTime::from_millis(9_991_500));
    assert_eq!(answer.issued_at, UnixTime::from_seconds(9_990));
    assert_eq!(answer.forward_claims, r#"{"email":"alice@example.com","groups":["x"]}"#);
}

#[test]
fn of_several_names_the_first_that_is_present_wins() {
    let record = record(&json!({"active": true, "client_id": null, "cid": "c", "azp": "a", "scp": ["x y", "z"]}));

    let answer = ActiveAnswer::decode(&record).unwrap();
    assert_eq!(answer.client_id, Some("a"));
    assert_eq!(answer.scope.iter().collect::<Vec<_>>(), ["x", "y", "z"]);
}

#[test]
fn an_empty_name_says_nothing() {
    let record = record(&json!({"active": true, "client_id": "", "sub": "", "username": ""}));

    let answer = ActiveAnswer::decode(&record).unwrap();
    assert_eq!((answer.client_id, answer.subject, answer.username), (None, None, None));
}

#[test]
fn expiry_is_capped_and_what_is_past_is_inactive() {
    for (exp, fresh_until) in [
        (json!(10_001), Some(10_001_000)),
        (json!(10_000.5), Some(10_000_500)),
        (json!(253_402_300_799_i64), Some(10_299_000)),
        (json!(u64::MAX), Some(10_299_000)),
        (json!(1e300), Some(10_299_000)),
        (json!(10_000), None),
        (json!(9_999), None),
        (json!(0), None),
        (json!(-1), None),
        (json!(i64::MIN), None),
        (json!(-1e300), None),
    ] {
        let body = json!({"active": true, "exp": exp}).to_string();
        let found = match read(&provider(), 200, body.as_bytes()) {
            Ok(Answer::Active(record)) => Some(ActiveAnswer::decode(&record).unwrap().fresh_until.as_millis()),
            Ok(Answer::Inactive) => None,
            Err(unavailable) => panic!("{exp}: {unavailable}"),
        };
        assert_eq!(found, fresh_until, "{exp}");
    }
}

#[test]
fn tells_inactive_answers() {
    let provider = provider_with(&json!({"inactiveStatuses": [404]}));
    for (status, body) in [
        (200, r#"{"active":false}"#),
        (200, r#"{"active":false,"scope":7}"#),
        (404, ""),
        (400, r#"{"error":"unsupported_token_type"}"#),
    ] {
        assert_eq!(read(&provider, status, body.as_bytes()), Ok(Answer::Inactive), "{status} {body}");
    }
}

#[test]
fn an_answer_that_cannot_be_believed_says_nothing_about_the_token() {
    let nested = |depth: usize| format!(r#"{{"active":true,"x":{}{}}}"#, "[".repeat(depth), "]".repeat(depth));
    for (name, body) in [
        ("nothing", b"".to_vec()),
        ("no JSON", b"<html>".to_vec()),
        ("no object", b"[true]".to_vec()),
        ("null", b"null".to_vec()),
        ("no active", br#"{"scope":"a"}"#.to_vec()),
        ("active as text", br#"{"active":"true"}"#.to_vec()),
        ("active as number", br#"{"active":1}"#.to_vec()),
        ("active as null", br#"{"active":null}"#.to_vec()),
        ("active twice", br#"{"active":false,"active":true}"#.to_vec()),
        ("another member twice", br#"{"active":true,"x":1,"x":1}"#.to_vec()),
        ("a name twice, once escaped", br#"{"active":true,"x":1,"\u0078":1}"#.to_vec()),
        ("not UTF-8", b"{\"active\":true,\"x\":\"\xff\"}".to_vec()),
        ("lone surrogate", br#"{"active":true,"x":"\ud800"}"#.to_vec()),
        ("BOM", b"\xef\xbb\xbf{\"active\":true}".to_vec()),
        ("something after it", br#"{"active":true}{"active":true}"#.to_vec()),
        ("cut off", br#"{"active":true"#.to_vec()),
        ("too deep", nested(32).into_bytes()),
        ("far too deep", nested(10_000).into_bytes()),
        ("number out of range", br#"{"active":true,"x":1e400}"#.to_vec()),
        ("exp as text", br#"{"active":true,"exp":"10060"}"#.to_vec()),
        ("nbf as text", br#"{"active":true,"nbf":"1"}"#.to_vec()),
        ("iat as object", br#"{"active":true,"iat":{}}"#.to_vec()),
        ("client_id as array", br#"{"active":true,"client_id":["a"]}"#.to_vec()),
        ("sub as number", br#"{"active":true,"sub":7}"#.to_vec()),
        ("iss as array", br#"{"active":true,"iss":[]}"#.to_vec()),
        ("aud as number", br#"{"active":true,"aud":7}"#.to_vec()),
        ("aud of numbers", br#"{"active":true,"aud":[7]}"#.to_vec()),
        ("scope as object", br#"{"active":true,"scope":{}}"#.to_vec()),
        ("scope of numbers", br#"{"active":true,"scope":["a",7]}"#.to_vec()),
        ("token_type as number", br#"{"active":true,"token_type":7}"#.to_vec()),
        ("expired, and a wrong type", br#"{"active":true,"exp":1,"aud":7}"#.to_vec()),
    ] {
        assert_eq!(read(&provider(), 200, &body), Err(Unavailable::AnswerMalformed), "{name}");
    }
    assert!(read(&provider(), 200, nested(31).as_bytes()).is_ok());
}

#[test]
fn a_body_over_the_limit_cannot_be_believed() {
    let response = IntrospectionResponse { status: Some(200), retry_after: None, content_type: None, body: None };

    assert_eq!(read_response(&provider(), &response, ASKED_AT, NOW), Err(Unavailable::AnswerMalformed));
}

#[test]
fn tells_whose_fault_a_failure_is() {
    let outage = Unavailable::Outage { retry_after: RETRY_AFTER_DEFAULT };
    let refused = Unavailable::ClientAuthFailed { retry_after: RETRY_AFTER_DEFAULT };
    for (status, body, expected) in [
        (400, "", refused),
        (400, r#"{"error":"invalid_request"}"#, refused),
        (400, r#"{"error":7}"#, refused),
        (401, "", refused),
        (403, "<html>", refused),
        (429, "", outage),
        (500, "", outage),
        (503, "upstream connect error", outage),
        (504, "upstream request timeout", outage),
        (204, "", Unavailable::Misconfigured),
        (302, "", Unavailable::Misconfigured),
        (404, "", Unavailable::Misconfigured),
        (405, "", Unavailable::Misconfigured),
        (201, r#"{"active":true}"#, Unavailable::Misconfigured),
        (418, "", Unavailable::Misconfigured),
    ] {
        assert_eq!(read(&provider(), status, body.as_bytes()), Err(expected), "{status} {body}");
    }
    let nothing = IntrospectionResponse { status: None, retry_after: None, content_type: None, body: Some(b"") };
    assert_eq!(read_response(&provider(), &nothing, ASKED_AT, NOW), Err(outage));
}

#[test]
fn passes_retry_after_on_and_caps_it() {
    for (value, seconds) in [
        (Some(&b"7"[..]), 7),
        (Some(b"30"), 30),
        (Some(b"3600"), 30),
        (Some(b"99999999999999999999"), 30),
        (Some(b"-1"), 1),
        (Some(b"Wed, 21 Oct 2026 07:28:00 GMT"), 1),
        (Some(b"\xff"), 1),
        (None, 1),
    ] {
        let response =
            IntrospectionResponse { status: Some(503), retry_after: value, content_type: None, body: Some(b"") };
        let retry_after = Duration::from_secs(seconds);
        let read = read_response(&provider(), &response, ASKED_AT, NOW);
        assert_eq!(read, Err(Unavailable::Outage { retry_after }), "{value:?}");
    }
}

#[test]
fn tells_access_tokens_from_others() {
    for (member, value, expected) in [
        ("token_type", "Bearer", true),
        ("token_type", "bearer", true),
        ("token_type", "access_token", true),
        ("token_type", "refresh_token", false),
        ("token_type", "DPoP", false),
        ("token_type", "", false),
        ("token_use", "access", true),
        ("token_use", "ID", false),
        ("token_use", "refresh", false),
        ("typ", "at+jwt", true),
        ("typ", "Bearer", true),
        ("typ", "Refresh", false),
        ("typ", "Offline", false),
        ("typ", "ID", false),
        ("typ", "JWT", true),
    ] {
        let record = record(&json!({"active": true, member: value}));
        assert_eq!(ActiveAnswer::decode(&record).unwrap().is_access_token, expected, "{member}={value}");
    }
}

#[test]
fn notes_tokens_that_are_bound_to_a_key() {
    for (body, expected) in [
        (json!({"active": true, "cnf": {"jkt": "x"}}), true),
        (json!({"active": true, "cnf": {}}), true),
        (json!({"active": true, "cnf": null}), false),
        (json!({"active": true}), false),
    ] {
        assert_eq!(ActiveAnswer::decode(&record(&body)).unwrap().is_sender_constrained, expected, "{body}");
    }
}

#[test]
fn notes_the_markers_of_application_tokens() {
    let provider = provider_with(&json!({"claims": {"applicationToken": [
        {"claim": "aut", "equals": "APPLICATION"},
        {"claim": "username", "prefix": "service-account-"},
        {"claim": "sub", "equals": "{client_id}@clients"},
    ]}}));
    for (body, expected) in [
        (json!({"active": true, "aut": "APPLICATION"}), true),
        (json!({"active": true, "aut": "APPLICATION_USER"}), false),
        (json!({"active": true, "username": "service-account-shop"}), true),
        (json!({"active": true, "username": "alice"}), false),
        (json!({"active": true, "client_id": "shop", "sub": "shop@clients"}), true),
        (json!({"active": true, "client_id": "shop", "sub": "other@clients"}), false),
        (json!({"active": true, "sub": "{client_id}@clients"}), false),
    ] {
        let record = record_with(&provider, &body);
        assert_eq!(ActiveAnswer::decode(&record).unwrap().is_marked_application, expected, "{body}");
    }
}

#[test]
fn a_body_is_looked_at_up_to_64_kib() {
    assert_eq!(BODY_LIMIT, 65_536);
}

#[test]
fn a_pattern_is_the_text_with_the_client_in_the_place_of_each_placeholder() {
    const PATTERNS: [&str; 8] = [
        "",
        "a",
        "{client_id}",
        "{{client_id}}",
        "{client_id}{client_id}",
        "x{client_id}y{z",
        "{client_id",
        "client_id}",
    ];
    for pattern in PATTERNS {
        for client_id in [Some("c"), Some(""), Some("{client_id}"), None] {
            let meant = match client_id {
                Some(client_id) => Some(pattern.replace("{client_id}", client_id)),
                None => (!pattern.contains("{client_id}")).then(|| pattern.to_owned()),
            };
            for text in PATTERNS.into_iter().chain(["c", "{c}", "cc", "xcyz", "xcy{z", "c}", "xcy{zz"]) {
                let expected = meant.as_deref() == Some(text);
                assert_eq!(equals_pattern(text, pattern, client_id), expected, "{text} {pattern} {client_id:?}");
            }
        }
    }
}
