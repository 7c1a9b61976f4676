//! Keeps the registry in step with the key manager's: one worker of the process reads the feed into the shared copy,
//! under a lease, and every worker takes over from the copy what has changed.

use std::cell::{Cell, RefCell};
use std::rc::{Rc, Weak};
use std::time::Duration;

use key_validation::cut_offs::Arrivals;
use key_validation::feed::{CALL_TIMEOUT, FeedClient, FeedFailure, FeedRequest, PAGE_LIMIT, Revision};
use key_validation::lease::{Lease, LeaseHolder, Taken};
use key_validation::{Gateway, UnixTime};
use log::{info, warn};

use crate::host::{self, HostSharedData};
use crate::metrics::Metrics;

thread_local! {
    /// Of all configurations of this worker: it outlives them, and knows a cut-off by all that it says.
    static ARRIVALS: RefCell<Arrivals> = RefCell::default();
    /// The gateway of this worker's latest configuration.
    static LATEST: RefCell<Weak<Gateway>> = RefCell::default();
}

/// How long one callback may take before it leaves the rest to the next one.
const SLICE: Duration = Duration::from_millis(2);
/// How long one may take that gets a page, which is read as a whole.
const SLICE_WITH_PAGE: Duration = Duration::from_millis(3);
/// By how much a tick may come early.
const EARLY: Duration = Duration::from_millis(2);
/// When it goes on that had to stop.
const NEXT_SLICE: Duration = Duration::from_millis(3);
/// How long a worker that goes down holds the others up.
const SHORTEST_LEASE: Duration = Duration::from_secs(2);

/// A worker's part in it.
pub(crate) struct Sync {
    lease: Lease,
    holder: LeaseHolder,
    cluster: String,
    tick: Duration,
    /// While the worker has the lease.
    client: RefCell<Option<FeedClient>>,
    /// The host's token for the call that is under way.
    call: Cell<Option<u32>>,
    /// When the key manager last said how far the registry is.
    heard_at: Cell<Option<UnixTime>>,
    /// When there is something to do again, and the pause before.
    due: Cell<(UnixTime, Duration)>,
}

impl Sync {
    /// The part of a worker of this gateway; none where the registry does not come from a key manager.
    pub(crate) fn of(gateway: &Gateway, holder: LeaseHolder) -> Option<Self> {
        let settings = gateway.key_manager()?;
        Some(Self {
            lease: settings.feed_lease(),
            holder,
            cluster: settings.cluster.clone(),
            tick: settings.tick,
            client: RefCell::default(),
            call: Cell::default(),
            heard_at: Cell::default(),
            due: Cell::new((UnixTime::from_millis(0), NEXT_SLICE)),
        })
    }

    /// Does what is due, if it is; gives the time after which it is to be called again.
    pub(crate) fn tick(&self, gateway: &Gateway, metrics: &Metrics) -> Duration {
        let now = host::now();
        let (due_at, pause) = self.due.get();
        if now < due_at { pause } else { self.go_on((now, SLICE), gateway, metrics) }
    }

    /// Goes on for the rest of a callback that began at `now` and may take so long.
    fn go_on(&self, (now, slice): (UnixTime, Duration), gateway: &Gateway, metrics: &Metrics) -> Duration {
        let until = now.plus(self.tick.saturating_mul(4).max(SHORTEST_LEASE));
        if let Taken::Granted { .. } = self.lease.take(self.holder, until, now, &HostSharedData) {
            let mut client = self.client.borrow_mut();
            *client = client.take().or_else(|| gateway.feed_client());
            self.heard_at.set(self.heard_at.get().or(Some(now)));
        } else {
            if let Some(client) = self.client.take() {
                client.abandon(&HostSharedData);
            }
            self.call.take();
            self.heard_at.take();
        }
        let is_behind = self.work(now.plus(slice), gateway);
        if let Some(heard_at) = self.heard_at.get() {
            metrics.gauge_registry(gateway.registry_number(&HostSharedData), host::now().since(heard_at).as_secs());
        }
        let pause = if is_behind { NEXT_SLICE } else { self.tick };
        // From the end of this callback on: a timer that is due by then may follow in the same turn of the worker's loop.
        self.due.set((host::now().plus(pause.saturating_sub(EARLY)), pause));
        pause
    }

    /// Takes up the response to a call, if it is the feed's; as [`Self::tick`].
    pub(crate) fn receive(
        &self,
        (token, status, body_size): (u32, Option<u16>, usize),
        gateway: &Gateway,
        metrics: &Metrics,
    ) -> Option<Duration> {
        if self.call.get() != Some(token) {
            return None;
        }
        self.call.take();
        let now = host::now();
        let body =
            if (1..=PAGE_LIMIT).contains(&body_size) { host::call_response_body(body_size) } else { Ok(Vec::new()) };
        let body = body.unwrap_or_default();
        self.with_client(|client| {
            let received = client.receive(status, &body, moment(), &HostSharedData);
            if received.is_ok() {
                self.heard_at.set(Some(host::now()));
            }
            report(client, received);
        });
        Some(self.go_on((now, SLICE_WITH_PAGE), gateway, metrics))
    }

    /// Goes on with a page, the next request and the copy; `true` when it had to stop.
    fn work(&self, until: UnixTime, gateway: &Gateway) -> bool {
        let mut enough = || host::now() >= until;
        let applies = self.with_client(|client| {
            match client.apply(&mut enough, &|change| gateway.fault(change), moment(), &HostSharedData) {
                Ok(Some(revision)) => self.acknowledge(client, &revision),
                Ok(None) => {}
                Err(failure) => report(client, Err(failure)),
            }
            if let Some(record) = client.take_refused_record() {
                warn!("key manager: a record cannot be understood, and so denies: {record}");
            }
            if self.call.get().is_none()
                && let Some(request) = client.request(host::now(), &HostSharedData)
            {
                self.ask(client, &request);
            }
            client.is_applying()
        });
        let reads = take_over(gateway, &mut enough);
        applies.unwrap_or_default() || reads
    }

    fn with_client<T>(&self, work: impl FnOnce(&mut FeedClient) -> T) -> Option<T> {
        let mut client = self.client.borrow_mut();
        let client = client.as_mut()?;
        let had_failed = client.has_failed();
        let result = work(client);
        if had_failed && !client.has_failed() {
            info!("key manager: all is well again");
        }
        Some(result)
    }

    fn ask(&self, client: &mut FeedClient, request: &FeedRequest) {
        match self.dispatch(request) {
            Ok(token) => self.call.set(Some(token)),
            Err(error) => {
                let failed = client.receive(None, &[], moment(), &HostSharedData);
                if client.has_failed_anew() {
                    warn!("key manager: no call to cluster `{}` can be made: {error}", self.cluster);
                }
                report(client, failed);
            }
        }
    }

    fn acknowledge(&self, client: &FeedClient, revision: &Revision) {
        // Nothing waits for the answer, and one that is lost is followed by the next.
        let _ = self.dispatch(&client.acknowledgement(revision));
    }

    fn dispatch(&self, request: &FeedRequest) -> Result<u32, host::HostError> {
        host::dispatch(&self.cluster, &request.headers, &request.body, CALL_TIMEOUT)
    }

    /// Lets another worker go on at once.
    pub(crate) fn release(&self) {
        self.lease.release(self.holder, None, host::now(), &HostSharedData);
    }
}

/// Takes the configuration's cut-offs into force, and all that the copy has.
pub(crate) fn begin(mut gateway: Gateway) -> Rc<Gateway> {
    ARRIVALS.with_borrow_mut(|arrivals| gateway.take_cut_offs(arrivals, host::now()));
    if let Some(older) = LATEST.with_borrow(Weak::upgrade) {
        gateway.inherit(&older, &HostSharedData);
    }
    take_over(&gateway, &mut || false);
    let gateway = Rc::new(gateway);
    LATEST.set(Rc::downgrade(&gateway));
    gateway
}

fn take_over(gateway: &Gateway, enough: &mut dyn FnMut() -> bool) -> bool {
    ARRIVALS.with_borrow_mut(|arrivals| gateway.read_copy(enough, arrivals, host::now(), &HostSharedData))
}

fn moment() -> (UnixTime, u16) {
    (host::now(), host::random().map_or(0, u16::from_le_bytes))
}

/// Of a row of failures with one reason the first is a line in the log.
fn report(client: &FeedClient, result: Result<(), FeedFailure>) {
    if let Err(failure) = result
        && client.has_failed_anew()
    {
        warn!("key manager: {failure}");
    }
}
