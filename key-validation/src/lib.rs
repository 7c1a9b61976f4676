//! The decision about a request: who calls, may they, and what the backend is told.
//!
//! Everything here is pure: bytes and a [`UnixTime`] come in, a [`Step`] goes out. The crate knows no clock, socket,
//! random source or proxy, so that each decision can be replayed by a test.
//!
//! The words, each with one meaning throughout code, configuration, metrics and logs:
//!
//! * **API**: a published base path with its **operations** (verb and target).
//! * **application**: what a developer registered; its **keys** are clients at an **identity provider** (`IdP`).
//! * **subscription**: an application's permission to call an API, at a **tier**, in a state.
//! * **registry**: all APIs, applications and subscriptions that the gateway knows.
//! * **answer**: what the `IdP` said of a token; it is what is cached, never a decision.
//! * **cut-off**: a revocation, which outweighs answers that are remembered.
//! * **flight**: one introspection call under way, with the requests that wait for it.
//! * **backend JWT**: the signed statement about the caller that the backend receives.
//! * **denial**: a refusal, with the one answer that belongs to it.
#![forbid(unsafe_code)]
#![cfg_attr(
    not(test),
    warn(
        clippy::unwrap_used,
        clippy::expect_used,
        clippy::panic,
        clippy::indexing_slicing,
        clippy::arithmetic_side_effects
    )
)]

mod availability;
pub mod backend_jwt;
pub mod cache;
pub mod config;
mod credentials;
pub mod cut_offs;
pub mod denial;
mod digest;
mod exchange;
pub mod feed;
mod gateway;
pub mod handler;
mod hash_table;
mod head;
pub mod introspection;
mod json;
pub mod jws;
pub mod lease;
#[cfg(all(test, not(target_family = "wasm")))]
mod properties;
#[cfg(all(test, not(target_family = "wasm")))]
mod reference;
pub mod registry;
mod scope;
mod secret;
pub mod target;
mod time;

pub use config::{ConfigError, Configuration};
pub use denial::{Denial, Unavailable};
pub use exchange::{Begun, Decision, Exchange, Forward, Outcome, Publication, PublishedField, Question, Reply, Step};
pub use gateway::{Event, Gateway, Ports, SelfTest, Telemetry, Turn, Verdict, Waiting};
pub use handler::KeyValidationHandler;
pub use head::RequestHead;
pub use scope::{ScopeError, ScopeToken};
pub use secret::Secret;
pub use time::UnixTime;
