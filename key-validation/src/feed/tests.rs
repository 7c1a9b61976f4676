use serde_json::{Value, json};

use super::*;
use crate::cache::SharedData;
use crate::cache::tests::FakeSharedData;
#[cfg(all(target_arch = "wasm32", target_os = "unknown"))]
use wasm_bindgen_test::wasm_bindgen_test as test;

pub(crate) fn copy() -> RegistryCopy {
    RegistryCopy::new(&[7; 32])
}

fn page(value: &Value) -> Page {
    Page::parse(value.to_string().as_bytes()).unwrap()
}

pub(crate) fn changes(number: u64, changes: &[Value]) -> Value {
    json!({"format": 1, "revision": {"epoch": "e", "number": number}, "changes": changes})
}

pub(crate) fn application(id: &str, clients: &[&str]) -> Value {
    let keys: Vec<Value> = clients.iter().map(|id| json!({"identityProvider": "idp", "clientId": id})).collect();
    json!({"kind": "application", "id": id, "record": {"id": id, "keys": keys}})
}

fn subscription(application: &str, api: &str, state: &str) -> Value {
    let record = json!({"apiId": api, "applicationId": application, "state": state});
    json!({"kind": "subscription", "id": "s", "applicationId": application, "apiId": api, "record": record})
}

pub(super) fn api(id: &str) -> Value {
    json!({"kind": "api", "id": id, "record": {"name": id}})
}

pub(crate) fn deleted(mut change: Value) -> Value {
    change.as_object_mut().unwrap().remove("record");
    change["deleted"] = true.into();
    change
}

/// A snapshot of so many pages for each kind.
pub(crate) fn snapshot(number: u64, records: &[Value], pages: u16) -> Vec<Value> {
    let place = |record: &Value| {
        let Change { place, .. } = Change::read(record.clone()).unwrap().unwrap();
        // A subscription comes after its application.
        (place.family(), place.bucket(), matches!(place, Place::Subscription { .. }))
    };
    let mut records = records.to_vec();
    records.sort_by_key(place);
    let counted = records.iter().filter(|record| ["api", "application"].contains(&record["kind"].as_str().unwrap()));
    let counted = counted.count();
    let mut all = Vec::new();
    for (family, kind) in
        [(Family::Revocation, "revocation"), (Family::Api, "api"), (Family::Application, "application")]
    {
        for part in 0..pages {
            let (first, last) = (BUCKETS / pages * part, BUCKETS / pages * (part + 1) - 1);
            let fits = |record: &&Value| place(record).0 == family && (first..=last).contains(&place(record).1);
            let mut page = changes(number, &records.iter().filter(fits).cloned().collect::<Vec<_>>());
            page["snapshot"] = json!({
                "kind": kind, "first": first, "last": last, "records": counted, "empty": counted == 0,
            });
            let is_last = family == Family::Application && part + 1 == pages;
            page["next"] = if is_last { Value::Null } else { "c".into() };
            all.push(page);
        }
    }
    all
}

pub(crate) fn apply(shared: &FakeSharedData, pages: &[Value]) -> Result<Revision, Refused> {
    let (copy, mut progress) = (copy(), None);
    for value in pages {
        let mut applying = copy.begin(page(value), progress.take(), None, shared)?;
        while applying.step(&copy, &mut |_| {}, shared)? {}
        match applying.finish(&copy, shared)? {
            Applied::Reached(revision) => return Ok(revision),
            Applied::Continues { progress: more, .. } => progress = Some(more),
        }
    }
    panic!("the last page says that there is another one")
}

pub(crate) fn with(records: &[Value]) -> FakeSharedData {
    let shared = FakeSharedData::default();
    apply(&shared, &snapshot(1, records, 1)).unwrap();
    shared
}

fn state(shared: &dyn SharedData, client: &str, api: &str) -> Option<String> {
    let found = copy().application("idp", client, shared)?;
    let subscription = found.subscriptions.iter().find(|(id, _)| id == api)?;
    Some(subscription.1["state"].as_str()?.to_owned())
}

fn has_api(shared: &dyn SharedData, id: &str) -> bool {
    copy().records(Family::Api, Place::Api(id.to_owned()).bucket(), shared).iter().any(|(name, _)| name == id)
}

#[test]
fn a_snapshot_makes_the_copy_ready() {
    let shared = FakeSharedData::default();
    assert!(!copy().standing(&shared).is_ready());

    let records = [api("a"), application("shop", &["c1"]), subscription("shop", "a", "UNBLOCKED")];
    let reached = apply(&shared, &snapshot(5, &records, 4)).unwrap();

    assert_eq!(reached.to_string(), "e.5");
    let standing = copy().standing(&shared);
    assert!(standing.is_ready());
    assert_eq!(standing.revision(), Some(reached));
    assert!(has_api(&shared, "a"));
    assert_eq!(state(&shared, "c1", "a").as_deref(), Some("UNBLOCKED"));
    assert_eq!(copy().application("other", "c1", &shared), None);
}

#[test]
fn changes_and_tombstones_reach_what_they_name() {
    let shop = application("shop", &["c1"]);
    let shared = with(&[api("a"), shop.clone(), subscription("shop", "a", "UNBLOCKED")]);

    apply(&shared, &[changes(2, &[subscription("shop", "a", "BLOCKED"), api("b")])]).unwrap();
    assert_eq!(state(&shared, "c1", "a").as_deref(), Some("BLOCKED"));
    assert!(has_api(&shared, "b"));

    apply(&shared, &[changes(3, &[deleted(subscription("shop", "a", "")), deleted(api("b"))])]).unwrap();
    assert_eq!(state(&shared, "c1", "a"), None);
    assert!(!has_api(&shared, "b"));

    apply(&shared, &[changes(4, &[application("shop", &["c2"])])]).unwrap();
    assert_eq!(copy().application("idp", "c1", &shared), None);
    assert_eq!(copy().application("idp", "c2", &shared).unwrap().id, "shop");

    apply(&shared, &[changes(5, &[deleted(shop)])]).unwrap();
    assert_eq!(copy().application("idp", "c2", &shared), None);
}

#[test]
fn a_deleted_application_leaves_no_subscription_to_one_of_the_same_id() {
    let shop = application("shop", &["c1"]);
    let shared = with(&[shop.clone(), subscription("shop", "a", "UNBLOCKED")]);

    apply(&shared, &[changes(2, &[deleted(shop.clone()), shop])]).unwrap();

    assert_eq!(state(&shared, "c1", "a"), None);
}

#[test]
fn a_snapshot_removes_what_it_does_not_name() {
    let shared = with(&[api("a"), api("b"), application("shop", &["c1"]), application("bank", &["c2"])]);

    apply(&shared, &snapshot(2, &[api("b"), application("bank", &["c2"])], 2)).unwrap();

    assert!(!has_api(&shared, "a") && has_api(&shared, "b"));
    assert_eq!(copy().application("idp", "c1", &shared), None);
    assert!(copy().application("idp", "c2", &shared).is_some());
}

#[test]
fn an_older_revision_is_refused_in_its_epoch_alone() {
    let shared = with(&[api("a")]);
    apply(&shared, &[changes(9, &[])]).unwrap();

    for older in [vec![changes(8, &[deleted(api("a"))])], snapshot(8, &[api("b")], 1)] {
        assert_eq!(apply(&shared, &older), Err(Refused::OlderRevision));
    }
    assert!(has_api(&shared, "a"));

    let mut restored = snapshot(2, &[api("b")], 1);
    for page in &mut restored {
        page["revision"]["epoch"] = "f".into();
    }
    assert_eq!(apply(&shared, &restored).unwrap().to_string(), "f.2");
    assert!(has_api(&shared, "b") && !has_api(&shared, "a"));
}

#[test]
fn changes_are_refused_where_a_snapshot_is_needed() {
    let mut other_epoch = changes(2, &[deleted(api("a"))]);
    other_epoch["revision"]["epoch"] = "f".into();
    assert_eq!(apply(&with(&[api("a")]), &[other_epoch]), Err(Refused::OutOfSequence));
    assert_eq!(apply(&FakeSharedData::default(), &[changes(2, &[api("a")])]), Err(Refused::OutOfSequence));
}

#[test]
fn an_empty_snapshot_is_refused_unless_it_says_that_it_is_meant() {
    let shared = with(&[api("a")]);
    let meant = snapshot(2, &[], 1);
    let mut unexplained = meant.clone();
    for page in &mut unexplained {
        page["snapshot"]["empty"] = false.into();
    }

    assert_eq!(apply(&shared, &unexplained), Err(Refused::UnexplainedEmptying));
    assert!(has_api(&shared, "a"));
    apply(&shared, &meant).unwrap();
    assert!(!has_api(&shared, "a"));
}

#[test]
fn a_snapshot_with_a_gap_or_another_revision_is_not_reached() {
    let pages = snapshot(2, &[api("a"), api("b")], 2);
    let mut gap = pages.clone();
    gap.remove(2);
    let mut other_revision = pages.clone();
    other_revision[3]["revision"]["number"] = 3.into();
    for (name, pages) in [("gap", gap), ("revision", other_revision)] {
        let shared = with(&[api("a")]);
        assert_eq!(apply(&shared, &pages), Err(Refused::OutOfSequence), "{name}");

        let standing = copy().standing(&shared);
        assert!(standing.is_ready(), "{name}");
        assert_eq!(standing.revision(), None, "{name}: half applied, so a snapshot is asked for");
    }
}

#[test]
fn whoever_takes_over_ends_where_the_one_before_would_have() {
    let before = [api("a"), application("shop", &["c1"])];
    let records = [api("b"), application("shop", &["c2"]), subscription("shop", "b", "UNBLOCKED")];
    let pages = snapshot(2, &records, 1);
    // The last page is the one of applications.
    for steps in [0, 1, 5000, usize::from(BUCKETS)] {
        let shared = with(&before);
        assert!(matches!(apply_steps(&shared, &pages, steps), Ok(())));

        apply(&shared, &pages).unwrap();

        assert_eq!(copy().application("idp", "c1", &shared), None, "{steps}");
        assert_eq!(state(&shared, "c2", "b").as_deref(), Some("UNBLOCKED"), "{steps}");
        assert!(has_api(&shared, "b") && !has_api(&shared, "a"), "{steps}");
    }
}

/// Applies all pages, of the last only so many steps.
fn apply_steps(shared: &FakeSharedData, pages: &[Value], steps: usize) -> Result<(), Refused> {
    let (copy, mut progress) = (copy(), None);
    for value in pages {
        let is_last = value["next"].is_null();
        let mut applying = copy.begin(page(value), progress.take(), None, shared)?;
        for _ in 0..if is_last { steps } else { usize::MAX } {
            if !applying.step(&copy, &mut |_| {}, shared)? {
                break;
            }
        }
        if !is_last && let Applied::Continues { progress: more, .. } = applying.finish(&copy, shared)? {
            progress = Some(more);
        }
    }
    Ok(())
}

#[test]
fn when_the_shared_data_cannot_be_changed_the_revision_stays() {
    let shared = with(&[api("a")]);
    shared.contended.set(1);

    assert_eq!(apply(&shared, &[changes(2, &[deleted(api("a"))])]), Err(Refused::NotSet));
    assert_eq!(copy().standing(&shared).revision().unwrap().number, 1);
    apply(&shared, &[changes(2, &[deleted(api("a"))])]).unwrap();
    assert!(!has_api(&shared, "a"));
}

fn stale(standing: &Standing, earlier: &Standing) -> Option<Vec<(Family, u16)>> {
    standing.stale_since(earlier).map(Iterator::collect)
}

/// What a reader has to read anew.
fn read(reader: &mut CopyReader, shared: &FakeSharedData) -> Vec<Stale> {
    reader.look(shared);
    let mut read: Vec<_> = std::iter::from_fn(|| reader.take_stale()).collect();
    read.sort_by_key(|stale| format!("{stale:?}"));
    read
}

#[test]
fn a_reader_reads_what_is_there_and_then_what_changes() {
    let shared = FakeSharedData::default();
    let mut reader = CopyReader::new(copy());
    assert_eq!(read(&mut reader, &shared), []);
    assert!(!reader.is_ready(), "there is no copy yet");

    let bucket = |id: &str| Stale::Bucket(Family::Api, Place::Api(id.to_owned()).bucket());
    apply(&shared, &snapshot(1, &[api("a"), application("shop", &["c1"])], 1)).unwrap();
    assert_eq!(read(&mut reader, &shared), [Stale::Applications, bucket("a")]);
    assert!(reader.is_ready());
    assert_eq!(read(&mut reader, &shared), []);

    apply(&shared, &[changes(2, &[api("b"), application("bank", &[])])]).unwrap();
    let bank = Stale::Bucket(Family::Application, Place::Application("bank".to_owned()).bucket());
    let mut expected = vec![bucket("b"), bank];
    expected.sort_by_key(|stale| format!("{stale:?}"));
    assert_eq!(read(&mut reader, &shared), expected);

    apply(&shared, &snapshot(3, &[application("shop", &["c1"])], 1)).unwrap();
    let emptied = read(&mut reader, &shared);
    assert!(emptied.contains(&bucket("a")) && emptied.contains(&bucket("b")), "what is empty by now is read as such");
}

#[test]
fn a_snapshot_tells_page_by_page_what_it_has_changed_while_that_is_little() {
    let named = |id: &str, name: &str| json!({"kind": "api", "id": id, "record": {"name": name}});
    let many = |name: &str| (0..=standing::RECENT).map(|id| named(&id.to_string(), name)).collect::<Vec<_>>();
    let bucket = |id: &str| Stale::Bucket(Family::Api, Place::Api(id.to_owned()).bucket());
    for (before, after, told) in [
        (vec![api("a"), api("b")], vec![named("a", "other"), api("b")], vec![bucket("a")]),
        (vec![api("a"), api("b")], vec![api("b")], vec![bucket("a")]),
        (vec![api("a")], vec![api("a")], vec![]),
        (many("one"), many("other"), vec![]),
    ] {
        let shared = with(&before);
        let mut reader = CopyReader::new(copy());
        read(&mut reader, &shared);
        let pages = snapshot(2, &after, 1);
        assert!(pages[2]["changes"].as_array().unwrap().is_empty());

        apply_steps(&shared, &pages[..2], usize::MAX).unwrap();
        assert_eq!(read(&mut reader, &shared), told, "{after:?}");

        apply(&shared, &pages).unwrap();
        let all = read(&mut reader, &shared);
        assert!(all.len() > told.len() && all.contains(&Stale::Applications), "all is read anew at the end");
    }
}

#[test]
fn the_first_snapshot_tells_nothing_before_its_end() {
    let (shared, pages) = (FakeSharedData::default(), snapshot(1, &[api("a")], 1));

    apply_steps(&shared, &pages[..2], usize::MAX).unwrap();

    assert!(!copy().standing(&shared).is_ready());
}

#[test]
fn a_standing_is_read_as_it_was_written() {
    let shared = with(&[api("a")]);
    apply(&shared, &[changes(2, &[api("b")])]).unwrap();
    let standing = copy().standing(&shared);

    assert_eq!(Standing::decode(standing.encode().as_bytes()), Some(standing.clone()));
    assert_eq!(Standing::decode(Standing::default().encode().as_bytes()), Some(Standing::default()));
    for damaged in ["", "e", "e 1 1 1", "e 1 1 1 x", "e 1 1 1 1\n1 9 1", "e 1 1 1 1\n1 1 70000", "e 1 1 1 1\n"] {
        assert_eq!(Standing::decode(damaged.as_bytes()), None, "{damaged:?}");
    }
}

#[test]
fn a_standing_tells_which_buckets_are_stale_or_that_all_are() {
    let shared = with(&[api("a")]);
    let first = copy().standing(&shared);
    assert_eq!(stale(&first, &Standing::default()), None);
    assert_eq!(stale(&first, &first), Some(vec![]));

    apply(&shared, &[changes(2, &[api("b")])]).unwrap();
    let second = copy().standing(&shared);
    let bucket = (Family::Api, Place::Api("b".to_owned()).bucket());
    assert_eq!(stale(&second, &first), Some(vec![bucket]));

    for number in 3..80 {
        apply(&shared, &[changes(number, &[api(&format!("n{number}"))])]).unwrap();
    }
    let last = copy().standing(&shared);
    assert_eq!(stale(&last, &first), None);
    assert_eq!(stale(&last, &second), None);
    apply(&shared, &snapshot(90, &[api("a")], 1)).unwrap();
    assert_eq!(stale(&copy().standing(&shared), &last), None);
}

#[test]
fn a_damaged_bucket_is_noticed_and_a_snapshot_asked_for() {
    let shared = with(&[api("a")]);
    let bucket = Place::Api("a".to_owned()).bucket();
    shared.damage(&format!("/a/{bucket}"));

    assert_eq!(
        copy().records(Family::Api, bucket, &shared),
        [(String::new(), Value::Null)],
        "an API that is not known"
    );
    assert_eq!(apply(&shared, &[changes(2, &[api("a")])]), Err(Refused::NotSet));
    let standing = copy().standing(&shared);
    assert!(standing.is_ready());
    assert_eq!(standing.revision(), None);

    apply(&shared, &snapshot(2, &[api("a")], 1)).unwrap();
    assert!(has_api(&shared, "a"));
}

#[test]
fn two_key_managers_do_not_see_each_other() {
    let shared = with(&[application("shop", &["c1"])]);

    let other = RegistryCopy::new(&[8; 32]);

    assert!(!other.standing(&shared).is_ready());
    assert_eq!(other.application("idp", "c1", &shared), None);
}

#[test]
fn what_is_no_page_is_refused() {
    let valid = changes(1, &[api("a")]);
    let edited = |pointer: &str, value: Value| {
        let mut edited = valid.clone();
        edited[pointer] = value;
        edited.to_string()
    };
    let covering = |coverage: Value, change: Value| {
        let mut page = changes(1, &[change]);
        page["snapshot"] = coverage;
        page.to_string()
    };
    let all_apis = json!({"kind": "api", "first": 0, "last": 16383, "records": 1});
    for body in [
        String::new(),
        "[]".to_owned(),
        edited("format", 2.into()),
        edited("format", "1".into()),
        edited("revision", Value::Null),
        edited("revision", json!({"epoch": "", "number": 1})),
        edited("revision", json!({"epoch": "a b", "number": 1})),
        edited("revision", json!({"epoch": "e", "number": -1})),
        edited("revision", json!({"epoch": "e", "number": 9_007_199_254_740_992_u64})),
        edited("changes", Value::Null),
        edited("changes", json!([1])),
        edited("changes", json!([{"kind": "api", "id": "", "record": {}}])),
        edited("changes", json!([{"kind": "api", "id": "a\0b", "record": {}}])),
        edited("changes", json!([{"kind": "api", "record": {}}])),
        edited("changes", json!([{"kind": "api", "id": "a"}])),
        edited("changes", json!([{"kind": "api", "id": "a", "record": {}, "deleted": true}])),
        edited("changes", json!([{"kind": "subscription", "id": "s", "deleted": true}])),
        edited("next", 1.into()),
        edited("next", "a b".into()),
        edited("snapshot", json!({"kind": "api", "first": 2, "last": 1, "records": 0})),
        edited("snapshot", json!({"kind": "api", "first": 0, "last": 16384, "records": 0})),
        edited("snapshot", json!({"kind": "tier", "first": 0, "last": 1, "records": 0})),
        covering(all_apis.clone(), deleted(api("a"))),
        covering(all_apis, application("a", &[])),
        format!("{valid}{valid}"),
        r#"{"format":1,"format":1,"revision":{"epoch":"e","number":1},"changes":[]}"#.to_owned(),
    ] {
        assert!(matches!(Page::parse(body.as_bytes()), Err(Refused::Garbage(_))), "{body}");
    }
    assert!(Page::parse(valid.to_string().as_bytes()).is_ok());
    assert!(Page::parse(b"\xff").is_err());
}

#[test]
fn unknown_members_are_ignored_and_unknown_kinds_skipped() {
    let mut value = changes(1, &[api("a"), json!({"kind": "policy", "id": "p", "record": {}})]);
    value["hint"] = json!({"a": 1});
    value["changes"][0]["hint"] = 1.into();

    let page = page(&value);

    assert_eq!((page.changes.len(), page.skipped), (1, 1));
}

#[cfg(not(target_family = "wasm"))]
mod properties {
    use std::collections::BTreeMap;

    use proptest::collection::vec;
    use proptest::prelude::*;

    use super::*;

    /// The records by what they are, after all changes: what a snapshot of the end would say.
    fn end_state(changes: &[Value]) -> Vec<Value> {
        let mut records: BTreeMap<(String, String, String), Value> = BTreeMap::new();
        for change in changes {
            let member = |name: &str| change[name].as_str().unwrap_or_default().to_owned();
            let is_subscription = change["kind"] == "subscription";
            let id = if is_subscription { member("applicationId") } else { member("id") };
            let key = (member("kind"), id.clone(), member("apiId"));
            if change["deleted"] != true {
                records.insert(key, change.clone());
                continue;
            }
            records.remove(&key);
            if change["kind"] == "application" {
                records.retain(|(kind, application, _), _| kind != "subscription" || *application != id);
            }
        }
        records.into_values().collect()
    }

    fn change() -> impl Strategy<Value = Value> {
        let id = || prop_oneof![Just("x"), Just("y"), Just("z")];
        let client = |app: &str, number: u8| format!("{app}-{number}");
        let record = prop_oneof![
            id().prop_map(api),
            (id(), vec(0..3_u8, 0..3)).prop_map(move |(app, clients)| {
                let clients: Vec<String> = clients.into_iter().map(|number| client(app, number)).collect();
                application(app, &clients.iter().map(String::as_str).collect::<Vec<_>>())
            }),
            (id(), id(), prop_oneof![Just("UNBLOCKED"), Just("BLOCKED")])
                .prop_map(|(app, api, state)| subscription(app, api, state)),
        ];
        (record, any::<bool>()).prop_map(|(change, is_deleted)| if is_deleted { deleted(change) } else { change })
    }

    /// Everything that a decision could read.
    fn contents(shared: &FakeSharedData) -> Vec<String> {
        let mut contents = Vec::new();
        for app in ["x", "y", "z"] {
            contents.push(has_api(shared, app).to_string());
            for number in 0..3 {
                let mut found = copy().application("idp", &format!("{app}-{number}"), shared);
                if let Some(found) = &mut found {
                    found.subscriptions.sort_by(|one, other| one.0.cmp(&other.0));
                }
                contents.push(format!("{found:?}"));
            }
        }
        contents
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(16))]

        #[test]
        fn any_sequence_of_changes_is_the_snapshot_of_its_end(
            all in vec(change(), 0..24),
            size in 1..5_usize,
        ) {
            let changed = with(&[api("other")]);
            for (number, some) in (2..).zip(all.chunks(size)) {
                apply(&changed, &[changes(number, some)]).unwrap();
            }
            let mut end = end_state(&all);
            end.push(api("other"));
            prop_assert_eq!(contents(&changed), contents(&with(&end)));
        }

        #[test]
        fn any_octets_are_read_as_a_page_or_refused(body in vec(any::<u8>(), 0..200)) {
            let _ = Page::parse(&body);
        }
    }
}
