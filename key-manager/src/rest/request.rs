//! What is read of a request, and of what is stored: bodies, pages, entity tags.

use axum::Json;
use axum::body::Bytes;
use axum::extract::{FromRequest, FromRequestParts, Multipart, Query, Request};
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::contract::Portal;
use super::error::{Fault, RestError};
use crate::domain::RowVersion;
use crate::store::{Listed, Window};

/// Most octets of a body.
pub(super) const BODY_BYTES: usize = 4 << 20;

/// A body of JSON, held against no schema yet.
pub(super) struct Body(Value);

impl Body {
    /// The members, once they are found to be those of a schema.
    pub(super) fn of(self, portal: Portal, schema: &str) -> Result<Map<String, Value>, RestError> {
        portal.contract().check(schema, &self.0)?;
        match self.0 {
            Value::Object(members) => Ok(members.into_iter().filter(|(_, value)| !value.is_null()).collect()),
            _ => Err(Fault::new("body", "must be an object").into()),
        }
    }

    /// The items of a list, each held against a schema; none for an empty body.
    pub(super) fn list_of(self, portal: Portal, schema: &str) -> Result<Vec<Map<String, Value>>, RestError> {
        let items = match self.0 {
            Value::Null => Vec::new(),
            Value::Array(items) => items,
            _ => return Err(Fault::new("body", "must be a list").into()),
        };
        items.into_iter().map(|item| Self(item).of(portal, schema)).collect()
    }

    /// Whether nothing was sent.
    pub(super) fn is_absent(&self) -> bool {
        self.0.is_null()
    }
}

impl<S: Send + Sync> FromRequest<S> for Body {
    type Rejection = RestError;

    async fn from_request(request: Request, state: &S) -> Result<Self, RestError> {
        let is_json = media_type(request.headers()).is_some_and(|media_type| media_type == "application/json");
        let bytes = Bytes::from_request(request, state).await.map_err(|rejection| body_error(rejection.status()))?;
        if bytes.is_empty() {
            return Ok(Self(Value::Null));
        }
        if !is_json {
            return Err(RestError::UnsupportedMediaType("application/json"));
        }
        let parsed = serde_json::from_slice(&bytes);
        parsed.map(Self).map_err(|error| Fault::new("body", format!("is not JSON: {error}")).into())
    }
}

/// A `multipart/form-data` body: texts by name.
pub(super) struct Form(Map<String, Value>);

impl Form {
    /// A field's text.
    pub(super) fn text(&self, name: &str) -> Option<&str> {
        self.0.get(name)?.as_str()
    }

    /// The names must be among these.
    pub(super) fn allow(&self, names: &[&str]) -> Result<(), RestError> {
        match self.0.keys().find(|name| !names.contains(&name.as_str())) {
            Some(name) => Err(Fault::new(name, "is not a field of the form").into()),
            None => Ok(()),
        }
    }
}

impl<S: Send + Sync> FromRequest<S> for Form {
    type Rejection = RestError;

    async fn from_request(request: Request, state: &S) -> Result<Self, RestError> {
        if media_type(request.headers()).is_none_or(|media_type| media_type != "multipart/form-data") {
            return Err(RestError::UnsupportedMediaType("multipart/form-data"));
        }
        let multipart = Multipart::from_request(request, state).await;
        let mut multipart = multipart.map_err(|rejection| body_error(rejection.status()))?;
        let mut fields = Map::new();
        while let Some(field) = multipart.next_field().await.map_err(|error| body_error(error.status()))? {
            let name = field.name().unwrap_or_default().to_owned();
            let text = field.text().await.map_err(|error| body_error(error.status()))?;
            if fields.insert(name.clone(), Value::String(text)).is_some() {
                return Err(Fault::new(name, "is there twice").into());
            }
        }
        Ok(Self(fields))
    }
}

fn body_error(status: StatusCode) -> RestError {
    match status {
        StatusCode::PAYLOAD_TOO_LARGE => RestError::TooLarge,
        _ => RestError::BadRequest("the body cannot be read".to_owned()),
    }
}

fn media_type(headers: &HeaderMap) -> Option<String> {
    let text = headers.get(header::CONTENT_TYPE)?.to_str().ok()?;
    Some(text.split(';').next()?.trim().to_ascii_lowercase())
}

/// Query parameters, read as a type of the handler's.
pub(super) struct Parameters<T>(pub(super) T);

impl<S: Send + Sync, T: serde::de::DeserializeOwned> FromRequestParts<S> for Parameters<T> {
    type Rejection = RestError;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, RestError> {
        let query = Query::from_request_parts(parts, state).await;
        query.map(|Query(read)| Self(read)).map_err(|rejection| Fault::new("query", rejection.body_text()).into())
    }
}

/// Which part of a list is asked for: WSO2's `limit` and `offset`.
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(default)]
pub(super) struct Page {
    pub(super) limit: u32,
    pub(super) offset: u32,
}

impl Default for Page {
    fn default() -> Self {
        Self { limit: 25, offset: 0 }
    }
}

impl Page {
    /// As it stands among other parameters.
    pub(super) fn of(limit: Option<u32>, offset: Option<u32>) -> Self {
        let default = Self::default();
        Self { limit: limit.unwrap_or(default.limit), offset: offset.unwrap_or(default.offset) }
    }

    /// For the store.
    pub(super) fn window(self) -> Window {
        Window { offset: self.offset, limit: self.limit }
    }

    /// Cuts a whole list.
    pub(super) fn cut<T>(self, all: Vec<T>) -> Listed<T> {
        let total = all.len() as u64;
        let items = all.into_iter().skip(self.offset as usize).take(self.limit as usize).collect();
        Listed { items, total }
    }

    /// WSO2's list shape; `path` is for the links to the neighbouring pages.
    pub(super) fn list(self, path: &str, listed: Listed<Value>) -> Value {
        let Listed { items, total } = listed;
        let (offset, limit) = (u64::from(self.offset), u64::from(self.limit));
        let link = |offset: u64| format!("{path}?limit={limit}&offset={offset}");
        let next = Some(offset + limit).filter(|next| limit > 0 && *next < total).map(link).unwrap_or_default();
        let previous = Some(offset).filter(|offset| *offset > 0).map(|offset| link(offset.saturating_sub(limit)));
        json!({
            "count": items.len(),
            "list": items,
            "pagination": {
                "offset": offset, "limit": limit, "total": total,
                "next": next, "previous": previous.unwrap_or_default(),
            },
        })
    }
}

/// What a request demands of the state that it changes.
pub(crate) struct IfMatch(Option<String>);

impl<S: Send + Sync> FromRequestParts<S> for IfMatch {
    type Rejection = RestError;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, RestError> {
        let text = parts.headers.get(header::IF_MATCH).map(|value| value.to_str().unwrap_or_default().to_owned());
        Ok(Self(text))
    }
}

impl IfMatch {
    /// Demands nothing.
    pub(crate) const ANYTHING: Self = Self(None);

    /// Nothing is demanded, or this state.
    pub(super) fn check(&self, row_version: RowVersion) -> Result<(), RestError> {
        let Some(tags) = &self.0 else { return Ok(()) };
        let current = entity_tag(row_version);
        let matches = tags.split(',').map(str::trim).any(|tag| tag == "*" || tag == current);
        if matches { Ok(()) } else { Err(RestError::PreconditionFailed) }
    }
}

/// The strong entity tag of a state.
fn entity_tag(row_version: RowVersion) -> String {
    format!("\"{row_version}\"")
}

/// An answer with its entity tag.
pub(super) fn tagged(status: StatusCode, row_version: RowVersion, body: Value) -> Response {
    let mut response = (status, Json(body)).into_response();
    if let Ok(value) = HeaderValue::from_str(&entity_tag(row_version)) {
        response.headers_mut().insert(header::ETAG, value);
    }
    response
}

/// The answer to a creation.
pub(super) fn created(location: &str, row_version: RowVersion, body: Value) -> Response {
    let mut response = tagged(StatusCode::CREATED, row_version, body);
    if let Ok(value) = HeaderValue::from_str(location) {
        response.headers_mut().insert(header::LOCATION, value);
    }
    response
}

/// Reads a member that the schema has been held against.
pub(super) fn text(members: &mut Map<String, Value>, name: &str) -> Option<String> {
    match members.remove(name)? {
        Value::String(text) => Some(text),
        _ => None,
    }
}

/// Reads a member that is true or false.
pub(super) fn flag(members: &mut Map<String, Value>, name: &str) -> Option<bool> {
    members.remove(name)?.as_bool()
}

/// Reads a list of texts.
pub(super) fn texts(members: &mut Map<String, Value>, name: &str) -> Option<Vec<String>> {
    let Value::Array(items) = members.remove(name)? else { return None };
    Some(items.into_iter().filter_map(|item| item.as_str().map(str::to_owned)).collect())
}

/// Reads an object whose members are texts.
pub(super) fn attributes(members: &mut Map<String, Value>, name: &str) -> std::collections::BTreeMap<String, String> {
    let Some(Value::Object(object)) = members.remove(name) else { return std::collections::BTreeMap::new() };
    object.into_iter().filter_map(|(name, value)| Some((name, value.as_str()?.to_owned()))).collect()
}
