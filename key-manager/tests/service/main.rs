//! The key manager as its users meet it, and its connectors at real identity providers.

mod command_line;
mod connectors;
#[cfg(feature = "failpoints")]
mod crashes;
mod harness;
mod oauth2;
mod operators;
mod rest;
mod signing_keys;
mod store;
