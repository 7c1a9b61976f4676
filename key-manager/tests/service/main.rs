//! The key manager as its users meet it, and its connectors at real identity providers.

mod connectors;
mod harness;
mod rest;
mod store;
