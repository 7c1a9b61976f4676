//! The `OpenAPI` document: as it is served, and as it was written down.

use reqwest::Method;
use serde_json::Value;

use crate::harness::served::{Served, answer};

/// `UPDATE_OPENAPI=1` writes it anew.
#[tokio::test]
async fn s7_the_document_is_the_one_that_was_written_down_and_its_references_lead_somewhere() {
    let served = Served::start().await;
    let told = answer(served.request(Method::GET, "/openapi.json")).await.body;
    let path = crate::harness::repository_root().join("docs/openapi.json");
    let text = serde_json::to_string_pretty(&told).unwrap() + "\n";
    if std::env::var_os("UPDATE_OPENAPI").is_some() {
        std::fs::write(&path, &text).unwrap();
    }

    let written = std::fs::read_to_string(&path).unwrap();

    assert!(
        written == text,
        "docs/openapi.json is another one: run this test with UPDATE_OPENAPI=1, and look at what changed"
    );
    assert_references_lead_somewhere(&told, &told);
}

fn assert_references_lead_somewhere(document: &Value, node: &Value) {
    match node {
        Value::Object(members) => {
            if let Some(Value::String(reference)) = members.get("$ref") {
                assert!(document.pointer(reference.trim_start_matches('#')).is_some(), "{reference}");
            }
            members.values().for_each(|member| assert_references_lead_somewhere(document, member));
        }
        Value::Array(items) => items.iter().for_each(|item| assert_references_lead_somewhere(document, item)),
        _ => {}
    }
}
