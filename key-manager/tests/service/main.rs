//! The key manager as its users meet it.

mod rest;
mod store;
