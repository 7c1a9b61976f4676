//! BEHAVIOUR.md section 5: answers of the identity provider that cannot be believed.

use serde_json::{Value, json};

use super::denials::IDP_ANSWER_MALFORMED;
use super::fixtures::shop;
use super::harness::script::{Script, active, active_body};
use super::registry::{ANY, SHOP};

/// An answer may have this many bytes.
pub(crate) const ANSWER_BYTES: usize = 65_536;

#[tokio::test]
async fn s5_unanswerable_answers_are_503_and_not_remembered() {
    let shop = shop().await;
    for (name, body) in unanswerable() {
        let token = shop.idp.issue_with([Script::body(&body), active(SHOP, &json!({}))]);

        let first = shop.gateway.get(ANY).bearer(&token).send().await;
        let second = shop.gateway.get(ANY).bearer(&token).send().await;

        shop.assert_denied(&name, &first, &IDP_ANSWER_MALFORMED).await;
        assert_eq!(second.status, 200, "{name}: the next answer counts");
        assert_eq!(shop.idp.calls_about(&token), 2, "{name}");
    }
}

fn unanswerable() -> Vec<(String, Vec<u8>)> {
    let body = active_body(SHOP, &json!({})).to_string();
    let inside = |member: &str| body.replacen('{', &format!("{{{member},"), 1);
    let mut cases: Vec<(String, Vec<u8>)> = [
        ("empty", String::new()),
        ("HTML", "<html>Sign in</html>".to_owned()),
        ("a JWT", "eyJhbGciOiJub25lIn0.eyJhY3RpdmUiOnRydWV9.".to_owned()),
        ("a form", "active=true".to_owned()),
        ("null", "null".to_owned()),
        ("true", "true".to_owned()),
        ("a string", r#""active""#.to_owned()),
        ("an array", format!("[{body}]")),
        ("cut off", body[..body.len() - 1].to_owned()),
        ("two objects", format!("{body}{body}")),
        ("a bracket behind", format!("{body}}}")),
        ("a NUL behind", format!("{body}\0")),
        ("a BOM", format!("\u{feff}{body}")),
        ("a comment", format!("/**/{body}")),
        ("single quotes", body.replace('"', "'")),
        ("a comma too many", body.replacen('}', ",}", 1)),
        ("a control character in a string", inside("\"x\":\"\n\"")),
        ("a lone surrogate", inside(r#""x":"\ud800""#)),
        ("a number that is none", inside(r#""x":01"#)),
        ("NaN", inside(r#""x":NaN"#)),
        ("no active", r#"{"client_id":"shop-client"}"#.to_owned()),
        ("no active, but an error", r#"{"error":"server_error"}"#.to_owned()),
        ("Active", body.replace("active", "Active")),
        ("a member twice", inside(r#""client_id":"other""#)),
        ("active twice", inside(r#""active":false"#)),
        ("active twice, once escaped", inside(r#""\u0061ctive":false"#)),
        ("an unused member twice", inside(r#""x":1,"x":1"#)),
        ("40 levels of arrays", inside(&format!(r#""x":{}{}"#, "[".repeat(40), "]".repeat(40)))),
        ("40 levels of objects", inside(&format!(r#""x":{}1{}"#, r#"{"x":"#.repeat(40), "}".repeat(40)))),
        ("10 000 levels, unclosed", inside(&format!(r#""x":{}"#, "[".repeat(10_000)))),
        ("10 000 levels", inside(&format!(r#""x":{}{}"#, "[".repeat(10_000), "]".repeat(10_000)))),
        ("over 64 KiB", inside(&format!(r#""x":"{}""#, "x".repeat(ANSWER_BYTES)))),
        ("over 64 KiB of white space", format!("{body}{}", " ".repeat(ANSWER_BYTES))),
        ("10 MB", inside(&format!(r#""x":"{}""#, "x".repeat(10_000_000)))),
    ]
    .map(|(name, body)| (name.to_owned(), body.into_bytes()))
    .into();
    let invalid = [b"{\"x\":\"\xff\",", &body.as_bytes()[1..]].concat();
    cases.push(("invalid UTF-8".to_owned(), invalid));
    cases.extend(wrong_types().into_iter().map(|(member, value)| {
        let body = active_body(SHOP, &json!({member: value.clone()})).to_string();
        (format!("{member} is {value}"), body.into_bytes())
    }));
    cases
}

/// Members that we use, with values of types that they cannot have.
fn wrong_types() -> Vec<(&'static str, Value)> {
    vec![
        ("active", json!("true")),
        ("active", json!(1)),
        ("active", json!({})),
        ("client_id", json!(["shop-client"])),
        ("client_id", json!(7)),
        ("client_id", json!({})),
        ("sub", json!(7)),
        ("sub", json!(["alice"])),
        ("username", json!(false)),
        ("scope", json!(7)),
        ("scope", json!({"read": true})),
        ("scope", json!(["read", 7])),
        ("exp", json!("4102444800")),
        ("exp", json!(true)),
        ("exp", json!([4_102_444_800_i64])),
        ("iat", json!("1")),
        ("nbf", json!({})),
        ("iss", json!(7)),
        ("aud", json!(7)),
        ("aud", json!([["urn:orders"]])),
        ("token_type", json!(["Bearer"])),
        ("token_use", json!(7)),
        ("typ", json!([])),
    ]
}

#[tokio::test]
async fn s5_an_answer_whose_content_is_encoded_is_unanswerable() {
    let shop = shop().await;
    let gzip = b"\x1f\x8b\x08\x00\x00\x00\x00\x00\x00\x03\xabVJL.\xc9,KU\xb2*)*M\xad\x05\x00";
    let headers = [("content-type", "application/json"), ("content-encoding", "gzip")];

    let answer = shop.get_with(ANY, Script::reply(200, &headers, gzip)).await;

    shop.assert_denied("gzip", &answer, &IDP_ANSWER_MALFORMED).await;
}
