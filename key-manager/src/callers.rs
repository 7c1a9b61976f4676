//! Who calls the REST API, and what they may.

use std::collections::BTreeSet;
use std::sync::Arc;

use axum::extract::FromRequestParts;
use axum::http::header::{AUTHORIZATION, HeaderMap};
use axum::http::request::Parts;

use crate::failure::Failure;
use crate::service::{Service, is_same};

/// Somebody who has been authenticated. As an argument of a handler it is the proof of it.
#[derive(Clone, Debug)]
pub struct Caller {
    /// User name.
    pub user: String,
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
        Self { user: "admin".to_owned(), scopes: Scopes::Every }
    }

    /// Somebody with a token that has these scopes.
    pub fn with_scopes(user: impl Into<String>, scopes: impl IntoIterator<Item = String>) -> Self {
        Self { user: user.into(), scopes: Scopes::Granted(scopes.into_iter().collect()) }
    }

    /// Whether the caller has one of these scopes; without any named nobody has.
    pub fn has_any(&self, needed: &[&str]) -> bool {
        match &self.scopes {
            Scopes::Every => needed.iter().any(|scope| scope.starts_with("apim:")),
            Scopes::Granted(granted) => needed.iter().any(|scope| granted.contains(*scope)),
        }
    }

    /// Demands one of these scopes.
    ///
    /// # Errors
    /// [`Failure`] with 403 that names them.
    pub fn require_any(&self, needed: &[&str]) -> Result<(), Failure> {
        if self.has_any(needed) { Ok(()) } else { Err(Failure::insufficient_scope(needed)) }
    }
}

impl FromRequestParts<Arc<Service>> for Caller {
    type Rejection = Failure;

    async fn from_request_parts(parts: &mut Parts, service: &Arc<Service>) -> Result<Self, Failure> {
        let token = bearer_token(&parts.headers).ok_or_else(Failure::unauthenticated)?;
        match &service.bootstrap_credential {
            Some(credential) if is_same(credential, token) => Ok(Self::administrator()),
            Some(_) | None => Err(Failure::unauthenticated()),
        }
    }
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
