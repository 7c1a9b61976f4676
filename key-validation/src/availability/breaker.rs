//! The breaker: an identity provider that is away is left alone for a while.

use std::time::Duration;

use crate::UnixTime;
use crate::cache::AnswerKey;
use crate::config::BreakerSettings;
use crate::denial::Unavailable;
use crate::gateway::Verdict;

/// How many tokens must have failed: with fewer, one caller might close the door for all others.
const TOKENS: usize = 3;
/// The longest pause that the identity provider's `Retry-After` can ask for.
const LONGEST_ASKED_PAUSE: Duration = Duration::from_secs(10);

/// Counts the outages of one identity provider in one worker.
#[derive(Debug)]
pub(super) struct Breaker {
    settings: BreakerSettings,
    /// Outages since the last answer.
    failures: u32,
    /// Some of the tokens that they were about, no two the same.
    tokens: Vec<AnswerKey>,
    /// When the next probe may go out; none while the breaker is closed.
    probe_at: Option<UnixTime>,
    /// The token of the probe that is out.
    probe: Option<AnswerKey>,
}

impl Breaker {
    pub(super) fn new(settings: BreakerSettings) -> Self {
        Self { settings, failures: 0, tokens: Vec::new(), probe_at: None, probe: None }
    }

    /// Lets a call begin, unless the breaker is open; once its pause is over, one call goes out as a probe.
    pub(super) fn begin_call(&mut self, key: &AnswerKey, now: UnixTime) -> Result<(), Unavailable> {
        let Some(probe_at) = self.probe_at else { return Ok(()) };
        let wait = probe_at.since(now);
        if !wait.is_zero() || self.probe.is_some() {
            return Err(Unavailable::Outage { retry_after: wait });
        }
        self.probe = Some(*key);
        Ok(())
    }

    /// Notes what came of a call. Failures that are not an outage count for nothing: a caller could bring them about.
    pub(super) fn end_call(&mut self, key: &AnswerKey, verdict: &Verdict, now: UnixTime) {
        let was_probe = self.probe == Some(*key);
        if was_probe {
            self.probe = None;
        }
        match verdict {
            Ok(_) => *self = Self::new(self.settings),
            Err(Unavailable::Outage { retry_after }) => {
                self.failures = self.failures.saturating_add(1);
                if self.tokens.len() < TOKENS && !self.tokens.contains(key) {
                    self.tokens.push(*key);
                }
                let opens = self.failures >= self.settings.failures && self.tokens.len() >= TOKENS;
                // Calls that were under way when it opened do not make the pause longer.
                if was_probe || (opens && self.probe_at.is_none()) {
                    let pause = self.settings.open_for_jittered(key).max((*retry_after).min(LONGEST_ASKED_PAUSE));
                    self.probe_at = Some(now.plus(pause));
                }
            }
            Err(_) => {}
        }
    }
}

impl BreakerSettings {
    /// The pause, up to a quarter shorter or longer, so that not all workers and gateways come back at once.
    fn open_for_jittered(self, key: &AnswerKey) -> Duration {
        let eighths = u32::from(key.low_octet() % 5).saturating_add(6);
        self.open_for.saturating_mul(eighths).checked_div(8).unwrap_or(self.open_for)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cache::Fingerprint;
    use crate::introspection::Answer;
    #[cfg(all(target_arch = "wasm32", target_os = "unknown"))]
    use wasm_bindgen_test::wasm_bindgen_test as test;

    const OPEN_FOR: Duration = Duration::from_secs(5);
    /// Longer than any pause that jitter makes of [`OPEN_FOR`].
    const PAUSE_OVER: u64 = 7;

    fn at(seconds: u64) -> UnixTime {
        UnixTime::from_seconds(1000 + seconds)
    }

    fn key(token: u32) -> AnswerKey {
        AnswerKey::new(&Fingerprint::new([0; 32]), &token.to_string())
    }

    fn breaker() -> Breaker {
        Breaker::new(BreakerSettings { failures: 5, open_for: OPEN_FOR })
    }

    fn outage(retry_after: u64) -> Verdict {
        Err(Unavailable::Outage { retry_after: Duration::from_secs(retry_after) })
    }

    fn fail(breaker: &mut Breaker, tokens: impl IntoIterator<Item = u32>) {
        for token in tokens {
            breaker.end_call(&key(token), &outage(1), at(0));
        }
    }

    fn is_open(breaker: &mut Breaker, now: u64) -> bool {
        breaker.begin_call(&key(99), at(now)).is_err()
    }

    #[test]
    fn s5_breaker_opens_after_failures_for_three_different_tokens() {
        for (name, tokens, expected) in [
            ("too few", vec![1, 2, 3, 4], false),
            ("enough", vec![1, 2, 3, 4, 5], true),
            ("of two tokens", vec![1, 2, 1, 2, 1, 2, 1, 2], false),
            ("of three tokens", vec![1, 1, 1, 2, 3], true),
        ] {
            let mut breaker = breaker();
            fail(&mut breaker, tokens);
            assert_eq!(is_open(&mut breaker, 0), expected, "{name}");
        }
    }

    #[test]
    fn s5_breaker_counts_failures_in_a_row() {
        let mut breaker = breaker();
        fail(&mut breaker, 1..5);
        breaker.end_call(&key(1), &Ok(Answer::Inactive), at(0));
        fail(&mut breaker, 1..5);

        assert!(!is_open(&mut breaker, 0));
    }

    #[test]
    fn s5_breaker_opens_after_as_many_failures_as_are_configured() {
        for failures in [1, 3, 7] {
            let mut breaker = Breaker::new(BreakerSettings { failures, open_for: OPEN_FOR });
            let needed = failures.max(3);
            fail(&mut breaker, 1..needed);
            assert!(!is_open(&mut breaker, 0), "{failures}");
            fail(&mut breaker, needed..=needed);
            assert!(is_open(&mut breaker, 0), "{failures}");
        }
    }

    #[test]
    fn s5_breaker_does_not_count_other_failures() {
        let mut breaker = breaker();
        let retry_after = Duration::from_secs(1);
        for unavailable in [
            Unavailable::ClientAuthFailed { retry_after },
            Unavailable::AnswerMalformed,
            Unavailable::Misconfigured,
            Unavailable::Shed,
            Unavailable::NotSigned,
        ] {
            for token in 0..10 {
                breaker.end_call(&key(token), &Err(unavailable), at(0));
            }
        }
        fail(&mut breaker, 1..5);

        assert!(!is_open(&mut breaker, 0));
    }

    #[test]
    fn s5_breaker_probe_goes_out_alone_when_the_pause_is_over_and_its_answer_closes() {
        let mut breaker = breaker();
        fail(&mut breaker, 1..6);
        assert!(breaker.begin_call(&key(7), at(3)).is_err());

        assert!(breaker.begin_call(&key(7), at(PAUSE_OVER)).is_ok(), "the probe");
        assert!(breaker.begin_call(&key(8), at(PAUSE_OVER)).is_err(), "another call beside the probe");
        breaker.end_call(&key(7), &Ok(Answer::Inactive), at(PAUSE_OVER));
        assert!(breaker.begin_call(&key(8), at(PAUSE_OVER)).is_ok());
    }

    #[test]
    fn s5_breaker_probe_that_fails_opens_for_another_pause() {
        let mut breaker = breaker();
        fail(&mut breaker, 1..6);
        breaker.begin_call(&key(7), at(PAUSE_OVER)).unwrap();
        breaker.end_call(&key(7), &outage(1), at(PAUSE_OVER));

        assert!(breaker.begin_call(&key(8), at(PAUSE_OVER + 3)).is_err());
        assert!(breaker.begin_call(&key(8), at(2 * PAUSE_OVER)).is_ok());
    }

    #[test]
    fn s5_breaker_probe_that_says_nothing_makes_room_for_the_next() {
        let mut breaker = breaker();
        fail(&mut breaker, 1..6);
        breaker.begin_call(&key(7), at(PAUSE_OVER)).unwrap();
        breaker.end_call(&key(7), &Err(Unavailable::AnswerMalformed), at(PAUSE_OVER));

        assert!(breaker.begin_call(&key(8), at(PAUSE_OVER)).is_ok());
    }

    #[test]
    fn s5_breaker_pause_is_lengthened_by_retry_after_to_ten_seconds_at_most() {
        for (asked, open_at, closed_at) in [(1, 3, PAUSE_OVER), (9, 8, 9), (30, 9, 10)] {
            let mut breaker = breaker();
            fail(&mut breaker, 1..5);
            breaker.end_call(&key(5), &outage(asked), at(0));
            assert!(is_open(&mut breaker, open_at), "{asked}");
            assert!(!is_open(&mut breaker, closed_at), "{asked}");
        }
    }

    /// When the first probe may go out, in milliseconds after a breaker was opened by these tokens.
    fn pause(tokens: impl IntoIterator<Item = u32>) -> u64 {
        let mut breaker = breaker();
        fail(&mut breaker, tokens);
        let is_open = |millis: &u64| breaker.begin_call(&key(99), at(0).plus(Duration::from_millis(*millis))).is_err();
        (0..20_000).step_by(5).take_while(is_open).last().unwrap() + 5
    }

    #[test]
    fn s5_breaker_pause_differs_by_a_quarter_at_most() {
        let pauses: Vec<u64> = (0..40).map(|first| pause(first..first + 5)).collect();

        let (shortest, longest) = (pauses.iter().min().unwrap(), pauses.iter().max().unwrap());
        assert_eq!((*shortest, *longest), (3750, 6250), "{pauses:?}");
    }

    #[test]
    fn s5_breaker_tells_when_the_probe_may_go_out() {
        let mut breaker = breaker();
        fail(&mut breaker, 1..5);
        breaker.end_call(&key(5), &outage(30), at(0));
        for (now, left) in [(0, 10), (4, 6), (9, 1)] {
            assert_eq!(breaker.begin_call(&key(6), at(now)).map_err(Err::<Answer, _>), Err(outage(left)), "{now}");
        }

        breaker.begin_call(&key(6), at(10)).unwrap();
        assert_eq!(breaker.begin_call(&key(7), at(11)).map_err(Err::<Answer, _>), Err(outage(0)), "a probe is out");
    }

    #[test]
    fn s5_breaker_pause_is_not_lengthened_by_calls_under_way_when_it_opened() {
        let mut breaker = breaker();
        fail(&mut breaker, 1..6);
        breaker.end_call(&key(8), &outage(1), at(6));

        assert!(!is_open(&mut breaker, PAUSE_OVER));
    }
}
