use super::*;
use crate::introspection::tests_support::record;
#[cfg(all(target_arch = "wasm32", target_os = "unknown"))]
use wasm_bindgen_test::wasm_bindgen_test as test;

const TOKEN: TokenDigest = [7; 32];
const ARRIVED: u64 = 1000;

fn at(seconds: u64) -> UnixTime {
    UnixTime::from_seconds(seconds)
}

fn cut_off(concerns: Concerned, action: Action) -> CutOff {
    CutOff { concerns, identity_provider: None, action, not_before: Some(at(500)), expires_at: at(9000) }
}

fn arrive(list: Vec<CutOff>, arrivals: &mut Arrivals, now: UnixTime) -> CutOffs {
    let mut cut_offs = CutOffs::default();
    cut_offs.replace(&[], list, arrivals, now);
    cut_offs
}

fn arrived(cut_off: CutOff) -> CutOffs {
    arrive(vec![cut_off], &mut Arrivals::default(), at(ARRIVED))
}

/// What a cut-off says of the answer about a token that was issued and asked about at these times.
fn verdict(cut_offs: &CutOffs, issued_at: u64, asked_at: u64) -> Verdict {
    let record = record(at(asked_at), at(issued_at));
    let answer = ActiveAnswer::decode(&record).unwrap();
    cut_offs.verdict("idp", &TOKEN, &answer, at(ARRIVED + 1))
}

fn concerned() -> [Concerned; 5] {
    let text = |text: &str| text.to_owned();
    [
        Concerned::Token(TOKEN),
        Concerned::Jti(text("the-jti")),
        Concerned::Client(text("the-client")),
        Concerned::Subject(text("the-subject")),
        Concerned::All,
    ]
}

#[test]
fn deny_refuses_one_token_whenever_it_was_issued_and_others_by_their_issue() {
    for concerns in concerned() {
        let by_issue = !matches!(concerns, Concerned::Token(_) | Concerned::Jti(_));
        let cut_offs = arrived(cut_off(concerns.clone(), Action::Deny));
        for (issued_at, of_issue) in [(499, Verdict::Denied), (500, Verdict::Denied), (501, Verdict::Unconcerned)] {
            let expected = if by_issue { of_issue } else { Verdict::Denied };
            assert_eq!(verdict(&cut_offs, issued_at, ARRIVED + 1), expected, "{concerns:?} {issued_at}");
        }
    }
}

#[test]
fn deny_of_a_token_that_does_not_say_when_it_was_issued_is_a_recheck() {
    for concerns in concerned().into_iter().skip(2) {
        let cut_offs = arrived(cut_off(concerns, Action::Deny));
        assert_eq!(verdict(&cut_offs, 0, ARRIVED - 1), Verdict::Recheck);
        assert_eq!(verdict(&cut_offs, 0, ARRIVED + 1), Verdict::Unconcerned);
    }
}

#[test]
fn recheck_concerns_what_was_asked_for_before_it_came() {
    for concerns in concerned() {
        let cut_offs = arrived(cut_off(concerns.clone(), Action::Recheck));
        for (asked_at, expected) in
            [(ARRIVED - 1, Verdict::Recheck), (ARRIVED, Verdict::Recheck), (ARRIVED + 1, Verdict::Unconcerned)]
        {
            assert_eq!(verdict(&cut_offs, 400, asked_at), expected, "{concerns:?} {asked_at}");
        }
    }
}

#[test]
fn other_tokens_are_not_concerned() {
    let text = |text: &str| text.to_owned();
    let others = [
        Concerned::Token([8; 32]),
        Concerned::Jti(text("other")),
        Concerned::Client(text("the-subject")),
        Concerned::Subject(text("the-client")),
    ];
    for concerns in others {
        for action in [Action::Deny, Action::Recheck] {
            assert_eq!(verdict(&arrived(cut_off(concerns.clone(), action)), 400, 900), Verdict::Unconcerned);
        }
    }
}

#[test]
fn of_ten_thousand_cut_offs_those_about_the_token_alone_are_looked_at() {
    let others = (0..2_500_u16).flat_map(|number| {
        let mut digest = [0; 32];
        digest[..2].copy_from_slice(&number.to_le_bytes());
        let text = format!("other-{number}");
        [
            Concerned::Token(digest),
            Concerned::Jti(text.clone()),
            Concerned::Client(text.clone()),
            Concerned::Subject(text),
        ]
    });
    let list = others.chain(concerned()).map(|concerns| cut_off(concerns, Action::Recheck)).collect();
    let cut_offs = arrive(list, &mut Arrivals::default(), at(ARRIVED));

    let record = record(at(900), at(400));
    let answer = ActiveAnswer::decode(&record).unwrap();
    assert_eq!(cut_offs.about(&TOKEN, &answer).count(), concerned().len());
    assert_eq!(verdict(&cut_offs, 400, 900), Verdict::Recheck);
}

#[test]
fn a_cut_off_may_be_for_one_identity_provider() {
    for (name, expected) in [("idp", Verdict::Denied), ("other", Verdict::Unconcerned)] {
        let for_one =
            CutOff { identity_provider: Some(name.to_owned()), ..cut_off(Concerned::Token(TOKEN), Action::Deny) };
        assert_eq!(verdict(&arrived(for_one), 400, 900), expected, "{name}");
    }
}

#[test]
fn a_cut_off_ends_when_it_expires() {
    for (expires_at, expected) in [(ARRIVED + 2, Verdict::Denied), (ARRIVED + 1, Verdict::Unconcerned)] {
        let ending = CutOff { expires_at: at(expires_at), ..cut_off(Concerned::All, Action::Deny) };
        assert_eq!(verdict(&arrived(ending), 400, 900), expected, "{expires_at}");
    }
}

#[test]
fn the_stricter_of_two_counts() {
    let list = vec![cut_off(Concerned::All, Action::Recheck), cut_off(Concerned::Token(TOKEN), Action::Deny)];
    let cut_offs = arrive(list, &mut Arrivals::default(), at(ARRIVED));

    assert_eq!(verdict(&cut_offs, 400, 900), Verdict::Denied);
}

#[test]
fn what_comes_again_has_not_come_anew() {
    let mut arrivals = Arrivals::default();
    let list = || vec![cut_off(Concerned::All, Action::Recheck)];
    let _ = arrive(list(), &mut arrivals, at(800));
    let again = arrive(list(), &mut arrivals, at(ARRIVED));

    assert_eq!(verdict(&again, 400, 900), Verdict::Unconcerned);
    assert_eq!(verdict(&again, 400, 800), Verdict::Recheck);
}

#[test]
fn arrivals_are_forgotten_with_their_cut_offs() {
    let mut arrivals = Arrivals::default();
    let _ = arrive(vec![cut_off(Concerned::All, Action::Recheck)], &mut arrivals, at(800));
    let _ = arrive(Vec::new(), &mut arrivals, at(9000));

    assert!(arrivals.0.is_empty());
}

#[test]
fn what_is_replaced_is_no_longer_in_force_and_the_others_are() {
    let [token, jti, ..] = concerned().map(|concerns| cut_off(concerns, Action::Deny));
    let (mut arrivals, all) = (Arrivals::default(), [token.clone(), token.clone(), jti.clone()]);
    let mut cut_offs = arrive(all.to_vec(), &mut arrivals, at(ARRIVED));

    cut_offs.replace(std::slice::from_ref(&token), Vec::new(), &mut arrivals, at(ARRIVED));
    assert_eq!(verdict(&cut_offs, 400, 900), Verdict::Denied, "it was there twice");
    cut_offs.replace(&[token], Vec::new(), &mut arrivals, at(ARRIVED));
    assert!(!cut_offs.is_empty());
    cut_offs.replace(&[jti], Vec::new(), &mut arrivals, at(ARRIVED));

    assert!(cut_offs.is_empty());
    assert_eq!(verdict(&cut_offs, 400, 900), Verdict::Unconcerned);
}
