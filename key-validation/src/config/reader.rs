//! Reads the raw types from JSON, and tells the path of what is wrong.
//!
//! A deserializer of our own, because it keeps the module small: it knows objects alone for structs, and the JSON
//! grammar is not repeated for each of them.

use std::fmt;

use serde::de::value::StrDeserializer;
use serde::de::{
    Deserialize, DeserializeSeed, Deserializer, EnumAccess, Error, IntoDeserializer, MapAccess, SeqAccess, Unexpected,
    VariantAccess, Visitor,
};
use serde::forward_to_deserialize_any;
use serde_json::Value;

use super::ConfigError;

/// Reads a type from a value.
pub(super) fn read<'a, T: Deserialize<'a>>(value: &'a Value) -> Result<T, ConfigError> {
    T::deserialize(Node { value, path: Path::Root })
}

impl Error for ConfigError {
    fn custom<T: fmt::Display>(reason: T) -> Self {
        Self { path: String::new(), reason: reason.to_string() }
    }
}

impl ConfigError {
    /// Adds the path, unless a place further in has.
    fn located(self, path: Path<'_>) -> Self {
        if self.path.is_empty() { Self { path: path.to_string(), ..self } } else { self }
    }
}

#[derive(Clone, Copy)]
enum Path<'p> {
    Root,
    Member(&'p Path<'p>, &'p str),
    Index(&'p Path<'p>, usize),
}

impl fmt::Display for Path<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Root => formatter.write_str("$"),
            Self::Member(Self::Root, name) => formatter.write_str(name),
            Self::Member(parent, name) => write!(formatter, "{parent}.{name}"),
            Self::Index(parent, index) => write!(formatter, "{parent}[{index}]"),
        }
    }
}

/// A value, and where it stands.
#[derive(Clone, Copy)]
struct Node<'a, 'p> {
    value: &'a Value,
    path: Path<'p>,
}

impl Node<'_, '_> {
    fn mismatch<T>(self, expected: &str) -> Result<T, ConfigError> {
        let found = match self.value {
            Value::Null => Unexpected::Unit,
            Value::Bool(value) => Unexpected::Bool(*value),
            Value::Number(_) => Unexpected::Other("number"),
            Value::String(_) => Unexpected::Other("string"),
            Value::Array(_) => Unexpected::Other("array"),
            Value::Object(_) => Unexpected::Other("object"),
        };
        Err(ConfigError::custom(format_args!("found {found}, expected {expected}")).located(self.path))
    }
}

impl<'de> Deserializer<'de> for Node<'de, '_> {
    type Error = ConfigError;

    fn deserialize_any<V: Visitor<'de>>(self, _: V) -> Result<V::Value, ConfigError> {
        self.mismatch("a type that configurations have")
    }

    fn deserialize_bool<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, ConfigError> {
        match self.value {
            Value::Bool(value) => visitor.visit_bool(*value).map_err(|error: ConfigError| error.located(self.path)),
            _ => self.mismatch("true or false"),
        }
    }

    fn deserialize_u64<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, ConfigError> {
        match self.value.as_u64() {
            Some(value) => visitor.visit_u64(value).map_err(|error: ConfigError| error.located(self.path)),
            None => self.mismatch("a whole number, not negative"),
        }
    }

    fn deserialize_u16<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, ConfigError> {
        self.deserialize_u64(visitor)
    }

    fn deserialize_u32<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, ConfigError> {
        self.deserialize_u64(visitor)
    }

    fn deserialize_str<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, ConfigError> {
        match self.value {
            Value::String(text) => visitor.visit_str(text).map_err(|error: ConfigError| error.located(self.path)),
            _ => self.mismatch("a string"),
        }
    }

    fn deserialize_string<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, ConfigError> {
        self.deserialize_str(visitor)
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, ConfigError> {
        if self.value.is_null() { visitor.visit_none() } else { visitor.visit_some(self) }
    }

    fn deserialize_seq<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, ConfigError> {
        match self.value {
            Value::Array(items) => visitor.visit_seq(Items { rest: items.iter(), index: 0, path: &self.path }),
            _ => self.mismatch("an array"),
        }
    }

    fn deserialize_map<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, ConfigError> {
        let Value::Object(members) = self.value else { return self.mismatch("an object") };
        let members = Members { rest: members.iter(), value: None, path: &self.path };
        visitor.visit_map(members).map_err(|error| error.located(self.path))
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        _: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, ConfigError> {
        self.deserialize_map(visitor)
    }

    /// A variant is its name, or an object of its name and its value.
    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _: &'static str,
        _: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, ConfigError> {
        let variant = match self.value {
            Value::String(name) => Variant { name, content: None },
            Value::Object(members) => match (members.len(), members.iter().next()) {
                (1, Some((name, value))) => {
                    Variant { name, content: Some(Node { value, path: Path::Member(&self.path, name) }) }
                }
                _ => return self.mismatch("exactly one member"),
            },
            _ => return self.mismatch("a name, or an object with exactly one member"),
        };
        visitor.visit_enum(variant).map_err(|error| error.located(self.path))
    }

    forward_to_deserialize_any! {
        i8 i16 i32 i64 i128 u8 u128 f32 f64 char bytes byte_buf unit unit_struct newtype_struct tuple tuple_struct
        identifier ignored_any
    }
}

struct Items<'a, 'p> {
    rest: std::slice::Iter<'a, Value>,
    index: usize,
    path: &'p Path<'p>,
}

impl<'a> SeqAccess<'a> for Items<'a, '_> {
    type Error = ConfigError;

    fn next_element_seed<T: DeserializeSeed<'a>>(&mut self, seed: T) -> Result<Option<T::Value>, ConfigError> {
        let Some(value) = self.rest.next() else { return Ok(None) };
        let path = Path::Index(self.path, self.index);
        self.index = self.index.saturating_add(1);
        seed.deserialize(Node { value, path }).map(Some).map_err(|error| error.located(path))
    }
}

struct Members<'a, 'p> {
    rest: serde_json::map::Iter<'a>,
    /// What belongs to the name that was given out last.
    value: Option<(&'a str, &'a Value)>,
    path: &'p Path<'p>,
}

impl<'a> MapAccess<'a> for Members<'a, '_> {
    type Error = ConfigError;

    fn next_key_seed<K: DeserializeSeed<'a>>(&mut self, seed: K) -> Result<Option<K::Value>, ConfigError> {
        let Some((name, value)) = self.rest.next() else { return Ok(None) };
        self.value = Some((name, value));
        let name_deserializer: StrDeserializer<'_, ConfigError> = name.as_str().into_deserializer();
        let key = seed.deserialize(name_deserializer);
        key.map(Some).map_err(|error| error.located(Path::Member(self.path, name)))
    }

    fn next_value_seed<V: DeserializeSeed<'a>>(&mut self, seed: V) -> Result<V::Value, ConfigError> {
        let (name, value) = self.value.take().ok_or_else(|| ConfigError::custom("a value without its name"))?;
        let path = Path::Member(self.path, name);
        seed.deserialize(Node { value, path }).map_err(|error| error.located(path))
    }
}

struct Variant<'a, 'p> {
    name: &'a str,
    content: Option<Node<'a, 'p>>,
}

impl<'a> EnumAccess<'a> for Variant<'a, '_> {
    type Error = ConfigError;
    type Variant = Self;

    fn variant_seed<V: DeserializeSeed<'a>>(self, seed: V) -> Result<(V::Value, Self), ConfigError> {
        let name: StrDeserializer<'_, ConfigError> = self.name.into_deserializer();
        Ok((seed.deserialize(name)?, self))
    }
}

impl<'a> VariantAccess<'a> for Variant<'a, '_> {
    type Error = ConfigError;

    fn unit_variant(self) -> Result<(), ConfigError> {
        self.content.map_or(Ok(()), |content| content.mismatch("no value"))
    }

    fn newtype_variant_seed<T: DeserializeSeed<'a>>(self, seed: T) -> Result<T::Value, ConfigError> {
        let content = self.content.ok_or_else(|| ConfigError::custom("expected an object with exactly one member"))?;
        seed.deserialize(content)
    }

    fn tuple_variant<V: Visitor<'a>>(self, _: usize, _: V) -> Result<V::Value, ConfigError> {
        Err(ConfigError::custom("configurations have no such variant"))
    }

    fn struct_variant<V: Visitor<'a>>(self, _: &'static [&'static str], _: V) -> Result<V::Value, ConfigError> {
        Err(ConfigError::custom("configurations have no such variant"))
    }
}

/// A JSON value in which no object has a member twice: two readers might keep different ones of the two.
pub(super) struct StrictValue(pub(super) Value);

impl<'de> Deserialize<'de> for StrictValue {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct StrictVisitor;

        impl<'de> Visitor<'de> for StrictVisitor {
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
                let mut items = Vec::new();
                while let Some(StrictValue(item)) = access.next_element()? {
                    items.push(item);
                }
                Ok(Value::Array(items))
            }

            fn visit_map<A: MapAccess<'de>>(self, mut access: A) -> Result<Value, A::Error> {
                let mut members = serde_json::Map::new();
                while let Some((name, StrictValue(value))) = access.next_entry::<String, _>()? {
                    if members.contains_key(&name) {
                        return Err(A::Error::custom(format_args!("the member `{name}` is there twice")));
                    }
                    members.insert(name, value);
                }
                Ok(Value::Object(members))
            }
        }

        deserializer.deserialize_any(StrictVisitor).map(Self)
    }
}
