//! The key manager: registers APIs and applications at identity providers, and feeds the gateways.
//!
//! It is a library and a binary, so that a connector of one's own is a crate and a `main` that registers it.
//!
//! The words are those of [`key_validation`], and:
//!
//! * **identity provider**: whoever issues tokens; WSO2's REST calls it a key manager.
//! * **connector**: what speaks one identity provider's dialect.
//! * **key**: an application's **client** at an identity provider.
//! * **intent**: something that has to reach an identity provider; the **outbox** holds them.
//! * **feed**: what gateways are told of the registry, as **changes** with a **revision**.
#![forbid(unsafe_code)]

pub mod callers;
pub mod cli;
pub mod clock;
pub mod config;
pub mod connections;
pub mod connector;
mod cut_offs;
pub mod domain;
pub mod failure;
pub mod feed;
pub mod metrics;
pub mod oauth2;
pub mod openapi;
mod operations;
pub mod operators;
pub mod outbox;
mod requests;
pub mod rest;
pub mod server;
pub mod service;
pub mod signing_keys;
pub mod store;
pub mod users;
