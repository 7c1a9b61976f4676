//! Hosts as they are compared: lower-case, without port and trailing dot.

use std::borrow::Cow;

use crate::Denial;

/// The host that a request is for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Host<'a>(Cow<'a, str>);

impl<'a> Host<'a> {
    /// Reads an authority: a name or address with an optional port (RFC 3986 section 3.2, without user information).
    ///
    /// # Errors
    /// [`Denial::MalformedRequest`] when it is none.
    #[inline]
    pub fn parse(authority: &'a [u8]) -> Result<Self, Denial> {
        let text = std::str::from_utf8(authority).map_err(|_| Denial::MalformedRequest)?;
        let allowed = |octet: u8| octet.is_ascii_alphanumeric() || b"-._~:[]!$&'()*+,;=%".contains(&octet);
        let name = without_port(text).ok_or(Denial::MalformedRequest)?;
        let name = name.strip_suffix('.').unwrap_or(name);
        if name.is_empty() || !name.bytes().all(allowed) {
            return Err(Denial::MalformedRequest);
        }
        let lower = if name.bytes().any(|octet| octet.is_ascii_uppercase()) {
            Cow::Owned(name.to_ascii_lowercase())
        } else {
            Cow::Borrowed(name)
        };
        Ok(Self(lower))
    }

    /// The host's name.
    #[inline]
    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }
}

#[inline]
fn without_port(authority: &str) -> Option<&str> {
    let (name, port) = match authority.rsplit_once(':') {
        // Inside the brackets of an IPv6 address a colon starts no port.
        Some((_, after)) if after.contains(']') => (authority, ""),
        Some((name, port)) => (name, port),
        None => (authority, ""),
    };
    let bare_colons = name.contains(':') && !(name.starts_with('[') && name.ends_with(']'));
    (!bare_colons && port.bytes().all(|octet| octet.is_ascii_digit())).then_some(name)
}

#[cfg(test)]
mod tests {
    use super::*;
    #[cfg(all(target_arch = "wasm32", target_os = "unknown"))]
    use wasm_bindgen_test::wasm_bindgen_test as test;

    #[test]
    fn compares_lower_case_without_port_and_trailing_dot() {
        for (authority, expected) in [
            ("api.example.com", "api.example.com"),
            ("API.Example.com:8443", "api.example.com"),
            ("api.example.com.", "api.example.com"),
            ("api.example.com.:80", "api.example.com"),
            ("127.0.0.1:10000", "127.0.0.1"),
            ("[::1]", "[::1]"),
            ("[::1]:80", "[::1]"),
        ] {
            let host = Host::parse(authority.as_bytes()).unwrap();
            assert_eq!(host.as_str(), expected, "{authority}");
        }
    }

    #[test]
    fn refuses_what_is_no_authority() {
        for authority in ["", ":80", ".", "a b", "user@host", "a/b", "a:x", "a:b:80", "::1", "a\u{e9}"] {
            assert_eq!(Host::parse(authority.as_bytes()), Err(Denial::MalformedRequest), "{authority}");
        }
        assert_eq!(Host::parse(b"\xff"), Err(Denial::MalformedRequest));
    }
}
