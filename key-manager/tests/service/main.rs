//! The key manager as its users meet it, and its connectors at real identity providers.

mod backup;
mod command_line;
mod connectors;
#[cfg(feature = "failpoints")]
mod crashes;
mod disk;
mod doctor;
mod feed;
mod formats;
#[expect(dead_code, reason = "what belongs to PostgreSQL alone is used by the other binary")]
mod harness;
mod oauth2;
mod operations;
mod operators;
mod rest;
mod shutdown;
mod signing_keys;
mod store;
mod users;

/// On what the tests of this binary run; those of `on_postgres.rs` are the same.
pub(crate) const DATABASE: harness::database::Kind = harness::database::Kind::Sqlite;
