//! Refreshing ahead: an answer in use is asked for again before it ends, so that no request waits for the next one.
//!
//! Nobody waits for such a call, so it may never cost anybody anything: there is one attempt for an answer in the whole
//! process, it goes out only while at least half of the calls are free, and until its answer comes the present one serves.

use std::cell::RefCell;

use super::flight_lease::{lease, lease_until};
use super::{Gateway, Ports, Question, Verdict};
use crate::UnixTime;
use crate::availability::Availability;
use crate::cache::{AnswerKey, Lookup};
use crate::introspection::{Answer, RefreshWindow};
use crate::lease::{LeaseHolder, Taken};

/// Slots for this worker's attempts. Of two tokens in one slot the later one has to wait.
const SLOTS: u16 = 256;

/// What this worker has tried to refresh, each until the present answer ends or the next one is there.
#[derive(Debug, Default)]
pub(super) struct Refreshes(RefCell<Vec<Attempt>>);

#[derive(Clone, Copy, Debug)]
struct Attempt {
    key: AnswerKey,
    until: UnixTime,
}

impl Refreshes {
    /// Takes note of an attempt; `false` when there has been one, or there is no room for it.
    fn begin(&self, key: AnswerKey, until: UnixTime, now: UnixTime) -> bool {
        let mut attempts = self.0.borrow_mut();
        if attempts.is_empty() {
            attempts.resize(SLOTS.into(), Attempt { key, until: UnixTime::from_millis(0) });
        }
        match attempts.get_mut(usize::from(key.slot(SLOTS))) {
            Some(slot) if slot.until <= now => {
                *slot = Attempt { key, until };
                true
            }
            _ => false,
        }
    }

    /// Makes room: there is a new answer.
    pub(super) fn end(&self, key: &AnswerKey) {
        if let Some(slot) = self.0.borrow_mut().get_mut(usize::from(key.slot(SLOTS)))
            && slot.key == *key
        {
            slot.until = UnixTime::from_millis(0);
        }
    }
}

impl Gateway {
    /// Whether the request that an answer has decided is to have it asked for again.
    #[inline]
    pub(super) fn begins_refresh(&self, question: Question, verdict: &Verdict, now: UnixTime) -> bool {
        let Ok(Answer::Active(record)) = verdict else { return false };
        self.configuration.cache.refresh_ahead
            && RefreshWindow::of(record)
                .filter(|window| window.begins_at <= now)
                .is_some_and(|window| self.refreshes.begin(question.key, window.ends_at, now))
    }

    /// Whether this worker is to ask a question again for which no request waits: no other worker does, or has tried
    /// already. A call must follow, as after [`super::Turn::Ask`].
    pub fn may_refresh(&self, question: Question, holder: LeaseHolder, now: UnixTime, ports: Ports<'_>) -> bool {
        let Some(provider) = self.identity_provider(question.identity_provider) else { return false };
        if !self.availability(question.identity_provider).is_some_and(Availability::has_room_ahead) {
            return false;
        }
        let lease = lease(question);
        let taken = lease.take(holder, lease_until(provider, now), now, ports.shared);
        let Taken::Granted { ended_at, .. } = taken else { return false };
        // Other workers may have asked since the request that saw the answer end soon.
        let may = match self.remembered(question, now, ports.shared) {
            Lookup::Hit(Answer::Active(record)) => {
                RefreshWindow::of(&record).is_some_and(|window| window.begins_at <= now && ended_at < window.begins_at)
            }
            Lookup::Hit(Answer::Inactive) | Lookup::Miss => false,
        };
        if !may {
            lease.release(holder, None, now, ports.shared);
        }
        may
    }
}

#[cfg(test)]
mod tests;
