//! The one timer of a root context, shared by those who have something to do in a while.

use std::cell::Cell;
use std::time::Duration;

use crate::host;

/// Who may have a wish.
#[derive(Clone, Copy)]
pub(crate) enum TickUser {
    /// Flights that wait for another worker's answer.
    Flights,
    /// Endpoints that are to be tried at start.
    SelfTests,
    /// The registry, where it comes from a key manager.
    Sync,
}

/// How often each user wants the root context's `on_tick`; it comes as often as the most frequent one, so a user must
/// bear being called early.
#[derive(Default)]
pub(crate) struct Tick {
    wishes: [Cell<Option<Duration>>; 3],
    period: Cell<Option<Duration>>,
}

impl Tick {
    /// Sets or ends a user's wish.
    pub(crate) fn every(&self, user: TickUser, period: Option<Duration>) {
        if let Some(wish) = self.wishes.get(user as usize) {
            wish.set(period);
        }
        let period = self.wishes.iter().filter_map(Cell::get).min();
        // Setting the period that is set already would start it anew, and it might never end.
        if period != self.period.replace(period)
            && let Err(error) = host::set_tick_period(period.unwrap_or_default())
        {
            log::error!("the timer cannot be set: {error}");
        }
    }

    /// Ends a user's wish; `false` when there was none.
    pub(crate) fn end(&self, user: TickUser) -> bool {
        let had_one = self.wishes.get(user as usize).is_some_and(|wish| wish.get().is_some());
        if had_one {
            self.every(user, None);
        }
        had_one
    }
}
