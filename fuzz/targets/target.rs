//! The target of a request (`:path`): nothing but a public operation is forwarded without a decision, and no ambiguous
//! target is forwarded at all.
#![no_main]

use gatehouse_fuzz::{SharedValues, Unmatched, begin, gateway, path, request};
use key_validation::target::{Ambiguities, Target};
use key_validation::{Decision, Gateway, Step};
use libfuzzer_sys::fuzz_target;

thread_local! {
    /// For all inputs: no answer comes, so nothing is remembered.
    static REJECTING: Gateway = gateway(Unmatched::Reject);
    static FORWARDING: Gateway = gateway(Unmatched::Forward);
}

fuzz_target!(|raw: &[u8]| {
    let is_unambiguous = Target::parse(raw).is_ok_and(|target| target.ambiguities().within(Ambiguities::none()));
    assert!(!is_unambiguous || path::is_plain(raw), "an ambiguity goes unnoticed");

    let is_forwarded = |gateway: &Gateway, authorization| {
        let step = begin(gateway, &SharedValues::default(), &request(raw, authorization)).step;
        matches!(step, Step::Decided(Decision::Forward(_)))
    };
    for authorization in [None, Some(b"Bearer t".as_slice())] {
        if REJECTING.with(|gateway| is_forwarded(gateway, authorization)) {
            assert!(is_unambiguous, "an ambiguous target is forwarded");
            assert!(path::is_public(raw), "forwarded without a decision");
        }
        if FORWARDING.with(|gateway| is_forwarded(gateway, authorization)) {
            assert!(is_unambiguous, "an ambiguous target is forwarded");
            assert!(path::is_public(raw) || !path::is_in_api(raw), "forwarded as if it belonged to no API");
        }
    }
});
