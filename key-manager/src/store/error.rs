//! What can go wrong in the store.

/// A failure of the store.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// There is another one already.
    #[error("there is already {0}")]
    Taken(Unique),
    /// The row was changed or removed since it was read.
    #[error("it was changed or removed in the meantime")]
    Changed,
    /// The database is locked, full, gone or broken: nothing was written, and a later try may succeed.
    #[error("the database cannot be used: {0}")]
    Unavailable(String),
    /// The database went away while it was told to commit: what was written is there, or it is not.
    #[error("the database went away before it said whether it has committed: {0}")]
    Uncertain(String),
    /// A text that cannot be kept.
    #[error("a text has U+0000 in it")]
    Text,
    /// What is in the database cannot be read: another sealing key, or a row that nothing here wrote.
    #[error("{0} in the database cannot be read")]
    Unreadable(String),
    /// The schema is missing, or older than this program, or broken.
    #[error("the database's schema: {0}")]
    Schema(String),
    /// The schema is newer than this program.
    #[error("the database's schema: {0}")]
    NewerSchema(String),
}

/// What may be there once only.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unique {
    /// Name and version of an API.
    #[error("an API of this name and version")]
    ApiName,
    /// Context and version of an API.
    #[error("an API with this context and version")]
    ApiContext,
    /// Name of an application of one owner.
    #[error("an application of this name")]
    ApplicationName,
    /// Application, identity provider and key type.
    #[error("a key of this type for this application at this key manager")]
    Key,
    /// Client id at an identity provider.
    #[error("a key with this client id at this key manager")]
    ClientId,
    /// API and application.
    #[error("a subscription of this application to this API")]
    Subscription,
    /// Name of an identity provider.
    #[error("a key manager of this name")]
    IdentityProviderName,
    /// Name of a shared scope.
    #[error("a shared scope of this name")]
    ScopeName,
    /// An id.
    #[error("something with this id")]
    Id,
}
