//! The key manager as its users meet it.

mod store;
