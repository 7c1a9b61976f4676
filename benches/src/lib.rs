//! Measures the filter side by side with others on one real Envoy, and soaks it with mixed traffic.
//!
//! `docs/benchmarks.md` says how; it is written by the binary `bench`.

pub mod churn;
pub mod client;
pub mod cold;
pub mod elsewhere;
pub mod envoy;
pub mod estimate;
pub mod filters;
pub mod h2load;
pub mod key_manager;
pub mod machine;
pub mod mint;
pub mod plot;
pub mod process;
pub mod registry;
pub mod report;
pub mod results;
pub mod servers;
pub mod slices;
pub mod soak;
pub mod stage;
pub mod stampede;
pub mod start_up;
pub mod steps;
pub mod token;
pub mod warm;
pub mod workers;
