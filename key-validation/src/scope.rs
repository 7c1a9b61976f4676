//! Scope tokens (RFC 6749 section 3.3).

use std::fmt;

/// One scope: `1*( %x21 / %x23-5B / %x5D-7E )`, so it needs no escaping inside a quoted string.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ScopeToken(Box<str>);

/// A text that is no scope token.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a scope: one or more printable ASCII characters without space, quote and backslash are")]
pub struct ScopeError;

impl ScopeToken {
    /// The scope's text.
    #[inline]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl TryFrom<&str> for ScopeToken {
    type Error = ScopeError;

    fn try_from(text: &str) -> Result<Self, ScopeError> {
        let valid = |octet: u8| matches!(octet, 0x21 | 0x23..=0x5B | 0x5D..=0x7E);
        if text.is_empty() || !text.bytes().all(valid) {
            return Err(ScopeError);
        }
        Ok(Self(text.into()))
    }
}

impl fmt::Display for ScopeToken {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    #[cfg(all(target_arch = "wasm32", target_os = "unknown"))]
    use wasm_bindgen_test::wasm_bindgen_test as test;

    #[test]
    fn accepts_the_grammar_of_rfc_6749_alone() {
        for scope in ["a", "order_pizza", "urn:x:y", "~!#[]"] {
            assert!(ScopeToken::try_from(scope).is_ok(), "{scope}");
        }
        for scope in ["", "a b", "a\"b", "a\\b", "é", "a\tb", "\u{7f}"] {
            assert_eq!(ScopeToken::try_from(scope), Err(ScopeError), "{scope:?}");
        }
    }
}
