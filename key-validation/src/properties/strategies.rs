//! What the properties are tried with.

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::{Index, select};
use serde_json::{Value, json};

/// Octets that are likely to come near the interesting cases.
pub(super) fn target() -> impl Strategy<Value = Vec<u8>> {
    let piece = prop_oneof![
        Just(b"/".to_vec()),
        Just(b"a".to_vec()),
        Just(b"1".to_vec()),
        Just(b"public".to_vec()),
        Just(b"..".to_vec()),
        Just(b"%2e".to_vec()),
        Just(b"%2F".to_vec()),
        Just(b"%5c".to_vec()),
        Just(b";x".to_vec()),
        Just(b"?".to_vec()),
        vec(any::<u8>(), 0..3),
    ];
    let start = select(vec!["/", "/a/", "/a/1/", "/a/public", "/a/1/public", "/b"]);
    (start, vec(piece, 0..8)).prop_map(|(start, pieces)| [start.as_bytes(), &pieces.concat()].concat())
}

/// What `scope` may hold: the scope that is needed, and what only looks like it.
pub(super) fn scope() -> impl Strategy<Value = Value> {
    let texts =
        vec(select(vec!["read", "rea", "reader", "read:x", "READ", "write", "", " ", "read\t", "x\nread"]), 0..4);
    let separator = select(vec![" ", "  ", "\t", ",", ""]);
    prop_oneof![
        texts.clone().prop_map(|texts| json!(texts)),
        (texts, separator).prop_map(|(texts, separator)| json!(texts.join(separator))),
    ]
}

/// The members of an answer; most answers are active.
fn document() -> impl Strategy<Value = Value> {
    let member = prop_oneof![
        Just(("client_id", json!("other"))),
        Just(("sub", json!("u-alice"))),
        Just(("aud", json!("x"))),
        Just(("cnf", json!({}))),
        Just(("email", json!("a@b"))),
        scope().prop_map(|scope| ("scope", scope)),
        (9_990_i64..10_010).prop_map(|time| ("exp", json!(time))),
        (9_990_i64..10_010).prop_map(|time| ("nbf", json!(time))),
        any::<f64>().prop_map(|time| ("iat", json!(time))),
        "\\PC*".prop_map(|text| ("token_type", Value::from(text))),
    ];
    let active = prop_oneof![8 => Just(json!(true)), 1 => Just(json!(false)), 1 => Just(json!("true"))];
    (active, scope(), vec(member, 0..3)).prop_map(|(active, scope, members)| {
        let mut document = json!({"active": active, "client_id": "app", "scope": scope});
        for (name, value) in members {
            document[name] = value;
        }
        document
    })
}

/// Bodies: answers, answers with a few octets changed, and anything at all.
pub(super) fn body() -> impl Strategy<Value = Vec<u8>> {
    let document = || document().prop_map(|document| document.to_string().into_bytes());
    let changed =
        (document(), any::<Index>(), 0_usize..3, vec(any::<u8>(), 0..3)).prop_map(|(mut body, at, cut, new)| {
            let start = at.index(body.len());
            let end = body.len().min(start + cut);
            body.splice(start..end, new);
            body
        });
    prop_oneof![2 => document(), 2 => changed, 1 => vec(any::<u8>(), 0..200)]
}
