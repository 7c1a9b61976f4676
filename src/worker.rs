//! One configuration at work in one worker: what its root context and its requests share.

use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::rc::Rc;
use std::time::Duration;

use key_validation::introspection::{BODY_LIMIT, IntrospectionResponse};
use key_validation::lease::LeaseHolder;
use key_validation::{
    Begun, Decision, Exchange, Forward, Gateway, Ports, Publication, Question, Reply, RequestHead, Step, Turn,
    Unavailable, UnixTime, Verdict,
};
use log::{error, warn};
use proxy_wasm::types::{Action, MapType};

use crate::calls::{NO_RESPONSE, dispatch, failure};
use crate::flights::{Flight, Flights, Waiter};
use crate::host::{self, HeaderMap, HostError, HostSharedData};
use crate::metrics::Metrics;
use crate::self_tests::{BEFORE_SELF_TESTS, SelfTests};
use crate::signing_keys::SigningKeys;
use crate::sync::Sync;
use crate::tick::{Tick, TickUser};

/// Shared by the contexts of one configuration. No borrow of `flights` or `landed` lasts while the host is called.
pub(crate) struct Worker {
    gateway: Rc<Gateway>,
    flights: RefCell<Flights>,
    /// Requests whose question is answered and that are still to be decided.
    landed: RefCell<VecDeque<(Waiter, Verdict)>>,
    self_tests: SelfTests,
    metrics: Metrics,
    /// Wakes the root context, which makes the calls: one made by a request would die with it. The way takes 4 us.
    queue: u32,
    root_context_id: u32,
    lease_holder: LeaseHolder,
    tick: Tick,
    /// Where the registry comes from a key manager.
    sync: Option<Sync>,
    /// Where keys come from a key manager.
    signing_keys: Option<SigningKeys>,
    last_report: Cell<UnixTime>,
}

/// Failures that come faster than this are one line in the log.
const REPORT_INTERVAL: Duration = Duration::from_secs(1);

/// How often a flight looks whether another worker has its answer.
const LOOK_AGAIN: Duration = Duration::from_millis(5);

/// Requests decided in one callback. The host lets a request go on, or answers it, when the callback has returned, and
/// runs the end of each such request inside the one before: some 260 at once exhaust its stack, which ends the VM.
const DECIDED_AT_ONCE: usize = 32;

impl Worker {
    pub(crate) fn new(gateway: Rc<Gateway>, queue: u32, root_context_id: u32, lease_holder: LeaseHolder) -> Self {
        Self {
            sync: Sync::of(&gateway, lease_holder),
            signing_keys: SigningKeys::of(&gateway),
            gateway,
            flights: RefCell::default(),
            landed: RefCell::default(),
            self_tests: SelfTests::default(),
            metrics: Metrics::default(),
            queue,
            root_context_id,
            lease_holder,
            tick: Tick::default(),
            last_report: Cell::new(UnixTime::from_millis(0)),
        }
    }

    fn ports(&self) -> Ports<'_> {
        Ports { shared: &HostSharedData, telemetry: &self.metrics }
    }

    /// Takes up a request: decides it, or makes it wait for the answer to the question that is returned.
    pub(crate) fn begin(&self, context_id: u32, may_go_on: &Rc<Cell<bool>>) -> (Action, Option<Question>) {
        match self.first_step(context_id) {
            Some(Step::Decided(decision)) => (self.carry_out(&decision, may_go_on), None),
            Some(Step::Introspect(exchange)) => {
                let question = exchange.question();
                let waiter = Waiter { context_id, exchange: *exchange, may_go_on: Rc::clone(may_go_on) };
                (self.wait(waiter), Some(question))
            }
            None => (self.refuse("the request's headers cannot be read or edited"), None),
        }
    }

    fn first_step(&self, context_id: u32) -> Option<Step> {
        let headers = host::headers(MapType::HttpRequestHeaders).ok()?;
        let begun = decision::begin(&self.gateway, &RequestHead::new(headers.pairs()?), host::now(), self.ports());
        let Begun { forged, step, refresh } = begun;
        for name in forged {
            host::remove_request_header(&name).ok()?;
        }
        if let Some(exchange) = refresh {
            self.refresh(context_id, *exchange);
        }
        Some(step)
    }

    fn wait(&self, waiter: Waiter) -> Action {
        let question = waiter.exchange.question();
        let is_new = self.flights.borrow_mut().join(waiter);
        if !is_new {
            self.metrics.count_flight_joined();
        } else if let Err(error) = host::enqueue(self.queue) {
            self.flights.borrow_mut().cancel(&question);
            return self.refuse(&format!("no call can be planned: {error}"));
        }
        Action::Pause
    }

    /// Has a question asked for which nothing waits.
    fn refresh(&self, context_id: u32, exchange: Exchange) {
        let question = exchange.question();
        let is_new = self.flights.borrow_mut().plan_refresh(context_id, exchange);
        if is_new && host::enqueue(self.queue).is_err() {
            self.flights.borrow_mut().cancel(&question);
        }
    }

    /// Forgets a request that has gone away.
    pub(crate) fn leave(&self, question: &Question, context_id: u32) {
        self.flights.borrow_mut().leave(question, context_id);
    }

    /// Begins what goes on by itself.
    pub(crate) fn start(&self) {
        if self.gateway.wants_self_tests() {
            self.tick.every(TickUser::SelfTests, Some(BEFORE_SELF_TESTS));
        }
        // Not at once: Envoy tries a configuration in a VM that it throws away, and that one must not get the lease.
        if self.sync.is_some() {
            self.tick.every(TickUser::Sync, Some(LOOK_AGAIN));
        }
    }

    /// Lets other workers know that the calls under way have come to nothing: they end with their root context.
    pub(crate) fn end(&self) {
        if let Some(sync) = &self.sync {
            sync.release();
        }
        let verdict = Err(Unavailable::Outage { retry_after: Duration::from_secs(1) });
        let (questions, now) = (self.flights.borrow().questions_under_way(), host::now());
        for question in questions {
            self.gateway.end_turn(question, self.lease_holder, &verdict, now, self.ports());
        }
    }

    /// Does what the queue has woken the root context for.
    pub(crate) fn wake(&self) {
        // An item says no more than that there is something to do.
        while host::dequeue(self.queue).is_ok() {}
        self.make_calls();
        self.decide_landed();
    }

    /// Looks again at what waits for other workers. To be called from the root context.
    pub(crate) fn look_again(&self) {
        self.synchronise();
        if self.tick.end(TickUser::SelfTests) {
            self.self_tests.make(&self.gateway, self.lease_holder, self.ports());
        }
        self.flights.borrow_mut().plan_following();
        self.make_calls();
        self.decide_landed();
    }

    fn synchronise(&self) {
        if let Some(keys) = &self.signing_keys {
            keys.tick(&self.gateway);
        }
        if let Some(sync) = &self.sync {
            let pause = sync.tick(&self.gateway, &self.metrics);
            self.tick.every(TickUser::Sync, Some(pause));
        }
    }

    /// Makes the calls that are planned, or leaves them to another worker that makes them already.
    fn make_calls(&self) {
        loop {
            let planned = self.flights.borrow_mut().take_planned();
            let Some(flight) = planned else { break };
            self.take_turn(flight);
        }
        let follows = self.flights.borrow().any_follows();
        self.tick.every(TickUser::Flights, follows.then_some(LOOK_AGAIN));
    }

    fn take_turn(&self, mut flight: Flight) {
        let now = host::now();
        if flight.waiters.is_empty() {
            if self.gateway.may_refresh(flight.question, self.lease_holder, now, self.ports()) {
                self.make_call(flight, now);
            }
            return;
        }
        let attempt = (flight.is_second_attempt(), flight.waiting);
        let looked_at = flight.exchange().map_or(UnixTime::from_millis(0), Exchange::looked_at);
        match self.gateway.turn((flight.question, looked_at), self.lease_holder, attempt, now, self.ports()) {
            Turn::Ask { is_second_attempt } => {
                if is_second_attempt {
                    flight.make_last_attempt();
                }
                self.make_call(flight, now);
            }
            Turn::Wait(waiting) => {
                if flight.waiting.replace(waiting).is_none() {
                    self.metrics.count_flight_joined();
                }
                self.flights.borrow_mut().follow(flight);
            }
            Turn::Answered(verdict) => self.land(flight.waiters, &verdict),
        }
    }

    fn make_call(&self, flight: Flight, now: UnixTime) {
        let Some(exchange) = flight.exchange() else { return };
        let call = match self.gateway.begin_call(exchange, now) {
            Ok(call) => call,
            Err(unavailable) => {
                if unavailable == Unavailable::NotSigned {
                    let provider = self.gateway.identity_provider_name(flight.question);
                    self.report(&format!("identity provider `{provider}`: {unavailable}"));
                }
                let verdict = Err(unavailable);
                self.gateway.end_turn(flight.question, self.lease_holder, &verdict, now, self.ports());
                return self.land(flight.waiters, &verdict);
            }
        };
        match dispatch(&call) {
            Ok(token) => self.flights.borrow_mut().depart(token, flight, now),
            Err(error) => {
                self.report(&format!("no call to cluster `{}` can be made: {error}", call.cluster));
                self.finish_call(flight, now, &NO_RESPONSE);
            }
        }
    }

    /// Takes up the response to a call. To be called from the root context.
    pub(crate) fn receive(&self, token: u32, has_headers: bool, body_size: usize) {
        // Asking the host for headers that are not there is an error: the call has failed.
        let headers = if has_headers { host::headers(MapType::HttpCallResponseHeaders).ok() } else { None };
        let pairs = headers.as_ref().and_then(HeaderMap::pairs).unwrap_or_default();
        let value = |name: &[u8]| pairs.iter().find(|pair| pair.0 == name).map(|pair| pair.1);
        let status = value(b":status").and_then(|status| std::str::from_utf8(status).ok()?.parse().ok());
        if let Some(sync) = &self.sync
            && let Some(pause) = sync.receive((token, status, body_size), &self.gateway, &self.metrics)
        {
            return self.tick.every(TickUser::Sync, Some(pause));
        }
        let body = match body_size {
            0 => Some(Vec::new()),
            1..=BODY_LIMIT => host::call_response_body(body_size).ok(),
            _ => None,
        };
        let (retry_after, content_type) = (value(b"retry-after"), value(b"content-type"));
        let response = IntrospectionResponse { status, retry_after, content_type, body: body.as_deref() };
        if let Some(keys) = &self.signing_keys
            && keys.receive(token, status, body.as_deref(), &self.gateway)
        {
            return;
        }
        if self.self_tests.receive(token, &response, &self.gateway, self.ports()) {
            return;
        }
        let landed = self.flights.borrow_mut().land(token);
        let Some((flight, asked_at)) = landed else { return };
        self.finish_call(flight, asked_at, &response);
        // A second flight may have been planned.
        self.make_calls();
        self.decide_landed();
    }

    fn finish_call(&self, flight: Flight, asked_at: UnixTime, response: &IntrospectionResponse<'_>) {
        let (question, now) = (flight.question, host::now());
        let verdict = self.gateway.end_call(question, response, asked_at, now, self.ports());
        self.gateway.end_turn(question, self.lease_holder, &verdict, now, self.ports());
        if self.gateway.is_overtaken(question, &verdict, now) {
            return self.flights.borrow_mut().plan_again(flight);
        }
        let waiters = match &verdict {
            Ok(_) => flight.waiters,
            Err(unavailable) => {
                let provider = self.gateway.identity_provider_name(question);
                self.report(&failure(provider, *unavailable, response));
                self.flights.borrow_mut().fail(flight)
            }
        };
        self.land(waiters, &verdict);
    }

    fn land(&self, waiters: Vec<Waiter>, verdict: &Verdict) {
        self.landed.borrow_mut().extend(waiters.into_iter().map(|waiter| (waiter, verdict.clone())));
    }

    /// Decides requests that waited, as many as the host can take at once, and has itself woken for the others.
    fn decide_landed(&self) {
        let mut decided: usize = 0;
        loop {
            let more_wait = !self.landed.borrow().is_empty();
            if decided >= DECIDED_AT_ONCE && more_wait && host::enqueue(self.queue).is_ok() {
                break;
            }
            let landed = self.landed.borrow_mut().pop_front();
            let Some((waiter, verdict)) = landed else { break };
            decided = decided.saturating_add(1);
            self.decide(&waiter, &verdict);
        }
        let _ = host::set_effective_context(self.root_context_id);
    }

    fn decide(&self, waiter: &Waiter, verdict: &Verdict) {
        // A context that is gone has nothing left to decide.
        if host::set_effective_context(waiter.context_id).is_err() {
            return;
        }
        let decision = decision::resume(&self.gateway, &waiter.exchange, verdict, host::now(), self.ports());
        if self.carry_out(&decision, &waiter.may_go_on) == Action::Continue
            && let Err(error) = host::resume_request()
        {
            error!("a request that may go on cannot: {error}");
        }
    }

    fn carry_out(&self, decision: &Decision, may_go_on: &Rc<Cell<bool>>) -> Action {
        match decision {
            Decision::Forward(forward) => match edit_headers(forward) {
                Ok(()) => {
                    may_go_on.set(true);
                    publish(&forward.publication);
                    let outcome = forward.publication.outcome;
                    self.metrics.count_request(outcome, outcome.reported().unwrap_or("none"));
                    Action::Continue
                }
                Err(error) => self.refuse(&format!("the request's headers cannot be edited: {error}")),
            },
            Decision::Reply(reply) => self.reply(reply),
        }
    }

    fn reply(&self, reply: &Reply) -> Action {
        publish(&reply.publication);
        self.metrics.count_request(reply.publication.outcome, reply.reason);
        let headers: Vec<_> = reply.headers.iter().map(|(name, value)| (*name, value.as_str())).collect();
        let details = ["gatehouse_", reply.reason].concat();
        if let Err(error) = host::send_local_response(reply.status, &details, &headers, &reply.body, reply.grpc_status)
        {
            error!("a request that was denied cannot be answered: {error}");
        }
        Action::Pause
    }

    /// Answers a request that the host does not let us decide.
    fn refuse(&self, reason: &str) -> Action {
        error!("a request is refused: {reason}");
        self.reply(&self.gateway.host_failed())
    }

    fn report(&self, failure: &str) {
        let now = host::now();
        if now.since(self.last_report.get()) >= REPORT_INTERVAL {
            self.last_report.set(now);
            warn!("introspection: {failure}");
        }
    }
}

fn edit_headers(forward: &Forward) -> Result<(), HostError> {
    if forward.remove_authorization {
        host::remove_request_header("authorization")?;
    }
    if let Some((name, value)) = &forward.set {
        host::set_request_header(name, value)?;
    }
    Ok(())
}

// What cannot be published is missing in the access log; no decision depends on it.
fn publish(publication: &Publication) {
    const PREFIX: &str = "gatehouse.";
    let mut name = String::with_capacity(32);
    name.push_str(PREFIX);
    for (field, value) in &publication.fields {
        name.truncate(PREFIX.len());
        name.push_str(field);
        let _ = host::set_filter_state(&name, value);
    }
}
