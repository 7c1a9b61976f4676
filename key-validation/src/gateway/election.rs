//! Which identity provider is asked about a token. It is asked alone: a token is never tried at one after the other.

use base64::prelude::{BASE64_URL_SAFE_NO_PAD, Engine as _};
use serde_json::Value;

use crate::config::IdentityProvider;
use crate::config::raw::TokenShape;
use crate::json;
use crate::registry::IdentityProviderIndex;

/// The one among `allowed` that claims the token by its shape: the longest prefix before an issuer before any.
#[inline]
pub(super) fn elect(
    providers: &[IdentityProvider],
    allowed: &[IdentityProviderIndex],
    token: &str,
) -> Option<IdentityProviderIndex> {
    let is_issuer = |shape: &TokenShape| matches!(shape, TokenShape::Issuer(_));
    let by_issuer = providers.iter().any(|provider| provider.tokens.iter().any(is_issuer));
    let issuer = if by_issuer { unverified_issuer(token) } else { None };
    let candidates = (0..).map(IdentityProviderIndex).zip(providers);
    candidates
        .filter(|(index, _)| allowed.contains(index))
        .filter_map(|(index, provider)| {
            let claims = provider.tokens.iter().filter_map(|shape| claim(shape, token, issuer.as_deref()));
            claims.max().map(|claim| (claim, index))
        })
        .max_by_key(|(claim, _)| *claim)
        .map(|(_, index)| index)
}

/// How firmly a shape claims a token.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Claim {
    Any,
    Issuer,
    Prefix(usize),
}

#[inline]
fn claim(shape: &TokenShape, token: &str, issuer: Option<&str>) -> Option<Claim> {
    match shape {
        TokenShape::Prefix(prefix) => token.starts_with(prefix).then_some(Claim::Prefix(prefix.len())),
        TokenShape::Issuer(expected) => (issuer == Some(expected)).then_some(Claim::Issuer),
        TokenShape::Any(any) => any.then_some(Claim::Any),
    }
}

/// `iss` of a token that looks like a JWT, and in which no member is there twice. Nothing vouches for it: it may choose
/// whom to ask, and nothing else.
fn unverified_issuer(token: &str) -> Option<String> {
    let mut parts = token.split('.');
    let (_, claims, _) = (parts.next()?, parts.next()?, parts.next()?);
    if parts.next().is_some() {
        return None;
    }
    let claims = String::from_utf8(BASE64_URL_SAFE_NO_PAD.decode(claims).ok()?).ok()?;
    let claims = json::parse(&claims).ok()?;
    claims.get("iss").and_then(Value::as_str).map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::Configuration;
    #[cfg(all(target_arch = "wasm32", target_os = "unknown"))]
    use wasm_bindgen_test::wasm_bindgen_test as test;

    fn providers(shapes: &[serde_json::Value]) -> Vec<IdentityProvider> {
        let endpoint =
            json!({"cluster": "i", "authority": "i", "path": "/i", "clientAuthentication": {"method": "none"}});
        let providers = shapes.iter().zip(0..).map(
            |(shape, number)| json!({"name": format!("idp-{number}"), "tokens": [shape], "introspection": endpoint}),
        );
        let configuration = json!({"identityProviders": providers.collect::<Vec<_>>(), "registry": {}});
        Configuration::parse(configuration.to_string().as_bytes(), &|_| None).unwrap().identity_providers
    }

    fn jwt(claims: &serde_json::Value) -> String {
        format!("e30.{}.c2ln", BASE64_URL_SAFE_NO_PAD.encode(claims.to_string()))
    }

    #[test]
    fn s1_9_the_firmest_claim_among_the_allowed_is_the_one_that_counts() {
        let providers = providers(&[
            json!({"any": true}),
            json!({"prefix": "e3"}),
            json!({"issuer": "https://idp"}),
            json!({"prefix": "e30."}),
            json!({"issuer": "https://other"}),
        ]);
        let token = jwt(&json!({"iss": "https://idp"}));
        for (allowed, token, expected) in [
            (&[0, 1, 2, 3, 4][..], token.as_str(), Some(3)),
            (&[4, 2, 1, 0], &token, Some(1)),
            (&[0, 2], &token, Some(2)),
            (&[0, 4], &token, Some(0)),
            (&[4], &token, None),
            (&[], &token, None),
            (&[0, 1, 2, 3], "opaque", Some(0)),
            (&[1, 2, 3], "opaque", None),
        ] {
            let allowed: Vec<_> = allowed.iter().copied().map(IdentityProviderIndex).collect();
            assert_eq!(elect(&providers, &allowed, token), expected.map(IdentityProviderIndex), "{allowed:?} {token}");
        }
    }

    #[test]
    fn s1_9_an_issuer_is_read_from_what_looks_like_a_jwt_alone() {
        let idp = jwt(&json!({"iss": "https://idp"}));
        for (token, expected) in [
            (idp.as_str(), Some("https://idp")),
            (&format!("{idp}.x"), None),
            (&idp[..idp.rfind('.').unwrap()], None),
            ("e30.!.c2ln", None),
            ("e30.AA.c2ln", None),
            (&jwt(&json!({"iss": 7})), None),
            (&jwt(&json!({"sub": "x"})), None),
            (&format!("e30.{}.c2ln", BASE64_URL_SAFE_NO_PAD.encode(b"{\"iss\":\"\xff\"}")), None),
            ("", None),
        ] {
            assert_eq!(unverified_issuer(token).as_deref(), expected, "{token}");
        }
    }
}
