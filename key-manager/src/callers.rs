//! Who calls the REST API, and what they may.

use std::collections::BTreeSet;

use axum::http::header::{AUTHORIZATION, HeaderMap};
use key_validation::Secret;

use crate::service::{is_same, request_id};
use crate::store::Owner;

/// Somebody who has been authenticated. As an argument of a handler it is the proof of it.
#[derive(Clone, Debug)]
pub struct Caller {
    /// User name.
    pub user: String,
    /// The request that the caller makes.
    pub request_id: String,
    scopes: Scopes,
}

#[derive(Clone, Debug)]
enum Scopes {
    /// Every `apim:*` scope.
    Every,
    /// The token's.
    Granted(BTreeSet<String>),
}

impl Caller {
    /// The bootstrap credential's.
    fn administrator() -> Self {
        Self { user: "admin".to_owned(), request_id: String::new(), scopes: Scopes::Every }
    }

    /// Whoever has the database and its key, by command.
    pub(crate) fn operator() -> Self {
        Self { request_id: "cli".to_owned(), ..Self::with_scopes("operator", []) }
    }

    /// Somebody with a token that has these scopes.
    pub fn with_scopes(user: impl Into<String>, scopes: impl IntoIterator<Item = String>) -> Self {
        let scopes = Scopes::Granted(scopes.into_iter().collect());
        Self { user: user.into(), request_id: String::new(), scopes }
    }

    /// In the request with these headers.
    #[must_use]
    pub fn within(self, headers: &HeaderMap) -> Self {
        Self { request_id: request_id(headers), ..self }
    }

    /// Whether the caller has one of these scopes; without any named nobody has.
    pub fn has_any(&self, needed: &[&str]) -> bool {
        match &self.scopes {
            Scopes::Every => needed.iter().any(|scope| scope.starts_with("apim:")),
            Scopes::Granted(granted) => needed.iter().any(|scope| granted.contains(*scope)),
        }
    }

    /// Whose things are visible in the developer portal: one's own.
    pub fn owner(&self) -> Owner<'_> {
        Owner::Only(&self.user)
    }
}

/// Whoever has the bootstrap credential; `None` for everybody else, and where there is no such credential.
pub(crate) fn with_bootstrap_credential(expected: Option<&Secret>, headers: &HeaderMap) -> Option<Caller> {
    let token = bearer_token(headers)?;
    expected.filter(|expected| is_same(expected, token)).map(|_| Caller::administrator())
}

/// The token of the one `Authorization: Bearer` header (RFC 6750 section 2.1).
pub(crate) fn bearer_token(headers: &HeaderMap) -> Option<&str> {
    let mut values = headers.get_all(AUTHORIZATION).iter();
    let (Some(value), None) = (values.next(), values.next()) else { return None };
    let (scheme, token) = value.to_str().ok()?.split_once(' ')?;
    let token = token.trim_matches(' ');
    let is_token = !token.is_empty() && token.bytes().all(|octet| octet.is_ascii_graphic());
    (scheme.eq_ignore_ascii_case("bearer") && is_token).then_some(token)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(values: &[&str]) -> HeaderMap {
        values.iter().map(|value| (AUTHORIZATION, value.parse().unwrap())).collect()
    }

    #[test]
    fn takes_the_token_of_one_bearer_header_alone() {
        for (values, expected) in [
            (&["Bearer abc"][..], Some("abc")),
            (&["bearer  abc "], Some("abc")),
            (&["Basic abc"], None),
            (&["Bearer"], None),
            (&["Bearer "], None),
            (&["Bearer a b"], None),
            (&["Bearer a", "Bearer a"], None),
            (&[], None),
        ] {
            assert_eq!(bearer_token(&headers(values)), expected, "{values:?}");
        }
    }

    #[test]
    fn scopes_are_compared_whole() {
        let caller = Caller::with_scopes("bob", ["apim:subscribe".to_owned()]);

        assert!(caller.has_any(&["apim:app_manage", "apim:subscribe"]));
        assert!(!caller.has_any(&["apim:sub"]));
        assert!(!caller.has_any(&[]));
        assert!(Caller::administrator().has_any(&["apim:admin"]));
        assert!(!Caller::administrator().has_any(&["other"]));
    }
}
