//! A gateway filter with a rule of its own: the scope `<area>:all` grants every scope `<area>:*`.
//!
//! Everything else is the standard filter. Build it with
//! `cargo build --release --target wasm32-wasip1 --package scope-alias-handler` and load it in place of
//! `gatehouse.wasm`.
#![allow(unsafe_code, missing_docs, reason = "the SDK's macro exports the module's entry point")]

use key_validation::Denial;
use key_validation::handler::{Call, KeyValidationHandler, Permitted, Subscribed, steps};

/// The standard handler, but for the comparison of scopes.
struct ScopeAliasHandler;

impl KeyValidationHandler for ScopeAliasHandler {
    fn validate_scopes<'a>(&self, call: &Call<'a>, subscribed: Subscribed<'a>) -> Result<Permitted<'a>, Denial> {
        steps::validate_scopes_by(call, subscribed, |granted, needed| granted == needed || covers(granted, needed))
    }
}

fn covers(granted: &str, needed: &str) -> bool {
    let area = granted.strip_suffix(":all");
    area.is_some_and(|area| needed.strip_prefix(area).is_some_and(|rest| rest.starts_with(':')))
}

gatehouse::filter!(ScopeAliasHandler);

#[cfg(test)]
mod tests {
    use super::covers;

    #[test]
    fn all_of_an_area_covers_its_scopes_alone() {
        assert!(covers("orders:all", "orders:read"));
        assert!(!covers("orders:all", "orders"));
        assert!(!covers("orders:all", "ordersx:read"));
        assert!(!covers("orders:read", "orders:write"));
    }
}
