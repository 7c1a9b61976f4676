//! End to end, on real Envoy: every row of BEHAVIOUR.md that a caller, a backend or an operator can see of one gateway.
//!
//! Where a test shows a row, its name begins with the section and the row.

mod behaviour_document;
mod configuration;
mod denials;
mod fixtures;
mod harness;
mod oldest_envoy;
mod operator;
mod own_handler;
mod readings;
mod refused_configurations;
mod registry;
mod s1_authorization;
mod s1_election;
mod s1_identity_headers;
mod s1_report;
mod s1_routing;
mod s2_answers;
mod s3_target;
mod s4_credentials;
mod s5_answers;
mod s5_breaker;
mod s5_cut_offs;
mod s5_flights;
mod s5_outages;
mod s5_outcomes;
mod s5_private_key_jwt;
mod s5_refresh_ahead;
mod s5_remembered;
mod s5_request;
mod s5_retries;
mod s5_self_test;
mod s5_signed_response;
mod s5_stale;
mod s5_unanswerable;
mod s6_backend_jwt;
mod s6_key_set;
mod s8_bodies;
mod s8_hosts;
mod s8_pseudo_headers;
mod s8_robustness;
mod s8_updates;
mod s8_vm_death;
mod treacherous_targets;
mod with_a_real_idp;
