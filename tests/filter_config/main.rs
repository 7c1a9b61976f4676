//! `filter-config/`: what people copy from there has to be right.
//!
//! The examples and the manifests' plugin configurations are read by the filter's own parser, the manifests are held
//! against the schemas of those who read them, and the tables of the README against the schema.

mod agreement;
mod cel;
mod crd;
mod documentation;
mod edit;
mod envoy;
mod examples;
mod fitting;
mod manifests;
mod place;
mod plugin_schema;
mod reading;
