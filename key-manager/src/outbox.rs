//! The outbox: what has to reach identity providers, written down before it is tried, and carried out until it holds.

mod executor;

use key_validation::UnixTime;
use serde::{Deserialize, Serialize};

pub use executor::Executor;

/// Names what an intent is for; there is one intent for a thing.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "task")]
pub enum IntentId {
    /// Create the client of a key that is [`crate::domain::KeyState::Creating`].
    CreateClient {
        /// The key.
        key_id: String,
    },
    /// Delete the client of a key that is [`crate::domain::KeyState::Deleting`].
    DeleteClient {
        /// The key.
        key_id: String,
    },
    /// Bring what an identity provider keeps of an API to what the API is, or is not any more.
    RegisterApi {
        /// The API.
        api_id: String,
        /// The identity provider.
        identity_provider_id: String,
    },
}

/// An intent and how far it came.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Intent {
    /// What it is for.
    pub id: IntentId,
    /// How often it was tried.
    pub attempts: u32,
    /// When it is tried next. While somebody carries it out, when that one is thought to have died.
    #[serde(with = "crate::domain::millis")]
    pub next_attempt_at: UnixTime,
    /// Whether it waits for a person, and for which reason: it is not tried again by itself.
    pub state: IntentState,
    /// What went wrong last, for a person.
    pub error: Option<String>,
    /// When it was written.
    #[serde(with = "crate::domain::millis")]
    pub created_at: UnixTime,
}

/// Whether an intent is tried by itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum IntentState {
    /// It is.
    Pending,
    /// A client may have been created at an identity provider that cannot look for it; trying again could make two.
    PossiblyOrphaned,
}

impl IntentId {
    /// The intent as one text: `create_client:<key id>`.
    pub fn text(&self) -> String {
        match self {
            Self::CreateClient { key_id } => format!("create_client:{key_id}"),
            Self::DeleteClient { key_id } => format!("delete_client:{key_id}"),
            Self::RegisterApi { api_id, identity_provider_id } => {
                format!("register_api:{api_id}:{identity_provider_id}")
            }
        }
    }
}
