//! The steps of what reaches identity providers: between any two of them the process may end.

/// The steps and the list of them, which cannot differ.
macro_rules! steps {
    ($($(#[$doc:meta])* $name:ident,)*) => {
        /// A step that has just been done.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub enum Step {
            $($(#[$doc])* $name,)*
        }

        impl Step {
            /// Every step.
            pub const ALL: &[Self] = &[$(Self::$name,)*];
        }
    };
}

steps! {
    /// The place of a key and the intent to create its client are written.
    CreateWritten,
    /// Somebody carries out the creation.
    CreateClaimed,
    /// The identity provider has made the client.
    ClientCreated,
    /// The client is written.
    CreateKept,
    /// The intent to delete a client is written.
    DeleteWritten,
    /// Somebody carries out the deletion.
    DeleteClaimed,
    /// The identity provider has deleted the client.
    ClientDeleted,
    /// The key is gone.
    DeleteKept,
    /// The intent to bring an API to an identity provider is written.
    RegisterWritten,
    /// Somebody carries it out, and what it may make is written.
    RegisterClaimed,
    /// The identity provider knows the API.
    ApiRegistered,
    /// That it knows it is written.
    RegisterKept,
    /// Another owner is written, and the intent to tell of it.
    OwnerWritten,
    /// Somebody carries it out.
    OwnerClaimed,
    /// The identity provider knows the owner.
    OwnerTold,
    /// That it knows is written, and nothing is left to be told.
    OwnerKept,
}

impl Step {
    /// Says that the step has been done. With the feature `failpoints` the process ends here, without any clean-up, when
    /// `GATEHOUSE_END_AFTER` names the step.
    #[cfg_attr(not(feature = "failpoints"), expect(clippy::unused_self, reason = "nothing happens without failpoints"))]
    pub(crate) fn done(self) {
        #[cfg(feature = "failpoints")]
        if std::env::var("GATEHOUSE_END_AFTER").is_ok_and(|name| name == format!("{self:?}")) {
            std::process::abort();
        }
    }
}
