//! The JSON document of an introspection response, read without charity.

use serde_json::{Map, Value};

use crate::json;

/// Deepest nesting that is believed.
const DEPTH_LIMIT: usize = 32;

/// A JSON object whose top members all have different names.
#[derive(Debug)]
pub(super) struct Document(Map<String, Value>);

impl From<Map<String, Value>> for Document {
    fn from(members: Map<String, Value>) -> Self {
        Self(members)
    }
}

/// A document that cannot be believed, or a member of the wrong type.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Malformed;

impl Document {
    /// Reads a whole body: one JSON object in UTF-8 and nothing else.
    pub(super) fn parse(body: &[u8]) -> Result<Self, Malformed> {
        // serde_json leaves the strings that it skips unchecked.
        let text = std::str::from_utf8(body).map_err(|_| Malformed)?;
        match json::parse_shallow(text, DEPTH_LIMIT) {
            Ok(Value::Object(members)) => Ok(Self(members)),
            Ok(_) | Err(_) => Err(Malformed),
        }
    }

    /// A member; `null` counts as absent.
    pub(super) fn get(&self, name: &str) -> Option<&Value> {
        self.0.get(name).filter(|value| !value.is_null())
    }

    /// A member that must be a string when it is there.
    pub(super) fn text(&self, name: &str) -> Result<Option<&str>, Malformed> {
        self.get(name).map(|value| value.as_str().ok_or(Malformed)).transpose()
    }

    /// The first of these members that is there, which must be a string; an empty one says nothing.
    pub(super) fn first_text(&self, names: &[String]) -> Result<Option<&str>, Malformed> {
        let first = names.iter().find_map(|name| self.get(name));
        let text = first.map(|value| value.as_str().ok_or(Malformed)).transpose()?;
        Ok(text.filter(|text| !text.is_empty()))
    }

    /// A member that must be a string or an array of strings when it is there.
    pub(super) fn texts(value: &Value) -> Result<Vec<&str>, Malformed> {
        match value {
            Value::String(text) => Ok(vec![text]),
            Value::Array(items) => {
                let mut texts = Vec::with_capacity(items.len());
                for item in items {
                    texts.push(item.as_str().ok_or(Malformed)?);
                }
                Ok(texts)
            }
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::Object(_) => Err(Malformed),
        }
    }

    /// A member that must be a `NumericDate` when it is there: milliseconds, which may be negative.
    pub(super) fn millis(&self, name: &str) -> Result<Option<i64>, Malformed> {
        let Some(value) = self.get(name) else { return Ok(None) };
        let Value::Number(number) = value else { return Err(Malformed) };
        if let Some(seconds) = number.as_i64() {
            return Ok(Some(seconds.saturating_mul(1000)));
        }
        let seconds = number.as_f64().ok_or(Malformed)?;
        #[expect(clippy::cast_possible_truncation, reason = "a cast from a float saturates")]
        let millis = (seconds * 1000.0) as i64;
        Ok(Some(millis))
    }
}
