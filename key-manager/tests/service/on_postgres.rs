//! What has to do with the database once more, on `PostgreSQL`, and what it alone can do.

mod backup;
#[cfg(feature = "failpoints")]
mod crashes;
mod doctor;
mod feed;
mod formats;
#[expect(dead_code, reason = "what the connectors are tested with is used by the other binary")]
mod harness;
mod intents;
mod oauth2;
mod operators;
mod outages;
mod replicas;
mod rest;
mod signing_keys;
mod store;

/// On what the tests of this binary run.
pub(crate) const DATABASE: harness::database::Kind = harness::database::Kind::Postgres;
