//! Why an identity provider did not do what it was asked to.

use std::time::Duration;

use super::Operation;

/// A failure of a connector. [`ConnectorError::status`] is the status for whoever asked, `Display` the text; neither
/// holds a secret or a token.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ConnectorError {
    /// The dialect has no such thing.
    #[error("the identity provider cannot {}", .0.description())]
    Unsupported(Operation),
    /// The identity provider refused what the request asks for.
    #[error("the identity provider refuses {}: {reason}", .field.as_deref().unwrap_or("the request"))]
    Refused {
        /// The member of [`super::ClientMetadata`] or of the request that it speaks of.
        field: Option<String>,
        /// What it says, cut and without control characters.
        reason: String,
    },
    /// The credentials of the client are not its own, or it may not use the grant.
    #[error("the identity provider refuses the client's id and secret")]
    WrongCredentials,
    /// There is something of this name already.
    #[error("the identity provider has {what} already")]
    Conflict {
        /// What there is.
        what: String,
    },
    /// What should be changed is not there any more.
    #[error("the identity provider does not know {what} any more")]
    Gone {
        /// What is gone.
        what: String,
    },
    /// The client cannot be managed from here: it was mapped, or its registration access token was lost.
    #[error("the client is not managed from here: change it at the identity provider")]
    Unmanaged,
    /// The identity provider refuses our own credentials.
    #[error("the identity provider refuses the key manager's own credentials; check `{setting}`")]
    OwnCredentialsRefused {
        /// The setting that holds them.
        setting: &'static str,
    },
    /// Its answer is not what the endpoint should say, or says that it is another one than configured.
    #[error("the identity provider's answer cannot be used: {reason}")]
    BadAnswer {
        /// What is wrong with it.
        reason: String,
        /// Whether what was asked for was done.
        happened: Happened,
    },
    /// An endpoint that is needed is neither configured nor in the metadata.
    #[error("the identity provider has no {endpoint}; set it, or take it into its metadata")]
    NoEndpoint {
        /// The member of the metadata, such as `introspection_endpoint`.
        endpoint: &'static str,
    },
    /// It is unreachable, too slow, overloaded or failing.
    #[error("the identity provider is unavailable: {reason}")]
    Unavailable {
        /// What was seen.
        reason: String,
        /// When to come back, where it said so; capped.
        retry_after: Option<Duration>,
        /// Whether what was asked for was done.
        happened: Happened,
    },
}

/// Whether a failed call may have changed something at the identity provider.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Happened {
    /// It has not, so it can be tried again.
    No,
    /// It may have: the request went out and no usable answer came. A creation must not be repeated blindly.
    Maybe,
}

/// What to do about a failure.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Action {
    /// Another request is needed; repeating this one changes nothing.
    ChangeRequest,
    /// An operator must change settings here or at the identity provider; then it can be repeated.
    ChangeSettings,
    /// It can be repeated later.
    RetryLater,
}

impl ConnectorError {
    /// The HTTP status for whoever asked: 400, 409, 502 or 503.
    pub fn status(&self) -> u16 {
        match self {
            Self::Unsupported(_) | Self::Refused { .. } | Self::WrongCredentials | Self::Unmanaged => 400,
            Self::Conflict { .. } | Self::Gone { .. } => 409,
            Self::OwnCredentialsRefused { .. } | Self::BadAnswer { .. } | Self::NoEndpoint { .. } => 502,
            Self::Unavailable { .. } => 503,
        }
    }

    /// What to do about it; a reconciler repeats all but [`Action::ChangeRequest`].
    pub fn action(&self) -> Action {
        match self {
            Self::Unsupported(_)
            | Self::Refused { .. }
            | Self::WrongCredentials
            | Self::Conflict { .. }
            | Self::Gone { .. }
            | Self::Unmanaged => Action::ChangeRequest,
            Self::OwnCredentialsRefused { .. } | Self::BadAnswer { .. } | Self::NoEndpoint { .. } => {
                Action::ChangeSettings
            }
            Self::Unavailable { .. } => Action::RetryLater,
        }
    }

    /// Whether it may have changed something at the identity provider all the same.
    pub fn happened(&self) -> Happened {
        match self {
            Self::BadAnswer { happened, .. } | Self::Unavailable { happened, .. } => *happened,
            Self::Unsupported(_)
            | Self::Refused { .. }
            | Self::WrongCredentials
            | Self::Conflict { .. }
            | Self::Gone { .. }
            | Self::Unmanaged
            | Self::OwnCredentialsRefused { .. }
            | Self::NoEndpoint { .. } => Happened::No,
        }
    }
}
