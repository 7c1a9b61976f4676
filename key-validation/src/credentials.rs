//! The bearer token of a request (RFC 6750 section 2.1), read strictly.

use crate::{Denial, RequestHead};

/// The header that carries credentials.
const AUTHORIZATION: &str = "authorization";

/// The bearer token of a request: 1 to `limit` octets of RFC 6750's `b64token`.
///
/// # Errors
/// [`Denial::MissingCredentials`] when there is no bearer token, [`Denial::MalformedCredentials`] when there may be
/// one, or more than one, but what it is cannot be told.
#[inline]
pub(crate) fn bearer_token<'a>(head: &RequestHead<'a>, limit: usize) -> Result<&'a str, Denial> {
    let mut values = head.values(AUTHORIZATION);
    let value = values.next().ok_or(Denial::MissingCredentials)?;
    // Envoy joins a repeated header with a comma; a server behind us might read either half.
    let joined = value.contains(&b',') || values.next().is_some();
    if joined && has_bearer_credentials(head) {
        return Err(Denial::MalformedCredentials);
    }
    let credentials = Credentials::read(value);
    if !credentials.is_bearer() || credentials.parameters.is_empty() {
        return Err(Denial::MissingCredentials);
    }
    let token = credentials.parameters;
    if token.len() > limit || !is_b64token(token) {
        return Err(Denial::MalformedCredentials);
    }
    std::str::from_utf8(token).map_err(|_| Denial::MalformedCredentials)
}

/// Whether any `Authorization` header, or any part of one that was joined with a comma, names the scheme `Bearer`.
#[inline]
pub(crate) fn has_bearer_credentials(head: &RequestHead<'_>) -> bool {
    head.values(AUTHORIZATION)
        .flat_map(|value| value.split(|&octet| octet == b','))
        .any(|part| Credentials::read(part).is_bearer())
}

/// `scheme parameters`, as RFC 9110 section 11.4 has it.
struct Credentials<'a> {
    scheme: &'a [u8],
    parameters: &'a [u8],
}

impl<'a> Credentials<'a> {
    #[inline]
    fn read(value: &'a [u8]) -> Self {
        let value = trim(value);
        let end = value.iter().position(|&octet| is_blank(octet)).unwrap_or(value.len());
        let (scheme, parameters) = value.split_at_checked(end).unwrap_or((value, &[]));
        Self { scheme, parameters: trim(parameters) }
    }

    #[inline]
    fn is_bearer(&self) -> bool {
        self.scheme.eq_ignore_ascii_case(b"bearer")
    }
}

#[inline]
fn is_b64token(token: &[u8]) -> bool {
    let body = token.iter().take_while(|octet| octet.is_ascii_alphanumeric() || b"-._~+/".contains(octet)).count();
    body > 0 && token.iter().skip(body).all(|&octet| octet == b'=')
}

#[inline]
fn is_blank(octet: u8) -> bool {
    matches!(octet, b' ' | b'\t')
}

#[inline]
fn trim(value: &[u8]) -> &[u8] {
    let start = value.iter().position(|&octet| !is_blank(octet)).unwrap_or(value.len());
    let end = value.iter().rposition(|&octet| !is_blank(octet)).map_or(start, |last| last.saturating_add(1));
    value.get(start..end).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    #[cfg(all(target_arch = "wasm32", target_os = "unknown"))]
    use wasm_bindgen_test::wasm_bindgen_test as test;

    fn token_of(values: &[&[u8]]) -> Result<String, Denial> {
        let headers = values.iter().map(|value| (AUTHORIZATION.as_bytes(), *value)).collect();
        bearer_token(&RequestHead::new(headers), 16).map(str::to_owned)
    }

    #[test]
    fn reads_the_token_after_the_scheme() {
        for value in [&b"Bearer abc"[..], b"bearer abc", b"BEARER   abc", b"Bearer\tabc", b" Bearer \t abc  "] {
            assert_eq!(token_of(&[value]).as_deref(), Ok("abc"), "{}", value.escape_ascii());
        }
        assert_eq!(token_of(&[b"Bearer aZ09-._~+/=="]).as_deref(), Ok("aZ09-._~+/=="));
        assert_eq!(token_of(&[b"Bearer 0123456789abcdef"]).as_deref(), Ok("0123456789abcdef"));
    }

    #[test]
    fn credentials_of_another_kind_are_missing_ones() {
        assert_eq!(token_of(&[]), Err(Denial::MissingCredentials));
        for value in [
            &b""[..],
            b"Basic dTpw",
            b"Bearer:",
            b"Bearer: abc",
            b"Bearer",
            b"Bearer  ",
            b"abc",
            b"\xd0\x92earer abc",
            b"Basic a,Basic b",
        ] {
            assert_eq!(token_of(&[value]), Err(Denial::MissingCredentials), "{}", value.escape_ascii());
        }
    }

    #[test]
    fn anything_that_is_no_single_b64token_is_malformed() {
        for value in [
            &b"Bearer \"abc\""[..],
            b"Bearer a b",
            b"Bearer a\xff",
            b"Bearer ==",
            b"Bearer a=b",
            b"Bearer 0123456789abcdef0",
            b"Bearer a,Bearer b",
            b"Basic a,Bearer b",
            b"Bearer a, Basic b",
            b"Bearer a,",
        ] {
            assert_eq!(token_of(&[value]), Err(Denial::MalformedCredentials), "{}", value.escape_ascii());
        }
        assert_eq!(token_of(&[b"Basic a", b"Bearer b"]), Err(Denial::MalformedCredentials));
        assert_eq!(token_of(&[b"Bearer a", b"Bearer a"]), Err(Denial::MalformedCredentials));
    }

    #[test]
    fn every_octet_gets_an_answer() {
        for octet in 0..=u8::MAX {
            let value = [b"Bearer ".as_slice(), &[octet]].concat();
            let _ = token_of(&[&value]);
        }
    }
}
