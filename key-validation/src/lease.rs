//! Leases in the proxy's shared data: of all workers of a process one does something, and the others know.
//!
//! A lease runs out by itself, so a worker that goes down holds nothing up for longer. Its slot also counts failures,
//! by which those who wait for its holder tell that there is nothing to wait for.

use crate::UnixTime;
use crate::cache::{SharedData, SharedValue};

/// A worker, as the holder of leases; the octets must be random.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LeaseHolder(pub [u8; 16]);

/// What is leased: a slot of the shared data, and what it is about. Several subjects may share a slot, so that the
/// slots are a fixed number.
#[derive(Clone, Debug)]
pub struct Lease {
    slot: String,
    subject: [u8; 32],
}

/// What came of trying to take a lease.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Taken {
    /// It is the holder's until it runs out or is released.
    Granted {
        /// Of those who held it before.
        failures: Failures,
        /// When it was last released, or ran out; 0 when the slot knows nothing of its subject.
        ended_at: UnixTime,
    },
    /// Another worker holds it.
    Held(Failures),
    /// The slot is in use for another subject, or kept changing: there is no lease to be had.
    Occupied,
}

/// How often what was done under a lease has failed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Failures {
    /// Counts up for as long as the slot keeps to its subject.
    pub count: u32,
    /// Why the last one failed, in a code of those who use the lease.
    pub last: u8,
}

/// How often a change is tried when other workers change the same slot.
const ATTEMPTS: usize = 16;
const VERSION: u8 = 1;

impl Lease {
    /// A lease on a subject in the slot of this name.
    pub fn new(slot: String, subject: [u8; 32]) -> Self {
        Self { slot, subject }
    }

    /// Takes the lease until a time, or prolongs it.
    #[inline(never)]
    pub fn take(&self, holder: LeaseHolder, until: UnixTime, now: UnixTime, shared: &dyn SharedData) -> Taken {
        for _ in 0..ATTEMPTS {
            let value = shared.get(&self.slot);
            let record = value.as_ref().and_then(|value| Record::decode(&value.bytes));
            let own = record.filter(|record| record.subject == self.subject);
            let failures = own.map(|record| record.failures).unwrap_or_default();
            let ended_at = own.map_or(UnixTime::from_millis(0), |record| record.until);
            if let Some(record) = record.filter(|record| now < record.until && record.holder != holder) {
                return if record.subject == self.subject { Taken::Held(failures) } else { Taken::Occupied };
            }
            // A worker that holds the slot for another subject must not lose that lease.
            if record.is_some_and(|record| now < record.until && record.subject != self.subject) {
                return Taken::Occupied;
            }
            let record = Record { subject: self.subject, holder, until, failures };
            if shared.set(&self.slot, &record.encode(), Some(version(value.as_ref()))).is_ok() {
                return Taken::Granted { failures, ended_at };
            }
        }
        Taken::Occupied
    }

    /// Gives the lease back, if the holder still has it; with the reason when what was done under it has failed.
    #[inline(never)]
    pub fn release(&self, holder: LeaseHolder, failure: Option<u8>, now: UnixTime, shared: &dyn SharedData) {
        for _ in 0..ATTEMPTS {
            let Some(value) = shared.get(&self.slot) else { return };
            let Some(record) = Record::decode(&value.bytes) else { return };
            if record.holder != holder || record.subject != self.subject {
                return;
            }
            let failures = match failure {
                Some(last) => Failures { count: record.failures.count.saturating_add(1), last },
                None => record.failures,
            };
            let record = Record { until: now, failures, ..record };
            if shared.set(&self.slot, &record.encode(), Some(value.version)).is_ok() {
                return;
            }
        }
    }
}

fn version(value: Option<&SharedValue>) -> u32 {
    value.map_or(SharedValue::ABSENT, |value| value.version)
}

#[derive(Clone, Copy)]
struct Record {
    subject: [u8; 32],
    holder: LeaseHolder,
    until: UnixTime,
    failures: Failures,
}

impl Record {
    fn encode(&self) -> Vec<u8> {
        let mut octets = vec![VERSION];
        octets.extend_from_slice(&self.subject);
        octets.extend_from_slice(&self.holder.0);
        octets.extend_from_slice(&self.until.as_millis().to_le_bytes());
        octets.extend_from_slice(&self.failures.count.to_le_bytes());
        octets.push(self.failures.last);
        octets
    }

    /// `None` for anything that this version did not write: the slot is then free.
    fn decode(octets: &[u8]) -> Option<Self> {
        let (&VERSION, octets) = octets.split_first()? else { return None };
        let (subject, octets) = octets.split_first_chunk()?;
        let (holder, octets) = octets.split_first_chunk()?;
        let (until, octets) = octets.split_first_chunk()?;
        let (count, octets) = octets.split_first_chunk()?;
        let &[last] = octets else { return None };
        Some(Self {
            subject: *subject,
            holder: LeaseHolder(*holder),
            until: UnixTime::from_millis(u64::from_le_bytes(*until)),
            failures: Failures { count: u32::from_le_bytes(*count), last },
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cache::tests::FakeSharedData;
    #[cfg(all(target_arch = "wasm32", target_os = "unknown"))]
    use wasm_bindgen_test::wasm_bindgen_test as test;

    const ONE: LeaseHolder = LeaseHolder([1; 16]);
    const OTHER: LeaseHolder = LeaseHolder([2; 16]);
    const GRANTED: Taken = granted(Failures { count: 0, last: 0 });
    const HELD: Taken = Taken::Held(Failures { count: 0, last: 0 });

    fn at(seconds: u64) -> UnixTime {
        UnixTime::from_seconds(1000 + seconds)
    }

    const fn granted(failures: Failures) -> Taken {
        Taken::Granted { failures, ended_at: UnixTime::from_millis(0) }
    }

    fn lease(subject: u8) -> Lease {
        Lease::new("slot".to_owned(), [subject; 32])
    }

    /// What comes of it, but for when the lease ended before.
    fn take(subject: u8, holder: LeaseHolder, now: u64, shared: &FakeSharedData) -> Taken {
        match lease(subject).take(holder, at(now + 10), at(now), shared) {
            Taken::Granted { failures, .. } => granted(failures),
            other => other,
        }
    }

    #[test]
    fn one_holder_has_it_until_it_runs_out() {
        let shared = FakeSharedData::default();

        assert_eq!(take(1, ONE, 0, &shared), GRANTED);
        assert_eq!(take(1, OTHER, 9, &shared), HELD);
        assert_eq!(take(1, ONE, 9, &shared), GRANTED, "prolonged");
        assert_eq!(take(1, OTHER, 18, &shared), HELD);
        assert_eq!(take(1, OTHER, 19, &shared), GRANTED);
    }

    #[test]
    fn what_is_released_can_be_taken_and_tells_of_failures() {
        let shared = FakeSharedData::default();
        take(1, ONE, 0, &shared);
        lease(1).release(ONE, None, at(0), &shared);
        assert_eq!(take(1, OTHER, 0, &shared), GRANTED);

        lease(1).release(OTHER, Some(7), at(0), &shared);
        assert_eq!(take(1, ONE, 0, &shared), granted(Failures { count: 1, last: 7 }));
    }

    #[test]
    fn who_does_not_hold_it_cannot_release_it() {
        let shared = FakeSharedData::default();
        take(1, ONE, 0, &shared);
        lease(1).release(OTHER, Some(1), at(0), &shared);
        lease(2).release(ONE, Some(1), at(0), &shared);

        assert_eq!(take(1, OTHER, 0, &shared), HELD);
    }

    #[test]
    fn it_knows_when_it_was_last_held() {
        let shared = FakeSharedData::default();
        let ended_at = |subject: u8, now: u64| match lease(subject).take(ONE, at(now + 10), at(now), &shared) {
            Taken::Granted { ended_at, .. } => ended_at,
            other => panic!("{other:?}"),
        };

        assert_eq!(ended_at(1, 0), UnixTime::from_millis(0), "never");
        lease(1).release(ONE, None, at(3), &shared);
        assert_eq!(ended_at(1, 5), at(3), "released");
        assert_eq!(ended_at(1, 20), at(15), "run out");
        assert_eq!(ended_at(2, 40), UnixTime::from_millis(0), "another subject");
    }

    #[test]
    fn a_slot_serves_one_subject_at_a_time() {
        let shared = FakeSharedData::default();
        take(1, ONE, 0, &shared);

        assert_eq!(take(2, OTHER, 0, &shared), Taken::Occupied);
        assert_eq!(take(2, ONE, 0, &shared), Taken::Occupied);
        assert_eq!(take(2, OTHER, 10, &shared), GRANTED);
    }

    #[test]
    fn a_slot_is_created_by_one_worker_alone() {
        let shared = FakeSharedData::default();
        shared.before_next_set(|shared| {
            take(1, OTHER, 0, shared);
        });

        assert_eq!(take(1, ONE, 0, &shared), HELD);
    }

    #[test]
    fn a_slot_that_cannot_be_read_is_free() {
        let shared = FakeSharedData::default();
        for octets in [b"".as_slice(), b"\x02garbage", &[1; 61], &[1; 63]] {
            shared.set("slot", octets, None).unwrap();
            assert_eq!(take(1, ONE, 0, &shared), GRANTED, "{octets:?}");
        }
    }

    #[test]
    fn a_slot_that_keeps_changing_gives_no_lease() {
        let shared = FakeSharedData::default();
        shared.contended.set(100);

        assert_eq!(take(1, ONE, 0, &shared), Taken::Occupied);
    }
}
