//! Subscriptions.

use key_validation::UnixTime;

use serde::{Deserialize, Serialize};

use super::{RowVersion, SubscriptionState};

/// An application's subscription to an API; one for each pair.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Subscription {
    /// Unique id, a UUID.
    pub id: String,
    /// See [`RowVersion`].
    #[serde(skip)]
    pub row_version: RowVersion,
    /// The API.
    pub api_id: String,
    /// The application.
    pub application_id: String,
    /// Its tier: WSO2's `throttlingPolicy`.
    pub tier: String,
    /// The tier asked for, while that waits for approval.
    pub requested_tier: Option<String>,
    /// Its state.
    pub state: SubscriptionState,
    /// When it was created.
    #[serde(with = "super::millis")]
    pub created_at: UnixTime,
    /// When it was last changed.
    #[serde(with = "super::millis")]
    pub updated_at: UnixTime,
}
