//! A page of the registry feed: refused, or applied with the revision that it names, and twice is as once.
#![no_main]

use gatehouse_fuzz::SharedValues;
use key_validation::feed::{Applied, Page, RegistryCopy, Revision};
use libfuzzer_sys::fuzz_target;

/// Applies a page as the first one, as far as it goes.
fn apply(page: Page, copy: &RegistryCopy, shared: &SharedValues) -> Option<Revision> {
    let mut applying = copy.begin(page, None, shared).ok()?;
    while applying.step(copy, &mut |_| {}, shared).ok()? {}
    match applying.finish(copy, shared).ok()? {
        Applied::Reached(revision) => Some(revision),
        Applied::Continues { .. } => None,
    }
}

fuzz_target!(|body: &[u8]| {
    let Ok(page) = Page::parse(body) else { return };
    let (copy, shared) = (RegistryCopy::new(&[0; 32]), SharedValues::default());
    let base = r#"{"format":1,"revision":{"epoch":"e","number":1},"changes":[]}"#;
    assert_eq!(apply(Page::parse(base.as_bytes()).unwrap(), &copy, &shared), None, "changes to nothing");
    for _ in 0..2 {
        let reached = apply(page.clone(), &copy, &shared);
        assert!(reached.is_none(), "one page reaches a revision from nothing");
        assert!(!copy.standing(&shared).is_ready(), "ready by a part of a snapshot");
    }
});
