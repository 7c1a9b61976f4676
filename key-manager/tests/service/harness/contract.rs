//! Holds answers against WSO2's own `OpenAPI` documents, as far as they are served.

use std::sync::LazyLock;

use key_manager::rest::Portal;
use reqwest::Method;
use serde_json::{Value, json};

use super::served::Answer;

/// What is said of clients' and gateways' endpoints.
static OWN: LazyLock<Value> = LazyLock::new(key_manager::openapi::document);

/// Fails unless the answer has a status that the document knows, and a body of its schema. 401, 403, 409, 429, 502 and
/// 503 may come from any operation of the REST API, in the shape of errors.
pub(crate) fn assert_kept(method: &Method, path: &str, answer: &Answer) {
    let path = path.split('?').next().unwrap_or_default();
    let portal = Portal::ALL.into_iter().find(|portal| path.starts_with(portal.prefix()));
    if portal == Some(Portal::Gatehouse) {
        return;
    }
    let (document, below) =
        portal.map_or((&*OWN, path), |portal| (portal.contract().document(), &path[portal.prefix().len()..]));
    let Some(operation) = operation(document, method, below) else { return };
    let status = answer.status.as_u16();
    let responses = &operation["responses"];
    let declared = responses.get(status.to_string()).or_else(|| responses.get("default"));
    let schema = match declared.map(|response| resolve(document, response)) {
        Some(response) => response.pointer("/content/application~1json/schema").cloned(),
        None if portal.is_some()
            && matches!(status, 400 | 401 | 403 | 404 | 405 | 409 | 412 | 413 | 415 | 429 | 502 | 503) =>
        {
            Some(json!({"$ref": "#/components/schemas/Error"}))
        }
        None => panic!("{method} {path} answers {status}, which its document does not know: {}", answer.body),
    };
    let Some(mut schema) = schema.filter(|_| !answer.body.is_null()) else { return };
    schema["components"] = document["components"].clone();
    let validator = jsonschema::validator_for(&schema).expect("a schema");
    let faults: Vec<String> =
        validator.iter_errors(&answer.body).map(|fault| format!("{} {fault}", fault.instance_path())).collect();
    assert!(faults.is_empty(), "{method} {path} {status}: {faults:?} in {}", answer.body);
}

fn operation<'d>(document: &'d Value, method: &Method, path: &str) -> Option<&'d Value> {
    let paths = document["paths"].as_object()?;
    // Literal segments win over templates, as they do for the router.
    let fits = |template: &&String| {
        let (mine, theirs): (Vec<&str>, Vec<&str>) = (path.split('/').collect(), template.split('/').collect());
        let is_same = |(mine, theirs): (&&str, &&str)| mine == theirs || theirs.starts_with('{');
        mine.len() == theirs.len() && mine.iter().zip(&theirs).all(is_same)
    };
    let template = paths.keys().filter(fits).min_by_key(|template| template.matches('{').count())?;
    paths[template].get(method.as_str().to_ascii_lowercase())
}

fn resolve<'d>(document: &'d Value, node: &'d Value) -> &'d Value {
    let reference = node.get("$ref").and_then(Value::as_str);
    reference.and_then(|reference| document.pointer(reference.trim_start_matches('#'))).unwrap_or(node)
}
