//! The key manager: registers APIs and applications at identity providers, and feeds the gateways.
//!
//! It is a library and a binary, so that a connector of one's own is a crate and a `main` that registers it.
#![forbid(unsafe_code)]

pub mod connector;
