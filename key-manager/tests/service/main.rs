//! The key manager as its users meet it, and its connectors at real identity providers.

mod connectors;
mod harness;
mod oauth2;
mod operators;
mod rest;
mod signing_keys;
mod store;
