//! `gatehouse-key-manager`, with the connectors that come with it.

fn main() {}
