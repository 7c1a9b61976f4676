//! Waiting for conditions, never for time to pass.

use std::time::Duration;

use tokio::time::{sleep, timeout};

/// Longer than anything a test waits for may take on a busy machine.
pub(crate) const DEADLINE: Duration = Duration::from_secs(30);

const INTERVAL: Duration = Duration::from_millis(10);

/// Asks again and again until there is a value; fails the test when there is none within [`DEADLINE`].
pub(crate) async fn until<T>(what: &str, mut condition: impl AsyncFnMut() -> Option<T>) -> T {
    let poll = async {
        loop {
            if let Some(value) = condition().await {
                return value;
            }
            sleep(INTERVAL).await;
        }
    };
    timeout(DEADLINE, poll).await.unwrap_or_else(|_| panic!("waited {DEADLINE:?} in vain for {what}"))
}

/// [`until`] for a plain yes.
pub(crate) async fn until_true(what: &str, mut condition: impl AsyncFnMut() -> bool) {
    until(what, async || condition().await.then_some(())).await;
}
