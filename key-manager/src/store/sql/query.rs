//! Queries and their rows, in the few types that every database has.

use crate::store::StoreError;

/// A value: a parameter of a query, or a column of a row.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::store) enum Value {
    /// 64 bits with a sign.
    Number(i64),
    /// A text, or none.
    Text(Option<String>),
    /// Octets, or none.
    Octets(Option<Vec<u8>>),
}

/// A query with its parameters.
#[derive(Debug)]
pub(in crate::store) struct Query<'q> {
    pub(super) sql: &'q str,
    pub(super) values: Vec<Value>,
}

impl<'q> Query<'q> {
    /// Without parameters yet.
    pub(super) fn new(sql: &'q str) -> Self {
        Self { sql, values: Vec::new() }
    }

    /// With the next parameter.
    pub(super) fn bind(mut self, value: impl Into<Value>) -> Self {
        self.values.push(value.into());
        self
    }

    /// Whether a text has U+0000 in it, which not every database can keep, or look for.
    pub(super) fn has_nul(&self) -> bool {
        self.values.iter().any(|value| matches!(value, Value::Text(Some(text)) if text.contains('\0')))
    }
}

/// A row.
#[derive(Debug)]
pub(in crate::store) struct Row(pub(super) Vec<Value>);

impl Row {
    pub(super) fn text(&self, column: usize) -> Result<&str, StoreError> {
        self.optional_text(column)?.ok_or_else(|| unreadable(column))
    }

    pub(super) fn optional_text(&self, column: usize) -> Result<Option<&str>, StoreError> {
        match self.0.get(column) {
            Some(Value::Text(text)) => Ok(text.as_deref()),
            _ => Err(unreadable(column)),
        }
    }

    pub(super) fn octets(&self, column: usize) -> Result<&[u8], StoreError> {
        self.optional_octets(column)?.ok_or_else(|| unreadable(column))
    }

    pub(super) fn optional_octets(&self, column: usize) -> Result<Option<&[u8]>, StoreError> {
        match self.0.get(column) {
            Some(Value::Octets(octets)) => Ok(octets.as_deref()),
            // A NULL has no type.
            Some(Value::Text(None)) => Ok(None),
            _ => Err(unreadable(column)),
        }
    }

    pub(super) fn number(&self, column: usize) -> Result<u64, StoreError> {
        match self.0.get(column) {
            Some(Value::Number(number)) => Ok(u64::try_from(*number).unwrap_or(0)),
            _ => Err(unreadable(column)),
        }
    }
}

fn unreadable(column: usize) -> StoreError {
    StoreError::Unreadable(format!("column {column}"))
}

impl From<u64> for Value {
    /// Nothing here comes near the end of 63 bits.
    fn from(number: u64) -> Self {
        Self::Number(i64::try_from(number).unwrap_or(i64::MAX))
    }
}

impl From<u32> for Value {
    fn from(number: u32) -> Self {
        Self::Number(number.into())
    }
}

impl From<u16> for Value {
    fn from(number: u16) -> Self {
        Self::Number(number.into())
    }
}

impl From<&str> for Value {
    fn from(text: &str) -> Self {
        Self::Text(Some(text.to_owned()))
    }
}

impl From<&String> for Value {
    fn from(text: &String) -> Self {
        Self::Text(Some(text.clone()))
    }
}

impl From<String> for Value {
    fn from(text: String) -> Self {
        Self::Text(Some(text))
    }
}

impl From<Option<&str>> for Value {
    fn from(text: Option<&str>) -> Self {
        Self::Text(text.map(str::to_owned))
    }
}

impl From<Option<String>> for Value {
    fn from(text: Option<String>) -> Self {
        Self::Text(text)
    }
}

impl From<Vec<u8>> for Value {
    fn from(octets: Vec<u8>) -> Self {
        Self::Octets(Some(octets))
    }
}

impl From<Option<Vec<u8>>> for Value {
    fn from(octets: Option<Vec<u8>>) -> Self {
        Self::Octets(octets)
    }
}
