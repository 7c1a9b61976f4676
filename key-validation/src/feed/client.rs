//! The gateway's side of the feed: what to ask when, and what to make of the answer. It makes no calls itself.
//!
//! Of a process's workers one at a time may run it. A worker that begins to needs nothing of the one before: all that
//! counts is the copy's standing.

use std::time::Duration;

use super::{Applied, Applying, Change, Page, Progress, Refused, RegistryCopy, Revision};
use crate::UnixTime;
use crate::cache::SharedData;
use crate::config::KeyManagerSettings;

/// How long the key manager may hold an answer back.
const WAIT: Duration = Duration::from_secs(30);
/// How long a call may take: [`WAIT`], and time for the answer itself.
pub const CALL_TIMEOUT: Duration = Duration::from_secs(40);
/// How often a snapshot is interrupted by what has changed meanwhile.
const BETWEEN_PAGES: Duration = Duration::from_secs(1);
const SHORTEST_PAUSE: Duration = Duration::from_millis(250);
const LONGEST_PAUSE: Duration = Duration::from_secs(10);

/// A request to the key manager.
#[derive(Debug)]
pub struct FeedRequest {
    /// All headers, pseudo headers included. One of them holds the credential.
    pub headers: Vec<(&'static str, String)>,
    /// The body; empty for a GET.
    pub body: String,
}

/// Why the feed does not go on for a while, in words for the operator.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FeedFailure {
    /// No usable answer.
    #[error("the key manager is unreachable, too slow or failing")]
    Unavailable,
    /// 401 or 403.
    #[error("the key manager refuses the gateway's credential")]
    Credential,
    /// Another status.
    #[error("the key manager's address does not answer as its feed")]
    Misconfigured,
    /// An answer that is not applied.
    #[error("a page is refused: {0}")]
    Refused(#[from] Refused),
}

/// Reads the feed into a copy.
#[derive(Debug)]
pub struct FeedClient {
    settings: KeyManagerSettings,
    copy: RegistryCopy,
    state: State,
    /// The snapshot that waits while changes are asked for and applied: its next page.
    interrupted: Option<(String, Progress)>,
    /// When that last began.
    interrupted_at: UnixTime,
    /// Of a row; each doubles the pause.
    failures: u32,
    /// Why the last one of the row failed, and whether the one before failed for another reason.
    last_failure: Option<(FeedFailure, bool)>,
    refused_pages: u64,
    refused_records: u64,
    /// The latest of them, in words for the operator.
    refused_record: Option<String>,
}

#[derive(Debug)]
enum State {
    /// Nothing is under way.
    Idle {
        ask_at: UnixTime,
        /// Of pages that are not all there yet.
        next: Option<(String, Progress)>,
    },
    /// A call is under way for the page after these.
    Asked(Option<Progress>),
    /// A page is there.
    Applying(Box<Applying>),
}

impl State {
    fn ask(ask_at: UnixTime) -> Self {
        Self::Idle { ask_at, next: None }
    }
}

impl FeedClient {
    /// A client that asks as soon as it may.
    pub fn new(settings: &KeyManagerSettings) -> Self {
        Self {
            settings: settings.clone(),
            copy: settings.registry_copy(),
            state: State::ask(UnixTime::from_millis(0)),
            interrupted: None,
            interrupted_at: UnixTime::from_millis(0),
            failures: 0,
            last_failure: None,
            refused_pages: 0,
            refused_records: 0,
            refused_record: None,
        }
    }

    /// The latest record that could not be understood, if there was one since this was last asked.
    pub fn take_refused_record(&mut self) -> Option<String> {
        self.refused_record.take()
    }

    /// Whether nothing has succeeded since the last failure.
    pub fn has_failed(&self) -> bool {
        self.last_failure.is_some()
    }

    /// Whether the last failure is worth a line in the log: of a row with one reason the first is.
    pub fn has_failed_anew(&self) -> bool {
        self.last_failure.is_some_and(|(_, is_new)| is_new)
    }

    fn succeed(&mut self) {
        self.failures = 0;
        self.last_failure = None;
    }

    /// The request that is due, if any; its outcome must be told by [`Self::receive`].
    #[inline(never)]
    pub fn request(&mut self, now: UnixTime, shared: &dyn SharedData) -> Option<FeedRequest> {
        let State::Idle { ask_at, next } = &mut self.state else { return None };
        if now < *ask_at {
            return None;
        }
        let path = "/internal/gateway/v1/registry";
        let (path, progress) = match next.take() {
            Some(snapshot) if let Some(known) = self.interruption(&snapshot.1, now, shared) => {
                self.interrupted = Some(snapshot);
                self.interrupted_at = now;
                (format!("{path}?revision={known}&wait=0s"), None)
            }
            Some((cursor, progress)) => (format!("{path}?cursor={cursor}"), Some(progress)),
            None => (self.path_by_revision(path, shared), None),
        };
        self.state = State::Asked(progress);
        Some(self.settings.request("GET", path, String::new()))
    }

    /// The revision by which to ask for changes before the next page of a snapshot, where it is time to: a snapshot may take
    /// minutes, and what is blocked meanwhile shall be so at once. A copy by which nothing is decided yet has no need of it.
    fn interruption(&self, snapshot: &Progress, now: UnixTime, shared: &dyn SharedData) -> Option<Revision> {
        let is_time = now.since(self.interrupted_at) >= BETWEEN_PAGES && self.copy.standing(shared).is_ready();
        snapshot.known().filter(|_| is_time)
    }

    /// Ends what was asked for: the snapshot goes on that it has interrupted, if it has.
    fn rest(&mut self, now: UnixTime) {
        self.state = State::Idle { ask_at: now, next: self.interrupted.take() };
    }

    fn path_by_revision(&self, path: &str, shared: &dyn SharedData) -> String {
        // After a failure the first answer is to come at once: it tells that all is well again.
        let wait = if self.has_failed() { 0 } else { WAIT.as_secs() };
        match self.copy.standing(shared).revision() {
            Some(revision) => format!("{path}?revision={revision}&wait={wait}s"),
            None => format!("{path}?wait={wait}s"),
        }
    }

    /// Takes what came of a request: `status` is absent when nothing usable did. `jitter` is random, and spreads the
    /// gateways that come back after an outage.
    ///
    /// # Errors
    /// [`FeedFailure`]; the copy serves on as it is, and the next request is due after a pause.
    #[inline(never)]
    pub fn receive(
        &mut self,
        status: Option<u16>,
        body: &[u8],
        (now, jitter): (UnixTime, u16),
        shared: &dyn SharedData,
    ) -> Result<(), FeedFailure> {
        let State::Asked(progress) = &mut self.state else { return Ok(()) };
        let progress = progress.take();
        let taken = match (status, &progress) {
            (Some(200), _) => self.take_page(body, progress, shared).map_err(FeedFailure::from),
            (Some(204), None) => {
                self.succeed();
                self.rest(now);
                Ok(())
            }
            (Some(401 | 403), _) => Err(FeedFailure::Credential),
            // A cursor that is gone: from the revision once more.
            (Some(410 | 429 | 500..=599) | None, _) => Err(FeedFailure::Unavailable),
            (Some(_), _) => Err(FeedFailure::Misconfigured),
        };
        taken.map_err(|failure| self.fail(failure, (now, jitter)))
    }

    fn take_page(&mut self, body: &[u8], progress: Option<Progress>, shared: &dyn SharedData) -> Result<(), Refused> {
        let page = Page::parse(body)?;
        let skipped = page.skipped;
        let snapshot = self.interrupted.as_ref().map(|(_, snapshot)| snapshot);
        self.state = State::Applying(Box::new(self.copy.begin(page, progress, snapshot, shared)?));
        self.refused_records = self.refused_records.saturating_add(skipped);
        Ok(())
    }

    fn fail(&mut self, failure: FeedFailure, (now, jitter): (UnixTime, u16)) -> FeedFailure {
        if let FeedFailure::Refused(_) = failure {
            self.refused_pages = self.refused_pages.saturating_add(1);
        }
        let longest = SHORTEST_PAUSE.saturating_mul(1 << self.failures.min(8)).min(LONGEST_PAUSE);
        let is_new = self.last_failure.is_none_or(|(last, _)| last != failure);
        self.last_failure = Some((failure, is_new));
        self.failures = self.failures.saturating_add(1);
        self.interrupted = None;
        // Half of it, and a random part of the other half.
        let half = longest.checked_div(2).unwrap_or_default();
        let spread = half.saturating_mul(u32::from(jitter)).checked_div(u32::from(u16::MAX)).unwrap_or_default();
        self.state = State::ask(now.plus(half.saturating_add(spread)));
        failure
    }

    /// Ends reading because another worker does it. What this one was writing at that time may lie over what the other has
    /// written, so all is asked for once more.
    pub fn abandon(self, shared: &dyn SharedData) {
        if self.is_applying() {
            self.copy.distrust(shared);
        }
    }

    /// Whether a page is there that [`Self::apply`] has something to do with.
    pub fn is_applying(&self) -> bool {
        matches!(self.state, State::Applying(_))
    }

    /// Applies a part of the page that is there, until `enough` says that the callback has taken long. A revision that
    /// was reached by it is to be told to the key manager by [`Self::acknowledgement`]. `fault` says what of a change
    /// cannot be understood; it is applied all the same, and denies where it is read.
    ///
    /// # Errors
    /// [`FeedFailure`]; as for [`Self::receive`].
    #[inline(never)]
    pub fn apply(
        &mut self,
        enough: &mut dyn FnMut() -> bool,
        fault: &dyn Fn(&Change) -> Option<String>,
        (now, jitter): (UnixTime, u16),
        shared: &dyn SharedData,
    ) -> Result<Option<Revision>, FeedFailure> {
        let applied = self.apply_part(enough, fault, now, shared);
        applied.map_err(|refused| self.fail(refused.into(), (now, jitter)))
    }

    fn apply_part(
        &mut self,
        enough: &mut dyn FnMut() -> bool,
        fault: &dyn Fn(&Change) -> Option<String>,
        now: UnixTime,
        shared: &dyn SharedData,
    ) -> Result<Option<Revision>, Refused> {
        let State::Applying(applying) = &mut self.state else { return Ok(None) };
        let mut judge = |change: &Change| {
            if let Some(fault) = fault(change) {
                self.refused_records = self.refused_records.saturating_add(1);
                self.refused_record = Some(format!("{}: {fault}", change.place));
            }
        };
        while applying.step(&self.copy, &mut judge, shared)? {
            if enough() {
                return Ok(None);
            }
        }
        let State::Applying(applying) = std::mem::replace(&mut self.state, State::ask(now)) else { return Ok(None) };
        let applied = applying.finish(&self.copy, shared)?;
        self.succeed();
        match applied {
            Applied::Reached(revision) => {
                let snapshot = self.interrupted.as_mut().map(|(_, snapshot)| snapshot.note(&revision));
                self.rest(now);
                Ok(snapshot.is_none().then_some(revision))
            }
            Applied::Continues { cursor, progress } => {
                self.state = State::Idle { ask_at: now, next: Some((cursor, progress)) };
                Ok(None)
            }
        }
    }

    /// Tells the key manager what is applied; nothing waits for the answer.
    #[inline(never)]
    pub fn acknowledgement(&self, revision: &Revision) -> FeedRequest {
        let Revision { epoch, number } = revision;
        // No name of a gateway and no epoch has an octet that JSON would escape.
        let body = format!(
            r#"{{"gateway":"{}","revision":{{"epoch":"{epoch}","number":{number}}},"refusedRecords":{},"refusedPages":{}}}"#,
            self.settings.gateway, self.refused_records, self.refused_pages
        );
        self.settings.request("POST", "/internal/gateway/v1/registry/ack".to_owned(), body)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use crate::Secret;

    use super::super::tests::{api, changes, copy, deleted, snapshot, with};
    use super::super::{CopyReader, Family, Place, Stale};
    use super::*;
    use crate::cache::tests::FakeSharedData;
    #[cfg(all(target_arch = "wasm32", target_os = "unknown"))]
    use wasm_bindgen_test::wasm_bindgen_test as test;

    fn client() -> FeedClient {
        let settings = KeyManagerSettings {
            cluster: "key-manager".to_owned(),
            authority: "km".to_owned(),
            credential: Secret::new("s3cret"),
            gateway: "edge-1".to_owned(),
            tick: Duration::from_millis(250),
        };
        FeedClient { copy: copy(), ..FeedClient::new(&settings) }
    }

    const NOW: UnixTime = UnixTime::from_seconds(100);

    fn path(client: &mut FeedClient, now: UnixTime, shared: &FakeSharedData) -> Option<String> {
        let header = |(name, value): (&str, String)| (name == ":path").then_some(value);
        client.request(now, shared)?.headers.into_iter().find_map(header)
    }

    fn apply(client: &mut FeedClient, enough: bool, shared: &FakeSharedData) -> Result<Option<Revision>, FeedFailure> {
        client.apply(
            &mut || enough,
            &|change| (change.place == Place::Api("odd".to_owned())).then(|| "no".to_owned()),
            (NOW, 0),
            shared,
        )
    }

    fn receive(client: &mut FeedClient, body: &str, shared: &FakeSharedData) -> Result<Option<Revision>, FeedFailure> {
        client.receive(Some(200), body.as_bytes(), (NOW, 0), shared)?;
        apply(client, false, shared)
    }

    #[test]
    fn asks_for_a_snapshot_page_by_page_and_then_for_changes() {
        let (mut client, shared) = (client(), FakeSharedData::default());
        let mut expected = "/internal/gateway/v1/registry?wait=30s";
        for page in snapshot(7, &[api("a")], 1) {
            assert_eq!(path(&mut client, NOW, &shared).as_deref(), Some(expected));
            assert_eq!(path(&mut client, NOW, &shared), None, "one call at a time");
            let reached = receive(&mut client, &page.to_string(), &shared).unwrap();
            assert_eq!(reached.is_some(), page["next"].is_null());
            expected = "/internal/gateway/v1/registry?cursor=c";
        }
        let by_revision = "/internal/gateway/v1/registry?revision=e.7&wait=30s";
        assert_eq!(path(&mut client, NOW, &shared).as_deref(), Some(by_revision));

        assert_eq!(client.receive(Some(204), b"", (NOW, 0), &shared), Ok(()));
        assert_eq!(path(&mut client, NOW, &shared).as_deref(), Some(by_revision));
    }

    #[test]
    fn presents_the_gateway_and_its_credential() {
        let shared = with(&[api("a")]);
        let mut client = client();
        let asked = client.request(NOW, &shared).unwrap();
        let told = client.acknowledgement(&Revision { epoch: "e".to_owned(), number: 1 });

        for request in [&asked, &told] {
            assert!(request.headers.contains(&("authorization", "Bearer s3cret".to_owned())));
            assert!(request.headers.contains(&("x-gatehouse-gateway", "edge-1".to_owned())));
            assert!(request.headers.contains(&(":authority", "km".to_owned())));
        }
        assert!(asked.body.is_empty());
        let body: serde_json::Value = serde_json::from_str(&told.body).unwrap();
        assert_eq!(body["revision"], json!({"epoch": "e", "number": 1}));
        assert!(!format!("{client:?}").contains("s3cret"));
    }

    #[test]
    fn records_that_are_not_understood_are_applied_told_and_counted() {
        let (mut client, shared) = (client(), with(&[api("a")]));
        path(&mut client, NOW, &shared);
        let skipped = json!({"kind": "policy", "id": "p", "record": {}});
        let body = changes(2, &[api("odd"), api("b"), skipped]).to_string();

        let revision = receive(&mut client, &body, &shared).unwrap().unwrap();

        assert_eq!(client.take_refused_record().as_deref(), Some("API `odd`: no"));
        assert_eq!(client.take_refused_record(), None);
        let told: serde_json::Value = serde_json::from_str(&client.acknowledgement(&revision).body).unwrap();
        assert_eq!(told["refusedRecords"], 2);
        let bucket = Place::Api("odd".to_owned()).bucket();
        assert_eq!(copy().records(Family::Api, bucket, &shared).len(), 1);
    }

    #[test]
    fn a_page_is_applied_in_parts() {
        let (mut client, shared) = (client(), with(&[api("a")]));
        path(&mut client, NOW, &shared);
        let body = changes(2, &[api("b"), api("c")]).to_string();
        client.receive(Some(200), body.as_bytes(), (NOW, 0), &shared).unwrap();

        let parts = (0..10).take_while(|_| apply(&mut client, true, &shared).unwrap().is_none()).count();

        assert_eq!(parts, 2);
        assert!(!client.is_applying());
        assert_eq!(copy().standing(&shared).revision().unwrap().number, 2);
    }

    #[test]
    fn who_loses_the_lease_amid_a_page_has_a_snapshot_asked_for() {
        let shared = with(&[api("a")]);
        let mut idle = client();
        path(&mut idle, NOW, &shared);
        idle.abandon(&shared);
        assert!(copy().standing(&shared).revision().is_some(), "nothing was under way");

        let mut applying = client();
        path(&mut applying, NOW, &shared);
        let body = changes(2, &[api("b"), api("c")]).to_string();
        applying.receive(Some(200), body.as_bytes(), (NOW, 0), &shared).unwrap();
        apply(&mut applying, true, &shared).unwrap();
        applying.abandon(&shared);

        let standing = copy().standing(&shared);
        assert!(standing.is_ready(), "the copy serves");
        assert_eq!(standing.revision(), None);
    }

    #[test]
    fn what_another_worker_has_overtaken_is_not_reached() {
        let shared = with(&[api("a")]);
        let mut slow = client();
        path(&mut slow, NOW, &shared);
        slow.receive(Some(200), changes(2, &[api("b")]).to_string().as_bytes(), (NOW, 0), &shared).unwrap();
        let mut other = client();
        path(&mut other, NOW, &shared);
        receive(&mut other, &changes(3, &[api("b"), api("c")]).to_string(), &shared).unwrap();

        let outcome = apply(&mut slow, false, &shared);

        assert_eq!(outcome, Err(FeedFailure::Refused(Refused::OlderRevision)));
        let standing = copy().standing(&shared);
        assert_eq!((standing.number(), standing.revision()), (3, None), "a snapshot is to come");
    }

    #[test]
    fn failures_pause_longer_and_longer_and_leave_the_copy() {
        let (mut client, shared) = (client(), with(&[api("a")]));
        let garbage = FeedFailure::Refused(Refused::Garbage("it is not JSON, or has a member twice"));
        let mut now = NOW;
        for (status, body, jitter, failure, is_news, pause) in [
            (None, "", 0, FeedFailure::Unavailable, true, 125),
            (Some(503), "", u16::MAX, FeedFailure::Unavailable, false, 500),
            (Some(401), "", 0, FeedFailure::Credential, true, 500),
            (Some(404), "", 0, FeedFailure::Misconfigured, true, 1000),
            (Some(410), "", 0, FeedFailure::Unavailable, true, 2000),
            (Some(200), "{", 0, garbage, true, 4000),
            (Some(204), "x", 0, FeedFailure::Unavailable, false, 0),
        ] {
            assert!(client.request(now, &shared).is_some(), "{failure:?}");
            let received = client.receive(status, body.as_bytes(), (now, jitter), &shared);
            if status == Some(204) {
                assert!(!client.has_failed());
                continue;
            }
            assert_eq!(received, Err(failure));
            assert_eq!(client.has_failed_anew(), is_news, "{failure:?}");
            let due = now.plus(Duration::from_millis(pause));
            assert!(client.request(UnixTime::from_millis(due.as_millis() - 1), &shared).is_none(), "{failure:?}");
            now = due;
        }
        assert!(copy().standing(&shared).is_ready());
        for _ in 0..20 {
            client.request(UnixTime::MAX, &shared);
            let _ = client.receive(None, b"", (NOW, u16::MAX), &shared);
        }
        assert!(client.request(NOW.plus(LONGEST_PAUSE), &shared).is_some());
    }

    #[test]
    fn pages_that_do_not_end_are_begun_anew_by_the_revision() {
        let (mut client, shared) = (client(), with(&[api("a")]));
        let mut first = changes(2, &[api("b")]);
        first["next"] = "c".into();
        path(&mut client, NOW, &shared);
        receive(&mut client, &first.to_string(), &shared).unwrap();
        assert_eq!(path(&mut client, NOW, &shared).as_deref(), Some("/internal/gateway/v1/registry?cursor=c"));

        client.receive(Some(410), b"", (NOW, 0), &shared).unwrap_err();

        // After a failure the answer is to come at once.
        let by_revision = "/internal/gateway/v1/registry?revision=e.1&wait=0s";
        assert_eq!(path(&mut client, UnixTime::MAX, &shared).as_deref(), Some(by_revision));
    }

    /// Answers requests with these pages, and what else is asked for with `else_`; gives all that was asked.
    fn follow(
        client: &mut FeedClient,
        pages: &[serde_json::Value],
        else_: &mut dyn FnMut(&str) -> (u16, String),
        shared: &FakeSharedData,
    ) -> Vec<String> {
        let (mut asked, mut pages) = (Vec::new(), pages.iter());
        loop {
            let path = path(client, NOW, shared).unwrap().rsplit_once('?').unwrap().1.to_owned();
            let is_page = asked.is_empty() || path == "cursor=c";
            let (status, body) = if is_page { (200, pages.next().unwrap().to_string()) } else { else_(&path) };
            asked.push(path);
            client.receive(Some(status), body.as_bytes(), (NOW, 0), shared).unwrap();
            if apply(client, false, shared).unwrap().is_some() {
                return asked;
            }
        }
    }

    #[test]
    fn what_changes_while_a_snapshot_is_taken_reaches_workers_before_its_end() {
        let shared = with(&[api("a"), api("b")]);
        copy().distrust(&shared);
        let mut reader = CopyReader::new(copy());
        let mut stale = || {
            reader.look(&shared);
            std::iter::from_fn(|| reader.take_stale()).collect::<Vec<_>>()
        };
        stale();
        let (mut client, pages) = (client(), snapshot(7, &[api("a"), api("b")], 1));
        let mut asks = |query: &str, answer: &serde_json::Value| {
            let asked = path(&mut client, NOW, &shared).unwrap();
            assert_eq!(asked, format!("/internal/gateway/v1/registry?{query}"));
            receive(&mut client, &answer.to_string(), &shared).unwrap()
        };
        let mut some = changes(8, &[deleted(api("a"))]);
        some["next"] = "more".into();

        assert_eq!(asks("wait=30s", &pages[0]), None);
        assert_eq!(asks("revision=e.7&wait=0s", &some), None);
        assert_eq!(asks("cursor=more", &changes(8, &[api("c")])), None, "the revision is not reached as a whole");

        let bucket = |id: &str| Stale::Bucket(Family::Api, Place::Api(id.to_owned()).bucket());
        assert_eq!(stale(), [bucket("c"), bucket("a")]);
        assert_eq!(copy().standing(&shared).revision(), None, "the snapshot is still to come");

        assert_eq!(asks("cursor=c", &pages[1]), None);
        assert_eq!(asks("cursor=c", &pages[2]).unwrap().number, 7, "what is newer comes once more");
        assert_eq!(asks("revision=e.7&wait=30s", &changes(8, &[deleted(api("a"))])).unwrap().number, 8);
        assert!(copy().records(Family::Api, Place::Api("a".to_owned()).bucket(), &shared).is_empty());
    }

    #[test]
    fn a_snapshot_is_interrupted_once_a_second_and_the_first_one_never() {
        let shared = FakeSharedData::default();
        let pages = snapshot(7, &[api("a")], 4);
        let mut never = |asked: &str| panic!("{asked}");
        assert_eq!(follow(&mut client(), &pages, &mut never, &shared).len(), pages.len());

        copy().distrust(&shared);
        let asked = follow(&mut client(), &pages, &mut |_| (204, String::new()), &shared);
        assert_eq!(asked.len(), pages.len() + 1);
        assert_eq!(asked[1], "revision=e.7&wait=0s");
    }

    #[test]
    fn a_snapshot_that_comes_in_the_midst_of_one_begins_it_anew() {
        let shared = with(&[api("a")]);
        copy().distrust(&shared);
        let (mut client, pages) = (client(), snapshot(7, &[api("a")], 1));
        path(&mut client, NOW, &shared);
        receive(&mut client, &pages[0].to_string(), &shared).unwrap();
        path(&mut client, NOW, &shared);

        let outcome = receive(&mut client, &pages[0].to_string(), &shared);

        assert_eq!(outcome, Err(FeedFailure::Refused(Refused::OutOfSequence)));
        let next = path(&mut client, UnixTime::MAX, &shared).unwrap();
        assert_eq!(next, "/internal/gateway/v1/registry?wait=0s");
    }
}
