//! The outbox: what has to reach identity providers, written down before it is tried, and carried out until it holds.

mod apis;
mod clients;
mod executor;
mod owners;
mod step;

use std::time::Duration;

use key_validation::UnixTime;
use serde::{Deserialize, Serialize};

pub use clients::forget;
pub(crate) use clients::reference;
pub use executor::{CarryOutError, Executor};
pub use step::Step;

const FIRST_PAUSE: Duration = Duration::from_secs(5);
const LONGEST_PAUSE: Duration = Duration::from_secs(300);

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
    /// Tell of another owner of the application that a client belongs to.
    ChangeOwner {
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
    /// How often somebody began to carry it out.
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
    /// The request that wrote it; what carrying it out writes is audited under the same.
    #[serde(default)]
    pub request_id: String,
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

impl Intent {
    /// Written at this point, to be carried out as soon as can be.
    pub fn new(id: IntentId, request_id: &str, now: UnixTime) -> Self {
        let (state, request_id) = (IntentState::Pending, request_id.to_owned());
        Self { id, attempts: 0, next_attempt_at: now, state, error: None, created_at: now, request_id }
    }

    /// Written at this point by somebody who is about to carry it out.
    fn carried_out_by_its_writer(id: IntentId, request_id: &str, now: UnixTime, within: Duration) -> Self {
        Self { next_attempt_at: now.plus(within), ..Self::new(id, request_id, now) }
    }

    /// Begun once more, by somebody who has until then alone.
    fn begun(self, now: UnixTime, within: Duration) -> Self {
        Self { attempts: self.attempts.saturating_add(1), next_attempt_at: now.plus(within), ..self }
    }

    /// To be tried again, later and later.
    fn failed(&self, now: UnixTime, state: IntentState, error: String) -> Self {
        let doublings = self.attempts.saturating_sub(1).min(10);
        let pause = FIRST_PAUSE.saturating_mul(1 << doublings).min(LONGEST_PAUSE);
        Self { next_attempt_at: now.plus(pause), state, error: Some(error), ..self.clone() }
    }
}

impl IntentId {
    /// Reads [`IntentId::text`].
    pub fn parse(text: &str) -> Option<Self> {
        let parts: Vec<&str> = text.split(':').collect();
        match parts.as_slice() {
            ["create_client", key_id] => Some(Self::CreateClient { key_id: (*key_id).to_owned() }),
            ["delete_client", key_id] => Some(Self::DeleteClient { key_id: (*key_id).to_owned() }),
            ["change_owner", key_id] => Some(Self::ChangeOwner { key_id: (*key_id).to_owned() }),
            ["register_api", api_id, identity_provider_id] => Some(Self::RegisterApi {
                api_id: (*api_id).to_owned(),
                identity_provider_id: (*identity_provider_id).to_owned(),
            }),
            _ => None,
        }
    }

    /// The intent as one text: `create_client:<key id>`.
    pub fn text(&self) -> String {
        match self {
            Self::CreateClient { key_id } => format!("create_client:{key_id}"),
            Self::DeleteClient { key_id } => format!("delete_client:{key_id}"),
            Self::ChangeOwner { key_id } => format!("change_owner:{key_id}"),
            Self::RegisterApi { api_id, identity_provider_id } => {
                format!("register_api:{api_id}:{identity_provider_id}")
            }
        }
    }
}
