//! The steps as provided (BEHAVIOUR.md section 1, rows 11 to 15).

use super::{Call, Permitted, Subscribed, Subscriber, TokenKind, ValidatedToken};
use crate::Denial;
use crate::backend_jwt::{JwtMinter, MintedJwt};
use crate::config::raw::{AuthType, KeyType, ScopeMatching, SubscriptionState};
use crate::introspection::ActiveAnswer;
use crate::registry::ApplicationKey;

/// See [`super::KeyValidationHandler::validate_token`].
///
/// # Errors
/// The [`Denial`] to answer.
#[inline]
pub fn validate_token<'a>(call: &Call<'a>, answer: &'a ActiveAnswer<'a>) -> Result<ValidatedToken<'a>, Denial> {
    let provider = call.identity_provider;
    if answer.expires_at <= call.now {
        return Err(Denial::TokenExpired);
    }
    let latest = call.now.plus(provider.clock_skew);
    if answer.not_before > latest || answer.issued_at > latest {
        return Err(Denial::TokenNotYetValid);
    }
    if !answer.is_access_token {
        return Err(Denial::WrongTokenKind);
    }
    if answer.is_sender_constrained {
        return Err(Denial::SenderConstrained);
    }
    let differs = |(expected, found): (&String, &str)| expected != found;
    if provider.issuer.as_ref().zip(answer.issuer).is_some_and(differs) {
        return Err(Denial::IssuerMismatch);
    }
    if !provider.audience.is_empty() && !provider.audience.iter().any(|one| answer.audience.contains(one)) {
        return Err(Denial::AudienceMismatch);
    }
    let kind = token_kind(answer);
    match (call.operation.auth_type, kind) {
        (AuthType::Any, _)
        | (AuthType::Application, TokenKind::Application)
        | (AuthType::ApplicationUser, TokenKind::ApplicationUser) => Ok(ValidatedToken { answer, kind }),
        (AuthType::Application | AuthType::ApplicationUser | AuthType::None, _) => Err(Denial::WrongAuthType),
    }
}

/// An application's token bears a marker, names nobody, or names its own client as the subject or user.
#[inline]
fn token_kind(answer: &ActiveAnswer<'_>) -> TokenKind {
    let names_nobody = answer.subject.is_none() && answer.username.is_none();
    let names_client = answer.client_id.is_some() && [answer.subject, answer.username].contains(&answer.client_id);
    if answer.is_marked_application || names_nobody || names_client {
        TokenKind::Application
    } else {
        TokenKind::ApplicationUser
    }
}

/// See [`super::KeyValidationHandler::validate_subscription`].
///
/// # Errors
/// The [`Denial`] to answer.
#[inline]
pub fn validate_subscription<'a>(call: &Call<'a>, token: ValidatedToken<'a>) -> Result<Subscribed<'a>, Denial> {
    if !call.api.subscription_validation {
        return Ok(Subscribed { token, subscriber: None });
    }
    let ApplicationKey { application, key_type } = call.key.ok_or(Denial::NoSubscription)?;
    let subscription = application.subscription(&call.api.id).ok_or(Denial::NoSubscription)?;
    match (subscription.state, key_type) {
        (SubscriptionState::Unblocked | SubscriptionState::TierUpdatePending, _)
        | (SubscriptionState::ProdOnlyBlocked, KeyType::Sandbox) => {
            let subscriber = Subscriber { application, key_type: *key_type, tier: &subscription.tier };
            Ok(Subscribed { token, subscriber: Some(subscriber) })
        }
        (SubscriptionState::Blocked, _) | (SubscriptionState::ProdOnlyBlocked, KeyType::Production) => {
            Err(Denial::SubscriptionBlocked)
        }
        (SubscriptionState::OnHold | SubscriptionState::Rejected, _) => Err(Denial::SubscriptionInactive),
    }
}

/// See [`super::KeyValidationHandler::validate_scopes`].
///
/// # Errors
/// The [`Denial`] to answer.
#[inline]
pub fn validate_scopes<'a>(call: &Call<'a>, subscribed: Subscribed<'a>) -> Result<Permitted<'a>, Denial> {
    validate_scopes_by(call, subscribed, |granted, needed| granted == needed)
}

/// As [`validate_scopes`], with a rule of one's own for whether a granted scope gives a needed one.
///
/// # Errors
/// [`Denial::InsufficientScope`].
#[inline]
pub fn validate_scopes_by<'a>(
    call: &Call<'a>,
    subscribed: Subscribed<'a>,
    gives: impl Fn(&str, &str) -> bool,
) -> Result<Permitted<'a>, Denial> {
    let needed = &call.operation.scopes;
    let granted = subscribed.token.answer.scope;
    let mut has = needed.iter().map(|needed| granted.iter().any(|granted| gives(granted, needed.as_str())));
    let suffices = match call.api.scope_matching {
        ScopeMatching::Any => needed.is_empty() || has.any(|has| has),
        ScopeMatching::All => has.all(|has| has),
    };
    if !suffices {
        let needed = needed.iter().map(crate::ScopeToken::as_str).collect::<Vec<_>>().join(" ");
        return Err(Denial::InsufficientScope { needed });
    }
    Ok(Permitted::for_scopes_of(subscribed))
}

/// See [`super::KeyValidationHandler::generate_consumer_token`].
///
/// # Errors
/// The [`Denial`] to answer.
pub fn generate_consumer_token(
    call: &Call<'_>,
    caller: &Permitted<'_>,
    minter: &JwtMinter,
) -> Result<MintedJwt, Denial> {
    let claims = caller.claims(call, minter.settings())?;
    minter.mint(claims, caller.answer().expires_at, call.now)
}
