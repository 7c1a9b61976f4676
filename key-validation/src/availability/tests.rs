use super::*;
use crate::cache::Fingerprint;
use crate::config::BreakerSettings;
#[cfg(all(target_arch = "wasm32", target_os = "unknown"))]
use wasm_bindgen_test::wasm_bindgen_test as test;

const REFUSED: Verdict = Err(Unavailable::ClientAuthFailed { retry_after: Duration::from_secs(1) });

fn availability(concurrent_calls: u32) -> Availability {
    let breaker = BreakerSettings { failures: 5, open_for: Duration::from_secs(5) };
    Availability {
        calls: Cell::new(0),
        concurrent_calls,
        breaker: RefCell::new(Breaker::new(breaker)),
        held_until: Cell::new(UnixTime::from_millis(0)),
        next_hold_off: Cell::new(FIRST_HOLD_OFF),
    }
}

fn key() -> AnswerKey {
    AnswerKey::new(&Fingerprint::new([0; 32]), "t")
}

fn at(seconds: u64) -> UnixTime {
    UnixTime::from_seconds(1000 + seconds)
}

#[test]
fn holds_calls_off_after_our_credentials_were_refused_for_longer_each_time() {
    let availability = availability(8);
    for (now, held_for) in [(0, 1), (1, 2), (3, 4), (7, 8), (15, 16), (31, 30), (61, 30)] {
        availability.begin_call(&key(), at(now)).unwrap();
        availability.end_call(&key(), &REFUSED, at(now));

        let retry_after = Duration::from_secs(held_for);
        assert_eq!(availability.begin_call(&key(), at(now)), Err(Unavailable::ClientAuthFailed { retry_after }));
        assert!(availability.begin_call(&key(), at(now + held_for)).is_ok());
        availability.end_call(&key(), &Err(Unavailable::Shed), at(now));
    }
}

#[test]
fn a_verdict_ends_the_hold_off() {
    let availability = availability(8);
    availability.end_call(&key(), &REFUSED, at(0));
    availability.end_call(&key(), &Ok(Answer::Active([].into())), at(0));

    assert!(availability.begin_call(&key(), at(0)).is_ok());
}

#[test]
fn calls_that_fail_together_are_one_failure() {
    let availability = availability(8);
    availability.end_call(&key(), &REFUSED, at(0));
    availability.end_call(&key(), &REFUSED, at(0));

    assert!(availability.begin_call(&key(), at(1)).is_ok());
}

#[test]
fn sheds_calls_over_the_limit() {
    let availability = availability(1);
    availability.begin_call(&key(), at(0)).unwrap();

    assert_eq!(availability.begin_call(&key(), at(0)), Err(Unavailable::Shed));
    availability.end_call(&key(), &Ok(Answer::Inactive), at(0));
    assert!(availability.begin_call(&key(), at(0)).is_ok());
}
