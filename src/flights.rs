//! The introspection calls of one worker, and the requests that wait for them.
//!
//! Flights belong to the worker, not to the request that began them: a client that goes away takes nobody with it.

use std::cell::Cell;
use std::collections::VecDeque;
use std::rc::Rc;

use key_validation::{Exchange, Question, UnixTime, Waiting};

/// A request that waits.
pub(crate) struct Waiter {
    pub(crate) context_id: u32,
    pub(crate) exchange: Exchange,
    /// Shared with the request's context, which holds body and trailers back until it is set.
    pub(crate) may_go_on: Rc<Cell<bool>>,
}

/// A call, planned or under way, and those who wait for it.
pub(crate) struct Flight {
    pub(crate) question: Question,
    /// In the order in which they came.
    pub(crate) waiters: Vec<Waiter>,
    /// The request that answers for a failure; none in a second flight, where all do.
    begun_by: Option<u32>,
    /// What it has waited for while another worker was asking.
    pub(crate) waiting: Option<Waiting>,
    /// What is asked without anyone waiting for it; requests may come to do so.
    refresh: Option<Exchange>,
}

impl Flight {
    /// An exchange with its question.
    pub(crate) fn exchange(&self) -> Option<&Exchange> {
        self.waiters.first().map(|waiter| &waiter.exchange).or(self.refresh.as_ref())
    }

    /// Whether a call has failed already for those who wait.
    pub(crate) fn is_second_attempt(&self) -> bool {
        self.begun_by.is_none()
    }

    /// From now on nobody waits for a further attempt.
    pub(crate) fn make_last_attempt(&mut self) {
        self.begun_by = None;
    }
}

/// All flights of a worker. There is one for a question at a time.
#[derive(Default)]
pub(crate) struct Flights {
    /// Few: calls under way are bounded, and what is shed does not wait.
    all: Vec<Flight>,
    /// Those whose call is still to be made.
    planned: VecDeque<Question>,
    /// Those whose call is under way, by the host's token, with the time at which they were asked.
    under_way: Vec<(u32, Question, UnixTime)>,
    /// Those that wait for another worker's answer.
    following: Vec<Question>,
}

impl Flights {
    /// Adds a request to the flight of its question; `true` when that planned a new one.
    pub(crate) fn join(&mut self, waiter: Waiter) -> bool {
        let question = waiter.exchange.question();
        if let Some(flight) = self.find(&question) {
            flight.waiters.push(waiter);
            return false;
        }
        let begun_by = Some(waiter.context_id);
        self.plan(Flight { question, waiters: vec![waiter], begun_by, waiting: None, refresh: None });
        true
    }

    /// Plans a flight for which no request waits; `false` when there is one already. Those who come to wait for it form
    /// a second flight if it fails.
    pub(crate) fn plan_refresh(&mut self, context_id: u32, exchange: Exchange) -> bool {
        let question = exchange.question();
        if self.find(&question).is_some() {
            return false;
        }
        let begun_by = Some(context_id);
        self.plan(Flight { question, waiters: Vec::new(), begun_by, waiting: None, refresh: Some(exchange) });
        true
    }

    fn find(&mut self, question: &Question) -> Option<&mut Flight> {
        self.all.iter_mut().find(|flight| flight.question == *question)
    }

    fn take(&mut self, question: &Question) -> Option<Flight> {
        let position = self.all.iter().position(|flight| flight.question == *question)?;
        Some(self.all.swap_remove(position))
    }

    fn plan(&mut self, flight: Flight) {
        self.planned.push_back(flight.question);
        self.all.push(flight);
    }

    /// Plans a flight again whose answer came too late to be used.
    pub(crate) fn plan_again(&mut self, flight: Flight) {
        self.plan(Flight { waiting: None, ..flight });
    }

    /// Takes back the flight that a request has just planned.
    pub(crate) fn cancel(&mut self, question: &Question) {
        self.planned.retain(|planned| planned != question);
        self.take(question);
    }

    /// Removes a request that has gone away.
    pub(crate) fn leave(&mut self, question: &Question, context_id: u32) {
        if let Some(flight) = self.find(question) {
            flight.waiters.retain(|waiter| waiter.context_id != context_id);
        }
    }

    /// Takes out the next flight whose call is to be made; one for which nobody waits any more is dropped, unless it is
    /// to refresh an answer.
    pub(crate) fn take_planned(&mut self) -> Option<Flight> {
        while let Some(question) = self.planned.pop_front() {
            let flight = self.take(&question);
            if let Some(flight) = flight.filter(|flight| flight.exchange().is_some()) {
                return Some(flight);
            }
        }
        None
    }

    /// Puts a flight back that waits for another worker's answer.
    pub(crate) fn follow(&mut self, flight: Flight) {
        self.following.push(flight.question);
        self.all.push(flight);
    }

    /// Whether any flight waits for another worker's answer.
    pub(crate) fn any_follows(&self) -> bool {
        !self.following.is_empty()
    }

    /// Plans those that wait for another worker's answer, so that they are looked at again.
    pub(crate) fn plan_following(&mut self) {
        self.planned.extend(self.following.drain(..));
    }

    /// Puts a flight back whose call is under way.
    pub(crate) fn depart(&mut self, token: u32, flight: Flight, asked_at: UnixTime) {
        self.under_way.push((token, flight.question, asked_at));
        self.all.push(flight);
    }

    /// The questions whose calls are under way.
    pub(crate) fn questions_under_way(&self) -> Vec<Question> {
        self.under_way.iter().map(|call| call.1).collect()
    }

    /// Takes out the flight whose call has ended, with the time at which it was asked.
    pub(crate) fn land(&mut self, token: u32) -> Option<(Flight, UnixTime)> {
        let position = self.under_way.iter().position(|call| call.0 == token)?;
        let (_, question, asked_at) = self.under_way.swap_remove(position);
        self.take(&question).map(|flight| (flight, asked_at))
    }

    /// Takes note that a flight's call has failed, and gives back those who answer for it: who began it. The others
    /// wait for a second flight, and if that fails too, all of them answer.
    pub(crate) fn fail(&mut self, flight: Flight) -> Vec<Waiter> {
        let Some(begun_by) = flight.begun_by else { return flight.waiters };
        let (answering, others): (Vec<_>, Vec<_>) =
            flight.waiters.into_iter().partition(|waiter| waiter.context_id == begun_by);
        if !others.is_empty() {
            self.plan(Flight { waiters: others, begun_by: None, waiting: None, refresh: None, ..flight });
        }
        answering
    }
}
