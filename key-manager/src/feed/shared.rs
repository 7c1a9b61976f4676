//! One page for all gateways that have applied the same revision: after a change all of them ask for it at once.

use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::OnceCell;

use crate::domain::Revision;
use crate::failure::Failure;

/// What is told to whoever has applied a revision; `None` when there is nothing new.
pub(super) type Told = Result<Option<Arc<str>>, Failure>;

/// The page that was read last.
#[derive(Default)]
pub struct SharedPage(Mutex<Option<Arc<Reading>>>);

struct Reading {
    applied: Revision,
    newest: u64,
    told: OnceCell<Told>,
}

impl SharedPage {
    /// What is new after a revision, read once for all who ask while `newest` is the number of the newest one.
    pub(super) async fn get(&self, applied: &Revision, newest: u64, read: impl Future<Output = Told>) -> Told {
        let reading = self.reading(applied, newest);
        let told = reading.told.get_or_init(|| read).await.clone();
        if told.is_err() {
            self.forget(&reading);
        }
        told
    }

    fn reading(&self, applied: &Revision, newest: u64) -> Arc<Reading> {
        // Nothing in here panics while it holds the lock.
        let mut last = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        match &*last {
            Some(reading) if reading.applied == *applied && reading.newest == newest => Arc::clone(reading),
            _ => {
                let reading = Arc::new(Reading { applied: applied.clone(), newest, told: OnceCell::new() });
                *last = Some(Arc::clone(&reading));
                reading
            }
        }
    }

    /// A failure is told to those who wait for it, and to nobody else.
    fn forget(&self, failed: &Arc<Reading>) {
        let mut last = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if last.as_ref().is_some_and(|reading| Arc::ptr_eq(reading, failed)) {
            *last = None;
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU32, Ordering};

    use axum::http::StatusCode;

    use super::*;

    fn revision(number: u64) -> Revision {
        Revision { epoch: "e".to_owned(), number }
    }

    #[tokio::test]
    async fn those_who_know_the_same_share_a_page_until_there_is_another_revision() {
        let (page, reads) = (SharedPage::default(), AtomicU32::new(0));
        let read = || async {
            tokio::task::yield_now().await;
            Ok(Some(reads.fetch_add(1, Ordering::Relaxed).to_string().into()))
        };
        let applied = revision(1);
        let (one, other) = tokio::join!(page.get(&applied, 2, read()), page.get(&applied, 2, read()));
        assert_eq!((one.unwrap().as_deref(), other.unwrap().as_deref()), (Some("0"), Some("0")));

        assert_eq!(
            page.get(&revision(2), 2, read()).await.unwrap().as_deref(),
            Some("1"),
            "it has applied another one"
        );
        assert_eq!(page.get(&revision(2), 3, read()).await.unwrap().as_deref(), Some("2"), "there is another one");
    }

    #[tokio::test]
    async fn a_failure_is_not_kept() {
        let page = SharedPage::default();
        let failure = Failure::new(StatusCode::SERVICE_UNAVAILABLE, "away");

        assert!(page.get(&revision(1), 2, async { Err(failure) }).await.is_err());
        assert_eq!(page.get(&revision(1), 2, async { Ok(None) }).await, Ok(None));
    }
}
