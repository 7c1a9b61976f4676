//! One call for a question in the whole process: the worker that holds the question's lease makes it, and the others
//! find its answer in the cache.

use std::time::Duration;

use super::{Gateway, Ports, Question, Verdict};
use crate::UnixTime;
use crate::cache::Lookup;
use crate::config::IdentityProvider;
use crate::denial::Unavailable;
use crate::lease::{Lease, LeaseHolder, Taken};

/// Slots for leases. Two questions in one slot at a time cost no more than a call that another worker makes too.
const SLOTS: u16 = 1024;
/// How long a call may outlast its timeout before others go themselves.
const MARGIN: Duration = Duration::from_secs(1);
/// How long an answer may take from its arrival, which is when its lease ends, into the cache.
const LANDING: Duration = Duration::from_millis(10);
/// After so many failures there is nothing left to wait for.
const FAILURES: u32 = 2;

/// What a worker is to do about a question.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Turn {
    /// Ask; in a second attempt, whether of this worker or not, nobody waits for a third.
    Ask {
        /// Whether a call has failed already for those who wait.
        is_second_attempt: bool,
    },
    /// Another worker is asking: look again a little later.
    Wait(Waiting),
    /// There is no need to ask.
    Answered(Verdict),
}

/// A wait for another worker's answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Waiting {
    failures_at_start: u32,
    failures_before: u32,
}

impl Gateway {
    /// Whose turn it is to ask a question, whose answer was last looked for at `looked_at`; `failed` tells whether a call
    /// of this worker has failed already for those who wait, `waiting` what they have waited for until now.
    #[inline(never)]
    pub fn turn(
        &self,
        (question, looked_at): (Question, UnixTime),
        holder: LeaseHolder,
        (failed, waiting): (bool, Option<Waiting>),
        now: UnixTime,
        ports: Ports<'_>,
    ) -> Turn {
        let Some(provider) = self.identity_provider(question.identity_provider) else {
            return Turn::Answered(Err(Unavailable::Misconfigured));
        };
        let lease = lease(question);
        let until = lease_until(provider, now);
        let (failures, granted, ended_at) = match lease.take(holder, until, now, ports.shared) {
            Taken::Occupied => return Turn::Ask { is_second_attempt: failed },
            Taken::Held(failures) => (failures, false, now),
            Taken::Granted { failures, ended_at } => (failures, true, ended_at),
        };
        // The other worker has put its answer in before it gave the lease back, so this look comes after the taking. There
        // is none to find when nobody has had the lease since the last look.
        let lookup = if ended_at.plus(LANDING) < looked_at {
            Lookup::Miss
        } else {
            self.remembered(question, now, ports.shared)
        };
        let answer = match lookup {
            Lookup::Hit(answer) => Some(Ok(answer)),
            Lookup::Miss => None,
        };
        let waiting =
            waiting.unwrap_or(Waiting { failures_at_start: failures.count, failures_before: u32::from(failed) });
        let failed = failures.count.saturating_sub(waiting.failures_at_start).saturating_add(waiting.failures_before);
        let verdict = answer.or_else(|| (failed >= FAILURES).then(|| Err(unavailable(failures.last))));
        match verdict {
            Some(verdict) => {
                if granted {
                    lease.release(holder, None, now, ports.shared);
                }
                Turn::Answered(verdict)
            }
            None if granted => Turn::Ask { is_second_attempt: failed > 0 },
            None => Turn::Wait(waiting),
        }
    }

    /// Lets the other workers know that a question has been asked. To be called once its answer is remembered.
    #[inline(never)]
    pub fn end_turn(
        &self,
        question: Question,
        holder: LeaseHolder,
        verdict: &Verdict,
        now: UnixTime,
        ports: Ports<'_>,
    ) {
        let failure = verdict.as_ref().err().map(|unavailable| code(*unavailable));
        lease(question).release(holder, failure, now, ports.shared);
    }
}

/// Until when a question is its asker's alone.
pub(super) fn lease_until(provider: &IdentityProvider, now: UnixTime) -> UnixTime {
    now.plus(provider.introspection.timeout).plus(MARGIN)
}

pub(super) fn lease(question: Question) -> Lease {
    let slot = question.key.slot(SLOTS);
    Lease::new(format!("gatehouse/v1/f/{SLOTS}/{slot}"), question.key.octets())
}

fn code(unavailable: Unavailable) -> u8 {
    match unavailable {
        Unavailable::Outage { .. } => 1,
        Unavailable::ClientAuthFailed { .. } => 2,
        Unavailable::AnswerMalformed => 3,
        Unavailable::Misconfigured => 4,
        Unavailable::Shed => 5,
        Unavailable::NotSigned => 6,
    }
}

/// Why another worker's call failed. Only one that was an outage lets a stale answer count.
fn unavailable(code: u8) -> Unavailable {
    let retry_after = Duration::from_secs(1);
    match code {
        1 => Unavailable::Outage { retry_after },
        2 => Unavailable::ClientAuthFailed { retry_after },
        3 => Unavailable::AnswerMalformed,
        5 => Unavailable::Shed,
        6 => Unavailable::NotSigned,
        _ => Unavailable::Misconfigured,
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::{Fixture, with_token};
    use super::*;
    use crate::exchange::{Exchange, Step};
    use crate::introspection::IntrospectionResponse;
    #[cfg(all(target_arch = "wasm32", target_os = "unknown"))]
    use wasm_bindgen_test::wasm_bindgen_test as test;

    const ONE: LeaseHolder = LeaseHolder([1; 16]);
    const OTHER: LeaseHolder = LeaseHolder([2; 16]);
    const ASK: Turn = Turn::Ask { is_second_attempt: false };
    const ASK_AGAIN: Turn = Turn::Ask { is_second_attempt: true };

    fn exchange(fixture: &Fixture) -> Exchange {
        match fixture.begin(&with_token("/pizza/1/order", "Bearer t")) {
            Step::Introspect(exchange) => *exchange,
            Step::Decided(decision) => panic!("{decision:?}"),
        }
    }

    fn turn(fixture: &Fixture, holder: LeaseHolder, waiting: Option<Waiting>) -> Turn {
        let (question, now) = (exchange(fixture).question(), UnixTime::from_seconds(fixture.now));
        fixture.gateway.turn((question, now), holder, (false, waiting), now, fixture.ports())
    }

    fn wait(fixture: &Fixture, waiting: Option<Waiting>) -> Waiting {
        match turn(fixture, OTHER, waiting) {
            Turn::Wait(waiting) => waiting,
            other => panic!("{other:?}"),
        }
    }

    fn end(fixture: &Fixture, holder: LeaseHolder, status: u16) {
        let (exchange, now) = (exchange(fixture), UnixTime::from_seconds(fixture.now));
        let body = fixture.answer.to_string();
        let response = IntrospectionResponse {
            status: Some(status),
            retry_after: None,
            content_type: None,
            body: Some(body.as_bytes()),
        };
        let verdict = fixture.gateway.end_call(exchange.question(), &response, now, now, fixture.ports());
        fixture.gateway.end_turn(exchange.question(), holder, &verdict, now, fixture.ports());
    }

    #[test]
    fn one_worker_asks_and_the_others_wait_for_its_answer() {
        for active in [true, false] {
            let mut fixture = Fixture::new();
            fixture.answer["active"] = active.into();
            let question = exchange(&fixture).question();
            assert_eq!(turn(&fixture, ONE, None), ASK);
            let waiting = wait(&fixture, None);
            let waiting = wait(&fixture, Some(waiting));
            end(&fixture, ONE, 200);

            let now = UnixTime::from_seconds(fixture.now);
            let turn = fixture.gateway.turn((question, now), OTHER, (false, Some(waiting)), now, fixture.ports());
            assert!(matches!(turn, Turn::Answered(Ok(_))), "{turn:?}");
        }
    }

    #[test]
    fn where_nobody_had_the_lease_since_the_last_look_there_is_no_other() {
        let mut fixture = Fixture::new();
        assert_eq!(turn(&fixture, ONE, None), ASK);
        let (exchange, asked_at) = (exchange(&fixture), UnixTime::from_seconds(fixture.now));
        end(&fixture, ONE, 200);
        fixture.now += 1;
        let now = UnixTime::from_seconds(fixture.now);

        let turn_after = |looked_at: UnixTime| {
            fixture.gateway.turn((exchange.question(), looked_at), OTHER, (false, None), now, fixture.ports())
        };
        for looked_at in [asked_at, asked_at.plus(LANDING)] {
            assert!(matches!(turn_after(looked_at), Turn::Answered(Ok(_))), "{looked_at:?}");
        }
        assert_eq!(turn_after(now.plus(LANDING).plus(Duration::from_millis(1))), ASK);
    }

    #[test]
    fn when_the_lease_runs_out_a_waiting_worker_goes_itself() {
        let mut fixture = Fixture::new();
        assert_eq!(turn(&fixture, ONE, None), ASK);
        let waiting = wait(&fixture, None);
        fixture.now += 2;
        let waiting = wait(&fixture, Some(waiting));
        fixture.now += 1;

        assert_eq!(turn(&fixture, OTHER, Some(waiting)), ASK);
    }

    #[test]
    fn when_a_call_fails_a_waiting_worker_tries_once_more() {
        let fixture = Fixture::new();
        assert_eq!(turn(&fixture, ONE, None), ASK);
        let waiting = wait(&fixture, None);
        end(&fixture, ONE, 503);

        assert_eq!(turn(&fixture, OTHER, Some(waiting)), ASK_AGAIN);
    }

    #[test]
    fn when_two_calls_of_others_fail_a_waiting_worker_fails_as_they_did() {
        for (status, expected) in
            [(503, Unavailable::Outage { retry_after: Duration::from_secs(1) }), (302, Unavailable::Misconfigured)]
        {
            let fixture = Fixture::new();
            assert_eq!(turn(&fixture, ONE, None), ASK);
            let waiting = wait(&fixture, None);
            end(&fixture, ONE, 503);
            assert_eq!(turn(&fixture, ONE, None), ASK);
            let waiting = wait(&fixture, Some(waiting));
            end(&fixture, ONE, status);

            assert_eq!(turn(&fixture, OTHER, Some(waiting)), Turn::Answered(Err(expected)));
            assert_eq!(turn(&fixture, ONE, None), ASK, "who comes later has not waited for them");
        }
    }

    #[test]
    fn a_failure_s_code_tells_it_again() {
        let retry_after = Duration::from_secs(1);
        for failure in [
            Unavailable::Outage { retry_after },
            Unavailable::ClientAuthFailed { retry_after },
            Unavailable::AnswerMalformed,
            Unavailable::Misconfigured,
            Unavailable::Shed,
            Unavailable::NotSigned,
        ] {
            assert_eq!(unavailable(code(failure)), failure);
        }
    }
}
