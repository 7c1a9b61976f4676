//! When not to ask an identity provider: it is away, it refuses our credentials, or too many calls are under way.

mod breaker;

use std::cell::{Cell, RefCell};
use std::time::Duration;

use crate::UnixTime;
use crate::cache::AnswerKey;
use crate::config::IdentityProvider;
use crate::denial::Unavailable;
use crate::gateway::Verdict;
use crate::introspection::Answer;
use breaker::Breaker;

const FIRST_HOLD_OFF: Duration = Duration::from_secs(1);
const LONGEST_HOLD_OFF: Duration = Duration::from_secs(30);

/// This worker's calls to one identity provider.
#[derive(Debug)]
pub(crate) struct Availability {
    calls: Cell<u32>,
    concurrent_calls: u32,
    breaker: RefCell<Breaker>,
    /// Until when calls are held off, and for how long the next time.
    held_until: Cell<UnixTime>,
    next_hold_off: Cell<Duration>,
}

impl Availability {
    pub(crate) fn new(provider: &IdentityProvider) -> Self {
        Self {
            calls: Cell::new(0),
            concurrent_calls: provider.concurrent_calls,
            breaker: RefCell::new(Breaker::new(provider.breaker)),
            held_until: Cell::new(UnixTime::from_millis(0)),
            next_hold_off: Cell::new(FIRST_HOLD_OFF),
        }
    }

    /// Whether a call about a token may begin.
    ///
    /// # Errors
    /// [`Unavailable`] when the breaker is open, calls are held off, or enough are under way.
    pub(crate) fn begin_call(&self, key: &AnswerKey, now: UnixTime) -> Result<(), Unavailable> {
        let held_for = self.held_until.get().since(now);
        if !held_for.is_zero() {
            return Err(Unavailable::ClientAuthFailed { retry_after: held_for });
        }
        if self.calls.get() >= self.concurrent_calls {
            return Err(Unavailable::Shed);
        }
        self.breaker.borrow_mut().begin_call(key, now)?;
        self.calls.set(self.calls.get().saturating_add(1));
        Ok(())
    }

    /// Whether a call may begin for which no request waits: half of the calls are kept for those that do.
    pub(crate) fn has_room_ahead(&self) -> bool {
        self.calls.get() < self.concurrent_calls >> 1
    }

    /// Notes what came of a call about a token.
    pub(crate) fn end_call(&self, key: &AnswerKey, verdict: &Verdict, now: UnixTime) {
        self.calls.set(self.calls.get().saturating_sub(1));
        self.breaker.borrow_mut().end_call(key, verdict, now);
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
mod tests;
