//! The decision about a request, built for speed where the rest of the filter is built for size.
//!
//! Cargo has one level of optimisation for a crate, and what [`key_validation`] marks to be inlined gets that of the crate that
//! calls it: this one.

use key_validation::{Begun, Decision, Exchange, Gateway, Ports, RequestHead, UnixTime, Verdict};

/// [`Gateway::begin`].
#[inline(never)]
pub fn begin(gateway: &Gateway, head: &RequestHead<'_>, now: UnixTime, ports: Ports<'_>) -> Begun {
    gateway.begin(head, now, ports)
}

/// [`Gateway::resume`].
#[inline(never)]
pub fn resume(gateway: &Gateway, exchange: &Exchange, verdict: &Verdict, now: UnixTime, ports: Ports<'_>) -> Decision {
    gateway.resume(exchange, verdict, now, ports)
}
