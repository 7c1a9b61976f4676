//! When not to ask an identity provider: it refuses our credentials, or too many calls are under way.

use std::cell::Cell;
use std::time::Duration;

use crate::UnixTime;
use crate::denial::Unavailable;
use crate::gateway::Verdict;
use crate::introspection::Answer;

const FIRST_HOLD_OFF: Duration = Duration::from_secs(1);
const LONGEST_HOLD_OFF: Duration = Duration::from_secs(30);

/// This worker's calls to one identity provider.
#[derive(Debug)]
pub(crate) struct Availability {
    calls: Cell<u32>,
    concurrent_calls: u32,
    /// Until when calls are held off, and for how long the next time.
    held_until: Cell<UnixTime>,
    next_hold_off: Cell<Duration>,
}

impl Availability {
    pub(crate) fn new(concurrent_calls: u32) -> Self {
        Self {
            calls: Cell::new(0),
            concurrent_calls,
            held_until: Cell::new(UnixTime::from_millis(0)),
            next_hold_off: Cell::new(FIRST_HOLD_OFF),
        }
    }

    /// Whether a call may begin.
    ///
    /// # Errors
    /// [`Unavailable`] when calls are held off, or enough are under way.
    pub(crate) fn begin_call(&self, now: UnixTime) -> Result<(), Unavailable> {
        let held_for = self.held_until.get().since(now);
        if !held_for.is_zero() {
            return Err(Unavailable::ClientAuthFailed { retry_after: held_for });
        }
        if self.calls.get() >= self.concurrent_calls {
            return Err(Unavailable::Shed);
        }
        self.calls.set(self.calls.get().saturating_add(1));
        Ok(())
    }

    /// Notes what came of a call.
    pub(crate) fn end_call(&self, verdict: &Verdict, now: UnixTime) {
        self.calls.set(self.calls.get().saturating_sub(1));
        match verdict {
            Ok(Answer::Active(_)) => {
                self.held_until.set(UnixTime::from_millis(0));
                self.next_hold_off.set(FIRST_HOLD_OFF);
            }
            // Calls that were under way together fail together; they are one failure.
            Err(Unavailable::ClientAuthFailed { .. }) if self.held_until.get() <= now => {
                let hold_off = self.next_hold_off.get();
                self.held_until.set(now.plus(hold_off));
                self.next_hold_off.set(hold_off.saturating_mul(2).min(LONGEST_HOLD_OFF));
            }
            // "Inactive" proves nothing: some say so to a client that may not ask.
            Ok(Answer::Inactive) | Err(_) => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    #[cfg(all(target_arch = "wasm32", target_os = "unknown"))]
    use wasm_bindgen_test::wasm_bindgen_test as test;

    const REFUSED: Verdict = Err(Unavailable::ClientAuthFailed { retry_after: Duration::from_secs(1) });

    fn at(seconds: u64) -> UnixTime {
        UnixTime::from_seconds(1000 + seconds)
    }

    #[test]
    fn holds_calls_off_after_our_credentials_were_refused_for_longer_each_time() {
        let availability = Availability::new(8);
        for (now, held_for) in [(0, 1), (1, 2), (3, 4), (7, 8), (15, 16), (31, 30), (61, 30)] {
            availability.begin_call(at(now)).unwrap();
            availability.end_call(&REFUSED, at(now));

            let retry_after = Duration::from_secs(held_for);
            assert_eq!(availability.begin_call(at(now)), Err(Unavailable::ClientAuthFailed { retry_after }));
            assert!(availability.begin_call(at(now + held_for)).is_ok());
            availability.end_call(&Err(Unavailable::Shed), at(now));
        }
    }

    #[test]
    fn a_verdict_ends_the_hold_off() {
        let availability = Availability::new(8);
        availability.end_call(&REFUSED, at(0));
        availability.end_call(&Ok(Answer::Active([].into())), at(0));

        assert!(availability.begin_call(at(0)).is_ok());
    }

    #[test]
    fn calls_that_fail_together_are_one_failure() {
        let availability = Availability::new(8);
        availability.end_call(&REFUSED, at(0));
        availability.end_call(&REFUSED, at(0));

        assert!(availability.begin_call(at(1)).is_ok());
    }

    #[test]
    fn sheds_calls_over_the_limit() {
        let availability = Availability::new(1);
        availability.begin_call(at(0)).unwrap();

        assert_eq!(availability.begin_call(at(0)), Err(Unavailable::Shed));
        availability.end_call(&Ok(Answer::Inactive), at(0));
        assert!(availability.begin_call(at(0)).is_ok());
    }
}
