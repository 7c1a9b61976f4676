//! The extension point of the decision: four steps, each of which takes what the one before has proved.
//!
//! A filter with rules of its own implements [`KeyValidationHandler`], overrides the steps that differ, and calls the
//! provided ones through [`steps`]. What a step returns is the evidence that the next one requires, so none can be
//! left out.

pub mod steps;

use serde_json::{Map, Value};

use crate::backend_jwt::{self, JwtMinter, MintedJwt};
use crate::config::raw::KeyType;
use crate::config::{BackendJwtSettings, IdentityProvider};
use crate::introspection::ActiveAnswer;
use crate::registry::{Api, Application, ApplicationKey, Operation};
use crate::{Denial, UnixTime};

/// What a request asks for.
#[derive(Clone, Copy, Debug)]
pub struct Call<'a> {
    /// When the decision is made.
    pub now: UnixTime,
    /// The API.
    pub api: &'a Api,
    /// The operation.
    pub operation: &'a Operation,
    /// The identity provider that answered for the token.
    pub identity_provider: &'a IdentityProvider,
    /// The key by which the token's client calls; looked for only where the API needs a subscription.
    pub key: Option<&'a ApplicationKey>,
}

/// Whom a token belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TokenKind {
    /// An application itself.
    Application,
    /// A user of an application.
    ApplicationUser,
}

/// A token that is valid for the operation, before any question of subscription and scope.
#[derive(Clone, Copy, Debug)]
pub struct ValidatedToken<'a> {
    /// What the identity provider said of it.
    pub answer: &'a ActiveAnswer<'a>,
    /// Whom it belongs to.
    pub kind: TokenKind,
}

/// The application that calls, by its subscription.
#[derive(Clone, Copy, Debug)]
pub struct Subscriber<'a> {
    /// The application.
    pub application: &'a Application,
    /// What its key is for.
    pub key_type: KeyType,
    /// The subscription's tier.
    pub tier: &'a str,
}

/// A valid token whose application may call the API; without a subscriber when the API needs no subscription.
#[derive(Clone, Copy, Debug)]
pub struct Subscribed<'a> {
    /// The token.
    pub token: ValidatedToken<'a>,
    /// The application.
    pub subscriber: Option<Subscriber<'a>>,
}

/// A caller who may use the operation.
#[derive(Clone, Copy, Debug)]
pub struct Permitted<'a>(Subscribed<'a>);

impl<'a> Permitted<'a> {
    /// States that the caller has what scopes the operation needs; only [`KeyValidationHandler::validate_scopes`]
    /// should.
    #[inline]
    pub fn for_scopes_of(subscribed: Subscribed<'a>) -> Self {
        Self(subscribed)
    }

    /// What the identity provider said of the token.
    #[inline]
    pub fn answer(&self) -> &'a ActiveAnswer<'a> {
        self.0.token.answer
    }

    /// Whom the token belongs to.
    #[inline]
    pub fn token_kind(&self) -> TokenKind {
        self.0.token.kind
    }

    /// The application, where the API needs a subscription.
    #[inline]
    pub fn subscriber(&self) -> Option<&Subscriber<'a>> {
        self.0.subscriber.as_ref()
    }

    /// The standard claims about this caller, for a handler that adds its own.
    ///
    /// # Errors
    /// [`Denial::BackendJwtFailed`] when the token names neither a subject nor a client.
    pub fn claims(&self, call: &Call<'_>, settings: &BackendJwtSettings) -> Result<Map<String, Value>, Denial> {
        backend_jwt::claims(call, self, settings)
    }
}

/// The four steps of key validation, as WSO2 API Manager's handler of the same name has them.
///
/// Every request takes them, whether its token's answer was remembered or has just come, and on any error it ends.
pub trait KeyValidationHandler {
    /// Whether the answer makes the token valid for the operation (times, issuer, audience, kind).
    ///
    /// # Errors
    /// The [`Denial`] to answer.
    fn validate_token<'a>(&self, call: &Call<'a>, answer: &'a ActiveAnswer<'a>) -> Result<ValidatedToken<'a>, Denial> {
        steps::validate_token(call, answer)
    }

    /// Whether the token's application has a subscription to the API.
    ///
    /// # Errors
    /// The [`Denial`] to answer.
    fn validate_subscription<'a>(&self, call: &Call<'a>, token: ValidatedToken<'a>) -> Result<Subscribed<'a>, Denial> {
        steps::validate_subscription(call, token)
    }

    /// Whether the token has the scopes that the operation needs.
    ///
    /// # Errors
    /// The [`Denial`] to answer.
    fn validate_scopes<'a>(&self, call: &Call<'a>, subscribed: Subscribed<'a>) -> Result<Permitted<'a>, Denial> {
        steps::validate_scopes(call, subscribed)
    }

    /// The backend JWT. It is kept for further requests with the same answer, API, application and subscription, so it
    /// must depend on nothing else: not on the operation, nor on anything of the API but id, name, version, context and
    /// audience.
    ///
    /// # Errors
    /// The [`Denial`] to answer; without its JWT a request does not go on.
    fn generate_consumer_token(
        &self,
        call: &Call<'_>,
        caller: &Permitted<'_>,
        minter: &JwtMinter,
    ) -> Result<MintedJwt, Denial> {
        steps::generate_consumer_token(call, caller, minter)
    }
}

/// The handler that changes nothing.
#[derive(Clone, Copy, Debug, Default)]
pub struct StandardHandler;

impl KeyValidationHandler for StandardHandler {}
