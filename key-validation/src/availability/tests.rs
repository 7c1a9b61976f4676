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
fn s5_hold_off_doubles_from_one_second_to_thirty() {
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
fn s5_hold_off_ends_with_an_active_answer() {
    let availability = availability(8);
    availability.end_call(&key(), &REFUSED, at(0));
    availability.end_call(&key(), &Ok(Answer::Active([].into())), at(0));

    assert!(availability.begin_call(&key(), at(0)).is_ok());
}

/// For how long calls are held off at a time.
fn held_for(availability: &Availability, now: u64) -> Option<Duration> {
    match availability.begin_call(&key(), at(now)) {
        Err(Unavailable::ClientAuthFailed { retry_after }) => Some(retry_after),
        other => {
            assert_eq!(other, Ok(()));
            availability.calls.set(0);
            None
        }
    }
}

#[test]
fn s5_hold_off_begins_anew_after_an_active_answer_and_no_other() {
    let outage = Err(Unavailable::Outage { retry_after: Duration::ZERO });
    for (name, verdict, held, next) in [
        ("active", Ok(Answer::Active([].into())), None, 1),
        ("inactive: some say so to whom may not ask", Ok(Answer::Inactive), Some(2), 4),
        ("an outage", outage, Some(2), 4),
        ("malformed", Err(Unavailable::AnswerMalformed), Some(2), 4),
    ] {
        let availability = availability(8);
        availability.end_call(&key(), &REFUSED, at(0));
        availability.end_call(&key(), &REFUSED, at(1));

        availability.end_call(&key(), &verdict, at(1));
        assert_eq!(held_for(&availability, 1), held.map(Duration::from_secs), "{name}");
        availability.end_call(&key(), &REFUSED, at(3));
        assert_eq!(held_for(&availability, 3), Some(Duration::from_secs(next)), "{name}: the next one");
    }
}

#[test]
fn s5_hold_off_and_breaker_are_apart() {
    let availability = availability(8);
    for token in 0..20 {
        let key = AnswerKey::new(&Fingerprint::new([0; 32]), &token.to_string());
        availability.end_call(&key, &REFUSED, at(0));
    }

    assert_eq!(held_for(&availability, 1), None, "no breaker has opened");
}

#[test]
fn s5_hold_off_counts_calls_that_fail_together_once() {
    let availability = availability(8);
    availability.end_call(&key(), &REFUSED, at(0));
    availability.end_call(&key(), &REFUSED, at(0));

    assert!(availability.begin_call(&key(), at(1)).is_ok());
}

#[test]
fn s5_shed_are_calls_over_the_limit() {
    let availability = availability(1);
    availability.begin_call(&key(), at(0)).unwrap();

    assert_eq!(availability.begin_call(&key(), at(0)), Err(Unavailable::Shed));
    availability.end_call(&key(), &Ok(Answer::Inactive), at(0));
    assert!(availability.begin_call(&key(), at(0)).is_ok());
}
