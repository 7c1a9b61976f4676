//! The record of an active answer, as the shared data hands it back: read in one way or refused, and nobody passes by
//! a record that does not permit them.
#![no_main]

use gatehouse_fuzz::{NOW, SharedValues, Unmatched, exchange, gateway, ports};
use key_validation::Decision;
use key_validation::introspection::{ActiveAnswer, Answer};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|record: &[u8]| {
    // The rest is for what can be read: a gateway takes long to make.
    let Ok(answer) = ActiveAnswer::decode(record) else { return };
    let texts = answer.audience.iter().chain(answer.scope.iter());
    assert!(texts.map(str::len).sum::<usize>() < record.len(), "texts longer than their record");
    let longer = [record, b"\0"].concat();
    assert!(ActiveAnswer::decode(&longer).is_err(), "a longer record is read");
    assert!(ActiveAnswer::decode(&record[..record.len() - 1]).is_err(), "a cut record is read");

    let (gateway, shared) = (gateway(Unmatched::Reject), SharedValues::default());
    let verdict = Ok(Answer::Active(record.into()));
    let decision = gateway.resume(&exchange(&gateway, &shared), &verdict, NOW, ports(&shared));
    let permits = answer.expires_at > NOW
        && answer.is_access_token
        && !answer.is_sender_constrained
        && answer.client_id == Some("app")
        && answer.scope.contains("read");
    assert!(permits || matches!(decision, Decision::Reply(_)), "forwarded against the record");
});
