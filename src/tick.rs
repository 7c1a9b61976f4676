//! The one timer of a root context, shared by those who have something to do in a while.

use std::cell::Cell;
use std::time::Duration;

use crate::host;

/// Who may have a wish.
#[derive(Clone, Copy)]
pub(crate) enum TickUser {
    /// Flights that wait for another worker's answer.
    Flights,
}

/// How often each user wants the root context's `on_tick`; it comes as often as the most frequent one, so a user must
/// bear being called early.
#[derive(Default)]
pub(crate) struct Tick {
    wishes: [Cell<Option<Duration>>; 1],
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
}
