//! The store: repositories and their rules, whatever the database.
//!
//! The rules that every database keeps:
//!
//! * A miss is `None`, never an error.
//! * Time and ids come from the caller; the store has neither clock nor randomness.
//! * A text with U+0000 in it is refused ([`StoreError::Text`]), and never found: not every database keeps such.
//! * A [`Transaction`] commits everything of one write together: the rows, what gateways are told of them
//!   (the registry feed, with one new revision for the transaction), the intents for identity providers (the outbox), and
//!   an audit entry for each row. Dropped without [`Transaction::commit`], it leaves nothing.
//! * After an error a transaction is of no more use: it is dropped.
//! * Writers wait for each other: what a writing transaction read is still so when it commits.
//! * An update gives the row as it was read, changed; the store counts its row version. It fails with
//!   [`StoreError::Changed`] when the row is another one by then.
//! * What belongs to an owner is only found by who may see it ([`Owner`]); to others it is a miss.
//! * Secrets are sealed before they are written ([`Sealer`]).

mod error;
mod locks;
mod newest;
pub mod postgres;
mod repositories;
mod sealer;
mod sql;
pub mod sqlite;

use async_trait::async_trait;
use key_validation::UnixTime;

use crate::domain::Revision;
pub use error::{StoreError, Unique};
pub use locks::Lock;
pub use repositories::*;
pub use sealer::{Sealer, SealerError};

/// A database.
#[async_trait]
pub trait Store: Send + Sync {
    /// A transaction that only reads, from one state of the database.
    async fn read(&self) -> Result<Box<dyn Transaction>, StoreError>;

    /// A transaction that writes, once no other does.
    async fn write(&self, writer: Writer) -> Result<Box<dyn Transaction>, StoreError>;

    /// Brings the schema up to date.
    async fn migrate(&self) -> Result<(), StoreError>;

    /// Whether the schema is the one that this program knows: older and newer ones are not.
    async fn check_schema(&self) -> Result<(), StoreError>;

    /// The number of the newest revision, as far as this process has heard.
    fn newest(&self) -> u64;

    /// Waits until the newest revision is another than `seen`, whichever process has made it.
    async fn changed_since(&self, seen: u64);

    /// Waits until nobody else has the lock of this name, in any process that may work on the database.
    async fn lock(&self, name: &str) -> Result<Lock, StoreError>;

    /// Closes all connections.
    async fn close(&self);
}

/// Who writes, and when.
#[derive(Clone, Debug)]
pub struct Writer {
    /// User name, or what else acts.
    pub actor: String,
    /// The request that brings it about.
    pub request_id: String,
    /// The time of everything that is written.
    pub now: UnixTime,
}

/// Everything that can be read and written in one transaction.
#[async_trait]
pub trait Transaction:
    Apis
    + Applications
    + Keys
    + Subscriptions
    + IdentityProviders
    + Scopes
    + Revocations
    + Feed
    + Outbox
    + Audit
    + SigningKeys
    + Send
{
    /// Makes it last. A transaction that only reads has nothing to commit, and is dropped.
    async fn commit(self: Box<Self>) -> Result<(), StoreError>;
}

/// Whose things are meant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Owner<'a> {
    /// Those of this user alone.
    Only(&'a str),
    /// Everybody's: for publishers, administrators and the service itself.
    Anybody,
}

impl<'a> Owner<'a> {
    /// The user name, when it matters.
    pub fn name(self) -> Option<&'a str> {
        match self {
            Self::Only(name) => Some(name),
            Self::Anybody => None,
        }
    }
}

/// A part of a list.
#[derive(Clone, Copy, Debug)]
pub struct Window {
    /// How many to leave out.
    pub offset: u32,
    /// How many to give at most.
    pub limit: u32,
}

impl Window {
    /// The whole list.
    pub const ALL: Self = Self { offset: 0, limit: u32::MAX };
}

/// A part of a list and how long the whole is.
#[derive(Clone, Debug)]
pub struct Listed<T> {
    /// The part.
    pub items: Vec<T>,
    /// The length of the whole list.
    pub total: u64,
}

/// The feed's revision with the oldest number from which changes are complete.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FeedState {
    /// The newest revision.
    pub revision: Revision,
    /// A gateway that has applied an older number needs a snapshot.
    pub complete_since: u64,
}
