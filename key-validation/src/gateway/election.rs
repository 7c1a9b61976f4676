//! Which identity provider is asked about a token. It is asked alone: a token is never tried at one after the other.

use base64::prelude::{BASE64_URL_SAFE_NO_PAD, Engine as _};
use serde::Deserialize;

use crate::config::IdentityProvider;
use crate::config::raw::TokenShape;
use crate::registry::IdentityProviderIndex;

/// The one among `allowed` that claims the token by its shape: the longest prefix before an issuer before any.
pub(super) fn elect(
    providers: &[IdentityProvider],
    allowed: &[IdentityProviderIndex],
    token: &str,
) -> Option<IdentityProviderIndex> {
    let issuer = unverified_issuer(token);
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

fn claim(shape: &TokenShape, token: &str, issuer: Option<&str>) -> Option<Claim> {
    match shape {
        TokenShape::Prefix(prefix) => token.starts_with(prefix).then_some(Claim::Prefix(prefix.len())),
        TokenShape::Issuer(expected) => (issuer == Some(expected)).then_some(Claim::Issuer),
        TokenShape::Any(any) => any.then_some(Claim::Any),
    }
}

/// `iss` of a token that looks like a JWT. Nothing vouches for it: it may choose whom to ask, and nothing else.
fn unverified_issuer(token: &str) -> Option<String> {
    #[derive(Deserialize)]
    struct Claims {
        iss: String,
    }

    let mut parts = token.split('.');
    let (_, claims, _) = (parts.next()?, parts.next()?, parts.next()?);
    if parts.next().is_some() {
        return None;
    }
    let claims = String::from_utf8(BASE64_URL_SAFE_NO_PAD.decode(claims).ok()?).ok()?;
    serde_json::from_str::<Claims>(&claims).ok().map(|claims| claims.iss)
}
