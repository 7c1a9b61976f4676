//! JSON, read without charity: what two readers might understand differently is refused.

use std::cell::RefCell;
use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, Error, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Value};

/// Why a text is not read.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Unreadable {
    /// It is no JSON, with line and column.
    #[error(transparent)]
    Syntax(#[from] serde_json::Error),
    /// It is, and is refused all the same.
    #[error("{0}")]
    Refused(String),
}

/// Reads a text that is one JSON value and nothing else, and in which no object has a member twice.
///
/// # Errors
/// [`Unreadable`].
pub(crate) fn parse(text: &str) -> Result<Value, Unreadable> {
    // The parser itself goes no deeper.
    parse_within(text, 128)
}

/// [`parse`] with so many levels of nesting at most.
///
/// # Errors
/// [`Unreadable`].
pub(crate) fn parse_within(text: &str, levels: usize) -> Result<Value, Unreadable> {
    read(text, Strictness { levels, inner_duplicates: false })
}

/// Reads a text that is one JSON value and nothing else, with so many levels of nesting at most; an object that is the
/// whole has no member twice.
///
/// # Errors
/// [`Unreadable`].
pub(crate) fn parse_shallow(text: &str, levels: usize) -> Result<Value, Unreadable> {
    read(text, Strictness { levels, inner_duplicates: true })
}

fn read(text: &str, strictness: Strictness) -> Result<Value, Unreadable> {
    let refusal = RefCell::default();
    let mut deserializer = serde_json::Deserializer::from_str(text);
    let value = Reader { strictness, top: true, refusal: &refusal }.deserialize(&mut deserializer)?;
    deserializer.end()?;
    refusal.into_inner().map_or(Ok(value), |reason| Err(Unreadable::Refused(reason)))
}

#[derive(Clone, Copy)]
struct Strictness {
    /// Arrays and objects that may stand inside one another.
    levels: usize,
    /// Whether objects inside others may have a member twice, of which the last counts.
    inner_duplicates: bool,
}

#[derive(Clone, Copy)]
struct Reader<'r> {
    strictness: Strictness,
    top: bool,
    /// What is refused of what has been read: serde's own way to say so takes 3 KB of the module.
    refusal: &'r RefCell<Option<String>>,
}

impl Reader<'_> {
    fn inside(self) -> Self {
        let levels = self.strictness.levels.checked_sub(1).unwrap_or_else(|| {
            self.refuse("nested too deep");
            0
        });
        Self { strictness: Strictness { levels, ..self.strictness }, top: false, ..self }
    }

    fn refuse(self, reason: &str) {
        self.refusal.borrow_mut().get_or_insert_with(|| reason.to_owned());
    }
}

impl<'de> DeserializeSeed<'de> for Reader<'_> {
    type Value = Value;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Reader<'_> {
    type Value = Value;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("a JSON value")
    }

    fn visit_unit<E: Error>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_bool<E: Error>(self, value: bool) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_u64<E: Error>(self, value: u64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_i64<E: Error>(self, value: i64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_f64<E: Error>(self, value: f64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_str<E: Error>(self, value: &str) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut access: A) -> Result<Value, A::Error> {
        let inside = self.inside();
        let mut items = Vec::new();
        while let Some(item) = access.next_element_seed(inside)? {
            items.push(item);
        }
        Ok(Value::Array(items))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut access: A) -> Result<Value, A::Error> {
        let inside = self.inside();
        let mut members = Map::new();
        while let Some(name) = access.next_key::<String>()? {
            if (self.top || !self.strictness.inner_duplicates) && members.contains_key(&name) {
                self.refuse(&format!("the member `{name}` is there twice"));
            }
            let value = access.next_value_seed(inside)?;
            members.insert(name, value);
        }
        Ok(Value::Object(members))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    #[cfg(all(target_arch = "wasm32", target_os = "unknown"))]
    use wasm_bindgen_test::wasm_bindgen_test as test;

    #[test]
    fn reads_what_json_has() {
        let text = r#" {"a": [null, true, -1, 18446744073709551615, 1.5, "é\n"], "b": {}} "#;

        assert_eq!(parse(text).unwrap(), serde_json::from_str::<Value>(text).unwrap());
    }

    #[test]
    fn a_member_twice_is_refused() {
        for (text, strict, shallow) in [
            (r#"{"a":1,"a":1}"#, false, false),
            (r#"{"b":{"a":1,"\u0061":2}}"#, false, true),
            (r#"[{"a":1,"a":1}]"#, false, true),
            (r#"{"a":{"a":1}}"#, true, true),
        ] {
            assert_eq!(parse(text).is_ok(), strict, "{text}");
            assert_eq!(parse_shallow(text, 9).is_ok(), shallow, "{text}");
        }
    }

    #[test]
    fn nesting_has_its_limit() {
        for (text, levels) in [("1", 0), ("[]", 1), (r#"{"a":[1]}"#, 2), (r#"[[{"a":{}}]]"#, 4)] {
            assert!(parse_shallow(text, levels).is_ok(), "{text}");
            assert!(levels == 0 || parse_shallow(text, levels - 1).is_err(), "{text}");
        }
        assert!(parse(&"[".repeat(100_000)).is_err());
    }

    #[test]
    fn text_with_more_or_less_than_a_value_is_refused() {
        for text in ["", " ", "{} {}", "[1,]", "\u{feff}{}", "nul", "{\"a\"}", "'a'", "1e999"] {
            assert!(parse(text).is_err(), "{text}");
        }
    }
}
