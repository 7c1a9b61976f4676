//! The one place where tests look at the clock.

/// Seconds since the epoch.
#[expect(clippy::disallowed_methods, reason = "a real Envoy and a real identity provider live by the real clock")]
pub(crate) fn now() -> i64 {
    let since_epoch = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).expect("a clock past 1970");
    i64::try_from(since_epoch.as_secs()).expect("a clock before the year 292277026596")
}

/// For measuring how long something takes that is promised within a time.
#[expect(clippy::disallowed_methods, reason = "what is promised is promised by the real clock")]
pub(crate) fn instant() -> std::time::Instant {
    std::time::Instant::now()
}
