//! What the tests stand on: real Envoy, identity providers real and scripted, a backend, clients of several kinds.
//!
//! Nothing in here knows what the filter should do.

pub(crate) mod access_log;
pub(crate) mod admin;
pub(crate) mod answer;
pub(crate) mod backend;
pub(crate) mod backend_jwt;
pub(crate) mod bootstrap;
pub(crate) mod call;
pub(crate) mod clock;
pub(crate) mod form;
pub(crate) mod gateway;
pub(crate) mod host;
pub(crate) mod http2;
pub(crate) mod http2_frames;
pub(crate) mod key_manager;
pub(crate) mod listener;
pub(crate) mod members;
pub(crate) mod metrics;
pub(crate) mod node;
pub(crate) mod place;
#[expect(dead_code, reason = "the key manager's own tests stop it and look into it, too")]
#[path = "../../key-manager/tests/service/harness/postgres.rs"]
pub(crate) mod postgres;
pub(crate) mod process;
pub(crate) mod real_idp;
pub(crate) mod script;
pub(crate) mod scripted_idp;
pub(crate) mod servers;
pub(crate) mod upload;
pub(crate) mod wait;
pub(crate) mod watched;
