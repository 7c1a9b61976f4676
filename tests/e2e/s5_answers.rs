//! BEHAVIOUR.md section 5: what the identity provider's answers about a token mean.

use serde_json::{Value, json};

use super::configuration;
use super::denials::{
    AUDIENCE_MISMATCH, Denial, INVALID_TOKEN, ISSUER_MISMATCH, SENDER_CONSTRAINED, TOKEN_NOT_YET_VALID,
    WRONG_TOKEN_KIND,
};
use super::fixtures::{Site, shop};
use super::harness::clock::now;
use super::harness::script::{Script, active, active_body};
use super::registry::{ANY, SHOP};
use super::s5_unanswerable::ANSWER_BYTES;

#[tokio::test]
async fn s5_active_answers_of_every_dialect_are_understood() {
    let shop = shop().await;
    let now = now();
    for (name, members) in [
        ("the least", json!({"exp": null, "token_type": null})),
        ("exp as float", json!({"exp": 4_102_444_800.25})),
        ("exp in the year 9999", json!({"exp": 253_402_300_799_i64})),
        ("exp absurdly far ahead", json!({"exp": u64::MAX})),
        ("exp absurdly far ahead as float", json!({"exp": 1e300})),
        ("iat and nbf in the past", json!({"iat": now - 60, "nbf": now - 60})),
        ("iat and nbf as floats", json!({"iat": 1.5, "nbf": 0.5})),
        ("iat and nbf negative", json!({"iat": -1, "nbf": -1})),
        ("clock of the identity provider 3 s ahead", json!({"iat": now + 3, "nbf": now + 3})),
        ("token type in lower case", json!({"token_type": "bearer"})),
        ("token type in upper case", json!({"token_type": "BEARER"})),
        ("token type access_token", json!({"token_type": "Access_Token"})),
        ("token use access", json!({"token_use": "access", "typ": "Bearer"})),
        ("typ of RFC 9068", json!({"typ": "at+jwt"})),
        ("audience as string", json!({"aud": "urn:orders"})),
        ("audience as array", json!({"aud": ["urn:orders", "other"]})),
        ("an issuer nobody asked for", json!({"iss": "https://any.example"})),
        ("scope as array", json!({"scope": ["a", "b"]})),
        ("scp as array", json!({"scp": ["a", "b"]})),
        ("10 000 scopes", json!({"scope": "a ".repeat(10_000)})),
        ("10 000 scopes as array", json!({"scope": vec!["a"; 10_000]})),
        ("members that we do not use", json!({"ext": {"a": [1, null]}, "username_type": 7, "acr": false})),
        ("escapes and characters of any plane", json!({"name": "\u{0}\r\n\"\\ \u{1f355}"})),
    ] {
        let answer = shop.get_with(ANY, active(SHOP, &members)).await;

        shop.assert_allowed(name, &answer).await;
    }
}

#[tokio::test]
async fn s5_active_answers_in_any_spelling_of_json_are_understood() {
    let shop = shop().await;
    let body = active_body(SHOP, &json!({})).to_string();
    let padding = ANSWER_BYTES - body.len() - r#","x":"""#.len();
    for (name, body) in [
        ("white space around", format!(" \r\n\t{body}\r\n")),
        ("white space inside", body.replace(',', " ,\n ").replace(':', "\t: ")),
        ("escaped member names", body.replace("\"active\"", r#""\u0061ctive""#)),
        ("30 levels", body.replacen('{', &format!(r#"{{"x":{}{},"#, "[".repeat(29), "]".repeat(29)), 1)),
        ("64 KiB", body.replacen('{', &format!(r#"{{"x":"{}","#, "x".repeat(padding)), 1)),
    ] {
        let answer = shop.get_with(ANY, Script::body(&body)).await;

        shop.assert_allowed(name, &answer).await;
    }
}

#[tokio::test]
async fn s5_members_are_read_where_the_configuration_says() {
    let mut configuration = configuration::shop();
    configuration["identityProviders"][0]["claims"] = json!({
        "clientId": ["app"],
        "subject": ["uid"],
        "username": ["login"],
        "scope": ["permissions"],
    });
    let site = Site::start("claims", &configuration).await;
    let members = json!({"app": SHOP, "uid": "42", "login": "alice", "permissions": ["read"], "sub": 7, "scope": 7});

    let answer = site.get_with("/pizzashack/1.0.0/either", active("unused-client", &members)).await;

    let claims = site.backend_jwt(&answer).await.claims;
    assert_eq!(claims["sub"], json!("42"));
    assert_eq!(claims["http://wso2.org/claims/enduser"], json!("alice"));
    assert_eq!(site.gateway.logged(&answer).await.client_id.as_deref(), Some(SHOP));
}

#[tokio::test]
async fn s5_answers_that_make_a_token_unusable_are_401() {
    let shop = shop().await;
    let now = now();
    let cases: [(&str, Value, &Denial); 26] = [
        ("inactive", json!({"active": false}), &INVALID_TOKEN),
        ("exp now", json!({"exp": now}), &INVALID_TOKEN),
        ("exp a second ago", json!({"exp": now - 1}), &INVALID_TOKEN),
        ("exp as float, a moment ago", json!({"exp": 1_700_000_000.999}), &INVALID_TOKEN),
        ("exp zero", json!({"exp": 0}), &INVALID_TOKEN),
        ("exp negative", json!({"exp": -1}), &INVALID_TOKEN),
        ("exp absurdly negative", json!({"exp": i64::MIN}), &INVALID_TOKEN),
        ("exp absurdly negative as float", json!({"exp": -1e300}), &INVALID_TOKEN),
        ("nbf five minutes ahead", json!({"nbf": now + 300}), &TOKEN_NOT_YET_VALID),
        ("nbf absurdly far ahead", json!({"nbf": u64::MAX}), &TOKEN_NOT_YET_VALID),
        ("iat five minutes ahead", json!({"iat": now + 300}), &TOKEN_NOT_YET_VALID),
        ("iat absurdly far ahead as float", json!({"iat": 1e300}), &TOKEN_NOT_YET_VALID),
        ("bound by certificate", json!({"cnf": {"x5t#S256": "bwcK0esc"}}), &SENDER_CONSTRAINED),
        ("bound by key", json!({"cnf": {"jkt": "0ZcOCORZ"}}), &SENDER_CONSTRAINED),
        ("bound by something unheard of", json!({"cnf": {}}), &SENDER_CONSTRAINED),
        ("type refresh_token", json!({"token_type": "refresh_token"}), &WRONG_TOKEN_KIND),
        ("type DPoP", json!({"token_type": "DPoP"}), &WRONG_TOKEN_KIND),
        ("type N_A", json!({"token_type": "N_A"}), &WRONG_TOKEN_KIND),
        ("type with a tail", json!({"token_type": "Bearer2"}), &WRONG_TOKEN_KIND),
        ("use refresh", json!({"token_use": "refresh"}), &WRONG_TOKEN_KIND),
        ("use refresh_token", json!({"token_use": "refresh_token"}), &WRONG_TOKEN_KIND),
        ("use id", json!({"token_use": "id"}), &WRONG_TOKEN_KIND),
        ("typ Refresh", json!({"typ": "Refresh"}), &WRONG_TOKEN_KIND),
        ("typ Offline", json!({"typ": "Offline"}), &WRONG_TOKEN_KIND),
        ("typ ID", json!({"typ": "ID"}), &WRONG_TOKEN_KIND),
        ("inactive with everything else in order", json!({"active": false, "sub": "alice"}), &INVALID_TOKEN),
    ];
    for (name, members, denial) in cases {
        let answer = shop.get_with(ANY, active(SHOP, &members)).await;

        shop.assert_denied(name, &answer, denial).await;
    }
}

#[tokio::test]
async fn s5_the_issuer_if_configured_and_told_must_be_the_identity_providers() {
    let configuration = configuration::small_with_idp([("issuer", json!("https://idp.example.com"))]);
    let site = Site::start("issuer", &configuration).await;
    for (name, issuer, passes) in [
        ("the same", json!("https://idp.example.com"), true),
        ("none", json!(null), true),
        ("another", json!("https://evil.example.com"), false),
        ("with a slash", json!("https://idp.example.com/"), false),
        ("in another case", json!("https://IDP.example.com"), false),
        ("empty", json!(""), false),
    ] {
        let answer = site.get_with(ANY, active(SHOP, &json!({"iss": issuer}))).await;

        if passes {
            site.assert_allowed(name, &answer).await;
        } else {
            site.assert_denied(name, &answer, &ISSUER_MISMATCH).await;
        }
    }
}

#[tokio::test]
async fn s5_one_of_the_configured_audiences_must_be_the_tokens() {
    let configuration = configuration::small_with_idp([("audience", json!(["urn:orders", "urn:pizza"]))]);
    let site = Site::start("audience", &configuration).await;
    for (name, audience, passes) in [
        ("a string", json!("urn:pizza"), true),
        ("one of an array", json!(["other", "urn:orders"]), true),
        ("another", json!("urn:other"), false),
        ("others", json!(["urn:other", "urn:orders2"]), false),
        ("a part", json!("urn:orders urn:pizza"), false),
        ("none", json!(null), false),
        ("an empty array", json!([]), false),
    ] {
        let answer = site.get_with(ANY, active(SHOP, &json!({"aud": audience, "sub": "alice"}))).await;

        if passes {
            site.assert_allowed(name, &answer).await;
        } else {
            site.assert_denied(name, &answer, &AUDIENCE_MISMATCH).await;
        }
    }
}

#[tokio::test]
async fn s5_statuses_and_errors_that_speak_of_the_token_are_401() {
    let site = Site::start(
        "inactive-statuses",
        &configuration::small_with_introspection([
            ("inactiveStatuses", json!([404, 410])),
            ("inactiveErrors", json!(["unsupported_token_type", "expired"])),
        ]),
    )
    .await;
    let error = |error: &str| Script::reply(400, &[], json!({"error": error}).to_string());
    for (name, script) in [
        ("404", Script::reply(404, &[], r#"{"error":"not_found"}"#)),
        ("410 without a body", Script::reply(410, &[], "")),
        ("400 unsupported_token_type", error("unsupported_token_type")),
        ("400 with an error of our own", error("expired")),
    ] {
        let token = site.idp.issue(script);

        let first = site.gateway.get(ANY).bearer(&token).send().await;
        let second = site.gateway.get(ANY).bearer(&token).send().await;

        for answer in [first, second] {
            site.assert_denied(name, &answer, &INVALID_TOKEN).await;
        }
        assert_eq!(site.idp.calls_about(&token), 1, "{name}");
    }
}

#[tokio::test]
async fn s5_an_unsupported_token_type_is_401_by_default() {
    let shop = shop().await;

    let script = Script::reply(400, &[], r#"{"error":"unsupported_token_type","error_description":"a JWT"}"#);
    let answer = shop.get_with(ANY, script).await;

    shop.assert_denied("unsupported_token_type", &answer, &INVALID_TOKEN).await;
}
