//! One request on its way to a decision: what goes in and out, and what is kept of it while its token is asked about.

use std::rc::Rc;

use crate::cache::AnswerKey;
pub use crate::config::PublishedField;
use crate::cut_offs::TokenDigest;
use crate::registry::{Api, IdentityProviderIndex};
use crate::{Secret, UnixTime};

/// A request that has just begun.
#[derive(Debug)]
pub struct Begun {
    /// Headers that say who the caller is, as only the gateway may: to be removed at once, whatever becomes of the
    /// request.
    pub forged: Vec<String>,
    /// What to do with it.
    pub step: Step,
    /// A question to ask though nothing waits for it: the answer that decided the request ends soon.
    pub refresh: Option<Box<Exchange>>,
}

/// What to do with a request.
#[derive(Debug)]
pub enum Step {
    /// It is decided.
    Decided(Decision),
    /// The identity provider must be asked; all exchanges with one key share one call.
    Introspect(Box<Exchange>),
}

/// The end of an exchange.
#[derive(Debug)]
pub enum Decision {
    /// The request goes on, its headers edited.
    Forward(Forward),
    /// The request is answered here.
    Reply(Reply),
}

/// How a request goes on.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Forward {
    /// Whether the backend must not see `Authorization`.
    pub remove_authorization: bool,
    /// A header to set, replacing all occurrences.
    pub set: Option<(Rc<str>, Rc<str>)>,
    /// For the access log and later filters.
    pub publication: Publication,
}

/// An answer of the gateway itself.
#[derive(Debug, PartialEq, Eq)]
pub struct Reply {
    /// HTTP status.
    pub status: u16,
    /// Headers beside those that the proxy adds.
    pub headers: Vec<(&'static str, String)>,
    /// Body, or the message of a gRPC status.
    pub body: String,
    /// gRPC status, when the request is gRPC.
    pub grpc_status: Option<u8>,
    /// Names the reason in access log and metrics.
    pub reason: &'static str,
    /// For the access log and later filters.
    pub publication: Publication,
}

/// Identity fields for filter state `wasm.gatehouse.<field>`.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Publication {
    /// Always set; published as the configuration says, and in any case where the caller may not.
    pub outcome: Outcome,
    /// Fields and values, in the configuration's order.
    pub fields: Vec<(&'static str, String)>,
}

/// The `decision` that is published and counted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Outcome {
    /// The caller may.
    Allow,
    /// The caller may, by what the identity provider said before it was away.
    AllowStale,
    /// The caller may not, for this reason, but the API only reports it.
    Report(&'static str),
    /// No caller is asked for.
    Public,
    /// The caller may not.
    #[default]
    Deny,
}

impl Outcome {
    /// Why the caller may not, where that is only reported.
    #[inline]
    pub fn reported(self) -> Option<&'static str> {
        match self {
            Self::Report(reason) => Some(reason),
            Self::Allow | Self::AllowStale | Self::Public | Self::Deny => None,
        }
    }

    /// The published text.
    #[inline]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Allow => "allow",
            Self::AllowStale => "allow_stale",
            Self::Report(_) => "report",
            Self::Public => "public",
            Self::Deny => "deny",
        }
    }
}

impl PublishedField {
    /// The field's name.
    #[inline]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Decision => "decision",
            Self::Api => "api",
            Self::Application => "application",
            Self::ClientId => "client_id",
            Self::IdentityProvider => "identity_provider",
            Self::Subject => "subject",
            Self::Tier => "tier",
            Self::KeyType => "key_type",
        }
    }
}

impl Publication {
    /// The publication of a denial: its decision, whatever the configuration lists.
    pub(crate) fn denied() -> Self {
        let decision = (PublishedField::Decision.as_str(), Outcome::Deny.as_str().to_owned());
        Self { outcome: Outcome::Deny, fields: vec![decision] }
    }
}

/// Which identity provider is asked about which token.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Question {
    pub(crate) identity_provider: IdentityProviderIndex,
    pub(crate) key: AnswerKey,
    /// By which a cut-off names the token: there as soon as one is in force, and for everything that waits.
    pub(crate) token: Option<TokenDigest>,
}

/// A request whose token must be asked about: all that is needed to ask, and once there is an answer.
#[derive(Debug)]
pub struct Exchange {
    pub(crate) admitted: Admitted,
    pub(crate) token: Secret,
    pub(crate) trace: Vec<(&'static str, String)>,
}

/// A request that has an operation and a token: all that is needed once there is an answer.
///
/// The API is the one that was there when the request came, whatever has become of it since.
#[derive(Clone, Debug)]
pub(crate) struct Admitted {
    pub(crate) api: Rc<Api>,
    /// Position in the API's operations.
    pub(crate) operation: usize,
    pub(crate) question: Question,
    /// When the answer was looked for, in vain or for another request.
    pub(crate) looked_at: UnixTime,
    pub(crate) grpc: bool,
}

impl Exchange {
    /// What is to be asked; exchanges with the same question wait for the same call.
    #[inline]
    pub fn question(&self) -> Question {
        self.admitted.question
    }

    /// When its answer was looked for.
    pub fn looked_at(&self) -> UnixTime {
        self.admitted.looked_at
    }
}
