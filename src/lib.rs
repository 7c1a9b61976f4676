//! The Gatehouse gateway filter: a thin proxy-wasm adapter over [`key_validation`].
//!
//! A callback reads what the decision needs from the host, calls the gateway, and carries out what comes back. There
//! is no policy here, and no panic: one would take the worker's VM down with every request that it holds.
//!
//! As a module it runs with the standard handler. A filter with a handler of its own depends on this crate without
//! its default features and calls [`filter!`]; `examples/scope-alias-handler` is one.
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
#![deny(unsafe_code)]

mod calls;
mod flights;
mod host;
mod http;
mod metrics;
mod protobuf;
mod root;
mod self_tests;
mod signer;
mod signing_keys;
mod sync;
mod tick;
mod verifier;
mod worker;

use key_validation::KeyValidationHandler;
use proxy_wasm::traits::RootContext;
use proxy_wasm::types::{LogLevel, NewRootContext};

/// Makes the module's entry point: a filter whose steps are those of this handler.
#[macro_export]
macro_rules! filter {
    ($handler:expr) => {
        proxy_wasm::main! {{
            $crate::start(|context_id| $crate::root_context(context_id, || ::std::boxed::Box::new($handler)))
        }}
    };
}

/// Registers the filter with the proxy; for [`filter!`].
pub fn start(root_context: NewRootContext) {
    proxy_wasm::set_log_level(LogLevel::Info);
    proxy_wasm::set_root_context(root_context);
}

/// The context of one configuration; for [`filter!`].
pub fn root_context(context_id: u32, handler: fn() -> Box<dyn KeyValidationHandler>) -> Box<dyn RootContext> {
    Box::new(root::Root::new(context_id, handler))
}

#[cfg(feature = "entry-point")]
mod entry_point {
    #![allow(unsafe_code, missing_docs, reason = "the SDK's macro exports the module's entry point")]
    crate::filter!(key_validation::handler::StandardHandler);
}
