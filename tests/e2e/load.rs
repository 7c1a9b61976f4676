//! Calls without a pause, each of which must be let through.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use super::harness::answer::Answer;
use super::harness::wait;

/// How many call at a time.
const CALLERS: usize = 4;

/// Callers who call until it ends.
pub(crate) struct Load {
    stop: Arc<AtomicBool>,
    callers: Vec<tokio::task::JoinHandle<()>>,
    calls: Arc<AtomicUsize>,
}

impl Load {
    /// With this call, again and again.
    pub(crate) fn of<F>(call: impl Fn() -> F + Clone + Send + 'static) -> Self
    where
        F: Future<Output = Answer> + Send,
    {
        let (stop, calls) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicUsize::new(0)));
        let caller = |_| {
            let (stop, calls, call) = (stop.clone(), calls.clone(), call.clone());
            tokio::spawn(async move {
                while !stop.load(Ordering::Relaxed) {
                    let answer = call().await;
                    assert_eq!(answer.status, 200, "{}", String::from_utf8_lossy(&answer.body));
                    calls.fetch_add(1, Ordering::Relaxed);
                }
            })
        };
        let callers = (0..CALLERS).map(caller).collect();
        Self { stop, callers, calls }
    }

    /// Waits for so many more calls.
    pub(crate) async fn until_more(&self, calls: usize) {
        let target = self.calls.load(Ordering::Relaxed) + calls;
        wait::until_true("calls", async || self.calls.load(Ordering::Relaxed) >= target).await;
    }

    /// How many calls there were; fails the test unless all were let through.
    pub(crate) async fn end(self) -> usize {
        self.stop.store(true, Ordering::Relaxed);
        for caller in self.callers {
            caller.await.expect("every call to be let through");
        }
        self.calls.load(Ordering::Relaxed)
    }
}
