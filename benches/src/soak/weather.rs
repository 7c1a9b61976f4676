//! How the identity provider fares: mostly well, at times slow, at times away.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use crate::servers::IdentityProvider;
use crate::stage::Stage;

const SPELL: Duration = Duration::from_secs(5);
/// How long after an outage a breaker may still hold calls back: its pause with its jitter, and a probe.
const AFTERMATH: Duration = Duration::from_secs(8);

/// A token's life, the second half of it revoked.
const PERIOD: Duration = Duration::from_secs(20);
/// The last answer "active" may be that old once the token has been revoked: `maximumLifetime`, and the time of a call.
const REVOCATION: Duration = Duration::from_secs(8);
const SETTLED: Duration = Duration::from_secs(4);

/// Shared by all callers.
pub(super) struct Weather {
    begun: Instant,
    ended: AtomicBool,
    /// Milliseconds since the beginning until which a 503 can be right.
    excused_until: AtomicU64,
    provider: Arc<IdentityProvider>,
}

impl Weather {
    pub(super) fn start(stage: &Stage, duration: Duration) -> Arc<Self> {
        let weather = Arc::new(Self {
            begun: Instant::now(),
            ended: AtomicBool::new(false),
            excused_until: AtomicU64::new(0),
            provider: Arc::clone(&stage.identity_provider),
        });
        stage.runtime.spawn(Arc::clone(&weather).change(duration));
        stage.runtime.spawn(Arc::clone(&weather).revoke());
        weather
    }

    /// Good, slow, good, away for one spell; then good for as long as it takes to be over it.
    async fn change(self: Arc<Self>, duration: Duration) {
        while self.begun.elapsed() < duration && !self.has_ended() {
            tokio::time::sleep(SPELL).await;
            self.provider.delay(Duration::from_millis(200));
            tokio::time::sleep(SPELL).await;
            self.provider.delay(Duration::ZERO);
            tokio::time::sleep(SPELL).await;
            self.excuse(SPELL + AFTERMATH);
            self.provider.fail_with(503);
            tokio::time::sleep(SPELL).await;
            self.provider.fail_with(0);
            self.excuse(AFTERMATH);
            tokio::time::sleep(AFTERMATH).await;
        }
    }

    /// Activates a token for the first half of each period.
    async fn revoke(self: Arc<Self>) {
        while !self.has_ended() {
            let period = self.period();
            self.provider.activate_brief(Some(period));
            tokio::time::sleep(PERIOD / 2).await;
            self.provider.activate_brief(None);
            while self.period() == period {
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        }
    }

    /// Which token `brief-` is in use.
    pub(super) fn period(&self) -> u64 {
        self.begun.elapsed().as_secs() / PERIOD.as_secs()
    }

    /// Whether this can be right for a request with the token of a period that began then.
    pub(super) fn allows_brief(&self, period: u64, begun: Instant, status: u16) -> bool {
        let start = PERIOD * u32::try_from(period).unwrap_or(u32::MAX);
        let age = begun.duration_since(self.begun).saturating_sub(start);
        let may_be_active = age < PERIOD / 2 + REVOCATION;
        // At the very beginning the token may have been asked about before it was activated.
        let may_be_inactive = age < SETTLED || age + Duration::from_secs(1) > PERIOD / 2;
        (status == 200 && may_be_active) || (status == 401 && may_be_inactive)
    }

    fn excuse(&self, time: Duration) {
        let until = (self.begun.elapsed() + time).as_millis().try_into().unwrap_or(u64::MAX);
        self.excused_until.store(until, Ordering::Relaxed);
    }

    /// Whether a request that began then and has just ended may have met an outage.
    pub(super) fn excuses(&self, begun: Instant) -> bool {
        let begun = begun.duration_since(self.begun).as_millis();
        begun < u128::from(self.excused_until.load(Ordering::Relaxed))
    }

    pub(super) fn end(&self) {
        self.ended.store(true, Ordering::Relaxed);
    }

    pub(super) fn has_ended(&self) -> bool {
        self.ended.load(Ordering::Relaxed)
    }
}
