//! `/apis/{apiId}/swagger` and `/apis/import-openapi`: APIs as `OpenAPI` documents.

use axum::Json;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde_json::{Map, Value};

use super::{apis, description, openapi};
use crate::rest::contract::Portal;
use crate::rest::error::{Fault, RestError};
use crate::rest::request::{Form, IfMatch, tagged};
use crate::rest::{Caller, Services};

pub(super) async fn read(State(services): State<Services>, Path(id): Path<String>) -> Result<Response, RestError> {
    let api = apis::find(services.read().await?.as_mut(), &id).await?;
    Ok(tagged(StatusCode::OK, api.row_version, openapi::render(&api)))
}

pub(super) async fn update(
    State(services): State<Services>,
    caller: Caller,
    Path(id): Path<String>,
    if_match: IfMatch,
    form: Form,
) -> Result<Response, RestError> {
    form.allow(&["apiDefinition", "url", "file"])?;
    let (text, field) = document(&form, "apiDefinition")?;
    let filled = openapi::read(text, field)?;
    let mut transaction = services.write(&caller).await?;
    let mut api = apis::find(transaction.as_mut(), &id).await?;
    if_match.check(api.row_version)?;
    let mut members = description::description(&api, &[]);
    members.extend(filled.members);
    description::describe(&mut api, members)?;
    api.definition = Some(text.to_owned());
    let told = openapi::render(&api);
    apis::save(&services, &caller, transaction, api).await?;
    Ok(Json(told).into_response())
}

pub(super) async fn import(
    State(services): State<Services>,
    caller: Caller,
    form: Form,
) -> Result<Response, RestError> {
    form.allow(&["file", "url", "additionalProperties", "inlineAPIDefinition"])?;
    let (text, field) = document(&form, "inlineAPIDefinition")?;
    let filled = openapi::read(text, field)?;
    let mut members: Map<String, Value> = filled.defaults;
    members.extend(additional(&form)?);
    members.extend(filled.members);
    Portal::Publisher.contract().check("API", &Value::Object(members.clone()))?;
    apis::add(&services, &caller, members, Some(text.to_owned())).await
}

/// The document, out of the field that has it. Nothing is fetched: an address would let callers reach what the key
/// manager can reach.
fn document<'a>(form: &'a Form, inline: &'static str) -> Result<(&'a str, &'static str), RestError> {
    if form.text("url").is_some_and(|url| !url.is_empty()) {
        return Err(Fault::new("url", "is not fetched: send the document itself").into());
    }
    let texts = [inline, "file"].map(|name| form.text(name).filter(|text| !text.is_empty()).map(|text| (text, name)));
    let given = texts.into_iter().flatten().next();
    given.ok_or_else(|| Fault::new(inline, "is required, or `file`").into())
}

fn additional(form: &Form) -> Result<Map<String, Value>, RestError> {
    let Some(text) = form.text("additionalProperties") else { return Ok(Map::new()) };
    match serde_json::from_str(text) {
        Ok(Value::Object(members)) => Ok(members),
        _ => Err(Fault::new("additionalProperties", "must be a JSON object").into()),
    }
}
